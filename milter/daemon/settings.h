/*
 * The daemon's own settings, and the list of every group of settings that
 * a gatepost.conf may hold.
 */
#ifndef GATEPOST_DAEMON_SETTINGS_H
#define GATEPOST_DAEMON_SETTINGS_H

#include "common/conf/conf.h"
#include "common/verdict/fingerprint.h"

/* At the top of the file. */
struct daemon_conf {
	struct strlist listen;
	struct text user;
	struct text state_dir;
	struct text run_dir;
};

struct worker_conf {
	int64_t processes;
	int64_t max_sessions;
	struct duration idle;
	struct duration drain;
	struct duration linger;
	struct text socket_mode;
	struct text socket_group;
};

/* What the recorder serves. */
struct http_conf {
	struct strlist listen;
};

/* What the mailbox side tells of what users do with their mail. */
struct feedback_conf {
	bool enabled;
	struct text socket_mode;
};

/* How a message that was held goes on its way. */
struct release_conf {
	struct text smtp;
	struct duration timeout;
};

struct log_conf {
	struct choice level;
	struct choice format;
	struct choice target;
};

extern const struct settings_group daemon_settings;
extern const struct settings_group worker_settings;
extern const struct settings_group http_settings;
extern const struct settings_group feedback_settings;
extern const struct settings_group release_settings;
extern const struct settings_group log_settings;

/* All groups, NULL-ended: what conf_load() takes. */
const struct settings_group *const *settings_all(void);
/* Where the key of the verdict header stands unless a setting names one. */
void settings_key_path(const struct conf *conf, char *path, size_t room);
/* The recorder's own socket, below run_dir, as `listen` writes it. */
void settings_recorder_socket(const struct conf *conf, char *name, size_t room);
/* Where the mailbox side tells what users do, in the same way. */
void settings_feedback_socket(const struct conf *conf, char *name, size_t room);
/* A digest of all settings that a scanner depends on. */
void settings_of_scanner(const struct conf *conf,
			 unsigned char digest_r[FINGERPRINT]);
/* Sends the log where the configuration says, or to stderr all the same. */
void settings_open_log(const struct conf *conf, const char *program,
		       bool to_stderr);

#endif
