/*
 * The health of the DNS lists: each is tested at start and regularly, and
 * suspended while it fails (RFC 5782 5). A dead list that answers to
 * everything would otherwise list the world, and one that never answers
 * would hold up every message.
 *
 * One thread calls rbl_health_tick(); any thread may ask for the state of a
 * list. The object lives in the arena of the engine and holds nothing else
 * once rbl_health_stop() has run.
 */
#ifndef GATEPOST_CHECKS_RBL_HEALTH_H
#define GATEPOST_CHECKS_RBL_HEALTH_H

#include "milter/checks/rbl_conf.h"

enum rbl_trouble {
	RBL_TROUBLE_NONE,
	RBL_TROUBLE_EMPTY,	/* its test entry is not listed */
	RBL_TROUBLE_LISTS_ALL,	/* what must not be listed is */
	RBL_TROUBLE_REFUSES,
	RBL_TROUBLE_OUTSIDE,
	RBL_TROUBLE_SILENT,	/* no answer in several tests on end */
};
/* What is wrong, as in "zen.example …"; "" for none. */
const char *rbl_trouble_words(enum rbl_trouble trouble);

struct rbl_health;

/* `lists` must stay as long as the object. */
struct rbl_health *rbl_health_new(struct arena *arena,
				  const struct rbl_lists *lists,
				  int64_t interval_ms);
/* Why that list is suspended; NONE: it is not. */
enum rbl_trouble rbl_health_state(const struct rbl_health *health,
				  size_t list);
/*
 * What its last test found, even where that does not suspend it yet, and
 * whether one is running. Only for the thread that ticks.
 */
enum rbl_trouble rbl_health_last(const struct rbl_health *health, size_t list,
				 bool *testing_r);
/* Starts the tests that are due, reads those that are answered. */
void rbl_health_tick(struct rbl_health *health, struct resolver *resolver,
		     int64_t now_ms);
/* Gives up what is out. Afterwards ticks may begin anew. */
void rbl_health_stop(struct rbl_health *health, struct resolver *resolver);

#endif
