/*
 * Messages the scanner failed over: one file of slots, each a digest and
 * when that was. The digest says which slot is its own, so there is nothing
 * to look through, and the file can never grow past its slots. Whoever comes
 * later takes the slot; a message that is forgotten so is deferred once more
 * before it is held.
 */
#include "milter/store/vault.h"
#include "common/base/clock.h"
#include "milter/store/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_NAME "failures"
#define SLOTS 16384 /* 640 kB in all */
#define KEPT_S (2 * 24 * 3600)

struct slot {
	unsigned char digest[32];
	int64_t at_s; /* since the epoch */
};

/* -1 and errno. */
static int note(int fd, const unsigned char digest[32], bool *before_r)
{
	off_t at = (off_t)((digest[0] << 8 | digest[1]) % SLOTS) *
		   (off_t)sizeof(struct slot);
	int64_t now_s = clock_wall_us() / 1000000;
	struct slot slot;
	ssize_t n = pread(fd, &slot, sizeof(slot), at);

	if (n < 0)
		return -1;
	*before_r = n == (ssize_t)sizeof(slot) &&
		    memcmp(slot.digest, digest, sizeof(slot.digest)) == 0 &&
		    now_s - slot.at_s <= KEPT_S;
	if (*before_r)
		return 0;
	memcpy(slot.digest, digest, sizeof(slot.digest));
	slot.at_s = now_s;
	n = pwrite(fd, &slot, sizeof(slot), at);
	if (n >= 0 && n < (ssize_t)sizeof(slot))
		errno = ENOSPC;
	return n == (ssize_t)sizeof(slot) ? 0 : -1;
}

int vault_note_failure(const struct vault *vault,
		       const unsigned char digest[32], bool *before_r,
		       struct err *err)
{
	int fd = openat(vault->root, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC,
			0600);
	int rc = -1, saved;

	*before_r = false;
	/* The lock ends with the file. */
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		rc = note(fd, digest, before_r);
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		return 0;
	return err_set(err, "%s/" FILE_NAME " cannot be written: %s",
		       vault->path, strerror(saved));
}
