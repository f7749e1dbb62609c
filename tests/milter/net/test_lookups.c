/*
 * The memo of a message: what is asked once, who waits for what and for how
 * long, and answers that come on another thread. It must also pass under
 * libfaketime with a moved, stopped or fast clock.
 */
#include "milter/net/lookups.h"
#include "common/base/clock.h"
#include "tests/support/answers.h"
#include "tests/support/cmocka.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define ZONE                      \
	"a.example A 192.0.2.1\n" \
	"a.example TXT one\n"     \
	"b.example A 192.0.2.2\n" \
	"broken.example A TEMPFAIL\n"

/* A resolver that several threads may use, as the real one. */
struct shared {
	struct resolver resolver; /* first */
	pthread_mutex_t lock;
	struct answers *answers;
	atomic_bool stop;
	unsigned cancelled;
};

struct fixture {
	struct arena *arena;
	struct shared shared;
	struct lookups *l;
};

static const struct dns_answer *ask(struct resolver *resolver,
				    enum dns_type type, struct slice name,
				    struct dns_waiter *waiter)
{
	struct shared *shared = (struct shared *)resolver;
	struct resolver *inner = answers_resolver(shared->answers);
	const struct dns_answer *answer;

	pthread_mutex_lock(&shared->lock);
	answer = inner->ask(inner, type, name, waiter);
	pthread_mutex_unlock(&shared->lock);
	return answer;
}

static void cancel(struct resolver *resolver, struct dns_waiter *waiter)
{
	struct shared *shared = (struct shared *)resolver;
	struct resolver *inner = answers_resolver(shared->answers);

	pthread_mutex_lock(&shared->lock);
	inner->cancel(inner, waiter);
	shared->cancelled++;
	pthread_mutex_unlock(&shared->lock);
}

static unsigned deliver(struct shared *shared)
{
	unsigned n;

	pthread_mutex_lock(&shared->lock);
	n = answers_deliver(shared->answers);
	pthread_mutex_unlock(&shared->lock);
	return n;
}

static void *deliver_forever(void *shared)
{
	while (!((struct shared *)shared)->stop)
		deliver(shared);
	return NULL;
}

static void *deliver_later(void *shared)
{
	usleep(30000);
	deliver(shared);
	return NULL;
}

static struct fixture *begin(bool late, size_t max_questions)
{
	struct arena *arena = arena_new(0);
	struct fixture *f = ARENA_NEW(arena, struct fixture);

	f->arena = arena;
	f->shared.resolver = (struct resolver){ask, cancel};
	pthread_mutex_init(&f->shared.lock, NULL);
	f->shared.answers = answers_new(ZONE);
	answers_set_late(f->shared.answers, late);
	f->l = lookups_new(arena, &f->shared.resolver, max_questions);
	return f;
}

static void end(struct fixture *f)
{
	struct arena *arena = f->arena;

	lookups_end(f->l);
	pthread_mutex_destroy(&f->shared.lock);
	answers_free(&f->shared.answers);
	arena_free(&arena);
}

static unsigned asked(const struct fixture *f)
{
	return answers_asked(f->shared.answers);
}

static const struct dns_answer *
lookup_text(struct fixture *f, enum dns_type type, const char *name)
{
	return lookup(f->l, type, slice_cstr(name));
}

static void one_question_however_often_asked(void **state)
{
	struct fixture *f = begin(false, 10);
	const struct dns_answer *answer = lookup_text(f, DNS_A, "a.example");

	(void)state;
	assert_int_equal(answer->status, DNS_FOUND);
	assert_ptr_equal(lookup_text(f, DNS_A, "a.example"), answer);
	assert_ptr_equal(lookup_text(f, DNS_A, "A.EXAMPLE."), answer);
	assert_int_equal(asked(f), 1);
	assert_int_equal(lookup_text(f, DNS_TXT, "a.example")->status,
			 DNS_FOUND);
	assert_int_equal(asked(f), 2);
	assert_int_equal(lookups_stats(f->l).asked, 2);
	assert_int_equal(lookups_stats(f->l).from_cache, 2);
	assert_int_equal(f->shared.cancelled, 0);
	end(f);
}

static void what_had_to_be_waited_for_is_timed(void **state)
{
	struct fixture *f = begin(true, 10);

	(void)state;
	assert_null(lookup_text(f, DNS_A, "a.example"));
	assert_int_equal(lookup_took_us(f->l), -1);
	usleep(20000);
	deliver(&f->shared);
	assert_non_null(lookup_text(f, DNS_A, "a.example"));
	assert_true(lookup_took_us(f->l) >= 10000);
	assert_true(lookup_took_us(f->l) < 20000000);
	answers_set_late(f->shared.answers, false);
	assert_non_null(lookup_text(f, DNS_A, "b.example"));
	assert_int_equal(lookup_took_us(f->l), -1);
	assert_non_null(lookup_text(f, DNS_A, "a.example"));
	assert_true(lookup_took_us(f->l) >= 10000);
	assert_non_null(lookup_text(f, DNS_A, "..."));
	assert_int_equal(lookup_took_us(f->l), -1);
	end(f);
}

static void impossible_names_are_not_asked(void **state)
{
	static const char label64[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.x";
	static const char *const names[] = {"",	   ".",	  "a..b", ".a",
					    "a..", "..a", label64};
	struct fixture *f = begin(false, 10);
	char longest[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(lookup_text(f, DNS_A, names[i])->status,
				 DNS_NXDOMAIN);
	for (size_t i = 0; i < 254; i++)
		longest[i] = i % 50 == 49 ? '.' : 'a';
	assert_int_equal(
		lookup(f->l, DNS_A, (struct slice){longest, 254})->status,
		DNS_NXDOMAIN);
	assert_int_equal(asked(f), 0);
	lookup(f->l, DNS_A, (struct slice){longest, 253});
	lookup_text(f, DNS_A, label64 + 1);
	assert_int_equal(asked(f), 2);
	end(f);
}

static void no_more_questions_than_the_limit(void **state)
{
	struct fixture *f = begin(false, 2);
	const struct dns_answer *answer;
	char name[32];

	(void)state;
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		answer = lookup_text(f, DNS_A, name);
		assert_int_equal(answer->status,
				 i < 2 ? DNS_NXDOMAIN : DNS_TEMPFAIL);
	}
	assert_non_null(answer->why);
	assert_int_equal(lookup_text(f, DNS_A, "n0.example")->status,
			 DNS_NXDOMAIN);
	assert_int_equal(asked(f), 2);
	end(f);
}

static void pending_is_counted_by_owner(void **state)
{
	struct fixture *f = begin(true, 10);

	(void)state;
	lookups_begin(f->l, 0, 60000, INT64_MAX);
	assert_null(lookup_text(f, DNS_A, "a.example"));
	assert_null(lookup_text(f, DNS_A, "a.example"));
	lookups_begin(f->l, 31, 60000, INT64_MAX);
	assert_null(lookup_text(f, DNS_A, "a.example"));
	assert_null(lookup_text(f, DNS_A, "b.example"));
	assert_int_equal(asked(f), 2);
	assert_int_equal(lookups_pending(f->l, 0), 1);
	assert_int_equal(lookups_pending(f->l, 31), 2);
	assert_int_equal(lookups_pending(f->l, 5), 0);
	assert_int_equal(deliver(&f->shared), 2);
	assert_int_equal(lookups_pending(f->l, 0), 0);
	assert_int_equal(lookups_pending(f->l, 31), 0);
	assert_int_equal(lookup_text(f, DNS_A, "b.example")->status, DNS_FOUND);
	end(f);
}

static void failures_are_counted(void **state)
{
	struct fixture *f = begin(true, 10);

	(void)state;
	assert_null(lookup_text(f, DNS_A, "broken.example"));
	deliver(&f->shared);
	assert_int_equal(lookup_text(f, DNS_A, "broken.example")->status,
			 DNS_TEMPFAIL);
	assert_int_equal(lookups_stats(f->l).failed, 1);
	assert_int_equal(lookups_stats(f->l).from_cache, 0);
	assert_int_equal(lookups_stats(f->l).timed_out, 0);
	end(f);
}

static void each_owner_has_its_own_deadline(void **state)
{
	struct fixture *f = begin(true, 10);
	int64_t start = clock_mono_ms();

	(void)state;
	lookups_begin(f->l, 1, 40, INT64_MAX);
	assert_null(lookup_text(f, DNS_A, "a.example"));
	lookups_begin(f->l, 2, 60000, INT64_MAX);
	assert_null(lookup_text(f, DNS_A, "a.example"));
	assert_int_equal(lookups_wait(f->l, 1u << 1 | 1u << 2, start + 30000),
			 1u << 1);
	assert_true(clock_mono_ms() - start < 20000);
	lookups_begin(f->l, 1, 40, INT64_MAX);
	assert_int_equal(lookup_text(f, DNS_A, "a.example")->status,
			 DNS_TEMPFAIL);
	lookups_begin(f->l, 2, 60000, INT64_MAX);
	assert_null(lookup_text(f, DNS_A, "a.example"));
	deliver(&f->shared);
	assert_int_equal(lookup_text(f, DNS_A, "a.example")->status, DNS_FOUND);
	assert_int_equal(lookups_stats(f->l).timed_out, 1);
	assert_int_equal(lookups_pending(f->l, 1), 0);
	assert_int_equal(lookups_pending(f->l, 2), 0);
	end(f);
}

static void no_question_outlives_until(void **state)
{
	struct fixture *f = begin(true, 10);
	int64_t now = clock_mono_ms();

	(void)state;
	lookups_begin(f->l, 0, 60000, now - 1);
	assert_int_equal(lookup_text(f, DNS_A, "a.example")->status,
			 DNS_TEMPFAIL);
	assert_int_equal(lookups_pending(f->l, 0), 0);
	lookups_begin(f->l, 0, 60000, now + 60);
	assert_null(lookup_text(f, DNS_A, "b.example"));
	assert_int_equal(lookups_wait(f->l, 1, now + 30000), 1);
	assert_int_equal(lookup_text(f, DNS_A, "b.example")->status,
			 DNS_TEMPFAIL);
	end(f);
}

static void waits_only_as_long_as_needed(void **state)
{
	struct fixture *f = begin(true, 10);
	int64_t start = clock_mono_ms();
	pthread_t thread;

	(void)state;
	/* Nothing pending: at once. */
	assert_int_equal(lookups_wait(f->l, 1u << 7, start + 30000), 1u << 7);
	lookups_begin(f->l, 7, 60000, INT64_MAX);
	assert_null(lookup_text(f, DNS_A, "a.example"));
	assert_null(lookup_text(f, DNS_A, "b.example"));
	/* The deadline passed, or passes. */
	assert_int_equal(lookups_wait(f->l, 1u << 7, start), 0);
	assert_int_equal(lookups_wait(f->l, 1u << 7, clock_mono_ms() + 20), 0);
	assert_int_equal(
		pthread_create(&thread, NULL, deliver_later, &f->shared), 0);
	assert_int_equal(lookups_wait(f->l, 1u << 7, start + 30000), 1u << 7);
	assert_true(clock_mono_ms() - start < 20000);
	pthread_join(thread, NULL);
	end(f);
}

static void giving_up_frees_every_owner(void **state)
{
	struct fixture *f = begin(true, 10);

	(void)state;
	for (unsigned owner = 0; owner < LOOKUPS_OWNERS; owner++) {
		lookups_begin(f->l, owner, 60000, INT64_MAX);
		assert_null(lookup_text(f, DNS_A, "a.example"));
	}
	lookups_give_up(f->l);
	assert_int_equal(lookups_wait(f->l, UINT32_MAX, INT64_MAX), UINT32_MAX);
	assert_int_equal(lookup_text(f, DNS_A, "a.example")->status,
			 DNS_TEMPFAIL);
	/* What is asked now is not waited for either. */
	assert_int_equal(lookup_text(f, DNS_A, "b.example")->status,
			 DNS_TEMPFAIL);
	assert_int_equal(lookups_pending(f->l, 31), 0);
	/* An answer that came late all the same is used. */
	deliver(&f->shared);
	assert_int_equal(lookup_text(f, DNS_A, "a.example")->status, DNS_FOUND);
	end(f);
}

static void the_end_cancels_what_is_out(void **state)
{
	struct fixture *f = begin(true, 10);

	(void)state;
	assert_null(lookup_text(f, DNS_A, "a.example"));
	assert_null(lookup_text(f, DNS_A, "b.example"));
	lookups_end(f->l);
	assert_int_equal(deliver(&f->shared), 0);
	f->l = lookups_new(f->arena, &f->shared.resolver, 10);
	end(f);
}

/* One message: some rounds of questions, left at an arbitrary point. */
static void one_message(struct shared *shared, unsigned seed)
{
	struct arena *arena = arena_new(0);
	struct lookups *l = lookups_new(arena, &shared->resolver, 100);
	char name[32];

	for (unsigned i = 0; i < 12; i++) {
		lookups_begin(l, i % 3, seed % 4 == 0 ? 0 : 1000, INT64_MAX);
		snprintf(name, sizeof(name), "n%u.example", (seed + i) % 20);
		lookup(l, DNS_A, slice_cstr(name));
		if ((seed + i) % 5 == 0)
			lookups_wait(l, 7, clock_mono_ms() + 1000);
		if ((seed + i) % 11 == 0)
			lookups_give_up(l);
	}
	if (seed % 3)
		lookups_wait(l, 1, clock_mono_ms() + 1000);
	lookups_end(l);
	arena_free(&arena);
}

static void *many_messages(void *shared)
{
	for (unsigned i = 0; i < 500; i++)
		one_message(shared, i);
	return NULL;
}

static void answers_race_with_everything(void **state)
{
	struct fixture *f = begin(true, 10);
	pthread_t messages[3], deliverers[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		pthread_create(&deliverers[i], NULL, deliver_forever,
			       &f->shared);
	for (int i = 0; i < 3; i++)
		pthread_create(&messages[i], NULL, many_messages, &f->shared);
	for (int i = 0; i < 3; i++)
		pthread_join(messages[i], NULL);
	f->shared.stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(deliverers[i], NULL);
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_question_however_often_asked),
		cmocka_unit_test(what_had_to_be_waited_for_is_timed),
		cmocka_unit_test(impossible_names_are_not_asked),
		cmocka_unit_test(no_more_questions_than_the_limit),
		cmocka_unit_test(pending_is_counted_by_owner),
		cmocka_unit_test(failures_are_counted),
		cmocka_unit_test(each_owner_has_its_own_deadline),
		cmocka_unit_test(no_question_outlives_until),
		cmocka_unit_test(waits_only_as_long_as_needed),
		cmocka_unit_test(giving_up_frees_every_owner),
		cmocka_unit_test(the_end_cancels_what_is_out),
		cmocka_unit_test(answers_race_with_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
