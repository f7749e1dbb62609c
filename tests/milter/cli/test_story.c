/* Which tries belong to one message. */
#include "milter/cli/story.h"
#include "tests/support/cmocka.h"

#include <string.h>

/* One try: its recipients, a letter each; what came of it; a Message-ID? */
struct attempt {
	const char *rcpts;
	const char *action;
};

#define TRIES 6

static const struct {
	const char *what;
	bool has_id;
	struct attempt tries[TRIES];
	size_t anchor;
	const char *picked;
} cases[] = {
	{"all of one recipient",
	 true,
	 {{"a", "greylist"}, {"a", "greylist"}, {"a", "accept"}},
	 0,
	 "xxx"},
	{"two that share nobody are two",
	 true,
	 {{"a", "greylist"},
	  {"b", "greylist"},
	  {"a", "accept"},
	  {"b", "accept"}},
	 3,
	 ".x.x"},
	{"shared by way of another try",
	 true,
	 {{"a", "accept"},
	  {"ab", "greylist"},
	  {"b", "accept"},
	  {"c", "accept"}},
	 2,
	 "xxx."},
	{"with a Message-ID even after it was accepted",
	 true,
	 {{"a", "accept"}, {"a", "accept"}},
	 1,
	 "xx"},
	{"without one, what was accepted is over",
	 false,
	 {{"a", "accept"},
	  {"a", "greylist"},
	  {"a", "tempfail"},
	  {"a", "accept"},
	  {"a", "greylist"},
	  {"a", "accept"}},
	 2,
	 ".xxx.."},
	{"the same from its last try",
	 false,
	 {{"a", "accept"},
	  {"a", "greylist"},
	  {"a", "accept"},
	  {"a", "greylist"}},
	 2,
	 ".xx."},
	{"a refusal ends it too",
	 false,
	 {{"a", "greylist"}, {"a", "reject"}, {"a", "accept"}},
	 0,
	 "xx."},
};

static void tries_are_picked(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record records[TRIES] = {{.time_ms = 0}};
		size_t count = strlen(cases[i].picked);
		bool picked[TRIES];

		print_message("%s\n", cases[i].what);
		for (size_t k = 0; k < count; k++) {
			const struct attempt *t = &cases[i].tries[k];
			size_t n = strlen(t->rcpts);
			struct slice *rcpts = ARENA_ARRAY(a, struct slice, n);

			for (size_t m = 0; m < n; m++)
				rcpts[m] = (struct slice){t->rcpts + m, 1};
			records[k].rcpts = rcpts;
			records[k].rcpt_count = n;
			records[k].action = slice_cstr(t->action);
			records[k].message_id =
				cases[i].has_id ? SLICE("<x@y>") : SLICE("");
		}
		story_pick(a, records, count, cases[i].anchor, picked);
		for (size_t k = 0; k < count; k++)
			assert_int_equal(picked[k], cases[i].picked[k] == 'x');
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tries_are_picked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
