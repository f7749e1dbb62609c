/* The header edits that a decision asks for. Used by policy.c alone. */
#ifndef GATEPOST_ENGINE_EDITS_H
#define GATEPOST_ENGINE_EDITS_H

#include "milter/engine/policy.h"

struct seal_key;

/*
 * Fills decision->edits. First the removals: every Authentication-Results
 * of our name or without a readable one, every X-Gatepost-* and every
 * X-Spam field that we write ourselves; of one name always the highest
 * index first. Then what we add. `key` may be NULL: no verdict header.
 */
void edits_make(const char *authserv_id, const struct seal_key *key,
		const struct mail *mail, struct decision *decision);

#endif
