/* Address lists and paths from mail; what comes out lies in the arena. */
#include "common/mail/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice value = {(const char *)data, size}, local, domain;
	struct arena *a = arena_new(0);
	struct mailbox_list list;

	address_list_parse(a, value, 20, &list);
	if (list.count > 20)
		abort();
	for (size_t i = 0; i < list.count; i++) {
		const struct mailbox *m = &list.mailbox[i];

		/* Nothing is made up: it all stood in the field. */
		if (m->display.n + m->local.n + m->domain.n > 2 * size)
			abort();
	}
	address_split(value, &local, &domain);
	if (local.n + domain.n > size)
		abort();
	arena_free(&a);
	return 0;
}
