/*
 * An error for an administrator: one line that says what is wrong, where,
 * and what to do. The caller owns the struct; it is logged once, where it
 * is handled.
 */
#ifndef GATEPOST_BASE_ERR_H
#define GATEPOST_BASE_ERR_H

struct err {
	char text[512];
};

/* Sets the text and returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
