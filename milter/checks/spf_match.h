/*
 * One evaluation as it runs, and the mechanisms that ask DNS about the
 * client: a, mx, ptr, exists. Only spf_eval.c uses this.
 */
#ifndef GATEPOST_CHECKS_SPF_MATCH_H
#define GATEPOST_CHECKS_SPF_MATCH_H

#include "milter/checks/spf_eval.h"
#include "milter/checks/spf_macro.h"
#include "milter/checks/spf_record.h"

/* Where a directive matched. */
struct spf_mark {
	struct slice text;
	size_t domain_size;
	char domain[SPF_NAME_MAX];
};

struct spf_run {
	const struct spf_query *query;
	unsigned terms;	      /* that asked DNS so far */
	unsigned voids;	      /* lookups that found nothing so far */
	bool pending;	      /* an answer is missing */
	bool reverse_counted; /* %{p} has been counted as a term */
	bool everyone;
	struct slice fault; /* why temperror or permerror */
	struct slice explanation;
	struct spf_mark leaf; /* what matched, in whichever record */
	struct spf_mark top;  /* the directive of the first record */
};

enum spf_match { SPF_MATCH, SPF_NO_MATCH, SPF_TEMPERROR, SPF_PERMERROR };

/* An answer, or NULL, in which case run->pending is set. */
const struct dns_answer *spf_ask(struct spf_run *run, enum dns_type type,
				 struct slice name);
/* Counts one more term that asks DNS: SPF_MATCH while within the limit. */
enum spf_match spf_count_term(struct spf_run *run);
/* Notes why the evaluation ends, and returns `match`. */
enum spf_match spf_stop(struct spf_run *run, enum spf_match match,
			const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The values of macros while `domain`'s record is evaluated; p is not set. */
struct spf_values spf_run_values(const struct spf_run *run,
				 struct slice domain);
/*
 * Expands a <domain-spec> while `domain`'s record is evaluated. SPF_MATCH:
 * *name_r can be asked; SPF_NO_MATCH: it cannot, or an answer is missing.
 */
enum spf_match spf_expand(struct spf_run *run, struct slice domain,
			  struct slice spec, char room[SPF_NAME_MAX],
			  struct slice *name_r);
/* %{p}: a name of the client that leads back to it, or "unknown". */
struct slice spf_validated_name(struct spf_run *run, struct slice domain);
/* Whether an a, mx, ptr, exists, ip4 or ip6 directive matches. */
enum spf_match spf_match(struct spf_run *run, struct slice domain,
			 const struct spf_directive *directive);

#endif
