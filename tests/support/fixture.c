/* The engine, made ready for a test in a few lines. */
#include "tests/support/fixture.h"
#include "tests/support/cmocka.h"

#include "common/base/buf.h"
#include "milter/engine/policy.h"

static const struct settings_group *const *
all_groups(struct arena *arena, const struct check *const *checks)
{
	const struct settings_group **groups =
		ARENA_ARRAY(arena, const struct settings_group *, 80);
	size_t n = 0;

	groups[n++] = &engine_settings;
	groups[n++] = &limits_settings;
	groups[n++] = &policy_settings;
	groups[n++] = &policy_actions_settings;
	for (; *checks; checks++) {
		if ((*checks)->settings)
			groups[n++] = (*checks)->settings;
		if ((*checks)->blocks)
			groups[n++] = (*checks)->blocks;
	}
	return groups;
}

void fixture_open(struct fixture *f, const struct check *const *checks,
		  const char *const *sets, const char *zone)
{
	struct err err = {""};

	*f = (struct fixture){.conn.arena = arena_new(0)};
	f->conf = conf_load(all_groups(f->conn.arena, checks), NULL, sets,
			    &err);
	if (!f->conf)
		fail_msg("%s", err.text);
	f->answers = answers_new(zone);
	f->engine = engine_new(checks, f->conf, answers_resolver(f->answers),
			       &err);
	if (!f->engine)
		fail_msg("%s", err.text);
	f->policy = policy_new(f->conf, NULL, &err);
	if (!f->policy)
		fail_msg("%s", err.text);
}

void fixture_mail(struct fixture *f, const char *ip, const char *helo,
		  const char *sender)
{
	mail_free(&f->mail);
	assert_true(ip_parse(slice_cstr(ip), &f->conn.client));
	f->conn.client_text = slice_cstr(ip);
	f->conn.helo = slice_cstr(helo);
	f->conn.trusted = engine_trusts(f->engine, &f->conn.client);
	f->mail = mail_new(f->engine, &f->conn);
	engine_stage(f->mail, STAGE_CONNECT);
	engine_stage(f->mail, STAGE_HELO);
	mail_set_sender(f->mail, slice_cstr(sender));
	assert_true(mail_add_rcpt(f->mail, SLICE("rcpt@example.net")));
	engine_stage(f->mail, STAGE_ENVELOPE);
}

bool fixture_add_fields(struct mail *mail, struct slice *rest)
{
	struct slice line, field = SLICE_NONE;

	while (slice_next(rest, '\n', &line)) {
		if (field.p && line.n > 0 && ascii_is_wsp(line.p[0])) {
			field.n = (size_t)(line.p + line.n - field.p);
			continue;
		}
		if (field.p) {
			size_t colon = slice_find(field, 0, ':');

			if (!mail_add_header(mail, slice_sub(field, 0, colon),
					     slice_sub(field, colon + 1,
						       field.n)))
				return false;
		}
		if (line.n == 0)
			return true;
		field = line;
	}
	return true;
}

void fixture_judge(struct fixture *f, const char *text)
{
	struct slice rest = slice_cstr(text), line;
	struct buf body = BUF(f->mail->arena);

	assert_true(fixture_add_fields(f->mail, &rest));
	engine_stage(f->mail, STAGE_HEADERS);
	while (rest.n > 0 && slice_next(&rest, '\n', &line)) {
		buf_add(&body, line);
		buf_add_text(&body, "\r\n");
	}
	if (body.n > 0)
		engine_body(f->mail, buf_slice(&body));
	engine_finish(f->mail);
}

void fixture_close(struct fixture *f)
{
	mail_free(&f->mail);
	policy_free(&f->policy);
	engine_free(&f->engine);
	answers_free(&f->answers);
	conf_free(&f->conf);
	arena_free(&f->conn.arena);
}
