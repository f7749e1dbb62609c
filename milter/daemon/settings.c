/*
 * Rows of the daemon's settings. What each means is in its row; the groups
 * of the engine and of the checks stand beside what they configure.
 */
#include "milter/daemon/settings.h"
#include "common/base/log.h"
#include "milter/checks/table.h"
#include "milter/daemon/notice_conf.h"
#include "milter/engine/engine.h"
#include "milter/engine/policy.h"
#include "milter/net/dns.h"
#include "milter/checks/antivirus_conf.h"
#include "common/verdict/feedback.h"
#include "milter/store/history.h"
#include "milter/store/store.h"

#include <stdio.h>

static const struct setting daemon_rows[] = {
	SETTING(struct daemon_conf, listen, "unix:/run/gatepost/milter.sock",
		NULL, NULL,
		"where Postfix connects (smtpd_milters): unix:PATH, "
		"inet:HOST:PORT or inet6:[HOST]:PORT; a chrooted smtpd "
		"(Debian's default) needs inet or a path in its chroot"),
	SETTING(struct daemon_conf, user, "gatepost", NULL, NULL,
		"user the workers run as when started by root; started by "
		"anyone else, they keep that user"),
	SETTING(struct daemon_conf, state_dir, "/var/lib/gatepost", NULL, NULL,
		"folder for what must outlive a restart"),
	SETTING(struct daemon_conf, run_dir, "/run/gatepost", NULL, NULL,
		"folder for what need not outlive a restart"),
	SETTING_END,
};

const struct settings_group daemon_settings = {
	.section = "",
	.rows = daemon_rows,
	.conf_size = sizeof(struct daemon_conf),
	.doc = "Addresses, user and folders of the daemon",
};

static const struct setting worker_rows[] = {
	SETTING(struct worker_conf, processes, "0", "0", "64",
		"worker processes for each address of listen; 0: one per CPU"),
	SETTING(struct worker_conf, max_sessions, "1000", "1", "100000",
		"sessions one worker serves at a time; further ones are "
		"told to try again later (451)"),
	SETTING(struct worker_conf, idle, "2h", "10s", "1d",
		"how long a session may stay silent; keep it above "
		"Postfix's own timeouts"),
	SETTING(struct worker_conf, drain, "45s", "0s", "1h",
		"how long messages under way may take to end after a stop"),
	SETTING(struct worker_conf, linger, "10m", "0s", "1d",
		"how long sessions that were open at a reload may go on with "
		"the old configuration"),
	SETTING(struct worker_conf, socket_mode, "0660", NULL, NULL,
		"access rights of unix sockets, in octal"),
	SETTING(struct worker_conf, socket_group, "postfix", NULL, NULL,
		"group of unix sockets; empty: the group of the daemon"),
	SETTING_END,
};

const struct settings_group worker_settings = {
	.section = "worker",
	.rows = worker_rows,
	.conf_size = sizeof(struct worker_conf),
	.doc = "The processes that talk to Postfix",
};

static const struct setting http_rows[] = {
	SETTING(struct http_conf, listen, "inet:127.0.0.1:8892", NULL, NULL,
		"where /metrics and /healthz are served, as listen writes "
		"addresses; anyone who may connect may read them; empty: "
		"nowhere"),
	SETTING_END,
};

const struct settings_group http_settings = {
	.section = "http",
	.rows = http_rows,
	.conf_size = sizeof(struct http_conf),
	.doc = "Metrics and health, by HTTP",
};

static const struct setting feedback_rows[] = {
	SETTING(struct feedback_conf, enabled, "yes", NULL, NULL,
		"hear from the Dovecot plugin what users do with their mail: "
		"taken out of quarantine or Junk, or put there. It is kept "
		"with the record, counted, and a sender whose mail was taken "
		"out of quarantine is not greylisted for that user again"),
	SETTING(struct feedback_conf, socket_mode, "0666", NULL, NULL,
		"permissions of its socket, feedback in run_dir, in octal "
		"digits. Dovecot writes to it as whichever user a mailbox "
		"belongs to; who else does needs a record id to say anything"),
	SETTING_END,
};

const struct settings_group feedback_settings = {
	.section = "feedback",
	.rows = feedback_rows,
	.conf_size = sizeof(struct feedback_conf),
	.doc = "What users do with their mail",
};

static const struct setting release_rows[] = {
	SETTING(struct release_conf, smtp, "inet:127.0.0.1:10026", NULL, NULL,
		"where released messages are sent, by SMTP: inet:HOST:PORT or "
		"inet6:[HOST]:PORT of a Postfix service without Gatepost "
		"(smtpd_milters empty), or they would be held again"),
	SETTING(struct release_conf, timeout, "60s", "1s", "1h",
		"how long it may take to send one"),
	SETTING_END,
};

const struct settings_group release_settings = {
	.section = "release",
	.rows = release_rows,
	.conf_size = sizeof(struct release_conf),
	.doc = "Release of messages from the vault",
};

/* The words stand in the order of the enums of common/base/log.h. */
static const struct setting log_rows[] = {
	SETTING(struct log_conf, level, "info", "error|warn|info|debug", NULL,
		"the least important lines that are written"),
	SETTING(struct log_conf, format, "logfmt", "logfmt|json", NULL,
		"form of a log line"),
	SETTING(struct log_conf, target, "stderr", "stderr|syslog", NULL,
		"where the log goes; stderr is what systemd keeps"),
	SETTING_END,
};

const struct settings_group log_settings = {
	.section = "log",
	.rows = log_rows,
	.conf_size = sizeof(struct log_conf),
	.doc = "The log",
};

#define GROUPS_MAX 128

/* Some checks may share a section; it stands in the list once. */
static void add_group(const struct settings_group **groups,
		      const struct settings_group *group)
{
	size_t n = 0;

	while (groups[n] && groups[n] != group)
		n++;
	if (group && n < GROUPS_MAX)
		groups[n] = group;
}

const struct settings_group *const *settings_all(void)
{
	static const struct settings_group *const own[] = {
		&daemon_settings,
		&policy_settings,
		&engine_settings,
		&policy_actions_settings,
		&limits_settings,
		&dns_settings,
		&worker_settings,
		&log_settings,
		&store_settings,
		&state_settings,
		&history_settings,
		&vault_settings,
		&release_settings,
		&notices_settings,
		&http_settings,
		&feedback_settings,
		NULL,
	};
	/* Filled once, at start; never written again. */
	static const struct settings_group *groups[GROUPS_MAX + 1];

	if (groups[0])
		return groups;
	for (size_t i = 0; own[i]; i++)
		add_group(groups, own[i]);
	for (size_t i = 0; checks_table[i]; i++) {
		add_group(groups, checks_table[i]->settings);
		add_group(groups, checks_table[i]->blocks);
	}
	return groups;
}

void settings_key_path(const struct conf *conf, char *path, size_t room)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);

	snprintf(path, room, "%.*s/verdict.key",
		 SLICE_FMT(daemon->state_dir.s));
}

void settings_feedback_socket(const struct conf *conf, char *name, size_t room)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);

	snprintf(name, room, "unix:%.*s/" FEEDBACK_SOCKET,
		 SLICE_FMT(daemon->run_dir.s));
}

void settings_recorder_socket(const struct conf *conf, char *name, size_t room)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);

	snprintf(name, room, "unix:%.*s/recorder.sock",
		 SLICE_FMT(daemon->run_dir.s));
}

static size_t kind_size(enum setting_kind kind)
{
	switch (kind) {
	case SETTING_BOOL:
		return sizeof(bool);
	case SETTING_INT:
		return sizeof(int64_t);
	case SETTING_DURATION:
		return sizeof(struct duration);
	case SETTING_BYTES:
		return sizeof(struct bytesize);
	case SETTING_CHOICE:
		return sizeof(struct choice);
	default:
		return 0; /* Texts are taken by what they point to. */
	}
}

void settings_of_scanner(const struct conf *conf,
			 unsigned char digest_r[FINGERPRINT])
{
	static const struct settings_group *const groups[] = {
		&antivirus_settings, &scanner_settings, &log_settings};
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	struct slice parts[64] = {daemon->user.s, daemon->run_dir.s};
	size_t n = 2;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const char *values = conf_group(conf, groups[i]);

		for (const struct setting *row = groups[i]->rows;
		     row->name && n < sizeof(parts) / sizeof(parts[0]);
		     row++) {
			const void *value = values + row->offset;

			parts[n++] = row->kind == SETTING_TEXT
					     ? ((const struct text *)value)->s
					     : (struct slice){
						       value,
						       kind_size(row->kind)};
		}
	}
	fingerprint(parts, n, digest_r);
}

void settings_open_log(const struct conf *conf, const char *program,
		       bool to_stderr)
{
	const struct log_conf *log = conf_group(conf, &log_settings);

	log_open(program,
		 to_stderr ? LOG_TARGET_STDERR
			   : (enum log_target)log->target.value,
		 (enum log_format)log->format.value,
		 (enum log_level)log->level.value);
}
