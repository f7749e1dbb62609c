/*
 * The macros an MTA sends: Postfix 3.7's default lists per stage, replaced
 * by what the filter asks for when it negotiates. A macro without a value
 * is not sent.
 */
#ifndef GATEPOST_TESTS_BENCH_MACROS_H
#define GATEPOST_TESTS_BENCH_MACROS_H

#include "common/base/slice.h"

#include <libmilter/mfapi.h>

enum macro {
	MACRO_J,
	MACRO_V,
	MACRO_DAEMON_NAME,
	MACRO_DAEMON_ADDR,
	MACRO_DAEMON_PORT,
	MACRO_CLIENT,		/* "_" */
	MACRO_CLIENT_ADDR,
	MACRO_CLIENT_NAME,
	MACRO_CLIENT_PTR,
	MACRO_CLIENT_PORT,
	MACRO_I,
	MACRO_MAIL_ADDR,
	MACRO_MAIL_HOST,
	MACRO_MAIL_MAILER,
	MACRO_RCPT_ADDR,
	MACRO_RCPT_HOST,
	MACRO_RCPT_MAILER,
	MACRO_COUNT
};

/* Which macros, in which order, at one stage. */
struct macro_list {
	unsigned char macro[MACRO_COUNT];
	size_t count;
};

#define MACRO_STAGES (SMFIM_LAST + 1)	/* indexed by SMFIM_CONNECT … */
#define MACRO_PARTS (2 * MACRO_COUNT)

/* Values with their final NUL; p is NULL where there is none. */
struct macros {
	struct slice value[MACRO_COUNT];
};

void macro_lists_default(struct macro_list lists_r[MACRO_STAGES]);
/* "i {mail_addr}, j": unknown names are left out. */
void macro_list_parse(struct slice names, struct macro_list *list_r);
/* Names and values as a packet wants them; returns how many parts. */
size_t macro_parts(const struct macro_list *list, const struct macros *macros,
		   struct slice parts_r[MACRO_PARTS]);

#endif
