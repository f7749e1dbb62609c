/* What comes after QUIT is not followed: it would hide why it was said. */
#include "milter/net/deliver_dialogue.h"
#include "common/base/clock.h"

#include <string.h>

#define QUIT_MS 1000 /* for a server that has all it needs */

/* It shall not wait for the answer to QUIT for long. */
static void note_quit(struct dialogue *d)
{
	int64_t soon_ms = clock_mono_ms() + QUIT_MS;

	d->quitting = true;
	if (d->deadline_ms > soon_ms)
		d->deadline_ms = soon_ms;
}

void dialogue_command(struct dialogue *d, struct slice line)
{
	static const struct {
		const char *verb;
		enum stage stage;
	} verbs[] = {{"EHLO", EHLO}, {"HELO", EHLO}, {"STARTTLS", STARTTLS},
		     {"MAIL", MAIL}, {"RCPT", RCPT}, {"DATA", DATA}};

	if (slice_starts_nocase(line, SLICE("QUIT")))
		note_quit(d);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!slice_starts_nocase(line, slice_cstr(verbs[i].verb)))
			continue;
		d->stage = verbs[i].stage;
		d->rcpts += d->stage == RCPT;
		if (d->stage == EHLO)
			d->has_utf8 = false;
		return;
	}
}

/* Adds a line to the reply it belongs to, without its code if not first. */
static void keep_reply(struct dialogue *d, struct slice line)
{
	if (d->reply_ended)
		d->reply_n = 0;
	else
		line = slice_sub(line, 3, line.n);
	line = slice_sub(line, 0, REPLY_MAX - d->reply_n);
	if (line.n > 0)
		memcpy(d->reply + d->reply_n, line.p, line.n);
	d->reply_n += line.n;
}

void dialogue_reply(struct dialogue *d, struct slice line)
{
	line = slice_trim(line);
	if (d->quitting)
		return;
	if (d->stage == EHLO &&
	    slice_eq_nocase(slice_sub(line, 4, line.n), SLICE("SMTPUTF8")))
		d->has_utf8 = true;
	keep_reply(d, line);
	d->reply_ended = line.n < 4 || line.p[3] != '-';
}

const char *dialogue_stage_word(enum stage stage)
{
	static const char *const words[] = {
		[GREETING] = "the connection",
		[EHLO] = "EHLO",
		[STARTTLS] = "STARTTLS",
		[MAIL] = "MAIL FROM",
		[RCPT] = "RCPT TO",
		[DATA] = "DATA",
		[MESSAGE] = "the message",
	};

	return words[stage];
}
