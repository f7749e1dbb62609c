/*
 * The record as one logfmt line. Values from outside are quoted where they
 * hold anything but plain characters, and cut at a length that keeps a
 * line within what log daemons take.
 */
#include "common/base/utf8.h"
#include "common/verdict/record.h"

#define VALUE_MAX 256
#define RCPTS_MAX 20

static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
			return false;
	}
	return s.n > 0;
}

static void add_escaped(struct buf *out, struct slice s)
{
	struct slice part;

	/* Between quotes and backslashes, what can be shown. */
	for (size_t i = 0; i < s.n; i += part.n) {
		size_t end = i;

		if (s.p[i] == '"' || s.p[i] == '\\') {
			buf_add_char(out, '\\');
			buf_add_char(out, s.p[i]);
			part.n = 1;
			continue;
		}
		while (end < s.n && s.p[end] != '"' && s.p[end] != '\\')
			end++;
		part = slice_sub(s, i, end);
		utf8_add_shown(out, part);
	}
}

static void add_pair(struct buf *out, const char *name, struct slice value)
{
	buf_add_char(out, ' ');
	buf_add_text(out, name);
	buf_add_char(out, '=');
	value = utf8_cut(value, VALUE_MAX);
	if (is_plain(value)) {
		buf_add(out, value);
		return;
	}
	buf_add_char(out, '"');
	add_escaped(out, value);
	buf_add_char(out, '"');
}

static void add_rcpts(struct buf *out, const struct record *r)
{
	struct buf list = BUF(out->arena);

	for (size_t i = 0; i < r->rcpt_count && i < RCPTS_MAX; i++) {
		if (i > 0)
			buf_add_char(&list, ',');
		buf_add(&list, r->rcpts[i]);
	}
	if (r->rcpt_total > RCPTS_MAX)
		buf_printf(&list, ",and %zu more", r->rcpt_total - RCPTS_MAX);
	add_pair(out, "to", buf_slice(&list));
}

static void add_symbols(struct buf *out, const struct record *r)
{
	buf_add_text(out, " symbols=\"");
	for (size_t i = 0; i < r->symbol_count; i++) {
		const struct record_symbol *s = &r->symbols[i];

		if (i > 0)
			buf_add_char(out, ',');
		add_escaped(out, s->name);
		buf_printf(out, "(%.2f)", s->score);
	}
	buf_add_char(out, '"');
}

static void add_auth(struct buf *out, const struct record_auth *auth)
{
	add_pair(out, "spf", auth->spf_result);
	if (auth->dkim_count > 0)
		add_pair(out, "dkim", auth->dkim[0].result);
	else
		add_pair(out, "dkim", SLICE("none"));
	add_pair(out, "dmarc", auth->dmarc_result);
}

struct slice record_logfmt(struct arena *arena, const struct record *r)
{
	struct buf out = BUF(arena);

	buf_add_text(&out, "msg=verdict");
	add_pair(&out, "id", r->id);
	add_pair(&out, "queue", r->queue_id);
	add_pair(&out, "dir", r->direction);
	add_pair(&out, "action", r->action);
	if (!slice_eq(r->action, r->would))
		add_pair(&out, "would", r->would);
	if (r->class.n > 0)
		add_pair(&out, "class", r->class);
	if (r->vault.n > 0)
		add_pair(&out, "vault", r->vault);
	buf_printf(&out, " score=%.2f", r->score);
	add_pair(&out, "client", r->client);
	add_pair(&out, "name", r->client_name);
	add_pair(&out, "helo", r->helo);
	if (r->user.n > 0)
		add_pair(&out, "user", r->user);
	add_pair(&out, "from", r->sender);
	add_rcpts(&out, r);
	add_pair(&out, "message_id", r->message_id);
	buf_printf(&out, " size=%llu", (unsigned long long)r->size);
	add_auth(&out, &r->auth);
	if (r->antivirus.result.n > 0)
		add_pair(&out, "virus",
			 r->antivirus.names.n > 0 ? r->antivirus.names
						  : r->antivirus.result);
	add_symbols(&out, r);
	for (size_t i = 0; i < r->stage_count; i++) {
		buf_add_text(&out, " ms_");
		add_escaped(&out, r->stages[i].name);
		buf_printf(&out, "=%.1f", r->stages[i].value);
	}
	buf_printf(&out, " dns=%u dns_cached=%u dns_failed=%u generation=%llu",
		   r->dns_asked, r->dns_cached, r->dns_failed,
		   (unsigned long long)r->generation);
	return buf_slice(&out);
}
