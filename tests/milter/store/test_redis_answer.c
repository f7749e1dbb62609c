/* The reader of answers: values, pieces, limits, and what is no answer. */
#include "milter/store/redis_answer.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void every_kind_is_read(void **state)
{
	struct redis_reader *reader = redis_reader_new(1 << 20);
	const struct redis_answer *a;
	struct err err;

	(void)state;
	assert_int_equal(
		redis_reader_feed(reader,
				  SLICE("*6\r\n:-5\r\n$3\r\na\0b\r\n$-1\r\n+OK\r\n"
					"-ERR no\r\n*2\r\n:1\r\n*-1\r\n:7\r\n"),
				  &err),
		0);
	assert_int_equal(redis_reader_next(reader, &a, &err), 1);
	assert_int_equal(a->type, REDIS_LIST);
	assert_int_equal(a->count, 6);
	assert_int_equal(redis_answer_integer(a, 0, 9), -5);
	assert_int_equal(redis_answer_integer(a, 1, 9), 9);
	assert_int_equal(redis_answer_integer(a, 6, 9), 9);
	assert_true(slice_eq(redis_answer_text(a, 1), SLICE("a\0b")));
	assert_int_equal(redis_answer_text(a, 3).n, 0);
	assert_int_equal(a->items[2].type, REDIS_NIL);
	assert_int_equal(a->items[3].type, REDIS_STATUS);
	assert_int_equal(a->items[4].type, REDIS_ERROR);
	assert_true(slice_eq(a->items[4].text, SLICE("ERR no")));
	assert_int_equal(a->items[5].count, 2);
	assert_int_equal(a->items[5].items[1].type, REDIS_NIL);
	assert_int_equal(redis_reader_next(reader, &a, &err), 1);
	assert_int_equal(a->integer, 7);
	assert_int_equal(redis_reader_next(reader, &a, &err), 0);
	redis_reader_free(&reader);
}

static void answers_come_in_pieces(void **state)
{
	static const char wire[] = "*2\r\n$5\r\nhello\r\n*1\r\n:12\r\n";
	struct redis_reader *reader = redis_reader_new(1 << 20);
	const struct redis_answer *a;
	struct err err;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(wire); i++) {
		assert_int_equal(redis_reader_next(reader, &a, &err), 0);
		assert_int_equal(
			redis_reader_feed(reader, (struct slice){wire + i, 1},
					  &err),
			0);
	}
	assert_int_equal(redis_reader_next(reader, &a, &err), 1);
	assert_true(slice_eq(redis_answer_text(a, 0), SLICE("hello")));
	assert_int_equal(redis_answer_integer(&a->items[1], 0, 0), 12);
	redis_reader_free(&reader);
}

/* 1: an answer; 0: more bytes; -1: refused. */
static int read_all(size_t max, const char *head, size_t more)
{
	struct redis_reader *reader = redis_reader_new(max);
	const struct redis_answer *a;
	char filler[1000];
	struct err err = {""};
	int rc = redis_reader_feed(reader, slice_cstr(head), &err);

	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < more && rc == 0; i += sizeof(filler)) {
		rc = redis_reader_next(reader, &a, &err);
		if (rc == 0)
			rc = redis_reader_feed(
				reader,
				(struct slice){filler, sizeof(filler)}, &err);
	}
	if (rc == 0)
		rc = redis_reader_next(reader, &a, &err);
	assert_true((rc < 0) == (err.text[0] != '\0'));
	redis_reader_free(&reader);
	return rc;
}

static void what_is_too_large_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_all(10000, "*100000\r\n", 0), -1);
	assert_int_equal(read_all(10000, "*2147483647\r\n", 0), -1);
	assert_int_equal(read_all(10000, "*9223372036854775807\r\n", 0), -1);
	assert_int_equal(read_all(10000, "$1000000\r\n", 5000), 0);
	assert_int_equal(read_all(10000, "$1000000\r\n", 100000), -1);
	assert_int_equal(read_all(10000,
				  "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
				  "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
				  0),
			 -1);
}

static void what_is_no_answer_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_all(10000, "HTTP/1.1 400 Bad Request\r\n", 0),
			 -1);
	assert_int_equal(read_all(10000, ":x\r\n", 0), -1);
	assert_int_equal(read_all(10000, "*-2\r\n", 0), -1);
	assert_int_equal(read_all(10000, "\r\n", 0), -1);
	assert_int_equal(read_all(10000, "", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(answers_come_in_pieces),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(what_is_no_answer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
