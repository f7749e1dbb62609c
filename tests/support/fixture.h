/*
 * An engine over any table of checks, a configuration from a text, answers
 * from a text, and a message made in a few lines: for tests of the engine
 * and of single checks.
 */
#ifndef GATEPOST_TESTS_FIXTURE_H
#define GATEPOST_TESTS_FIXTURE_H

#include "milter/engine/engine.h"
#include "milter/engine/policy.h"
#include "tests/support/answers.h"

struct fixture {
	struct conf *conf;
	struct answers *answers;
	struct engine *engine;
	struct policy *policy;
	struct conn conn;
	struct mail *mail;
};

/*
 * Makes all but the message; fails the test on an error. `sets`: as for
 * conf_load(), may be NULL. `zone`: as for answers_new().
 */
void fixture_open(struct fixture *f, const struct check *const *checks,
		  const char *const *sets, const char *zone);
/* A new message from that client, up to and with the envelope. */
void fixture_mail(struct fixture *f, const char *ip, const char *helo,
		  const char *sender);
/*
 * Adds the fields of a header section with LF line ends; *rest becomes what
 * follows the empty line. False past the limits.
 */
bool fixture_add_fields(struct mail *mail, struct slice *rest);
/* Header section and body as one text with LF line ends; then finishes. */
void fixture_judge(struct fixture *f, const char *text);
void fixture_close(struct fixture *f);

#endif
