/* Canonical header fields, and which of them a signature covers. */
#include "milter/checks/dkim_headers.h"

#include "common/base/buf.h"

static bool is_blank(char c)
{
	return ascii_is_wsp(c) || c == '\r' || c == '\n';
}

/* Folds come from the MTA as LF or CRLF; they were CRLF when signed. */
static void add_simple(struct buf *out, struct slice value)
{
	size_t from = 0, at;

	while ((at = slice_find(value, from, '\n')) < value.n) {
		bool whole = at > from && value.p[at - 1] == '\r';

		buf_add(out, slice_sub(value, from, whole ? at - 1 : at));
		buf_add_text(out, "\r\n");
		from = at + 1;
	}
	buf_add(out, slice_sub(value, from, value.n));
}

static void add_relaxed(struct buf *out, struct slice value)
{
	size_t i = 0;

	value = slice_trim(value);
	while (i < value.n) {
		size_t from = i;

		while (i < value.n && !is_blank(value.p[i]))
			i++;
		buf_add(out, slice_sub(value, from, i));
		if (i < value.n)
			buf_add_char(out, ' ');
		while (i < value.n && is_blank(value.p[i]))
			i++;
	}
}

static void add_field(struct buf *out, enum dkim_canon canon,
		      const struct header *header)
{
	if (canon == DKIM_SIMPLE) {
		buf_add(out, header->name);
		buf_add_char(out, ':');
		add_simple(out, header->value);
		return;
	}
	buf_add(out, arena_lower(out->arena, slice_trim(header->name)));
	buf_add_char(out, ':');
	add_relaxed(out, header->value);
}

/* The field itself comes last, with an empty b= and no line end. */
static struct slice without_signature(struct arena *a, struct slice value,
				      const struct dkim_signature *sig)
{
	struct buf out = BUF(a);

	buf_add(&out, slice_sub(value, 0, sig->b_from));
	buf_add(&out, slice_sub(value, sig->b_to, value.n));
	return buf_slice(&out);
}

/*
 * The last field of that name not taken yet, from the bottom up, or
 * `count`. A name that finds none covers that there was none (oversigning).
 */
static size_t take(const struct mail *mail, struct slice name, bool *taken)
{
	for (size_t i = mail->header_count; i > 0; i--) {
		if (taken[i - 1] ||
		    !slice_eq_nocase(slice_trim(mail->headers[i - 1].name),
				     name))
			continue;
		taken[i - 1] = true;
		return i - 1;
	}
	return mail->header_count;
}

void dkim_headers_hash(struct dkim_hash *hash, const struct mail *mail,
		       size_t field, const struct dkim_signature *sig)
{
	struct arena *a = arena_new(16 * 1024);
	bool *taken = ARENA_ARRAY(a, bool, mail->header_count);
	struct header own = mail->headers[field];
	struct buf out = BUF(a);

	taken[field] = true;
	for (size_t i = 0; i < sig->name_count; i++) {
		size_t found = take(mail, sig->names[i], taken);

		if (found == mail->header_count)
			continue;
		add_field(&out, sig->header_canon, &mail->headers[found]);
		buf_add_text(&out, "\r\n");
		dkim_hash_add(hash, buf_slice(&out));
		out.n = 0;
	}
	own.value = without_signature(a, own.value, sig);
	add_field(&out, sig->header_canon, &own);
	dkim_hash_add(hash, buf_slice(&out));
	arena_free(&a);
}

static size_t standing(const struct mail *mail, struct slice name)
{
	size_t count = 0;

	for (size_t i = 0; i < mail->header_count; i++)
		count += slice_eq_nocase(slice_trim(mail->headers[i].name),
					 name);
	return count;
}

static size_t covered(const struct dkim_signature *sig, struct slice name)
{
	size_t count = 0;

	for (size_t i = 0; i < sig->name_count; i++)
		count += slice_eq_nocase(sig->names[i], name);
	return count;
}

struct slice dkim_headers_added(const struct mail *mail,
				const struct dkim_signature *sig)
{
	static const char *const once[] = {
		"From",
		"Subject",
		"Date",
		"To",
		"Cc",
		"Reply-To",
		"Sender",
		"Message-ID",
		"In-Reply-To",
		"References",
		"MIME-Version",
		"Content-Type",
		"Content-Transfer-Encoding",
	};

	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
		struct slice name = slice_cstr(once[i]);
		size_t signs = covered(sig, name);

		if (signs > 0 && standing(mail, name) > signs)
			return name;
	}
	return SLICE_NONE;
}
