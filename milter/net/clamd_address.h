/* Where clamd is, as the setting says: a unix socket, or a host's port. */
#ifndef GATEPOST_NET_CLAMD_ADDRESS_H
#define GATEPOST_NET_CLAMD_ADDRESS_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <netdb.h>
#include <sys/socket.h>

#define CLAMD_ADDRESSES_MAX 4

/* To be tried in turn. */
struct clamd_addresses {
	struct sockaddr_storage address[CLAMD_ADDRESSES_MAX];
	socklen_t length[CLAMD_ADDRESSES_MAX];
	size_t count;
};

struct clamd_place {
	char where[320];	/* as it was given, for people */
	bool is_unix;
	char host[NI_MAXHOST];	/* TCP only, without brackets */
	char port[6];
};

/*
 * Reads "unix:PATH" or "tcp:HOST:PORT". Of a unix socket and a numeric
 * host it gives the address, of a name none.
 */
int clamd_place_read(struct slice where, struct clamd_place *place_r,
		     struct clamd_addresses *addresses_r, struct err *err);
/* Asks the system for the host's addresses; may take its time. */
int clamd_place_resolve(const struct clamd_place *place,
			struct clamd_addresses *addresses_r, struct err *err);

#endif
