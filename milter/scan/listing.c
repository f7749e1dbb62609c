/*
 * Only filters and formats that libarchive reads by itself are opened: it
 * would start programs for others. Members are unpacked only if they are
 * small enough to be looked into, for their kind and their own members.
 */
#include "milter/scan/listing.h"
#include "common/base/clock.h"
#include "milter/scan/kind.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#define DEPTH_MAX 4
/* A member that is unpacked to be looked into. */
#define MEMBER_MAX (16 << 20)
#define MEMBERS_MAX 4096

static struct archive *open_archive(struct slice bytes, bool raw)
{
	struct archive *a = archive_read_new();
	int bad = 0;

	if (!a)
		return NULL;
	bad |= archive_read_support_filter_gzip(a);
	bad |= archive_read_support_filter_bzip2(a);
	bad |= archive_read_support_filter_xz(a);
	bad |= archive_read_support_filter_lzma(a);
	bad |= archive_read_support_filter_zstd(a);
	bad |= archive_read_support_filter_compress(a);
	if (raw) {
		bad |= archive_read_support_format_raw(a);
	} else {
		bad |= archive_read_support_format_zip(a);
		bad |= archive_read_support_format_7zip(a);
		bad |= archive_read_support_format_rar(a);
		bad |= archive_read_support_format_rar5(a);
		bad |= archive_read_support_format_tar(a);
		bad |= archive_read_support_format_cab(a);
		bad |= archive_read_support_format_lha(a);
		bad |= archive_read_support_format_cpio(a);
		bad |= archive_read_support_format_ar(a);
		bad |= archive_read_support_format_iso9660(a);
		bad |= archive_read_support_format_xar(a);
	}
	/* A format less is no reason to look at none. */
	(void)bad;
	if (archive_read_open_memory(a, bytes.p, bytes.n) == ARCHIVE_OK)
		return a;
	archive_read_free(a);
	return NULL;
}

/* Reads the member's first bytes, at most MEMBER_MAX; NULL for none. */
static char *read_member(struct parts *parts, struct archive *a, size_t *n_r)
{
	size_t room = 65536, n = 0;
	char *bytes = malloc(room);

	while (bytes && n < MEMBER_MAX && n < parts->bytes_left) {
		char *larger;
		la_ssize_t got = archive_read_data(a, bytes + n, room - n);

		if (got < 0)
			parts->incomplete = true;
		if (got <= 0)
			break;
		n += (size_t)got;
		if (n < room)
			continue;
		larger = realloc(bytes, room * 2);
		if (!larger)
			break;
		bytes = larger;
		room *= 2;
	}
	*n_r = n;
	parts->bytes_left -= n < parts->bytes_left ? n : parts->bytes_left;
	return bytes;
}

static struct slice name_of(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname_utf8(entry);

	if (!name)
		name = archive_entry_pathname(entry);
	return slice_cstr(name);
}

static int add_member(struct parts *parts, size_t index, struct archive *a,
		      struct archive_entry *entry, bool raw)
{
	struct scan_part member = {
		.name = raw ? SLICE_NONE : name_of(entry),
		.size = archive_entry_size_is_set(entry)
				? (uint64_t)archive_entry_size(entry)
				: 0,
		.depth = parts->list[index].depth + 1,
		.parent = (unsigned)index,
		.encrypted = archive_entry_is_encrypted(entry) > 0,
	};
	size_t n = 0;
	char *bytes;

	if (archive_entry_filetype(entry) == AE_IFDIR)
		return 0;
	bytes = member.encrypted ? NULL : read_member(parts, a, &n);
	if (bytes) {
		member.kind = kind_of((struct slice){bytes, n});
		member.encrypted = kind_is_encrypted(
			member.kind, (struct slice){bytes, n});
		if (!archive_entry_size_is_set(entry))
			member.size = n;
	}
	if (parts_add(parts, &member) < 0) {
		free(bytes);
		return -1;
	}
	if (bytes && n < MEMBER_MAX)
		listing_add(parts, parts->count - 1, (struct slice){bytes, n});
	else if (bytes && kind_is_archive(member.kind))
		parts->incomplete = true;
	free(bytes);
	return 0;
}

static void add_members(struct parts *parts, size_t index, struct archive *a,
			bool raw)
{
	struct archive_entry *entry;
	int code = ARCHIVE_OK;

	for (int i = 0; i < MEMBERS_MAX; i++) {
		if (parts->bytes_left == 0 || clock_mono_ms() > parts->until_ms)
			break;
		code = archive_read_next_header(a, &entry);
		if (code == ARCHIVE_EOF)
			return;
		if (code < ARCHIVE_WARN ||
		    add_member(parts, index, a, entry, raw) < 0)
			break;
	}
	parts->incomplete = true;
	/* A header that is encrypted too cannot even be listed. */
	if (code < ARCHIVE_WARN && archive_read_has_encrypted_entries(a) > 0)
		parts->list[index].encrypted = true;
}

static bool is_packed_file(struct slice kind)
{
	return slice_eq(kind, SLICE("gzip")) ||
	       slice_eq(kind, SLICE("bzip2")) || slice_eq(kind, SLICE("xz")) ||
	       slice_eq(kind, SLICE("zstd")) ||
	       slice_eq(kind, SLICE("compress"));
}

void listing_add(struct parts *parts, size_t index, struct slice bytes)
{
	struct slice kind = parts->list[index].kind;
	/* One packed file has a member; if that is a tar, its own are next. */
	bool raw = is_packed_file(kind);
	struct archive *a;

	if (!kind_is_archive(kind))
		return;
	if (parts->list[index].depth >= DEPTH_MAX) {
		parts->incomplete = true;
		return;
	}
	a = open_archive(bytes, raw);
	if (!a) {
		parts->incomplete = true;
		return;
	}
	add_members(parts, index, a, raw);
	archive_read_free(a);
}
