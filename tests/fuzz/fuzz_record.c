/*
 * Packed records, as the recorder gets them from workers and from its file:
 * read, packed again and read again they are the same, and can be shown in
 * every form.
 */
#include "common/verdict/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void need_harmless(struct slice text)
{
	need(text.n > 0);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		need(c == '\n' || (c >= ' ' && c != 0x7f));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct slice packed = {(const char *)data, size};
	struct buf once = BUF(a), twice = BUF(a);
	struct record record, again;

	if (record_unpack(a, packed, &record)) {
		record_pack(&once, &record);
		need(once.n <= RECORD_PACKED_MAX);
		need(record_unpack(a, buf_slice(&once), &again));
		record_pack(&twice, &again);
		need(slice_eq(buf_slice(&once), buf_slice(&twice)));
		need_harmless(record_json(a, &record, 0));
		need_harmless(record_logfmt(a, &record));
		(void)record_decided_ms(&record);
	}
	arena_free(&a);
	return 0;
}
