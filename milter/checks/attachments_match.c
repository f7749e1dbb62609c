/* Names and patterns. Each function is one pass, or a bounded one. */
#include "milter/checks/attachments_match.h"
#include "common/base/utf8.h"

#include <string.h>

/* What programs open to show it. */
static const char *const documents[] = {
	"avi",	"bmp",	"csv",	"doc", "docx", "eml",  "gif", "heic", "htm",
	"html", "ics",	"jpeg", "jpg", "md",   "mkv",  "mov", "mp3",  "mp4",
	"mpeg", "mpg",	"msg",	"odp", "ods",  "odt",  "ogg", "pdf",  "png",
	"ppt",	"pptx", "rtf",	"svg", "tif",  "tiff", "txt", "vcf",  "wav",
	"webp", "wma",	"wmv",	"xls", "xlsx", "xml",  "xps", NULL,
};

static const char *const archives[] = {
	"7z", "bz2", "gz", "rar", "tar", "tgz", "xz", "zip", "zst", NULL,
};

static bool is_one_of(struct slice word, const char *const *words)
{
	for (; *words; words++)
		if (slice_eq_nocase(word, slice_cstr(*words)))
			return true;
	return false;
}

/* A byte that is no UTF-8 is a character by itself. */
static size_t character_length(struct slice text, size_t at)
{
	size_t length = utf8_length(text, at);

	return length ? length : 1;
}

/* U+00A0, U+1680, U+2000 to U+200A, U+202F, U+205F, U+3000, U+3164. */
static bool is_foreign_blank(struct slice character)
{
	const unsigned char *p = (const unsigned char *)character.p;

	if (character.n == 2)
		return p[0] == 0xc2 && p[1] == 0xa0;
	if (character.n != 3)
		return false;
	switch (p[0]) {
	case 0xe1:
		return p[1] == 0x9a && p[2] == 0x80;
	case 0xe2:
		return (p[1] == 0x80 && (p[2] <= 0x8a || p[2] == 0xaf)) ||
		       (p[1] == 0x81 && p[2] == 0x9f);
	case 0xe3:
		return (p[1] == 0x80 && p[2] == 0x80) ||
		       (p[1] == 0x85 && p[2] == 0xa4);
	default:
		return false;
	}
}

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

static struct slice base_name(struct slice name)
{
	size_t from;

	while (name.n > 0 &&
	       (name.p[name.n - 1] == '.' || name.p[name.n - 1] == ' ' ||
		is_separator(name.p[name.n - 1])))
		name.n--;
	for (from = name.n; from > 0; from--)
		if (is_separator(name.p[from - 1]))
			break;
	return slice_trim(slice_sub(name, from, name.n));
}

/* Once over the bytes, in place; how many are left. */
static size_t strip_hidden(char *bytes, size_t count)
{
	struct slice name = {bytes, count};
	size_t n = 0;

	for (size_t i = 0, length; i < count; i += length) {
		length = character_length(name, i);
		if (utf8_length(name, i) > 0 && utf8_shown_length(name, i) == 0)
			continue;
		if (is_foreign_blank(slice_sub(name, i, i + length))) {
			bytes[n++] = ' ';
			continue;
		}
		memmove(bytes + n, bytes + i, length);
		n += length;
	}
	return n;
}

struct slice attachment_name_normalise(struct arena *arena, struct slice name)
{
	char *bytes;
	size_t n = name.n, was;

	if (n == 0)
		return SLICE("");
	bytes = ARENA_ARRAY(arena, char, n);
	memcpy(bytes, name.p, n);
	/* What is left may stand together as something hidden. */
	do {
		was = n;
		n = strip_hidden(bytes, was);
	} while (n < was);
	return base_name((struct slice){bytes, n});
}

static bool has_wildcard(struct slice s)
{
	return slice_find(s, 0, '*') < s.n || slice_find(s, 0, '?') < s.n;
}

/* The bytes of text at `t` that the pattern's byte stands for; 0: none. */
static size_t fits(char p, struct slice text, size_t t)
{
	if (p != '?')
		return ascii_lower(p) == ascii_lower(text.p[t]);
	return character_length(text, t);
}

/*
 * Only the last star is ever gone back to: what an earlier one might take
 * more, the last can take as well. So the text is gone through at most once
 * for each byte of the pattern.
 */
bool attachment_pattern_matches(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = pattern.n, resume = 0;

	/* "*.exe", by far the commonest, at once. */
	if (pattern.n > 0 && pattern.p[0] == '*' &&
	    !has_wildcard(slice_sub(pattern, 1, pattern.n)))
		return slice_ends_nocase(text,
					 slice_sub(pattern, 1, pattern.n));
	while (t < text.n) {
		size_t taken = 0;

		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			resume = t;
			continue;
		}
		if (p < pattern.n)
			taken = fits(pattern.p[p], text, t);
		if (taken > 0) {
			p++;
			t += taken;
		} else if (star < pattern.n) {
			p = star + 1;
			t = resume += character_length(text, resume);
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

struct slice attachment_extension(struct slice name, struct slice *stem_r)
{
	size_t dot = slice_rfind(name, '.');

	if (stem_r)
		*stem_r = slice_sub(name, 0, dot);
	return slice_sub(name, dot < name.n ? dot + 1 : name.n, name.n);
}

bool attachment_name_is_double(struct slice name)
{
	struct slice stem, before;

	if (attachment_extension(name, &stem).n == 0)
		return false;
	/* Many blanks push the true end out of what is shown. */
	while (stem.n > 0 &&
	       (stem.p[stem.n - 1] == ' ' || stem.p[stem.n - 1] == '_' ||
		stem.p[stem.n - 1] == '.'))
		stem.n--;
	before = slice_trim(attachment_extension(stem, NULL));
	return is_one_of(before, documents);
}

bool attachment_name_is_harmless(struct slice name)
{
	struct slice last = slice_trim(attachment_extension(name, NULL));

	return is_one_of(last, documents) || is_one_of(last, archives);
}
