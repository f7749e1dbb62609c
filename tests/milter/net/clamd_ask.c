/*
 * The client of clamd as a command, for tests/daemon/test_clamd.py.
 *
 *	clamd_ask [-t MS] [-v] [-j] WHERE FILE...
 *
 * copies each file into a sealed memory file, as a worker keeps a message,
 * asks clamd (for MS at most, 5000) and prints
 *
 *	RESULT TROUBLE MS OFFSET ENGINE|VERSION|TIME NAMES|REASON
 *
 * separated by tabs; OFFSET: where the descriptor stands afterwards, as
 * "end" or a number. -v: does before each file what a worker
 * does now and then: asks for the version, or looks for the host again.
 * -j: in the jail of a worker.
 */
#include "common/base/clock.h"
#include "milter/daemon/jail.h"
#include "milter/net/clamd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TICK_MS INT64_C(60000)

static const char *const results[] = {"clean", "infected", "unscanned"};
static const char *const troubles[] = {"none",	"down",	   "no_database",
				       "busy",	"timeout", "crashed",
				       "limit", "error"};

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

/* A copy whose offset stands at its end. */
static int copy(const char *path, uint64_t *size_r)
{
	static char bytes[1 << 16];
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n;

	if (from < 0 || to < 0)
		fail(path);
	*size_r = 0;
	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		if (write(to, bytes, (size_t)n) != n)
			fail("write");
		*size_r += (uint64_t)n;
	}
	close(from);
	if (fcntl(to, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK))
		fail("seal");
	return to;
}

static void print(const struct scan_report *report, off_t offset, uint64_t size)
{
	printf("%s\t%s\t%" PRId64 "\t", results[report->result],
	       troubles[report->trouble], report->us / 1000);
	if (offset == (off_t)size)
		printf("end\t");
	else
		printf("%" PRId64 "\t", (int64_t)offset);
	printf("%.*s|%" PRIu64 "|%" PRId64 "\t", SLICE_FMT(report->engine),
	       report->database_version, report->database_time);
	for (size_t i = 0; i < report->name_count; i++)
		printf("%s%.*s", i ? "," : "", SLICE_FMT(report->names[i]));
	printf("|%.*s\n", SLICE_FMT(report->reason));
	fflush(stdout);
}

static void ask(struct clamd *clamd, int fd, uint64_t size, int64_t ms)
{
	struct arena *arena = arena_new(0);
	struct scan_report report;
	int64_t until = clock_mono_ms() + ms;
	struct clamd_scan *scan = clamd_begin(clamd, arena, fd, size);

	if (!clamd_wait(scan, 0, false, &report))
		clamd_wait(scan, until, true, &report);
	clamd_end(&scan);
	print(&report, lseek(fd, 0, SEEK_CUR), size);
	arena_free(&arena);
}

struct options {
	int64_t ms;
	bool version, jailed;
};

static bool read_options(int argc, char **argv, struct options *options_r)
{
	int option;

	*options_r = (struct options){.ms = 5000};
	while ((option = getopt(argc, argv, "t:vj")) != -1) {
		if (option == 't')
			options_r->ms = atoi(optarg);
		else if (option == 'v')
			options_r->version = true;
		else if (option == 'j')
			options_r->jailed = true;
		else
			return false;
	}
	return optind < argc;
}

int main(int argc, char **argv)
{
	struct options options;
	struct clamd *clamd;
	struct err err;

	if (!read_options(argc, argv, &options))
		return 2;
	clamd = clamd_new(slice_cstr(argv[optind]), &err);
	if (!clamd || (options.jailed && jail_enter(false, &err) != 0)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (int i = optind + 1; i < argc; i++) {
		uint64_t size;
		int fd = copy(argv[i], &size);

		if (options.version)
			clamd_tick(clamd, clock_mono_ms() + i * TICK_MS);
		ask(clamd, fd, size, options.ms);
		close(fd);
	}
	clamd_free(&clamd);
	return 0;
}
