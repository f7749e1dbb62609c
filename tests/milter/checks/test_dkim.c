/*
 * DKIM: messages signed here, then changed, with keys changed, or with
 * fields and keys that say something else than usual.
 */
#include "tests/support/cmocka.h"
#include "tests/support/dkim_ask.h"
#include "tests/support/dkim_sign.h"
#include "tests/support/wall_clock.h"

#include "common/base/buf.h"

#include <stdio.h>
#include <string.h>

#define NOW 1700000000
#define ALL "From:To:Subject:Date:Message-ID"
#define FIRST "v=1; a=rsa-sha256; d=example.com; s=s; "
#define RELAXED "c=relaxed/relaxed; "
#define H "h=" ALL
#define USUAL FIRST RELAXED H
#define EDWARDS "v=1; a=ed25519-sha256; d=example.com; s=s; " RELAXED H
#define RSA_KEY "v=DKIM1; k=rsa; p=@"

static const char header[] = "Received: from a (b)\r\n"
			     "\tby c; today\r\n"
			     "From: Joe <joe@example.com>\r\n"
			     "To: Suzie <suzie@example.net>\r\n"
			     "Subject: Is  dinner\r\n"
			     "  ready?\r\n"
			     "Date: Fri, 11 Jul 2003 21:00:37 -0700\r\n"
			     "Message-ID:<1@example.com>\r\n"
			     "X-Odd:\r\n";
static const char body[] = "Hi.\r\n"
			   "\r\n"
			   "We lost the game.  Are you\thungry yet? \r\n"
			   "\r\n"
			   "Joe.\r\n";

struct row {
	const char *what;
	const char *tags;  /* NULL: USUAL */
	const char *names; /* NULL: ALL */
	const char *canon; /* "rr", "rs", "sr", "ss"; NULL: "rr" */
	long length;	   /* above 0: hash that many, 1 more */
	const char *key;   /* NULL: "rsa2048" */
	const char *b, *after;
	/* '@' stands for the key, '#' for it as RSAPublicKey. */
	const char *record;	/* NULL: RSA_KEY; "" for none */
	const char *zone;	/* instead: the whole zone */
	const char *find, *put; /* changed after signing, first found */
	const char *words;	/* NULL: "pass" */
	const char *body;	/* NULL: the usual one */
};

static struct slice with_keys(struct arena *a, const char *text,
			      const struct dkim_pair *pair)
{
	struct buf out = BUF(a);

	for (; *text; text++)
		if (*text == '@')
			buf_add(&out, dkim_pair_spki(a, pair));
		else if (*text == '#')
			buf_add(&out, dkim_pair_pkcs1(a, pair));
		else
			buf_add_char(&out, *text);
	return buf_slice(&out);
}

static const char *zone_of(struct arena *a, const struct row *row)
{
	const struct dkim_pair *pair =
		dkim_pair(row->key ? row->key : "rsa2048");
	struct buf zone = BUF(a);

	if (row->zone)
		return arena_cstr(a, with_keys(a, row->zone, pair));
	if (row->record && !row->record[0])
		return "example.com A 192.0.2.9";
	buf_add_text(&zone, "s._domainkey.example.com TXT ");
	buf_add(&zone, with_keys(a, row->record ? row->record : RSA_KEY, pair));
	return arena_cstr(a, buf_slice(&zone));
}

static struct slice replaced(struct arena *a, struct slice text,
			     const char *find, const char *put)
{
	struct slice key = slice_cstr(find);
	size_t at = slice_search_nocase(text, key);
	struct buf out = BUF(a);

	if (at == text.n)
		fail_msg("'%s' is not there to change", find);
	buf_add(&out, slice_sub(text, 0, at));
	buf_add_text(&out, put);
	buf_add(&out, slice_sub(text, at + key.n, text.n));
	return buf_slice(&out);
}

static struct slice message_of(struct arena *a, const struct row *row)
{
	const char *canon = row->canon ? row->canon : "rr";
	struct slice text = slice_cstr(row->body ? row->body : body);
	struct dkim_sign sign = {
		.tags = row->tags ? row->tags : USUAL,
		.names = row->names ? row->names : ALL,
		.relaxed_header = canon[0] == 'r',
		.relaxed_body = canon[1] == 'r',
		.has_length = row->length > 0,
		.length = row->length > 0 ? (size_t)row->length - 1 : 0,
		.key = row->key ? row->key : "rsa2048",
		.b = row->b,
		.after = row->after,
	};
	struct buf out = BUF(a);

	buf_add(&out, dkim_sign(a, slice_cstr(header), text, &sign));
	buf_add_text(&out, header);
	buf_add_text(&out, "\r\n");
	buf_add(&out, text);
	if (!row->find)
		return buf_slice(&out);
	return replaced(a, buf_slice(&out), row->find, row->put);
}

static unsigned run_with(struct arena *a, const struct row *row,
			 const char *conf)
{
	struct bench *bench = dkim_bench(conf, zone_of(a, row), false);
	struct slice message = message_of(a, row);
	const char *words = row->words ? row->words : "pass";
	unsigned bad = 0;

	/* In one piece, byte by byte, and somewhere between. */
	for (size_t chunk = 0; chunk < 12; chunk += 1 + chunk * 2) {
		struct mail *mail = dkim_ask(bench, message, chunk);

		if (strcmp(dkim_words(mail), words) != 0) {
			print_error("%s (%s, chunks of %zu): %s, not %s\n",
				    row->what, conf, chunk, dkim_reasons(mail),
				    words);
			bad++;
		}
		mail_free(&mail);
	}
	bench_free(&bench);
	return bad;
}

static unsigned run_row(const struct row *row)
{
	struct arena *a = arena_new(0);
	unsigned bad = run_with(a, row, "dkim { verifier = libopendkim }") +
		       run_with(a, row, "dkim { verifier = own }");

	arena_free(&a);
	return bad;
}

static void run_rows(const struct row *rows)
{
	unsigned bad = 0;

	wall_clock_set(NOW);
	for (; rows->what; rows++)
		bad += run_row(rows);
	wall_clock_set(0);
	assert_int_equal(bad, 0);
}

static void changes_in_transit(void **state)
{
	static const struct row rows[] = {
		{"unchanged, relaxed", .tags = USUAL},
		{"unchanged, simple", .tags = FIRST H, .canon = "ss"},
		{"c=relaxed is relaxed/simple", .tags = FIRST "c=relaxed; " H,
		 .canon = "rs"},
		{"c=simple/relaxed", .tags = FIRST "c=simple/relaxed; " H,
		 .canon = "sr"},
		{"a word in the body", .find = "lost", .put = "won!",
		 .words = "fail"},
		{"a byte after the body", .find = "Joe.\r\n",
		 .put = "Joe.\r\n.", .words = "fail"},
		{"the subject", .find = "dinner", .put = "supper",
		 .words = "fail"},
		{"a field that is not signed", .find = "from a (b)",
		 .put = "from x"},
		{"blanks in the body, relaxed", .find = "game.  Are you\t",
		 .put = "game. Are \t  you "},
		{"blanks in the body, simple", .tags = FIRST H, .canon = "ss",
		 .find = "game.  ", .put = "game. ", .words = "fail"},
		{"blanks at a line's end, relaxed", .find = "yet? \r\n",
		 .put = "yet?\r\n"},
		{"blanks at a line's end, simple", .tags = FIRST H,
		 .canon = "ss", .find = "yet? \r\n", .put = "yet?\r\n",
		 .words = "fail"},
		{"a blank line less, relaxed", .find = "\r\n\r\nJoe.",
		 .put = "\r\nJoe.", .words = "fail"},
		{"blank lines at the end, relaxed", .find = "Joe.\r\n",
		 .put = "Joe.\r\n\r\n \r\n\t\r\n"},
		{"blank lines at the end, simple", .tags = FIRST H,
		 .canon = "ss", .find = "Joe.\r\n", .put = "Joe.\r\n\r\n\r\n"},
		{"a line of blanks at the end, simple", .tags = FIRST H,
		 .canon = "ss", .find = "Joe.\r\n", .put = "Joe.\r\n \r\n",
		 .words = "fail"},
		{"no last line end, relaxed", .find = "Joe.\r\n",
		 .put = "Joe."},
		{"no last line end, simple", .tags = FIRST H, .canon = "ss",
		 .find = "Joe.\r\n", .put = "Joe."},
		{"a fold moved, relaxed", .find = "Is  dinner\r\n  ready?",
		 .put = "Is\r\n dinner \tready?"},
		{"a fold moved, simple", .tags = FIRST H, .canon = "ss",
		 .find = "Is  dinner\r\n  ready?", .put = "Is  dinner  ready?",
		 .words = "fail"},
		{"a fold inside a word, relaxed", .find = "dinner",
		 .put = "din\r\n ner", .words = "fail"},
		{"a fold that came as LF, simple", .tags = FIRST H,
		 .canon = "ss", .find = "dinner\r\n", .put = "dinner\n"},
		{"a space after the colon, simple", .tags = FIRST H,
		 .canon = "ss", .find = "Message-ID:<", .put = "Message-ID: <",
		 .words = "fail"},
		{"a space after the colon, relaxed", .find = "Message-ID:<",
		 .put = "Message-ID: <"},
		{"case of a field's name, relaxed",
		 .find = "\nSubject:", .put = "\nSUBJECT:"},
		{"case of a field's name, simple", .tags = FIRST H,
		 .canon = "ss",
		 .find = "\nSubject:", .put = "\nSUBJECT:", .words = "fail"},
		{"a blank before the colon, relaxed",
		 .find = "\nSubject:", .put = "\nSubject :"},
		{"a tab before the colon, relaxed",
		 .find = "\nSubject:", .put = "\nSubject\t:"},
		{"two fields exchanged", .find = "\nTo: Suzie",
		 .put = "\nX: Suzie", .words = "fail"},
		{"a second From above",
		 .find = "\nFrom:", .put = "\nFrom: x@evil.example\r\nFrom:",
		 .words = "policy"},
		{"a second Subject, with a blank before its colon",
		 .find = "\nSubject:", .put = "\nSubject : x\r\nSubject:",
		 .words = "policy"},
		{"another field that may stand often",
		 .find = "\nFrom:", .put = "\nReceived: x\r\nFrom:"},
		{"a second From below", .find = "\nTo:",
		 .put = "\nFrom: x@evil.example\r\nTo:", .words = "fail"},
		{"a second From above, oversigned",
		 .tags = FIRST RELAXED "h=From:" ALL, .names = "From:" ALL,
		 .find = "\nFrom:", .put = "\nFrom: x@evil.example\r\nFrom:",
		 .words = "fail"},
		{"oversigned and unchanged",
		 .tags = FIRST RELAXED "h=From:From:Cc:Cc:" ALL,
		 .names = "From:From:Cc:Cc:" ALL},
		{"every field signed and one more",
		 .tags = FIRST RELAXED "h=Received:From:To:Subject:Date:"
				       "Message-ID:X-Odd:X:X:X",
		 .names = "Received:From:To:Subject:Date:Message-ID:X-Odd"},
		{"a field that was signed as absent",
		 .tags = FIRST RELAXED "h=Reply-To:" ALL, .find = "\nTo:",
		 .put = "\nReply-To: x@evil.example\r\nTo:", .words = "fail"},
		{"a field removed",
		 .find = "Date: Fri, 11 Jul 2003 21:00:37 "
			 "-0700\r\n",
		 .put = "", .words = "fail"},
		{"an empty field", .tags = FIRST RELAXED "h=X-Odd:From",
		 .names = "X-Odd:From"},
		{"a field signed twice, there once",
		 .tags = FIRST RELAXED "h=From:Subject:Subject",
		 .names = "From:Subject"},
		{"the signature's own tags", .find = "; h=From",
		 .put = ";\r\n\t h=From"},
		{"the signature's own tags, simple", .tags = FIRST H,
		 .canon = "ss",
		 .find = "h=From:To:", .put = "h=From: To:", .words = "fail"},
		{"a tag added to the signature", .find = "v=1;",
		 .put = "v=1; n=x;", .words = "fail"},
		{"blanks in b=", .find = "\r\n\t ", .put = " "},
		{0},
	};

	(void)state;
	run_rows(rows);
}

static void bodies_of_all_kinds(void **state)
{
	static const struct row rows[] = {
		{"empty, simple", .tags = FIRST H, .canon = "ss", .body = ""},
		{"empty, relaxed", .body = ""},
		{"empty made one CRLF, simple", .tags = FIRST H, .canon = "ss",
		 .body = "", .find = "X-Odd:\r\n\r\n",
		 .put = "X-Odd:\r\n\r\n\r\n"},
		{"blank lines only, relaxed", .body = "\r\n \r\n\r\n"},
		{"blank lines only, simple", .tags = FIRST H, .canon = "ss",
		 .body = "\r\n\r\n"},
		{"blanks without a line end, relaxed", .body = "  "},
		{"blanks without a line end, simple", .tags = FIRST H,
		 .canon = "ss", .body = "  "},
		{"a leading blank, relaxed", .body = "  a\r\n\t b\r\n"},
		{"a CR alone, relaxed", .body = "a\rb \r c\r\r\n\r\r\n"},
		{"a CR alone, simple", .tags = FIRST H, .canon = "ss",
		 .body = "a\rb \r c\r\r\n\r\r\n"},
		{"a CR at the end, simple", .tags = FIRST H, .canon = "ss",
		 .body = "a\r\n\r"},
		{"an LF alone, relaxed", .body = "a\nb\n\r\n\n\r\n"},
		{"an LF alone, simple", .tags = FIRST H, .canon = "ss",
		 .body = "a\nb\n\r\n\n\r\n"},
		{"a CR added, relaxed", .find = "lost", .put = "lo\rst",
		 .words = "fail"},
		{"8-bit bytes", .body = "\xff\xfe\x80 \xc3\xbc\r\n"},
		{"a body added to none", .body = "", .find = "X-Odd:\r\n\r\n",
		 .put = "X-Odd:\r\n\r\nBuy!\r\n", .words = "fail"},
		/* The canonical body has 54 bytes. */
		{"l= of all", .tags = USUAL "; l=54", .length = 55},
		{"l= of all, blank lines added", .tags = USUAL "; l=54",
		 .length = 55, .find = "Joe.\r\n", .put = "Joe.\r\n\r\n\r\n"},
		{"l= of all, a line added", .tags = USUAL "; l=54",
		 .length = 55, .find = "Joe.\r\n", .put = "Joe.\r\nBuy!\r\n",
		 .words = "policy"},
		{"l= of a part", .tags = USUAL "; l=5", .length = 6,
		 .words = "policy"},
		{"l=0 of a body", .tags = USUAL "; l=0", .length = 1,
		 .words = "policy"},
		{"l=0 of no body", .tags = USUAL "; l=0", .length = 1,
		 .body = ""},
		{"l= of a part, and the part changed", .tags = USUAL "; l=5",
		 .length = 6, .find = "Hi.", .put = "Ho.", .words = "fail"},
		{"l= of a part, and the header changed", .tags = USUAL "; l=5",
		 .length = 6, .find = "dinner", .put = "supper",
		 .words = "fail"},
		{"l= of more than there is", .tags = USUAL "; l=55",
		 .length = 56, .words = "fail"},
		{"l= beyond counting",
		 .tags = USUAL "; l=99999999999999999999999", .words = "fail"},
		{"l= no number", .tags = USUAL "; l=-1", .words = "permerror"},
		{"l= in simple form", .tags = FIRST H "; l=3", .canon = "ss",
		 .length = 4, .words = "policy"},
		{0},
	};

	(void)state;
	run_rows(rows);
}

static void fields_that_say_something_else(void **state)
{
	static const struct row rows[] = {
		{"no v=",
		 .tags = "a=rsa-sha256; d=example.com; s=s; " RELAXED H,
		 .words = "permerror"},
		{"v=2",
		 .tags = "v=2; a=rsa-sha256; d=example.com; s=s; " RELAXED H,
		 .words = "permerror"},
		{"v= last",
		 .tags = "a=rsa-sha256; d=example.com; s=s; " RELAXED H
			 "; v=1"},
		{"no a=", .tags = "v=1; d=example.com; s=s; " RELAXED H,
		 .words = "permerror"},
		{"no d=", .tags = "v=1; a=rsa-sha256; s=s; " RELAXED H,
		 .words = "permerror"},
		{"no s=",
		 .tags = "v=1; a=rsa-sha256; d=example.com; " RELAXED H,
		 .words = "permerror"},
		{"no h=", .tags = FIRST RELAXED, .words = "permerror"},
		{"no bh=", .find = " bh=", .put = " xh=", .words = "permerror"},
		{"no b=", .find = "\tb=", .put = "\txb=", .words = "permerror"},
		{"an empty b=", .find = "\tb=", .put = "\tb=; y=",
		 .words = "permerror"},
		{"an empty d=",
		 .tags = "v=1; a=rsa-sha256; d=; s=s; " RELAXED H,
		 .words = "permerror"},
		{"From not signed", .tags = FIRST RELAXED "h=To:Subject",
		 .names = "To:Subject", .words = "permerror"},
		{"From in another case",
		 .tags = FIRST RELAXED "h=to:fROM:subject",
		 .names = "to:from:subject"},
		{"an empty name in h=", .tags = FIRST RELAXED "h=From::To",
		 .names = "From:To", .words = "permerror"},
		{"h= with folds",
		 .tags = FIRST RELAXED "h= From :\r\n\t To\r\n : Subject",
		 .names = "From:To:Subject"},
		{"blanks around everything",
		 .tags = " v = 1 ;\r\n\ta = rsa-sha256;d= example.com ;s =\ts;"
			 "c =\r\n relaxed/relaxed ; h = From",
		 .names = "From"},
		{"a tag twice", .tags = USUAL "; d=example.com",
		 .words = "permerror"},
		{"an unknown tag", .tags = USUAL "; foo=bar; q1=x y z"},
		{"an unknown tag that ends in b", .tags = USUAL "; xb=abc"},
		{"known names in capitals are unknown",
		 .tags = USUAL "; D=evil.example; S=x; H=X; BH=x; X=1"},
		{"b = with a blank", .b = "b ="},
		{"b= before other tags", .after = "; t=1"},
		{"b= with blanks after it", .after = " \t; t=1"},
		{"a piece without =", .tags = USUAL "; oops",
		 .words = "permerror"},
		{"an empty piece", .tags = USUAL ";; t=1",
		 .words = "permerror"},
		{"a last semicolon", .after = ";"},
		{"a tag name with a dash", .tags = USUAL "; x-y=1",
		 .words = "permerror"},
		{"b= no base64", .find = "\tb=", .put = "\tb=!",
		 .words = "permerror"},
		{"bh= no base64", .find = " bh=", .put = " bh=!",
		 .words = "permerror"},
		{"bh= of another length", .find = " bh=", .put = " bh=AAAA",
		 .words = "permerror"},
		{"bh= another hash",
		 .find = " bh=", .put = " bh=AAAA; xx=", .words = "permerror"},
		{"c= unknown", .tags = FIRST "c=nowsp; " H,
		 .words = "permerror"},
		{"c= half unknown", .tags = FIRST "c=relaxed/nowsp; " H,
		 .words = "permerror"},
		{"c= in capitals", .tags = FIRST "c=Relaxed/relaxed; " H,
		 .words = "permerror"},
		{"rsa-sha1",
		 .tags = "v=1; a=rsa-sha1; d=example.com; s=s; " RELAXED H,
		 .words = "permerror"},
		{"an unknown algorithm",
		 .tags = "v=1; a=dsa-sha256; d=example.com; s=s; " RELAXED H,
		 .words = "permerror"},
		{"q=dns/txt", .tags = USUAL "; q=dns/txt"},
		{"q= with others", .tags = USUAL "; q=x509 : dns/txt"},
		{"q= without dns/txt", .tags = USUAL "; q=http/well-known",
		 .words = "permerror"},
		{"q=dns", .tags = USUAL "; q=dns", .words = "permerror"},
		{"i= in d=", .tags = USUAL "; i=@example.com"},
		{"i= below d=", .tags = USUAL "; i=joe@a.b.example.com"},
		{"i= in capitals", .tags = USUAL "; i=joe@Example.COM"},
		{"i= elsewhere", .tags = USUAL "; i=joe@example.net",
		 .words = "permerror"},
		{"i= above d=", .tags = USUAL "; i=joe@com",
		 .words = "permerror"},
		{"i= ends alike", .tags = USUAL "; i=joe@evilexample.com",
		 .words = "permerror"},
		{"i= no address", .tags = USUAL "; i=example.com",
		 .words = "permerror"},
		{"i= quoted-printable",
		 .tags = USUAL "; i=a=3Db=20c@example.com"},
		{"i= broken quoted-printable",
		 .tags = USUAL "; i=a=3@example.com", .words = "permerror"},
		{"i= with two @", .tags = USUAL "; i=a@b@example.com"},
		{"z= copies", .tags = USUAL "; z=From:joe=40example.com|To:x"},
		{"d= with a last dot",
		 .tags = "v=1; a=rsa-sha256; d=example.com.; s=s; " RELAXED H,
		 .words = "permerror"},
		{"d= a top-level domain",
		 .tags = "v=1; a=rsa-sha256; d=com; s=s; " RELAXED H,
		 .words = "permerror"},
		{"d= in capitals",
		 .tags = "v=1; a=rsa-sha256; d=Example.COM; s=S; " RELAXED H},
		{"d= with an odd byte",
		 .tags = "v=1; a=rsa-sha256; d=exa/mple.com; s=s; " RELAXED H,
		 .words = "permerror"},
		{"a selector of two labels",
		 .tags = "v=1; a=rsa-sha256; d=example.com; s=a.b_c; " RELAXED
			 H,
		 .zone = "a.b_c._domainkey.example.com TXT " RSA_KEY},
		{"d= and i= as U-labels",
		 .tags = "v=1; a=rsa-sha256; d=b\xc3\xbc"
			 "cher.example; s=s; "
			 "i=j\xc3\xb6@b\xc3\xbc"
			 "cher.example; " RELAXED H,
		 .zone = "s._domainkey.xn--bcher-kva.example TXT " RSA_KEY},
		{"d= as U-labels, i= as A-labels, simple",
		 .tags = "v=1; a=rsa-sha256; d=b\xc3\xbc"
			 "cher.example; s=s; "
			 "i=@x.xn--bcher-kva.example; " H,
		 .canon = "ss",
		 .zone = "s._domainkey.xn--bcher-kva.example TXT " RSA_KEY},
		{"d= as A-labels",
		 .tags = "v=1; a=rsa-sha256; d=xn--bcher-kva.example; "
			 "s=s; " RELAXED H,
		 .zone = "s._domainkey.xn--bcher-kva.example TXT " RSA_KEY},
		{"a selector as U-label",
		 .tags = "v=1; a=rsa-sha256; d=example.com; s=b\xc3\xbc"
			 "cher; " RELAXED H,
		 .zone = "xn--bcher-kva._domainkey.example.com TXT " RSA_KEY},
		{"d= in broken UTF-8",
		 .tags = "v=1; a=rsa-sha256; d=b\xff.example; s=s; " RELAXED H,
		 .words = "permerror"},
		{0},
	};

	(void)state;
	run_rows(rows);
}

static void times(void **state)
{
	static const struct row rows[] = {
		{"t= and x= around now", .tags = USUAL "; t=1699999000; "
						       "x=1700001000"},
		{"x= now", .tags = USUAL "; x=1700000000"},
		{"x= a second ago", .tags = USUAL "; x=1699999999",
		 .words = "permerror"},
		{"t= now", .tags = USUAL "; t=1700000000"},
		{"t= an hour ahead", .tags = USUAL "; t=1700003600"},
		{"t= a day ahead", .tags = USUAL "; t=1700086400",
		 .words = "permerror"},
		{"t= long ago", .tags = USUAL "; t=0"},
		{"t=1", .tags = USUAL "; t=1; x=1700000100"},
		{"x= before t=", .tags = USUAL "; t=1700000000; x=1699999999",
		 .words = "permerror"},
		{"x= equal to t=",
		 .tags = USUAL "; t=1700000000; "
			       "x=1700000000",
		 .words = "permerror"},
		{"t= no number", .tags = USUAL "; t=now", .words = "permerror"},
		{"t= negative", .tags = USUAL "; t=-5", .words = "permerror"},
		{"an empty t=", .tags = USUAL "; t=", .words = "permerror"},
		{"x= no number", .tags = USUAL "; x=1e9", .words = "permerror"},
		{"x= for ever", .tags = USUAL "; x=99999999999999999999"},
		{"t= of thirteen digits", .tags = USUAL "; t=1700000000000",
		 .words = "permerror"},
		{0},
	};

	(void)state;
	run_rows(rows);
}

static void keys(void **state)
{
	static const struct row rows[] = {
		{"p= alone", .record = "p=@"},
		{"as RSAPublicKey", .record = "v=DKIM1; p=#"},
		{"no record, the domain there", .record = "",
		 .words = "permerror"},
		{"no such name", .zone = "other.example A 192.0.2.1",
		 .words = "permerror"},
		{"no answer", .record = "TEMPFAIL", .words = "temperror"},
		{"revoked", .record = "v=DKIM1; p=", .words = "permerror"},
		{"revoked with blanks", .record = "v=DKIM1; p= ; n=x",
		 .words = "permerror"},
		{"no p=", .record = "v=DKIM1; k=rsa", .words = "permerror"},
		{"p= no base64", .record = "p=@!", .words = "permerror"},
		{"p= no key", .record = "p=AAAA", .words = "permerror"},
		{"p= cut short", .record = "p=MIIBIjANBgkqhkiG9w0BAQEF",
		 .words = "permerror"},
		{"another key", .record = "p=@", .zone = NULL,
		 .find = "\tb=", .put = "\tb=AAAA", .words = "fail"},
		{"v= not first", .record = "k=rsa; v=DKIM1; p=@",
		 .words = "permerror"},
		{"v=DKIM2", .record = "v=DKIM2; p=@", .words = "permerror"},
		{"v=dkim1", .record = "v=dkim1; p=@", .words = "permerror"},
		{"blanks", .record = " v = DKIM1 ; k = rsa ; p = @ ; "},
		{"a tag twice", .record = "v=DKIM1; p=@; p=@",
		 .words = "permerror"},
		{"unknown tags", .record = "v=DKIM1; g=*; foo=bar; p=@"},
		{"k= unknown", .record = "k=dsa; p=@", .words = "permerror"},
		{"k=RSA", .record = "k=RSA; p=@", .words = "permerror"},
		{"k=ed25519 for an rsa signature", .record = "k=ed25519; p=@",
		 .words = "permerror"},
		{"h=sha256", .record = "h=sha256; p=@"},
		{"h=sha1:sha256", .record = "h= sha1 : sha256 ; p=@"},
		{"h=sha1", .record = "h=sha1; p=@", .words = "permerror"},
		{"h= unknown", .record = "h=sha512; p=@", .words = "permerror"},
		{"s=email", .record = "s=email; p=@"},
		{"s=*", .record = "s=*; p=@"},
		{"s=other:email", .record = "s=other:email; p=@"},
		{"s=other", .record = "s=other; p=@", .words = "permerror"},
		{"t=y", .record = "t=y; p=@"},
		{"t=y and a bad signature", .record = "t=y; p=@",
		 .find = "dinner", .put = "supper", .words = "fail"},
		{"t=s without i=", .record = "t=s; p=@"},
		{"t=s with i= in d=", .tags = USUAL "; i=joe@example.com",
		 .record = "t=s; p=@"},
		{"t=s with i= below d=", .tags = USUAL "; i=joe@a.example.com",
		 .record = "t=s; p=@", .words = "permerror"},
		{"t=y:s with i= below d=",
		 .tags = USUAL "; i=joe@a.example.com",
		 .record = "t=y : s; p=@", .words = "permerror"},
		{"512 bits", .key = "rsa512", .words = "permerror"},
		{"768 bits", .key = "rsa768", .words = "permerror"},
		{"1023 bits", .key = "rsa1023", .words = "permerror"},
		{"1024 bits", .key = "rsa1024"},
		{"1024 bits as RSAPublicKey", .key = "rsa1024",
		 .record = "p=#"},
		{"4096 bits", .key = "rsa4096"},
		{"4096 bits as RSAPublicKey", .key = "rsa4096",
		 .record = "v=DKIM1; h=sha256; s=email; t=s; p=#"},
		{"ed25519", .tags = EDWARDS, .key = "ed25519",
		 .record = "v=DKIM1; k=ed25519; p=@"},
		{"ed25519, changed", .tags = EDWARDS, .key = "ed25519",
		 .record = "v=DKIM1; k=ed25519; p=@", .find = "dinner",
		 .put = "supper", .words = "fail"},
		{"ed25519 without k=", .tags = EDWARDS, .key = "ed25519",
		 .record = "p=@", .words = "permerror"},
		{"ed25519 with an rsa key", .tags = EDWARDS,
		 .record = "k=rsa; p=@", .words = "permerror"},
		{"ed25519, p= too short", .tags = EDWARDS, .key = "ed25519",
		 .record = "k=ed25519; p=AAAA", .words = "permerror"},
		{"ed25519, a signature too short", .tags = EDWARDS,
		 .key = "ed25519", .record = "k=ed25519; p=@",
		 .find = "\tb=", .put = "\tb=AAAA; xx=", .words = "fail"},
		{"rsa, a signature too short",
		 .find = "\tb=", .put = "\tb=AAAA; xx=", .words = "fail"},
		{"another record at the name",
		 .zone = "s._domainkey.example.com TXT v=spf1 -all\n"
			 "s._domainkey.example.com TXT v=DKIM1; p=@"},
		{"a revoked key beside a good one",
		 .zone = "s._domainkey.example.com TXT v=DKIM1; p=\n"
			 "s._domainkey.example.com TXT v=DKIM1; p=@"},
		{"two types of key at one name",
		 .zone = "s._domainkey.example.com TXT v=DKIM1; k=ed25519; "
			 "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
			 "s._domainkey.example.com TXT v=DKIM1; p=@"},
		{"the same record twice",
		 .zone = "s._domainkey.example.com TXT v=DKIM1; p=@\n"
			 "s._domainkey.example.com TXT v=DKIM1; p=@"},
		{"an alias",
		 .zone = "s._domainkey.example.com CNAME k.example.net\n"
			 "k.example.net TXT v=DKIM1; p=@"},
		{0},
	};

	(void)state;
	run_rows(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_in_transit),
		cmocka_unit_test(bodies_of_all_kinds),
		cmocka_unit_test(fields_that_say_something_else),
		cmocka_unit_test(times),
		cmocka_unit_test(keys),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	dkim_pairs_free();
	return failed;
}
