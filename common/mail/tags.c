/* Tag lists of DKIM and DMARC. */
#include "common/mail/tags.h"

/* tag-name = ALPHA *(ALPHA / DIGIT / "_") */
static bool name_fits(struct slice name)
{
	if (name.n == 0 || !ascii_is_alpha(name.p[0]))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!ascii_is_alnum(name.p[i]) && name.p[i] != '_')
			return false;
	return true;
}

static void add(struct tags *tags, struct slice name, struct slice value)
{
	if (tags->count == TAGS_MAX) {
		tags->malformed = true;
		return;
	}
	for (size_t i = 0; i < tags->count; i++)
		if (slice_eq(tags->tag[i].name, name))
			tags->repeated = true;
	tags->tag[tags->count++] = (struct tag){name, value};
}

void tags_parse(struct slice text, struct tags *tags_r)
{
	struct slice rest = text, piece;

	tags_r->count = 0;
	tags_r->malformed = tags_r->repeated = false;
	while (slice_next(&rest, ';', &piece)) {
		struct slice name;
		size_t equals;

		piece = slice_trim(piece);
		if (piece.n == 0) {
			/* Only the last piece may be empty: a final ';'. */
			if (rest.p)
				tags_r->malformed = true;
			continue;
		}
		equals = slice_find(piece, 0, '=');
		name = slice_trim(slice_sub(piece, 0, equals));
		if (equals == piece.n || !name_fits(name)) {
			tags_r->malformed = true;
			continue;
		}
		add(tags_r, name,
		    slice_trim(slice_sub(piece, equals + 1, piece.n)));
	}
}

const struct slice *tags_get(const struct tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->count; i++)
		if (slice_eq(tags->tag[i].name, slice_cstr(name)))
			return &tags->tag[i].value;
	return NULL;
}
