/*
 * Verdict headers: no bytes pass for sealed, and what was sealed for any
 * Message-ID and From is read back.
 */
#include "common/verdict/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seal_key *some_key(void)
{
	static const char hex[] =
		"6761746570 is not hexadecimal: no key is made of it";
	static const char good[] = "0123456789abcdef0123456789abcdef"
				   "0123456789abcdef0123456789abcdef\n";
	int fd = memfd_create("key", 0);
	struct seal_key *key;
	char path[64];
	struct err err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (pwrite(fd, hex, sizeof(hex), 0) < 0 || seal_key_load(path, &err))
		abort();
	if (pwrite(fd, good, sizeof(good) - 1, 0) < 0)
		abort();
	key = seal_key_load(path, &err);
	close(fd);
	if (!key)
		abort();
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seal_key *key;
	struct slice rest = {(const char *)data, size}, value, message_id;
	struct arena *arena = arena_new(0);
	struct seal_fields fields, got;

	if (!key)
		key = some_key();
	value = message_id = SLICE_NONE;
	(void)(slice_next(&rest, '\0', &value) &&
	       slice_next(&rest, '\0', &message_id));
	if (seal_read(key, value, message_id, rest, &got))
		abort();
	fields = (struct seal_fields){.id = SLICE("01a"),
				      .class = SLICE("spam"),
				      .action = SLICE("tag"),
				      .score = 1.5,
				      .time = 7,
				      .message_id = message_id,
				      .from = rest};
	value = seal_write(arena, key, &fields);
	if (!seal_read(key, value, message_id, rest, &got) || got.time != 7 ||
	    got.score != 1.5 || !slice_eq(got.class, fields.class) ||
	    !slice_eq(got.action, fields.action))
		abort();
	arena_free(&arena);
	return 0;
}
