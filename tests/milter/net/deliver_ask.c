/*
 * deliver_mail() and deliver_post() as a command, for test_deliver.py.
 *
 *	deliver_ask mail SERVER MS HELO SENDER FILE RCPT...
 *	deliver_ask text SERVER MS HELO SENDER FILE RCPT...
 *	deliver_ask post URL MS TYPE FILE [HEADER]...
 *
 * "mail" reads lines "OFFSET SIZE" and sends those bytes of FILE, by its
 * descriptor; "text" sends all of FILE, from memory. HELO "-" is the host's
 * name. Each prints "DONE", "LATER" or "REFUSED", milliseconds, and why.
 */
#include "common/base/clock.h"
#include "milter/net/deliver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (64 << 20)

static void print(enum deliver_result result, int64_t began_ms,
		  const struct err *err)
{
	static const char *const words[] = {[DELIVER_DONE] = "DONE",
					    [DELIVER_LATER] = "LATER",
					    [DELIVER_REFUSED] = "REFUSED"};

	printf("%s %lld %s\n", words[result],
	       (long long)(clock_mono_ms() - began_ms),
	       result == DELIVER_DONE ? "" : err->text);
	fflush(stdout);
}

static struct slice load(struct arena *arena, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = arena_alloc(arena, FILE_MAX);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, FILE_MAX);

	if (n < 0) {
		perror(path);
		exit(2);
	}
	close(fd);
	return (struct slice){bytes, (size_t)n};
}

static void send_one(const struct deliver_mail *mail)
{
	struct err err = {""};
	int64_t began_ms = clock_mono_ms();
	enum deliver_result result = deliver_mail(mail, &err);

	print(result, began_ms, &err);
}

static void send_pieces(struct deliver_mail *mail, const char *path)
{
	long long offset;
	unsigned long long size;

	mail->fd = open(path, O_RDONLY | O_CLOEXEC);
	while (scanf("%lld %llu", &offset, &size) == 2) {
		mail->offset = offset;
		mail->size = size;
		send_one(mail);
	}
	close(mail->fd);
}

static int ask_mail(struct arena *arena, int argc, char **argv)
{
	struct slice *rcpts = ARENA_ARRAY(arena, struct slice, (size_t)argc);
	struct deliver_mail mail = {.server = argv[2],
				    .helo = strcmp(argv[4], "-") == 0 ? NULL
								      : argv[4],
				    .sender = slice_cstr(argv[5]),
				    .rcpts = rcpts,
				    .rcpt_count = (size_t)argc - 7,
				    .fd = -1,
				    .timeout_ms = atoll(argv[3])};

	for (size_t i = 0; i < mail.rcpt_count; i++)
		rcpts[i] = slice_cstr(argv[7 + i]);
	if (strcmp(argv[1], "mail") == 0) {
		send_pieces(&mail, argv[6]);
		return 0;
	}
	mail.text = load(arena, argv[6]);
	send_one(&mail);
	return 0;
}

static int ask_post(struct arena *arena, char **argv)
{
	struct deliver_post post = {.url = argv[2],
				    .content_type = argv[4],
				    .headers = (const char *const *)argv + 6,
				    .body = load(arena, argv[5]),
				    .timeout_ms = atoll(argv[3])};
	int64_t began_ms = clock_mono_ms();
	struct err err = {""};
	enum deliver_result result = deliver_post(&post, &err);

	print(result, began_ms, &err);
	return 0;
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new(0);
	struct err err;
	int status = 2;

	if (deliver_init(&err) < 0)
		fprintf(stderr, "%s\n", err.text);
	else if (argc >= 6 && strcmp(argv[1], "post") == 0)
		status = ask_post(arena, argv);
	else if (argc >= 7)
		status = ask_mail(arena, argc, argv);
	arena_free(&arena);
	return status;
}
