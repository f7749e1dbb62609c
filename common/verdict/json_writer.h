/*
 * JSON written piece by piece, on one line: for objects that are deeper or
 * longer than json_line() takes. Names are ours and need no escape; texts
 * are mended and escaped. Whoever opens something closes it.
 */
#ifndef GATEPOST_VERDICT_JSON_WRITER_H
#define GATEPOST_VERDICT_JSON_WRITER_H

#include "common/base/buf.h"

struct json_writer {
	struct buf *out;
	bool comma;	/* one is due before what comes next */
};

/* `name` is NULL for what stands in a list, or alone. */
void json_open_object(struct json_writer *w, const char *name);
void json_close_object(struct json_writer *w);
void json_open_list(struct json_writer *w, const char *name);
void json_close_list(struct json_writer *w);
void json_add_text(struct json_writer *w, const char *name, struct slice text);
void json_add_number(struct json_writer *w, const char *name, uint64_t value);
/* With three decimals. */
void json_add_real(struct json_writer *w, const char *name, double value);
void json_add_bool(struct json_writer *w, const char *name, bool value);
void json_add_null(struct json_writer *w, const char *name);

#endif
