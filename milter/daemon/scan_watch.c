/* Names as libclamav takes them; what freshclam works on has others. */
#include "milter/daemon/scan_watch.h"
#include "common/base/slice.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* A change is believed once it has held for that long. */
#define SETTLE_MS 300
/* How often the folder is looked at while it changes. */
#define CLOSELY_MS 100

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

static void look(struct scan_watch *w, int64_t now_ms)
{
	uint64_t state = w->folder ? scan_watch_state(w->folder) : 1;

	if (state != w->seen)
		w->seen_ms = now_ms;
	w->seen = state;
	w->look_ms = now_ms + w->every_ms;
	if (now_ms - w->seen_ms < SETTLE_MS && w->every_ms > CLOSELY_MS)
		w->look_ms = now_ms + CLOSELY_MS;
}

bool scan_watch_has_news(struct scan_watch *w, uint64_t loaded, int64_t now_ms)
{
	if (now_ms >= w->look_ms)
		look(w, now_ms);
	if (w->seen == 0 || now_ms - w->seen_ms >= SETTLE_MS) {
		w->changing_ms = 0;
		w->restless = false;
		return w->seen != 0 && w->seen != loaded;
	}
	if (w->changing_ms == 0)
		w->changing_ms = w->seen_ms;
	if (loaded == 0)
		return true;
	if (now_ms - w->changing_ms < w->restless_ms)
		return false;
	/* As long again, until it is loaded the next time. */
	w->changing_ms = now_ms;
	w->restless = true;
	return w->seen != loaded;
}
