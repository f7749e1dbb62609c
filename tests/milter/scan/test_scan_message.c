/* What the scanner says of a message, whatever the engine is. */
#include "milter/scan/scan_message.h"
#include "milter/scan/mime.h"
#include "tests/support/cmocka.h"

static const struct scan_limits wide = {64 << 20, 1000, 12, 60000};

struct looks {
	size_t count;
	struct slice wanted;
	bool found;
};

static void look(const void *with, struct slice bytes, struct scan_found *found)
{
	struct looks *looks = *(struct looks *const *)with;

	(void)found;
	looks->count++;
	if (looks->count > 1 && slice_eq(bytes, looks->wanted))
		looks->found = true;
}

/* Whether these bytes come as a leaf, and what is said of the message. */
static bool comes(struct arena *a, struct slice message, struct slice wanted,
		  struct scan_report *report_r)
{
	struct looks looks = {.wanted = wanted}, *with = &looks;
	const struct scan_engine engine = {look, &with};

	scan_message(a, message, &engine, &wide, report_r);
	return looks.found;
}

static void test_more_uuencoded_files_than_are_read_are_no_clean(void **state)
{
	struct arena *a = arena_new(0);
	struct buf text = BUF(a);
	struct scan_report report;

	(void)state;
	buf_add(&text, SLICE("Subject: a\n\n"));
	for (int i = 0; i < 5000; i++)
		buf_add(&text, SLICE("begin 6 a\nend\n"));
	buf_add(&text, SLICE("begin 6 b\n#86)C\nend\n"));
	assert_false(comes(a, buf_slice(&text), SLICE("abc"), &report));
	assert_int_equal(report.result, SCAN_UNSCANNED);
	assert_int_equal(report.trouble, SCAN_LIMIT);
	assert_false(report.parts_complete);
	arena_free(&a);
}

/* "Content-Transfer-Encoding: base64", a blank line, "YWJj". */
#define INNER "Q29udGVudC1UcmFuc2Zlci1FbmNvZGluZzogYmFzZTY0CgpZV0pqCg==\n"

static void test_the_leaves_of_an_encoded_message_are_looked_at(void **state)
{
	static const struct slice outer[] = {
		SLICE("Content-Type: message/rfc822\n"
		      "Content-Transfer-Encoding: base64\n\n" INNER),
		SLICE("Content-Type: Message/Global\n"
		      "Content-Transfer-Encoding: quoted-printable\n\n"
		      "Content-Transfer-Encoding: base=\n64\n\nYWJj\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++) {
		struct arena *a = arena_new(0);
		struct scan_report report;

		assert_true(comes(a, outer[i], SLICE("abc"), &report));
		assert_int_equal(report.result, SCAN_CLEAN);
		arena_free(&a);
	}
}

/* Each level is in a message of its own, so only its depth ends it. */
static void test_encoded_messages_end_at_the_limit_of_depth(void **state)
{
	struct arena *a = arena_new(0);
	struct slice text = SLICE("Subject: a\n\nabc\n");
	struct scan_report report;

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct buf outer = BUF(a);

		buf_add(&outer,
			SLICE("Content-Type: message/rfc822\nContent-"
			      "Transfer-Encoding: quoted-printable\n\n"));
		for (size_t k = 0; k < text.n; k++)
			buf_add(&outer, text.p[k] == '='
						? SLICE("=3D")
						: slice_sub(text, k, k + 1));
		text = buf_slice(&outer);
	}
	assert_false(comes(a, text, SLICE("abc\n"), &report));
	assert_int_equal(report.trouble, SCAN_LIMIT);
	arena_free(&a);
}

/* A zip with one member, stored. */
#define ZIP                                                                    \
	"UEsDBBQAAAAAAAAAIVDCQSQ1AwAAAAMAAAAFAAAAYS50eHRhYmNQSwECFAMUAAAAAAAA" \
	"\n"                                                                   \
	"ACFQwkEkNQMAAAADAAAABQAAAAAAAAAAAAAApAEAAAAAYS50eHRQSwUGAAAAAAEAAQAz" \
	"\n"                                                                   \
	"AAAAJgAAAAAA\n"

static struct scan_report list_zip(struct arena *a, struct slice base64,
				   const struct scan_limits *limits)
{
	struct buf text = BUF(a);
	struct scan_report report;

	buf_add(&text, SLICE("Content-Type: application/zip\n"
			     "Content-Transfer-Encoding: base64\n\n"));
	buf_add(&text, base64);
	scan_message(a, buf_slice(&text), NULL, limits, &report);
	assert_int_equal(report.result, SCAN_CLEAN);
	return report;
}

static void test_a_member_that_cannot_be_read_leaves_the_list_open(void **state)
{
	struct arena *a = arena_new(0);
	struct buf zip = BUF(a);
	struct scan_report report = list_zip(a, SLICE(ZIP), &wide);

	(void)state;
	assert_int_equal(report.part_count, 2);
	assert_true(slice_eq(report.parts[1].kind, SLICE("text")));
	assert_true(report.parts_complete);
	/* The same, packed as nobody does: that is byte 8 of the zip. */
	buf_add(&zip, SLICE(ZIP));
	zip.p[11] = 'Y';
	report = list_zip(a, buf_slice(&zip), &wide);
	assert_int_equal(report.part_count, 2);
	assert_false(report.parts_complete);
	arena_free(&a);
}

static void test_limits_hold_where_nothing_looks_for_viruses(void **state)
{
	const struct scan_limits small = {10, 1000, 12, 60000};
	const struct scan_limits late = {64 << 20, 1000, 12, -1};
	struct arena *a = arena_new(0);

	(void)state;
	assert_false(list_zip(a, SLICE(ZIP), &small).parts_complete);
	assert_false(list_zip(a, SLICE(ZIP), &late).parts_complete);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_more_uuencoded_files_than_are_read_are_no_clean),
		cmocka_unit_test(
			test_the_leaves_of_an_encoded_message_are_looked_at),
		cmocka_unit_test(
			test_encoded_messages_end_at_the_limit_of_depth),
		cmocka_unit_test(
			test_a_member_that_cannot_be_read_leaves_the_list_open),
		cmocka_unit_test(
			test_limits_hold_where_nothing_looks_for_viruses),
	};

	mime_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
