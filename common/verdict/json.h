/* Small JSON objects, for what commands print beside records. */
#ifndef GATEPOST_VERDICT_JSON_H
#define GATEPOST_VERDICT_JSON_H

#include "common/base/arena.h"

enum json_kind { JSON_FIELD_TEXT, JSON_FIELD_NUMBER, JSON_FIELD_NULL };

struct json_field {
	const char *name;
	enum json_kind kind;
	struct slice text;
	int64_t number;
};

/* One object on one line, its fields in that order; texts as record_json(). */
struct slice json_line(struct arena *arena, const struct json_field *fields,
		       size_t count);

#endif
