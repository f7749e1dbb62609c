/* What is known of domains, and the names that are allowed. */
#include "milter/store/sqlite_private.h"
#include "milter/store/store_keys.h"

static void domain_key(struct slice domain, char key_r[STORE_KEY + 1])
{
	const struct slice parts[] = {SLICE("trust"), domain};

	store_key(parts, sizeof(parts) / sizeof(parts[0]), key_r);
}

int sqlite_trust(struct db *db, struct store_call *call, struct err *err)
{
	char key[STORE_KEY + 1];
	int rc;

	domain_key(call->in.name, key);
	sqlite_bind_now(db, TRUST_GET, &call->now);
	db_bind_text(db, TRUST_GET, 4, (struct slice){key, STORE_KEY});
	rc = db_step(db, TRUST_GET, err);
	call->out.number = rc > 0 ? db_column(db, TRUST_GET, 0) : 0;
	db_done(db, TRUST_GET);
	return rc < 0 ? -1 : 0;
}

int sqlite_note(struct db *db, struct store_call *call, struct err *err)
{
	const struct store_note_in *in = &call->in.note;
	unsigned statement = in->good ? TRUST_ADD : TRUST_END;
	char key[STORE_KEY + 1];

	domain_key(in->domain, key);
	sqlite_bind_now(db, statement, &call->now);
	db_bind_text(db, statement, 4, (struct slice){key, STORE_KEY});
	if (in->good) {
		db_bind(db, statement, 5,
			call->now.uptime_ms + in->lifetime_ms);
		db_bind(db, statement, 6, STORE_TRUST_MAX);
	}
	return db_step(db, statement, err);
}

int sqlite_allowed(struct db *db, struct store_call *call, struct err *err)
{
	const struct store_names_in *in = &call->in.names;

	call->out.number = -1;
	for (size_t i = 0; i < in->count; i++) {
		int rc;

		db_bind_text(db, ALLOWED_GET, 1, in->names[i]);
		rc = db_step(db, ALLOWED_GET, err);
		if (rc < 0)
			return -1;
		db_done(db, ALLOWED_GET);
		if (rc == 0)
			continue;
		call->out.number = (int64_t)i;
		break;
	}
	return 0;
}
