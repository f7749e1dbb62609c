/*
 * Greylisting with a store and a clock that the test moves: when a message
 * is deferred, who counts as the same sender, what is remembered. All of it
 * with SQLite, and again with a Redis of the test's own.
 */
#include "common/base/clock.h"
#include "milter/checks/greylist.h"
#include "milter/store/store.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MINUTE 60
#define DAY (24 * 60 * MINUTE)

/* What SPF, DKIM and DMARC found. */
static struct auth auth;

static enum step judge_auth(struct mail *mail, unsigned index,
			    const void *ready, struct verdict *verdict)
{
	(void)mail;
	(void)index;
	(void)ready;
	verdict->auth = auth;
	return STEP_DONE;
}

static const struct check facts = {.name = "facts",
				   .doc = "x",
				   .needs = STAGE_CONNECT,
				   .judge = judge_auth};
static const struct check *const checks[] = {&facts, &check_greylist, NULL};

static char folder[] = "/tmp/gatepost-grey-XXXXXX";
static char url[100] = "sqlite:store.db"; /* which store to try */

/* A store with nothing in it, and the engine over it. */
struct world {
	char dir[60];
	struct bench *bench;
	struct store *store;
	_Atomic int64_t now_s;
};

static void tell_time(void *with, struct store_time *now_r)
{
	struct world *w = with;

	*now_r = (struct store_time){
		.boot = 1,
		.uptime_ms = w->now_s * 1000,
		.wall_ms = (1700000000 + w->now_s) * 1000,
	};
}

static void open_bench(struct world *w, const char *conf)
{
	struct bench_setup setup = {.checks = checks, .conf = conf};

	w->bench = bench_new(&setup);
	engine_set_store(bench_engine(w->bench), w->store);
}

/* The store stays, the configuration is another. */
static void reopen(struct world *w, const char *conf)
{
	bench_free(&w->bench);
	open_bench(w, conf);
}

static void open_world(struct world *w, const char *conf)
{
	static int number;
	struct store_options options = {.clock = tell_time, .clock_with = w};
	int64_t until = clock_mono_ms() + 5000;
	char text[400];
	struct err err;

	*w = (struct world){.now_s = 1000};
	snprintf(w->dir, sizeof(w->dir), "%s/%d", folder, ++number);
	assert_int_equal(mkdir(w->dir, 0700), 0);
	snprintf(text, sizeof(text),
		 "store = \"%s\"\nstate { prefix = \"t%d\" timeout = 10s }\n%s",
		 url, number, conf ? conf : "");
	auth = (struct auth){.spf = {.scope = "mfrom"}};
	open_bench(w, text);
	options.conf = engine_configuration(bench_engine(w->bench));
	options.state_dir = w->dir;
	w->store = store_new(&options, &err);
	if (!w->store)
		fail_msg("%s", err.text);
	engine_set_store(bench_engine(w->bench), w->store);
	while (!store_is_up(w->store) && clock_mono_ms() < until)
		usleep(1000);
}

static void close_world(struct world *w)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	char path[100];

	store_free(&w->store);
	bench_free(&w->bench);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/store.db%s", w->dir, files[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

static const struct commit doubtful = {.accept = true, .doubtful = true};
static const struct commit clean = {.accept = true};
static const struct commit spam = {.spam = true};

struct told {
	struct commit commit;
	enum outcome outcome;
	char reason[256];
	char symbols[256];
};

static struct told tell(struct world *w, const struct letter *letter,
			const char *to, struct commit commit)
{
	struct mail *mail = bench_judge_to(w->bench, letter, to);
	const struct check_report *report = judged_report(mail, "greylist");
	struct told told;

	engine_commit(mail, &commit);
	told.commit = commit;
	told.outcome = report->outcome;
	snprintf(told.reason, sizeof(told.reason), "%.*s",
		 SLICE_FMT(report->reason));
	snprintf(told.symbols, sizeof(told.symbols), "%s",
		 judged_symbols(mail));
	mail_free(&mail);
	return told;
}

#define RCPT "user@here.example"

static const struct letter usual = {.ip = "192.0.2.7",
				    .helo = "mx.example.org",
				    .from = "alice@example.org"};

/* Deferred for that long; 0: not deferred. */
static void expect(struct world *w, const struct letter *letter, const char *to,
		   int64_t wait_s)
{
	struct told told = tell(w, letter, to, doubtful);

	if (wait_s == 0 && told.commit.wish == COMMIT_NOTHING)
		return;
	if (told.commit.wish != COMMIT_GREYLIST || told.commit.wait_s != wait_s)
		fail_msg("from %s at %lld s: wait %lld s, not %lld: %s",
			 letter->ip, (long long)w->now_s,
			 (long long)told.commit.wait_s, (long long)wait_s,
			 told.reason);
}

static struct letter from(const char *ip, const char *sender)
{
	struct letter letter = usual;

	letter.ip = ip;
	letter.from = sender;
	return letter;
}

static void a_sender_comes_back_and_is_known(void **state)
{
	struct world w;
	struct told told;

	(void)state;
	open_world(&w, NULL);
	told = tell(&w, &usual, RCPT, doubtful);
	assert_int_equal(told.commit.wish, COMMIT_GREYLIST);
	assert_int_equal(told.commit.wait_s, 300);
	assert_int_equal(told.outcome, OUTCOME_FAIL);
	assert_string_equal(told.symbols, "GREYLISTED");
	assert_string_equal(told.reason, "deferred for 300 s: first try from "
					 "192.0.2.0/24");
	w.now_s += 100;
	told = tell(&w, &usual, RCPT, doubtful);
	assert_int_equal(told.commit.wait_s, 200);
	assert_string_equal(told.reason, "deferred for 200 s: back after "
					 "100 s, too early");
	w.now_s += 312;
	told = tell(&w, &usual, RCPT, doubtful);
	assert_int_equal(told.commit.wish, COMMIT_NOTHING);
	assert_int_equal(told.outcome, OUTCOME_PASS);
	assert_string_equal(told.symbols, "GREYLIST_PASSED");
	assert_string_equal(told.reason,
			    "not deferred: it came back after 412 s");
	told = tell(&w, &usual, RCPT, doubtful);
	assert_string_equal(told.symbols, "GREYLIST_KNOWN");
	assert_string_equal(told.reason,
			    "not deferred: this sender has passed before");
	close_world(&w);
}

static void neighbours_are_one_and_strangers_are_not(void **state)
{
	struct letter neighbour = from("192.0.2.200", "alice@example.org");
	struct letter stranger = from("198.51.100.7", "alice@example.org");
	struct letter other = from("192.0.2.7", "bob@example.org");
	struct letter same = from("192.0.2.7", "\"Alice\"@EXAMPLE.org");
	struct world w;

	(void)state;
	open_world(&w, NULL);
	expect(&w, &usual, RCPT, 300);
	w.now_s += 301;
	expect(&w, &other, RCPT, 300);
	expect(&w, &stranger, RCPT, 300);
	expect(&w, &usual, "another@here.example", 300);
	expect(&w, &neighbour, RCPT, 0);
	expect(&w, &same, "USER@Here.Example", 0);
	close_world(&w);
}

static void messages_of_one_list_are_one_sender(void **state)
{
	struct letter first =
		from("192.0.2.7", "list-return-41-user=here.example@l.test");
	struct letter next =
		from("192.0.2.7", "list-return-42-user=here.example@l.test");
	struct world w;

	(void)state;
	open_world(&w, NULL);
	expect(&w, &first, RCPT, 300);
	w.now_s += 400;
	expect(&w, &next, RCPT, 0);
	close_world(&w);
}

/* Its hosts in other networks are the same sender, if that is proven. */
static void spf_and_dkim_join_hosts(void **state)
{
	struct letter first = from("192.0.2.7", "alice@mail.example.org");
	struct letter second = from("198.51.100.7", "alice@mail.example.org");
	struct letter third = from("2001:db8::1", "alice@mail.example.org");
	struct world w;

	(void)state;
	open_world(&w, NULL);
	auth.spf.result = AUTH_PASS;
	auth.spf.domain = SLICE("mail.example.org");
	expect(&w, &first, RCPT, 300);
	w.now_s += 301;
	/* Not proven, or of others. */
	auth.spf.result = AUTH_SOFTFAIL;
	expect(&w, &third, RCPT, 300);
	auth.spf.result = AUTH_PASS;
	auth.spf.domain = SLICE("mx.example.org");
	expect(&w, &third, RCPT, 300);
	auth.spf.result = AUTH_NONE;
	auth.dkim[0] = (struct auth_dkim){.result = AUTH_PASS,
					  .domain = SLICE("example.com")};
	auth.dkim_count = 1;
	expect(&w, &third, RCPT, 300);
	auth.dkim[0].domain = SLICE("example.org");
	auth.dkim[0].result = AUTH_FAIL;
	expect(&w, &third, RCPT, 300);
	/* By the organization's signature, though the first try was by SPF. */
	auth.dkim[0].result = AUTH_PASS;
	expect(&w, &second, RCPT, 0);
	/* All its names have passed now: this network does unproven. */
	auth.dkim_count = 0;
	expect(&w, &second, RCPT, 0);
	close_world(&w);
}

static void a_bounce_goes_by_its_helo(void **state)
{
	struct letter first = from("192.0.2.7", "");
	struct letter second = from("198.51.100.7", "");
	struct world w;

	(void)state;
	open_world(&w, NULL);
	auth.spf = (struct auth_spf){.result = AUTH_PASS,
				     .domain = SLICE("mx.example.org"),
				     .scope = "helo"};
	expect(&w, &first, RCPT, 300);
	w.now_s += 301;
	second.helo = "mx2.example.com";
	auth.spf.domain = SLICE("mx2.example.com");
	expect(&w, &second, RCPT, 300);
	second.helo = "mx2.example.org";
	auth.spf.domain = SLICE("mx2.example.org");
	expect(&w, &second, RCPT, 0);
	close_world(&w);
}

static void entries_expire(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NULL);
	expect(&w, &usual, RCPT, 300);
	w.now_s += DAY + 1;
	expect(&w, &usual, RCPT, 300);
	w.now_s += DAY - 1;
	expect(&w, &usual, RCPT, 0);
	/* Each use renews it. */
	for (int i = 0; i < 3; i++) {
		w.now_s += 35 * DAY;
		expect(&w, &usual, RCPT, 0);
	}
	w.now_s += 36 * DAY + 1;
	expect(&w, &usual, RCPT, 300);
	close_world(&w);
}

static void the_settings_count(void **state)
{
	struct letter far = from("192.0.200.7", "alice@example.org");
	struct world w;

	(void)state;
	open_world(&w, "greylist { delay = 1500ms window = 1m "
		       "pass_lifetime = 2m ipv4_mask = 16 }");
	expect(&w, &usual, RCPT, 2);
	w.now_s += 2;
	expect(&w, &far, RCPT, 0);
	w.now_s += 121;
	expect(&w, &far, RCPT, 2);
	close_world(&w);
}

static void all_recipients_must_have_passed(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NULL);
	expect(&w, &usual, "a@here.example b@here.example", 300);
	w.now_s += 200;
	expect(&w, &usual, "b@here.example A@here.example c@here.example", 300);
	w.now_s += 101;
	/* In any order, any number of times, and each part of them. */
	expect(&w, &usual, "b@here.example", 0);
	expect(&w, &usual, "a@here.example a@here.example", 0);
	expect(&w, &usual, "c@here.example a@here.example", 199);
	w.now_s += 199;
	expect(&w, &usual, "c@here.example b@here.example", 0);
	close_world(&w);
}

static void the_same_recipients_are_looked_at_each_time(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "greylist { recipients = 2 }");
	expect(&w, &usual, "a@here.example b@here.example c@here.example", 300);
	w.now_s += 301;
	expect(&w, &usual, "c@here.example b@here.example a@here.example", 0);
	expect(&w, &usual, "c@here.example", 300);
	close_world(&w);
}

static void clean_mail_is_deferred_only_always(void **state)
{
	struct told told;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	told = tell(&w, &usual, RCPT, clean);
	assert_int_equal(told.commit.wish, COMMIT_NOTHING);
	assert_int_equal(told.outcome, OUTCOME_NOT_RUN);
	reopen(&w, "greylist { mode = always }");
	told = tell(&w, &usual, RCPT, clean);
	assert_int_equal(told.commit.wish, COMMIT_GREYLIST);
	reopen(&w, "greylist { mode = off }");
	expect(&w, &usual, RCPT, 0);
	close_world(&w);
}

static void learning_prepares_for_the_score(void **state)
{
	struct letter late = from("192.0.2.7", "late@example.org");
	struct told told;
	struct world w;

	(void)state;
	open_world(&w, "greylist { mode = learn }");
	told = tell(&w, &usual, RCPT, doubtful);
	assert_int_equal(told.commit.wish, COMMIT_NOTHING);
	assert_int_equal(told.outcome, OUTCOME_PASS);
	assert_string_equal(told.symbols, "GREYLIST_LEARNT");
	assert_string_equal(told.reason,
			    "not deferred: greylist.mode is learn; it would "
			    "wait for 300 s (first try from 192.0.2.0/24)");
	(void)tell(&w, &late, RCPT, clean);
	w.now_s += 600;
	reopen(&w, NULL);
	expect(&w, &usual, RCPT, 0);
	expect(&w, &late, RCPT, 300);
	close_world(&w);
}

/* Nothing of a refused message is kept. */
static void refused_mail_leaves_no_entry(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "greylist { mode = always }");
	(void)tell(&w, &usual, RCPT, spam);
	w.now_s += 301;
	expect(&w, &usual, RCPT, 300);
	close_world(&w);
}

static void prove(const char *domain)
{
	auth.dmarc = (struct auth_dmarc){.result = AUTH_PASS,
					 .domain = slice_cstr(domain)};
}

static void a_good_record_is_trusted_until_spam(void **state)
{
	struct told told;
	struct world w;

	(void)state;
	open_world(&w, "greylist { trust_after = 3 }");
	prove("example.org");
	for (int i = 0; i < 2; i++)
		(void)tell(&w, &usual, RCPT, clean);
	/* Doubtful and unproven ones do not count. */
	expect(&w, &usual, "x@here.example", 300);
	w.now_s += 301;
	expect(&w, &usual, "x@here.example", 0);
	auth.dmarc.result = AUTH_FAIL;
	(void)tell(&w, &usual, RCPT, clean);
	auth.dmarc.result = AUTH_PASS;
	expect(&w, &usual, RCPT, 300);
	(void)tell(&w, &usual, RCPT, clean);
	told = tell(&w, &usual, RCPT, doubtful);
	assert_int_equal(told.commit.wish, COMMIT_NOTHING);
	assert_string_equal(told.reason, "not deferred: example.org has sent "
					 "3 good messages on end");
	/* It is the proven author's, not that of who claims to be. */
	auth.dmarc.result = AUTH_FAIL;
	expect(&w, &usual, RCPT, 300);
	prove("other.example");
	expect(&w, &usual, RCPT, 300);
	prove("example.org");
	expect(&w, &usual, RCPT, 0);
	(void)tell(&w, &usual, RCPT, spam);
	expect(&w, &usual, RCPT, 300);
	close_world(&w);
}

static void nobody_is_trusted_with_0(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "greylist { trust_after = 0 }");
	prove("example.org");
	for (int i = 0; i < 20; i++)
		(void)tell(&w, &usual, RCPT, clean);
	expect(&w, &usual, RCPT, 300);
	close_world(&w);
}

static void the_administrator_allows(void **state)
{
	static const struct {
		const char *allow, *reason;
	} cases[] = {
		{"alice@a.b.example.org", "alice@a.b.example.org"},
		{"a.b.example.org", "a.b.example.org"},
		{"example.org", "example.org"},
		{"192.0.2.7", "192.0.2.7"},
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"r39@x.here.example", "r39@x.here.example"},
		{"here.example", "here.example"},
		{"author.example", "author.example"},
	};
	struct letter letter = from("192.0.2.7", "alice@a.b.example.org");
	char to[2000] = "";

	(void)state;
	for (int i = 0; i < 40; i++)
		snprintf(to + strlen(to), sizeof(to) - strlen(to),
			 "%sr%d@x.here.example", i > 0 ? " " : "", i);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told;
		struct world w;
		struct err err;
		char reason[100];

		open_world(&w, NULL);
		expect(&w, &letter, to, 300);
		prove("author.example");
		if (store_allow(w.store, slice_cstr(cases[i].allow), &err) < 0)
			fail_msg("%s", err.text);
		told = tell(&w, &letter, to, doubtful);
		snprintf(reason, sizeof(reason), "not deferred: %s is allowed",
			 cases[i].reason);
		assert_string_equal(told.reason, reason);
		close_world(&w);
	}
}

/* The author's domain must be proven to count. */
static void a_claimed_author_is_not_allowed(void **state)
{
	struct world w;
	struct err err;

	(void)state;
	open_world(&w, NULL);
	assert_int_equal(store_allow(w.store, SLICE("author.example"), &err),
			 0);
	prove("author.example");
	expect(&w, &usual, RCPT, 0);
	auth.dmarc.result = AUTH_FAIL;
	expect(&w, &usual, RCPT, 300);
	close_world(&w);
}

static void a_store_that_fails_lets_mail_through(void **state)
{
	struct told told;
	struct world w;
	char kept[sizeof(url)];

	(void)state;
	memcpy(kept, url, sizeof(url));
	snprintf(url, sizeof(url), "%s",
		 url[0] == 's' ? "sqlite:missing/folder/store.db"
			       : "redis+unix:/nonexistent/socket");
	open_world(&w, "greylist { mode = always }");
	for (int i = 0; i < 3; i++) {
		told = tell(&w, &usual, RCPT, doubtful);
		assert_int_equal(told.commit.wish, COMMIT_NOTHING);
		assert_int_equal(told.outcome, OUTCOME_TEMPERROR);
		assert_memory_equal(told.reason, "not deferred: the store ",
				    24);
	}
	close_world(&w);
	memcpy(url, kept, sizeof(url));
}

/* Its process id, or 0 where there is no redis-server. */
static pid_t start_redis(void)
{
	int64_t until = clock_mono_ms() + 10000;
	char path[60];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/redis.sock", folder);
	snprintf(url, sizeof(url), "redis+unix:%s", path);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execlp("redis-server", "redis-server", "--port", "0",
		       "--unixsocket", path, "--save", "", "--appendonly", "no",
		       "--logfile", "/dev/null", NULL);
		_exit(127);
	}
	while (access(path, W_OK) != 0 && clock_mono_ms() < until) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return 0;
		usleep(10000);
	}
	return pid;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_comes_back_and_is_known),
		cmocka_unit_test(neighbours_are_one_and_strangers_are_not),
		cmocka_unit_test(messages_of_one_list_are_one_sender),
		cmocka_unit_test(spf_and_dkim_join_hosts),
		cmocka_unit_test(a_bounce_goes_by_its_helo),
		cmocka_unit_test(entries_expire),
		cmocka_unit_test(the_settings_count),
		cmocka_unit_test(all_recipients_must_have_passed),
		cmocka_unit_test(the_same_recipients_are_looked_at_each_time),
		cmocka_unit_test(clean_mail_is_deferred_only_always),
		cmocka_unit_test(learning_prepares_for_the_score),
		cmocka_unit_test(refused_mail_leaves_no_entry),
		cmocka_unit_test(a_good_record_is_trusted_until_spam),
		cmocka_unit_test(nobody_is_trusted_with_0),
		cmocka_unit_test(the_administrator_allows),
		cmocka_unit_test(a_claimed_author_is_not_allowed),
		cmocka_unit_test(a_store_that_fails_lets_mail_through),
	};

	int failed;
	pid_t redis;

	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests_name("SQLite", tests, NULL, NULL);
	redis = start_redis();
	if (redis > 0) {
		failed +=
			cmocka_run_group_tests_name("Redis", tests, NULL, NULL);
		kill(redis, SIGTERM);
		waitpid(redis, NULL, 0);
	} else {
		print_message("there is no redis-server: Redis is skipped\n");
	}
	rmdir(folder);
	return failed;
}
