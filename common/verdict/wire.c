/*
 * Each field is a tag, a length and that many bytes; tags and lengths are
 * numbers of 7 bits a byte, the least first. Lists are fields that come
 * several times; structs are fields whose bytes are fields. The tables say
 * which field of which struct has which tag; tags are never used again.
 */
#include "common/verdict/wire.h"
#include "common/base/utf8.h"

#include <string.h>

#define VERSION 1
#define NUMBER_BYTES 10

/* How much of a text, and of a list, is kept. */
#define TEXT_MAX 1000
#define VALUE_MAX 2000

enum kind {
	KIND_TEXT,     /* struct slice, at most `max` bytes */
	KIND_INT,      /* int64_t */
	KIND_UINT,     /* uint64_t */
	KIND_UNSIGNED, /* unsigned */
	KIND_SIZE,     /* size_t */
	KIND_REAL,     /* double */
	KIND_BOOL,
	KIND_TEXTS,   /* const struct slice *, `max` bytes in all */
	KIND_STRUCT,  /* of type `of` */
	KIND_STRUCTS, /* const pointer to `of`, `max` bytes in all */
};

struct type;

struct row {
	unsigned tag;
	enum kind kind;
	size_t offset;
	size_t count_offset; /* lists: of their size_t */
	size_t max;
	const struct type *of;
};

struct type {
	size_t size;
	const struct row *rows; /* tag-0 ended */
};

#define FIELD(tag, kind, s, field)                                          \
	{                                                                   \
		(tag), (kind), offsetof(struct s, field), 0, TEXT_MAX, NULL \
	}
#define TEXT_OF(tag, max, s, field)                                         \
	{                                                                   \
		(tag), KIND_TEXT, offsetof(struct s, field), 0, (max), NULL \
	}
#define LIST(tag, kind, max, s, field, count, of)              \
	{                                                      \
		(tag), (kind), offsetof(struct s, field),      \
			offsetof(struct s, count), (max), (of) \
	}
#define GROUP(tag, s, field, of)                                          \
	{                                                                 \
		(tag), KIND_STRUCT, offsetof(struct s, field), 0, 0, (of) \
	}
#define END       \
	{         \
		0 \
	}

static const struct row symbol_rows[] = {
	FIELD(1, KIND_TEXT, record_symbol, name),
	FIELD(2, KIND_REAL, record_symbol, score),
	FIELD(3, KIND_TEXT, record_symbol, doc),
	FIELD(4, KIND_TEXT, record_symbol, detail),
	FIELD(5, KIND_TEXT, record_symbol, group),
	FIELD(6, KIND_REAL, record_symbol, uncapped),
	END,
};
static const struct type symbol_type = {sizeof(struct record_symbol),
					symbol_rows};

static const struct row check_rows[] = {
	FIELD(1, KIND_TEXT, record_check, name),
	FIELD(2, KIND_TEXT, record_check, outcome),
	FIELD(3, KIND_TEXT, record_check, reason),
	FIELD(4, KIND_REAL, record_check, ms),
	FIELD(5, KIND_REAL, record_check, took_ms),
	END,
};
static const struct type check_type = {sizeof(struct record_check), check_rows};

static const struct row dkim_rows[] = {
	FIELD(1, KIND_TEXT, record_dkim, result),
	FIELD(2, KIND_TEXT, record_dkim, domain),
	FIELD(3, KIND_TEXT, record_dkim, selector),
	FIELD(4, KIND_TEXT, record_dkim, identity),
	FIELD(5, KIND_TEXT, record_dkim, algorithm),
	FIELD(6, KIND_TEXT, record_dkim, reason),
	END,
};
static const struct type dkim_type = {sizeof(struct record_dkim), dkim_rows};

static const struct row auth_rows[] = {
	FIELD(1, KIND_TEXT, record_auth, spf_result),
	FIELD(2, KIND_TEXT, record_auth, spf_domain),
	FIELD(3, KIND_TEXT, record_auth, spf_scope),
	FIELD(4, KIND_TEXT, record_auth, spf_explanation),
	FIELD(5, KIND_TEXT, record_auth, spf_helo_result),
	LIST(6, KIND_STRUCTS, 16384, record_auth, dkim, dkim_count, &dkim_type),
	FIELD(7, KIND_TEXT, record_auth, dmarc_result),
	FIELD(8, KIND_TEXT, record_auth, dmarc_policy),
	FIELD(9, KIND_TEXT, record_auth, dmarc_domain),
	FIELD(10, KIND_TEXT, record_auth, dmarc_policy_domain),
	FIELD(11, KIND_TEXT, record_auth, dmarc_disposition),
	FIELD(12, KIND_TEXT, record_auth, dmarc_reason),
	FIELD(13, KIND_TEXT, record_auth, iprev_result),
	FIELD(14, KIND_TEXT, record_auth, iprev_name),
	END,
};
static const struct type auth_type = {sizeof(struct record_auth), auth_rows};

static const struct row edit_rows[] = {
	FIELD(1, KIND_TEXT, record_edit, op),
	FIELD(2, KIND_TEXT, record_edit, name),
	TEXT_OF(3, VALUE_MAX, record_edit, value),
	FIELD(4, KIND_UNSIGNED, record_edit, index),
	END,
};
static const struct type edit_type = {sizeof(struct record_edit), edit_rows};

static const struct row part_rows[] = {
	FIELD(1, KIND_TEXT, record_part, name),
	FIELD(2, KIND_TEXT, record_part, type),
	FIELD(3, KIND_TEXT, record_part, kind),
	FIELD(4, KIND_UINT, record_part, size),
	FIELD(5, KIND_UNSIGNED, record_part, depth),
	FIELD(6, KIND_BOOL, record_part, encrypted),
	END,
};
static const struct type part_type = {sizeof(struct record_part), part_rows};

static const struct row antivirus_rows[] = {
	FIELD(1, KIND_TEXT, record_antivirus, result),
	FIELD(2, KIND_TEXT, record_antivirus, names),
	FIELD(3, KIND_TEXT, record_antivirus, reason),
	FIELD(4, KIND_TEXT, record_antivirus, engine),
	FIELD(5, KIND_UINT, record_antivirus, database),
	FIELD(6, KIND_REAL, record_antivirus, ms),
	END,
};
static const struct type antivirus_type = {sizeof(struct record_antivirus),
					   antivirus_rows};

static const struct row number_rows[] = {
	FIELD(1, KIND_TEXT, record_number, name),
	FIELD(2, KIND_REAL, record_number, value),
	END,
};
static const struct type number_type = {sizeof(struct record_number),
					number_rows};

#define TAG_PROBE 31

static const struct row record_rows[] = {
	FIELD(1, KIND_TEXT, record, id),
	FIELD(2, KIND_INT, record, time_ms),
	FIELD(3, KIND_UINT, record, generation),
	FIELD(4, KIND_TEXT, record, queue_id),
	FIELD(5, KIND_TEXT, record, client),
	FIELD(6, KIND_TEXT, record, client_name),
	FIELD(7, KIND_TEXT, record, helo),
	FIELD(8, KIND_TEXT, record, user),
	FIELD(9, KIND_TEXT, record, sender),
	LIST(10, KIND_TEXTS, 49152, record, rcpts, rcpt_count, NULL),
	FIELD(11, KIND_SIZE, record, rcpt_total),
	FIELD(12, KIND_TEXT, record, direction),
	FIELD(13, KIND_TEXT, record, message_id),
	FIELD(14, KIND_TEXT, record, from),
	FIELD(15, KIND_TEXT, record, subject),
	FIELD(16, KIND_UINT, record, size),
	FIELD(17, KIND_TEXT, record, action),
	FIELD(18, KIND_TEXT, record, would),
	FIELD(19, KIND_TEXT, record, cause),
	FIELD(20, KIND_TEXT, record, reply),
	FIELD(21, KIND_REAL, record, score),
	LIST(22, KIND_STRUCTS, 1024, record, thresholds, threshold_count,
	     &number_type),
	LIST(23, KIND_STRUCTS, 49152, record, symbols, symbol_count,
	     &symbol_type),
	LIST(24, KIND_STRUCTS, 16384, record, checks, check_count, &check_type),
	GROUP(25, record, auth, &auth_type),
	LIST(26, KIND_STRUCTS, 16384, record, edits, edit_count, &edit_type),
	LIST(27, KIND_STRUCTS, 1024, record, stages, stage_count, &number_type),
	FIELD(28, KIND_UNSIGNED, record, dns_asked),
	FIELD(29, KIND_UNSIGNED, record, dns_cached),
	FIELD(30, KIND_UNSIGNED, record, dns_failed),
	FIELD(TAG_PROBE, KIND_BOOL, record, probe),
	FIELD(32, KIND_TEXT, record, class),
	FIELD(33, KIND_TEXT, record, class_reason),
	FIELD(34, KIND_TEXT, record, vault),
	GROUP(35, record, antivirus, &antivirus_type),
	LIST(36, KIND_STRUCTS, 8192, record, parts, part_count, &part_type),
	END,
};
static const struct type record_type = {sizeof(struct record), record_rows};

static void add_number(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_add_char(out, (char)(value | 0x80));
	buf_add_char(out, (char)value);
}

static void add_bytes(struct buf *out, unsigned tag, struct slice bytes)
{
	add_number(out, tag);
	add_number(out, bytes.n);
	buf_add(out, bytes);
}

static void add_uint(struct buf *out, unsigned tag, uint64_t value)
{
	size_t n = 1;

	if (value == 0)
		return;
	for (uint64_t rest = value >> 7; rest; rest >>= 7)
		n++;
	add_number(out, tag);
	add_number(out, n);
	add_number(out, value);
}

static void add_real(struct buf *out, unsigned tag, double value)
{
	uint64_t bits;
	char bytes[8];

	memcpy(&bits, &value, sizeof(bits));
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(bits >> 8 * i);
	if (bits)
		add_bytes(out, tag, (struct slice){bytes, sizeof(bytes)});
}

static void add_fields(struct buf *out, const struct type *type,
		       const void *base);

/* Its length is known afterwards; there is room for three bytes of it. */
static void add_struct(struct buf *out, unsigned tag, const struct type *type,
		       const void *base)
{
	size_t at, n;

	add_number(out, tag);
	at = out->n;
	buf_add(out, SLICE("\0\0\0"));
	add_fields(out, type, base);
	n = out->n - at - 3;
	out->p[at] = (char)(n | 0x80);
	out->p[at + 1] = (char)(n >> 7 | 0x80);
	out->p[at + 2] = (char)(n >> 14);
}

static void add_list(struct buf *out, const struct row *row, const char *at,
		     size_t count)
{
	size_t size = row->of ? row->of->size : sizeof(struct slice);
	const char *items = *(const char *const *)(const void *)at;
	size_t begun = out->n;

	for (size_t i = 0; i < count && out->n - begun < row->max; i++) {
		const void *item = items + i * size;

		if (row->of)
			add_struct(out, row->tag, row->of, item);
		else
			add_bytes(out, row->tag,
				  utf8_cut(*(const struct slice *)item,
					   TEXT_MAX));
	}
}

static void add_field(struct buf *out, const struct row *row, const char *base)
{
	const void *at = base + row->offset;
	int64_t number;

	switch (row->kind) {
	case KIND_TEXT:
		if (((const struct slice *)at)->n > 0)
			add_bytes(
				out, row->tag,
				utf8_cut(*(const struct slice *)at, row->max));
		break;
	case KIND_INT:
		number = *(const int64_t *)at;
		add_uint(out, row->tag,
			 (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
		break;
	case KIND_UINT:
		add_uint(out, row->tag, *(const uint64_t *)at);
		break;
	case KIND_UNSIGNED:
		add_uint(out, row->tag, *(const unsigned *)at);
		break;
	case KIND_SIZE:
		add_uint(out, row->tag, *(const size_t *)at);
		break;
	case KIND_REAL:
		add_real(out, row->tag, *(const double *)at);
		break;
	case KIND_BOOL:
		add_uint(out, row->tag, *(const bool *)at);
		break;
	case KIND_STRUCT:
		add_struct(out, row->tag, row->of, at);
		break;
	case KIND_TEXTS:
	case KIND_STRUCTS:
		add_list(out, row, at,
			 *(const size_t *)(const void *)(base +
							 row->count_offset));
		break;
	}
}

static void add_fields(struct buf *out, const struct type *type,
		       const void *base)
{
	for (const struct row *row = type->rows; row->tag; row++)
		add_field(out, row, base);
}

void record_pack(struct buf *out, const struct record *record)
{
	buf_add_char(out, VERSION);
	add_fields(out, &record_type, record);
}

/* ---- reading ---- */

static bool take_number(struct slice *rest, uint64_t *value_r)
{
	uint64_t value = 0;

	for (size_t i = 0; i < rest->n && i < NUMBER_BYTES; i++) {
		unsigned char c = (unsigned char)rest->p[i];

		value |= (uint64_t)(c & 0x7f) << 7 * i;
		if (c & 0x80)
			continue;
		*value_r = value;
		*rest = slice_sub(*rest, i + 1, rest->n);
		return true;
	}
	return false;
}

/* 1: a field, 0: the end, -1: damage. */
static int take_field(struct slice *rest, uint64_t *tag_r,
		      struct slice *bytes_r)
{
	uint64_t n;

	if (rest->n == 0)
		return 0;
	if (!take_number(rest, tag_r) || !take_number(rest, &n) || n > rest->n)
		return -1;
	*bytes_r = slice_sub(*rest, 0, (size_t)n);
	*rest = slice_sub(*rest, (size_t)n, rest->n);
	return 1;
}

static double real_of(struct slice bytes)
{
	uint64_t bits = 0;
	double value;

	for (size_t i = 0; i < 8 && bytes.n == 8; i++)
		bits |= (uint64_t)(unsigned char)bytes.p[i] << 8 * i;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static bool read_fields(struct arena *arena, const struct type *type,
			struct slice bytes, char *base);

static bool read_list_item(struct arena *arena, const struct row *row,
			   struct slice bytes, char *base)
{
	size_t size = row->of ? row->of->size : sizeof(struct slice);
	size_t *count = (void *)(base + row->count_offset);
	char *item = *(char **)(void *)(base + row->offset) + *count * size;

	++*count;
	if (row->of)
		return read_fields(arena, row->of, bytes, item);
	*(struct slice *)(void *)item = bytes;
	return true;
}

static bool read_field(struct arena *arena, const struct row *row,
		       struct slice bytes, char *base)
{
	void *at = base + row->offset;
	uint64_t number = 0;

	if (row->kind != KIND_TEXT && row->kind < KIND_TEXTS &&
	    row->kind != KIND_REAL && !take_number(&bytes, &number))
		return false;
	switch (row->kind) {
	case KIND_TEXT:
		*(struct slice *)at = bytes;
		break;
	case KIND_INT:
		*(int64_t *)at = (int64_t)(number >> 1 ^ -(number & 1));
		break;
	case KIND_UINT:
		*(uint64_t *)at = number;
		break;
	case KIND_UNSIGNED:
		*(unsigned *)at = (unsigned)number;
		break;
	case KIND_SIZE:
		*(size_t *)at = (size_t)number;
		break;
	case KIND_REAL:
		*(double *)at = real_of(bytes);
		break;
	case KIND_BOOL:
		*(bool *)at = number != 0;
		break;
	case KIND_STRUCT:
		return read_fields(arena, row->of, bytes, at);
	case KIND_TEXTS:
	case KIND_STRUCTS:
		return read_list_item(arena, row, bytes, base);
	}
	return true;
}

static const struct row *find_row(const struct type *type, uint64_t tag)
{
	for (const struct row *row = type->rows; row->tag; row++)
		if (row->tag == tag)
			return row;
	return NULL;
}

/* Makes room for each list; what is damaged is found by the second look. */
static void make_room(struct arena *arena, const struct type *type,
		      struct slice bytes, char *base)
{
	for (const struct row *row = type->rows; row->tag; row++) {
		size_t size = row->of ? row->of->size : sizeof(struct slice);
		struct slice rest = bytes, item;
		uint64_t tag;
		size_t count = 0;

		if (row->kind != KIND_TEXTS && row->kind != KIND_STRUCTS)
			continue;
		while (take_field(&rest, &tag, &item) > 0)
			count += tag == row->tag;
		*(void **)(void *)(base + row->offset) =
			arena_array(arena, count + 1, size);
		*(size_t *)(void *)(base + row->count_offset) = 0;
	}
}

static bool read_fields(struct arena *arena, const struct type *type,
			struct slice bytes, char *base)
{
	struct slice item;
	uint64_t tag;
	int found;

	make_room(arena, type, bytes, base);
	while ((found = take_field(&bytes, &tag, &item)) > 0) {
		const struct row *row = find_row(type, tag);

		if (row && !read_field(arena, row, item, base))
			return false;
	}
	return found == 0;
}

bool record_unpack(struct arena *arena, struct slice packed,
		   struct record *record_r)
{
	memset(record_r, 0, sizeof(*record_r));
	if (packed.n == 0 || packed.n > RECORD_PACKED_MAX ||
	    packed.p[0] != VERSION)
		return false;
	return read_fields(arena, &record_type, slice_sub(packed, 1, packed.n),
			   (char *)record_r);
}

bool record_packed_is_probe(struct slice packed)
{
	struct slice rest = slice_sub(packed, 1, packed.n), item;
	uint64_t tag;

	while (take_field(&rest, &tag, &item) > 0)
		if (tag == TAG_PROBE)
			return true;
	return false;
}
