/* Becoming the owner of a file. */
#include "milter/cli/owner.h"

#include "milter/daemon/jail.h"
#include "milter/daemon/settings.h"

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

int owner_become(const struct conf *conf, const char *path, struct err *err)
{
	struct jail_user user = {.change = false};

	if (geteuid() != 0)
		return 0;
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
