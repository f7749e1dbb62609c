/*
 * The file system of its own needs no root: a name space of users has one.
 * Folders are walked without recursion into what is not a folder, and not
 * deeper than a child makes them.
 */
#include "milter/daemon/scan_tmp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH_MAX 32

/* Sums all files; removes them if it is told to. */
static uint64_t walk(int parent, const char *name, bool removes, int depth)
{
	int fd = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	uint64_t bytes = 0;
	struct stat info;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir)) != NULL) {
		const char *file = entry->d_name;
		bool is_dir;

		if (strcmp(file, ".") == 0 || strcmp(file, "..") == 0 ||
		    fstatat(fd, file, &info, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		is_dir = S_ISDIR(info.st_mode);
		if (is_dir && depth < DEPTH_MAX)
			bytes += walk(fd, file, removes, depth + 1);
		else
			bytes += (uint64_t)info.st_blocks * 512;
		if (removes)
			(void)unlinkat(fd, file, is_dir ? AT_REMOVEDIR : 0);
	}
	if (dir)
		closedir(dir);
	return bytes;
}

void scan_tmp_empty(const char *path)
{
	(void)walk(AT_FDCWD, path, true, 0);
}

void scan_tmp_remove(const char *path)
{
	scan_tmp_empty(path);
	(void)rmdir(path);
}

uint64_t scan_tmp_bytes(const char *path)
{
	return walk(AT_FDCWD, path, false, 0);
}

int scan_tmp_make(const char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(err, "cannot make the folder %s: %s", path,
			       strerror(errno));
	scan_tmp_empty(path);
	return 0;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) ==
				       (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Files of the new file system need an owner that the name space knows. */
static bool keep_user(uid_t uid, gid_t gid)
{
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", users) &&
	       write_file("/proc/self/gid_map", groups);
}

/* The new name space gave it all of them. */
static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capset, &header, none) == 0;
}

bool scan_tmp_mount(const char *path, uint64_t bytes)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int dumpable = prctl(PR_GET_DUMPABLE);
	char options[64];
	bool good;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	/* Its own files in /proc are root's otherwise. */
	(void)prctl(PR_SET_DUMPABLE, 1);
	good = keep_user(uid, gid);
	(void)prctl(PR_SET_DUMPABLE, dumpable);
	snprintf(options, sizeof(options), "size=%llu,mode=0700",
		 (unsigned long long)bytes);
	good = good &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("gatepost-scan", path, "tmpfs",
		     MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0;
	return drop_capabilities() && good;
}
