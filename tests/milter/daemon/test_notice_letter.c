#include "milter/daemon/notice_letter.h"
#include "milter/daemon/notice_template.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_arena(void **state)
{
	*state = arena_new(0);
	return 0;
}

static int free_arena(void **state)
{
	struct arena *arena = *state;

	arena_free(&arena);
	return 0;
}

static void assert_text(struct slice got, const char *expected)
{
	if (!slice_eq(got, slice_cstr(expected)))
		fail_msg("\"%.*s\" instead of \"%s\"", SLICE_FMT(got),
			 expected);
}

static void values_cannot_do_anything(void **state)
{
	static const struct {
		struct slice raw;
		bool decode;
		const char *shown;
	} cases[] = {
		{SLICE("plain"), true, "plain"},
		{SLICE("a\r\nBcc: evil@x"), true, "a\\x0d\\x0aBcc: evil@x"},
		{SLICE("=?utf-8?Q?a=0D=0ABcc:_x?="), true, "a\\x0d\\x0aBcc: x"},
		{SLICE("=?utf-8?Q?=C3=BC?="), true, "\xc3\xbc"},
		{SLICE("=?utf-8?Q?=C3=BC?="), false, "=?utf-8?Q?=C3=BC?="},
		{SLICE("\x1b[2J\xff"), false, "\\x1b[2J\\xff"},
		{SLICE("a\0b"), false, "a\\x00b"},
		{SLICE("\xe2\x80\x8bmoc"), false, "\\xe2\\x80\\x8bmoc"},
		{SLICE("{{id}}"), false, "{{id}}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_text(notice_value(*state, cases[i].raw, cases[i].decode),
			    cases[i].shown);
}

static void long_values_are_cut_between_characters(void **state)
{
	struct buf raw = BUF(*state);
	struct slice value;

	buf_add_char(&raw, 'a');
	for (int i = 0; i < 300; i++)
		buf_add_text(&raw, "\xc3\xbc");
	value = notice_value(*state, buf_slice(&raw), false);
	assert_int_equal(value.n, 199 + 3);
	assert_true(slice_ends_nocase(value, SLICE("\xc3\xbc...")));
}

static void fields_stay_one_field(void **state)
{
	static const struct {
		struct slice value;
		const char *field;
	} cases[] = {
		{SLICE("a b"), "Subject: a b\r\n"},
		{SLICE("  a\t"), "Subject: a\r\n"},
		{SLICE("\xc3\xbc"), "Subject: =?utf-8?B?w7w=?=\r\n"},
		{SLICE("=?utf-8?Q?a?="),
		 "Subject: =?utf-8?B?PT91dGYtOD9RP2E/PQ==?=\r\n"},
		{SLICE("a\r\nb"), "Subject: =?utf-8?B?YQ0KYg==?=\r\n"},
		{SLICE(""), "Subject: \r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = BUF(*state);

		notice_add_field(&out, "Subject", cases[i].value);
		assert_text(buf_slice(&out), cases[i].field);
	}
}

static void long_fields_are_folded(void **state)
{
	struct buf value = BUF(*state), out = BUF(*state);
	struct slice rest, line;

	for (int i = 0; i < 1000; i++)
		buf_add_text(&value, "\xe2\x82\xac");
	notice_add_field(&out, "Subject", buf_slice(&value));
	rest = buf_slice(&out);
	while (slice_next(&rest, '\n', &line) && rest.p) {
		assert_true(line.n <= 78);
		assert_true(slice_ends_nocase(line, SLICE("?=\r")));
	}
}

static void values_are_no_links(void **state)
{
	struct buf out = BUF(*state);

	notice_add_unlinked(&out, SLICE("see http://a.example, ftp://b ://"));
	assert_text(buf_slice(&out), "see http[:]//a.example, ftp[:]//b [:]//");
}

static struct slice letter_of(struct arena *arena, struct slice body)
{
	const struct notice_letter letter = {
		.from = "postmaster@mx.example",
		.to = SLICE("bob@mx.example"),
		.message_id = SLICE("1@mx.example"),
		.time_ms = 1700000000000,
		.fields = SLICE("Subject: x\r\n"),
		.body = body,
	};

	return notice_letter_write(arena, &letter);
}

static void a_letter_is_one_that_no_program_answers(void **state)
{
	assert_text(letter_of(*state, SLICE("a\nb")),
		    "From: postmaster@mx.example\r\n"
		    "To: bob@mx.example\r\n"
		    "Subject: x\r\n"
		    "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
		    "Message-ID: <1@mx.example>\r\n"
		    "Auto-Submitted: auto-generated\r\n"
		    "X-Auto-Response-Suppress: All\r\n"
		    "Precedence: bulk\r\n"
		    "MIME-Version: 1.0\r\n"
		    "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: 7bit\r\n\r\n"
		    "a\r\nb\r\n");
}

static void other_bodies_are_quoted(void **state)
{
	struct slice text = letter_of(*state, SLICE("\xc3\xbc = \nline\n.\n"));

	assert_true(slice_search_nocase(text, SLICE("quoted-printable")) <
		    text.n);
	assert_true(slice_ends_nocase(
		text, SLICE("\r\n\r\n=C3=BC =3D=20\r\nline\r\n.\r\n")));
}

static void long_lines_are_quoted(void **state)
{
	char *body = arena_alloc(*state, 5000);
	struct slice rest, line;

	memset(body, 'a', 5000);
	rest = letter_of(*state, (struct slice){body, 5000});
	while (slice_next(&rest, '\n', &line))
		assert_true(line.n <= 77);
}

struct folder {
	struct arena *arena;
	char path[64];
};

static int make_folder(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	f->arena = arena_new(0);
	snprintf(f->path, sizeof(f->path), "/tmp/gatepost.XXXXXX");
	*state = f;
	return mkdtemp(f->path) ? 0 : -1;
}

static const char *const names[] = {"virus.postmaster", "default.postmaster",
				    "digest.recipient"};

static int remove_folder(void **state)
{
	struct folder *f = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
		unlink(path);
	}
	rmdir(f->path);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static void write_file(const struct folder *f, const char *name,
		       const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void wrong_templates_are_refused_with_their_line(void **state)
{
	static const struct {
		const char *name, *text, *error;
	} cases[] = {
		{"virus.postmaster", "Subject: a\n\nx\n{{nonsense}}\n",
		 ".postmaster:4: there is no field {{nonsense}}"},
		{"virus.postmaster", "Subject: {{list}}\n\n",
		 ".postmaster:1: there is no field {{list}}"},
		{"digest.recipient", "Subject: a\n\n{{id}}\n",
		 ".recipient:3: there is no field {{id}}"},
		{"virus.postmaster", "Subject: a\n\n{{id\n",
		 ".postmaster:3: there is no field"},
		{"virus.postmaster", "Bcc: a@b\nSubject: a\n\n",
		 ".postmaster:1: a notice may bring"},
		{"virus.postmaster", "hello\n\n",
		 ".postmaster:1: is no header"},
		{"virus.postmaster", "X-A: b\n\nx\n", "has no Subject"},
		{"virus.postmaster", "Subject: b\n", "no empty line"},
		{"virus.postmaster", "", "has no Subject"},
	};
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};
		struct notice_templates *t;

		write_file(f, cases[i].name, cases[i].text);
		t = notice_templates_load(f->path, &err);
		if (t || !strstr(err.text, cases[i].error))
			fail_msg("case %zu: \"%s\"", i, err.text);
		notice_templates_free(&t);
		write_file(f, cases[i].name, "Subject: good\n\n");
	}
}

static void fill(struct folder *f, enum notice_audience audience,
		 unsigned class, struct slice *fields_r, struct slice *body_r)
{
	struct notice_values values = {0};
	struct notice_text text;
	struct err err = {""};
	struct notice_templates *t = notice_templates_load(f->path, &err);

	assert_non_null(t);
	values.v[FIELD_ID] = SLICE("0abc");
	values.v[FIELD_SUBJECT] = SLICE("{{id}} http://x \xc3\xbc");
	values.v[FIELD_REASON] = SLICE("Eicar");
	values.v[FIELD_COUNT] = SLICE("7");
	text = notice_templates_fill(t, f->arena, audience, class, &values);
	*fields_r = text.fields;
	*body_r = text.body;
	notice_templates_free(&t);
}

static void templates_are_filled(void **state)
{
	struct folder *f = *state;
	struct slice fields, body;

	write_file(f, "virus.postmaster",
		   "Subject: V {{ subject }}\r\nReply-To: a@b\r\n\r\n"
		   "{{id}}:{{reason}}{\n{{subject}}\n");
	write_file(f, "default.postmaster", "Subject: D\n\n{{id}}");
	fill(f, NOTICE_POSTMASTER, VAULT_VIRUS, &fields, &body);
	assert_text(fields, "Subject: =?utf-8?B?ViB7e2lkfX0gaHR0cDovL3ggw7w="
			    "?=\r\nReply-To: a@b\r\n");
	assert_text(body, "0abc:Eicar{\n{{id}} http[:]//x \xc3\xbc\n");
	fill(f, NOTICE_POSTMASTER, VAULT_SPAM, &fields, &body);
	assert_text(fields, "Subject: D\r\n");
	assert_text(body, "0abc");
	/* Without a file there is a text all the same. */
	fill(f, NOTICE_RECIPIENT, NOTICE_DIGEST, &fields, &body);
	assert_true(slice_search_nocase(fields, SLICE("7 messages")) <
		    fields.n);
	fill(f, NOTICE_RECIPIENT, VAULT_VIRUS, &fields, &body);
	assert_true(slice_search_nocase(body, SLICE("0abc")) < body.n);
}

static void no_folder_is_no_error(void **state)
{
	struct err err = {""};
	struct notice_templates *t =
		notice_templates_load("/nonexistent/notices", &err);

	(void)state;
	assert_non_null(t);
	notice_templates_free(&t);
}

int main(void)
{
#define WITH_ARENA(test) \
	cmocka_unit_test_setup_teardown(test, make_arena, free_arena)
#define WITH_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		WITH_ARENA(values_cannot_do_anything),
		WITH_ARENA(long_values_are_cut_between_characters),
		WITH_ARENA(fields_stay_one_field),
		WITH_ARENA(long_fields_are_folded),
		WITH_ARENA(values_are_no_links),
		WITH_ARENA(a_letter_is_one_that_no_program_answers),
		WITH_ARENA(other_bodies_are_quoted),
		WITH_ARENA(long_lines_are_quoted),
		WITH_FOLDER(wrong_templates_are_refused_with_their_line),
		WITH_FOLDER(templates_are_filled),
		cmocka_unit_test(no_folder_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
