/*
 * Removing. The file goes first, then its row: if that does not happen any
 * more, the next sync finds that it is gone.
 */
#include "milter/store/vault_index_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* At a time; and more than that are not tried past those that are taken. */
#define PIECE 500
#define UNFINISHED_KEPT_S 3600

struct candidate {
	struct slice id;
	int64_t stored_ms, bytes;
};

struct prune {
	struct vault_index *x;
	const struct vault_conf *conf;
	int64_t now_ms;
	struct vault_sum left; /* as it becomes less */
	struct vault_pruned *pruned;
	struct arena *arena;
	struct candidate *oldest;
	size_t count;
};

static bool is_over(const struct prune *p, const struct candidate *c)
{
	return vault_is_over(p->conf, c->stored_ms, p->now_ms);
}

static bool is_too_much(const struct prune *p)
{
	return p->left.messages > p->conf->messages ||
	       p->left.bytes > p->conf->size.n;
}

static int read_oldest(struct prune *p, struct err *err)
{
	struct db *db = p->x->db;
	int rc;

	p->oldest = ARENA_ARRAY(p->arena, struct candidate, PIECE);
	db_bind(db, ITEMS_OLDEST, 1, PIECE);
	while ((rc = db_step(db, ITEMS_OLDEST, err)) > 0 && p->count < PIECE)
		p->oldest[p->count++] = (struct candidate){
			arena_dup(p->arena,
				  db_column_text(db, ITEMS_OLDEST, 0)),
			db_column(db, ITEMS_OLDEST, 1),
			db_column(db, ITEMS_OLDEST, 2)};
	db_done(db, ITEMS_OLDEST);
	return rc < 0 ? -1 : 0;
}

/* Whether it is gone. Should the power go, it comes back and goes again, so
 * nothing is synced. */
static bool remove_file(const struct prune *p, struct slice id)
{
	struct arena *arena = arena_new(0);
	struct vault_message m;
	struct err why;
	bool gone = false;

	switch (vault_message_take(p->x->vault, arena, id, &m, &why)) {
	case VAULT_FOUND:
	case VAULT_DAMAGED:
		gone = unlinkat(p->x->vault->root, m.name, 0) == 0;
		break;
	case VAULT_ABSENT:
		gone = true;
		break;
	case VAULT_BUSY:
	case VAULT_FAILED:
		break;
	}
	vault_message_close(&m);
	arena_free(&arena);
	return gone;
}

static int remove_one(struct prune *p, const struct candidate *c,
		      struct err *err)
{
	bool early = !is_over(p, c);

	if (!remove_file(p, c->id))
		return 0;
	db_bind_blob(p->x->db, ITEM_REMOVE, 1, c->id);
	if (db_step(p->x->db, ITEM_REMOVE, err) < 0)
		return -1;
	p->left.messages--;
	p->left.bytes -= c->bytes;
	p->pruned->messages++;
	p->pruned->bytes += c->bytes;
	p->pruned->early += early;
	return 0;
}

static int remove_messages(struct prune *p, struct err *err)
{
	struct vault_stats stats;
	size_t i = 0;

	if (vault_index_stats(p->x, &stats, err) < 0 || read_oldest(p, err) < 0)
		return -1;
	p->left = stats.all;
	for (; i < p->count; i++) {
		const struct candidate *c = &p->oldest[i];

		if (!is_over(p, c) && !is_too_much(p))
			return 0;
		if (remove_one(p, c, err) < 0)
			return -1;
	}
	p->pruned->more = p->count == PIECE && p->pruned->messages > 0;
	return 0;
}

/* Files that were never renamed, and are not being written. */
static void remove_unfinished(const struct prune *p)
{
	int64_t now_s = p->now_ms / 1000;
	int fd = openat(p->x->vault->root, "tmp",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) &&
		    now_s - st.st_mtime > UNFINISHED_KEPT_S)
			(void)unlinkat(fd, entry->d_name, 0);
	closedir(dir);
}

int vault_index_prune(struct vault_index *x, const struct vault_conf *conf,
		      int64_t now_ms, struct vault_pruned *pruned_r,
		      struct err *err)
{
	struct prune p = {
		.x = x, .conf = conf, .now_ms = now_ms, .pruned = pruned_r};
	int rc;

	memset(pruned_r, 0, sizeof(*pruned_r));
	if (vault_index_ready(x, err) < 0)
		return -1;
	p.arena = arena_new(0);
	remove_unfinished(&p);
	rc = remove_messages(&p, err);
	arena_free(&p.arena);
	return rc;
}
