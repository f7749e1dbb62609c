/* Magic numbers; the first row that fits counts. */
#include "milter/scan/kind.h"

#include <string.h>

#define TEXT_LOOK 512
#define OOXML_LOOK 4096

struct magic {
	size_t at;
	struct slice bytes;
	struct slice kind;
};

#define MAGIC(at, bytes, kind) {(at), {bytes, sizeof(bytes) - 1}, \
				{kind, sizeof(kind) - 1}}

static const struct magic magics[] = {
	MAGIC(0, "MZ", "exe"),
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

struct slice kind_of(struct slice bytes)
{
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
