/*
 * Sleeps until the log has grown enough. Others go on writing meanwhile, so
 * under steady load something always remains, and the log begins anew only
 * when nothing does. When it has become too long, writers are therefore
 * held up while the last of it is written back. A disk that is full is
 * noticed by the next commit that finds no room.
 */
#include "milter/store/sqlite_checkpoint.h"
#include "common/base/clock.h"
#include "common/base/wake.h"
#include "milter/store/sqlite_db.h"

#include <pthread.h>
#include <string.h>

#define GROWTH_PAGES 4000
#define LONG_PAGES 16000
#define SLEEP_MS 3600000 /* it is woken; any long time will do */

struct checkpointer {
	struct arena *arena; /* holds all of it */
	struct db *db;	     /* the thread's, once it runs */
	pthread_t thread;
	struct wake wake;
	int64_t hold_ms;
	atomic_bool wanted, ending;
	atomic_int pages;
	int next_pages; /* when to wake the thread; its teller's own */
};

static void write_back(struct checkpointer *c)
{
	db_checkpoint(c->db, false);
	if (atomic_load(&c->pages) < LONG_PAGES)
		return;
	db_set_deadline(c->db, clock_mono_ms() + c->hold_ms);
	db_checkpoint(c->db, true);
}

static void *run(void *arg)
{
	struct checkpointer *c = arg;

	while (!atomic_load(&c->ending)) {
		unsigned seen = wake_count(&c->wake);

		if (atomic_exchange(&c->wanted, false))
			write_back(c);
		else if (!atomic_load(&c->ending))
			wake_wait(&c->wake, seen, SLEEP_MS);
	}
	return NULL;
}

struct checkpointer *checkpointer_new(const char *path, int64_t hold_ms,
				      int64_t deadline_ms, struct err *err)
{
	const struct db_options options = {.path = path};
	struct arena *arena = arena_new(0);
	struct checkpointer *c = ARENA_NEW(arena, struct checkpointer);
	int error;

	c->arena = arena;
	c->hold_ms = hold_ms;
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
	if (pages < atomic_exchange(&c->pages, pages))
		c->next_pages = GROWTH_PAGES;
	if (pages < c->next_pages)
		return;
	c->next_pages = pages + GROWTH_PAGES;
	atomic_store(&c->wanted, true);
	wake_all(&c->wake);
}
