/*
 * The steps before a generation. What they find wrong is said with the name
 * of the setting, since that is where the administrator will mend it.
 */
#include "milter/daemon/prepare.h"
#include "common/base/log.h"
#include "common/verdict/seal.h"
#include "milter/checks/table.h"
#include "milter/daemon/account.h"
#include "milter/daemon/desk.h"
#include "milter/daemon/notice_template.h"
#include "milter/daemon/role.h"
#include "milter/daemon/settings.h"
#include "milter/engine/engine.h"
#include "milter/engine/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_BYTES_MAX (16 << 20)

char *prepare_program(const char *name, struct err *err)
{
	static const char *const beside[] = {"", "../libexec/gatepost/"};
	char here[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
	char *slash;

	here[n > 0 ? n : 0] = '\0';
	slash = strrchr(here, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; slash && i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s%s", here, beside[i], name);
		if (access(path, X_OK) == 0)
			return strdup(path);
	}
	snprintf(path, sizeof(path), "%s/%s", PKGLIBEXECDIR, name);
	if (access(path, X_OK) == 0)
		return strdup(path);
	err_set(err, "%s is not beside gatepostd (%s) nor in %s", name, here,
		PKGLIBEXECDIR);
	return NULL;
}

/* The file's bytes in memory, so that all workers of a generation agree. */
static int snapshot(const char *path, struct err *err)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to, error;
	struct stat info;

	if (from < 0)
		return err_set(err, "%s: cannot be read: %s", path,
			       strerror(errno));
	/* /dev/null is an empty file to most people. */
	if (fstat(from, &info) != 0 || info.st_size > CONF_BYTES_MAX ||
	    (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode))) {
		close(from);
		return err_set(err, "%s: is not a configuration file", path);
	}
	to = memfd_create("gatepost.conf", MFD_CLOEXEC);
	for (ssize_t n = 1, all = 0; to >= 0 && n > 0 && all < CONF_BYTES_MAX;
	     all += n) {
		char bytes[8192];

		n = read(from, bytes, sizeof(bytes));
		if (n < 0 || (n > 0 && write(to, bytes, (size_t)n) != n)) {
			error = errno;
			close(to);
			errno = error;
			to = -1;
		}
	}
	error = errno;
	close(from);
	if (to < 0)
		return err_set(err, "%s: cannot be kept: %s", path,
			       strerror(error));
	return to;
}

/* Whom notices would go to, and their texts. */
static int check_notices(const struct conf *conf, struct err *err)
{
	struct notice_templates *templates;
	struct notice_rules rules;

	if (notice_rules_read(conf, &rules, err) < 0)
		return -1;
	templates = notice_templates_load(rules.templates, err);
	if (!templates)
		return -1;
	notice_templates_free(&templates);
	return 0;
}

/* What workers will do with it, without threads and sockets. */
static int try_out(const struct conf *conf, const struct counters *counters,
		   struct err *err)
{
	struct policy *policy = policy_new(conf, NULL, err);
	struct engine *engine =
		policy ? engine_new(checks_table, conf, NULL, err) : NULL;
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	bool good =
		engine && store_check(conf, daemon->state_dir.s.p, err) == 0 &&
		check_notices(conf, err) == 0;

	if (good)
		account_register(counters, engine);
	engine_free(&engine);
	policy_free(&policy);
	return good ? 0 : -1;
}

int prepare_conf(const struct prepare_source *from, struct conf **conf_r,
		 int *fd_r, struct err *err)
{
	*fd_r = snapshot(from->path, err);
	if (*fd_r < 0)
		return EXIT_CONFIG;
	*conf_r = conf_load(settings_all(), from->path, from->sets, err);
	if (*conf_r && try_out(*conf_r, from->counters, err) == 0)
		return 0;
	conf_free(conf_r);
	close(*fd_r);
	return EXIT_CONFIG;
}

/* Makes one folder, not those above it. */
static int make_folder(const char *setting, const char *path, mode_t mode,
		       const struct jail_user *user, struct err *err)
{
	struct stat found;

	if (mkdir(path, mode) == 0) {
		if (user->change && chown(path, user->uid, user->gid) != 0)
			return err_set(err, "%s = \"%s\": %s", setting, path,
				       strerror(errno));
		return 0;
	}
	if (errno != EEXIST)
		return err_set(err, "%s = \"%s\": cannot make the folder: %s",
			       setting, path, strerror(errno));
	if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
		return err_set(err, "%s = \"%s\": is not a folder", setting,
			       path);
	return 0;
}

static int make_key(const struct conf *conf, const struct jail_user *user,
		    struct err *err)
{
	char path[PATH_MAX];
	struct stat found;

	settings_key_path(conf, path, sizeof(path));
	if (stat(path, &found) == 0)
		return 0;
	if (seal_key_create(path, err) < 0)
		return -1;
	if (user->change && chown(path, user->uid, user->gid) != 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	return 0;
}

int prepare_places(const struct conf *conf, struct jail_user *user_r,
		   struct err *err)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);

	if (jail_find_user(daemon->user.s.p, user_r, err) < 0 ||
	    make_folder("state_dir", daemon->state_dir.s.p, 0750, user_r, err) <
		    0 ||
	    make_folder("run_dir", daemon->run_dir.s.p, 0755, user_r, err) <
		    0 ||
	    make_key(conf, user_r, err) < 0)
		return EXIT_CONFIG;
	return 0;
}

static int read_mode(const char *setting, const char *text, mode_t *mode_r,
		     struct err *err)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (end == text || *end || mode > 0777)
		return err_set(err,
			       "%s = \"%s\": write octal digits, such as 0660",
			       setting, text);
	*mode_r = (mode_t)mode;
	return 0;
}

static int read_access(const struct conf *conf, const struct jail_user *user,
		       struct listener_access *access_r, struct err *err)
{
	const struct worker_conf *worker = conf_group(conf, &worker_settings);
	const char *group = worker->socket_group.s.p;
	const struct group *found;

	*access_r = (struct listener_access){
		.owner = user->change ? user->uid : (uid_t)-1,
		.group = user->change ? user->gid : (gid_t)-1,
	};
	if (read_mode("worker.socket_mode", worker->socket_mode.s.p,
		      &access_r->mode, err) < 0)
		return -1;
	if (!*group)
		return 0;
	found = getgrnam(group);
	if (found)
		access_r->group = found->gr_gid;
	else
		log_warn("worker.socket_group: there is no group %s here",
			 group);
	return 0;
}

static struct listener *find_open(const struct listeners *listeners,
				  struct slice name)
{
	for (size_t i = 0; i < listeners->open_count; i++)
		if (slice_eq(slice_cstr(listeners->open[i]->name), name))
			return listeners->open[i];
	return NULL;
}

static int want(struct listeners *listeners, struct slice name,
		const struct listener_access *access, struct err *err)
{
	struct listener *listener = find_open(listeners, name);

	if (listener) {
		if (listener_set_access(listener, access, err) < 0)
			return -1;
	} else {
		listener = malloc(sizeof(*listener));
		if (!listener)
			return err_set(err, "out of memory");
		if (listener_open(listener, name, access, err) < 0) {
			free(listener);
			return -1;
		}
		listeners->open[listeners->open_count++] = listener;
	}
	listeners->wanted[listeners->wanted_count++] = listener;
	return 0;
}

static int reserve(struct listeners *listeners, size_t more, struct err *err)
{
	void *open, *wanted;

	open = realloc(listeners->open,
		       (listeners->open_count + more) * sizeof(void *));
	if (open)
		listeners->open = open;
	wanted = realloc(listeners->wanted,
			 (listeners->wanted_count + more) * sizeof(void *));
	if (wanted)
		listeners->wanted = wanted;
	if (open && wanted)
		return 0;
	err_set(err, "out of memory");
	return EXIT_OSERR;
}

/* Opens the names; `access` is for those that are unix sockets. */
static int open_all(struct listeners *listeners, const struct strlist *names,
		    const struct listener_access *access, struct err *err)
{
	int code = reserve(listeners, names->n, err);

	if (code)
		return code;
	for (size_t i = 0; i < names->n; i++)
		if (want(listeners, names->v[i], access, err) < 0)
			return EXIT_UNAVAILABLE;
	return 0;
}

int listeners_open(struct listeners *listeners, const struct conf *conf,
		   const struct jail_user *user, struct err *err)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	struct listener_access access;

	if (daemon->listen.n == 0) {
		err_set(err, "listen: name at least one address");
		return EXIT_CONFIG;
	}
	if (read_access(conf, user, &access, err) < 0)
		return EXIT_CONFIG;
	listeners->wanted_count = 0;
	return open_all(listeners, &daemon->listen, &access, err);
}

/* What the mailbox side tells, by datagrams. */
static int open_feedback(struct listeners *listeners, const struct conf *conf,
			 const struct jail_user *user, struct err *err)
{
	const struct feedback_conf *feedback =
		conf_group(conf, &feedback_settings);
	struct listener_access access = {
		.owner = user->change ? user->uid : (uid_t)-1,
		.group = user->change ? user->gid : (gid_t)-1,
		.setting = "feedback.socket_mode",
		.datagrams = true,
	};
	char name[PATH_MAX];
	struct slice one;

	if (!feedback->enabled)
		return 0;
	if (read_mode(access.setting, feedback->socket_mode.s.p, &access.mode,
		      err) < 0)
		return EXIT_CONFIG;
	settings_feedback_socket(conf, name, sizeof(name));
	one = slice_cstr(name);
	return open_all(listeners, &(struct strlist){&one, 1}, &access, err);
}

int listeners_open_recorder(struct listeners *listeners,
			    const struct conf *conf,
			    const struct jail_user *user, struct err *err)
{
	const struct http_conf *http = conf_group(conf, &http_settings);
	/* Who may see the state of the daemon: its user, its group, root. */
	const struct listener_access access = {
		.mode = 0660,
		.owner = user->change ? user->uid : (uid_t)-1,
		.group = user->change ? user->gid : (gid_t)-1,
		.setting = "http.listen",
	};
	struct slice names[DESK_SOCKETS_MAX];
	char own[PATH_MAX];
	size_t n = 0;
	int code;

	settings_recorder_socket(conf, own, sizeof(own));
	/* Two of them are our own. */
	if (http->listen.n + 2 > DESK_SOCKETS_MAX) {
		err_set(err, "http.listen: at most %d addresses",
			DESK_SOCKETS_MAX - 2);
		return EXIT_CONFIG;
	}
	names[n++] = slice_cstr(own);
	for (size_t i = 0; i < http->listen.n; i++)
		names[n++] = http->listen.v[i];
	listeners->wanted_count = 0;
	code = open_all(listeners, &(struct strlist){names, n}, &access, err);
	return code ? code : open_feedback(listeners, conf, user, err);
}

void listeners_keep(struct listeners *listeners,
		    bool (*used)(const void *with,
				 const struct listener *listener),
		    const void *with)
{
	size_t kept = 0;

	for (size_t i = 0; i < listeners->open_count; i++) {
		struct listener *listener = listeners->open[i];

		if (used && used(with, listener)) {
			listeners->open[kept++] = listener;
			continue;
		}
		listener_close(listener);
		free(listener);
	}
	listeners->open_count = kept;
	listeners->wanted_count = 0;
	if (kept == 0) {
		free(listeners->open);
		free(listeners->wanted);
		*listeners = (struct listeners){0};
	}
}
