/*
 * The log: one line an event, as logfmt or JSON, to stderr or syslog. What
 * came from outside is escaped here, so no control character reaches a
 * terminal or a log file.
 */
#ifndef GATEPOST_BASE_LOG_H
#define GATEPOST_BASE_LOG_H

#include "common/base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO,
		 LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/* Called once at start of a process, before threads exist. */
void log_open(const char *program, enum log_target target,
	      enum log_format format, enum log_level level);
/* Whether a line of this level would be written. */
bool log_wants(enum log_level level);
enum log_format log_format(void);

/* One line whose text is formatted by us. */
void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * One line that the caller has formatted already: logfmt pairs or a JSON
 * object's members without the braces, whichever log_format() says.
 */
void log_pairs(enum log_level level, struct slice pairs);

#endif
