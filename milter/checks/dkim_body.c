/*
 * Canonical bodies. Line ends are held back until something follows, since
 * those at the end do not count; blanks likewise in relaxed form; a CR until
 * the next byte tells whether it ends a line. So chunk borders leave no
 * trace, and memory stays constant.
 */
#include "milter/checks/dkim_body.h"

static void emit(struct dkim_body *body, struct slice bytes)
{
	uint64_t room =
		body->limit > body->length ? body->limit - body->length : 0;

	body->length += bytes.n;
	if (body->hash)
		dkim_hash_add(
			body->hash,
			slice_sub(bytes, 0,
				  room < bytes.n ? (size_t)room : bytes.n));
}

/* Bytes that count: what was held back before them counts now too. */
static void emit_content(struct dkim_body *body, struct slice bytes)
{
	static const char ends[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

	while (body->line_ends > 0) {
		size_t n = body->line_ends < 8 ? (size_t)body->line_ends : 8;

		emit(body, (struct slice){ends, 2 * n});
		body->line_ends -= n;
	}
	if (body->blank)
		emit(body, SLICE(" "));
	body->blank = false;
	emit(body, bytes);
}

/* How many bytes from `from` on have no meaning of their own. */
static size_t ordinary(const struct dkim_body *body, struct slice s,
		       size_t from)
{
	size_t at = from;

	if (body->canon == DKIM_SIMPLE)
		return slice_find(s, from, '\r') - from;
	while (at < s.n && s.p[at] != '\r' && !ascii_is_wsp(s.p[at]))
		at++;
	return at - from;
}

void dkim_body_add(struct dkim_body *body, struct slice chunk)
{
	size_t i = 0;

	while (i < chunk.n) {
		size_t n;

		if (body->cr) {
			body->cr = false;
			if (chunk.p[i] == '\n') {
				body->line_ends++;
				body->blank = false;
				i++;
				continue;
			}
			emit_content(body, SLICE("\r"));
		}
		n = ordinary(body, chunk, i);
		if (n > 0)
			emit_content(body, slice_sub(chunk, i, i + n));
		i += n;
		if (i == chunk.n)
			break;
		if (chunk.p[i] == '\r')
			body->cr = true;
		else
			body->blank = true;
		i++;
	}
}

void dkim_body_end(struct dkim_body *body)
{
	if (body->cr)
		emit_content(body, SLICE("\r"));
	body->cr = body->blank = false;
	body->line_ends = 0;
	/* Content ends in one CRLF; an empty simple body is a CRLF. */
	if (body->length > 0 || body->canon == DKIM_SIMPLE)
		emit(body, SLICE("\r\n"));
}
