/*
 * Packed reports, as a worker gets them from a scanner that may have been
 * taken over: what is read, packed and read again is the same.
 */
#include "milter/net/scan_report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct scan_report report, again;
	struct slice once;

	if (scan_report_unpack(a, (struct slice){(const char *)data, size},
			       &report)) {
		for (size_t i = 0; i < report.part_count; i++)
			need(report.parts[i].depth == 0 ||
			     report.parts[i].parent < i);
		once = scan_report_pack(a, &report);
		need(once.n <= SCAN_REPORT_MAX);
		need(scan_report_unpack(a, once, &again));
		need(slice_eq(once, scan_report_pack(a, &again)));
	}
	arena_free(&a);
	return 0;
}
