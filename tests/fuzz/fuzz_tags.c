/* Tag lists: every slice must lie within the input. */
#include "common/mail/tags.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct tags tags;

	tags_parse(text, &tags);
	for (size_t i = 0; i < tags.count; i++) {
		const struct tag *tag = &tags.tag[i];

		if (tag->name.p < text.p || tag->name.n == 0 ||
		    tag->value.p + tag->value.n > text.p + text.n)
			abort();
	}
	return 0;
}
