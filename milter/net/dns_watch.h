/*
 * A look at DNS when a process starts: without answers SPF, DKIM, DMARC and
 * the lists are blind, and an administrator should hear so at once, once,
 * and again when it is over. Mail flows either way.
 */
#ifndef GATEPOST_NET_DNS_WATCH_H
#define GATEPOST_NET_DNS_WATCH_H

#include "milter/net/resolver.h"

struct dns_watch {
	struct dns_waiter waiter;
	_Atomic(const struct dns_answer *) answer; /* come, not yet looked at */
	bool asking;
	bool warned;
	bool over;		/* DNS has answered: nothing left to do */
	int64_t asked_ms;
};

/*
 * All zero is the state before the first tick. Never waits. The watch lives
 * as long as the resolver.
 */
void dns_watch_tick(struct dns_watch *watch, struct resolver *resolver,
		    int64_t now_ms);
#endif
