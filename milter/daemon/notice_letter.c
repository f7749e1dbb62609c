/* RFC 5322 and 2045 as far as a notice needs them. */
#include "milter/daemon/notice_letter.h"
#include "common/base/base64.h"
#include "common/base/utf8.h"
#include "common/mail/encoded.h"

#include <string.h>
#include <time.h>

#define PLAIN_FIELD_MAX 200
#define PLAIN_LINE_MAX 900
#define WORD_BYTES 39 /* of text in an encoded word: 64 columns */
#define QUOTED_COLUMNS 73

struct slice notice_value(struct arena *arena, struct slice raw, bool decode)
{
	struct slice text, cut;

	raw = slice_trim(slice_sub(raw, 0, 4096));
	if (decode)
		raw = encoded_decode(arena, raw);
	text = utf8_shown(arena, raw);
	cut = utf8_cut(text, NOTICE_VALUE_MAX);
	if (cut.n == text.n)
		return text;
	return arena_printf(arena, "%.*s...", SLICE_FMT(cut));
}

void notice_add_unlinked(struct buf *out, struct slice text)
{
	size_t at;

	while ((at = slice_search_nocase(text, SLICE("://"))) < text.n) {
		buf_add(out, slice_sub(text, 0, at));
		buf_add_text(out, "[:]//");
		text = slice_sub(text, at + 3, text.n);
	}
	buf_add(out, text);
}

static void add_encoded(struct buf *out, struct slice value)
{
	const char *blank = "";

	while (value.n > 0) {
		struct slice piece = utf8_cut(value, WORD_BYTES);

		if (piece.n == 0)
			piece = slice_sub(value, 0, WORD_BYTES);
		buf_printf(out, "%s=?utf-8?B?", blank);
		buf_add(out, base64_encode(out->arena, piece));
		buf_add_text(out, "?=");
		blank = "\r\n ";
		value = slice_sub(value, piece.n, value.n);
	}
}

void notice_add_field(struct buf *out, const char *name, struct slice value)
{
	value = slice_trim(value);
	buf_printf(out, "%s: ", name);
	if (value.n <= PLAIN_FIELD_MAX && slice_is_printable(value) &&
	    slice_search_nocase(value, SLICE("=?")) == value.n)
		buf_add(out, value);
	else
		add_encoded(out, value);
	buf_add_text(out, "\r\n");
}

static bool is_plain(struct slice body)
{
	size_t line = 0;

	for (size_t i = 0; i < body.n; i++) {
		if (body.p[i] == '\n')
			line = 0;
		else if (body.p[i] < ' ' || body.p[i] > '~' ||
			 ++line > PLAIN_LINE_MAX)
			return false;
	}
	return true;
}

static void add_plain(struct buf *out, struct slice body)
{
	for (size_t i = 0; i < body.n; i++) {
		if (body.p[i] == '\n')
			buf_add_char(out, '\r');
		buf_add_char(out, body.p[i]);
	}
}

/* RFC 2045 6.7. */
static void add_quoted(struct buf *out, struct slice body)
{
	size_t column = 0;

	for (size_t i = 0; i < body.n; i++) {
		unsigned char c = (unsigned char)body.p[i];
		bool ends = i + 1 == body.n || body.p[i + 1] == '\n';

		if (c == '\n') {
			buf_add_text(out, "\r\n");
			column = 0;
			continue;
		}
		if (column >= QUOTED_COLUMNS) {
			buf_add_text(out, "=\r\n");
			column = 0;
		}
		if (c < ' ' || c > '~' || c == '=' || (c == ' ' && ends)) {
			buf_printf(out, "=%02X", c);
			column += 3;
		} else {
			buf_add_char(out, (char)c);
			column++;
		}
	}
}

static void add_date(struct buf *out, int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char text[64] = "";
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_printf(out, "Date: %s\r\n", text);
}

struct slice notice_letter_write(struct arena *arena,
				 const struct notice_letter *letter)
{
	struct buf out = BUF(arena);
	bool plain = is_plain(letter->body);

	buf_printf(&out, "From: %s\r\nTo: %.*s\r\n", letter->from,
		   SLICE_FMT(letter->to));
	buf_add(&out, letter->fields);
	add_date(&out, letter->time_ms);
	buf_printf(&out,
		   "Message-ID: <%.*s>\r\n"
		   "Auto-Submitted: auto-generated\r\n"
		   "X-Auto-Response-Suppress: All\r\n"
		   "Precedence: bulk\r\n"
		   "MIME-Version: 1.0\r\n"
		   "Content-Type: text/plain; charset=utf-8\r\n"
		   "Content-Transfer-Encoding: %s\r\n\r\n",
		   SLICE_FMT(letter->message_id),
		   plain ? "7bit" : "quoted-printable");
	if (plain)
		add_plain(&out, letter->body);
	else
		add_quoted(&out, letter->body);
	if (letter->body.n == 0 || letter->body.p[letter->body.n - 1] != '\n')
		buf_add_text(&out, "\r\n");
	return buf_slice(&out);
}
