/*
 * Where questions go that our cache cannot answer: libunbound, driven by
 * one thread of ours. The file behind this header is the only one that sees
 * the library.
 */
#ifndef GATEPOST_NET_DNS_UNBOUND_H
#define GATEPOST_NET_DNS_UNBOUND_H

#include "common/base/err.h"
#include "milter/net/dns.h"

struct dns_unbound;

/* One question out; the asker embeds it and owns it again when answered. */
struct dns_question {
	struct dns_question *next;	/* these two are ours */
	struct dns_unbound *unbound;
	enum dns_type type;
	struct slice name;		/* must live as long */
};

/*
 * `answered` runs on the thread for every question, with a reference to the
 * answer that becomes the receiver's. Answers carry the time the library
 * allows; failures and bogus answers are DNS_TEMPFAIL.
 */
typedef void dns_answered(void *receiver, struct dns_question *question,
			  const struct dns_answer *answer);

/* err names the setting that is wrong. Nothing is asked of the network. */
struct dns_unbound *dns_unbound_new(const struct dns_conf *conf,
				    dns_answered *answered, void *receiver,
				    struct err *err);
/*
 * Ends the thread, without waiting for the network: questions still out
 * fail at once, on the calling thread, or are forgotten.
 */
void dns_unbound_free(struct dns_unbound **unbound);
/* Never waits; any thread may call it. */
void dns_unbound_ask(struct dns_unbound *unbound,
		     struct dns_question *question);

#endif
