/* What users did: written, read, and what is none. */
#include "tests/support/cmocka.h"

#include "common/verdict/feedback.h"

#include <string.h>

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (int said = 0; said < FEEDBACK_SAIDS; said++) {
		for (int how = 0; how < FEEDBACK_HOWS; how++) {
			const struct feedback f = {
				SLICE("1m8gexmj7c0j2d1d,b"),
				SLICE("b+x@example.org"),
				(enum feedback_said)said,
				(enum feedback_how)how, how % 2 == 0};
			char text[FEEDBACK_MAX];
			size_t n = feedback_write(&f, text);
			struct feedback back;

			assert_true(feedback_read((struct slice){text, n},
						  &back));
			assert_true(slice_eq(back.ids, f.ids));
			assert_true(slice_eq(back.user, f.user));
			assert_int_equal(back.said, f.said);
			assert_int_equal(back.how, f.how);
			assert_int_equal(back.allow, f.allow);
		}
	}
}

static void the_longest_fits(void **state)
{
	char id[FEEDBACK_ID_MAX + 1], user[FEEDBACK_USER_MAX + 1];
	struct feedback f = {{id, FEEDBACK_ID_MAX}, {user, FEEDBACK_USER_MAX},
			     FEEDBACK_SPAM, FEEDBACK_RELEASE, true};
	char text[FEEDBACK_MAX];

	(void)state;
	memset(id, 'a', sizeof(id));
	memset(user, 'b', sizeof(user));
	assert_true(feedback_write(&f, text) > 0);
	f.ids.n++;
	assert_int_equal(feedback_write(&f, text), 0);
	f.ids.n--;
	f.user.n++;
	assert_int_equal(feedback_write(&f, text), 0);
}

static void as_many_as_a_datagram_holds_are_told(void **state)
{
	struct feedback f = {.user = SLICE("b"), .said = FEEDBACK_SPAM};
	char ids[FEEDBACK_MAX], text[FEEDBACK_MAX];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < FEEDBACK_IDS_MAX; i++) {
		memcpy(ids + n, "1m8gexmj7c0j2d1d,", 17);
		n += 17;
	}
	f.ids = (struct slice){ids, n - 1};
	assert_true(feedback_write(&f, text) > 0);
	memcpy(ids + n, "x", 1);
	f.ids.n = n + 1;
	assert_int_equal(feedback_write(&f, text), 0);
}

static void what_could_be_misread_is_not_written(void **state)
{
	static const char *const users[] = {"",	     "a b",    "a;said=spam",
					    "a\nb",  "\x7f",   "\xc3\xa9@x",
					    "a\tb@c"};
	static const char *const ids[] = {"", "a b", "../x", "a;b", "a-b", "a,,b", "a,", ","};
	char text[FEEDBACK_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		assert_int_equal(
			feedback_write(&(struct feedback){		.ids = SLICE("a1"),
							  .user = slice_cstr(
								  users[i])},
				       text),
			0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_int_equal(
			feedback_write(&(struct feedback){.ids = slice_cstr(
								  ids[i]),
							  .user = SLICE("u")},
				       text),
			0);
}

static void what_is_none_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"v=1",
		"v=2; id=a; said=ham; how=move; allow=no; user=u",
		"v=1; id=a; said=eggs; how=move; allow=no; user=u",
		"v=1; id=a; said=ham; how=fax; allow=no; user=u",
		"v=1; id=a; said=ham; how=move; allow=no; user=",
		"v=1; id=; said=ham; how=move; allow=no; user=u",
		"v=1; id=a; said=ham; how=move; allow=no",
		"v=1; id=a; said=ham; how=move; allow=no; user=u; more=x",
		"v=1; id=a; id=b; said=ham; how=move; allow=no; user=u",
		"v=1; id=a; said=ham; how=move; allow=no; user=u v",
		"v=1; id=a; said=ham; how=move; allow=no; user=u; x",
		"v=1; id=a; said=ham; how=move; allow=perhaps; user=u",
		"v=1; id=a; said=ham; how=move; user=u",
	};
	struct feedback f;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(feedback_read(slice_cstr(texts[i]), &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_longest_fits),
		cmocka_unit_test(as_many_as_a_datagram_holds_are_told),
		cmocka_unit_test(what_could_be_misread_is_not_written),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
