/*
 * The terms of the history: each record is found by each thing that is
 * known of it, in any of the forms that somebody may know, whatever bytes
 * it was made of.
 */
#include "milter/store/history_terms.h"
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/history_folder.h"

#include <stdio.h>
#include <string.h>

/* ---- keys ---- */

/* All are asked of one history with the records r1, r2 and r3. */
static const struct {
	enum history_key key;
	const char *value;
	const char *found;
} key_cases[] = {
	{HISTORY_ID, "r2", "r2"},
	{HISTORY_ID, "R2", ""},
	{HISTORY_ID, "r22", ""},
	{HISTORY_QUEUE, "4Q1", "r1"},
	{HISTORY_QUEUE, "4q1", ""},
	{HISTORY_MESSAGE_ID, "m3@out.example", "r3"},
	{HISTORY_MESSAGE_ID, " <m3@out.example> ", "r3"},
	{HISTORY_MESSAGE_ID, "M3@out.example", ""},
	{HISTORY_SENDER, "from1@out.example", "r1"},
	{HISTORY_SENDER, "<FROM1@OUT.Example>", "r1"},
	{HISTORY_SENDER, "out.example", "r2 r1"},
	{HISTORY_SENDER, "@Out.Example.", "r2 r1"},
	{HISTORY_SENDER, "example", ""},
	{HISTORY_SENDER, "from1", ""},
	{HISTORY_SENDER, "", "r3"},
	{HISTORY_SENDER, "<>", "r3"},
	{HISTORY_RECIPIENT, "Other2@In.example", "r2"},
	{HISTORY_RECIPIENT, "in.example", "r2 r1"},
	{HISTORY_RECIPIENT, "@in.example", "r2 r1"},
	{HISTORY_RECIPIENT, "from1@out.example", ""},
	/* A name without a domain, and a domain that is spelt otherwise. */
	{HISTORY_RECIPIENT, "ROOT", "r3"},
	{HISTORY_RECIPIENT,
	 "x@b\xc3\xbc"
	 "cher.example",
	 "r3"},
	{HISTORY_RECIPIENT, "X@xn--bcher-kva.example", "r3"},
	{HISTORY_RECIPIENT,
	 "@B\xc3\x9c"
	 "CHER.example",
	 "r3"},
	{HISTORY_CLIENT, "192.0.2.1", "r1"},
	{HISTORY_CLIENT, "192.0.2.0/24", "r2 r1"},
	{HISTORY_CLIENT, "192.0.2.77/24", "r2 r1"},
	{HISTORY_CLIENT, "MX2.host.example.", "r2"},
	{HISTORY_CLIENT, "2001:DB8:0:0::1", "r3"},
	{HISTORY_CLIENT, "2001:db8::/64", "r3"},
	{HISTORY_CLIENT, "2001:db8:0:1::/64", ""},
	{HISTORY_CLIENT, "192.0.0.0/16", "failed"},
	{HISTORY_CLIENT, "2001:db8::/32", "failed"},
	{HISTORY_CLIENT, "", "failed"},
	{HISTORY_USER, "User2", "r2"},
	{HISTORY_ACTION, "ACCEPT", "r2 r1"},
	{HISTORY_ACTION, "reject", "r3"},
	{HISTORY_ACTION, "no such", ""},
	{HISTORY_DIRECTION, "out", "r3"},
	{HISTORY_DIRECTION, "In", "r2 r1"},
	{HISTORY_DIRECTION, "up", "failed"},
	{HISTORY_SYMBOL, "symbol_1", "r1"},
	{HISTORY_SYMBOL, "SPF_ALLOW", "r3 r2 r1"},
	{HISTORY_SYMBOL, "SPF", ""},
	{HISTORY_SYMBOL, "", "failed"},
};

static void each_key_finds_what_it_names(void **state)
{
	static const struct slice rcpts[] = {SLICE("root"),
					     SLICE("x@B\xc3\xbc"
						   "cher.example")};
	struct history_folder *folder = *state;
	struct record *third = history_record(folder, 3);

	history_must_add_some(folder, 1, 2);
	third->sender = SLICE("");
	third->rcpts = rcpts;
	third->client = SLICE("2001:db8::1");
	third->action = SLICE("reject");
	third->direction = SLICE("out");
	history_must_add(folder, third);
	for (size_t i = 0; i < sizeof(key_cases) / sizeof(key_cases[0]); i++) {
		const char *found =
			history_found_by(folder, key_cases[i].key,
					 slice_cstr(key_cases[i].value));

		if (strcmp(found, key_cases[i].found) != 0)
			fail_msg("%d \"%s\": found \"%s\", not \"%s\"",
				 (int)key_cases[i].key, key_cases[i].value,
				 found, key_cases[i].found);
	}
	assert_string_equal(
		history_found_by(folder, HISTORY_STORY,
				 history_story(folder->arena, third)),
		"r3");
}

static void a_wrong_value_is_explained(void **state)
{
	struct history_folder *folder = *state;

	assert_string_equal(
		history_found_by(folder, HISTORY_CLIENT, SLICE("10.0.0.0/8")),
		"failed");
	assert_non_null(strstr(folder->err.text, "10.0.0.0/8"));
	assert_non_null(strstr(folder->err.text, "/24"));
}

/* ---- hostile bytes ---- */

static const struct slice hostile[] = {
	SLICE("a\0b"),
	SLICE("\0"),
	SLICE("\xff\xfe\x80"),
	SLICE("'; DROP TABLE record; --"),
	SLICE("%_*?[a-z]"),
	SLICE("\x1b[31m\r\n\t\x7f"),
	SLICE("\"quoted local\"@[192.0.2.1]"),
	SLICE("a@b@c@"),
	SLICE("@"),
	SLICE("<<>>"),
	SLICE("<a@b"),
	SLICE("@a,@b:c@d"),
};

static void must_find(struct history_folder *folder, enum history_key key,
		      struct slice value, const char *id)
{
	const char *found = history_found_by(folder, key, value);

	if (strcmp(found, id) != 0)
		fail_msg("%s: key %d finds \"%s\"", id, (int)key, found);
}

static void any_bytes_go_in_and_are_found(void **state)
{
	struct history_folder *folder = *state;
	size_t n = sizeof(hostile) / sizeof(hostile[0]);

	for (size_t i = 0; i < n; i++) {
		struct record *record = history_record(folder, (int)i);
		struct record_symbol *symbol =
			ARENA_NEW(folder->arena, struct record_symbol);

		symbol->name = record->queue_id = record->message_id =
			record->sender = record->client_name = record->user =
				record->action = hostile[i];
		record->client = record->direction = hostile[i];
		record->symbols = symbol;
		record->rcpts = &hostile[i];
		record->rcpt_count = record->symbol_count = 1;
		history_must_add(folder, record);
	}
	for (size_t i = 0; i < n; i++) {
		static const enum history_key keys[] = {
			HISTORY_QUEUE,	   HISTORY_MESSAGE_ID, HISTORY_SENDER,
			HISTORY_RECIPIENT, HISTORY_CLIENT,     HISTORY_USER,
			HISTORY_ACTION,	   HISTORY_SYMBOL};
		char id[8];

		snprintf(id, sizeof(id), "r%zu", i);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			must_find(folder, keys[k], hostile[i], id);
	}
}

static void endless_values_are_cut(void **state)
{
	struct history_folder *folder = *state;
	struct record *record = history_record(folder, 1);
	char *giant = arena_alloc(folder->arena, 100001);
	struct slice value = {giant, 100000};

	memset(giant, 'X', 100000);
	record->sender = record->user = record->message_id = value;
	history_must_add(folder, record);
	must_find(folder, HISTORY_USER, value, "r1");
	must_find(folder, HISTORY_SENDER, value, "r1");
	must_find(folder, HISTORY_MESSAGE_ID, value, "r1");
	assert_int_equal(
		history_ask(folder, "SELECT max(length(value)) FROM term"),
		HISTORY_VALUE_MAX);
}

static void ten_thousand_recipients_are_bounded(void **state)
{
	enum { COUNT = 10000 };
	struct history_folder *folder = *state;
	struct record *record = history_record(folder, 1);
	struct slice *rcpts = ARENA_ARRAY(folder->arena, struct slice, COUNT);

	for (int i = 0; i < COUNT; i++)
		rcpts[i] = arena_printf(folder->arena, "r%d@d%d.example", i,
					i % 50);
	record->rcpts = rcpts;
	record->rcpt_count = record->rcpt_total = COUNT;
	for (int i = 0; i < 40; i++)
		history_must_add(folder, record);
	must_find(folder, HISTORY_SENDER, SLICE("other@out.example"), "");
	assert_int_equal(strlen(history_found_by(folder, HISTORY_RECIPIENT,
						 SLICE("r0@d0.example"))),
			 40 * 3 - 1);
	assert_int_equal(strlen(history_found_by(folder, HISTORY_RECIPIENT,
						 SLICE("r1000@d0.example"))),
			 40 * 3 - 1);
	assert_in_range(history_ask(folder, "SELECT count(*) FROM term") / 40,
			1500, HISTORY_TERMS_MAX);
}

/* In one batch, they are more than is gathered at a time. */
static void a_batch_of_many_terms_is_written_in_parts(void **state)
{
	enum { COUNT = 1500, RECORDS = 60 };
	struct history_folder *folder = *state;
	struct slice packed[RECORDS];
	struct slice *rcpts = ARENA_ARRAY(folder->arena, struct slice, COUNT);

	history_folder_reopen(folder);
	for (int i = 0; i < COUNT; i++)
		rcpts[i] = arena_printf(folder->arena, "r%d@x.example", i);
	for (int i = 0; i < RECORDS; i++) {
		struct record *record = history_record(folder, i);

		record->rcpts = rcpts;
		record->rcpt_count = COUNT;
		packed[i] = history_packed(folder, record);
	}
	assert_int_equal(history_add(folder->history, packed, RECORDS,
				     clock_mono_ms() + 10000, &folder->bad,
				     &folder->news, &folder->err),
			 0);
	assert_int_equal(folder->bad, 0);
	for (int i = 0; i < RECORDS; i += 59)
		must_find(folder, HISTORY_QUEUE,
			  history_record(folder, i)->queue_id,
			  i ? "r59" : "r0");
	assert_int_equal(
		history_ask(folder, "SELECT count(*) FROM term WHERE kind = 6"),
		COUNT * RECORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_FOLDER_TEST(each_key_finds_what_it_names),
		HISTORY_FOLDER_TEST(a_wrong_value_is_explained),
		HISTORY_FOLDER_TEST(any_bytes_go_in_and_are_found),
		HISTORY_FOLDER_TEST(endless_values_are_cut),
		HISTORY_FOLDER_TEST(ten_thousand_recipients_are_bounded),
		HISTORY_FOLDER_TEST(a_batch_of_many_terms_is_written_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
