#include "milter/daemon/notice_book.h"
#include "milter/daemon/notice_make.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define T0 1700000000000
#define MINUTE 60000

struct desk {
	struct arena *arena;
	struct notices_conf conf;
	struct notice_rules rules;
	struct notice_book *book;
};

static int make_desk(void **state)
{
	static struct desk d;

	d = (struct desk){.arena = arena_new(0)};
	d.rules = (struct notice_rules){.conf = &d.conf,
					.host = "mx.example",
					.from = "postmaster@mx.example",
					.pause_ms = 6 * MINUTE};
	d.book = notice_book_new(0);
	*state = &d;
	return 0;
}

static int free_desk(void **state)
{
	struct desk *d = *state;

	notice_book_free(&d->book);
	arena_free(&d->arena);
	return 0;
}

static const struct notice_item virus = {
	.class = VAULT_VIRUS,
	.time_ms = T0,
	.id = {"0abc", 4},
	.reason = {"Eicar 100%", 10},
	.sender = {"a\tb@x", 5},
	.subject = {"\xc3\xbc", 2},
	.rcpts = {"r@x\ns@x\n", 8},
	.rcpt_count = 12,
	.size = 99,
	.score = 12.5,
};

static void add_to(struct desk *d, const char *address, int64_t now_ms)
{
	assert_true(notice_book_add(d->book, NOTICE_POSTMASTER,
				    slice_cstr(address), &virus, now_ms));
}

/* How many messages the notice has that is made now; 0: there is none. */
static uint64_t tell(struct desk *d, int64_t now_ms)
{
	struct notice_address *a = notice_book_due(d->book, &d->rules, now_ms);
	uint64_t count = a ? a->count : 0;

	if (a)
		notice_book_told(a, now_ms);
	return count;
}

/* Ends and begins again, as at a restart. */
static void restart(struct desk *d, int64_t now_ms)
{
	struct slice text = notice_book_write(d->book, d->arena, now_ms);

	notice_book_free(&d->book);
	d->book = notice_book_read(text);
	assert_non_null(d->book);
	assert_true(
		slice_eq(text, notice_book_write(d->book, d->arena, now_ms)));
}

static void a_flood_makes_one_notice_and_then_sums(void **state)
{
	struct desk *d = *state;
	unsigned notices = 0;
	uint64_t told = 0;

	/* 10,000 in an hour, one a third of a second or so. */
	for (int i = 0; i < 10000; i++) {
		int64_t now_ms = T0 + i * 360;
		uint64_t count;

		add_to(d, "p@x", now_ms);
		count = tell(d, now_ms);
		notices += count > 0;
		told += count;
		if (i == 0)
			assert_int_equal(count, 1);
		if (i == 5000)
			restart(d, now_ms);
	}
	assert_int_equal(notices, 10);
	told += tell(d, T0 + 61 * MINUTE);
	assert_int_equal(told, 10000);
	assert_int_equal(tell(d, T0 + 120 * MINUTE), 0);
}

static void addresses_have_their_own_rate(void **state)
{
	struct desk *d = *state;

	add_to(d, "p@x", T0);
	add_to(d, "q@x", T0);
	assert_int_equal(tell(d, T0), 1);
	assert_int_equal(tell(d, T0), 1);
	assert_int_equal(tell(d, T0), 0);
	add_to(d, "p@x", T0 + 1);
	assert_int_equal(tell(d, T0 + 6 * MINUTE - 1), 0);
	assert_int_equal(tell(d, T0 + 6 * MINUTE), 1);
}

static void a_digest_gathers(void **state)
{
	struct desk *d = *state;

	d->conf.digest.ms = 60 * MINUTE;
	add_to(d, "p@x", T0);
	for (int i = 1; i < 60; i++) {
		assert_int_equal(tell(d, T0 + i * MINUTE), 0);
		add_to(d, "p@x", T0 + i * MINUTE);
		restart(d, T0 + i * MINUTE);
	}
	assert_int_equal(tell(d, T0 + 60 * MINUTE), 60);
}

static void a_clock_set_back_delays_by_one_pause(void **state)
{
	struct desk *d = *state;

	add_to(d, "p@x", T0);
	assert_int_equal(tell(d, T0), 1);
	add_to(d, "p@x", T0 - 600 * MINUTE);
	assert_int_equal(tell(d, T0 - 600 * MINUTE), 0);
	assert_int_equal(tell(d, T0 - 594 * MINUTE), 1);
}

static void everything_outlives_a_restart(void **state)
{
	struct desk *d = *state;
	const struct notice_address *a;

	d->book->step = 7;
	assert_true(notice_book_is_news(d->book, 5, T0));
	for (int i = 0; i < 60; i++)
		add_to(d, "p q%\xc3\xbc@x", T0);
	restart(d, T0);
	assert_int_equal(d->book->step, 7);
	assert_int_equal(d->book->seq, 5);
	a = notice_book_due(d->book, &d->rules, T0);
	assert_true(slice_eq(a->address, SLICE("p q%\xc3\xbc@x")));
	assert_int_equal(a->count, 60);
	assert_int_equal(a->counts[VAULT_VIRUS], 60);
	assert_int_equal(a->item_count, 50);
	assert_true(slice_eq(a->items->reason, virus.reason));
	assert_true(slice_eq(a->items->sender, virus.sender));
	assert_true(slice_eq(a->items->rcpts, virus.rcpts));
	assert_int_equal(a->items->rcpt_count, 12);
	assert_true(a->items->score > 12.4 && a->items->score < 12.6);
}

static void damaged_books_are_refused(void **state)
{
	struct desk *d = *state;
	struct slice text;

	add_to(d, "p@x", T0);
	text = notice_book_write(d->book, d->arena, T0);
	for (size_t i = 0; i < text.n - 1; i++)
		assert_null(notice_book_read(slice_sub(text, 0, i)));
	assert_null(notice_book_read(SLICE("gatepost-notices 2\nend\n")));
}

static void only_so_many_addresses_wait(void **state)
{
	struct desk *d = *state;
	char address[32];

	/* Few of them, since each is looked up among all. */
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof(address), "%d@x", i);
		add_to(d, address, T0);
	}
	d->book->address_count = 10000;
	assert_false(notice_book_add(d->book, NOTICE_RECIPIENT, SLICE("new@x"),
				     &virus, T0));
	add_to(d, "1@x", T0);
}

static void old_messages_of_a_new_index_are_no_news(void **state)
{
	struct desk *d = *state;

	assert_true(notice_book_is_news(d->book, 1, T0));
	assert_true(notice_book_is_news(d->book, 2, T0 + 600 * MINUTE));
	notice_book_at_end(d->book);
	/* A clock set back alone changes nothing. */
	assert_true(notice_book_is_news(d->book, 3, T0));
	notice_book_at_end(d->book);
	assert_false(notice_book_is_news(d->book, T0, T0));
	assert_false(notice_book_is_news(d->book, T0 + 1, T0 + MINUTE));
	assert_true(notice_book_is_news(d->book, T0 + 2, T0 + 601 * MINUTE));
	notice_book_at_end(d->book);
	assert_true(notice_book_is_news(d->book, T0 + 3, T0));
}

static void the_first_book_tells_nothing_old(void **state)
{
	struct desk *d = *state;

	notice_book_free(&d->book);
	d->book = notice_book_new(T0);
	notice_book_at_end(d->book);
	restart(d, T0);
	assert_false(notice_book_is_news(d->book, 1, T0 - 1));
	assert_true(notice_book_is_news(d->book, 2, T0));
}

static void own_message_ids_are_known(void **state)
{
	struct desk *d = *state;
	struct notice_templates *templates;
	struct notice_maker maker = {
		.rules = &d->rules, .book = d->book, .now_ms = T0};
	struct notice_address *a;
	struct slice mail, id;
	struct err err;
	size_t begin;

	templates = notice_templates_load("/nonexistent", &err);
	maker.templates = templates;
	add_to(d, "p@x", T0);
	a = notice_book_due(d->book, &d->rules, T0);
	mail = notice_make_mail(d->arena, &maker, a);
	begin = slice_search_nocase(mail, SLICE("Message-ID: ")) + 12;
	id = slice_sub(mail, begin, slice_find(mail, begin, '\r'));
	assert_true(notice_make_is_own(d->book, id));
	((char *)id.p)[30]++;
	assert_false(notice_make_is_own(d->book, id));
	assert_false(notice_make_is_own(d->book, SLICE("")));
	assert_false(
		notice_make_is_own(d->book, SLICE("<gatepost-notice.@x>")));
	assert_false(notice_make_is_own(d->book, SLICE("<a@x>")));
	notice_templates_free(&templates);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, make_desk, free_desk)
	const struct CMUnitTest tests[] = {
		ROW(a_flood_makes_one_notice_and_then_sums),
		ROW(addresses_have_their_own_rate),
		ROW(a_digest_gathers),
		ROW(a_clock_set_back_delays_by_one_pause),
		ROW(everything_outlives_a_restart),
		ROW(damaged_books_are_refused),
		ROW(only_so_many_addresses_wait),
		ROW(old_messages_of_a_new_index_are_no_news),
		ROW(the_first_book_tells_nothing_old),
		ROW(own_message_ids_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
