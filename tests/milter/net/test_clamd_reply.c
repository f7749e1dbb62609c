/* Each reply of clamd, and what is none. */
#include "milter/net/clamd.h"
#include "milter/net/clamd_reply.h"
#include "tests/support/cmocka.h"

#include <stdlib.h>
#include <time.h>

#define MD5 "44d88612fea8a8f36de82e1278abb02f"

static const struct reply_case {
	struct slice reply;
	enum scan_result result;
	enum scan_trouble trouble;
	struct slice text;	/* the name, or the reason */
} reply_cases[] = {
	{SLICE("fd[12]: OK"), SCAN_CLEAN, SCAN_NO_TROUBLE, SLICE("")},
	{SLICE("stream: OK"), SCAN_CLEAN, SCAN_NO_TROUBLE, SLICE("")},
	{SLICE("stream: OK\n"), SCAN_CLEAN, SCAN_NO_TROUBLE, SLICE("")},
	{SLICE("stream: Eicar FOUND"), SCAN_INFECTED, SCAN_NO_TROUBLE,
	 SLICE("Eicar")},
	{SLICE("fd[9]: A: b (c) FOUND"), SCAN_INFECTED, SCAN_NO_TROUBLE,
	 SLICE("A: b (c)")},
	{SLICE("fd[9]: Eicar(" MD5 ":68) FOUND"), SCAN_INFECTED,
	 SCAN_NO_TROUBLE, SLICE("Eicar")},
	{SLICE("fd[9]: OK FOUND"), SCAN_INFECTED, SCAN_NO_TROUBLE, SLICE("OK")},
	{SLICE("fd[9]: FOUND"), SCAN_INFECTED, SCAN_NO_TROUBLE,
	 SLICE("(unnamed)")},
	{SLICE("fd[9]: a\033b FOUND"), SCAN_INFECTED, SCAN_NO_TROUBLE,
	 SLICE("a\\x1bb")},
	{SLICE("fd[9]: Heuristics.Encrypted.Zip FOUND"), SCAN_INFECTED,
	 SCAN_NO_TROUBLE, SLICE("Heuristics.Encrypted.Zip")},
	{SLICE("fd[9]: Heuristics.Limits.Exceeded.MaxFileSize FOUND"),
	 SCAN_UNSCANNED, SCAN_LIMIT,
	 SLICE("Heuristics.Limits.Exceeded.MaxFileSize")},
	{SLICE("INSTREAM size limit exceeded. ERROR"), SCAN_UNSCANNED,
	 SCAN_LIMIT, SLICE("INSTREAM size limit exceeded.")},
	{SLICE("fd[9]: Time limit reached ERROR"), SCAN_UNSCANNED, SCAN_LIMIT,
	 SLICE("Time limit reached")},
	{SLICE("fd[9]: Can't allocate memory ERROR"), SCAN_UNSCANNED,
	 SCAN_ERROR, SLICE("Can't allocate memory")},
	{SLICE("fd[9]: Not a regular file ERROR"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("Not a regular file")},
	{SLICE("No file descriptor received. ERROR"), SCAN_UNSCANNED,
	 SCAN_ERROR, SLICE("No file descriptor received.")},
	{SLICE("ERROR"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("an error that clamd does not name")},
	{SLICE("UNKNOWN COMMAND"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"UNKNOWN COMMAND\"")},
	{SLICE("COMMAND READ TIMED OUT"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"COMMAND READ TIMED OUT\"")},
	{SLICE("PONG"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"PONG\"")},
	/* Nearly clean is not clean. */
	{SLICE("OK"), SCAN_UNSCANNED, SCAN_ERROR, SLICE("clamd replied \"OK\"")},
	{SLICE("stream: ok"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"stream: ok\"")},
	{SLICE("stream: OK OK"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"stream: OK OK\"")},
	{SLICE("fd[]x: OK"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"fd[]x: OK\"")},
	{SLICE("fd[1"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"fd[1\"")},
	{SLICE("stream: XFOUND"), SCAN_UNSCANNED, SCAN_ERROR,
	 SLICE("clamd replied \"stream: XFOUND\"")},
	{SLICE(""), SCAN_UNSCANNED, SCAN_ERROR, SLICE("clamd replied \"\"")},
};

static void every_reply_is_read(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(reply_cases) / sizeof(reply_cases[0]);
	     i++) {
		const struct reply_case *c = &reply_cases[i];
		struct scan_report r;
		struct slice text;

		clamd_read_reply(arena, c->reply, &r);
		text = r.name_count ? r.names[0] : r.reason;
		if (r.result != c->result || r.trouble != c->trouble ||
		    !slice_eq(text, c->text))
			fail_msg("\"%.*s\": %d %d \"%.*s\"",
				 SLICE_FMT(c->reply), (int)r.result,
				 (int)r.trouble, SLICE_FMT(text));
		assert_int_equal(r.name_count, r.result == SCAN_INFECTED);
		assert_false(r.parts_known);
	}
	arena_free(&arena);
}

static void long_texts_are_cut(void **state)
{
	struct arena *arena = arena_new(0);
	struct buf b = BUF(arena);
	struct scan_report r;

	(void)state;
	buf_add_text(&b, "stream: ");
	for (int i = 0; i < 900; i++)
		buf_add_char(&b, '\001');
	clamd_read_reply(arena, buf_slice(&b), &r);
	assert_int_equal(r.trouble, SCAN_ERROR);
	assert_true(r.reason.n <= SCAN_TEXT_MAX);
	buf_add_text(&b, " FOUND");
	clamd_read_reply(arena, buf_slice(&b), &r);
	assert_int_equal(r.result, SCAN_INFECTED);
	assert_true(r.names[0].n <= SCAN_TEXT_MAX);
	arena_free(&arena);
}

static const struct version_case {
	struct slice reply, engine;
	uint64_t version;
	int64_t time;
} version_cases[] = {
	{SLICE("ClamAV 1.4.6/27000/Sat Nov 28 08:00:00 2026"),
	 SLICE("ClamAV 1.4.6"), 27000, 1795852800},
	{SLICE("ClamAV 1.4.6/27000/Sun Nov  1 08:00:00 2026\n"),
	 SLICE("ClamAV 1.4.6"), 27000, 1793520000},
	{SLICE("ClamAV 1.4.6"), SLICE("ClamAV 1.4.6"), 0, 0},
	{SLICE("ClamAV 1.4.6/27000"), SLICE("ClamAV 1.4.6"), 27000, 0},
	{SLICE("ClamAV 1.4.6/27000/"), SLICE("ClamAV 1.4.6"), 27000, 0},
	{SLICE("ClamAV 1.4.6/x/Sat Nov 28 08:00:00 2026"),
	 SLICE("ClamAV 1.4.6"), 0, 0},
	{SLICE("ClamAV 1.4.6/1/Sat Foo 28 08:00:00 2026"),
	 SLICE("ClamAV 1.4.6"), 1, 0},
	{SLICE("ClamAV 1.4.6/1/Sat Nov 28 28:00:00 2026"),
	 SLICE("ClamAV 1.4.6"), 1, 0},
	{SLICE("ClamAV 1.4.6/1/Sat Nov -1 08:00:00 2026"),
	 SLICE("ClamAV 1.4.6"), 1, 0},
	{SLICE("UNKNOWN COMMAND"), SLICE(""), 0, 0},
	{SLICE("ClamAV \033[2J"), SLICE(""), 0, 0},
	{SLICE(""), SLICE(""), 0, 0},
};

static void versions_are_read(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(version_cases) / sizeof(version_cases[0]);
	     i++) {
		const struct version_case *c = &version_cases[i];
		struct clamd_version v;

		assert_int_equal(clamd_read_version(c->reply, &v),
				 c->engine.n > 0);
		assert_true(slice_eq(v.engine, c->engine));
		assert_int_equal(v.database_version, c->version);
		assert_int_equal(v.database_time, c->time);
	}
}

static void where_it_is_must_make_sense(void **state)
{
	static const char *const good[] = {
		"unix:/run/clamav/clamd.ctl", "tcp:127.0.0.1:3310",
		"tcp:[::1]:3310"};
	static const char *const bad[] = {
		"", "unix:", "unix:clamd.ctl", "tcp:", "tcp:127.0.0.1",
		"tcp:127.0.0.1:0", "tcp:127.0.0.1:65536", "tcp:127.0.0.1:x",
		"tcp::3310", "tcp:[]:3310", "tcp:::1:3310", "/run/clamd.ctl",
		"tcp:a\nb:3310"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct clamd *clamd = clamd_new(slice_cstr(good[i]), &err);

		assert_non_null(clamd);
		clamd_free(&clamd);
		assert_null(clamd);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_null(clamd_new(slice_cstr(bad[i]), &err));
		assert_true(err.text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_is_read),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(versions_are_read),
		cmocka_unit_test(where_it_is_must_make_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
