/*
 * The rules about attachments that Gatepost ships with, in the same text
 * form as an `attachment "TITLE" { }` block of the configuration. A block
 * with the same title overrides the rows it gives and no others.
 */
#ifndef GATEPOST_CHECKS_ATTACHMENTS_SHIPPED_H
#define GATEPOST_CHECKS_ATTACHMENTS_SHIPPED_H

#include "milter/checks/attachments_conf.h"

struct attachment_shipped {
	const char *title;
	const char *doc;		/* of its symbol */
	const char *names;		/* "*.exe, *.scr"; or NULL */
	enum attachment_where where;
	bool encrypted, double_extension, mismatch;
	double score;
	enum attachment_action action;
};

extern const struct attachment_shipped attachments_shipped[]; /* NULL-ended */

#endif
