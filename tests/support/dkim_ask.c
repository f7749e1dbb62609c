/* Signed messages for tests. */
#include "tests/support/dkim_ask.h"
#include "common/base/buf.h"
#include "milter/checks/dkim.h"

#include <stdlib.h>

static const struct check *const checks[] = {&check_dkim, NULL};

struct bench *dkim_bench(const char *conf, const char *zones, bool late)
{
	struct bench_setup setup = {checks, conf, zones, late};

	return bench_new(&setup);
}

struct slice dkim_crlf(struct arena *a, struct slice text)
{
	struct buf out = BUF(a);

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			buf_add_char(&out, '\r');
		buf_add_char(&out, text.p[i]);
	}
	return buf_slice(&out);
}

/* Takes one field from *rest; false at the empty line or the end. */
static bool next_field(struct slice *rest, struct slice *field_r)
{
	size_t at = 0, end;

	if (rest->n > 0 && (rest->p[0] == '\r' || rest->p[0] == '\n')) {
		at = slice_find(*rest, 0, '\n') + 1;
		*rest = slice_sub(*rest, at, rest->n);
		return false;
	}
	do {
		end = slice_find(*rest, at, '\n');
		at = end + 1;
	} while (at < rest->n && ascii_is_wsp(rest->p[at]));
	*field_r = slice_sub(*rest, 0, end);
	*rest = slice_sub(*rest, at, rest->n);
	if (field_r->n > 0 && field_r->p[field_r->n - 1] == '\r')
		field_r->n--;
	return field_r->n > 0;
}

static void add_body(struct mail *mail, struct slice body, size_t chunk)
{
	if (chunk == 0)
		chunk = body.n;
	while (body.n > 0) {
		if (!engine_body(mail, slice_sub(body, 0, chunk)))
			return;
		body = slice_sub(body, chunk, body.n);
	}
}

struct mail *dkim_ask(struct bench *bench, struct slice message, size_t chunk)
{
	static struct conn conn;
	struct slice field;
	struct mail *mail;

	if (!ip_parse(SLICE("192.0.2.1"), &conn.client))
		abort();
	conn.helo = SLICE("client.example");
	mail = mail_new(bench_engine(bench), &conn);
	mail_set_sender(mail, SLICE("joe@example.com"));
	engine_stage(mail, STAGE_ENVELOPE);
	while (next_field(&message, &field)) {
		size_t colon = slice_find(field, 0, ':');

		if (!mail_add_header(mail, slice_sub(field, 0, colon),
				     slice_sub(field, colon + 1, field.n)))
			abort();
	}
	engine_stage(mail, STAGE_HEADERS);
	add_body(mail, message, chunk);
	engine_finish(mail);
	return mail;
}

const char *dkim_words(const struct mail *mail)
{
	const struct auth *auth = &mail->verdict->auth;
	struct buf out = BUF(mail->arena);

	for (size_t i = 0; i < auth->dkim_count; i++)
		buf_printf(&out, "%s%s", i > 0 ? " " : "",
			   auth_result_word(auth->dkim[i].result));
	if (auth->dkim_count == 0)
		buf_add_text(&out, "none");
	return arena_cstr(mail->arena, buf_slice(&out));
}

const char *dkim_reasons(const struct mail *mail)
{
	const struct auth *auth = &mail->verdict->auth;
	struct buf out = BUF(mail->arena);

	for (size_t i = 0; i < auth->dkim_count; i++)
		buf_printf(&out, "%s%s (%.*s)", i > 0 ? " " : "",
			   auth_result_word(auth->dkim[i].result),
			   SLICE_FMT(auth->dkim[i].reason));
	return arena_cstr(mail->arena, buf_slice(&out));
}
