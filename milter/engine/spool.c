/* Fields come in many small pieces; few of them are worth a system call. */
#include "milter/engine/spool.h"
#include "common/verdict/fingerprint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void fail(struct spool *spool, enum spool_state state)
{
	close(spool->fd);
	spool->fd = -1;
	spool->state = state;
}

void spool_begin(struct spool *spool, uint64_t max)
{
	spool->max = max;
	spool->fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	spool->state = spool->fd < 0 ? SPOOL_FAILED : SPOOL_OPEN;
}

static void write_out(struct spool *spool, struct slice bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(spool->fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail(spool, SPOOL_FAILED);
			return;
		}
		bytes = slice_sub(bytes, (size_t)n, bytes.n);
	}
}

static void flush(struct spool *spool)
{
	struct slice gathered = {spool->gathered, spool->gathered_n};

	spool->gathered_n = 0;
	write_out(spool, gathered);
}

void spool_add(struct spool *spool, struct slice bytes)
{
	if (spool->state != SPOOL_OPEN || bytes.n == 0)
		return;
	if (bytes.n > spool->max - spool->size) {
		fail(spool, SPOOL_TOO_LARGE);
		return;
	}
	spool->size += bytes.n;
	if (bytes.n > sizeof(spool->gathered) - spool->gathered_n)
		flush(spool);
	if (spool->state != SPOOL_OPEN)
		return;
	if (bytes.n > sizeof(spool->gathered)) {
		write_out(spool, bytes);
		return;
	}
	memcpy(spool->gathered + spool->gathered_n, bytes.p, bytes.n);
	spool->gathered_n += bytes.n;
}

void spool_add_field(struct spool *spool, struct slice name,
		     struct slice value)
{
	size_t from = 0;

	spool_add(spool, name);
	spool_add(spool, SLICE(":"));
	while (from < value.n) {
		size_t end = slice_find(value, from, '\n');
		bool has_cr = end > from && value.p[end - 1] == '\r';

		spool_add(spool, slice_sub(value, from, end));
		if (end < value.n)
			spool_add(spool,
				  has_cr ? SLICE("\n") : SLICE("\r\n"));
		from = end + 1;
	}
	spool_add(spool, SLICE("\r\n"));
}

void spool_seal(struct spool *spool)
{
	if (spool->state == SPOOL_OPEN)
		flush(spool);
	if (spool->state != SPOOL_OPEN)
		return;
	if (fcntl(spool->fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		fail(spool, SPOOL_FAILED);
	else
		spool->state = SPOOL_SEALED;
}

bool spool_fingerprint(const struct spool *spool, unsigned char digest_r[32])
{
	struct slice all = {.n = (size_t)spool->size};
	void *bytes;

	if (spool->state != SPOOL_SEALED || spool->size == 0)
		return false;
	bytes = mmap(NULL, all.n, PROT_READ, MAP_PRIVATE, spool->fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	all.p = bytes;
	fingerprint_bytes(all, digest_r);
	munmap(bytes, all.n);
	return true;
}

void spool_end(struct spool *spool)
{
	if (spool->state == SPOOL_OPEN || spool->state == SPOOL_SEALED)
		close(spool->fd);
	spool->state = SPOOL_OFF;
	spool->fd = -1;
}
