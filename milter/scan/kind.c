/* Magic numbers, the first row that fits counts; a look inside for few. */
#include "milter/scan/kind.h"

#include <string.h>

#define TEXT_LOOK 512
#define OOXML_LOOK 4096
/* Of a program for DOS: its header, and where another header is named. */
#define MZ_HEADER 28
#define MZ_NEW 60
#define MZ_PAGE 512
/* An entry in the folder of a compound file ([MS-CFB] 2.6.1). */
#define OLE2_ENTRY 128
#define OLE2_NAME_BYTES 64

struct magic {
	size_t at;
	struct slice bytes;
	struct slice kind;
};

#define MAGIC(at, bytes, kind) {(at), {bytes, sizeof(bytes) - 1}, \
				{kind, sizeof(kind) - 1}}

static const struct magic magics[] = {
	MAGIC(0, "\x7f" "ELF", "exe"),
	MAGIC(0, "\xfe\xed\xfa\xce", "exe"),
	MAGIC(0, "\xfe\xed\xfa\xcf", "exe"),
	MAGIC(0, "\xce\xfa\xed\xfe", "exe"),
	MAGIC(0, "\xcf\xfa\xed\xfe", "exe"),
	MAGIC(0, "\xca\xfe\xba\xbe\0\0\0\x02", "exe"),
	MAGIC(0, "\xca\xfe\xba\xbe", "java"),
	MAGIC(0, "#!", "script"),
	MAGIC(0, "PK\3\4", "zip"),
	MAGIC(0, "PK\5\6", "zip"),
	MAGIC(0, "PK\7\10PK", "zip"),
	MAGIC(0, "7z\xbc\xaf\x27\x1c", "7z"),
	MAGIC(0, "Rar!\x1a\x07", "rar"),
	MAGIC(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2"),
	MAGIC(0, "%PDF-", "pdf"),
	MAGIC(0, "{\\rtf", "rtf"),
	MAGIC(0, "\x1f\x8b", "gzip"),
	MAGIC(0, "BZh", "bzip2"),
	MAGIC(0, "\xfd" "7zXZ", "xz"),
	MAGIC(0, "\x28\xb5\x2f\xfd", "zstd"),
	MAGIC(0, "\x1f\x9d", "compress"),
	MAGIC(0, "MSCF", "cab"),
	MAGIC(0, "\x60\xea", "arj"),
	MAGIC(0, "ITSF", "chm"),
	MAGIC(0, "L\0\0\0\x01\x14\x02\0", "lnk"),
	MAGIC(0, "\x78\x9f\x3e\x22", "tnef"),
	MAGIC(0, "xar!", "xar"),
	MAGIC(0, "!<arch>\n", "ar"),
	MAGIC(0, "070701", "cpio"),
	MAGIC(0, "070702", "cpio"),
	MAGIC(0, "070707", "cpio"),
	MAGIC(0, "\xc7\x71", "cpio"),
	MAGIC(0, "\x71\xc7", "cpio"),
	MAGIC(257, "ustar", "tar"),
	MAGIC(2, "-lh", "lha"),
	MAGIC(32769, "CD001", "iso"),
	MAGIC(0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "onenote"),
	MAGIC(0, "FWS", "swf"),
	MAGIC(0, "CWS", "swf"),
	MAGIC(0, "\x89PNG\r\n", "png"),
	MAGIC(0, "\xff\xd8\xff", "jpeg"),
	MAGIC(0, "GIF8", "gif"),
};

static bool holds(struct slice s, size_t at, struct slice part)
{
	return s.n >= at && s.n - at >= part.n &&
	       memcmp(s.p + at, part.p, part.n) == 0;
}

static bool is_html(struct slice s)
{
	static const struct slice begins[] = {
		{"<!doctype html", 14}, {"<html", 5}, {"<head", 5},
		{"<body", 5},		{"<script", 7},
	};
	struct slice head = slice_trim(slice_sub(s, 0, TEXT_LOOK));

	if (holds(head, 0, SLICE("\xef\xbb\xbf")))
		head = slice_trim(slice_sub(head, 3, head.n));
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (slice_starts_nocase(head, begins[i]))
			return true;
	return false;
}

static bool is_text(struct slice s)
{
	size_t n = s.n < TEXT_LOOK ? s.n : TEXT_LOOK;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 32 && c != '\t' && c != '\n' && c != '\r' && c != '\f')
			return false;
	}
	return n > 0;
}

/* Only Microsoft's documents have that member, and it stands first. */
static bool is_ooxml(struct slice s)
{
	struct slice head = slice_sub(s, 0, OOXML_LOOK);

	return slice_search_nocase(head, SLICE("[Content_Types].xml")) < head.n;
}

static uint32_t number_at(struct slice s, size_t at, size_t bytes)
{
	uint32_t number = 0;

	for (size_t i = bytes; i-- > 0;)
		number = number << 8 | (unsigned char)s.p[at + i];
	return number;
}

/* What programs for Windows and OS/2 have where their first header says. */
static bool has_new_header(struct slice s)
{
	static const struct slice begins[] = {
		{"PE\0\0", 4}, {"NE", 2}, {"LE", 2}, {"LX", 2}};
	size_t at = s.n >= MZ_NEW + 4 ? number_at(s, MZ_NEW, 4) : s.n;

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (holds(s, at, begins[i]))
			return true;
	return false;
}

/*
 * Two letters are no program: text may begin with them. The fields of a
 * program for DOS must fit together: bytes in its last page, pages,
 * relocations, paragraphs of its header, where the relocations stand.
 */
static bool is_mz(struct slice s)
{
	uint32_t last, pages, relocations, header, table;

	if (!holds(s, 0, SLICE("MZ")) && !holds(s, 0, SLICE("ZM")))
		return false;
	if (has_new_header(s))
		return true;
	if (s.n < MZ_HEADER)
		return false;
	last = number_at(s, 2, 2);
	pages = number_at(s, 4, 2);
	relocations = number_at(s, 6, 2);
	header = number_at(s, 8, 2) * 16;
	table = number_at(s, 24, 2);
	return last <= MZ_PAGE && pages > 0 && header >= MZ_HEADER &&
	       header <= pages * MZ_PAGE && header <= s.n &&
	       (relocations == 0 || table + relocations * 4 <= header);
}

struct slice kind_of(struct slice bytes)
{
	if (is_mz(bytes))
		return SLICE("exe");
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (!holds(bytes, magics[i].at, magics[i].bytes))
			continue;
		if (slice_eq(magics[i].kind, SLICE("zip")) && is_ooxml(bytes))
			return SLICE("ooxml");
		return magics[i].kind;
	}
	if (is_html(bytes))
		return SLICE("html");
	return is_text(bytes) ? SLICE("text") : SLICE_NONE;
}

bool kind_is_encrypted(struct slice kind, struct slice bytes)
{
	/* Its NUL at the end counts into the length that is stored. */
	static const char name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0"
				   "P\0a\0c\0k\0a\0g\0e\0\0";
	struct slice rest = bytes;

	if (!slice_eq(kind, SLICE("ole2")))
		return false;
	while (rest.n >= OLE2_ENTRY) {
		const char *at = memmem(rest.p, rest.n, name, sizeof(name));
		size_t offset = at ? (size_t)(at - bytes.p) : bytes.n;

		if (bytes.n - offset < OLE2_ENTRY)
			return false;
		if (offset % OLE2_ENTRY == 0 &&
		    number_at(bytes, offset + OLE2_NAME_BYTES, 2) ==
			    sizeof(name))
			return true;
		rest = slice_sub(bytes, offset + 1, bytes.n);
	}
	return false;
}

bool kind_is_archive(struct slice kind)
{
	static const char *const archives[] = {
		"zip", "ooxml", "7z", "rar", "tar", "gzip", "bzip2", "xz",
		"zstd", "compress", "cab", "ar", "cpio", "lha", "iso", "xar",
	};

	for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++)
		if (slice_eq(kind, slice_cstr(archives[i])))
			return true;
	return false;
}
