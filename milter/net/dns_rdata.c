/* RDATA to records, and names to text. */
#include "milter/net/dns_rdata.h"

#include "common/base/buf.h"

#include <string.h>

#define WIRE_NAME_MAX 255
#define LABEL_MAX 63
#define NAME_MAX_BYTES 253

static void add_label(struct buf *b, struct slice label)
{
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];

		if (c == '.' || c == '\\' || c <= 0x20 || c >= 0x7f)
			buf_printf(b, "\\%03u", c);
		else
			buf_add_char(b, ascii_lower((char)c));
	}
}

/* A name that takes up all of `wire`. */
static bool decode_name(struct arena *a, struct slice wire,
			struct slice *name_r)
{
	struct buf text = BUF(a);
	size_t at = 0;

	if (wire.n == 0 || wire.n > WIRE_NAME_MAX)
		return false;
	while (at < wire.n) {
		size_t n = (unsigned char)wire.p[at++];

		if (n == 0)
			break;
		/* Above 63 are compression and extended labels. */
		if (n > LABEL_MAX || n >= wire.n - at)
			return false;
		if (text.n > 0)
			buf_add_char(&text, '.');
		add_label(&text, slice_sub(wire, at, at + n));
		at += n;
	}
	*name_r = buf_slice(&text);
	return at == wire.n;
}

static bool decode_mx(struct arena *a, struct slice rdata,
		      struct dns_record *record_r)
{
	if (rdata.n < 2)
		return false;
	record_r->preference = (uint16_t)((unsigned char)rdata.p[0] << 8 |
					  (unsigned char)rdata.p[1]);
	return decode_name(a, slice_sub(rdata, 2, rdata.n), &record_r->data);
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

bool dns_rdata_decode(struct arena *a, enum dns_type type, struct slice rdata,
		      struct dns_record *record_r)
{
	*record_r = (struct dns_record){0};
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		record_r->data = arena_dup(a, rdata);
		return rdata.n == (type == DNS_A ? 4 : 16);
	case DNS_PTR:
		return decode_name(a, rdata, &record_r->data);
	case DNS_MX:
		return decode_mx(a, rdata, record_r);
	case DNS_TXT:
		return decode_txt(a, rdata, record_r);
	}
	return false;
}

static bool is_plain(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

bool dns_name_print(struct slice name, char text_r[DNS_NAME_TEXT_MAX])
{
	char *to = text_r;

	if (name.n == 0 || name.n > NAME_MAX_BYTES)
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
