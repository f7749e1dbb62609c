/*
 * Writing into the vault. Nothing is locked: each file has a name of its
 * own, and a rename is all or nothing.
 */
#include "milter/store/vault.h"
#include "common/verdict/fingerprint.h"
#include "milter/store/vault_file.h"
#include "milter/store/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const struct setting rows[] = {
	SETTING(struct vault_conf, path, "", NULL, NULL,
		"folder of the messages that are held; empty: vault in "
		"state_dir"),
	SETTING(struct vault_conf, keep, "30d", "1h", "3650d",
		"how long a message is held; then it is deleted"),
	SETTING(struct vault_conf, messages, "100000", "10", "10000000",
		"how many are held at most; the oldest go first"),
	SETTING(struct vault_conf, size, "2g", "1m", "16384g",
		"how many bytes are held at most; the oldest go first"),
	SETTING(struct vault_conf, min_free, "256m", "0", "16384g",
		"free bytes of the file system below which nothing more is "
		"held: such mail is deferred; an alarm comes at twice that"),
	SETTING_END,
};
const struct settings_group vault_settings = {
	.section = "vault",
	.rows = rows,
	.conf_size = sizeof(struct vault_conf),
	.doc = "The vault: messages that were held, for the administrator",
};

bool vault_is_over(const struct vault_conf *conf, int64_t stored_ms,
		   int64_t now_ms)
{
	return now_ms - stored_ms > conf->keep.ms;
}

void vault_path(const struct conf *conf, struct slice state_dir, char *path,
		size_t room)
{
	const struct vault_conf *vault = conf_group(conf, &vault_settings);

	if (vault->path.s.n > 0)
		snprintf(path, room, "%.*s", SLICE_FMT(vault->path.s));
	else
		snprintf(path, room, "%.*s/vault", SLICE_FMT(state_dir));
}

static int make_folder(int at, const char *name, const char *of,
		       struct err *err)
{
	if (mkdirat(at, name, 0700) == 0 || errno == EEXIST)
		return 0;
	return err_set(err, "vault: the folder %s%s%s cannot be made: %s", of,
		       of[0] ? "/" : "", name, strerror(errno));
}

struct vault *vault_open(const struct conf *conf, struct slice state_dir,
			 struct err *err)
{
	const struct vault_conf *settings = conf_group(conf, &vault_settings);
	struct vault *vault = calloc(1, sizeof(*vault));

	if (!vault) {
		err_set(err, "out of memory");
		return NULL;
	}
	vault->root = -1;
	vault->min_free = (uint64_t)settings->min_free.n;
	vault_path(conf, state_dir, vault->path, sizeof(vault->path));
	if (make_folder(AT_FDCWD, vault->path, "", err) < 0)
		goto failed;
	vault->root =
		open(vault->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (vault->root < 0) {
		err_set(err, "vault: the folder %s cannot be opened: %s",
			vault->path, strerror(errno));
		goto failed;
	}
	if (make_folder(vault->root, "tmp", vault->path, err) == 0)
		return vault;
failed:
	vault_close(&vault);
	return NULL;
}

void vault_close(struct vault **vault)
{
	if (!*vault)
		return;
	if ((*vault)->root >= 0)
		close((*vault)->root);
	free(*vault);
	*vault = NULL;
}

static int check_room(const struct vault *vault, uint64_t size, struct err *err)
{
	struct statvfs fs;
	uint64_t available;

	if (fstatvfs(vault->root, &fs) < 0)
		return err_set(err, "%s: its free space cannot be told: %s",
			       vault->path, strerror(errno));
	available = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (available >= vault->min_free + size)
		return 0;
	return err_set(err,
		       "%s: %" PRIu64 " MB are free; with this message, less "
		       "than vault.min_free would be; make room, or delete "
		       "from the vault (gatepost quarantine delete)",
		       vault->path, available >> 20);
}

static int write_all(int fd, struct slice bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes = slice_sub(bytes, (size_t)n, bytes.n);
	}
	return 0;
}

static int write_file(int fd, const struct vault_entry *entry,
		      struct slice message)
{
	unsigned char digest[VAULT_DIGEST];
	struct arena *arena = arena_new(0);
	struct buf head = BUF(arena);
	int rc;

	fingerprint_bytes(message, digest);
	vault_file_head(&head, entry, digest);
	rc = write_all(fd, buf_slice(&head));
	arena_free(&arena);
	if (rc == 0)
		rc = write_all(fd, entry->record);
	if (rc == 0)
		rc = write_all(fd, message);
	return rc == 0 ? fsync(fd) : rc;
}

static int sync_folder(int root, const char *name)
{
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

/* -1 and errno; then nothing of it is left. */
static int place(const struct vault *vault, const struct vault_entry *entry,
		 struct slice message)
{
	char temp[64], folder[3], name[64];
	int fd, saved;

	snprintf(temp, sizeof(temp), "tmp/%.*s", SLICE_FMT(entry->id));
	vault_file_folder(entry->id, folder);
	snprintf(name, sizeof(name), "%s/%.*s.held", folder,
		 SLICE_FMT(entry->id));
	if (mkdirat(vault->root, folder, 0700) == 0)
		(void)fsync(vault->root);
	else if (errno != EEXIST)
		return -1;
	fd = openat(vault->root, temp,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_file(fd, entry, message) == 0 &&
	    renameat(vault->root, temp, vault->root, name) == 0 &&
	    sync_folder(vault->root, folder) == 0) {
		close(fd);
		return 0;
	}
	saved = errno;
	close(fd);
	(void)unlinkat(vault->root, temp, 0);
	(void)unlinkat(vault->root, name, 0);
	errno = saved;
	return -1;
}

int vault_store(const struct vault *vault, const struct vault_entry *entry,
		int message_fd, struct err *err)
{
	struct slice message = {"", (size_t)entry->size};
	void *bytes = NULL;
	struct stat st;
	int rc;

	if (!vault_file_is_id(entry->id))
		return err_set(err, "'%.*s' is no id", SLICE_FMT(entry->id));
	if (check_room(vault, entry->size, err) < 0)
		return -1;
	/* What is mapped must be there. */
	if (fstat(message_fd, &st) < 0 || (uint64_t)st.st_size < entry->size)
		return err_set(err, "the message is shorter than it was");
	if (entry->size > 0) {
		bytes = mmap(NULL, message.n, PROT_READ, MAP_PRIVATE,
			     message_fd, 0);
		if (bytes == MAP_FAILED)
			return err_set(err, "the message cannot be read: %s",
				       strerror(errno));
		message.p = bytes;
	}
	rc = place(vault, entry, message);
	if (rc < 0)
		err_set(err, "%s: a message cannot be written: %s", vault->path,
			strerror(errno));
	if (bytes)
		munmap(bytes, message.n);
	return rc;
}
