/* Not thread-safe: it belongs to the archive's thread. */
#include "milter/daemon/vouch.h"
#include "common/base/log.h"
#include "common/base/utf8.h"
#include "milter/checks/greylist_pass.h"
#include "milter/daemon/settings.h"

#include <stdlib.h>

struct vouch {
	const struct conf *conf;
	struct arena *arena;
	const void *ready; /* struct greylist_ready; NULL: not yet */
	struct store *store;
};

struct vouch *vouch_new(const struct conf *conf, struct err *err)
{
	struct vouch *v = calloc(1, sizeof(*v));

	if (!v) {
		err_set(err, "out of memory");
		return NULL;
	}
	v->conf = conf;
	v->arena = arena_new(0);
	return v;
}

static int connect(struct vouch *v, struct err *err)
{
	const struct daemon_conf *daemon =
		conf_group(v->conf, &daemon_settings);
	const struct store_options options = {
		.conf = v->conf, .state_dir = daemon->state_dir.s.p};

	if (!v->ready &&
	    greylist_conf_prepare(v->arena, v->conf, &v->ready, err) < 0)
		return -1;
	if (!v->store)
		v->store = store_new(&options, err);
	return v->store ? 0 : -1;
}

static const struct slice *find_rcpt(const struct record *record,
				     struct slice user)
{
	for (size_t i = 0; i < record->rcpt_count; i++)
		if (slice_eq_nocase(record->rcpts[i], user))
			return &record->rcpts[i];
	return record->rcpt_count == 1 && record->rcpt_total == 1
		       ? record->rcpts
		       : NULL;
}

bool vouch_for(struct vouch *v, struct arena *arena,
	       const struct record *record, struct slice user)
{
	const struct slice *rcpt = find_rcpt(record, user);
	const struct greylist_vouch mail = {arena, record, rcpt, 1};
	struct greylist_try passed;
	struct err err = {""};
	int rc;

	if (!rcpt)
		return false;
	rc = connect(v, &err);
	if (rc == 0)
		rc = greylist_pass(v->store, v->ready, &mail, &passed, &err);
	if (rc < 0)
		log_warn("record %.*s was taken out of quarantine, but its "
			 "sender is not let through greylisting: %s",
			 SLICE_FMT(record->id), err.text);
	if (rc > 0)
		log_info("record %.*s was taken out of quarantine: %.*s is "
			 "not greylisted again for %.*s",
			 SLICE_FMT(record->id),
			 SLICE_FMT(utf8_shown(arena, record->sender)),
			 SLICE_FMT(utf8_shown(arena, *rcpt)));
	return rc > 0;
}

void vouch_free(struct vouch **vouch)
{
	struct vouch *v = *vouch;

	if (!v)
		return;
	store_free(&v->store);
	if (v->ready)
		greylist_conf_stop(v->ready, NULL);
	arena_free(&v->arena);
	free(v);
	*vouch = NULL;
}
