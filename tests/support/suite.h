/*
 * Files of ../shared/suites: cases that others wrote, read in place and
 * never copied. Where the folder is absent, tests that want it skip.
 */
#ifndef GATEPOST_TESTS_SUITE_H
#define GATEPOST_TESTS_SUITE_H

#include "common/base/arena.h"

/* Whether the folder is there; says so on stderr when not. */
bool suite_present(const char *folder);
/* A whole file, path relative to the suites; ends the test if unreadable. */
struct slice suite_read(struct arena *a, const char *path);

#endif
