/*
 * The log. A line is built whole in memory and written with one write(2),
 * so lines of several threads and processes never mix.
 */
#include "common/base/log.h"
#include "common/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384

/* Set once by log_open() before threads exist. */
static struct {
	const char *program;
	enum log_target target;
	enum log_format format;
	enum log_level level;
} settings = {"gatepost", LOG_TARGET_STDERR, LOG_FORMAT_LOGFMT,
	      LOG_LEVEL_INFO};

static const char *const level_words[] = {"error", "warn", "info", "debug"};
static const int level_priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO,
				       LOG_DEBUG};

void log_open(const char *program, enum log_target target,
	      enum log_format format, enum log_level level)
{
	settings.program = program;
	settings.target = target;
	settings.format = format;
	settings.level = level;
	if (target == LOG_TARGET_SYSLOG)
		openlog(program, LOG_PID, LOG_MAIL);
}

bool log_wants(enum log_level level)
{
	return level <= settings.level;
}

enum log_format log_format(void)
{
	return settings.format;
}

static size_t stamp(char *line, size_t room, enum log_level level)
{
	int64_t us = clock_wall_us();
	time_t seconds = us / 1000000;
	struct tm utc;
	char when[32];

	gmtime_r(&seconds, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	return (size_t)snprintf(
		line, room,
		settings.format == LOG_FORMAT_JSON
			? "{\"time\":\"%s.%03dZ\",\"level\":\"%s\","
			  "\"program\":\"%s\",\"pid\":%d,"
			: "time=%s.%03dZ level=%s program=%s pid=%d ",
		when, (int)(us / 1000 % 1000), level_words[level],
		settings.program, (int)getpid());
}

static void emit(char *line, size_t n)
{
	ssize_t written;

	line[n++] = '\n';
	do
		written = write(STDERR_FILENO, line, n);
	while (written > 0 && (line += written, n -= (size_t)written) > 0);
}

void log_pairs(enum log_level level, struct slice pairs)
{
	char line[LINE_MAX_BYTES];
	bool json = settings.format == LOG_FORMAT_JSON;
	size_t n = 0;

	if (!log_wants(level))
		return;
	if (settings.target == LOG_TARGET_SYSLOG) {
		syslog(level_priorities[level], json ? "{%.*s}" : "%.*s",
		       SLICE_FMT(pairs));
		return;
	}
	n = stamp(line, sizeof(line), level);
	/* Room for the closing brace and the line end. */
	if (pairs.n > sizeof(line) - n - 2)
		pairs.n = sizeof(line) - n - 2;
	memcpy(line + n, pairs.p, pairs.n);
	n += pairs.n;
	if (json)
		line[n++] = '}';
	emit(line, n);
}

/* Escapes for a quoted logfmt or JSON value: the same rules serve both. */
static size_t quote(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text && n + 8 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			out[n++] = '\\', out[n++] = (char)c;
		else if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(out + n, 7, "\\u%04x", c);
		else
			out[n++] = (char)c;
	}
	return n;
}

void log_write(enum log_level level, const char *format, ...)
{
	char text[2048], pairs[4096];
	bool json = settings.format == LOG_FORMAT_JSON;
	va_list args;
	size_t n;

	if (!log_wants(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	n = (size_t)snprintf(pairs, sizeof(pairs),
			     json ? "\"msg\":\"" : "msg=\"");
	n += quote(pairs + n, sizeof(pairs) - n - 2, text);
	pairs[n++] = '"';
	log_pairs(level, (struct slice){pairs, n});
}
