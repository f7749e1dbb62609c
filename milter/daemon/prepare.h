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

/*
 * Path of one of our programs: beside us, then where it was installed. To be
 * freed; NULL and err if it is nowhere.
 */
char *prepare_program(const char *name, struct err *err);
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
/*
 * The same for what the recorder serves: http.listen, its own socket, and
 * the one by which the mailbox side tells what users do.
 */
int listeners_open_recorder(struct listeners *listeners,
			    const struct conf *conf,
			    const struct jail_user *user, struct err *err);
/* Closes those that are not used; `used` NULL: all. */
void listeners_keep(struct listeners *listeners,
		    bool (*used)(const void *with,
				 const struct listener *listener),
		    const void *with);

#endif
