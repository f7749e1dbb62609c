/* The rows of both sections. */
#include "milter/checks/antivirus_conf.h"

static const struct setting antivirus_rows[] = {
	SETTING(struct antivirus_conf, engine, "libclamav", NULL, NULL,
		"who scans: libclamav (processes of ours), clamd:unix:PATH, "
		"clamd:tcp:HOST:PORT, or off"),
	SETTING(struct antivirus_conf, database, "/var/lib/clamav", NULL, NULL,
		"folder with the signatures, as freshclam writes it; for "
		"libclamav"),
	SETTING(struct antivirus_conf, action, "quarantine",
		"tag|quarantine|reject", NULL,
		"what is done with an infected message"),
	SETTING(struct antivirus_conf, keep, "no", NULL, NULL,
		"keep a copy in the vault of what is rejected as infected"),
	SETTING(struct antivirus_conf, unscanned, "tempfail",
		"tempfail|quarantine|tag", NULL,
		"what is done with a message that could not be scanned; with "
		"tempfail, one over which the scanner fails twice is "
		"quarantined"),
	SETTING(struct antivirus_conf, max_age, "48h", "1h", "365d",
		"age of the newest signatures at which an alarm is raised"),
	SETTING(struct antivirus_conf, macros, "yes", NULL, NULL,
		"look for macros in office documents; "
		"score.ANTIVIRUS_MACROS says what they count"),
	SETTING(struct antivirus_conf, encrypted, "yes", NULL, NULL,
		"look for encrypted archives and documents; "
		"score.ANTIVIRUS_ENCRYPTED says what they count"),
	SETTING(struct antivirus_conf, phishing, "yes", NULL, NULL,
		"look for disguised links; score.ANTIVIRUS_PHISHING says "
		"what they count"),
	SETTING(struct antivirus_conf, pua, "no", NULL, NULL,
		"look for possibly unwanted programs; score.ANTIVIRUS_PUA "
		"says what they count"),
	SETTING_END,
};

const struct settings_group antivirus_settings = {
	.section = "antivirus",
	.rows = antivirus_rows,
	.conf_size = sizeof(struct antivirus_conf),
	.doc = "Virus scanning",
};

static const struct setting scanner_rows[] = {
	SETTING(struct scanner_conf, processes, "0", "0", "64",
		"how many messages are scanned at a time; 0: one per CPU"),
	SETTING(struct scanner_conf, queue, "5s", "10ms", "60s",
		"how long a message waits for a free scanner"),
	SETTING(struct scanner_conf, time, "25s", "100ms", "5m",
		"how long one scan may take; then its process is killed"),
	SETTING(struct scanner_conf, memory, "512m", "64m", "16g",
		"memory one scan may use beside the signatures"),
	SETTING(struct scanner_conf, tmp, "256m", "16m", "16g",
		"bytes of temporary files one scan may write"),
	SETTING(struct scanner_conf, scan_size, "100m", "1m", "4g",
		"bytes looked at in one message, unpacked; more is unscanned"),
	SETTING(struct scanner_conf, file_size, "50m", "1m", "2g",
		"size of one file in a message; a larger one is unscanned"),
	SETTING(struct scanner_conf, files, "1000", "1", "100000",
		"files in one message; more are unscanned"),
	SETTING(struct scanner_conf, recursion, "12", "1", "50",
		"archives within archives; what is deeper is unscanned"),
	SETTING(struct scanner_conf, engine_time, "20s", "100ms", "5m",
		"after which libclamav is to give up by itself"),
	SETTING(struct scanner_conf, watch, "10s", "100ms", "1h",
		"how often the signatures are looked at for new ones"),
	SETTING(struct scanner_conf, restless, "5m", "1s", "1d",
		"new signatures are loaded once their files have not changed "
		"for 300 ms; if that does not come about for so long, an "
		"alarm is raised and they are loaded as they are"),
	SETTING(struct scanner_conf, reload, "beside", "beside|free_first",
		NULL,
		"beside: new signatures are loaded while the old still scan, "
		"for which both need memory; free_first: the old go first, "
		"and mail waits or is deferred until the new are there"),
	SETTING_END,
};

const struct settings_group scanner_settings = {
	.section = "scanner",
	.rows = scanner_rows,
	.conf_size = sizeof(struct scanner_conf),
	.doc = "The processes that scan with libclamav",
};

int antivirus_engine(const struct conf *conf, enum antivirus_engine *engine_r,
		     struct slice *where_r, struct err *err)
{
	const struct antivirus_conf *antivirus =
		conf_group(conf, &antivirus_settings);
	struct slice engine = antivirus->engine.s;

	*where_r = SLICE_NONE;
	if (slice_eq(engine, SLICE("off"))) {
		*engine_r = ANTIVIRUS_OFF;
	} else if (slice_eq(engine, SLICE("libclamav"))) {
		*engine_r = ANTIVIRUS_LIBCLAMAV;
	} else if (slice_starts_nocase(engine, SLICE("clamd:unix:/")) ||
		   slice_starts_nocase(engine, SLICE("clamd:tcp:"))) {
		*engine_r = ANTIVIRUS_CLAMD;
		*where_r = slice_sub(engine, sizeof("clamd:") - 1, engine.n);
	} else {
		return err_set(err,
			       "antivirus.engine: \"%.*s\" is none of "
			       "libclamav, clamd:unix:PATH, "
			       "clamd:tcp:HOST:PORT, off",
			       SLICE_FMT(engine));
	}
	return 0;
}
