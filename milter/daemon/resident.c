/* proc(5): the second number of statm, which any user may read. */
#include "milter/daemon/resident.h"
#include "common/base/slice.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

uint64_t resident_bytes(pid_t pid)
{
	char path[64], text[128];
	struct slice rest = {text, 0}, word;
	uint64_t pages = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	close(fd);
	rest.n = n > 0 ? (size_t)n : 0;
	for (int i = 0; i < 2 && slice_next(&rest, ' ', &word); i++)
		if (!slice_to_u64(word, &pages))
			return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
