/* Opening the history as the user who owns it. */
#include "milter/cli/open_history.h"

#include "milter/cli/owner.h"
#include "milter/daemon/settings.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static void path_of(const struct conf *conf, char path[PATH_MAX])
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);

	history_path(daemon->state_dir.s.p, path, PATH_MAX);
}

struct slice open_history_path(struct arena *arena, const struct conf *conf)
{
	char path[PATH_MAX];

	path_of(conf, path);
	return arena_dup(arena, slice_cstr(path));
}

static bool is_enabled(const struct conf *conf)
{
	const struct history_conf *history =
		conf_group(conf, &history_settings);

	return history->enabled;
}

const char *open_history_hint(const struct conf *conf)
{
	return is_enabled(conf)
		       ? NULL
		       : "history.enabled is no: nothing is added to the "
			 "history";
}

static void tell_absent(const struct conf *conf, const char *path,
			struct err *err)
{
	if (is_enabled(conf))
		err_set(err,
			"there is no history yet at %s; gatepostd begins one "
			"when it runs",
			path);
	else
		err_set(err, "there is no history: history.enabled is no");
}

struct history *open_history(const struct conf *conf, bool *absent_r,
			     struct err *err)
{
	char path[PATH_MAX];

	path_of(conf, path);
	*absent_r = access(path, F_OK) != 0 && errno == ENOENT;
	if (*absent_r) {
		tell_absent(conf, path, err);
		return NULL;
	}
	if (access(path, R_OK) != 0) {
		err_set(err,
			"cannot read %s: %s; run it as root or as the user of "
			"gatepostd",
			path, strerror(errno));
		return NULL;
	}
	return owner_become(conf, path, err) < 0 ? NULL
						 : history_read(path, err);
}
