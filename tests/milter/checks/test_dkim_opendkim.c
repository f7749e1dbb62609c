/*
 * libopendkim itself, behind its guards: that it does come to results (the
 * check would hide it if it never did), and that hostile input reaches none
 * of its traps.
 */
#include "milter/checks/dkim_opendkim.h"
#include "common/base/buf.h"
#include "milter/checks/dkim_headers.h"
#include "tests/support/cmocka.h"
#include "tests/support/dkim_sign.h"

#include <string.h>

#define TAGS "v=1; a=rsa-sha256; c=relaxed/simple; d=example.com; s=s; h="
#define EDWARDS "v=1; a=ed25519-sha256; d=example.com; s=s; h="

struct attempt {
	const char *tags, *names, *key;
	struct slice header;
	struct slice changed; /* the header when it arrives; or none */
	bool proven;
	enum dkim_proof proof;
};
#define BYTES(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static void add_fields(struct arena *a, struct mail *mail, struct slice text)
{
	while (text.n > 0) {
		size_t end = 0, colon = slice_find(text, 0, ':');

		do
			end = slice_find(text, end, '\n') + 1;
		while (end < text.n && ascii_is_wsp(text.p[end]));
		mail->headers[mail->header_count++] = (struct header){
			arena_dup(a, slice_sub(text, 0, colon)),
			arena_dup(a, slice_sub(text, colon + 1, end - 2))};
		text = slice_sub(text, end, text.n);
	}
}

static void run(struct dkim_library *library, struct dkim_crypto *crypto,
		const struct attempt *t)
{
	struct arena *a = arena_new(0);
	struct mail mail = {.arena = a, .id = "id"};
	struct dkim_sign sign = {.tags = t->tags,
				 .names = t->names,
				 .relaxed_header =
					 strstr(t->tags, "c=relaxed") != NULL,
				 .key = t->key};
	struct slice public = dkim_pair_spki(a, dkim_pair(t->key));
	struct slice field = dkim_sign(a, t->header, SLICE("x\r\n"), &sign);
	struct slice record =
		arena_printf(a, "k=%.*s; p=%.*s", t->key[0] == 'r' ? 3 : 7,
			     t->key, SLICE_FMT(public));
	struct dkim_signature sig;
	struct dkim_key key;
	struct dkim_item item = {.sig = &sig, .key = &key};
	struct dkim_hash *hash = dkim_hash_new(crypto);
	char digest[DKIM_HASH_SIZE];

	mail.headers = ARENA_ARRAY(a, struct header, 8000);
	add_fields(a, &mail, field);
	add_fields(a, &mail, t->changed.p ? t->changed : t->header);
	assert_null(dkim_signature_parse(a, mail.headers[0].value, &sig));
	assert_null(dkim_key_parse(a, record, &sig, &key));
	dkim_library_verify(library, &mail, &item, 1);
	if (item.proven != t->proven || item.proof != t->proof)
		fail_msg("%s: %s %d", t->tags, item.proven ? "proven" : "open",
			 item.proof);
	/* Our own verifier comes to the same. */
	dkim_headers_hash(hash, &mail, 0, &sig);
	dkim_hash_end(hash, digest);
	dkim_hash_free(&hash);
	if (item.proven)
		assert_int_equal(
			dkim_crypto_verify(&key, digest, sig.signature),
			t->proof);
	arena_free(&a);
}

static struct slice many(struct arena *a, const char *field, int count)
{
	struct buf out = BUF(a);

	buf_add_text(&out, "From: a\r\n");
	while (count-- > 0)
		buf_add_text(&out, field);
	return buf_slice(&out);
}

static void run_all(const struct attempt *attempts, size_t count)
{
	struct dkim_crypto *crypto = dkim_crypto_new();
	struct dkim_library *library =
		dkim_library_new(300);

	assert_non_null(library);
	assert_non_null(crypto);
	for (size_t i = 0; i < count; i++)
		run(library, crypto, &attempts[i]);
	dkim_library_free(&library);
	dkim_crypto_free(&crypto);
}

static void it_comes_to_results(void **state)
{
	static const struct attempt attempts[] = {
		{TAGS "From:To",
		 "From:To",
		 "rsa2048",
		 BYTES("From: a\r\nTo: b\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
		{TAGS "From:To", "From:To", "rsa2048",
		 BYTES("From: a\r\nTo: b\r\n"), BYTES("From: a\r\nTo: c\r\n"),
		 true, DKIM_PROOF_BAD},
		{EDWARDS "From:To",
		 "From:To",
		 "ed25519",
		 BYTES("From: a\r\nTo: b\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
		{EDWARDS "From:To", "From:To", "ed25519",
		 BYTES("From: a\r\nTo: b\r\n"), BYTES("From: a\r\nTo:  b\r\n"),
		 true, DKIM_PROOF_BAD},
		/* The From field need not be one that can be read. */
		{TAGS "From",
		 "From",
		 "rsa2048",
		 BYTES("From: (((\\\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
		{TAGS "From",
		 "From",
		 "rsa2048",
		 BYTES("From:\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
		{TAGS "From",
		 "From",
		 "rsa2048",
		 BYTES("To: x\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
		/* More named than there are: it writes past its array. */
		{TAGS "From:To:X:Y:Z:From:To",
		 "From:To",
		 "rsa2048",
		 BYTES("From: a\r\nTo: b\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
		/* A tolerance in time must not make t= a future one. */
		{"v=1; a=rsa-sha256; d=example.com; s=s; t=0; h=From",
		 "From",
		 "rsa2048",
		 BYTES("From: a\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
		/* The longest key text that fits. */
		{TAGS "From",
		 "From",
		 "rsa4096",
		 BYTES("From: a\r\n"),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
	};

	(void)state;
	run_all(attempts, sizeof(attempts) / sizeof(attempts[0]));
}

static void it_is_spared_what_it_cannot_take(void **state)
{
	struct arena *a = arena_new(0);
	struct attempt attempts[] = {
		{TAGS "From",
		 "From",
		 "rsa2048",
		 BYTES("From: a\0b\r\n"),
		 {0},
		 false,
		 DKIM_PROOF_GOOD},
		{TAGS "From",
		 "From",
		 "rsa2048",
		 BYTES("From: a\vb\r\n"),
		 {0},
		 false,
		 DKIM_PROOF_GOOD},
		{TAGS "From",
		 "From",
		 "rsa2048",
		 BYTES("From\t: a\r\n"),
		 {0},
		 false,
		 DKIM_PROOF_GOOD},
		{TAGS "From:X",
		 "From:X",
		 "rsa2048",
		 many(a, "X: y\r\n", 2500),
		 {0},
		 false,
		 DKIM_PROOF_GOOD},
		{TAGS "From",
		 "From",
		 "rsa2048",
		 many(a, "X: y\r\n", 2500),
		 {0},
		 true,
		 DKIM_PROOF_GOOD},
	};

	(void)state;
	run_all(attempts, sizeof(attempts) / sizeof(attempts[0]));
	arena_free(&a);
}

static void large_fields_are_no_trouble(void **state)
{
	struct arena *a = arena_new(0);
	struct buf header = BUF(a);
	struct attempt attempt = {
		TAGS "From:Subject", "From:Subject", "rsa2048", {0}, {0}, true,
		DKIM_PROOF_GOOD};

	(void)state;
	buf_add_text(&header, "From: a\r\nSubject: ");
	for (int i = 0; i < 200000; i++)
		buf_add_text(&header, i % 70 ? "y" : "\r\n z");
	buf_add_text(&header, "\r\n");
	attempt.header = buf_slice(&header);
	run_all(&attempt, 1);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_to_results),
		cmocka_unit_test(it_is_spared_what_it_cannot_take),
		cmocka_unit_test(large_fields_are_no_trouble),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	dkim_pairs_free();
	return failed;
}
