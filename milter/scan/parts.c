/* Texts are cut here, so that the list is bounded by its length. */
#include "milter/scan/parts.h"
#include "common/base/utf8.h"

void parts_init(struct parts *parts, struct arena *arena)
{
	*parts = (struct parts){
		.arena = arena,
		.list = ARENA_ARRAY(arena, struct scan_part, SCAN_PARTS_MAX),
		.bytes_left = UINT64_MAX,
		.until_ms = INT64_MAX,
	};
}

int parts_add(struct parts *parts, const struct scan_part *part)
{
	struct scan_part *to;

	if (parts->count == SCAN_PARTS_MAX) {
		parts->incomplete = true;
		return -1;
	}
	to = &parts->list[parts->count++];
	*to = *part;
	to->name = arena_dup(parts->arena,
			     utf8_cut(part->name, SCAN_TEXT_MAX));
	to->type = arena_lower(parts->arena,
			       utf8_cut(part->type, SCAN_TEXT_MAX));
	return 0;
}
