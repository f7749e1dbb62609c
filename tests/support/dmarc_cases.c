/* Zones of DMARC cases. */
#include "tests/support/dmarc_cases.h"

#include "common/base/buf.h"
#include "tests/support/cmocka.h"

static bool is_type(struct slice word)
{
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] < 'A' || word.p[i] > 'Z')
			return false;
	return word.n > 0 && !slice_eq(word, SLICE("TEMPFAIL"));
}

const char *dmarc_zone(struct arena *a, const char *zone)
{
	struct slice rest = slice_cstr(zone), line;
	struct buf b = BUF(a);

	while (zone && slice_next(&rest, '\n', &line)) {
		size_t blank = slice_find(line, 0, ' ');
		struct slice data = slice_sub(line, blank + 1, line.n);

		if (is_type(slice_sub(data, 0, slice_find(data, 0, ' '))))
			buf_printf(&b, "%.*s\n", SLICE_FMT(line));
		else if (line.n > 0)
			buf_printf(&b, "_dmarc.%.*s TXT %.*s\n", (int)blank,
				   line.p, SLICE_FMT(data));
	}
	return arena_cstr(a, buf_slice(&b));
}

void dmarc_bench_open(struct dmarc_bench *bench, const char *zone,
		      enum dmarc_rfc rfc, bool late)
{
	struct err err;

	bench->arena = arena_new(0);
	bench->answers = answers_new(dmarc_zone(bench->arena, zone));
	answers_set_late(bench->answers, late);
	bench->source = (struct dmarc_source){
		.arena = bench->arena,
		.lookups = lookups_new(bench->arena,
				       answers_resolver(bench->answers), 300),
		.rfc = rfc,
	};
	if (rfc == DMARC_RFC9989)
		return;
	bench->source.suffixes = suffixes_open(NULL, &err);
	assert_non_null(bench->source.suffixes);
}

void dmarc_bench_close(struct dmarc_bench *bench)
{
	struct suffixes *suffixes = (struct suffixes *)bench->source.suffixes;

	lookups_end(bench->source.lookups);
	suffixes_close(&suffixes);
	answers_free(&bench->answers);
	arena_free(&bench->arena);
}
