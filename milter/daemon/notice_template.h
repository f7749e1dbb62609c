/*
 * The texts of notices: files of the operator's in one folder. A file is
 * some header fields (Subject at least), an empty line, and the body; a
 * value is put in as {{field}}. A field that there is not is an error when
 * the file is read, with its line.
 */
#ifndef GATEPOST_DAEMON_NOTICE_TEMPLATE_H
#define GATEPOST_DAEMON_NOTICE_TEMPLATE_H

#include "milter/daemon/notice_conf.h"

/* Of a notice about one message, or about many ("digest"). */
enum notice_field {
	FIELD_HOST, FIELD_TO,				/* both */
	FIELD_CLASS, FIELD_WHAT, FIELD_ACTION, FIELD_REASON, FIELD_ID,
	FIELD_SENDER, FIELD_RECIPIENTS, FIELD_SUBJECT, FIELD_FROM,
	FIELD_CLIENT, FIELD_SCORE, FIELD_SIZE, FIELD_TIME, /* of one */
	FIELD_COUNT, FIELD_CLASSES, FIELD_FIRST, FIELD_LAST,
	FIELD_LIST,					/* of many */
};
#define NOTICE_FIELDS 20
#define NOTICE_DIGEST VAULT_CLASSES	/* in place of a class */

struct notice_values {
	struct slice v[NOTICE_FIELDS];	/* made safe (notice_letter.h) */
};

struct notice_templates;

/*
 * Reads all files of the folder that have a name of a notice; there may be
 * none, or no folder. NULL: err names file and line.
 */
struct notice_templates *notice_templates_load(const char *folder,
					       struct err *err);
void notice_templates_free(struct notice_templates **templates);

struct notice_text {
	struct slice fields;	/* of the header, each with CR LF */
	struct slice body;	/* lines end in LF */
};
/* Fills the text for the audience and the class (or NOTICE_DIGEST). */
struct notice_text
notice_templates_fill(const struct notice_templates *templates,
		      struct arena *arena, enum notice_audience audience,
		      unsigned class, const struct notice_values *values);

#endif
