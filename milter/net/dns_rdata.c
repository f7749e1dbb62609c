/* RDATA to records, and names from and to their forms. */
#include "milter/net/dns_rdata.h"

#include "common/base/buf.h"

#include <string.h>

#define LABEL_MAX 63
#define NAME_MAX_BYTES 253
#define POINTER 0xc0
/* No name has more labels to point to. */
#define JUMPS_MAX 127

static unsigned byte(struct slice s, size_t at)
{
	return (unsigned char)s.p[at];
}

/* Appends the label at `at`, its length byte first. */
static bool copy_label(struct slice message, size_t at, struct dns_name *name)
{
	size_t n = 1 + byte(message, at);

	if (n > 1 + LABEL_MAX || n > message.n - at ||
	    n > DNS_NAME_WIRE_MAX - name->n)
		return false;
	for (size_t i = 0; i < n; i++)
		name->wire[name->n + i] =
			(unsigned char)ascii_lower(message.p[at + i]);
	/* A length can look like a letter. */
	name->wire[name->n] = (unsigned char)(n - 1);
	name->n += n;
	return true;
}

bool dns_name_read(struct slice message, size_t *at, struct dns_name *name_r)
{
	size_t from = *at;
	unsigned jumps = 0;

	name_r->n = 0;
	while (from < message.n) {
		unsigned n = byte(message, from);

		if (n >= POINTER) {
			if (message.n - from < 2 || jumps == JUMPS_MAX)
				return false;
			if (jumps++ == 0)
				*at = from + 2;
			from = (n & ~POINTER) << 8 | byte(message, from + 1);
			continue;
		}
		if (!copy_label(message, from, name_r))
			return false;
		from += n + 1;
		if (n > 0)
			continue;
		if (jumps == 0)
			*at = from;
		return true;
	}
	return false;
}

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b)
{
	return a->n == b->n && memcmp(a->wire, b->wire, a->n) == 0;
}

static void add_label(struct buf *b, const unsigned char *label, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = label[i];

		if (c == '.' || c == '\\' || c <= 0x20 || c >= 0x7f)
			buf_printf(b, "\\%03u", c);
		else
			buf_add_char(b, (char)c);
	}
}

/* A name that takes up all of the n bytes. */
static bool decode_name(struct arena *a, struct slice message, size_t at,
			size_t n, struct slice *name_r)
{
	struct buf text = BUF(a);
	size_t end = at + n;
	struct dns_name name = {0};

	if (!dns_name_read(message, &at, &name) || at != end)
		return false;
	for (size_t i = 0; i + 1 < name.n; i += name.wire[i] + 1u) {
		if (i > 0)
			buf_add_char(&text, '.');
		add_label(&text, name.wire + i + 1, name.wire[i]);
	}
	*name_r = buf_slice(&text);
	return true;
}

static bool decode_mx(struct arena *a, struct slice message, size_t at,
		      size_t n, struct dns_record *record_r)
{
	if (n < 2)
		return false;
	record_r->preference =
		(uint16_t)(byte(message, at) << 8 | byte(message, at + 1));
	return decode_name(a, message, at + 2, n - 2, &record_r->data);
}

/* One or more character-strings, joined without anything between. */
static bool decode_txt(struct arena *a, struct slice rdata,
		       struct dns_record *record_r)
{
	char *text = arena_alloc(a, rdata.n);
	size_t at = 0, used = 0;

	if (rdata.n == 0)
		return false;
	while (at < rdata.n) {
		size_t n = (unsigned char)rdata.p[at++];

		if (n > rdata.n - at)
			return false;
		memcpy(text + used, rdata.p + at, n);
		used += n;
		at += n;
	}
	record_r->data = (struct slice){text, used};
	return true;
}

bool dns_rdata_decode(struct arena *a, enum dns_type type, struct slice message,
		      size_t at, size_t n, struct dns_record *record_r)
{
	struct slice rdata;

	*record_r = (struct dns_record){0};
	if (at > message.n || n > message.n - at)
		return false;
	rdata = slice_sub(message, at, at + n);
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		record_r->data = arena_dup(a, rdata);
		return n == (type == DNS_A ? 4 : 16);
	case DNS_PTR:
		return decode_name(a, message, at, n, &record_r->data);
	case DNS_MX:
		return decode_mx(a, message, at, n, record_r);
	case DNS_TXT:
		return decode_txt(a, rdata, record_r);
	}
	return false;
}

static bool is_plain(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

static bool is_possible(struct slice name)
{
	struct slice rest = name, label;

	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return false;
	while (slice_next(&rest, '.', &label)) {
		if (label.n == 0 || label.n > LABEL_MAX)
			return false;
	}
	return true;
}

bool dns_name_print(struct slice name, char text_r[DNS_NAME_TEXT_MAX])
{
	char *to = text_r;

	if (!is_possible(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (is_plain((char)c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		*to++ = (char)('0' + c / 100);
		*to++ = (char)('0' + c / 10 % 10);
		*to++ = (char)('0' + c % 10);
	}
	*to++ = '.';
	*to = '\0';
	return true;
}
