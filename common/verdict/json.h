/*
 * JSON besides records: small objects for what commands print, and texts
 * from our own daemon read into plain values.
 */
#ifndef GATEPOST_VERDICT_JSON_H
#define GATEPOST_VERDICT_JSON_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum json_kind { JSON_FIELD_TEXT, JSON_FIELD_NUMBER, JSON_FIELD_NULL };

struct json_field {
	const char *name;
	enum json_kind kind;
	struct slice text;
	int64_t number;
};

/* An initialiser of one. */
#define JSON_NUMBER(name, value)                                        \
	{                                                               \
		(name), JSON_FIELD_NUMBER, SLICE_NONE, (int64_t)(value) \
	}

/* One object on one line, its fields in that order; texts as record_json(). */
struct slice json_line(struct arena *arena, const struct json_field *fields,
		       size_t count);

enum json_type {
	JSON_VALUE_NULL,
	JSON_VALUE_BOOL,	/* number: 0 or 1 */
	JSON_VALUE_NUMBER,
	JSON_VALUE_TEXT,
	JSON_VALUE_LIST,
	JSON_VALUE_OBJECT,
};

struct json_value {
	enum json_type type;
	struct slice name;	/* of a member of an object */
	double number;
	struct slice text;
	const struct json_value *items;	/* of a list or an object, in order */
	size_t count;
};

/* Larger texts, deeper ones and those with more values are refused. */
#define JSON_TEXT_MAX (4 * 1024 * 1024)
#define JSON_DEPTH_MAX 16
#define JSON_VALUES_MAX 100000

/* Reads a text; all of it is copied into the arena. NULL: err says why. */
const struct json_value *json_read(struct arena *arena, struct slice text,
				   struct err *err);
/*
 * A member of an object. NULL if there is none, or if `object` is NULL or no
 * object; so look-ups can be strung together, and what is not there reads as
 * 0 or as an empty text.
 */
const struct json_value *json_member(const struct json_value *object,
				     const char *name);
double json_number(const struct json_value *object, const char *name);
struct slice json_text(const struct json_value *object, const char *name);

#endif
