/* Writing and reading the lines. */
#include "milter/store/vault_file.h"

#include <string.h>

#define FIRST_LINE "gatepost-vault: 1"
#define ID_MAX 32

const char *vault_class_word(enum vault_class class)
{
	static const char *const words[VAULT_CLASSES] = {
		"virus", "spam", "dmarc", "attachment", "unscanned"};

	return words[class];
}

bool vault_file_is_id(struct slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!ascii_is_alnum(id.p[i]))
			return false;
	return id.n > 0 && id.n <= ID_MAX;
}

void vault_file_folder(struct slice id, char folder_r[3])
{
	static const char digits[] = "0123456789abcdef";
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < id.n; i++)
		hash = (hash ^ (unsigned char)id.p[i]) * 16777619u;
	hash ^= hash >> 16;
	folder_r[0] = digits[hash >> 4 & 15];
	folder_r[1] = digits[hash & 15];
	folder_r[2] = '\0';
}

static void add_line(struct buf *out, const char *name, struct slice value)
{
	buf_add_text(out, name);
	buf_add_text(out, ": ");
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c < ' ' || c == 0x7f || c == '%')
			buf_printf(out, "%%%02X", c);
		else
			buf_add_char(out, value.p[i]);
	}
	buf_add_char(out, '\n');
}

void vault_file_head(struct buf *out, const struct vault_entry *entry,
		     const unsigned char digest[VAULT_DIGEST])
{
	buf_add_text(out, FIRST_LINE "\n");
	add_line(out, "id", entry->id);
	add_line(out, "class", slice_cstr(vault_class_word(entry->class)));
	add_line(out, "reason", entry->reason);
	add_line(out, "kept", entry->rejected ? SLICE("copy") : SLICE("held"));
	buf_printf(out, "stored: %lld\n", (long long)entry->stored_ms);
	add_line(out, "from", entry->sender);
	for (size_t i = 0; i < entry->rcpt_count; i++)
		add_line(out, "to", entry->rcpts[i]);
	buf_printf(out, "size: %llu\n", (unsigned long long)entry->size);
	buf_printf(out, "record: %zu\n", entry->record.n);
	buf_add_text(out, "sha256: ");
	for (size_t i = 0; i < VAULT_DIGEST; i++)
		buf_printf(out, "%02x", digest[i]);
	buf_add_text(out, "\n\n");
}

static int hex(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False on a broken escape. */
static bool unescape(struct arena *arena, struct slice text,
		     struct slice *value_r)
{
	char *out = arena_array(arena, text.n + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int high, low;

		if (text.p[i] != '%') {
			out[n++] = text.p[i];
			continue;
		}
		if (i + 2 >= text.n)
			return false;
		high = hex(text.p[++i]);
		low = hex(text.p[++i]);
		if (high < 0 || low < 0)
			return false;
		out[n++] = (char)(high << 4 | low);
	}
	*value_r = (struct slice){out, n};
	return true;
}

struct reader {
	struct arena *arena;
	struct vault_file *file;
	struct slice *rcpts;
	bool has_id, has_class, has_size, has_digest;
};

static bool read_class(struct reader *r, struct slice value)
{
	for (int i = 0; i < VAULT_CLASSES; i++)
		if (slice_eq(value,
			     slice_cstr(vault_class_word((enum vault_class)i)))) {
			r->file->entry.class = (enum vault_class)i;
			r->has_class = true;
		}
	return r->has_class;
}

static bool read_digest(struct reader *r, struct slice value)
{
	if (value.n != 2 * (size_t)VAULT_DIGEST)
		return false;
	for (size_t i = 0; i < VAULT_DIGEST; i++) {
		int high = hex(value.p[2 * i]), low = hex(value.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		r->file->digest[i] = (unsigned char)(high << 4 | low);
	}
	r->has_digest = true;
	return true;
}

static bool read_number(struct slice value, uint64_t max, uint64_t *number_r)
{
	return slice_to_u64(value, number_r) && *number_r <= max;
}

/* Lines of names that are not known are for later versions. */
static bool read_line(struct reader *r, struct slice name, struct slice value)
{
	struct vault_entry *e = &r->file->entry;
	uint64_t n;

	if (slice_eq(name, SLICE("id"))) {
		r->has_id = vault_file_is_id(value);
		return unescape(r->arena, value, &e->id) && r->has_id;
	}
	if (slice_eq(name, SLICE("class")))
		return read_class(r, value);
	if (slice_eq(name, SLICE("reason")))
		return unescape(r->arena, value, &e->reason);
	if (slice_eq(name, SLICE("kept"))) {
		e->rejected = slice_eq(value, SLICE("copy"));
		return true;
	}
	if (slice_eq(name, SLICE("from")))
		return unescape(r->arena, value, &e->sender);
	if (slice_eq(name, SLICE("to")))
		return unescape(r->arena, value, &r->rcpts[e->rcpt_count++]);
	if (slice_eq(name, SLICE("sha256")))
		return read_digest(r, value);
	if (slice_eq(name, SLICE("stored"))) {
		if (!read_number(value, INT64_MAX, &n))
			return false;
		e->stored_ms = (int64_t)n;
	} else if (slice_eq(name, SLICE("size"))) {
		r->has_size = read_number(value, INT64_MAX / 2, &e->size);
		return r->has_size;
	} else if (slice_eq(name, SLICE("record"))) {
		if (!read_number(value, UINT32_MAX, &n))
			return false;
		r->file->record_size = (size_t)n;
	}
	return true;
}

static size_t count_lines(struct slice lines)
{
	size_t count = 0;

	for (size_t i = 0; i < lines.n; i++)
		count += lines.p[i] == '\n';
	return count;
}

static bool read_lines(struct reader *r, struct slice lines)
{
	struct slice line;
	bool first = true;

	while (lines.n > 0 && slice_next(&lines, '\n', &line)) {
		size_t colon = slice_find(line, 0, ':');

		if (first && !slice_eq(line, SLICE(FIRST_LINE)))
			return false;
		if (!first &&
		    (colon + 2 > line.n ||
		     !read_line(r, slice_sub(line, 0, colon),
				slice_sub(line, colon + 2, line.n))))
			return false;
		first = false;
	}
	return !first;
}

int vault_file_parse(struct arena *arena, struct slice head,
		     struct vault_file *file_r)
{
	struct reader r = {.arena = arena, .file = file_r};
	size_t end = 0;

	memset(file_r, 0, sizeof(*file_r));
	if (head.n >= sizeof(FIRST_LINE) &&
	    !slice_starts_nocase(head, SLICE(FIRST_LINE "\n")))
		return -1;
	do {
		end = slice_find(head, end, '\n') + 1;
	} while (end < head.n && head.p[end] != '\n');
	if (end >= head.n)
		return head.n >= VAULT_FILE_HEAD_MAX ? -1 : 0;
	head = slice_sub(head, 0, end);
	r.rcpts = ARENA_ARRAY(arena, struct slice, count_lines(head) + 1);
	file_r->entry.rcpts = r.rcpts;
	if (!read_lines(&r, head) || !r.has_id || !r.has_class ||
	    !r.has_size || !r.has_digest)
		return -1;
	file_r->record_at = (int64_t)end + 1;
	file_r->message_at = file_r->record_at + (int64_t)file_r->record_size;
	return 1;
}
