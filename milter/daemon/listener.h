/*
 * The sockets Postfix connects to: opened by the master, inherited by the
 * workers. A unix socket's file is removed on close if it is still ours.
 */
#ifndef GATEPOST_DAEMON_LISTENER_H
#define GATEPOST_DAEMON_LISTENER_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <sys/types.h>

/* Who may connect to a unix socket. */
struct listener_access {
	mode_t mode;
	uid_t owner;		/* (uid_t)-1: whoever makes it */
	gid_t group;		/* (gid_t)-1: as above */
	const char *setting;	/* whose address it is; NULL: "listen" */
	bool datagrams;		/* nobody connects; for a unix socket */
};

struct listener {
	const char *setting;	/* for errors */
	char *name;		/* as in that setting */
	int fd;
	char *path;		/* unix sockets only */
	dev_t dev;
	ino_t ino;
};

/*
 * Opens `unix:PATH`, `inet:HOST:PORT` or `inet6:[HOST]:PORT` for listening,
 * or a unix socket for datagrams; non-blocking and close-on-exec. A socket file that nobody answers on is
 * replaced. err says what is wrong with which address.
 */
int listener_open(struct listener *listener_r, struct slice name,
		  const struct listener_access *access, struct err *err);
/* Sets who may connect, as a changed configuration says. */
int listener_set_access(const struct listener *listener,
			const struct listener_access *access,
			struct err *err);
/*
 * Connects to what listens under that name: a non-blocking socket, perhaps
 * still connecting; -1 and err.
 */
int listener_connect(const char *name, struct err *err);
void listener_close(struct listener *listener);

#endif
