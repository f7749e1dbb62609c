/*
 * The settings of virus scanning: what is asked of a message (section
 * antivirus) and the processes that do it with libclamav (section scanner).
 */
#ifndef GATEPOST_CHECKS_ANTIVIRUS_CONF_H
#define GATEPOST_CHECKS_ANTIVIRUS_CONF_H

#include "common/base/err.h"
#include "common/conf/conf.h"

/* The order of the words of antivirus.unscanned. */
enum antivirus_unscanned {
	ANTIVIRUS_UNSCANNED_TEMPFAIL,
	ANTIVIRUS_UNSCANNED_QUARANTINE,
	ANTIVIRUS_UNSCANNED_TAG,
};

struct antivirus_conf {
	struct text engine;
	struct text database;
	struct choice action;		/* enum class_action */
	bool keep;
	struct choice unscanned;	/* enum antivirus_unscanned */
	struct duration max_age;	/* of the signatures, before an alarm */
	bool macros, encrypted, phishing, pua;
};

/* The order of the words of scanner.reload. */
enum scanner_reload { SCANNER_RELOAD_BESIDE, SCANNER_RELOAD_FREE_FIRST };

struct scanner_conf {
	int64_t processes;
	struct duration queue;		/* until a scanner takes the message */
	struct duration time;		/* then until it is killed */
	struct bytesize memory;		/* of one scan, beside the database */
	struct bytesize tmp;		/* files it may write, in all */
	struct bytesize scan_size;	/* bytes looked at in one message */
	struct bytesize file_size;	/* of one file in it */
	int64_t files;
	int64_t recursion;
	struct duration engine_time;	/* after which libclamav gives up */
	struct duration watch;		/* how often the database is looked at */
	struct duration restless;	/* the database may change without rest */
	struct choice reload;		/* enum scanner_reload */
};

extern const struct settings_group antivirus_settings;
extern const struct settings_group scanner_settings;

enum antivirus_engine {
	ANTIVIRUS_OFF,
	ANTIVIRUS_LIBCLAMAV,
	ANTIVIRUS_CLAMD,
};
/*
 * Reads antivirus.engine. *where_r: of clamd, "unix:PATH" or
 * "tcp:HOST:PORT", a part of the setting. -1: err names the setting.
 */
int antivirus_engine(const struct conf *conf, enum antivirus_engine *engine_r,
		     struct slice *where_r, struct err *err);
/*
 * Whether gatepostd starts a scanner: for libclamav, and for attachment
 * rules, which want the message taken apart in its jail.
 */
bool antivirus_wants_scanner(const struct conf *conf);

#endif
