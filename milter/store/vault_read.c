/*
 * The lock is on the file, not on its name: whoever gets it looks whether
 * the name still leads there, and else looks the message up again, since
 * the one before may have renamed or removed it.
 */
#include "milter/store/vault_read.h"
#include "common/verdict/fingerprint.h"
#include "milter/store/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_FIRST 4096
#define TRIES 10

const char *vault_state_word(enum vault_state state)
{
	return state == VAULT_RELEASED ? "released" : "held";
}

bool vault_read_name(struct slice name, struct slice *id_r,
		     enum vault_state *state_r)
{
	size_t dot = slice_find(name, 0, '.');
	struct slice end = slice_sub(name, dot, name.n);

	*id_r = slice_sub(name, 0, dot);
	*state_r =
		slice_eq(end, SLICE(".released")) ? VAULT_RELEASED : VAULT_HELD;
	return vault_file_is_id(*id_r) &&
	       (*state_r == VAULT_RELEASED || slice_eq(end, SLICE(".held")));
}

static void set_name(struct vault_message *m, struct slice id,
		     enum vault_state state)
{
	char folder[3];

	vault_file_folder(id, folder);
	m->state = state;
	snprintf(m->name, sizeof(m->name), "%s/%.*s.%s", folder, SLICE_FMT(id),
		 vault_state_word(state));
}

/* In the order in which names change, so that none is missed. */
static int open_file(const struct vault *vault, struct slice id,
		     struct vault_message *m)
{
	static const enum vault_state order[] = {VAULT_HELD, VAULT_RELEASED};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		set_name(m, id, order[i]);
		m->fd = openat(vault->root, m->name,
			       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (m->fd >= 0 || errno != ENOENT)
			break;
	}
	return m->fd;
}

static ssize_t read_at(int fd, char *bytes, size_t n, int64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, bytes + done, n - done,
				    (off_t)offset + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* What vault_file_parse() says; 0: its lines have no end; -2: errno. */
static int read_head(const struct vault_message *m, struct arena *arena,
		     struct vault_file *file_r)
{
	size_t room = HEAD_FIRST;
	int rc = 0;

	while (rc == 0) {
		char *bytes;
		ssize_t n;

		if (room > m->bytes)
			room = (size_t)m->bytes;
		bytes = arena_alloc(arena, room + 1);
		n = read_at(m->fd, bytes, room, 0);
		if (n < 0)
			return -2;
		rc = vault_file_parse(arena, (struct slice){bytes, (size_t)n},
				      file_r);
		if ((uint64_t)room >= m->bytes || room > VAULT_FILE_HEAD_MAX)
			break;
		room *= 8;
	}
	return rc;
}

static enum vault_found damaged(const struct vault *vault,
				const struct vault_message *m, const char *how,
				struct err *err)
{
	err_set(err, "%s/%s is damaged: %s", vault->path, m->name, how);
	return VAULT_DAMAGED;
}

static enum vault_found check_file(const struct vault *vault,
				   struct arena *arena, struct slice id,
				   struct vault_message *m, struct err *err)
{
	struct stat st;
	int rc;

	if (fstat(m->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return damaged(vault, m, "it is no file", err);
	m->bytes = (uint64_t)st.st_size;
	rc = read_head(m, arena, &m->file);
	if (rc == -2) {
		err_set(err, "%s/%s cannot be read: %s", vault->path, m->name,
			strerror(errno));
		return VAULT_DAMAGED;
	}
	if (rc <= 0)
		return damaged(vault, m,
			       "its first lines are not those of a message "
			       "that was held",
			       err);
	if (!slice_eq(m->file.entry.id, id))
		return damaged(vault, m, "it holds a message of another id",
			       err);
	if ((uint64_t)m->file.message_at + m->file.entry.size != m->bytes)
		return damaged(vault, m, "it has not the length it names", err);
	return VAULT_FOUND;
}

static enum vault_found look_up(const struct vault *vault, struct slice id,
				struct vault_message *m, struct err *err)
{
	*m = (struct vault_message){.fd = -1};
	if (!vault_file_is_id(id))
		return VAULT_ABSENT;
	if (open_file(vault, id, m) >= 0)
		return VAULT_FOUND;
	if (errno == ENOENT)
		return VAULT_ABSENT;
	err_set(err, "%s/%s cannot be opened: %s", vault->path, m->name,
		strerror(errno));
	return VAULT_FAILED;
}

enum vault_found vault_message_open(const struct vault *vault,
				    struct arena *arena, struct slice id,
				    struct vault_message *message_r,
				    struct err *err)
{
	enum vault_found found = look_up(vault, id, message_r, err);

	return found == VAULT_FOUND
		       ? check_file(vault, arena, id, message_r, err)
		       : found;
}

static bool is_still_there(const struct vault *vault,
			   const struct vault_message *m)
{
	struct stat by_name, open;

	return fstatat(vault->root, m->name, &by_name, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       fstat(m->fd, &open) == 0 && by_name.st_ino == open.st_ino &&
	       by_name.st_dev == open.st_dev;
}

enum vault_found vault_message_take(const struct vault *vault,
				    struct arena *arena, struct slice id,
				    struct vault_message *message_r,
				    struct err *err)
{
	struct vault_message *m = message_r;

	for (int i = 0; i < TRIES; i++) {
		enum vault_found found = look_up(vault, id, m, err);

		if (found != VAULT_FOUND)
			return found;
		if (flock(m->fd, LOCK_EX | LOCK_NB) < 0) {
			found = errno == EWOULDBLOCK ? VAULT_BUSY
						     : VAULT_FAILED;
			err_set(err, "%s/%s cannot be locked: %s", vault->path,
				m->name, strerror(errno));
			vault_message_close(m);
			return found;
		}
		if (is_still_there(vault, m))
			return check_file(vault, arena, id, m, err);
		vault_message_close(m);
	}
	return VAULT_BUSY;
}

void vault_message_close(struct vault_message *message)
{
	if (message->fd >= 0)
		close(message->fd);
	message->fd = -1;
}

bool vault_message_verify(const struct vault_message *m, struct err *err)
{
	unsigned char digest[FINGERPRINT];
	size_t size = (size_t)m->bytes;
	size_t at = (size_t)m->file.message_at;
	char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, m->fd, 0);

	if (bytes == MAP_FAILED) {
		err_set(err, "%s cannot be read: %s", m->name, strerror(errno));
		return false;
	}
	fingerprint_bytes((struct slice){bytes + at, size - at}, digest);
	munmap(bytes, size);
	if (memcmp(digest, m->file.digest, sizeof(digest)) == 0)
		return true;
	err_set(err,
		"%s is damaged: the message is not the one that was stored "
		"(its SHA-256 differs)",
		m->name);
	return false;
}

int vault_message_read(const struct vault_message *m, struct arena *arena,
		       int64_t offset, uint64_t size, struct slice *bytes_r,
		       struct err *err)
{
	char *bytes = arena_alloc(arena, (size_t)size + 1);
	ssize_t n = read_at(m->fd, bytes, (size_t)size, offset);

	*bytes_r = (struct slice){bytes, n < 0 ? 0 : (size_t)n};
	if (n < 0)
		return err_set(err, "%s cannot be read: %s", m->name,
			       strerror(errno));
	return 0;
}

static void sync_folder_of(const struct vault *vault,
			   const struct vault_message *m)
{
	const char folder[] = {m->name[0], m->name[1], '\0'};
	int fd =
		openat(vault->root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

int vault_message_released(const struct vault *vault, struct vault_message *m,
			   struct err *err)
{
	struct slice name = slice_cstr(m->name);
	struct slice id = slice_sub(name, 3, slice_find(name, 0, '.'));
	struct vault_message after;

	if (m->state == VAULT_RELEASED)
		return 0;
	set_name(&after, id, VAULT_RELEASED);
	if (renameat(vault->root, m->name, vault->root, after.name) < 0)
		return err_set(err, "%s/%s cannot be renamed: %s", vault->path,
			       m->name, strerror(errno));
	memcpy(m->name, after.name, sizeof(m->name));
	m->state = VAULT_RELEASED;
	sync_folder_of(vault, m);
	return 0;
}

int vault_message_delete(const struct vault *vault, struct vault_message *m,
			 struct err *err)
{
	if (unlinkat(vault->root, m->name, 0) < 0)
		return err_set(err, "%s/%s cannot be deleted: %s", vault->path,
			       m->name, strerror(errno));
	sync_folder_of(vault, m);
	return 0;
}
