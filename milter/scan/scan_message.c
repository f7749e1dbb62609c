/*
 * The engine gets the whole message and, since its reading of MIME may not
 * be the reader's, every leaf in every reading of ours. Bytes that it has
 * had already it does not get again.
 */
#include "milter/scan/scan_message.h"
#include "common/base/clock.h"
#include "common/mail/encoded.h"
#include "common/verdict/fingerprint.h"
#include "milter/scan/kind.h"
#include "milter/scan/listing.h"
#include "milter/scan/mime.h"

#include <string.h>

#define LEAVES_MAX 2000
/* Multiparts count here, but not among the engine's archives. */
#define DEPTH_FACTOR 4

struct scan {
	struct arena *arena;
	const struct scan_engine *engine; /* or NULL */
	struct scan_found found;
	struct parts parts;
	uint64_t bytes, bytes_max;
	int64_t until_ms;
	unsigned char (*seen)[FINGERPRINT];
	size_t seen_count;
};

/* The same bytes come as a part, as a reading and by the sweep. */
static bool is_seen(struct scan *s, struct slice bytes)
{
	unsigned char digest[FINGERPRINT];

	fingerprint(&bytes, 1, digest);
	for (size_t i = 0; i < s->seen_count; i++)
		if (memcmp(s->seen[i], digest, FINGERPRINT) == 0)
			return true;
	if (s->seen_count < LEAVES_MAX)
		memcpy(s->seen[s->seen_count++], digest, FINGERPRINT);
	return false;
}

/* Without an engine nothing is unscanned: the list of parts has an end. */
static void note_trouble(struct scan *s, enum scan_trouble trouble,
			 const char *reason)
{
	if (!s->engine || s->found.trouble != SCAN_NO_TROUBLE)
		return;
	s->found.trouble = trouble;
	s->found.reason = slice_cstr(reason);
}

/* The index of the part that it is; -1: it is none. */
static int list_leaf(struct scan *s, const struct mime_leaf *leaf)
{
	struct scan_part part = {
		.name = encoded_decode(s->arena, leaf->name),
		.type = leaf->type,
		.kind = kind_of(leaf->bytes),
		.size = leaf->bytes.n,
	};
	int index;

	/* A doubtful reading is a part only if it is a file of some kind. */
	if (leaf->doubtful && (part.kind.n == 0 ||
			       slice_eq(part.kind, SLICE("text"))))
		return -1;
	part.encrypted = kind_is_encrypted(part.kind, leaf->bytes);
	if (parts_add(&s->parts, &part) < 0)
		return -1;
	index = (int)s->parts.count - 1;
	listing_add(&s->parts, (size_t)index, leaf->bytes);
	return index;
}

/*
 * The engine tries the empty password on a PDF, with which anybody may read
 * it: what it still calls encrypted is.
 */
static void scan_leaf(struct scan *s, struct slice bytes, int index)
{
	s->found.encrypted_pdf = false;
	s->engine->look(s->engine->with, bytes, &s->found);
	if (s->found.encrypted_pdf && index >= 0)
		s->parts.list[index].encrypted = true;
}

static int take_leaf(void *with, const struct mime_leaf *leaf)
{
	struct scan *s = with;
	bool seen = is_seen(s, leaf->bytes);
	int index = leaf->doubtful && seen ? -1 : list_leaf(s, leaf);

	if (seen)
		return 0;
	s->bytes += leaf->bytes.n;
	if (s->bytes > s->bytes_max) {
		note_trouble(s, SCAN_LIMIT, "over scanner.scan_size");
		return -1;
	}
	if (clock_mono_ms() > s->until_ms) {
		note_trouble(s, SCAN_TIMEOUT, "over scanner.engine_time");
		return -1;
	}
	if (s->engine)
		scan_leaf(s, leaf->bytes, index);
	return 0;
}

/* Libclamav knows a mail by its first line; so it gets one that it knows. */
static void scan_whole(struct scan *s, struct slice message)
{
	struct buf copy = BUF(arena_new(message.n + 256));

	buf_add(&copy, SLICE("Received: from scanner by gatepost\r\n"));
	buf_add(&copy, message);
	s->engine->look(s->engine->with, buf_slice(&copy), &s->found);
	arena_free(&copy.arena);
}

static void fill_report(const struct scan *s, struct scan_report *to)
{
	*to = (struct scan_report){
		.result = SCAN_CLEAN,
		.parts = s->parts.list,
		.part_count = s->parts.count,
		.parts_complete = !s->parts.incomplete,
		.parts_known = true,
		.name_count = s->found.name_count,
	};
	memcpy(to->names, s->found.names, sizeof(to->names));
	if (s->found.signature) {
		to->result = SCAN_INFECTED;
	} else if (s->found.trouble != SCAN_NO_TROUBLE) {
		to->result = SCAN_UNSCANNED;
		to->trouble = s->found.trouble;
		to->reason = s->found.reason;
	}
}

void scan_message(struct arena *arena, struct slice message,
		  const struct scan_engine *engine,
		  const struct scan_limits *limits,
		  struct scan_report *report_r)
{
	const struct mime_limits mime = {
		limits->files < LEAVES_MAX ? limits->files : LEAVES_MAX,
		limits->recursion * DEPTH_FACTOR};
	int64_t began_us = clock_mono_us();
	struct scan s = {
		.arena = arena,
		.engine = engine,
		.found = {.arena = arena},
		.bytes_max = limits->scan_size,
		.until_ms = clock_mono_ms() + limits->time_ms,
		.seen = arena_alloc(arena, (size_t)LEAVES_MAX * FINGERPRINT),
	};

	parts_init(&s.parts, arena);
	s.parts.bytes_left = limits->scan_size;
	s.parts.until_ms = s.until_ms;
	if (engine)
		scan_whole(&s, message);
	if (!mime_walk(message, &mime, take_leaf, &s)) {
		s.parts.incomplete = true;
		note_trouble(&s, SCAN_LIMIT,
			     "too many parts, too deep, or no message");
	}
	fill_report(&s, report_r);
	report_r->us = clock_mono_us() - began_us;
}
