/* Messages from files. */
#include "milter/cli/message.h"
#include "common/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX ((size_t)1 << 30)
#define CHUNK 65535

int message_read(struct arena *arena, const char *path, struct slice *text_r,
		 struct err *err)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(path, "re");
	struct buf text = BUF(arena);
	char chunk[65536];
	size_t n;
	int failed;

	if (!file)
		return err_set(err, "%s: cannot be read: %s", path,
			       strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0 &&
	       text.n < MESSAGE_MAX)
		buf_add(&text, (struct slice){chunk, n});
	failed = ferror(file) ? errno : 0;
	if (!from_stdin)
		fclose(file);
	if (failed)
		return err_set(err, "%s: cannot be read: %s", path,
			       strerror(failed));
	*text_r = buf_slice(&text);
	return 0;
}

/* The next line without its end; what is left stays in *rest. */
static struct slice next_line(struct slice *rest)
{
	size_t end = slice_find(*rest, 0, '\n');
	struct slice line = slice_sub(*rest, 0, end);

	*rest = slice_sub(*rest, end + 1, rest->n);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is_field_start(struct slice line)
{
	size_t colon = slice_find(line, 0, ':');

	if (colon == 0 || colon == line.n)
		return false;
	for (size_t i = 0; i < colon; i++) {
		bool blank_before_colon =
			i > 0 && ascii_is_wsp(line.p[i]) &&
			slice_trim(slice_sub(line, i, colon)).n == 0;

		if ((line.p[i] <= ' ' || line.p[i] == 0x7f) &&
		    !blank_before_colon)
			return false;
	}
	return true;
}

/* One field with its continuation lines, folds as LF. */
static bool add_field(struct mail *mail, struct slice first,
		      struct slice *rest)
{
	size_t colon = slice_find(first, 0, ':');
	struct buf value = BUF(mail->arena);

	buf_add(&value, slice_sub(first, colon + 1, first.n));
	while (rest->n > 0 && ascii_is_wsp(rest->p[0])) {
		buf_add_char(&value, '\n');
		buf_add(&value, next_line(rest));
	}
	return mail_add_header(mail, slice_sub(first, 0, colon),
			       buf_slice(&value));
}

/* The header section ends at an empty line, or where no field stands. */
static int feed_header(struct mail *mail, struct slice *rest, struct err *err)
{
	while (rest->n > 0) {
		struct slice before = *rest, line = next_line(rest);

		if (line.n == 0)
			return 0;
		if (!is_field_start(line)) {
			*rest = before;
			return 0;
		}
		if (!add_field(mail, line, rest))
			return err_set(err, "the header section is larger "
				       "than limits.header or limits.fields");
	}
	return 0;
}

static void feed_body(struct mail *mail, struct slice rest)
{
	struct buf out = BUF(mail->arena);

	while (rest.n > 0) {
		bool ended = slice_find(rest, 0, '\n') < rest.n;

		buf_add(&out, next_line(&rest));
		if (ended)
			buf_add_text(&out, "\r\n");
	}
	for (size_t at = 0; at < out.n; at += CHUNK)
		engine_body(mail, slice_sub(buf_slice(&out), at, at + CHUNK));
}

int message_feed(struct mail *mail, struct slice text, struct err *err)
{
	struct slice rest = text;

	/* An mbox separator is no part of the message. */
	if (slice_starts_nocase(rest, SLICE("From ")))
		next_line(&rest);
	if (feed_header(mail, &rest, err) < 0)
		return -1;
	engine_stage(mail, STAGE_HEADERS);
	feed_body(mail, rest);
	return 0;
}
