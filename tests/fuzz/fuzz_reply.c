/* Any bytes as the recorder's answer, and its body as JSON. */
#include "common/verdict/json.h"
#include "milter/cli/recorder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice reply = {(const char *)data, size}, body;
	struct arena *arena = arena_new(0);
	const struct json_value *value;
	struct err err;
	unsigned status;

	if (recorder_read_reply(reply, &status, &body, &err) == 0) {
		value = json_read(arena, body, &err);
		(void)json_text(json_member(value, "records"), "sent");
	}
	(void)json_read(arena, reply, &err);
	arena_free(&arena);
	return 0;
}
