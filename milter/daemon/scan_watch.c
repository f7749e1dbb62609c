/* Names as libclamav takes them; what freshclam works on has others. */
#include "milter/daemon/scan_watch.h"
#include "common/base/slice.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool is_database(struct slice name)
{
	static const char *const ends[] = {
		".cvd", ".cld", ".cud", ".hdb", ".hsb", ".hdu", ".hsu",
		".mdb", ".msb", ".mdu", ".msu", ".ndb", ".ndu", ".ldb",
		".ldu", ".idb", ".pdb", ".gdb", ".wdb", ".cbc", ".crb",
		".cdb", ".sdb", ".zmd", ".rmd", ".db",	".fp",	".sfp",
		".ign", ".ign2", ".imp", ".yar", ".yara", ".pwdb", ".ftm",
		".cfg", ".cat", ".info", ".ioc",
	};

	if (name.n == 0 || name.p[0] == '.' ||
	    slice_starts_nocase(name, SLICE("tmp")))
		return false;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (slice_ends_nocase(name, slice_cstr(ends[i])))
			return true;
	return false;
}

static uint64_t file_state(struct slice name, const struct stat *info)
{
	const uint64_t key[2] = {(uint64_t)info->st_size ^
					 (uint64_t)info->st_ino << 20,
				 (uint64_t)info->st_mtim.tv_sec * 1000003 +
					 (uint64_t)info->st_mtim.tv_nsec};

	return slice_hash_nocase(name, key) | 1;
}

uint64_t scan_watch_state(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	uint64_t state = 0;
	struct stat info;

	/* A sum, since files come in no order. */
	while (dir && (entry = readdir(dir)) != NULL) {
		struct slice name = slice_cstr(entry->d_name);

		if (is_database(name) &&
		    fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 &&
		    S_ISREG(info.st_mode))
			state += file_state(name, &info) >> 8 | 1;
	}
	if (dir)
		closedir(dir);
	return state;
}
