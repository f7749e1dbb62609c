/*
 * The signatures of one message: read from its header, their keys asked
 * for, its body hashed, each verified to a result. Everything lives in the
 * message's arena but OpenSSL's hash states, which dkim_message_end() frees.
 *
 * How results are named (RFC 8601 2.7.1): what RFC 6376 6.1.1 and 6.1.2 call
 * PERMFAIL, a field or key that cannot be used and so proves nothing either
 * way, is permerror; expired signatures are among them there. Where hashes
 * were computed and did not agree (6.1.3), it is fail. policy: good, but it
 * leaves part of the body open (l=), or a second field of a kind that
 * readers show (RFC 6376 8.15).
 */
#ifndef GATEPOST_CHECKS_DKIM_MESSAGE_H
#define GATEPOST_CHECKS_DKIM_MESSAGE_H

#include "milter/checks/dkim_opendkim.h"
#include "milter/engine/auth.h"

/* Immutable, for all messages of a configuration. */
struct dkim_tools {
	struct dkim_crypto *crypto;
	struct dkim_library *library; /* NULL: we verify ourselves */
	int64_t slack_s;	      /* how far in the future t= may be */
	size_t max_signatures;	      /* at most AUTH_DKIM_MAX */
};

struct dkim_message;

/* Once the header is complete. NULL: the message is not signed. */
struct dkim_message *dkim_message_read(struct mail *mail,
				       const struct dkim_tools *tools);
/* Body bytes; false when no signature needs them. */
bool dkim_message_body(struct dkim_message *m, struct slice chunk);
/* Whether every key is in hand; asks for those that are not. */
bool dkim_message_has_keys(const struct dkim_message *m, struct mail *mail);
/* Once, when the body has ended and the keys are there. */
void dkim_message_verify(struct dkim_message *m, struct mail *mail,
			 const struct dkim_tools *tools);
/* In the order of the fields. `ignored`: signatures past the limit. */
const struct auth_dkim *dkim_message_results(const struct dkim_message *m,
					     size_t *count_r,
					     size_t *ignored_r);
void dkim_message_end(struct dkim_message *m);

#endif
