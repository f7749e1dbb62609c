/* Addresses as greylisting knows them, and senders folded. */
#include "milter/checks/greylist_sender.h"
#include "tests/support/cmocka.h"

#include <string.h>

struct row {
	const char *in, *out;
};

static void expect(struct slice (*form)(struct arena *, struct slice),
		   const struct row *rows, size_t count)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < count; i++) {
		struct slice once = form(a, slice_cstr(rows[i].in));
		struct slice twice = form(a, once);

		if (!slice_eq(once, slice_cstr(rows[i].out)))
			fail_msg("'%s' became '%.*s', not '%s'", rows[i].in,
				 SLICE_FMT(once), rows[i].out);
		if (!slice_eq(once, twice))
			fail_msg("'%.*s' became '%.*s' the second time",
				 SLICE_FMT(once), SLICE_FMT(twice));
	}
	arena_free(&a);
}

#define EXPECT(form, rows) expect(form, rows, sizeof(rows) / sizeof(rows[0]))

static void addresses_have_one_form(void **state)
{
	static const struct row rows[] = {
		{"", ""},
		{"Alice@Example.ORG", "alice@example.org"},
		{"alice@example.org.", "alice@example.org"},
		{"\"alice\"@example.org", "alice@example.org"},
		{"\"Al\\ice\"@example.org", "alice@example.org"},
		{"\"a b\"@example.org", "a?b@example.org"},
		{"\"a@b\"@example.org", "a?b@example.org"},
		{"\"\"@example.org", "?@example.org"},
		{"@example.org", "?@example.org"},
		{"@x.test,@y.test:alice@example.org", "alice@example.org"},
		{"postmaster", "postmaster"},
		{"a@b\xc3\xbc"
		 "cher.example",
		 "a@xn--bcher-kva.example"},
		{"J\xc3\xbcrgen@example.org", "j\xc3\xbcrgen@example.org"},
		{"a@[192.0.2.1]", "a@[192.0.2.1]"},
		{"a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"},
		{"a@b..c", "a@b..c"},
		{"a@\xff\xfe..", "a@??"},
		{"a@..", "a"},
		{"a\tb\x7f@c.test", "a?b?@c.test"},
		/* Nothing is folded. */
		{"list-return-42-user=a.test@example.org",
		 "list-return-42-user=a.test@example.org"},
		{"bob+tag@example.org", "bob+tag@example.org"},
	};

	(void)state;
	EXPECT(greylist_address, rows);
}

static void people_stay_apart(void **state)
{
	static const char *const same[] = {
		"john1@example.org",
		"john2@example.org",
		"john.smith@example.org",
		"john-2@example.org",
		"anna.1985@example.org",
		"anna.19850101@example.org",
		"anna_1990@example.org",
		"anna-1990@example.org",
		"123456789@example.org",
		"987654321@example.org",
		"00491701234567@example.org",
		"+4917012345678@example.org",
		"s1234567@example.org",
		"r2d2c3po@example.org",
		"deadbeef@example.org",
		"facade2001@example.org",
		"abe19850101x@example.org",
		"4u2nv.99@example.org",
		"owner@example.org",
		"bounces@example.org",
		"newsletter@example.org",
		"team-owner@example.org",
		"feed-cafe-bounces@example.org",
		"=@example.org",
		"a=b@example.org",
		"a=b.c@example.org",
		"=example.net@example.org",
		"j\xc3\xbcrgen.1970@example.org",
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct slice out = greylist_sender(a, slice_cstr(same[i]));

		if (!slice_eq(out, slice_cstr(same[i])))
			fail_msg("'%s' became '%.*s'", same[i], SLICE_FMT(out));
	}
	arena_free(&a);
}

static void tags_and_recipients_go(void **state)
{
	static const struct row rows[] = {
		{"bob+shop@example.org", "bob@example.org"},
		{"Bob+a+b@example.org", "bob@example.org"},
		{"+bob+tag@example.org", "+bob@example.org"},
		{"list-bounces+user=example.net@example.org",
		 "list-bounces@example.org"},
		{"bounces+123-abc-user=example.net@em.example.org",
		 "bounces@em.example.org"},
		{"john+caf_=alice=example.net@example.org", "john@example.org"},
		{"owner-list-123=user=example.net@example.org",
		 "owner-list-#=*@example.org"},
		{"list-return-42-user=example.net@example.org",
		 "list-return-#-*@example.org"},
		{"list-return-43-user=example.net@example.org",
		 "list-return-#-*@example.org"},
		{"owner-list-first.last=mail.example.net@example.org",
		 "owner-list-*@example.org"},
		{"bounce-user=example.net-77@example.org",
		 "bounce-*-#@example.org"},
		{"b-u=x.test=v=y.test@example.org", "b-*=*@example.org"},
		{"n-user=xn--bcher-kva.xn--p1ai@example.org",
		 "n-*@example.org"},
		{"user=example.net@example.org", "*@example.org"},
	};

	(void)state;
	EXPECT(greylist_sender, rows);
}

static void ids_become_one(void **state)
{
	static const struct row rows[] = {
		{"bounce-mc.us1_1234567.89012-0a1b2c3d4e@mail.example.org",
		 "bounce-mc.us1_#.#-#@mail.example.org"},
		{"0100017e5a1b2c3d-11223344-5566-7788-99aa-bbccddeeff00-"
		 "000000@ses.example.org",
		 "#-#-#-#-#-#-#@ses.example.org"},
		{"0102018f77aa66bb55cc44dd@example.org", "#@example.org"},
		{"12345678901234567890@example.org", "#@example.org"},
		{"anna.1234567890@example.org", "anna.#@example.org"},
		{"bounce123456@example.org", "bounce#@example.org"},
		{"Bounces-7@example.org", "bounces-#@example.org"},
		{"msg-20240131-x7kq2m9t@example.org", "msg-#-#@example.org"},
		{"noreply-a1b2@example.org", "noreply-#@example.org"},
		{"team-v2-owner@example.org", "team-v2-owner@example.org"},
		{"a.b-0123456789@example.org", "a.b-#@example.org"},
		{"x#1@example.org", "x##@example.org"},
	};

	(void)state;
	EXPECT(greylist_sender, rows);
}

static void srs_and_batv_are_seen_through(void **state)
{
	static const struct row rows[] = {
		{"SRS0=Ab1c=XY=Example.ORG=Alice@fwd.test",
		 "srs0=#=#=example.org=alice@fwd.test"},
		{"SRS0+q/+1=T5=example.org=alice@fwd.test",
		 "srs0=#=#=example.org=alice@fwd.test"},
		{"SRS0-h=T5=example.org=alice+tag@fwd.test",
		 "srs0=#=#=example.org=alice@fwd.test"},
		{"SRS0=h=T5=example.org=list-return-7-u=x.test@fwd.test",
		 "srs0=#=#=example.org=list-return-#-*@fwd.test"},
		{"SRS1=HHH=fwd.test==Ab1c=XY=example.org=alice@other.test",
		 "srs1=#=fwd.test==#=#=example.org=alice@other.test"},
		{"srs1+HHH=fwd.test=-Ab1c=XY=example.org=alice@other.test",
		 "srs1=#=fwd.test==#=#=example.org=alice@other.test"},
		{"bob+SRS=44ldt=IX=example.org=alice@cloud.test",
		 "bob+srs=#=#=example.org=alice@cloud.test"},
		{"bounces+SRS=44ldt=IX@cloud.test",
		 "bounces+srs=#=#@cloud.test"},
		{"prvs=4123abcdef=alice@example.org",
		 "prvs=#=alice@example.org"},
		{"PRVS=alice/4123ABCDEF@example.org",
		 "prvs=alice/#@example.org"},
		{"msprvs1=18123abcdefgh=bounces-9-8@example.org",
		 "msprvs1=#=bounces-#-#@example.org"},
		{"btv1==123abc==alice@example.org",
		 "btv1==#==alice@example.org"},
		{"SRS0=h=t=example.org=prvs=4123abcdef=alice@fwd.test",
		 "srs0=#=#=example.org=prvs=#=alice@fwd.test"},
		/* What cannot be read stays. */
		{"SRS0=alice@fwd.test", "srs0=alice@fwd.test"},
		{"SRS0==t=example.org=alice@fwd.test",
		 "srs0==t=example.org=alice@fwd.test"},
		{"SRS0=h=t=ex(ample=alice@fwd.test",
		 "srs0=h=t=ex?ample=alice@fwd.test"},
		{"SRS0=h=t=example.org=@fwd.test",
		 "srs0=h=t=example.org=@fwd.test"},
		{"SRS1=h=fwd.test=h=t=example.org=alice@o.test",
		 "srs1=h=fwd.test=h=t=example.org=alice@o.test"},
		{"prvs=alice@example.org", "prvs=alice@example.org"},
		{"btv1==alice@example.org", "btv1==alice@example.org"},
	};

	(void)state;
	EXPECT(greylist_sender, rows);
}

/* Forwarders stay apart, and so do those whose mail one forwards. */
static void forwarded_senders_stay_apart(void **state)
{
	struct arena *a = arena_new(0);
	struct slice alice = greylist_sender(
		a, SLICE("bob+SRS=a=b=example.org=alice@cloud.test"));

	(void)state;
	assert_false(slice_eq(
		alice,
		greylist_sender(
			a, SLICE("bob+SRS=a=b=example.org=eve@cloud.test"))));
	assert_false(slice_eq(
		alice,
		greylist_sender(
			a, SLICE("bob+SRS=a=b=example.net=alice@cloud.test"))));
	assert_false(slice_eq(
		greylist_sender(a, SLICE("SRS0=a=b=x.test=alice@f1.test")),
		greylist_sender(a, SLICE("SRS0=a=b=x.test=alice@f2.test"))));
	arena_free(&a);
}

static void endless_addresses_are_cut(void **state)
{
	static const char parts[] = "a1=\"+-#*@.\\srs0=b.test";
	struct arena *a = arena_new(0);
	char text[5000];

	(void)state;
	for (size_t step = 1; step < sizeof(parts) - 1; step++) {
		struct slice once, twice;

		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = parts[i * step % (sizeof(parts) - 1)];
		once = greylist_sender(a, (struct slice){text, sizeof(text)});
		twice = greylist_sender(a, once);
		assert_true(once.n <= GREYLIST_ADDRESS_MAX);
		assert_true(slice_eq(once, twice));
	}
	memset(text, 'a', sizeof(text));
	assert_true(greylist_address(a, (struct slice){text, sizeof(text)}).n <
		    GREYLIST_ADDRESS_MAX);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_one_form),
		cmocka_unit_test(people_stay_apart),
		cmocka_unit_test(tags_and_recipients_go),
		cmocka_unit_test(ids_become_one),
		cmocka_unit_test(srs_and_batv_are_seen_through),
		cmocka_unit_test(forwarded_senders_stay_apart),
		cmocka_unit_test(endless_addresses_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
