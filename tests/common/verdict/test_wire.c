/*
 * Packed records: all of it comes back, nothing grows over the bound, and
 * damaged bytes are told from a record. What is hostile in a record is
 * harmless in each of its forms.
 */
#include "common/base/base64.h"
#include "common/base/utf8.h"
#include "common/verdict/wire.h"
#include "tests/support/cmocka.h"

#include <math.h>
#include <string.h>

/* A record with something in every field. */
static const struct record *full(struct arena *a)
{
	static const struct slice rcpts[] = {SLICE("b@example.net"),
					     SLICE("c@example.net")};
	static const struct record_number thresholds[] = {
		{SLICE("greylist"), 4}, {SLICE("reject"), INFINITY}};
	static const struct record_number stages[] = {{SLICE("connect"), 0.25},
						      {SLICE("judge"), 1500}};
	static const struct record_symbol symbols[] = {
		{SLICE("SPF_FAIL"), 1, SLICE("meaning"), SLICE("detail"),
		 SLICE("spf"), 2.5},
		{SLICE("DKIM_PASS"), -0.2, SLICE("m"), SLICE(""), SLICE(""),
		 -0.2}};
	static const struct record_check checks[] = {
		{SLICE("spf"), SLICE("fail"), SLICE("why"), 0.5, 20}};
	static const struct record_dkim dkim[] = {{SLICE("pass"), SLICE("d"),
						   SLICE("s"), SLICE("i"),
						   SLICE("a"), SLICE("r")}};
	static const struct record_edit edits[] = {
		{SLICE("insert"), SLICE("X-Spam"), SLICE("Yes\n\tx"), 1}};
	struct record *r = ARENA_NEW(a, struct record);

	*r = (struct record){.id = SLICE("01kxyz"),
			     .time_ms = -5,
			     .generation = 7,
			     .queue_id = SLICE("4ABC"),
			     .client = SLICE("192.0.2.1"),
			     .client_name = SLICE("mx.example"),
			     .helo = SLICE("helo"),
			     .user = SLICE("user"),
			     .sender = SLICE("a@example.org"),
			     .rcpts = rcpts,
			     .rcpt_count = 2,
			     .rcpt_total = 3,
			     .direction = SLICE("in"),
			     .message_id = SLICE("<1@x>"),
			     .from = SLICE("A <a@example.org>"),
			     .subject = SLICE("s"),
			     .size = UINT64_MAX,
			     .action = SLICE("tag"),
			     .would = SLICE("reject"),
			     .cause = SLICE("score"),
			     .reply = SLICE("550"),
			     .score = 12.5,
			     .thresholds = thresholds,
			     .threshold_count = 2,
			     .symbols = symbols,
			     .symbol_count = 2,
			     .checks = checks,
			     .check_count = 1,
			     .edits = edits,
			     .edit_count = 1,
			     .stages = stages,
			     .stage_count = 2,
			     .dns_asked = 3,
			     .dns_cached = 2,
			     .dns_failed = 1,
			     .probe = true,
			     .auth = {.spf_result = SLICE("fail"),
				      .spf_domain = SLICE("d"),
				      .spf_scope = SLICE("mfrom"),
				      .spf_explanation = SLICE("e"),
				      .spf_helo_result = SLICE("none"),
				      .dkim = dkim,
				      .dkim_count = 1,
				      .dmarc_result = SLICE("fail"),
				      .dmarc_policy = SLICE("reject"),
				      .dmarc_domain = SLICE("d"),
				      .dmarc_policy_domain = SLICE("p"),
				      .dmarc_disposition = SLICE("reject"),
				      .dmarc_reason = SLICE("r"),
				      .iprev_result = SLICE("pass"),
				      .iprev_name = SLICE("n")}};
	return r;
}

static struct slice packed(struct arena *a, const struct record *r)
{
	struct buf out = BUF(a);

	record_pack(&out, r);
	return buf_slice(&out);
}

static void all_of_it_comes_back(void **state)
{
	struct arena *a = arena_new(0);
	const struct record *r = full(a);
	struct record back;

	(void)state;
	assert_true(record_unpack(a, packed(a, r), &back));
	assert_true(slice_eq(record_json(a, &back, 1), record_json(a, r, 1)));
	assert_true(slice_eq(record_logfmt(a, &back), record_logfmt(a, r)));
	assert_true(back.probe);
	assert_int_equal(back.time_ms, -5);
	assert_true(isinf(back.thresholds[1].value));
	assert_int_equal(record_decided_ms(&back), 1495);
	arena_free(&a);
}

static void an_empty_one_is_one(void **state)
{
	struct arena *a = arena_new(0);
	const struct record none = {0};
	struct record back;

	(void)state;
	assert_true(record_unpack(a, packed(a, &none), &back));
	assert_true(
		slice_eq(record_json(a, &back, 0), record_json(a, &none, 0)));
	arena_free(&a);
}

static void what_is_damaged_is_told(void **state)
{
	struct arena *a = arena_new(0);
	struct slice whole = packed(a, full(a));
	struct record back;

	(void)state;
	assert_false(record_unpack(a, SLICE(""), &back));
	assert_false(record_unpack(a, SLICE("\x02"), &back));
	/* A length beyond the end; a tag or a number that does not end. */
	assert_false(record_unpack(a, SLICE("\x01\x01\x05x"), &back));
	assert_false(record_unpack(a, SLICE("\x01\x80"), &back));
	assert_false(record_unpack(a, SLICE("\x01\x02\x01\x80"), &back));
	/* Cut anywhere it may be short, but it is never read beyond. */
	for (size_t n = 0; n < whole.n; n++) {
		char *copy = arena_alloc(a, n + 1);

		memcpy(copy, whole.p, n);
		(void)record_unpack(a, (struct slice){copy, n}, &back);
	}
	arena_free(&a);
}

static void what_a_later_version_adds_is_skipped(void **state)
{
	struct arena *a = arena_new(0);
	struct buf out = BUF(a);
	struct record back;

	(void)state;
	buf_add(&out, SLICE("\x01\xff\x01\x03new"));
	buf_add(&out, SLICE("\x04\x01q"));
	assert_true(record_unpack(a, buf_slice(&out), &back));
	assert_true(slice_eq(back.queue_id, SLICE("q")));
	arena_free(&a);
}

static struct slice repeated(struct arena *a, char c, size_t n)
{
	char *text = arena_alloc(a, n + 1);

	memset(text, c, n);
	return (struct slice){text, n};
}

static void nothing_grows_over_the_bound(void **state)
{
	struct arena *a = arena_new(0);
	struct slice much = repeated(a, 'x', 100 * 1024);
	struct slice *rcpts = ARENA_ARRAY(a, struct slice, 10000);
	struct record_symbol *symbols =
		ARENA_ARRAY(a, struct record_symbol, 128);
	struct record_edit *edits = ARENA_ARRAY(a, struct record_edit, 3000);
	struct record r = *full(a), back;
	struct slice bytes;

	(void)state;
	for (size_t i = 0; i < 10000; i++)
		rcpts[i] = i % 100 ? SLICE("user@example.net") : much;
	for (size_t i = 0; i < 128; i++)
		symbols[i] = (struct record_symbol){
			much, 1, much, much, much, 1};
	for (size_t i = 0; i < 3000; i++)
		edits[i] = (struct record_edit){SLICE("insert"), much, much, 1};
	r.queue_id = r.sender = r.helo = r.subject = r.from = r.message_id =
		much;
	r.rcpts = rcpts;
	r.rcpt_count = r.rcpt_total = 10000;
	r.symbols = symbols;
	r.symbol_count = 128;
	r.edits = edits;
	r.edit_count = 3000;
	bytes = packed(a, &r);
	assert_in_range(bytes.n, 1, RECORD_PACKED_MAX);
	assert_true(record_unpack(a, bytes, &back));
	assert_int_equal(back.sender.n, 1000);
	assert_int_equal(back.rcpt_total, 10000);
	assert_in_range(back.rcpt_count, 1000, 9999);
	arena_free(&a);
}

static const char hostile[] = "\x1b]0;x\x07\r\n\0\"\\'; DROP TABLE "
			      "record;--\xff\xc2\x9b {}\xe2\x80\xae";

/* Nothing is left that utf8_shown() would not show; the bytes are there. */
static void hostile_bytes_are_harmless(void **state)
{
	struct arena *a = arena_new(0);
	struct record r = *full(a), back;
	struct slice text = {hostile, sizeof(hostile) - 1}, json, found;
	size_t at;

	(void)state;
	r.subject = r.sender = text;
	assert_true(record_unpack(a, packed(a, &r), &back));
	assert_true(slice_eq(back.subject, text));
	json = record_json(a, &back, 0);
	assert_true(slice_eq(utf8_shown(a, json), json));
	at = slice_search_nocase(json, SLICE("\"/subject\":\""));
	assert_true(at < json.n);
	found = slice_sub(json, at + 12, json.n);
	found = slice_sub(found, 0, slice_find(found, 0, '"'));
	assert_true(base64_decode(a, found, &found));
	assert_true(slice_eq(found, text));
	json = record_logfmt(a, &back);
	assert_true(slice_eq(utf8_shown(a, json), json));
	arena_free(&a);
}

static void text_that_is_utf8_needs_no_bytes(void **state)
{
	struct arena *a = arena_new(0);
	struct record r = *full(a);
	struct slice json;

	(void)state;
	r.subject = SLICE("Gr\xc3\xbc\xc3\x9f"
			  "e");
	json = record_json(a, &r, 0);
	assert_true(slice_search_nocase(json, SLICE("Gr\xc3\xbc\xc3\x9f"
						    "e")) < json.n);
	assert_int_equal(slice_search_nocase(json, SLICE("\"bytes\"")), json.n);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_comes_back),
		cmocka_unit_test(an_empty_one_is_one),
		cmocka_unit_test(what_is_damaged_is_told),
		cmocka_unit_test(what_a_later_version_adds_is_skipped),
		cmocka_unit_test(nothing_grows_over_the_bound),
		cmocka_unit_test(hostile_bytes_are_harmless),
		cmocka_unit_test(text_that_is_utf8_needs_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
