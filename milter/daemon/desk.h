/*
 * A desk: where the recorder sits, or the scanner. There is one of each; a
 * new configuration brings a new one, and the old one ends once that is
 * ready. One that dies is started again, later each time. What workers send
 * meanwhile waits in the sockets of records.h and scans, which the master
 * keeps.
 */
#ifndef GATEPOST_DAEMON_DESK_H
#define GATEPOST_DAEMON_DESK_H

#include "milter/daemon/generation.h"

#define DESK_SOCKETS_MAX 16
#define DESK_POSTS_MAX 4

/* One process, or the place of one. */
struct post {
	struct child child;
	unsigned slot;
	uint64_t generation;
	int conf_fd;
	const struct listener *sockets[DESK_SOCKETS_MAX];
	size_t socket_count;
	bool ending;
	int64_t ending_ms;	/* since when */
};

struct desk {
	enum role role;		/* ROLE_RECORDER or ROLE_SCANNER */
	struct post posts[DESK_POSTS_MAX];	/* the newest first */
	size_t count;
};

/*
 * From now on its process is to work as that generation's configuration
 * says, and to serve these sockets, which must stay while desk_uses() says
 * so.
 */
void desk_use(struct barracks *barracks, struct desk *desk,
	      const struct generation *gen, struct listener *const *sockets,
	      size_t socket_count);
bool desk_uses(const struct desk *desk, const struct listener *listener);
/* A byte or the end of a control socket. Returns whether it was ours. */
bool desk_hear(struct desk *desk, int control);
/* A process ended. Returns whether it was ours. */
bool desk_bury(struct barracks *barracks, struct desk *desk, pid_t pid,
	       int status);
/* Starts who is due, ends who is late; returns when to be called again. */
int64_t desk_look(struct barracks *barracks, struct desk *desk);
/* Lets it finish what it has, and end. */
void desk_stop(struct desk *desk);
void desk_kill(struct desk *desk);

#endif
