/*
 * What a process gives up once it has opened what it needs: root, new
 * privileges, core files, and every system call its work does not use. A
 * worker that is taken over can answer its sessions, ask DNS and the store,
 * but can start no program, and open no file for writing unless the store
 * is kept in files (then what its user may write, it can).
 */
#ifndef GATEPOST_DAEMON_JAIL_H
#define GATEPOST_DAEMON_JAIL_H

#include "common/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct jail_user {
	bool change;	/* false: not root, the process keeps its user */
	uid_t uid;
	gid_t gid;
	char name[64];
};

/* Looks the setting `user` up, which needs files the jail may not open. */
int jail_find_user(const char *name, struct jail_user *user_r,
		   struct err *err);
/* Becomes that user for good, without its other groups. */
int jail_drop(const struct jail_user *user, struct err *err);
/*
 * Limits the process to a worker's system calls. Before the first thread,
 * since only this thread and those it starts later are bound. With
 * `writes_files` it may make, write and remove files as SQLite does.
 */
int jail_enter(bool writes_files, struct err *err);
/*
 * The same for a child of a scanner, which gets no socket and no process:
 * files, memory, and what is open.
 */
int jail_enter_scanner(struct err *err);

#endif
