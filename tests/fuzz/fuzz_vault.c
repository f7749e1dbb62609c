/* Files of the vault: what is read lies within the file, and written again
 * it reads the same. */
#include "milter/store/vault_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct arena *arena, const struct vault_file *file)
{
	struct buf out = BUF(arena);
	struct vault_file again;
	struct vault_entry entry = file->entry;

	entry.record = (struct slice){"", 0};
	vault_file_head(&out, &entry, file->digest);
	if (vault_file_parse(arena, buf_slice(&out), &again) != 1 ||
	    !slice_eq(again.entry.reason, file->entry.reason) ||
	    !slice_eq(again.entry.sender, file->entry.sender) ||
	    again.entry.rcpt_count != file->entry.rcpt_count ||
	    again.entry.size != file->entry.size ||
	    memcmp(again.digest, file->digest, VAULT_DIGEST) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice head = {(const char *)data, size};
	struct arena *arena = arena_new(0);
	struct vault_file file;

	if (vault_file_parse(arena, head, &file) == 1) {
		if (file.record_at <= 0 || (uint64_t)file.record_at > size ||
		    file.message_at < file.record_at ||
		    !vault_file_is_id(file.entry.id))
			abort();
		check_again(arena, &file);
	}
	arena_free(&arena);
	return 0;
}
