/*
 * Macros of SPF (RFC 7208 section 7): their grammar, and their expansion
 * into a domain name or into the text of an explanation.
 */
#ifndef GATEPOST_CHECKS_SPF_MACRO_H
#define GATEPOST_CHECKS_SPF_MACRO_H

#include "common/base/ip.h"

#define SPF_NAME_MAX 253  /* longest domain name (7.3) */
#define SPF_TEXT_MAX 2048 /* longest explanation we pass on */

/* What the letters stand for. */
struct spf_values {
	struct slice sender;	 /* s; l and o are its parts */
	struct slice domain;	 /* d */
	struct slice validated;	 /* p: a validated name, or "unknown" */
	struct slice helo;	 /* h */
	struct slice receiver;	 /* r */
	const struct ip *client; /* i, v, c */
};

/* NULL if the text is a <domain-spec>; else what is wrong with it. */
const char *spf_macro_check_domain(struct slice spec);
/* The same for a <macro-string>, as unknown modifiers hold one. */
const char *spf_macro_check_string(struct slice text);
/* Whether `text` uses %{p}, which costs DNS questions. */
bool spf_macro_wants_validated(struct slice text);
/*
 * Whether a term with that <domain-spec> matches nothing, whatever DNS
 * says: it wants l or s, and the local part is not ASCII (RFC 8616 4).
 */
bool spf_macro_matches_nothing(struct slice spec,
			       const struct spf_values *values);

/*
 * Expands a <domain-spec> into room[], cut to 253 bytes from the left by
 * whole labels, without its last dot. False if the outcome cannot be asked
 * of DNS: a label is empty or too long, a byte is not printable, or
 * spf_macro_matches_nothing().
 */
bool spf_macro_expand_domain(struct slice spec, const struct spf_values *values,
			     char room[SPF_NAME_MAX], struct slice *name_r);
/*
 * Expands an <explain-string>, where c, r and t may stand too. False if its
 * grammar does not hold, it is not ASCII, or it grows past SPF_TEXT_MAX.
 */
bool spf_macro_expand_text(struct arena *a, struct slice text,
			   const struct spf_values *values,
			   struct slice *text_r);

#endif
