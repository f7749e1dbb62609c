/* A file is written under another name, synced, renamed, and its folder
 * synced. */
#include "milter/daemon/notice_files.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOK_MAX (256 << 20)
#define KEY_MAX 4096
#define KEY_MIN 16
#define NAME_MAX_ (PATH_MAX + 64)

void notice_files_name(struct notice_files *files, const char *state_dir)
{
	snprintf(files->folder, sizeof(files->folder), "%s/notices", state_dir);
	snprintf(files->queue, sizeof(files->queue), "%s/queue", files->folder);
	files->lock = -1;
}

int notice_files_lock(struct notice_files *files, struct err *err)
{
	char path[NAME_MAX_];
	int fd;

	if (files->lock >= 0)
		return 1;
	if (mkdir(files->folder, 0750) < 0 && errno != EEXIST)
		return err_set(err, "%s: cannot be made: %s", files->folder,
			       strerror(errno));
	snprintf(path, sizeof(path), "%s/lock", files->folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		files->lock = fd;
		return 1;
	}
	close(fd);
	return errno == EWOULDBLOCK
		       ? 0
		       : err_set(err, "%s: %s", path, strerror(errno));
}

void notice_files_close(struct notice_files *files)
{
	if (files->lock >= 0)
		close(files->lock);
	files->lock = -1;
}

/* 1: read; 0: there is none. */
static int load(const char *path, struct arena *arena, size_t most,
		struct slice *text_r, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = {0};
	size_t n = 0;
	ssize_t more = 1;
	char *text;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size > most) {
		err_set(err, "%s: cannot be read: %s", path,
			fd < 0 ? strerror(errno) : "it is too long");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	text = arena_alloc(arena, (size_t)st.st_size + 1);
	while (more > 0 && n < (size_t)st.st_size) {
		more = read(fd, text + n, (size_t)st.st_size - n);
		n += more > 0 ? (size_t)more : 0;
	}
	close(fd);
	*text_r = (struct slice){text, n};
	return more < 0 ? err_set(err, "%s: %s", path, strerror(errno)) : 1;
}

int notice_files_read(struct notice_files *files, struct arena *arena,
		      int64_t not_before_ms, struct notice_book **book_r,
		      struct err *err)
{
	char path[NAME_MAX_], away[NAME_MAX_ + 32];
	struct slice text;
	int rc;

	snprintf(path, sizeof(path), "%s/book", files->folder);
	rc = load(path, arena, BOOK_MAX, &text, err);
	if (rc < 0)
		return -1;
	*book_r = rc > 0 ? notice_book_read(text) : NULL;
	if (rc > 0 && !*book_r) {
		snprintf(away, sizeof(away), "%s.bad.%lld", path,
			 (long long)clock_wall());
		log_error("notices: %s is damaged and was moved to %s; what "
			  "it was still to tell is lost",
			  path, away);
		(void)rename(path, away);
	}
	if (!*book_r)
		*book_r = notice_book_new(not_before_ms);
	return *book_r ? 0 : err_set(err, "out of memory");
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

int notice_files_write(const struct notice_files *files, struct slice text,
		       struct err *err)
{
	char path[NAME_MAX_], temporary[NAME_MAX_];
	bool good;
	int fd;

	snprintf(path, sizeof(path), "%s/book", files->folder);
	snprintf(temporary, sizeof(temporary), "%s/book.new", files->folder);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	good = fd >= 0;
	while (good && text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		good = n > 0 || (n < 0 && errno == EINTR);
		if (n > 0)
			text = slice_sub(text, (size_t)n, text.n);
	}
	good = good && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	if (good && rename(temporary, path) == 0 &&
	    sync_folder(files->folder) == 0)
		return 0;
	return err_set(err, "%s: cannot be written: %s", path, strerror(errno));
}

void notice_files_forget(struct notice_files *files)
{
	char path[NAME_MAX_];
	struct err err;

	snprintf(path, sizeof(path), "%s/book", files->folder);
	if (access(path, F_OK) == 0 && notice_files_lock(files, &err) > 0)
		unlink(path);
	notice_files_close(files);
}

int notice_files_key(const char *path, struct arena *arena, struct slice *key_r,
		     struct err *err)
{
	int rc;

	*key_r = SLICE_NONE;
	if (!*path)
		return 0;
	rc = load(path, arena, KEY_MAX, key_r, err);
	*key_r = slice_trim(*key_r);
	if (rc > 0 && key_r->n >= KEY_MIN)
		return 0;
	if (rc >= 0)
		err_set(err, "%s: holds no key of %d bytes or more", path,
			KEY_MIN);
	return -1;
}
