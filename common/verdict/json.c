/*
 * The record, and other objects, as JSON. The one file that sees jansson,
 * which refuses what is not UTF-8; so every text from outside is mended
 * first.
 */
#include "common/verdict/json.h"
#include "common/verdict/record.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* Length of the valid UTF-8 sequence at s[i], or 0. */
static size_t sequence(struct slice s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
		 : c < 0xf5 ? 4 : 0;
	unsigned char next;

	if (n == 0 || n > s.n - i)
		return 0;
	for (size_t k = 1; k < n; k++)
		if (((unsigned char)s.p[i + k] & 0xc0) != 0x80)
			return 0;
	if (n < 3)
		return n;
	next = (unsigned char)s.p[i + 1];
	/* Overlong forms, surrogates, and beyond U+10FFFF. */
	if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) ||
	    (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f))
		return 0;
	return n;
}

static json_t *text(struct arena *arena, struct slice s)
{
	struct buf out = BUF(arena);
	size_t from = 0, i = 0;

	while (i < s.n) {
		size_t n = sequence(s, i);

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
	return json_stringn(out.p, out.n);
}

static json_t *number(double value)
{
	double rounded = round(value * 1000) / 1000;

	return json_real(rounded == 0 ? 0 : rounded);
}

static json_t *or_null(struct arena *arena, struct slice s)
{
	return s.n > 0 ? text(arena, s) : json_null();
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

static json_t *symbols(struct arena *a, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->symbol_count; i++) {
		const struct record_symbol *s = &r->symbols[i];
		json_t *item = json_object();

		json_object_set_new(item, "name", text(a, s->name));
		json_object_set_new(item, "score", number(s->score));
		json_object_set_new(item, "detail", text(a, s->detail));
		json_object_set_new(item, "meaning", text(a, s->doc));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *checks(struct arena *a, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->check_count; i++) {
		const struct record_check *c = &r->checks[i];
		json_t *item = json_object();

		json_object_set_new(item, "name", text(a, c->name));
		json_object_set_new(item, "outcome", text(a, c->outcome));
		json_object_set_new(item, "reason", text(a, c->reason));
		json_object_set_new(item, "ms", number(c->ms));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *dkim(struct arena *a, const struct record_auth *auth)
{
	json_t *list = json_array();

	for (size_t i = 0; i < auth->dkim_count; i++) {
		const struct record_dkim *d = &auth->dkim[i];
		json_t *item = json_object();

		json_object_set_new(item, "result", text(a, d->result));
		json_object_set_new(item, "domain", text(a, d->domain));
		json_object_set_new(item, "selector", text(a, d->selector));
		json_object_set_new(item, "identity", text(a, d->identity));
		json_object_set_new(item, "algorithm", text(a, d->algorithm));
		json_object_set_new(item, "reason", text(a, d->reason));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *spf(struct arena *a, const struct record_auth *auth)
{
	json_t *object = json_object();

	json_object_set_new(object, "result", text(a, auth->spf_result));
	json_object_set_new(object, "domain", text(a, auth->spf_domain));
	json_object_set_new(object, "scope", text(a, auth->spf_scope));
	json_object_set_new(object, "explanation",
			    text(a, auth->spf_explanation));
	json_object_set_new(object, "helo", text(a, auth->spf_helo_result));
	return object;
}

static json_t *dmarc(struct arena *a, const struct record_auth *auth)
{
	json_t *object = json_object();

	json_object_set_new(object, "result", text(a, auth->dmarc_result));
	json_object_set_new(object, "policy", text(a, auth->dmarc_policy));
	json_object_set_new(object, "domain", text(a, auth->dmarc_domain));
	json_object_set_new(object, "policy_domain",
			    text(a, auth->dmarc_policy_domain));
	json_object_set_new(object, "disposition",
			    text(a, auth->dmarc_disposition));
	json_object_set_new(object, "reason", text(a, auth->dmarc_reason));
	return object;
}

static json_t *auth(struct arena *a, const struct record_auth *auth)
{
	json_t *object = json_object();

	json_object_set_new(object, "spf", spf(a, auth));
	json_object_set_new(object, "dkim", dkim(a, auth));
	json_object_set_new(object, "dmarc", dmarc(a, auth));
	json_object_set_new(object, "arc",
			    json_pack("{s:s}", "result", "none"));
	json_object_set_new(object, "iprev",
			    json_pack("{s:o,s:o}", "result",
				      text(a, auth->iprev_result), "name",
				      text(a, auth->iprev_name)));
	return object;
}

static json_t *edits(struct arena *a, const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->edit_count; i++) {
		const struct record_edit *e = &r->edits[i];
		json_t *item = json_object();

		json_object_set_new(item, "op", text(a, e->op));
		json_object_set_new(item, "name", text(a, e->name));
		json_object_set_new(item, "value", text(a, e->value));
		json_object_set_new(item, "index", json_integer(e->index));
		json_array_append_new(list, item);
	}
	return list;
}

static void add_envelope(json_t *o, struct arena *a, const struct record *r)
{
	json_t *rcpts = json_array();

	for (size_t i = 0; i < r->rcpt_count; i++)
		json_array_append_new(rcpts, text(a, r->rcpts[i]));
	json_object_set_new(o, "queue_id", text(a, r->queue_id));
	json_object_set_new(o, "client", text(a, r->client));
	json_object_set_new(o, "client_name", text(a, r->client_name));
	json_object_set_new(o, "helo", text(a, r->helo));
	json_object_set_new(o, "user", or_null(a, r->user));
	json_object_set_new(o, "sender", text(a, r->sender));
	json_object_set_new(o, "recipients", rcpts);
	json_object_set_new(o, "message_id", text(a, r->message_id));
	json_object_set_new(o, "from", text(a, r->from));
	json_object_set_new(o, "subject", text(a, r->subject));
	json_object_set_new(o, "size", json_integer((json_int_t)r->size));
}

static json_t *build(struct arena *a, const struct record *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "v", json_integer(RECORD_VERSION));
	json_object_set_new(o, "id", text(a, r->id));
	json_object_set_new(o, "time", json_real((double)r->time_ms / 1000));
	json_object_set_new(o, "action", text(a, r->action));
	json_object_set_new(o, "would", text(a, r->would));
	json_object_set_new(o, "score", number(r->score));
	json_object_set_new(o, "reply", or_null(a, r->reply));
	add_envelope(o, a, r);
	json_object_set_new(o, "symbols", symbols(a, r));
	json_object_set_new(o, "auth", auth(a, &r->auth));
	json_object_set_new(o, "antivirus",
			    json_pack("{s:s,s:n}", "result", "none", "name"));
	json_object_set_new(o, "headers", edits(a, r));
	json_object_set_new(o, "checks", checks(a, r));
	json_object_set_new(o, "thresholds",
			    numbers(a, r->thresholds, r->threshold_count));
	json_object_set_new(o, "ms", numbers(a, r->stages, r->stage_count));
	json_object_set_new(o, "dns",
			    json_pack("{s:i,s:i,s:i}", "asked", r->dns_asked,
				      "cached", r->dns_cached, "failed",
				      r->dns_failed));
	json_object_set_new(o, "generation",
			    json_integer((json_int_t)r->generation));
	return o;
}

/* The text of an object, which ends here. */
static struct slice finish(struct arena *arena, json_t *object, size_t flags)
{
	char *dump = json_dumps(object, JSON_REAL_PRECISION(15) | flags);
	struct slice copy = arena_dup(arena, slice_cstr(dump));

	free(dump);
	json_decref(object);
	return copy;
}

struct slice record_json(struct arena *arena, const struct record *record,
			 int indent)
{
	return finish(arena, build(arena, record),
		      indent ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
}

static json_t *value_of(struct arena *arena, const struct json_field *field)
{
	switch (field->kind) {
	case JSON_FIELD_TEXT:
		return text(arena, field->text);
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
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, fields[i].name,
				    value_of(arena, &fields[i]));
	return finish(arena, object, JSON_COMPACT);
}
