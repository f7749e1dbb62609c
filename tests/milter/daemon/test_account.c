/* What judged messages add to the counters, by name. */
#include "milter/daemon/account.h"
#include "milter/daemon/names.h"
#include "milter/checks/table.h"
#include "tests/support/cmocka.h"
#include "tests/support/fixture.h"

#define ZONE                                           \
	"from.example TXT v=spf1 ip4:192.0.2.0/24 -all\n" \
	"from.example MX 10 mx.from.example\n"            \
	"from.example A 192.0.2.5\n"                      \
	"5.2.0.192.bl.example A 127.0.0.2\n"              \
	"5.2.0.192.dead.example A TEMPFAIL\n"

static const char *const sets[] = {
	"rbl.shipped_lists=no",
	"list.bl.example.answers={127.0.0.2 BL_SPAM 4.0 a source of spam}",
	"list.dead.example.answers={127.0.0.2 DEAD_SPAM 4.0 a source of spam}",
	"trusted_networks=198.51.100.0/24",
	NULL,
};

struct world {
	struct fixture f;
	struct counters counters;
	struct counter_slot *slot;
	struct account *account;
};

static void open_world(struct world *w, bool registered)
{
	struct err err;

	fixture_open(&w->f, checks_table, sets, ZONE);
	assert_int_equal(counters_make(&w->counters, &err), 0);
	w->slot = counters_enter(&w->counters, 1, ROLE_WORKER, 1);
	if (registered)
		account_register(&w->counters, w->f.engine);
	w->account = account_new(&w->counters, w->f.engine);
}

static void close_world(struct world *w)
{
	account_free(&w->account);
	account_free(&w->account);
	counters_free(&w->counters);
	fixture_close(&w->f);
}

static void judge(struct world *w, const char *ip)
{
	struct decision decision;

	fixture_mail(&w->f, ip, "mx.from.example", "a@from.example");
	answers_set_late(w->f.answers, false);
	fixture_judge(&w->f, "From: a@from.example\n"
			     "Subject: x\n"
			     "\n"
			     "text\n");
	policy_decide(w->f.policy, w->f.mail, &decision);
	decision.action = ACTION_TAG;
	account_message(w->account, w->slot, w->f.mail, &decision);
}

static uint64_t at(const struct world *w, enum counter first, unsigned index)
{
	return counters_sum(&w->counters, (enum counter)(first + index));
}

static uint64_t named(const struct world *w, enum counter first,
		      enum names kind, const char *name)
{
	unsigned index = names_find(&w->counters, kind, slice_cstr(name));

	assert_true(index < names_bound(kind));
	return at(w, first, index);
}

static uint64_t timed(const struct world *w, enum counter first, unsigned index)
{
	return counters_sum_all(
		&w->counters, (enum counter)(first + index * HISTOGRAM_CELLS),
		HISTOGRAM_SUM);
}

static void test_a_message_from_outside(void **state)
{
	struct world w;
	unsigned spf, greylist;

	(void)state;
	open_world(&w, true);
	judge(&w, "192.0.2.5");
	assert_int_equal(at(&w, COUNTER_MESSAGES,
			    DIRECTION_IN * ACTIONS + ACTION_TAG),
			 1);
	assert_int_equal(counters_sum_all(&w.counters, COUNTER_MESSAGES,
					  DIRECTIONS * ACTIONS),
			 1);
	assert_int_equal(at(&w, COUNTER_BYTES,
			    DIRECTION_IN * ACTIONS + ACTION_TAG),
			 w.f.mail->size);
	assert_int_equal(at(&w, COUNTER_SPF, AUTH_PASS), 1);
	assert_int_equal(at(&w, COUNTER_DKIM, AUTH_NONE), 1);
	assert_int_equal(counters_sum_all(&w.counters, COUNTER_DMARC, RESULTS),
			 1);
	assert_int_equal(named(&w, COUNTER_SYMBOLS, NAMES_SYMBOLS, "BL_SPAM"),
			 1);
	assert_int_equal(named(&w, COUNTER_SYMBOLS, NAMES_SYMBOLS, "DEAD_SPAM"),
			 0);
	assert_int_equal(counters_sum_all(&w.counters, COUNTER_SYMBOLS,
					  NAMED_SYMBOLS + 1),
			 w.f.mail->verdict->hit_count);
	assert_int_equal(at(&w, COUNTER_SYMBOLS, NAMED_SYMBOLS), 0);
	spf = names_find(&w.counters, NAMES_CHECKS, SLICE("spf"));
	greylist = names_find(&w.counters, NAMES_CHECKS, SLICE("greylist"));
	assert_int_equal(timed(&w, HISTOGRAM_CHECK, spf), 1);
	/* It has not run. */
	assert_int_equal(timed(&w, HISTOGRAM_CHECK, greylist), 0);
	/* Until the judgement; nothing was committed. */
	for (unsigned i = 0; i < STAGES; i++)
		assert_int_equal(timed(&w, HISTOGRAM_STAGE, i), i < STAGES - 1);
	close_world(&w);
}

static void test_what_lists_answered(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, true);
	judge(&w, "192.0.2.5");
	assert_int_equal(named(&w, COUNTER_LIST_ASKED, NAMES_LISTS,
			       "bl.example"),
			 1);
	assert_int_equal(named(&w, COUNTER_LIST_LISTED, NAMES_LISTS,
			       "bl.example"),
			 1);
	assert_int_equal(named(&w, COUNTER_LIST_ERRORS, NAMES_LISTS,
			       "bl.example"),
			 0);
	assert_int_equal(named(&w, COUNTER_LIST_ASKED, NAMES_LISTS,
			       "dead.example"),
			 1);
	assert_int_equal(named(&w, COUNTER_LIST_LISTED, NAMES_LISTS,
			       "dead.example"),
			 0);
	assert_int_equal(named(&w, COUNTER_LIST_ERRORS, NAMES_LISTS,
			       "dead.example"),
			 1);
	/* At hand at once: no time to tell of. */
	assert_int_equal(counters_sum_all(&w.counters, HISTOGRAM_LIST,
					  (NAMED_LISTS + 1) * HISTOGRAM_CELLS),
			 0);
	account_sources(w.account, w.slot, true);
	assert_int_equal(counters_sum_all(&w.counters, GAUGE_LIST_SUSPENDED,
					  NAMED_LISTS + 1),
			 0);
	close_world(&w);
}

static void test_a_message_of_our_own(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, true);
	judge(&w, "198.51.100.7");
	assert_int_equal(at(&w, COUNTER_MESSAGES,
			    DIRECTION_OUT * ACTIONS + ACTION_TAG),
			 1);
	/* Not examined: no result either. */
	assert_int_equal(counters_sum_all(&w.counters, COUNTER_SPF, RESULTS),
			 0);
	assert_int_equal(counters_sum_all(&w.counters, COUNTER_LIST_ASKED,
					  NAMED_LISTS + 1),
			 0);
	close_world(&w);
}

static void test_names_nobody_registered_are_other(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false);
	judge(&w, "192.0.2.5");
	assert_true(w.f.mail->verdict->hit_count > 0);
	assert_int_equal(at(&w, COUNTER_SYMBOLS, NAMED_SYMBOLS),
			 w.f.mail->verdict->hit_count);
	assert_int_equal(at(&w, COUNTER_LIST_ASKED, NAMED_LISTS), 2);
	assert_true(timed(&w, HISTOGRAM_CHECK, NAMED_CHECKS) > 0);
	close_world(&w);
}

static void test_a_message_past_a_limit(void **state)
{
	struct world w;
	struct decision decision;

	(void)state;
	open_world(&w, true);
	fixture_mail(&w.f, "192.0.2.5", "mx.from.example", "a@from.example");
	policy_tempfail(w.f.mail, "too many recipients", &decision);
	account_message(w.account, w.slot, w.f.mail, &decision);
	assert_int_equal(at(&w, COUNTER_MESSAGES,
			    DIRECTION_IN * ACTIONS + ACTION_TEMPFAIL),
			 1);
	assert_int_equal(timed(&w, HISTOGRAM_STAGE, STAGE_MESSAGE), 0);
	close_world(&w);
}

static void test_registering_again_changes_nothing(void **state)
{
	struct world w;
	unsigned before;

	(void)state;
	open_world(&w, true);
	before = names_count(&w.counters, NAMES_SYMBOLS);
	account_register(&w.counters, w.f.engine);
	assert_int_equal(names_count(&w.counters, NAMES_SYMBOLS), before);
	assert_int_equal(names_count(&w.counters, NAMES_LISTS), 2);
	assert_int_equal(names_count(&w.counters, NAMES_CHECKS),
			 engine_check_count(w.f.engine));
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_from_outside),
		cmocka_unit_test(test_what_lists_answered),
		cmocka_unit_test(test_a_message_of_our_own),
		cmocka_unit_test(test_names_nobody_registered_are_other),
		cmocka_unit_test(test_a_message_past_a_limit),
		cmocka_unit_test(test_registering_again_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
