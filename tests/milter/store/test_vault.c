/* The vault's files: whole or not there, and byte for byte. */
#include "milter/store/vault.h"
#include "common/verdict/fingerprint.h"
#include "milter/store/vault_read.h"
#include "tests/support/cmocka.h"
#include "tests/support/wall_clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct settings_group *const groups[] = {&vault_settings, NULL};

struct place {
	char folder[64];
	struct conf *conf;
	struct vault *vault;
	struct arena *arena;
};

static void open_place(struct place *p, const char *set)
{
	const char *sets[] = {set, NULL};
	struct err err = {""};

	snprintf(p->folder, sizeof(p->folder), "/tmp/gatepost-vault-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->arena = arena_new(0);
	p->conf = conf_load(groups, "/dev/null", sets, &err);
	assert_string_equal(err.text, "");
	p->vault = vault_open(p->conf, slice_cstr(p->folder), &err);
	if (!p->vault)
		fail_msg("%s", err.text);
}

static void close_place(struct place *p)
{
	char command[128];

	vault_close(&p->vault);
	conf_free(&p->conf);
	arena_free(&p->arena);
	snprintf(command, sizeof(command), "rm -r %s", p->folder);
	assert_int_equal(system(command), 0);
}

static int message_of(struct slice bytes)
{
	int fd = memfd_create("m", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	return fd;
}

static const struct slice two[] = {{"a@example.net", 13}, {"b\n%c@x", 6}};

static struct vault_entry entry_of(const char *id, struct slice message)
{
	return (struct vault_entry){
		.id = slice_cstr(id),
		.class = VAULT_ATTACHMENT,
		.reason = SLICE("invoice.pdf.exe: two\nlines"),
		.stored_ms = 1732766591123,
		.sender = SLICE("x@example.org"),
		.rcpts = two,
		.rcpt_count = 2,
		.record = SLICE("packed\n\nrecord"),
		.size = message.n,
	};
}

static struct slice file_of(const struct place *p, const char *id)
{
	char path[200], folder[3];
	struct slice bytes = {.p = arena_array(p->arena, 1 << 20, 1)};
	ssize_t n;
	int fd;

	vault_file_folder(slice_cstr(id), folder);
	snprintf(path, sizeof(path), "%s/vault/%s/%s.held", p->folder, folder,
		 id);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return SLICE_NONE;
	n = read(fd, (char *)(uintptr_t)bytes.p, 1 << 20);
	close(fd);
	bytes.n = (size_t)n;
	return bytes;
}

static void store(const struct place *p, const char *id, struct slice message)
{
	struct vault_entry entry = entry_of(id, message);
	int fd = message_of(message);
	struct err err = {""};

	if (vault_store(p->vault, &entry, fd, &err) < 0)
		fail_msg("%s", err.text);
	close(fd);
}

static void a_message_comes_back_byte_for_byte(void **state)
{
	static char line[100000];
	const struct slice messages[] = {
		SLICE("Subject: x\r\n\r\nbody\r\n"),
		SLICE("bare\rcr\nbare lf\x00nul\xff\xfe\x80"),
		SLICE("\r\n.\r\n..\r\nFrom x\r\n"),
		SLICE("no end of line"),
		SLICE(""),
		{line, sizeof(line)},
	};
	struct place p = {.vault = NULL};

	(void)state;
	memset(line, 'x', sizeof(line));
	open_place(&p, NULL);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		unsigned char digest[FINGERPRINT];
		struct vault_file file;
		struct slice bytes;
		char id[16];

		snprintf(id, sizeof(id), "0abc%zu", i);
		store(&p, id, messages[i]);
		bytes = file_of(&p, id);
		assert_int_equal(vault_file_parse(p.arena, bytes, &file), 1);
		assert_int_equal(file.entry.size, messages[i].n);
		assert_int_equal(bytes.n,
				 (size_t)file.message_at + messages[i].n);
		assert_memory_equal(bytes.p + file.message_at, messages[i].p,
				    messages[i].n);
		fingerprint_bytes(messages[i], digest);
		assert_memory_equal(file.digest, digest, sizeof(digest));
	}
	close_place(&p);
}

static void the_envelope_and_the_record_come_back(void **state)
{
	struct slice message = SLICE("m"), bytes;
	struct vault_file file;
	struct place p = {.vault = NULL};

	(void)state;
	open_place(&p, NULL);
	store(&p, "0xyz", message);
	bytes = file_of(&p, "0xyz");
	assert_int_equal(vault_file_parse(p.arena, bytes, &file), 1);
	assert_true(slice_eq(file.entry.id, SLICE("0xyz")));
	assert_int_equal(file.entry.class, VAULT_ATTACHMENT);
	assert_true(slice_eq(file.entry.reason,
			     SLICE("invoice.pdf.exe: two\nlines")));
	assert_false(file.entry.rejected);
	assert_int_equal(file.entry.stored_ms, 1732766591123);
	assert_true(slice_eq(file.entry.sender, SLICE("x@example.org")));
	assert_int_equal(file.entry.rcpt_count, 2);
	assert_true(slice_eq(file.entry.rcpts[1], two[1]));
	assert_int_equal(file.record_size, sizeof("packed\n\nrecord") - 1);
	assert_memory_equal(bytes.p + file.record_at, "packed\n\nrecord",
			    file.record_size);
	close_place(&p);
}

static void only_its_user_may_read_it(void **state)
{
	char path[200], folder[3];
	struct stat st;
	struct place p = {.vault = NULL};

	(void)state;
	open_place(&p, NULL);
	store(&p, "0xyz", SLICE("m"));
	vault_file_folder(SLICE("0xyz"), folder);
	snprintf(path, sizeof(path), "%s/vault/%s/0xyz.held", p.folder, folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/vault", p.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	close_place(&p);
}

static void below_min_free_nothing_is_stored(void **state)
{
	struct slice message = SLICE("m");
	struct vault_entry entry = entry_of("0xyz", message);
	int fd = message_of(message);
	struct err err = {""};
	struct place p = {.vault = NULL};

	(void)state;
	open_place(&p, "vault.min_free=16384g");
	assert_int_equal(vault_store(p.vault, &entry, fd, &err), -1);
	assert_non_null(strstr(err.text, "vault.min_free"));
	assert_int_equal(file_of(&p, "0xyz").n, 0);
	close(fd);
	close_place(&p);
}

static void what_is_no_id_makes_no_file(void **state)
{
	static const char *const ids[] = {"", "../x", "a/b", "a.b",
					  "123456789012345678901234567890123"};
	struct slice message = SLICE("m");
	int fd = message_of(message);
	struct place p = {.vault = NULL};

	(void)state;
	open_place(&p, NULL);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct vault_entry entry = entry_of(ids[i], message);
		struct err err = {""};

		assert_int_equal(vault_store(p.vault, &entry, fd, &err), -1);
	}
	close(fd);
	close_place(&p);
}

static bool failed_before(struct place *p, const unsigned char digest[32])
{
	struct err err = {""};
	bool before;

	if (vault_note_failure(p->vault, digest, &before, &err) < 0)
		fail_msg("%s", err.text);
	return before;
}

static void a_failure_is_remembered_for_two_days(void **state)
{
	const int64_t day_s = 24 * 3600, then_s = 1700000000;
	unsigned char one[32] = {1}, other[32] = {2};
	struct place p = {.vault = NULL};

	(void)state;
	open_place(&p, NULL);
	wall_clock_set(then_s);
	assert_false(failed_before(&p, one));
	wall_clock_set(then_s + day_s);
	assert_false(failed_before(&p, other));
	wall_clock_set(then_s + 2 * day_s);
	assert_true(failed_before(&p, one));
	wall_clock_set(then_s + 2 * day_s + 1);
	assert_false(failed_before(&p, one));
	assert_true(failed_before(&p, one));
	assert_true(failed_before(&p, other));
	wall_clock_set(0);
	close_place(&p);
}

/* Of 40,000 the last are remembered, and the file is no larger than it may. */
static void failures_take_no_more_room_than_they_may(void **state)
{
	struct place p = {.vault = NULL};
	unsigned char digest[32];
	struct slice bytes;
	struct stat st;
	char path[128];
	int last = 0;

	(void)state;
	open_place(&p, NULL);
	for (int i = 0; i < 40000; i++) {
		bytes = arena_printf(p.arena, "%d", i);
		fingerprint_bytes(bytes, digest);
		assert_false(failed_before(&p, digest));
	}
	for (int i = 39000; i < 40000; i++) {
		bytes = arena_printf(p.arena, "%d", i);
		fingerprint_bytes(bytes, digest);
		last += failed_before(&p, digest);
	}
	/* A few of them share a slot. */
	assert_in_range(last, 900, 1000);
	snprintf(path, sizeof(path), "%s/vault/failures", p.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_size, 600 * 1024, 640 * 1024);
	close_place(&p);
}

static void damaged_files_are_told(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"", 0},
		{"gatepost-vault: 1\n", 0},
		{"gatepost-vault: 2\nid: a\n\n", -1},
		{"Subject: a mail\r\n\r\n", -1},
		{"gatepost-vault: 1\nid: a\n\n", -1},
		{"gatepost-vault: 1\nid: ../a\nclass: spam\nsize: 1\n\n", -1},
		{"gatepost-vault: 1\nid: a\nclass: nonsense\n\n", -1},
		{"gatepost-vault: 1\nid: a\nclass: spam\nfrom: %4\n\n", -1},
		{"gatepost-vault: 1\nid: a\nclass: spam\nsize: 1x\n\n", -1},
		{"gatepost-vault: 1\nno colon\n\n", -1},
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vault_file file;

		assert_int_equal(vault_file_parse(arena,
						  slice_cstr(cases[i].text),
						  &file),
				 cases[i].result);
	}
	arena_free(&arena);
}

/* How many files the vault has below, and how many of them are messages. */
static size_t count_files(const struct place *p, size_t *whole_r)
{
	char path[400];
	size_t count = 0;

	*whole_r = 0;
	for (unsigned folder = 0; folder < 257; folder++) {
		const struct dirent *entry;
		DIR *dir;

		if (folder < 256)
			snprintf(path, sizeof(path), "%s/vault/%02x",
				 p->folder, folder);
		else
			snprintf(path, sizeof(path), "%s/vault/tmp", p->folder);
		dir = opendir(path);
		while (dir && (entry = readdir(dir))) {
			struct arena *arena = arena_new(0);
			enum vault_state state;
			struct vault_message m = {.fd = -1};
			struct slice id;
			struct err err;

			count += entry->d_name[0] != '.';
			if (vault_read_name(slice_cstr(entry->d_name), &id,
					    &state) &&
			    vault_message_open(p->vault, arena, id, &m, &err) ==
				    VAULT_FOUND)
				*whole_r += vault_message_verify(&m, &err);
			vault_message_close(&m);
			arena_free(&arena);
		}
		if (dir)
			closedir(dir);
	}
	return count;
}

/* Leaves room for so many bytes. */
static void fill_disk(const struct place *p, size_t left)
{
	static const char page[4096];
	char path[100];
	struct statvfs fs;
	int fd;

	snprintf(path, sizeof(path), "%s/filler", p->folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (fstatvfs(fd, &fs) == 0 && fs.f_bavail * fs.f_frsize > left)
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	close(fd);
}

/* The message has room by itself, but not with what stands before it. */
static void store_on_full_disk(struct place *p)
{
	static char text[73 * 4096];
	const struct slice message = {text, sizeof(text)};
	struct vault_entry entry = entry_of("0full", message);
	int fd = message_of(message);
	struct err err = {""};
	char path[100];
	size_t whole;

	fill_disk(p, sizeof(text));
	assert_int_equal(vault_store(p->vault, &entry, fd, &err), -1);
	assert_non_null(strstr(err.text, "No space left"));
	assert_int_equal(count_files(p, &whole), 0);
	snprintf(path, sizeof(path), "%s/filler", p->folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vault_store(p->vault, &entry, fd, &err), 0);
	assert_int_equal(count_files(p, &whole), 1);
	assert_int_equal(whole, 1);
	close(fd);
}

static void a_full_disk_leaves_nothing_half(void **state)
{
	struct err err = {""};
	struct place p = {.vault = NULL};
	bool mounted;

	(void)state;
	open_place(&p, "vault.min_free=0");
	mounted = mount("tmpfs", p.folder, "tmpfs", 0, "size=1500k") == 0;
	if (mounted) {
		vault_close(&p.vault);
		p.vault = vault_open(p.conf, slice_cstr(p.folder), &err);
		store_on_full_disk(&p);
		vault_close(&p.vault);
		assert_int_equal(umount(p.folder), 0);
	}
	close_place(&p);
	/* Only root can mount. */
	if (!mounted)
		skip();
}

static void __attribute__((noreturn)) store_until_killed(const struct place *p)
{
	static char text[100000];
	const struct slice message = {text, sizeof(text)};
	int fd = message_of(message);

	for (unsigned i = 0;; i++) {
		struct vault_entry entry;
		struct err err;
		char id[32];

		snprintf(id, sizeof(id), "p%dn%u", (int)getpid(), i);
		entry = entry_of(id, message);
		if (vault_store(p->vault, &entry, fd, &err) < 0)
			_exit(1);
	}
}

static void a_process_that_is_killed_leaves_whole_files(void **state)
{
	size_t whole, files, in_tmp = 0;
	struct place p = {.vault = NULL};

	(void)state;
	open_place(&p, "vault.min_free=0");
	for (int i = 0; i < 20; i++) {
		struct timespec pause = {.tv_nsec = 7000000L + i * 1300000L};
		pid_t child = fork();
		int status;

		if (child == 0)
			store_until_killed(&p);
		nanosleep(&pause, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		in_tmp++;
	}
	/* At most one for each that was killed was not finished. */
	files = count_files(&p, &whole);
	assert_true(whole > 0);
	assert_true(files - whole <= in_tmp);
	close_place(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_back_byte_for_byte),
		cmocka_unit_test(the_envelope_and_the_record_come_back),
		cmocka_unit_test(only_its_user_may_read_it),
		cmocka_unit_test(below_min_free_nothing_is_stored),
		cmocka_unit_test(what_is_no_id_makes_no_file),
		cmocka_unit_test(a_failure_is_remembered_for_two_days),
		cmocka_unit_test(failures_take_no_more_room_than_they_may),
		cmocka_unit_test(damaged_files_are_told),
		cmocka_unit_test(a_full_disk_leaves_nothing_half),
		cmocka_unit_test(a_process_that_is_killed_leaves_whole_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
