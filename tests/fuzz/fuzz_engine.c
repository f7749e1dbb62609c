/*
 * A whole message through all checks, policy, commit, edits and both forms
 * of the record. The first line is "HELO SENDER", the rest is the message.
 */
#include "common/verdict/record.h"
#include "milter/checks/table.h"
#include "milter/engine/report.h"
#include "tests/support/fixture.h"

#include <stdlib.h>

static const char zone[] =
	"example.org TXT v=spf1 include:b.example a mx ptr exists:%{l}.c.example "
	"-all exp=e.example\n"
	"b.example TXT v=spf1 ip4:192.0.2.0/28 ~all\n"
	"e.example TXT no %{s} from %{i}\n"
	"_dmarc.example.org TXT v=DMARC1; p=reject; sp=none\n"
	"example.org A 192.0.2.1\n"
	"example.org MX 10 mx.example.org\n"
	"mx.example.org A 198.51.100.1\n"
	"1.100.51.198.in-addr.arpa PTR mx.example.org\n"
	"1.100.51.198.zen.spamhaus.org A 127.0.0.2\n"
	"s._domainkey.example.org TXT v=DKIM1; k=ed25519; "
	"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n";

static void judge(struct fixture *f, struct slice text)
{
	struct slice envelope, helo;
	struct decision decision;
	const struct record *record;

	if (!text.p || !slice_next(&text, '\n', &envelope) || !text.p)
		return;
	slice_next(&envelope, ' ', &helo);
	f->conn.helo = helo;
	f->mail = mail_new(f->engine, &f->conn);
	engine_stage(f->mail, STAGE_CONNECT);
	engine_stage(f->mail, STAGE_HELO);
	mail_set_sender(f->mail, envelope);
	mail_add_rcpt(f->mail, SLICE("b@example.net"));
	engine_stage(f->mail, STAGE_ENVELOPE);
	(void)fixture_add_fields(f->mail, &text);
	engine_stage(f->mail, STAGE_HEADERS);
	if (text.n > 0)
		engine_body(f->mail, text);
	engine_finish(f->mail);
	policy_decide(f->policy, f->mail, &decision);
	policy_commit(f->policy, f->mail, &decision);
	record = report_make(f->policy, f->mail, &decision);
	if (record_json(f->mail->arena, record, 0).n == 0)
		abort();
	if (record_logfmt(f->mail->arena, record).n == 0)
		abort();
	mail_free(&f->mail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sets[] = {"greylist.mode=always", NULL};
	static struct fixture f;

	if (!f.engine) {
		fixture_open(&f, checks_table, sets, zone);
		f.conn.client_text = SLICE("198.51.100.1");
		ip_parse(f.conn.client_text, &f.conn.client);
	}
	judge(&f, (struct slice){(const char *)data, size});
	return 0;
}
