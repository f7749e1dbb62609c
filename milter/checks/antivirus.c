/*
 * The scan begins when the message has come and goes on while DNS is waited
 * for. Signatures decide; heuristics only count. What was not wholly looked
 * at is unscanned, never clean.
 */
#include "milter/checks/antivirus.h"
#include "milter/checks/antivirus_conf.h"
#include "milter/checks/scanning.h"
#include "milter/engine/engine.h"

enum {
	FOUND,
	MACROS,
	ENCRYPTED,
	PHISHING,
	PUA,
	HEURISTIC,
	UNSCANNED,
};

static const struct symbol symbols[] = {
	[FOUND] = {"VIRUS_FOUND", 0, "a virus was found in the message", NULL},
	[MACROS] = {"ANTIVIRUS_MACROS", 2.0,
		    "an office document in the message contains macros", NULL},
	[ENCRYPTED] = {"ANTIVIRUS_ENCRYPTED", 1.5,
		       "an archive or document in the message is encrypted, "
		       "so nobody could look into it",
		       NULL},
	[PHISHING] = {"ANTIVIRUS_PHISHING", 4.0,
		      "a link in the message leads elsewhere than it says",
		      NULL},
	[PUA] = {"ANTIVIRUS_PUA", 3.0,
		 "the message contains a possibly unwanted program", NULL},
	[HEURISTIC] = {"ANTIVIRUS_HEURISTIC", 6.0,
		       "something in the message is built like malware", NULL},
	[UNSCANNED] = {"ANTIVIRUS_UNSCANNED", 0,
		       "the message could not be scanned for viruses", NULL},
	[UNSCANNED + 1] = {0},
};

/* What a signature's name begins with, and the symbol for it. */
static const struct {
	struct slice prefix;
	int symbol;
} heuristics[] = {
	{{"Heuristics.Encrypted.", 21}, ENCRYPTED},
	{{"Heuristics.OLE2.ContainsMacros", 30}, MACROS},
	{{"Heuristics.Phishing.", 20}, PHISHING},
	{{"Heuristics.", 11}, HEURISTIC},
	{{"PUA.", 4}, PUA},
};

struct antivirus {
	const struct antivirus_conf *conf;
	enum antivirus_engine engine;
};

/* scanning_report() has what `attachments` waits for as well. */
const struct scan_report *scanning_report(const struct mail *mail)
{
	return mail->scan;
}

static int prepare(struct arena *arena, const struct conf *conf,
		   const void **ready_r, struct err *err)
{
	struct antivirus *antivirus = ARENA_NEW(arena, struct antivirus);
	struct slice where;

	antivirus->conf = conf_group(conf, &antivirus_settings);
	*ready_r = antivirus;
	return antivirus_engine(conf, &antivirus->engine, &where, err);
}

static void start(struct mail *mail, unsigned index, const void *ready,
		  enum stage stage)
{
	const struct scan_options *scans = engine_scans(mail->engine);

	(void)ready;
	if (stage == STAGE_MESSAGE && scans &&
	    mail->spool.state == SPOOL_SEALED)
		mail->states[index] =
			scan_begin(scans, mail->arena, mail->spool.fd,
				   mail->spool.size);
}

static void await(struct mail *mail, unsigned index, const void *ready,
		  int64_t until_ms)
{
	(void)ready;
	mail->scan = scan_wait(mail->states[index], until_ms);
}

static int symbol_of(struct slice name)
{
	for (size_t i = 0; i < sizeof(heuristics) / sizeof(*heuristics); i++)
		if (slice_starts_nocase(name, heuristics[i].prefix))
			return heuristics[i].symbol;
	return FOUND;
}

/* One line with the signatures that are viruses; empty: there are none. */
static struct slice viruses(struct arena *arena,
			    const struct scan_report *report)
{
	struct buf out = BUF(arena);

	for (size_t i = 0; i < report->name_count; i++) {
		if (symbol_of(report->names[i]) != FOUND)
			continue;
		buf_add_text(&out, out.n > 0 ? ", " : "");
		buf_add(&out, report->names[i]);
	}
	return buf_slice(&out);
}

static void weigh(const struct antivirus *antivirus,
		  const struct scan_report *report, struct verdict *v)
{
	struct slice names = viruses(v->arena, report);

	for (size_t i = 0; i < report->name_count; i++) {
		int symbol = symbol_of(report->names[i]);

		if (symbol != FOUND)
			verdict_hit(v, &symbols[symbol], "%.*s",
				    SLICE_FMT(report->names[i]));
	}
	if (names.n == 0)
		return;
	verdict_hit(v, &symbols[FOUND], "%.*s", SLICE_FMT(names));
	verdict_outcome(v, OUTCOME_FAIL, "%.*s", SLICE_FMT(names));
	verdict_class(v, VAULT_VIRUS,
		      (enum class_action)antivirus->conf->action.value,
		      antivirus->conf->keep, "%.*s", SLICE_FMT(names));
}

static void unscanned(const struct antivirus *antivirus, struct verdict *v,
		      bool by_message, struct slice reason)
{
	verdict_hit(v, &symbols[UNSCANNED], "%.*s", SLICE_FMT(reason));
	verdict_outcome(v, OUTCOME_TEMPERROR, "%.*s", SLICE_FMT(reason));
	switch ((enum antivirus_unscanned)antivirus->conf->unscanned.value) {
	case ANTIVIRUS_UNSCANNED_TEMPFAIL:
		v->unscanned = (struct unscanned_report){true, by_message,
							 reason};
		break;
	case ANTIVIRUS_UNSCANNED_QUARANTINE:
		verdict_class(v, VAULT_UNSCANNED, CLASS_QUARANTINE, false,
			      "%.*s", SLICE_FMT(reason));
		break;
	case ANTIVIRUS_UNSCANNED_TAG:
		verdict_class(v, VAULT_UNSCANNED, CLASS_TAG, false, "%.*s",
			      SLICE_FMT(reason));
		break;
	}
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *v)
{
	const struct antivirus *antivirus = ready;
	const struct scan_report *report = mail->scan;

	if (mail->states[index] && !report)
		return STEP_WAIT;
	if (!report && !engine_scans(mail->engine)) {
		verdict_outcome(v, OUTCOME_NOT_RUN, "%s",
				antivirus->engine == ANTIVIRUS_OFF
					? "antivirus.engine is off"
					: "only gatepostd scans for viruses");
		return STEP_DONE;
	}
	if (!report) {
		unscanned(antivirus, v, false,
			  SLICE("the message could not be kept for the "
				"scanner: no memory or too many open files"));
		return STEP_DONE;
	}
	weigh(antivirus, report, v);
	if (report->result == SCAN_UNSCANNED)
		unscanned(antivirus, v,
			  scan_trouble_is_the_message(report->trouble),
			  report->reason);
	else if (antivirus->engine == ANTIVIRUS_OFF)
		verdict_outcome(v, OUTCOME_NOT_RUN, "antivirus.engine is off");
	return STEP_DONE;
}

static void end(struct mail *mail, unsigned index, const void *ready)
{
	struct scan *scan = mail->states[index];

	(void)ready;
	scan_end(&scan);
	mail->states[index] = NULL;
}

const struct check check_antivirus = {
	.name = "antivirus",
	.doc = "viruses, by ClamAV",
	.symbols = symbols,
	.settings = &antivirus_settings,
	.blocks = &scanner_settings,
	.needs = STAGE_MESSAGE,
	.prepare = prepare,
	.start = start,
	.await = await,
	.judge = judge,
	.end = end,
};
