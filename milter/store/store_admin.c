/*
 * What the administrator asks. As any call, but with seconds of time, and
 * a reason in words when it cannot be done.
 */
#include "milter/store/store_private.h"
#include "common/base/clock.h"

#define ADMIN_MS 5000

static struct store_call *admin_call(struct store *store, enum store_op op,
				     struct slice text)
{
	return store_call_new(store, op, store_room(&text, 1),
			      clock_mono_ms() + ADMIN_MS);
}

static int explain(struct store *store, const struct store_call *call,
		   enum store_status status, struct err *err)
{
	switch (status) {
	case STORE_DONE:
		return 0;
	case STORE_LATE:
		return err_set(err, "store %s gave no answer within %d s",
			       store->url.name, ADMIN_MS / 1000);
	case STORE_FAILED:
		return err_set(err, "store %s: %s", store->url.name,
			       call->err.text);
	case STORE_DOWN:
		break;
	}
	pthread_mutex_lock(&store->reason_lock);
	err_set(err, "store %s does not work: %.400s", store->url.name,
		store->reason.text);
	pthread_mutex_unlock(&store->reason_lock);
	return -1;
}

/* Asks, and explains; the number that came out, or -1. */
static int64_t ask_number(struct store *store, struct store_call *call,
			  struct err *err)
{
	enum store_status status = store_call_ask(store, call);
	int64_t number = explain(store, call, status, err);

	if (number == 0)
		number = call->out.number;
	store_call_drop(call);
	return number;
}

static void copy_entry(struct arena *arena, struct greylist_entry *entry)
{
	entry->key = arena_dup(arena, entry->key);
	entry->sender = arena_dup(arena, entry->sender);
	entry->rcpt = arena_dup(arena, entry->rcpt);
	entry->origin = arena_dup(arena, entry->origin);
	entry->record_id = arena_dup(arena, entry->record_id);
}

int store_greylist_list(struct store *store, struct arena *arena,
			const struct greylist_filter *filter, size_t limit,
			struct greylist_list *list_r, struct err *err)
{
	struct store_call *call =
		admin_call(store, STORE_OP_LIST, filter->match);
	enum store_status status;
	int rc;

	call->in.list.filter = *filter;
	call->in.list.filter.match = arena_lower(call->arena, filter->match);
	call->in.list.limit = limit;
	status = store_call_ask(store, call);
	rc = explain(store, call, status, err);
	if (rc == 0) {
		const struct greylist_list *out = &call->out.list;

		*list_r = *out;
		list_r->entries =
			ARENA_ARRAY(arena, struct greylist_entry, out->count);
		for (size_t i = 0; i < out->count; i++) {
			list_r->entries[i] = out->entries[i];
			copy_entry(arena, &list_r->entries[i]);
		}
	}
	store_call_drop(call);
	return rc;
}

int store_greylist_pass(struct store *store, const struct greylist_try *attempt,
			struct err *err)
{
	struct greylist_try passing = *attempt;
	struct store_call *call;
	int rc;

	passing.delay_ms = GREYLIST_PASS;
	call = store_greylist_call(store, &passing, clock_mono_ms() + ADMIN_MS);
	rc = explain(store, call, store_call_ask(store, call), err);
	store_call_drop(call);
	return rc;
}

int64_t store_greylist_release(struct store *store, struct slice match,
			       int64_t lifetime_ms, struct err *err)
{
	struct store_call *call = admin_call(store, STORE_OP_RELEASE, match);

	call->in.list.filter.match = arena_lower(call->arena, match);
	call->in.list.lifetime_ms =
		store_between(lifetime_ms, 0, STORE_NUMBER_MAX);
	return ask_number(store, call, err);
}

int64_t store_greylist_forget(struct store *store, struct slice match,
			      struct err *err)
{
	struct store_call *call = admin_call(store, STORE_OP_FORGET, match);

	call->in.list.filter.match = arena_lower(call->arena, match);
	return ask_number(store, call, err);
}

int store_allow(struct store *store, struct slice name, struct err *err)
{
	struct store_call *call = admin_call(store, STORE_OP_ALLOW, name);

	call->in.name = arena_lower(call->arena, name);
	return ask_number(store, call, err) < 0 ? -1 : 0;
}

int store_allow_list(struct store *store, struct arena *arena,
		     struct slice **names_r, size_t *count_r, struct err *err)
{
	struct store_call *call =
		admin_call(store, STORE_OP_ALLOW_LIST, SLICE_NONE);
	enum store_status status = store_call_ask(store, call);
	int rc = explain(store, call, status, err);

	if (rc == 0) {
		const struct store_names_in *out = &call->out.names;

		*count_r = out->count;
		*names_r = ARENA_ARRAY(arena, struct slice, out->count);
		for (size_t i = 0; i < out->count; i++)
			(*names_r)[i] = arena_dup(arena, out->names[i]);
	}
	store_call_drop(call);
	return rc;
}
