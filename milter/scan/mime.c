/*
 * GMime parses; how its parts are decoded is ours, since it believes the
 * first header it likes.
 */
#include "milter/scan/mime.h"
#include "milter/scan/decode.h"

#include <gmime/gmime.h>

/* Of the sweep; prose has some, a file has one. */
#define RUNS_MAX 4096

struct walk {
	const struct mime_limits *limits;
	mime_hear *hear;
	void *with;
	struct arena *arena; /* of one leaf */
	unsigned leaves;
	bool incomplete, stop;
};

void mime_start(void)
{
	g_mime_init();
}

static void tell(struct walk *w, const struct mime_leaf *leaf)
{
	if (w->stop)
		return;
	if (!leaf->doubtful)
		w->leaves++;
	if (w->leaves > w->limits->leaves || w->hear(w->with, leaf) < 0) {
		w->incomplete = true;
		w->stop = true;
	}
}

/* What the headers say of the encoding, and what else may be meant. */
struct claims {
	bool base64, quoted, uu, none;
	unsigned count;
};

static void add_claim(struct claims *claims, struct slice value)
{
	/* Comments and parameters do not belong here, but some write them. */
	value = slice_trim(slice_sub(value, 0, slice_find(value, 0, ';')));
	value = slice_trim(slice_sub(value, 0, slice_find(value, 0, '(')));
	claims->count++;
	if (slice_search_nocase(value, SLICE("base64")) < value.n)
		claims->base64 = true;
	else if (slice_search_nocase(value, SLICE("quoted")) < value.n)
		claims->quoted = true;
	else if (slice_search_nocase(value, SLICE("uu")) < value.n)
		claims->uu = true;
	else
		claims->none = true;
}

static struct claims claims_of(GMimeObject *object)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(object);
	int count = headers ? g_mime_header_list_get_count(headers) : 0;
	struct claims claims = {.count = 0};

	for (int i = 0; i < count; i++) {
		GMimeHeader *header =
			g_mime_header_list_get_header_at(headers, i);

		if (slice_eq_nocase(slice_trim(slice_cstr(g_mime_header_get_name(
					    header))),
				    SLICE("Content-Transfer-Encoding")))
			add_claim(&claims,
				  slice_cstr(g_mime_header_get_raw_value(
					  header)));
	}
	return claims;
}

static void tell_reading(struct walk *w, struct mime_leaf *leaf,
			 struct slice bytes)
{
	leaf->bytes = bytes;
	tell(w, leaf);
	leaf->doubtful = true;
}

static void tell_uu(struct walk *w, struct slice raw,
		    const struct mime_leaf *leaf)
{
	struct mime_leaf inner = {.type = SLICE("application/octet-stream"),
				  .doubtful = leaf->doubtful};
	struct slice rest = raw;

	for (int i = 0;
	     !w->stop && decode_uu(w->arena, &rest, &inner.name, &inner.bytes);
	     i++) {
		if (i == RUNS_MAX) {
			w->incomplete = true;
			break;
		}
		tell(w, &inner);
	}
}

static void tell_base64(struct walk *w, struct slice raw,
			struct mime_leaf *leaf)
{
	struct slice padded, whole = decode_base64(w->arena, raw, &padded);

	tell_reading(w, leaf, whole);
	if (padded.n != whole.n)
		tell_reading(w, leaf, padded);
}

/*
 * The likely reading first: it is the one that is listed. A header that is
 * missing, unknown, or one of several is not believed alone.
 */
static void tell_readings(struct walk *w, struct slice raw,
			  const struct claims *claims, struct mime_leaf *leaf)
{
	bool sure = claims->count == 1 &&
		    (claims->base64 || claims->quoted || claims->none);

	if (claims->base64)
		tell_base64(w, raw, leaf);
	if (claims->quoted)
		tell_reading(w, leaf, decode_quoted(w->arena, raw));
	if (!claims->base64 && !claims->quoted)
		tell_reading(w, leaf, raw);
	if (!claims->base64 && decode_looks_base64(raw))
		tell_base64(w, raw, leaf);
	if (!sure && !claims->quoted &&
	    (claims->count > 0 || decode_looks_quoted(raw)))
		tell_reading(w, leaf, decode_quoted(w->arena, raw));
	/* Encoded by name only. */
	if ((claims->base64 && !decode_looks_base64(raw)) ||
	    (!sure && claims->quoted))
		tell_reading(w, leaf, raw);
	tell_uu(w, raw, leaf);
}

static struct slice content_of(GMimePart *part, GMimeStream *memory)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *stream =
		content ? g_mime_data_wrapper_get_stream(content) : NULL;
	const GByteArray *bytes;

	if (!stream)
		return SLICE_NONE;
	g_mime_stream_reset(stream);
	if (g_mime_stream_write_to_stream(stream, memory) < 0)
		return SLICE_NONE;
	bytes = g_mime_stream_mem_get_byte_array((GMimeStreamMem *)memory);
	return (struct slice){(const char *)bytes->data, bytes->len};
}

static bool take_message(struct walk *w, struct slice message, unsigned depth);

/*
 * A message may not be encoded (RFC 2045 6.4), so GMime leaves such a one
 * whole; readers open it all the same.
 */
static void take_encoded(struct walk *w, struct slice raw,
			 const struct claims *claims, unsigned depth)
{
	struct slice padded;
	struct slice message = claims->base64
				       ? decode_base64(w->arena, raw, &padded)
			       : claims->quoted ? decode_quoted(w->arena, raw)
						: raw;

	(void)take_message(w, message, depth + 1);
}

static bool is_message(struct slice type)
{
	return slice_eq_nocase(type, SLICE("message/rfc822")) ||
	       slice_eq_nocase(type, SLICE("message/global")) ||
	       slice_eq_nocase(type, SLICE("message/news"));
}

static void take_leaf(struct walk *w, GMimePart *part, unsigned depth)
{
	GMimeObject *object = (GMimeObject *)part;
	GMimeStream *memory = g_mime_stream_mem_new();
	struct claims claims = claims_of(object);
	GMimeContentType *type = g_mime_object_get_content_type(object);
	char *mime_type = type ? g_mime_content_type_get_mime_type(type) : NULL;
	struct slice raw = content_of(part, memory);
	struct mime_leaf leaf = {
		.name = slice_cstr(g_mime_part_get_filename(part)),
		.type = slice_cstr(mime_type),
	};

	tell_readings(w, raw, &claims, &leaf);
	if (is_message(leaf.type))
		take_encoded(w, raw, &claims, depth);
	arena_reset(w->arena);
	g_object_unref(memory);
	g_free(mime_type);
}

static void take_object(struct walk *w, GMimeObject *object, unsigned depth);

static void take_inner(struct walk *w, GMimeMessagePart *part, unsigned depth)
{
	GMimeMessage *inner = g_mime_message_part_get_message(part);

	if (inner && inner->mime_part)
		take_object(w, inner->mime_part, depth + 1);
}

static void take_object(struct walk *w, GMimeObject *object, unsigned depth)
{
	if (w->stop)
		return;
	if (depth > w->limits->depth) {
		w->incomplete = true;
		return;
	}
	if (GMIME_IS_MULTIPART(object)) {
		GMimeMultipart *multipart = (GMimeMultipart *)object;
		int count = g_mime_multipart_get_count(multipart);

		for (int i = 0; i < count && !w->stop; i++)
			take_object(w,
				    g_mime_multipart_get_part(multipart, i),
				    depth + 1);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		take_inner(w, (GMimeMessagePart *)object, depth);
	} else if (GMIME_IS_PART(object)) {
		take_leaf(w, (GMimePart *)object, depth);
	}
}

static void sweep(struct walk *w, struct slice message)
{
	struct mime_leaf leaf = {.type = SLICE_NONE, .doubtful = true};
	struct slice rest = message, run;
	int count = 0;

	while (!w->stop && decode_next_run(&rest, &run)) {
		if (++count > RUNS_MAX) {
			w->incomplete = true;
			break;
		}
		tell_base64(w, run, &leaf);
		arena_reset(w->arena);
	}
	tell_uu(w, message, &leaf);
}

/* False: it is no message. */
static bool take_message(struct walk *w, struct slice message, unsigned depth)
{
	/* Its own copy: what is in the arena goes with the first leaf. */
	GMimeStream *stream =
		g_mime_stream_mem_new_with_buffer(message.p, message.n);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *parsed = g_mime_parser_construct_message(parser, NULL);
	bool is_one = parsed && parsed->mime_part;

	if (is_one)
		take_object(w, parsed->mime_part, depth);
	if (parsed)
		g_object_unref(parsed);
	g_object_unref(parser);
	g_object_unref(stream);
	return is_one;
}

bool mime_walk(struct slice message, const struct mime_limits *limits,
	       mime_hear *hear, void *with)
{
	struct walk w = {.limits = limits, .hear = hear, .with = with,
			 .arena = arena_new(0)};

	if (!take_message(&w, message, 0))
		w.incomplete = true;
	sweep(&w, message);
	arena_free(&w.arena);
	return !w.incomplete;
}
