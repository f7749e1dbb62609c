/* The folder is removed with all in it; the log goes to a file of its own. */
#include "tests/support/store_folder.h"
#include "common/base/clock.h"
#include "tests/support/cmocka.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MAX 65536

int store_folder_setup(void **state)
{
	struct store_folder *folder = calloc(1, sizeof(*folder));
	char log[] = "/tmp/gatepost-log-XXXXXX";

	*state = folder;
	strcpy(folder->path, "/tmp/gatepost-store-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/store.db",
		 folder->path);
	folder->place = (struct store_place){
		.url = "sqlite:store.db",
		.state_dir = folder->path,
		.sets = folder->sets,
		.wall_is_ours = true,
	};
	folder->log_fd = mkostemp(log, O_CLOEXEC);
	unlink(log);
	folder->stderr_fd = dup(STDERR_FILENO);
	return dup2(folder->log_fd, STDERR_FILENO) < 0 ? -1 : 0;
}

static char *read_log(const struct store_folder *folder)
{
	char *log = calloc(1, LOG_MAX);

	(void)!pread(folder->log_fd, log, LOG_MAX - 1, 0);
	return log;
}

void store_folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

int store_folder_teardown(void **state)
{
	struct store_folder *folder = *state;
	char *log = read_log(folder);

	dup2(folder->stderr_fd, STDERR_FILENO);
	if (strstr(log, ": error: "))
		fprintf(stderr, "%s", log);
	free(log);
	close(folder->stderr_fd);
	close(folder->log_fd);
	store_folder_remove(folder->path);
	free(folder);
	return 0;
}

int store_folder_logged(const struct store_folder *folder, const char *text)
{
	char *log = read_log(folder);
	int count = 0;

	for (const char *p = log; (p = strstr(p, text)); count++)
		p += strlen(text);
	free(log);
	return count;
}

void store_folder_must_log(const struct store_folder *folder, const char *text,
			   int times)
{
	int64_t until_ms = clock_mono_ms() + 10000;

	while (store_folder_logged(folder, text) < times &&
	       clock_mono_ms() < until_ms)
		usleep(2000);
	if (store_folder_logged(folder, text) != times)
		fail_msg("\"%s\" must be logged %d times", text, times);
}

bool store_waits_until(const struct store *store, bool up)
{
	int64_t until_ms = clock_mono_ms() + 10000;

	while (store_is_up(store) != up) {
		if (clock_mono_ms() >= until_ms)
			return false;
		usleep(2000);
	}
	return true;
}

enum store_status store_try_once(struct store *store, const char *sender,
				 struct greylist_answer *answer_r,
				 int64_t *ms_r)
{
	struct slice rcpt = SLICE("rcpt@example.net");
	const struct greylist_try attempt = {
		.sender = slice_cstr(sender),
		.rcpts = &rcpt,
		.rcpt_count = 1,
		.origins = {SLICE("192.0.2")},
		.origin_count = 1,
		.record_id = SLICE("record"),
		.window_ms = 86400000,
		.lifetime_ms = 864000000,
	};
	struct greylist_answer answer;
	int64_t start_ms = clock_mono_ms();
	enum store_status status =
		store_greylist(store, &attempt, store_deadline(store), &answer);

	if (ms_r)
		*ms_r = clock_mono_ms() - start_ms;
	if (answer_r && status == STORE_DONE)
		*answer_r = answer;
	return status;
}
