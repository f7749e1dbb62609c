/*
 * Sleeps until the log has grown enough. When somebody reads for long, the
 * log cannot be written back whole and goes on growing; so the next try
 * comes only after as much growth again. A disk that is full is noticed by
 * the next commit that finds no room.
 */
#include "milter/store/sqlite_checkpoint.h"
#include "common/base/wake.h"
#include "milter/store/sqlite_db.h"

#include <pthread.h>
#include <string.h>

#define GROWTH_PAGES 1000
#define SLEEP_MS 3600000 /* it is woken; any long time will do */

struct checkpointer {
	struct arena *arena; /* holds all of it */
	struct db *db;	     /* the thread's, once it runs */
	pthread_t thread;
	struct wake wake;
	atomic_bool wanted, ending;
	/* Of the thread that tells. */
	int last_pages, next_pages;
};

static void *run(void *arg)
{
	struct checkpointer *c = arg;

	while (!atomic_load(&c->ending)) {
		unsigned seen = wake_count(&c->wake);

		if (atomic_exchange(&c->wanted, false))
			db_checkpoint(c->db);
		else if (!atomic_load(&c->ending))
			wake_wait(&c->wake, seen, SLEEP_MS);
	}
	return NULL;
}

struct checkpointer *checkpointer_new(const char *path, int64_t deadline_ms,
				      struct err *err)
{
	const struct db_options options = {.path = path};
	struct arena *arena = arena_new(0);
	struct checkpointer *c = ARENA_NEW(arena, struct checkpointer);
	int error;

	c->arena = arena;
	c->next_pages = GROWTH_PAGES;
	c->db = db_new(arena, &options);
	db_set_deadline(c->db, deadline_ms);
	if (db_open(c->db, err) == 0) {
		error = pthread_create(&c->thread, NULL, run, c);
		if (!error)
			return c;
		err_set(err, "cannot start a thread: %s", strerror(error));
		db_close(c->db);
	}
	arena_free(&arena);
	return NULL;
}

void checkpointer_free(struct checkpointer **checkpointer)
{
	struct checkpointer *c = *checkpointer;
	struct arena *arena;

	if (!c)
		return;
	atomic_store(&c->ending, true);
	wake_all(&c->wake);
	pthread_join(c->thread, NULL);
	db_close(c->db);
	arena = c->arena;
	arena_free(&arena);
	*checkpointer = NULL;
}

void checkpointer_tell(struct checkpointer *c, int pages)
{
	/* Fewer than before: the log was written back and began anew. */
	if (pages < c->last_pages)
		c->next_pages = GROWTH_PAGES;
	c->last_pages = pages;
	if (pages < c->next_pages)
		return;
	c->next_pages = pages + GROWTH_PAGES;
	atomic_store(&c->wanted, true);
	wake_all(&c->wake);
}
