/*
 * Rates over whole messages, on an SQLite store in a temporary folder. Time
 * is the test's own.
 */
#include "milter/checks/ratelimit.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOUR (3600 * 1000)
#define HOSTS 2

static const struct check *const checks[] = {&check_ratelimit, NULL};

/* Hosts that share a store; each has an engine and a connection of its own. */
struct world {
	char folder[32];
	struct arena *arena;
	struct conf *conf;
	struct store_time now;
	struct bench *bench[HOSTS];
	struct store *store[HOSTS];
	int log; /* what stderr was */
};

static void clock_of_test(void *with, struct store_time *now_r)
{
	*now_r = ((const struct world *)with)->now;
}

static void pass_time(struct world *w, int64_t ms)
{
	w->now.uptime_ms += ms;
	w->now.wall_ms += ms;
}

static struct world *world_new(const char *rules, const char *url)
{
	static const struct settings_group *const groups[] = {
		&store_settings, &state_settings, NULL};
	struct arena *arena = arena_new(0);
	struct world *w = ARENA_NEW(arena, struct world);
	/* A slow disk is not what is tested here. */
	const char *sets[] = {url ? url : "store=sqlite:rates.db",
			      "state.timeout=10s", NULL};
	struct bench_setup setup = {.checks = checks, .conf = rules};
	struct err err;

	w->arena = arena;
	strcpy(w->folder, "/tmp/gatepost-rates-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	/* Not at the beginning of an interval, where nothing slides yet. */
	w->now = (struct store_time){7, 1000000007, 1700000000123};
	w->conf = conf_load(groups, NULL, sets, &err);
	if (!w->conf)
		fail_msg("%s", err.text);
	for (int i = 0; i < HOSTS; i++) {
		struct store_options options = {.conf = w->conf,
						.state_dir = w->folder,
						.clock = clock_of_test,
						.clock_with = w};

		w->bench[i] = bench_new(&setup);
		w->store[i] = store_new(&options, &err);
		if (!w->store[i])
			fail_msg("%s", err.text);
		engine_set_store(bench_engine(w->bench[i]), w->store[i]);
	}
	return w;
}

static void world_free(struct world *w)
{
	DIR *dir = opendir(w->folder);
	struct arena *arena = w->arena;

	for (int i = 0; i < HOSTS; i++) {
		store_free(&w->store[i]);
		bench_free(&w->bench[i]);
	}
	for (const struct dirent *e; dir && (e = readdir(dir));)
		unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	rmdir(w->folder);
	conf_free(&w->conf);
	arena_free(&arena);
}

/* A message, with `rcpts` recipients, and what policy asks with. */
struct sent {
	struct letter letter;
	int rcpts;
	const char *spf; /* SPF passes for that domain */
	bool refused;	 /* the score refuses it */
	bool deferred;	 /* greylisting came first */
	int host;
};

struct got {
	struct commit commit;
	enum outcome outcome;
	char reason[200], outcome_says[200], hit[300];
};

static void copy(char *to, size_t room, struct slice from)
{
	snprintf(to, room, "%.*s", SLICE_FMT(from));
}

static struct got send(struct world *w, const struct sent *s)
{
	struct mail *mail = bench_judge(w->bench[s->host], &s->letter);
	struct got got = {
		.commit = {.accept = !s->refused, .spam = s->refused}};
	const struct check_report *report;
	const struct hit *hit;

	for (int i = 1; i < s->rcpts; i++)
		assert_true(mail_add_rcpt(mail, SLICE("more@here.example")));
	if (s->spf)
		mail->verdict->auth.spf =
			(struct auth_spf){.result = AUTH_PASS,
					  .domain = slice_cstr(s->spf),
					  .scope = "mfrom"};
	if (s->deferred)
		got.commit.wish = COMMIT_GREYLIST;
	engine_commit(mail, &got.commit);
	report = judged_report(mail, "ratelimit");
	hit = judged_hit(mail, "RATELIMITED");
	got.outcome = report->outcome;
	copy(got.outcome_says, sizeof(got.outcome_says), report->reason);
	copy(got.reason, sizeof(got.reason), got.commit.reason);
	if (hit)
		copy(got.hit, sizeof(got.hit), hit->detail);
	mail_free(&mail);
	return got;
}

/* How many of `count` such messages are let through, one after another. */
static int passing(struct world *w, const struct sent *s, int count)
{
	int passed = 0;

	for (int i = 0; i < count; i++)
		passed += send(w, s).commit.wish == COMMIT_NOTHING;
	return passed;
}

#define USER(login)                                      \
	{                                                \
		.ip = "192.0.2.1", .helo = "pc.example", \
		.from = "a@example.org", .user = (login) \
	}
#define STRANGER(address, sender)                                       \
	{                                                               \
		.ip = (address), .helo = "mx.example", .from = (sender) \
	}

static void messages_are_limited_and_the_window_slides(void **state)
{
	struct world *w = world_new(
		"ratelimit \"users\" { messages = 10 recipients = 1000 }",
		NULL);
	const struct sent alice = {.letter = USER("alice")};
	struct got got;

	(void)state;
	assert_int_equal(passing(w, &alice, 10), 10);
	got = send(w, &alice);
	assert_int_equal(got.commit.wish, COMMIT_RATELIMIT);
	assert_int_equal(got.outcome, OUTCOME_FAIL);
	assert_string_equal(got.reason,
			    "Too many messages: at most 10 within 1h");
	assert_string_equal(got.hit, "rule \"users\": alice sent 10 messages "
				     "within 1h, limit 10");
	assert_in_range(got.commit.wait_s, 1, 2 * 3600);
	/* Who waits as long as told gets in; a little earlier not. */
	pass_time(w, (got.commit.wait_s - 2) * 1000);
	assert_int_equal(passing(w, &alice, 1), 0);
	pass_time(w, 2000);
	assert_int_equal(passing(w, &alice, 1), 1);
	pass_time(w, 2 * HOUR);
	assert_int_equal(passing(w, &alice, 11), 10);
	world_free(w);
}

static void recipients_are_added_up(void **state)
{
	struct world *w = world_new(
		"ratelimit \"many\" { recipients = 20 interval = 1d }", NULL);
	const struct sent eight = {.letter = USER("alice"), .rcpts = 8};
	const struct sent four = {.letter = USER("alice"), .rcpts = 4};
	struct got got;

	(void)state;
	assert_int_equal(passing(w, &eight, 2), 2);
	got = send(w, &eight);
	assert_int_equal(got.commit.wish, COMMIT_RATELIMIT);
	assert_string_equal(got.reason,
			    "Too many recipients: at most 20 within 1d");
	assert_string_equal(got.hit,
			    "rule \"many\": alice sent to 16 recipients "
			    "within 1d, this message has 8 more, limit 20");
	/* The refused one used nothing up. */
	assert_int_equal(passing(w, &four, 2), 1);
	world_free(w);
}

static void a_message_over_the_limit_by_itself_never_fits(void **state)
{
	struct world *w =
		world_new("ratelimit \"users\" { recipients = 20 }", NULL);
	const struct sent much = {.letter = USER("alice"), .rcpts = 21};
	const struct sent full = {.letter = USER("alice"), .rcpts = 20};
	struct got got = send(w, &much);

	(void)state;
	assert_int_equal(got.commit.wish, COMMIT_RATELIMIT_NEVER);
	assert_int_equal(got.outcome, OUTCOME_FAIL);
	assert_string_equal(got.reason,
			    "Too many recipients: 21 in one message, at most "
			    "20 are accepted within 1h; send it to fewer at a "
			    "time");
	assert_int_equal(passing(w, &full, 1), 1);
	world_free(w);
}

static void each_subject_is_counted_by_itself(void **state)
{
	struct world *w = world_new(
		"ratelimit \"users\" { messages = 1 }\n"
		"ratelimit \"hosts\" { by = client messages = 2 }\n"
		"ratelimit \"domains\" { by = sender_domain messages = 3 }\n",
		NULL);
	const struct sent first[] = {
		{.letter = USER("alice")},
		{.letter = USER("bob")},
		{.letter = STRANGER("192.0.2.1", "x@a.example")},
		{.letter = STRANGER("2001:db8:0:1::1", "x@b.example")},
		{.letter = STRANGER("2001:db8:0:2::1", "x@c.example")},
	};
	const struct sent again[] = {
		{.letter = USER("Alice")},
		{.letter = USER("bob")},
		{.letter = STRANGER("192.0.2.1", "y@d.example")},
		{.letter = STRANGER("2001:db8:0:1::ffff:0:2", "y@e.example")},
		{.letter = STRANGER("2001:db8:0:2::2", "y@f.example")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		assert_int_equal(passing(w, &first[i], 1), 1);
	assert_int_equal(passing(w, &again[0], 1), 0);
	assert_int_equal(passing(w, &again[1], 1), 0);
	for (size_t i = 2; i < sizeof(again) / sizeof(again[0]); i++)
		assert_int_equal(passing(w, &again[i], 2), 1);
	world_free(w);
}

/* Otherwise anyone could use up the limit of a domain that he names. */
static void only_a_proven_domain_is_counted(void **state)
{
	struct world *w = world_new(
		"ratelimit \"d\" { by = sender_domain messages = 2 }", NULL);
	const struct sent forged = {
		.letter = STRANGER("192.0.2.1", "x@example.org")};
	const struct sent other = {
		.letter = STRANGER("192.0.2.1", "x@example.org"),
		.spf = "example.com"};
	const struct sent proven = {
		.letter = STRANGER("192.0.2.2", "y@Example.Org"),
		.spf = "example.org"};
	const struct sent bounce = {.letter = STRANGER("192.0.2.2", "")};
	const struct sent user = {.letter = USER("alice")};
	struct got got;

	(void)state;
	assert_int_equal(passing(w, &forged, 5), 5);
	assert_int_equal(passing(w, &other, 5), 5);
	assert_int_equal(passing(w, &bounce, 5), 5);
	assert_int_equal(passing(w, &proven, 1), 1);
	assert_int_equal(passing(w, &user, 1), 1);
	got = send(w, &proven);
	assert_int_equal(got.commit.wish, COMMIT_RATELIMIT);
	assert_string_equal(got.hit, "rule \"d\": example.org sent 2 messages "
				     "within 1h, limit 2");
	assert_int_equal(passing(w, &forged, 1), 1);
	assert_string_equal(send(w, &forged).outcome_says,
			    "no rule counts this message");
	world_free(w);
}

static void trusted_networks_and_exceptions_are_not_counted(void **state)
{
	struct world *w = world_new(
		"ratelimit \"users\" { messages = 1 except = {bot, "
		"example.net} }\n"
		"ratelimit \"hosts\" { by = client messages = 1\n"
		"  except = {\"198.51.100.0/24\", partner.example} }\n",
		NULL);
	const struct sent free_ones[] = {
		{.letter = USER("bot")},
		{.letter = USER("alice@example.net")},
		{.letter = {.ip = "192.0.2.7",
			    .helo = "x",
			    .from = "a@b.example",
			    .trusted = true}},
		{.letter = STRANGER("198.51.100.3", "a@b.example")},
		{.letter = STRANGER("192.0.2.8", "a@mx.partner.example"),
		 .spf = "mx.partner.example"},
	};
	const struct sent forged = {
		.letter = STRANGER("192.0.2.9", "a@partner.example")};
	const struct sent claims = {.letter = {.ip = "192.0.2.1",
					       .helo = "x",
					       .user = "mallory",
					       .from = "alice@example.net"}};

	(void)state;
	for (size_t i = 0; i < sizeof(free_ones) / sizeof(free_ones[0]); i++)
		assert_int_equal(passing(w, &free_ones[i], 3), 3);
	assert_int_equal(passing(w, &forged, 3), 1);
	assert_int_equal(passing(w, &claims, 3), 1);
	world_free(w);
}

/* A refusal by one subject must not use up the limits of the others. */
static void a_refusal_by_one_leaves_the_others_alone(void **state)
{
	struct world *w = world_new(
		"ratelimit \"users\" { messages = 5 }\n"
		"ratelimit \"domains\" { by = sender_domain messages = 2 }\n",
		NULL);
	const struct sent org = {.letter = USER("alice")};
	struct sent com = {.letter = USER("alice")};

	(void)state;
	com.letter.from = "a@example.com";
	assert_int_equal(passing(w, &org, 20), 2);
	/* Alice has three left, of which another domain gets two. */
	assert_int_equal(passing(w, &com, 20), 2);
	com.letter.from = "a@example.net";
	assert_int_equal(passing(w, &com, 20), 1);
	/* Neither subject is first by right. */
	com.letter.user = "bob";
	com.letter.from = "a@third.example";
	assert_int_equal(passing(w, &com, 2), 2);
	assert_int_equal(send(w, &com).commit.wish, COMMIT_RATELIMIT);
	world_free(w);
}

static void only_what_is_let_through_is_counted(void **state)
{
	struct world *w =
		world_new("ratelimit \"users\" { messages = 1 }", NULL);
	const struct sent spam = {.letter = USER("alice"), .refused = true};
	const struct sent later = {.letter = USER("alice"), .deferred = true};
	const struct sent good = {.letter = USER("alice")};
	struct got got = send(w, &spam);

	(void)state;
	assert_int_equal(got.commit.wish, COMMIT_NOTHING);
	assert_int_equal(got.outcome, OUTCOME_NOT_RUN);
	assert_int_equal(send(w, &later).commit.wish, COMMIT_GREYLIST);
	got = send(w, &good);
	assert_int_equal(got.commit.wish, COMMIT_NOTHING);
	assert_int_equal(got.outcome, OUTCOME_PASS);
	/* What is refused anyway is not called too much. */
	got = send(w, &spam);
	assert_string_equal(got.hit, "");
	assert_int_equal(passing(w, &good, 1), 0);
	world_free(w);
}

static void hosts_that_share_a_store_count_together(void **state)
{
	struct world *w =
		world_new("ratelimit \"users\" { messages = 4 }", NULL);
	const struct sent here = {.letter = USER("alice")};
	const struct sent there = {.letter = USER("alice"), .host = 1};

	(void)state;
	assert_int_equal(passing(w, &here, 3), 3);
	assert_int_equal(passing(w, &there, 3), 1);
	assert_int_equal(passing(w, &here, 1), 0);
	world_free(w);
}

/* The part of the log since it was turned away. */
static int log_catch(struct world *w)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/log", w->folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	assert_true(fd >= 0);
	fflush(stderr);
	w->log = dup(2);
	dup2(fd, 2);
	return fd;
}

static void log_read(struct world *w, int fd, char *text_r, size_t room)
{
	ssize_t n;

	fflush(stderr);
	dup2(w->log, 2);
	close(w->log);
	n = pread(fd, text_r, room - 1, 0);
	text_r[n > 0 ? n : 0] = '\0';
	close(fd);
}

static size_t times(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, part)); p++)
		n++;
	return n;
}

static void repeated_refusals_are_told_once(void **state)
{
	struct world *w = world_new(
		"ratelimit \"users\" { messages = 1 alert = 4 }", NULL);
	const struct sent here = {.letter = USER("alice")};
	const struct sent there = {.letter = USER("alice"), .host = 1};
	char text[4000];
	int fd = log_catch(w);

	(void)state;
	assert_int_equal(passing(w, &here, 3), 1);
	assert_int_equal(passing(w, &there, 1), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	assert_int_equal(passing(w, &here, 1), 0);
	assert_int_equal(passing(w, &there, 5), 0);
	log_read(w, fd, text, sizeof(text));
	if (times(text, "was refused") != 1)
		fail_msg("not once: %s", text);
	assert_non_null(strstr(text, "user alice was refused 4 times within "
				     "1h: the limit is 1 messages"));
	assert_non_null(strstr(text, "users"));
	world_free(w);
}

static void messages_that_never_fit_are_told_too(void **state)
{
	struct world *w = world_new(
		"ratelimit \"users\" { recipients = 5 alert = 3 }", NULL);
	const struct sent much = {.letter = USER("alice"), .rcpts = 6};
	char text[4000];
	int fd = log_catch(w);

	(void)state;
	passing(w, &much, 3);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	passing(w, &much, 5);
	log_read(w, fd, text, sizeof(text));
	if (times(text, "was refused") != 1)
		fail_msg("not once: %s", text);
	assert_non_null(strstr(text, "user alice was refused more than 3 "
				     "times"));
	world_free(w);
}

static void a_store_in_trouble_lets_mail_through(void **state)
{
	/* Nobody can make a file there. */
	struct world *w = world_new("ratelimit \"users\" { messages = 1 }",
				    "store=sqlite:/proc/none/x.db");
	const struct sent alice = {.letter = USER("alice")};
	char text[4000];
	int fd = log_catch(w);
	struct got got;

	(void)state;
	passing(w, &alice, 3);
	got = send(w, &alice);
	log_read(w, fd, text, sizeof(text));
	assert_int_equal(got.commit.wish, COMMIT_NOTHING);
	assert_int_equal(got.outcome, OUTCOME_TEMPERROR);
	assert_non_null(strstr(got.outcome_says, "not counted: "));
	world_free(w);
}

static void without_a_store_nothing_is_counted(void **state)
{
	struct bench_setup setup = {
		.checks = checks,
		.conf = "ratelimit \"u\" { messages = 1 recipients = 2 }"};
	struct world w = {.bench[0] = bench_new(&setup)};
	const struct sent alice = {.letter = USER("alice")};
	const struct sent much = {.letter = USER("alice"), .rcpts = 3};
	struct got got;

	(void)state;
	assert_int_equal(passing(&w, &alice, 3), 3);
	got = send(&w, &alice);
	assert_int_equal(got.outcome, OUTCOME_NOT_RUN);
	assert_string_equal(got.outcome_says, "an offline run counts nothing");
	assert_int_equal(send(&w, &much).commit.wish, COMMIT_RATELIMIT_NEVER);
	bench_free(&w.bench[0]);
}

static void without_rules_nothing_is_done(void **state)
{
	struct world *w = world_new("", NULL);
	const struct sent alice = {.letter = USER("alice"), .rcpts = 500};
	struct got got = send(w, &alice);
	struct store_stats stats;

	(void)state;
	assert_int_equal(got.outcome, OUTCOME_NOT_RUN);
	assert_string_equal(got.outcome_says, "no ratelimit section is set");
	store_stats(w->store[0], &stats);
	assert_int_equal(stats.asked, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_limited_and_the_window_slides),
		cmocka_unit_test(recipients_are_added_up),
		cmocka_unit_test(a_message_over_the_limit_by_itself_never_fits),
		cmocka_unit_test(each_subject_is_counted_by_itself),
		cmocka_unit_test(only_a_proven_domain_is_counted),
		cmocka_unit_test(
			trusted_networks_and_exceptions_are_not_counted),
		cmocka_unit_test(a_refusal_by_one_leaves_the_others_alone),
		cmocka_unit_test(only_what_is_let_through_is_counted),
		cmocka_unit_test(hosts_that_share_a_store_count_together),
		cmocka_unit_test(repeated_refusals_are_told_once),
		cmocka_unit_test(messages_that_never_fit_are_told_too),
		cmocka_unit_test(a_store_in_trouble_lets_mail_through),
		cmocka_unit_test(without_a_store_nothing_is_counted),
		cmocka_unit_test(without_rules_nothing_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
