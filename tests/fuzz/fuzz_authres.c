/* Authentication-Results: any bytes as a field value, and as our values. */
#include "common/mail/authres.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One field: no NUL, no control but our own folds. */
static void check_text(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 &&
		    !(p[0] == '\n' && p[1] == '\t') && p[0] != '\t')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct slice all = {(const char *)data, size};
	struct authres_result result = {
		.method = "dkim",
		.word = "pass",
		.comment = slice_sub(all, 0, size / 3),
		.reason = slice_sub(all, size / 3, size / 2),
		.properties = {{"header", "d", all},
			       {"header", "i", slice_sub(all, size / 2, size)}},
		.property_count = 2};
	struct slice id;
	const char *text;

	if (authres_parse_id(a, all, &id) && id.n > size)
		abort();
	if (!authres_is_forged(a, all, SLICE("mx.example.org")) && id.n == 0)
		abort();
	text = authres_build(a, slice_sub(all, 0, 20), &result, 1);
	check_text(text);
	/* What we write, we can read. */
	if (size > 0 && !authres_parse_id(a, slice_cstr(text), &id))
		abort();
	arena_free(&a);
	return 0;
}
