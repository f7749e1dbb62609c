/* What a recipient sees of a record: nobody else, however he is named. */
#include "milter/cli/recipient_view.h"
#include "tests/support/cmocka.h"
#include "tests/support/samples.h"

#include <string.h>

#define HIDDEN "(not shown: it names somebody else)"

/* Everything of the record in one text. */
static struct slice all(struct arena *a, const struct record *r)
{
	return record_json(a, r, 0);
}

static bool is_in(struct slice text, const char *part)
{
	return slice_search_nocase(text, slice_cstr(part)) < text.n;
}

static void the_others_are_gone(void **state)
{
	struct arena *a = arena_new(0);
	const struct sample *s = samples_find(samples_make(a), "shared");
	struct record view;

	(void)state;
	/* The second try names both, one of them in a fact. */
	assert_true(is_in(all(a, &s->records[1]), "carol"));
	assert_true(recipient_view(a, &s->records[1],
				   SLICE("<BOB@example.net>"), &view));
	assert_int_equal(view.rcpt_count, 1);
	assert_int_equal(view.rcpt_total, 1);
	assert_true(is_in(all(a, &view), "bob@example.net"));
	assert_false(is_in(all(a, &view), "carol"));
	assert_false(is_in(all(a, &view), "mallory"));
	assert_true(is_in(all(a, &view), HIDDEN));
	/* To whom it names, it is no secret. */
	assert_true(recipient_view(a, &s->records[1],
				   SLICE("carol@example.net"), &view));
	assert_false(is_in(all(a, &view), HIDDEN));
	assert_false(is_in(all(a, &view), "bob"));
	arena_free(&a);
}

static void who_is_no_recipient_sees_nothing(void **state)
{
	struct arena *a = arena_new(0);
	const struct sample *s = samples_find(samples_make(a), "shared");
	struct record view;

	(void)state;
	assert_false(recipient_view(a, &s->records[0],
				    SLICE("dave@example.net"), &view));
	assert_false(recipient_view(a, &s->records[2], SLICE("bob@example.net"),
				    &view));
	assert_false(recipient_view(a, &s->records[0], SLICE(""), &view));
	assert_false(recipient_view(a, &s->records[0], SLICE("<>"), &view));
	assert_false(recipient_view(a, &s->records[0], SLICE("@example.net"),
				    &view));
	arena_free(&a);
}

static const struct slice rcpts[] = {
	SLICE("bob@example.net"), SLICE("Carol.Longname@example.net"),
	SLICE("x0123456789012345678901234567890123456789012345678901234567"
	      "89012345678901234567890123456789012345678901234567890123456"
	      "@example.net")};

static void each_text_is_looked_at(void **state)
{
	static const struct {
		const char *text;
		bool hidden;
	} cases[] = {
		{"first try for carol.longname@EXAMPLE.net from 192.0.2.1",
		 true},
		{"carol.longname@exam\r\n\tple.net", true},
		{"folded carol.\n\tlongname@example.net", true},
		/* Cut off, as long facts are. */
		{"several recipients, among them Carol.Longn", true},
		{"several recipients, among them Caro", true},
		{"several recipients, among them Car", false},
		{"x0123456789012345678901234567890123456789012345678901234567"
		 "890123456789012345678901234567890123456789 was cut",
		 true},
		{"login root-of-all failed", true},
		{"bob@example.net is known", false},
		{"nothing of interest", false},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice text = slice_cstr(cases[i].text);
		const struct record_symbol symbol = {SLICE("S"), 1, text, text,
						     SLICE(""),	 0};
		const struct record_check check = {SLICE("c"), SLICE("fail"),
						   text, 0, 0};
		const struct record_dkim dkim = {.reason = text,
						 .identity = text};
		const struct record_edit edit = {SLICE("insert"), SLICE("X"),
						 text, 0};
		const struct record r = {.user = SLICE("root-of-all"),
					 .rcpts = rcpts,
					 .rcpt_count = 3,
					 .rcpt_total = 3,
					 .helo = text,
					 .reply = text,
					 .symbols = &symbol,
					 .symbol_count = 1,
					 .checks = &check,
					 .check_count = 1,
					 .edits = &edit,
					 .edit_count = 1,
					 .auth = {.dkim = &dkim,
						  .dkim_count = 1,
						  .spf_explanation = text,
						  .dmarc_reason = text}};
		const struct slice *shown[] = {NULL, NULL, NULL, NULL, NULL,
					       NULL, NULL, NULL, NULL};
		struct record v;

		print_message("%s\n", cases[i].text);
		assert_true(recipient_view(a, &r, rcpts[0], &v));
		shown[0] = &v.helo;
		shown[1] = &v.reply;
		shown[2] = &v.symbols[0].detail;
		shown[3] = &v.checks[0].reason;
		shown[4] = &v.edits[0].value;
		shown[5] = &v.auth.dkim[0].reason;
		shown[6] = &v.auth.dkim[0].identity;
		shown[7] = &v.auth.spf_explanation;
		shown[8] = &v.auth.dmarc_reason;
		for (int k = 0; k < 9; k++)
			assert_true(slice_eq(*shown[k], cases[i].hidden
								? SLICE(HIDDEN)
								: text));
	}
	arena_free(&a);
}

/* Of a list that was cut, nobody knows who else was on it. */
static void of_a_cut_list_no_address_is_shown(void **state)
{
	struct arena *a = arena_new(0);
	struct record r = {.rcpts = rcpts,
			   .rcpt_count = 1,
			   .rcpt_total = 9000,
			   .sender = SLICE("alice@example.org"),
			   .reply = SLICE("550 dave@example.net is unknown")};
	struct record view;

	(void)state;
	assert_true(recipient_view(a, &r, rcpts[0], &view));
	assert_true(slice_eq(view.reply, SLICE(HIDDEN)));
	assert_true(slice_eq(view.sender, r.sender));
	assert_false(recipient_view(a, &r, SLICE("dave@example.net"), &view));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_others_are_gone),
		cmocka_unit_test(who_is_no_recipient_sees_nothing),
		cmocka_unit_test(each_text_is_looked_at),
		cmocka_unit_test(of_a_cut_list_no_address_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
