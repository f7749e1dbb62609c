/*
 * Verification by libopendkim: it selects, canonicalizes and hashes the
 * signed header fields and checks the signature over them. It is shown only
 * fields that passed our own reading and keys that we chose; it never sees a
 * body, DNS, or a signature that it would read otherwise than we do.
 */
#ifndef GATEPOST_CHECKS_DKIM_OPENDKIM_H
#define GATEPOST_CHECKS_DKIM_OPENDKIM_H

#include "milter/checks/dkim_crypto.h"
#include "milter/engine/mail.h"

struct dkim_library;

/* One for a configuration, immutable. `slack_s`: as far as t= may lie in the
 * future. NULL when memory is short. */
struct dkim_library *dkim_library_new(uint64_t slack_s);
void dkim_library_free(struct dkim_library **library);

/* One signature to verify. */
struct dkim_item {
	size_t field; /* index among the message's headers */
	const struct dkim_signature *sig; /* plain, neither expired nor
					   * in the future */
	const struct dkim_key *key;
	bool proven; /* set when `proof` is an answer */
	enum dkim_proof proof;
};

/*
 * Verifies the header hashes of all items, in the message's order. Items
 * that the library could not come to a result about stay unproven.
 */
void dkim_library_verify(const struct dkim_library *library,
			 const struct mail *mail, struct dkim_item *items,
			 size_t count);

#endif
