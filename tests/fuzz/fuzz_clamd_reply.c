/* What clamd says of a message, and of itself. */
#include "milter/net/clamd.h"
#include "milter/net/clamd_reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
	if (!holds)
		abort();
}

static bool ends_in_ok(struct slice reply)
{
	reply = slice_trim(reply);
	return slice_eq(slice_sub(reply, reply.n - 4, reply.n), SLICE(": OK"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice reply = {(const char *)data, size};
	struct arena *arena = arena_new(0);
	struct scan_report report;
	struct clamd_version version;

	clamd_read_reply(arena, reply, &report);
	need(report.result < SCAN_RESULTS && report.trouble < SCAN_TROUBLES);
	need((report.result == SCAN_UNSCANNED) ==
	     (report.trouble != SCAN_NO_TROUBLE));
	need((report.result == SCAN_UNSCANNED) == (report.reason.n > 0));
	need((report.result == SCAN_INFECTED) == (report.name_count == 1));
	if (report.result == SCAN_CLEAN)
		need(size >= 4 && ends_in_ok(reply));
	if (report.name_count)
		need(report.names[0].n > 0 &&
		     report.names[0].n <= SCAN_TEXT_MAX);
	need(report.reason.n <= SCAN_TEXT_MAX);
	if (!clamd_read_version(reply, &version))
		need(version.engine.n == 0 && version.database_time == 0);
	need(version.engine.n <= size);
	arena_free(&arena);
	return 0;
}
