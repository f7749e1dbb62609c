/*
 * Tag lists: "a=b; c=d" as DKIM (RFC 6376 3.2) and DMARC (RFC 9989 4.8)
 * write them. The values keep their inner blanks; blanks around names and
 * values are dropped.
 */
#ifndef GATEPOST_MAIL_TAGS_H
#define GATEPOST_MAIL_TAGS_H

#include "common/base/slice.h"

struct tag {
	struct slice name;
	struct slice value;
};

#define TAGS_MAX 64

struct tags {
	struct tag tag[TAGS_MAX];
	size_t count;
	bool malformed;	/* a piece without '=', a bad name, or too many */
	bool repeated;	/* some name stands twice */
};

/*
 * Reads the list; what can be read stands in tags_r even when malformed is
 * set, so the caller can be strict (DKIM) or lenient (DMARC). Slices point
 * into text.
 */
void tags_parse(struct slice text, struct tags *tags_r);
/* The value of the first tag of that name (exact case), or NULL. */
const struct slice *tags_get(const struct tags *tags, const char *name);

#endif
