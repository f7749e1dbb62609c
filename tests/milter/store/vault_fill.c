/*
 * Stores messages into a vault, for tests and to measure:
 *
 *	vault_fill DIR CLASS held|copy SENDER RCPT[,RCPT…] FILE…
 *	vault_fill DIR many COUNT FILE	COUNT times that file
 *	vault_fill DIR prune SECONDS	as the recorder does, so much later
 *
 * DIR is the state_dir. Prints the ids, a line each; "many" prints how many
 * microseconds each took, and "prune" how many were removed.
 */
#include "common/base/clock.h"
#include "common/conf/conf.h"
#include "common/verdict/wire.h"
#include "milter/store/vault_index.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct settings_group *const groups[] = {&vault_settings, NULL};

struct filler {
	struct arena *arena;
	struct conf *conf;
	struct vault *vault;
	struct vault_entry entry;
	unsigned number;
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "vault_fill: %s\n", what);
	exit(1);
}

/* The text of a header field, unfolded no further than its first line. */
static struct slice field_of(struct slice message, const char *name)
{
	struct slice rest = message, line;

	while (slice_next(&rest, '\n', &line) && slice_trim(line).n > 0)
		if (slice_starts_nocase(line, slice_cstr(name)))
			return slice_trim(
				slice_sub(line, strlen(name), line.n));
	return SLICE_NONE;
}

static struct slice pack(struct filler *f, struct slice message)
{
	const struct record_symbol symbol = {.name = SLICE("VIRUS"),
					     .score = 12.5,
					     .doc = SLICE("a test"),
					     .uncapped = 12.5};
	struct buf out = BUF(f->arena);
	struct record record = {
		.id = f->entry.id,
		.time_ms = f->entry.stored_ms,
		.generation = 1,
		.queue_id = SLICE("4Qfill1z"),
		.client = SLICE("192.0.2.7"),
		.client_name = SLICE("mx.example.org"),
		.helo = SLICE("mx.example.org"),
		.sender = f->entry.sender,
		.rcpts = f->entry.rcpts,
		.rcpt_count = f->entry.rcpt_count,
		.rcpt_total = f->entry.rcpt_count,
		.direction = SLICE("in"),
		.message_id = field_of(message, "Message-ID:"),
		.from = field_of(message, "From:"),
		.subject = field_of(message, "Subject:"),
		.size = message.n,
		.action = f->entry.rejected ? SLICE("reject") : SLICE("accept"),
		.would = f->entry.rejected ? SLICE("reject") : SLICE("accept"),
		.cause = slice_cstr(vault_class_word(f->entry.class)),
		.class = slice_cstr(vault_class_word(f->entry.class)),
		.class_reason = f->entry.reason,
		.vault = f->entry.rejected ? SLICE("copy") : SLICE("held"),
		.score = 12.5,
		.symbols = &symbol,
		.symbol_count = 1,
	};

	record_pack(&out, &record);
	return buf_slice(&out);
}

/* Its time is always its own, so that an order is one. */
static void store(struct filler *f, int fd, struct slice message)
{
	struct err err;

	f->number++;
	f->entry.id = arena_printf(f->arena, "%llxf%05x",
				   (unsigned long long)clock_wall_us() / 1000,
				   f->number);
	f->entry.stored_ms = clock_wall_us() / 1000;
	f->entry.size = message.n;
	f->entry.record = pack(f, message);
	if (vault_store(f->vault, &f->entry, fd, &err) < 0)
		die(err.text);
}

static int open_message(struct filler *f, const char *path,
			struct slice *message_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	bytes = arena_alloc(f->arena, (size_t)st.st_size + 1);
	if (pread(fd, bytes, (size_t)st.st_size, 0) != st.st_size)
		die(path);
	*message_r = (struct slice){bytes, (size_t)st.st_size};
	return fd;
}

static void read_envelope(struct filler *f, char **argv)
{
	static struct slice rcpts[100];
	struct slice rest = slice_cstr(argv[3]), rcpt;
	int class = 0;

	while (class < VAULT_CLASSES &&
	       strcmp(argv[0], vault_class_word((enum vault_class) class)) != 0)
		class ++;
	if (class == VAULT_CLASSES)
		die("no such class");
	f->entry.class = (enum vault_class) class;
	f->entry.rejected = strcmp(argv[1], "copy") == 0;
	f->entry.sender = slice_cstr(argv[2]);
	f->entry.rcpts = rcpts;
	while (f->entry.rcpt_count < 100 && slice_next(&rest, ',', &rcpt))
		rcpts[f->entry.rcpt_count++] = rcpt;
}

static void fill_many(struct filler *f, unsigned count, const char *path)
{
	static const struct slice rcpt = {"bob@example.net", 15};
	struct slice message;
	int fd = open_message(f, path, &message);
	int64_t began_us = clock_mono_us();

	f->entry.class = VAULT_SPAM;
	f->entry.sender = SLICE("alice@example.org");
	f->entry.rcpts = &rcpt;
	f->entry.rcpt_count = 1;
	for (unsigned i = 0; i < count; i++)
		store(f, fd, message);
	printf("%.1f\n",
	       (double)(clock_mono_us() - began_us) / (count ? count : 1));
	close(fd);
}

static void prune(const struct filler *f, int64_t later_s)
{
	struct err err = {""};
	struct vault_index *index = vault_index_open(f->vault, &err);
	struct vault_changes changes;
	struct vault_pruned pruned;

	if (!index || vault_index_sync(index, &changes, &err) < 0 ||
	    vault_index_prune(index, conf_group(f->conf, &vault_settings),
			      clock_wall_us() / 1000 + later_s * 1000, &pruned,
			      &err) < 0)
		die(err.text);
	printf("%lld\n", (long long)pruned.messages);
	vault_index_close(&index);
}

int main(int argc, char **argv)
{
	struct filler f = {.arena = arena_new(0)};
	struct err err;

	if (argc < 4)
		die("DIR CLASS held|copy SENDER RCPTS FILE…");
	f.conf = conf_load(groups, "/dev/null", NULL, &err);
	if (f.conf)
		f.vault = vault_open(f.conf, slice_cstr(argv[1]), &err);
	if (!f.vault)
		die(err.text);
	f.entry.reason = SLICE("Eicar-Test-Signature");
	if (strcmp(argv[2], "prune") == 0) {
		prune(&f, strtoll(argv[3], NULL, 10));
	} else if (strcmp(argv[2], "many") == 0 && argc >= 5) {
		fill_many(&f, (unsigned)strtoul(argv[3], NULL, 10), argv[4]);
	} else if (argc >= 7) {
		read_envelope(&f, argv + 2);
		for (int i = 6; i < argc; i++) {
			struct slice message;
			int fd = open_message(&f, argv[i], &message);

			store(&f, fd, message);
			close(fd);
			printf("%.*s\n", SLICE_FMT(f.entry.id));
		}
	}
	vault_close(&f.vault);
	conf_free(&f.conf);
	arena_free(&f.arena);
	return 0;
}
