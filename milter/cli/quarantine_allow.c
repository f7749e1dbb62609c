/*
 * Letting the sender of a released message through greylisting. The release
 * is done by then, and stays so whatever happens here.
 */
#include "milter/cli/quarantine_allow.h"

#include "common/base/utf8.h"
#include "milter/checks/greylist_pass.h"
#include "milter/cli/open_store.h"

#include <stdio.h>

struct quarantine_allow {
	struct store *store;
	const void *ready; /* struct greylist_ready; lives in the arena */
};

struct quarantine_allow *quarantine_allow_open(const struct quarantine *q,
					       struct err *err)
{
	struct quarantine_allow *allow =
		ARENA_NEW(q->arena, struct quarantine_allow);

	if (greylist_conf_prepare(q->arena, q->conf, &allow->ready, err) < 0)
		return NULL;
	allow->store = open_store(q->arena, q->conf, err);
	if (allow->store)
		return allow;
	greylist_conf_stop(allow->ready, NULL);
	return NULL;
}

void quarantine_allow_close(struct quarantine_allow **allow)
{
	if (!*allow)
		return;
	store_free(&(*allow)->store);
	greylist_conf_stop((*allow)->ready, NULL);
	*allow = NULL;
}

/* "192.0.2.0/24 and proven hosts of example.org" */
static void put_origins(const struct quarantine *q,
			const struct greylist_try *passed)
{
	printf("from %.*s", SLICE_FMT(passed->origins[0]));
	for (size_t i = 1; i < passed->origin_count; i++)
		printf(" and proven hosts of %.*s",
		       SLICE_FMT(utf8_shown(q->arena, passed->origins[i])));
}

static int tell(const struct quarantine *q, const struct greylist_try *passed,
		const struct slice *rcpts, size_t rcpt_count)
{
	int64_t s = passed->lifetime_ms / 1000;
	struct slice sender = utf8_shown(q->arena, passed->sender);

	printf("  What %.*s sends ", SLICE_FMT(sender));
	put_origins(q, passed);
	printf(" to %.*s", SLICE_FMT(utf8_shown(q->arena, rcpts[0])));
	if (rcpt_count > 1)
		printf(" and %zu more", rcpt_count - 1);
	printf(" passes greylisting now, for %lld %s after each use; to undo "
	       "it: gatepost greylist forget %.*s\n",
	       (long long)(s < 2 * 86400 ? s : s / 86400),
	       s < 2 * 86400 ? "seconds" : "days", SLICE_FMT(sender));
	return EXIT_DONE;
}

static int not_allowed(const struct quarantine *q,
		       const struct vault_message *m, const char *why)
{
	return verb_failed(
		&verb_quarantine, EXIT_FAILED,
		"%.*s was released, but its sender was not let through "
		"greylisting: %.*s",
		SLICE_FMT(m->file.entry.id),
		SLICE_FMT(utf8_shown(q->arena, slice_cstr(why))));
}

int quarantine_allow(const struct quarantine *q, struct quarantine_allow *allow,
		     const struct vault_message *m, const struct slice *rcpts,
		     size_t rcpt_count)
{
	struct record record;
	const struct greylist_vouch vouch = {q->arena, &record, rcpts,
					     rcpt_count};
	struct greylist_try passed;
	struct err err = {""};

	if (!quarantine_record(q, m, &record))
		return not_allowed(q, m,
				   "there is no verdict record with it, which "
				   "would say where it came from");
	switch (greylist_pass(allow->store, allow->ready, &vouch, &passed,
			      &err)) {
	case 1:
		return tell(q, &passed, rcpts, rcpt_count);
	case 0:
		printf("  --allow-sender has no effect: %s.\n", err.text);
		return EXIT_DONE;
	default:
		return not_allowed(q, m, err.text);
	}
}
