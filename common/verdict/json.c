/*
 * The record, and other objects, as JSON. The one file that sees jansson,
 * which refuses what is not UTF-8; so every text from outside is mended
 * first.
 */
#include "common/verdict/json.h"
#include "common/base/base64.h"
#include "common/base/utf8.h"
#include "common/verdict/record.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* A text whose bytes were not all UTF-8, and the string it became. */
struct mended {
	const json_t *string;
	struct slice bytes;
	struct mended *next;
};

/* An object that is being written. */
struct writer {
	struct arena *arena;
	struct mended *mended;
};

static json_t *text(struct writer *w, struct slice s)
{
	struct buf out = BUF(w->arena);
	struct mended *mended;
	size_t from = 0, i = 0;

	while (i < s.n) {
		size_t n = utf8_length(s, i);

		if (n == 0) {
			buf_add(&out, slice_sub(s, from, i));
			buf_add_text(&out, "\xef\xbf\xbd");
			from = i + 1;
		}
		i += n ? n : 1;
	}
	if (from == 0)
		return json_stringn(s.p ? s.p : "", s.n);
	buf_add(&out, slice_sub(s, from, s.n));
	mended = ARENA_NEW(w->arena, struct mended);
	*mended = (struct mended){json_stringn(out.p, out.n), s, w->mended};
	w->mended = mended;
	return (json_t *)mended->string;
}

static json_t *number(double value)
{
	double rounded = round(value * 1000) / 1000;

	return json_real(rounded == 0 ? 0 : rounded);
}

static json_t *or_null(struct writer *w, struct slice s)
{
	return s.n > 0 ? text(w, s) : json_null();
}

static json_t *numbers(struct arena *arena, const struct record_number *list,
		       size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, arena_cstr(arena, list[i].name),
				    isfinite(list[i].value)
					    ? number(list[i].value)
					    : json_string("off"));
	return object;
}

static json_t *symbols(struct writer *w, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->symbol_count; i++) {
		const struct record_symbol *s = &r->symbols[i];
		json_t *item = json_object();

		json_object_set_new(item, "name", text(w, s->name));
		json_object_set_new(item, "score", number(s->score));
		json_object_set_new(item, "detail", text(w, s->detail));
		json_object_set_new(item, "meaning", text(w, s->doc));
		json_object_set_new(item, "group", or_null(w, s->group));
		json_object_set_new(item, "uncapped", number(s->uncapped));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *checks(struct writer *w, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->check_count; i++) {
		const struct record_check *c = &r->checks[i];
		json_t *item = json_object();

		json_object_set_new(item, "name", text(w, c->name));
		json_object_set_new(item, "outcome", text(w, c->outcome));
		json_object_set_new(item, "reason", text(w, c->reason));
		json_object_set_new(item, "ms", number(c->ms));
		json_object_set_new(item, "took_ms", number(c->took_ms));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *dkim(struct writer *w, const struct record_auth *auth)
{
	json_t *list = json_array();

	for (size_t i = 0; i < auth->dkim_count; i++) {
		const struct record_dkim *d = &auth->dkim[i];
		json_t *item = json_object();

		json_object_set_new(item, "result", text(w, d->result));
		json_object_set_new(item, "domain", text(w, d->domain));
		json_object_set_new(item, "selector", text(w, d->selector));
		json_object_set_new(item, "identity", text(w, d->identity));
		json_object_set_new(item, "algorithm", text(w, d->algorithm));
		json_object_set_new(item, "reason", text(w, d->reason));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *spf(struct writer *w, const struct record_auth *auth)
{
	json_t *object = json_object();

	json_object_set_new(object, "result", text(w, auth->spf_result));
	json_object_set_new(object, "domain", text(w, auth->spf_domain));
	json_object_set_new(object, "scope", text(w, auth->spf_scope));
	json_object_set_new(object, "explanation",
			    text(w, auth->spf_explanation));
	json_object_set_new(object, "helo", text(w, auth->spf_helo_result));
	return object;
}

static json_t *dmarc(struct writer *w, const struct record_auth *auth)
{
	json_t *object = json_object();

	json_object_set_new(object, "result", text(w, auth->dmarc_result));
	json_object_set_new(object, "policy", text(w, auth->dmarc_policy));
	json_object_set_new(object, "domain", text(w, auth->dmarc_domain));
	json_object_set_new(object, "policy_domain",
			    text(w, auth->dmarc_policy_domain));
	json_object_set_new(object, "disposition",
			    text(w, auth->dmarc_disposition));
	json_object_set_new(object, "reason", text(w, auth->dmarc_reason));
	return object;
}

static json_t *auth(struct writer *w, const struct record_auth *auth)
{
	json_t *object = json_object();

	json_object_set_new(object, "spf", spf(w, auth));
	json_object_set_new(object, "dkim", dkim(w, auth));
	json_object_set_new(object, "dmarc", dmarc(w, auth));
	json_object_set_new(object, "arc",
			    json_pack("{s:s}", "result", "none"));
	json_object_set_new(object, "iprev",
			    json_pack("{s:o,s:o}", "result",
				      text(w, auth->iprev_result), "name",
				      text(w, auth->iprev_name)));
	return object;
}

static json_t *edits(struct writer *w, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->edit_count; i++) {
		const struct record_edit *e = &r->edits[i];
		json_t *item = json_object();

		json_object_set_new(item, "op", text(w, e->op));
		json_object_set_new(item, "name", text(w, e->name));
		json_object_set_new(item, "value", text(w, e->value));
		json_object_set_new(item, "index", json_integer(e->index));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *antivirus(struct writer *w, const struct record_antivirus *a)
{
	json_t *object = json_object();

	json_object_set_new(object, "result",
			    a->result.n > 0 ? text(w, a->result)
					    : json_string("none"));
	json_object_set_new(object, "name", or_null(w, a->names));
	json_object_set_new(object, "reason", or_null(w, a->reason));
	json_object_set_new(object, "engine", or_null(w, a->engine));
	json_object_set_new(object, "database",
			    json_integer((json_int_t)a->database));
	json_object_set_new(object, "ms", number(a->ms));
	return object;
}

static json_t *parts(struct writer *w, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->part_count; i++) {
		const struct record_part *p = &r->parts[i];
		json_t *item = json_object();

		json_object_set_new(item, "name", or_null(w, p->name));
		json_object_set_new(item, "type", or_null(w, p->type));
		json_object_set_new(item, "kind", or_null(w, p->kind));
		json_object_set_new(item, "size",
				    json_integer((json_int_t)p->size));
		json_object_set_new(item, "depth", json_integer(p->depth));
		json_object_set_new(item, "encrypted",
				    json_boolean(p->encrypted));
		json_array_append_new(list, item);
	}
	return list;
}

static void add_envelope(json_t *o, struct writer *w, const struct record *r)
{
	json_t *rcpts = json_array();

	for (size_t i = 0; i < r->rcpt_count; i++)
		json_array_append_new(rcpts, text(w, r->rcpts[i]));
	json_object_set_new(o, "queue_id", text(w, r->queue_id));
	json_object_set_new(o, "client", text(w, r->client));
	json_object_set_new(o, "client_name", text(w, r->client_name));
	json_object_set_new(o, "helo", text(w, r->helo));
	json_object_set_new(o, "user", or_null(w, r->user));
	json_object_set_new(o, "sender", text(w, r->sender));
	json_object_set_new(o, "recipients", rcpts);
	json_object_set_new(o, "recipients_total",
			    json_integer((json_int_t)r->rcpt_total));
	json_object_set_new(o, "message_id", text(w, r->message_id));
	json_object_set_new(o, "from", text(w, r->from));
	json_object_set_new(o, "subject", text(w, r->subject));
	json_object_set_new(o, "size", json_integer((json_int_t)r->size));
}

static json_t *opinions(struct writer *w, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->opinion_count; i++) {
		const struct record_opinion *said = &r->opinions[i];
		json_t *o = json_object();

		json_object_set_new(o, "user", text(w, said->user));
		json_object_set_new(o, "said", text(w, said->said));
		json_object_set_new(o, "how", text(w, said->how));
		json_object_set_new(o, "time",
				    json_real((double)said->time_ms / 1000));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *build(struct writer *w, const struct record *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "v", json_integer(RECORD_VERSION));
	json_object_set_new(o, "id", text(w, r->id));
	json_object_set_new(o, "time", json_real((double)r->time_ms / 1000));
	json_object_set_new(o, "action", text(w, r->action));
	json_object_set_new(o, "would", text(w, r->would));
	json_object_set_new(o, "cause", or_null(w, r->cause));
	json_object_set_new(o, "class", or_null(w, r->class));
	json_object_set_new(o, "class_reason", or_null(w, r->class_reason));
	json_object_set_new(o, "vault", or_null(w, r->vault));
	json_object_set_new(o, "direction", text(w, r->direction));
	json_object_set_new(o, "score", number(r->score));
	json_object_set_new(o, "reply", or_null(w, r->reply));
	add_envelope(o, w, r);
	json_object_set_new(o, "symbols", symbols(w, r));
	json_object_set_new(o, "auth", auth(w, &r->auth));
	json_object_set_new(o, "antivirus", antivirus(w, &r->antivirus));
	json_object_set_new(o, "parts", parts(w, r));
	json_object_set_new(o, "headers", edits(w, r));
	json_object_set_new(o, "checks", checks(w, r));
	json_object_set_new(
		o, "thresholds",
		numbers(w->arena, r->thresholds, r->threshold_count));
	json_object_set_new(o, "ms",
			    numbers(w->arena, r->stages, r->stage_count));
	json_object_set_new(o, "dns",
			    json_pack("{s:i,s:i,s:i}", "asked", r->dns_asked,
				      "cached", r->dns_cached, "failed",
				      r->dns_failed));
	if (r->opinion_count > 0)
		json_object_set_new(o, "opinions", opinions(w, r));
	json_object_set_new(o, "generation",
			    json_integer((json_int_t)r->generation));
	return o;
}

/* Names, as a JSON Pointer (RFC 6901), each string that was mended. */
static void find_mended(const struct writer *w, json_t *at, struct slice path,
			json_t *found)
{
	for (const struct mended *m = w->mended; m && json_is_string(at);
	     m = m->next) {
		struct slice bytes;

		if (m->string != at)
			continue;
		bytes = base64_encode(w->arena, m->bytes);
		json_object_set_new(found, arena_cstr(w->arena, path),
				    json_stringn(bytes.p, bytes.n));
		return;
	}
	for (void *m = json_object_iter(at); m; m = json_object_iter_next(at, m))
		find_mended(w, json_object_iter_value(m),
			    arena_printf(w->arena, "%.*s/%s", SLICE_FMT(path),
					 json_object_iter_key(m)),
			    found);
	for (size_t i = 0; i < json_array_size(at); i++)
		find_mended(
			w, json_array_get(at, i),
			arena_printf(w->arena, "%.*s/%zu", SLICE_FMT(path), i),
			found);
}

/*
 * jansson writes characters as they are but for C0. A terminal would obey
 * some others, so they become escapes too; outside of strings there are
 * none.
 */
static struct slice without_hidden(struct arena *arena, struct slice dump)
{
	struct buf out = BUF(arena);
	size_t from = 0, i = 0;

	while (i < dump.n) {
		size_t n = utf8_length(dump, i);

		if (dump.p[i] != '\n' && utf8_shown_length(dump, i) == 0) {
			buf_add(&out, slice_sub(dump, from, i));
			utf8_add_utf16(&out, slice_sub(dump, i, i + n));
			from = i + n;
		}
		i += n ? n : 1;
	}
	if (from == 0)
		return arena_dup(arena, dump);
	buf_add(&out, slice_sub(dump, from, dump.n));
	return buf_slice(&out);
}

/* The text of an object, which ends here. */
static struct slice finish(const struct writer *w, json_t *object, size_t flags)
{
	char *dump;
	struct slice copy;

	if (w->mended) {
		json_t *found = json_object();

		find_mended(w, object, SLICE(""), found);
		json_object_set_new(object, "bytes", found);
	}
	dump = json_dumps(object, JSON_REAL_PRECISION(15) | flags);
	copy = without_hidden(w->arena, slice_cstr(dump));
	free(dump);
	json_decref(object);
	return copy;
}

struct slice record_json(struct arena *arena, const struct record *record,
			 int indent)
{
	struct writer w = {.arena = arena};

	return finish(&w, build(&w, record),
		      indent ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
}

static json_t *value_of(struct writer *w, const struct json_field *field)
{
	switch (field->kind) {
	case JSON_FIELD_TEXT:
		return text(w, field->text);
	case JSON_FIELD_NUMBER:
		return json_integer((json_int_t)field->number);
	case JSON_FIELD_NULL:
		break;
	}
	return json_null();
}

struct slice json_line(struct arena *arena, const struct json_field *fields,
		       size_t count)
{
	struct writer w = {.arena = arena};
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, fields[i].name,
				    value_of(&w, &fields[i]));
	return finish(&w, object, JSON_COMPACT);
}

/* ---- reading ---- */

struct reader {
	struct arena *arena;
	size_t values;
};

static bool read_value(struct reader *r, json_t *from, unsigned depth,
		       struct json_value *to);

static struct slice copy_text(struct reader *r, const json_t *from)
{
	return arena_dup(r->arena, (struct slice){json_string_value(from),
						  json_string_length(from)});
}

static bool read_items(struct reader *r, json_t *from, unsigned depth,
		       struct json_value *to)
{
	size_t count = json_is_array(from) ? json_array_size(from)
					   : json_object_size(from);
	struct json_value *items;
	size_t n = 0;

	if (count > JSON_VALUES_MAX - r->values || depth == JSON_DEPTH_MAX)
		return false;
	items = ARENA_ARRAY(r->arena, struct json_value, count + 1);
	r->values += count;
	for (size_t i = 0; i < json_array_size(from); i++)
		if (!read_value(r, json_array_get(from, i), depth + 1,
				&items[n++]))
			return false;
	for (void *m = json_object_iter(from); m;
	     m = json_object_iter_next(from, m)) {
		if (!read_value(r, json_object_iter_value(m), depth + 1,
				&items[n]))
			return false;
		items[n++].name = arena_dup(
			r->arena, slice_cstr(json_object_iter_key(m)));
	}
	to->items = items;
	to->count = n;
	return true;
}

static bool read_value(struct reader *r, json_t *from, unsigned depth,
		       struct json_value *to)
{
	static const enum json_type types[] = {
		[JSON_OBJECT] = JSON_VALUE_OBJECT,
		[JSON_ARRAY] = JSON_VALUE_LIST,
		[JSON_STRING] = JSON_VALUE_TEXT,
		[JSON_INTEGER] = JSON_VALUE_NUMBER,
		[JSON_REAL] = JSON_VALUE_NUMBER,
		[JSON_TRUE] = JSON_VALUE_BOOL,
		[JSON_FALSE] = JSON_VALUE_BOOL,
		[JSON_NULL] = JSON_VALUE_NULL,
	};

	to->type = types[json_typeof(from)];
	if (to->type == JSON_VALUE_TEXT)
		to->text = copy_text(r, from);
	else if (to->type == JSON_VALUE_NUMBER)
		to->number = json_number_value(from);
	else if (to->type == JSON_VALUE_BOOL)
		to->number = json_is_true(from);
	else if (to->type != JSON_VALUE_NULL)
		return read_items(r, from, depth, to);
	return true;
}

const struct json_value *json_read(struct arena *arena, struct slice text,
				   struct err *err)
{
	struct reader r = {.arena = arena};
	struct json_value *value = ARENA_NEW(arena, struct json_value);
	json_error_t error = {.line = 0};
	json_t *from = NULL;
	bool good;

	if (text.n <= JSON_TEXT_MAX)
		from = json_loadb(text.p ? text.p : "", text.n,
				  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
					  JSON_ALLOW_NUL,
				  &error);
	if (!from) {
		err_set(err, "no JSON: %s, line %d",
			error.line ? error.text : "too large", error.line);
		return NULL;
	}
	good = read_value(&r, from, 0, value);
	json_decref(from);
	if (good)
		return value;
	err_set(err, "JSON with too many or too deep values");
	return NULL;
}

const struct json_value *json_member(const struct json_value *object,
				     const char *name)
{
	if (!object || object->type != JSON_VALUE_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->count; i++)
		if (slice_eq(object->items[i].name, slice_cstr(name)))
			return &object->items[i];
	return NULL;
}

double json_number(const struct json_value *object, const char *name)
{
	const struct json_value *value = json_member(object, name);

	return value ? value->number : 0;
}

struct slice json_text(const struct json_value *object, const char *name)
{
	const struct json_value *value = json_member(object, name);

	return value && value->type == JSON_VALUE_TEXT ? value->text
						       : SLICE("");
}
