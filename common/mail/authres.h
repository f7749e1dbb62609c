/*
 * The Authentication-Results field (RFC 8601): whose field it is, and the
 * text of our own. Knows nothing of the engine: results come as plain
 * values.
 */
#ifndef GATEPOST_MAIL_AUTHRES_H
#define GATEPOST_MAIL_AUTHRES_H

#include "common/base/arena.h"

/*
 * The authserv-id of a field value of any size, without quotes. False where
 * the value does not begin as RFC 8601 2.2 says: then nobody can tell whom
 * a lenient reader would take for its author.
 */
bool authres_parse_id(struct arena *a, struct slice value, struct slice *id_r);
/*
 * Whether an incoming field must go (RFC 8601 5): its authserv-id is `ours`
 * (as a domain name where both are one, else without case), or cannot be
 * parsed.
 */
bool authres_is_forged(struct arena *a, struct slice value, struct slice ours);

/* One property: smtp.mailfrom=user@example.org. An empty value is left out. */
struct authres_property {
	const char *ptype; /* "smtp", "header", "policy", … */
	const char *name;  /* "mailfrom" */
	struct slice value;
};

#define AUTHRES_PROPERTIES 6

/* One method and what it found. */
struct authres_result {
	const char *method;   /* "spf" */
	const char *word;     /* "fail" */
	struct slice comment; /* without parentheses; may be empty */
	struct slice reason;  /* plain words; may be empty */
	struct authres_property properties[AUTHRES_PROPERTIES];
	size_t property_count;
};

/*
 * The value of our field, NUL-terminated, folded with LF HTAB, without a
 * leading space. Values from outside are quoted where they must be, cut at
 * 400 bytes, and can never end the field or start another one. No results
 * at all make "none".
 */
const char *authres_build(struct arena *a, struct slice authserv_id,
			  const struct authres_result *results, size_t count);

#endif
