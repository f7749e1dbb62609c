/* Opening the store as the user who owns it. */
#include "milter/cli/open_store.h"
#include "milter/daemon/jail.h"
#include "milter/daemon/settings.h"
#include "milter/store/store_url.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int owner_of(const struct conf *conf, const char *path,
		    struct jail_user *user_r, struct err *err)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	struct stat found;

	if (stat(path, &found) != 0) {
		if (errno == ENOENT)
			return jail_find_user(daemon->user.s.p, user_r, err);
		return err_set(err, "%s: %s", path, strerror(errno));
	}
	*user_r = (struct jail_user){
		.change = true, .uid = found.st_uid, .gid = found.st_gid};
	return 0;
}

static int become_owner(const struct conf *conf, const char *path,
			struct err *err)
{
	struct jail_user user = {.change = false};

	if (owner_of(conf, path, &user, err) < 0)
		return -1;
	if (!user.change || user.uid == 0)
		return 0;
	if (setgroups(0, NULL) != 0 ||
	    setresgid(user.gid, user.gid, user.gid) != 0 ||
	    setresuid(user.uid, user.uid, user.uid) != 0)
		return err_set(err, "cannot become the owner of %s: %s", path,
			       strerror(errno));
	return 0;
}

struct store *open_store(struct arena *arena, const struct conf *conf,
			 struct err *err)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	const struct store_conf *setting = conf_group(conf, &store_settings);
	const struct store_options options = {.conf = conf,
					      .state_dir =
						      daemon->state_dir.s.p,
					      .quiet = true};
	struct store_url url;

	if (store_url_parse(arena, setting->store.s, daemon->state_dir.s.p,
			    &url, err) < 0)
		return NULL;
	if (url.kind == STORE_KIND_SQLITE && geteuid() == 0 &&
	    become_owner(conf, url.path, err) < 0)
		return NULL;
	return store_new(&options, err);
}
