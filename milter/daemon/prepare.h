/*
 * What the master does with a configuration before a worker may start: read
 * and test it, make folders and the key, open the sockets it names. Nothing
 * is left half done: on failure there is an exit code and one line.
 */
#ifndef GATEPOST_DAEMON_PREPARE_H
#define GATEPOST_DAEMON_PREPARE_H

#include "milter/daemon/generation.h"
#include "milter/daemon/jail.h"

/* The sockets that are open, and those the configuration wants. */
struct listeners {
	struct listener **open;
	size_t open_count;
	struct listener **wanted;	/* some of `open` */
	size_t wanted_count;
};

/* Path of gatepost-worker: beside us, then where it was installed. */
const char *prepare_worker_path(struct err *err);
struct prepare_source {
	const char *path;
	const char *const *sets;	/* --set, NULL-ended */
	const struct counters *counters;
};
/*
 * Reads the file, once for us and once as bytes that workers inherit, and
 * tests it as far as a single thread can. If it is good, the counters have
 * its names.
 */
int prepare_conf(const struct prepare_source *from, struct conf **conf_r,
		 int *fd_r, struct err *err);
/* The user, the folders of the settings, and the key of the verdicts. */
int prepare_places(const struct conf *conf, struct jail_user *user_r,
		   struct err *err);

/* Opens what the setting `listen` names and is not open yet. */
int listeners_open(struct listeners *listeners, const struct conf *conf,
		   const struct jail_user *user, struct err *err);
/* Closes all but those the generation uses; NULL: all. */
void listeners_keep(struct listeners *listeners, const struct generation *gen);

#endif
