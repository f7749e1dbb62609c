/*
 * Fills the verdict record. Nothing is judged here; a field of the record
 * is a field of the mail, the verdict or the decision.
 */
#include "milter/engine/report.h"
#include "common/base/log.h"

static struct slice field(const struct mail *mail, struct slice name)
{
	const struct header *header = mail_header(mail, name, 0);

	return header ? slice_sub(slice_trim(header->value), 0, 1000)
		      : SLICE_NONE;
}

static void add_symbols(struct record *r, const struct mail *mail)
{
	const struct verdict *v = mail->verdict;
	struct record_symbol *list =
		ARENA_ARRAY(mail->arena, struct record_symbol, v->hit_count + 1);

	for (size_t i = 0; i < v->hit_count; i++)
		list[i] = (struct record_symbol){
			.name = slice_cstr(v->hits[i].symbol->name),
			.score = v->hits[i].score,
			.doc = slice_cstr(v->hits[i].symbol->doc),
			.detail = v->hits[i].detail,
			.group = slice_cstr(v->hits[i].symbol->group),
			.uncapped = v->hits[i].uncapped};
	r->symbols = list;
	r->symbol_count = v->hit_count;
}

static void add_checks(struct record *r, const struct mail *mail)
{
	unsigned count = engine_check_count(mail->engine);
	struct record_check *list =
		ARENA_ARRAY(mail->arena, struct record_check, count + 1);

	for (unsigned i = 0; i < count; i++) {
		const struct check_report *report = &mail->verdict->reports[i];

		list[i] = (struct record_check){
			.name = slice_cstr(engine_check(mail->engine, i)->name),
			.outcome = slice_cstr(outcome_word(report->outcome)),
			.reason = report->reason,
			.ms = (double)report->us / 1000,
			.took_ms = (double)check_report_took_us(report) / 1000,
		};
	}
	r->checks = list;
	r->check_count = count;
}

static void add_dkim(struct record_auth *out, struct arena *arena,
		     const struct auth *auth)
{
	struct record_dkim *list =
		ARENA_ARRAY(arena, struct record_dkim, auth->dkim_count + 1);

	for (size_t i = 0; i < auth->dkim_count; i++) {
		const struct auth_dkim *d = &auth->dkim[i];

		list[i] = (struct record_dkim){
			slice_cstr(auth_result_word(d->result)),
			d->domain,
			d->selector,
			d->identity,
			d->algorithm,
			d->reason};
	}
	out->dkim = list;
	out->dkim_count = auth->dkim_count;
}

static void add_auth(struct record *r, const struct mail *mail)
{
	const struct auth *auth = &mail->verdict->auth;
	const struct auth_dmarc *dmarc = &auth->dmarc;
	struct record_auth *out = &r->auth;

	out->spf_result = slice_cstr(auth_result_word(auth->spf.result));
	out->spf_domain = auth->spf.domain;
	out->spf_scope = slice_cstr(auth->spf.scope);
	out->spf_explanation = auth->spf.explanation;
	out->spf_helo_result =
		slice_cstr(auth_result_word(auth->spf.helo_result));
	add_dkim(out, mail->arena, auth);
	out->dmarc_result = slice_cstr(auth_result_word(dmarc->result));
	out->dmarc_policy = dmarc->has_policy
				    ? slice_cstr(dmarc_policy_word(dmarc->policy))
				    : SLICE("");
	out->dmarc_domain = dmarc->domain;
	out->dmarc_policy_domain = dmarc->policy_domain;
	out->dmarc_disposition =
		slice_cstr(dmarc_policy_word(dmarc->disposition));
	out->dmarc_reason = dmarc->reason;
	out->iprev_result = slice_cstr(auth_result_word(auth->iprev.result));
	out->iprev_name = auth->iprev.name;
}

static void add_edits(struct record *r, const struct mail *mail,
		      const struct decision *d)
{
	struct record_edit *list =
		ARENA_ARRAY(mail->arena, struct record_edit, d->edit_count + 1);

	for (size_t i = 0; i < d->edit_count; i++)
		list[i] = (struct record_edit){
			slice_cstr(edit_op_word(d->edits[i].op)),
			slice_cstr(d->edits[i].name),
			slice_cstr(d->edits[i].value), d->edits[i].index};
	r->edits = list;
	r->edit_count = d->edit_count;
}

const char *report_stage_word(unsigned stage)
{
	static const char *const words[REPORT_STAGES] = {
		"connect", "helo", "envelope", "headers",
		"body",	   "judge", "commit"};

	return words[stage];
}

void report_stages_us(const struct mail *mail, int64_t us_r[REPORT_STAGES])
{
	int64_t before = mail->begun_us;

	for (int i = 0; i < REPORT_STAGES; i++) {
		int64_t at = i < STAGE_COUNT	? mail->stage_us[i]
			     : i == STAGE_COUNT ? mail->judged_us
						: mail->committed_us;

		us_r[i] = at == 0 ? -1 : at - before;
		before = at == 0 ? before : at;
	}
}

static void add_stages(struct record *r, const struct mail *mail)
{
	struct record_number *list =
		ARENA_ARRAY(mail->arena, struct record_number, REPORT_STAGES);
	int64_t us[REPORT_STAGES];

	report_stages_us(mail, us);
	for (unsigned i = 0; i < REPORT_STAGES; i++)
		list[i] = (struct record_number){
			slice_cstr(report_stage_word(i)),
			us[i] < 0 ? 0 : (double)us[i] / 1000};
	r->stages = list;
	r->stage_count = REPORT_STAGES;
}

static void add_thresholds(struct record *r, const struct policy *policy,
			   struct arena *arena)
{
	struct policy_threshold from[POLICY_THRESHOLDS];
	struct record_number *list =
		ARENA_ARRAY(arena, struct record_number, POLICY_THRESHOLDS);

	policy_thresholds(policy, from);
	for (int i = 0; i < POLICY_THRESHOLDS; i++)
		list[i] = (struct record_number){slice_cstr(from[i].name),
						 from[i].points};
	r->thresholds = list;
	r->threshold_count = POLICY_THRESHOLDS;
}

/* One line of all that matched. */
static struct slice matched(struct arena *arena,
			    const struct scan_report *scan)
{
	struct buf out = BUF(arena);

	for (size_t i = 0; i < scan->name_count; i++) {
		buf_add_text(&out, i > 0 ? ", " : "");
		buf_add(&out, scan->names[i]);
	}
	return buf_slice(&out);
}

static void add_parts(struct record *r, const struct mail *mail)
{
	const struct scan_report *scan = mail->scan;
	struct record_part *list = ARENA_ARRAY(mail->arena, struct record_part,
					       scan->part_count + 1);

	for (size_t i = 0; i < scan->part_count; i++)
		list[i] = (struct record_part){
			scan->parts[i].name,  scan->parts[i].type,
			scan->parts[i].kind,  scan->parts[i].size,
			scan->parts[i].depth, scan->parts[i].encrypted};
	r->parts = list;
	r->part_count = scan->part_count;
}

static void add_scan(struct record *r, const struct mail *mail)
{
	const struct scan_report *scan = mail->scan;
	struct record_antivirus *out = &r->antivirus;

	if (!scan)
		return;
	add_parts(r, mail);
	/* Only taken apart: nobody looked for viruses. */
	if (scan->result == SCAN_CLEAN && scan->engine.n == 0)
		return;
	out->result = slice_cstr(scan_result_word(scan->result));
	out->names = matched(mail->arena, scan);
	out->reason = scan->reason;
	out->engine = scan->engine;
	out->database = scan->database_version;
	out->ms = (double)scan->us / 1000;
}

static void add_decision(struct record *r, const struct mail *mail,
			 const struct decision *d)
{
	r->action = slice_cstr(action_word(d->action));
	r->would = slice_cstr(action_word(d->would));
	r->cause = slice_cstr(d->cause);
	if (d->classed)
		r->class = slice_cstr(vault_class_word(d->class));
	r->class_reason = d->reason;
	if (d->stored)
		r->vault = d->action == ACTION_QUARANTINE ? SLICE("held")
							  : SLICE("copy");
	if (d->reply_code && d->action == d->would)
		r->reply = arena_printf(mail->arena, "%s %s %s", d->reply_code,
					d->reply_status, d->reply_text);
}

static void add_envelope(struct record *r, const struct mail *mail)
{
	const struct conn *conn = mail->conn;

	r->queue_id = mail->queue_id;
	r->client = conn->client_text;
	r->client_name = conn->ptr_name;
	r->helo = conn->helo;
	r->user = conn->user;
	r->sender = mail->sender;
	r->rcpts = mail->rcpts;
	r->rcpt_count = r->rcpt_total = mail->rcpt_count;
	r->direction = mail_is_inbound(mail) ? SLICE("in") : SLICE("out");
	r->probe = conn->probe;
	r->message_id = field(mail, SLICE("Message-ID"));
	r->from = field(mail, SLICE("From"));
	r->subject = field(mail, SLICE("Subject"));
	r->size = mail->size;
}

const struct record *report_make(const struct policy *policy,
				 const struct mail *mail,
				 const struct decision *decision)
{
	struct record *r = ARENA_NEW(mail->arena, struct record);
	struct lookups_stats dns = lookups_stats(mail->lookups);

	r->id = slice_cstr(mail->id);
	r->time_ms = mail->begun_wall_ms;
	r->generation = conf_generation(engine_configuration(mail->engine));
	add_envelope(r, mail);
	add_decision(r, mail, decision);
	add_scan(r, mail);
	r->score = mail->verdict->score;
	add_thresholds(r, policy, mail->arena);
	add_symbols(r, mail);
	add_checks(r, mail);
	add_auth(r, mail);
	add_edits(r, mail, decision);
	add_stages(r, mail);
	r->dns_asked = dns.asked;
	r->dns_cached = dns.from_cache;
	r->dns_failed = dns.failed + dns.timed_out;
	return r;
}

void report_log(const struct mail *mail, const struct record *record)
{
	struct slice line;

	if (!log_wants(LOG_LEVEL_INFO))
		return;
	if (log_format() == LOG_FORMAT_JSON) {
		/* log_pairs() adds the braces itself. */
		line = record_json(mail->arena, record, 0);
		line = slice_sub(line, 1, line.n - 1);
	} else {
		line = record_logfmt(mail->arena, record);
	}
	log_pairs(LOG_LEVEL_INFO, line);
}
