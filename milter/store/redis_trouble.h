/*
 * The errors that Redis answers with: what they mean for a call, for the
 * server and for the administrator.
 */
#ifndef GATEPOST_STORE_REDIS_TROUBLE_H
#define GATEPOST_STORE_REDIS_TROUBLE_H

#include "common/base/err.h"
#include "common/base/slice.h"

enum redis_trouble {
	REDIS_TROUBLE_CALL,	/* this one cannot be done */
	REDIS_TROUBLE_SERVER,	/* the server does not serve, or not us */
	REDIS_TROUBLE_CLUSTER,	/* the Cluster as a whole does not serve */
	REDIS_TROUBLE_MOVED,	/* another node has that slot */
	REDIS_TROUBLE_ASK,	/* another node has it this once */
	REDIS_TROUBLE_AGAIN,	/* a slot is being moved: in a moment */
	REDIS_TROUBLE_SCRIPT,	/* the script must be loaded first */
};

enum redis_trouble redis_trouble_of(struct slice error);
/* In plain words, what Redis said included. Returns -1. */
int redis_trouble_explain(struct slice error, struct err *err);

/* Where MOVED or ASK points to. */
struct redis_redirect {
	unsigned slot;
	struct slice host;	/* may be empty: where we asked */
	int port;
};
/* -1: it cannot be read. */
int redis_redirect_read(struct slice error, struct redis_redirect *r);

#endif
