/*
 * One message through a table of checks, with DNS from a text: what tests
 * of checks need. Everything is given as C strings.
 */
#ifndef GATEPOST_TESTS_JUDGED_H
#define GATEPOST_TESTS_JUDGED_H

#include "milter/engine/engine.h"

/* The engine and all it stands on. */
struct bench;

struct bench_setup {
	const struct check *const *checks;	/* NULL-ended */
	const char *conf;	/* text of a configuration; NULL: defaults */
	const char *zones;	/* see tests/support/answers.h */
	bool late;		/* a thread gives each answer a little later */
};

/* Ends the test when the configuration is bad. */
struct bench *bench_new(const struct bench_setup *setup);
void bench_free(struct bench **bench);
struct engine *bench_engine(struct bench *bench);
struct resolver *bench_resolver(struct bench *bench);
/* What the error of such a configuration says; "" if it is good. */
const char *bench_refusal(const struct bench_setup *setup, struct err *err);

struct letter {
	const char *ip, *ptr, *helo, *from, *user;	/* NULL: none */
	const char *headers;	/* fields, one or more lines each, LF */
	bool trusted;
};

/* Free the message with mail_free(), then the bench. */
struct mail *bench_judge(struct bench *bench, const struct letter *letter);
/* The same to other recipients, with blanks between them. */
struct mail *bench_judge_to(struct bench *bench, const struct letter *letter,
			    const char *to);

/* The finding of that name, or NULL. */
const struct hit *judged_hit(const struct mail *mail, const char *symbol);
/* Names of all findings, sorted, with blanks between. */
const char *judged_symbols(const struct mail *mail);
const struct check_report *judged_report(const struct mail *mail,
					 const char *check);

#endif
