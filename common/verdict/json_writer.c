/* Brackets, commas and names; RFC 8259. */
#include "common/verdict/json_writer.h"
#include "common/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void begin(struct json_writer *w, const char *name)
{
	if (w->comma)
		buf_add_char(w->out, ',');
	w->comma = true;
	if (!name)
		return;
	buf_add_quoted(w->out, slice_cstr(name));
	buf_add_char(w->out, ':');
}

static void open_bracket(struct json_writer *w, const char *name, char bracket)
{
	begin(w, name);
	buf_add_char(w->out, bracket);
	w->comma = false;
}

static void close_bracket(struct json_writer *w, char bracket)
{
	buf_add_char(w->out, bracket);
	w->comma = true;
}

void json_open_object(struct json_writer *w, const char *name)
{
	open_bracket(w, name, '{');
}

void json_close_object(struct json_writer *w)
{
	close_bracket(w, '}');
}

void json_open_list(struct json_writer *w, const char *name)
{
	open_bracket(w, name, '[');
}

void json_close_list(struct json_writer *w)
{
	close_bracket(w, ']');
}

void json_add_text(struct json_writer *w, const char *name, struct slice text)
{
	begin(w, name);
	/* Without control characters, so only quotes are left to escape. */
	buf_add_quoted(w->out, utf8_shown(w->out->arena, text));
}

void json_add_number(struct json_writer *w, const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	begin(w, name);
	buf_add_text(w->out, text);
}

void json_add_real(struct json_writer *w, const char *name, double value)
{
	char text[400];

	/* JSON knows no infinity. */
	if (!isfinite(value)) {
		json_add_null(w, name);
		return;
	}
	snprintf(text, sizeof(text), "%.3f", value);
	begin(w, name);
	buf_add_text(w->out, text);
}

void json_add_bool(struct json_writer *w, const char *name, bool value)
{
	begin(w, name);
	buf_add_text(w->out, value ? "true" : "false");
}

void json_add_null(struct json_writer *w, const char *name)
{
	begin(w, name);
	buf_add_text(w->out, "null");
}
