/* The file, before SQLite opens it: made, and recognised. */
#include "milter/store/sqlite_file.h"
#include "common/base/clock.h"
#include "common/base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define PATH_ROOM 4096

static void folder_of(const char *path, char folder_r[PATH_ROOM])
{
	struct slice s = slice_cstr(path);
	size_t slash = slice_rfind(s, '/');

	if (slash == s.n)
		snprintf(folder_r, PATH_ROOM, ".");
	else
		snprintf(folder_r, PATH_ROOM, "%.*s/", (int)slash, path);
}

/* What the administrator's commands make must be the processes' too. */
static void give_to_owner(int fd, const char *path)
{
	char folder[PATH_ROOM];
	struct stat found;

	if (geteuid() != 0)
		return;
	folder_of(path, folder);
	if (stat(folder, &found) == 0)
		(void)!fchown(fd, found.st_uid, found.st_gid);
}

/*
 * SQLite would make the file with the rights that the umask leaves. Made
 * under another name and linked, no descriptor of it is closed here later:
 * closing one drops the locks of every connection of this process.
 */
static int make_empty(const char *path, struct err *err)
{
	char temporary[PATH_ROOM];
	int fd, rc;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_set(err,
			       "%s cannot be made (%s): its folder must exist "
			       "and belong to the user that runs Gatepost",
			       path, strerror(errno));
	give_to_owner(fd, path);
	close(fd);
	rc = link(temporary, path);
	if (rc < 0)
		err_set(err, "%s cannot be made: %s", path, strerror(errno));
	unlink(temporary);
	return rc;
}

/* What a file left that is gone would be taken for the new one's. */
static void remove_leftovers(const char *path)
{
	static const char *const ends[] = {"-wal", "-shm", "-journal"};
	char name[PATH_ROOM];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

/*
 * Makes the file if it is not there. The folder is locked meanwhile: of two
 * processes that find none, the later must not remove the other's log.
 */
int sqlite_file_make(const char *path, int64_t deadline_ms, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	char folder[PATH_ROOM];
	int fd, rc = 0;

	if (access(path, F_OK) == 0)
		return 0;
	if (strlen(path) + 16 > PATH_ROOM)
		return err_set(err, "%s: the name is too long", path);
	folder_of(path, folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err,
			       "%s cannot be made: its folder cannot be "
			       "opened: %s",
			       path, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK &&
	       clock_mono_ms() < deadline_ms)
		nanosleep(&pause, NULL);
	if (access(path, F_OK) < 0) {
		remove_leftovers(path);
		rc = make_empty(path, err);
	}
	close(fd);
	return rc;
}

int sqlite_file_remember(const char *path, struct sqlite_file *file_r,
			 struct err *err)
{
	struct stat found;

	if (stat(path, &found) < 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	*file_r = (struct sqlite_file){found.st_dev, found.st_ino};
	return 0;
}

bool sqlite_file_is_gone(const char *path, const struct sqlite_file *file)
{
	struct stat found;

	return stat(path, &found) < 0 || found.st_dev != file->device ||
	       found.st_ino != file->inode;
}
