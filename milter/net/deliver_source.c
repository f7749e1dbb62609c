/* The file is read by position, so its offset is not moved. */
#include "milter/net/deliver_source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* 0: there is no more; -1: the file cannot be read. */
static int fill(struct source *s)
{
	const struct deliver_mail *mail = s->mail;
	uint64_t left = s->size - s->at;
	size_t want = left > SOURCE_CHUNK ? SOURCE_CHUNK : (size_t)left;
	ssize_t n = (ssize_t)want;

	if (want == 0)
		return 0;
	if (mail->fd < 0)
		memcpy(s->chunk, mail->text.p + s->at, want);
	else
		do
			n = pread(mail->fd, s->chunk, want,
				  (off_t)(mail->offset + (int64_t)s->at));
		while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	s->at += (uint64_t)n;
	s->chunk_n = (size_t)n;
	s->chunk_at = 0;
	return 1;
}

/* Whether c, the next byte, is a dot that is not libcurl's to double. */
static bool is_bare_dot(const struct source *s, char c)
{
	return c == '.' && s->before[1] == '\n' && s->before[0] != '\r';
}

static void step(struct source *s, char c)
{
	s->before[0] = s->before[1];
	s->before[1] = c;
}

static void rewind_source(struct source *s)
{
	s->at = s->chunk_at = s->chunk_n = 0;
	s->before[0] = '\r';
	s->before[1] = '\n';
}

int64_t source_begin(struct source *s, const struct deliver_mail *mail)
{
	int64_t size = 0;
	int more;

	s->mail = mail;
	s->size = mail->fd < 0 ? mail->text.n : mail->size;
	rewind_source(s);
	while ((more = fill(s)) > 0) {
		size += (int64_t)s->chunk_n;
		for (size_t i = 0; i < s->chunk_n; i++) {
			size += is_bare_dot(s, s->chunk[i]);
			step(s, s->chunk[i]);
		}
	}
	rewind_source(s);
	s->failed = more < 0;
	return more < 0 ? -1 : size;
}

size_t source_read(struct source *s, char *to, size_t room)
{
	size_t n = 0;
	int more = 1;

	/* Two of room: a byte may bring a dot. */
	while (n + 2 <= room) {
		char c;

		if (s->chunk_at == s->chunk_n)
			more = fill(s);
		if (more <= 0)
			break;
		c = s->chunk[s->chunk_at++];
		if (is_bare_dot(s, c))
			to[n++] = '.';
		to[n++] = c;
		step(s, c);
	}
	s->failed = more < 0;
	return n;
}
