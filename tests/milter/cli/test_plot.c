/* The picture: its scale, its bars, and that it is XML whatever is in it. */
#include "milter/cli/plot.h"
#include "tests/support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static void steps_are_round_numbers(void **state)
{
	static const struct {
		uint64_t most, step;
	} cases[] = {{0, 1},
		     {1, 1},
		     {6, 1},
		     {7, 2},
		     {12, 2},
		     {13, 5},
		     {30, 5},
		     {31, 10},
		     {101, 20},
		     {301, 100},
		     {6000, 1000},
		     {6001, 2000},
		     {123456789, 50000000}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%llu\n", (unsigned long long)cases[i].most);
		assert_int_equal(plot_step(cases[i].most, 6), cases[i].step);
	}
	assert_true(plot_step(UINT64_MAX, 6) > 0);
}

static char *drawn(const struct plot *plot)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	plot_write(out, plot);
	fclose(out);
	return text;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part))) {
		text++;
		n++;
	}
	return n;
}

static void each_count_is_a_piece_of_a_bar(void **state)
{
	static const struct plot_bar bars[] = {
		{{10, 2, 0, 4}, "00:00", "first"},
		{{0, 0, 0, 0}, NULL, "second"},
		{{100, 0, 0, 0}, "02:00", "third"}};
	const struct plot plot = {"Mail", "today", bars, 3};
	char *text = drawn(&plot);

	(void)state;
	assert_int_equal(count(text, "<g>"), 3);
	/* Pieces of bars, and one in the legend. */
	assert_int_equal(count(text, "<rect class=\"ok\""), 2 + 1);
	assert_int_equal(count(text, "<rect class=\"tag\""), 1 + 1);
	assert_int_equal(count(text, "<rect class=\"wait\""), 0 + 1);
	assert_int_equal(count(text, "<rect class=\"no\""), 1 + 1);
	assert_int_equal(count(text, ">00:00<"), 1);
	assert_non_null(strstr(text, ">accepted 110<"));
	/* The largest bar fills the scale of five times 20. */
	assert_non_null(strstr(text, "height=\"238.00\""));
	assert_non_null(strstr(text, "height=\"23.80\""));
	free(text);
}

static void nothing_and_much_can_be_drawn(void **state)
{
	static const struct plot_bar huge = {
		{UINT64_MAX / 8, 1, 1, 1}, "x", "y"};
	const struct plot none = {"a", "b", NULL, 0},
			  much = {"a", "b", &huge, 1};
	char *text = drawn(&none);

	(void)state;
	assert_int_equal(count(text, "</svg>"), 1);
	assert_null(strstr(text, "nan"));
	free(text);
	text = drawn(&much);
	assert_int_equal(count(text, "</svg>"), 1);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "\"-"));
	free(text);
}

static void texts_are_escaped(void **state)
{
	static const struct plot_bar bar = {{1, 0, 0, 0}, "<l>", "\"&\x1b\n"};
	const struct plot plot = {"</svg><script>", "a & b", &bar, 1};
	char *text = drawn(&plot);

	(void)state;
	assert_null(strstr(text, "<script>"));
	assert_null(strchr(text, 0x1b));
	assert_non_null(strstr(text, "&lt;/svg&gt;&lt;script&gt;"));
	assert_non_null(strstr(text, "a &amp; b"));
	assert_non_null(strstr(text, "&quot;&amp;"));
	assert_non_null(strstr(text, "&lt;l&gt;"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_round_numbers),
		cmocka_unit_test(each_count_is_a_piece_of_a_bar),
		cmocka_unit_test(nothing_and_much_can_be_drawn),
		cmocka_unit_test(texts_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
