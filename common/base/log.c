/* The log. A line leaves in one system call, so lines do not mix. */
#include "common/base/log.h"
#include "common/base/clock.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

/* Set once by log_open() before threads exist. */
static struct {
	const char *program;
	enum log_target target;
	enum log_format format;
	enum log_level level;
} settings = {"gatepost", LOG_TARGET_STDERR, LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO};

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

/* The whole line in one call, so that lines of processes do not mix. */
static void emit(struct slice head, struct slice pairs, struct slice tail)
{
	struct iovec parts[] = {{(void *)head.p, head.n},
				{(void *)pairs.p, pairs.n},
				{(void *)tail.p, tail.n}};
	size_t first = 0, count = sizeof(parts) / sizeof(parts[0]);

	while (first < count) {
		ssize_t n = writev(STDERR_FILENO, parts + first,
				   (int)(count - first));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		for (; first < count && (size_t)n >= parts[first].iov_len;
		     first++)
			n -= (ssize_t)parts[first].iov_len;
		if (first < count) {
			parts[first].iov_base =
				(char *)parts[first].iov_base + n;
			parts[first].iov_len -= (size_t)n;
		}
	}
}

void log_pairs(enum log_level level, struct slice pairs)
{
	char head[256];
	bool json = settings.format == LOG_FORMAT_JSON;

	if (!log_wants(level))
		return;
	if (settings.target == LOG_TARGET_SYSLOG) {
		syslog(level_priorities[level], json ? "{%.*s}" : "%.*s",
		       SLICE_FMT(pairs));
		return;
	}
	emit((struct slice){head, stamp(head, sizeof(head), level)}, pairs,
	     json ? SLICE("}\n") : SLICE("\n"));
}

/* Escapes for a quoted logfmt or JSON value: the same rules serve both. */
static size_t quote(char *out, size_t room, struct slice text)
{
	size_t n = 0, length;

	for (size_t i = 0; i < text.n && n + 8 < room; i += length) {
		unsigned char c = (unsigned char)text.p[i];

		length = utf8_shown_length(text, i);
		if (length == 0) {
			n += (size_t)snprintf(out + n, 7, "\\u%04x", c);
			length = 1;
			continue;
		}
		if (c == '"' || c == '\\')
			out[n++] = '\\';
		memcpy(out + n, text.p + i, length);
		n += length;
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
	n += quote(pairs + n, sizeof(pairs) - n - 2,
		   utf8_cut(slice_cstr(text), sizeof(text)));
	pairs[n++] = '"';
	log_pairs(level, (struct slice){pairs, n});
}
