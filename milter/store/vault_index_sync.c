/*
 * Reading what has changed. A folder's mtime changes with each name that
 * comes, goes or becomes another, so one look at each folder tells which are
 * to be read. Its clock is coarse: a change right after the look may leave
 * the mtime as it was, so a mtime counts only once it is some time ago.
 */
#include "milter/store/vault_index_private.h"
#include "common/base/clock.h"
#include "common/verdict/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS 256
#define SETTLED_NS INT64_C(2000000000)
/*
 * 1 MB: the log lies on the disk of the messages, and is not to be what
 * takes its last room.
 */
#define LOG_PAGES 250

struct name {
	struct slice id;
	enum vault_state state;
};

struct names {
	struct name *v;
	size_t n, room;
};

/* One folder that is being read. */
struct look {
	struct vault_index *x;
	struct arena *arena;   /* of the folder */
	struct arena *scratch; /* of a message */
	int folder;
	bool again; /* what is known is read again too */
	bool failed; /* some file could not be read this time */
	struct vault_changes *changes;
	struct err *err;
};

static void add_name(struct look *l, struct names *names, struct slice id,
		     enum vault_state state)
{
	if (names->n == names->room) {
		size_t room = names->room ? 2 * names->room : 64;
		struct name *more = ARENA_ARRAY(l->arena, struct name, room);

		if (names->n > 0)
			memcpy(more, names->v, names->n * sizeof(*more));
		names->v = more;
		names->room = room;
	}
	names->v[names->n++] = (struct name){arena_dup(l->arena, id), state};
}

static int compare_ids(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare(const void *a, const void *b)
{
	const struct name *one = a, *other = b;
	int order = compare_ids(one->id, other->id);

	return order != 0 ? order
			  : (one->state > other->state) -
				    (one->state < other->state);
}

/* A file that is renamed meanwhile may be seen twice: released is later. */
static void sort_names(struct names *names)
{
	size_t n = 0;

	if (names->n > 1)
		qsort(names->v, names->n, sizeof(*names->v), compare);
	for (size_t i = 0; i < names->n; i++) {
		if (n > 0 &&
		    compare_ids(names->v[n - 1].id, names->v[i].id) == 0)
			n--;
		names->v[n++] = names->v[i];
	}
	names->n = n;
}

static void folder_name(int folder, char name_r[3])
{
	snprintf(name_r, 3, "%02x", (unsigned)folder & 0xff);
}

/* A file that lies in another folder than its own is not found, so it is no
 * message. */
static bool belongs_here(int folder, struct slice id)
{
	char here[3], own[3];

	folder_name(folder, here);
	vault_file_folder(id, own);
	return memcmp(here, own, sizeof(here)) == 0;
}

static int read_names(struct look *l, struct names *names)
{
	const struct dirent *entry;
	char name[3];
	int fd;
	DIR *dir;

	folder_name(l->folder, name);
	fd = openat(l->x->vault->root, name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		err_set(l->err, "%s/%s cannot be read: %s", l->x->vault->path,
			name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(dir))) {
		enum vault_state state;
		struct slice id;

		if (vault_read_name(slice_cstr(entry->d_name), &id, &state) &&
		    belongs_here(l->folder, id))
			add_name(l, names, id, state);
	}
	closedir(dir);
	sort_names(names);
	return 0;
}

static int read_rows(struct look *l, struct names *rows)
{
	struct db *db = l->x->db;
	int rc;

	db_bind(db, FOLDER_LIST, 1, l->folder);
	while ((rc = db_step(db, FOLDER_LIST, l->err)) > 0)
		add_name(l, rows, db_column_text(db, FOLDER_LIST, 0),
			 (enum vault_state)db_column(db, FOLDER_LIST, 1));
	return rc;
}

static struct slice join(struct arena *arena, const struct vault_entry *entry)
{
	struct buf out = BUF(arena);

	for (size_t i = 0; i < entry->rcpt_count; i++) {
		buf_add(&out, entry->rcpts[i]);
		buf_add_char(&out, '\0');
	}
	return buf_slice(&out);
}

/* The record is of this host's making, but a file may have been damaged. */
static void read_record(struct look *l, const struct vault_message *m,
			struct record *record_r)
{
	struct slice packed;
	struct err none;

	memset(record_r, 0, sizeof(*record_r));
	if (m->file.record_size == 0 ||
	    m->file.record_size > RECORD_PACKED_MAX ||
	    vault_message_read(m, l->scratch, m->file.record_at,
			       m->file.record_size, &packed, &none) < 0 ||
	    !record_unpack(l->scratch, packed, record_r))
		memset(record_r, 0, sizeof(*record_r));
}

static int put_item(struct look *l, const struct vault_message *m)
{
	const struct vault_entry *e = &m->file.entry;
	struct db *db = l->x->db;
	struct record record;

	read_record(l, m, &record);
	db_bind_blob(db, ITEM_SET, 1, e->id);
	db_bind(db, ITEM_SET, 2, l->folder);
	db_bind(db, ITEM_SET, 3, e->class);
	db_bind(db, ITEM_SET, 4, m->state);
	db_bind(db, ITEM_SET, 5, e->rejected);
	db_bind(db, ITEM_SET, 6, e->stored_ms);
	db_bind_blob(db, ITEM_SET, 7, e->reason);
	db_bind_blob(db, ITEM_SET, 8, e->sender);
	db_bind_blob(db, ITEM_SET, 9, record.subject);
	db_bind_blob(db, ITEM_SET, 10, record.from);
	db_bind_blob(db, ITEM_SET, 11, record.client);
	db_bind_blob(db, ITEM_SET, 12, join(l->scratch, e));
	db_bind(db, ITEM_SET, 13, (int64_t)e->size);
	db_bind(db, ITEM_SET, 14, (int64_t)m->bytes);
	db_bind(db, ITEM_SET, 15,
		isfinite(record.score) && fabs(record.score) < 1e12
			? (int64_t)llround(record.score * 1000)
			: 0);
	db_bind_blob(db, ITEM_SET, 16,
		     (struct slice){(const char *)m->file.digest,
				    sizeof(m->file.digest)});
	return db_step(db, ITEM_SET, l->err);
}

static int note_damaged(struct look *l, struct slice id, const struct err *why)
{
	l->changes->damaged++;
	l->changes->why = *why;
	db_bind_blob(l->x->db, DAMAGED_SET, 1, id);
	db_bind(l->x->db, DAMAGED_SET, 2, l->folder);
	return db_step(l->x->db, DAMAGED_SET, l->err);
}

/* 1: it is in the index now; 0: it is not. */
static int read_file(struct look *l, struct slice id)
{
	struct vault_message m;
	struct err why = {""};
	int rc = 0;

	arena_reset(l->scratch);
	switch (vault_message_open(l->x->vault, l->scratch, id, &m, &why)) {
	case VAULT_FOUND:
		rc = put_item(l, &m) < 0 ? -1 : 1;
		break;
	case VAULT_FAILED:
		/* It may be readable next time, without the folder's doing. */
		l->failed = true;
		rc = note_damaged(l, id, &why);
		break;
	case VAULT_DAMAGED:
		rc = note_damaged(l, id, &why);
		break;
	case VAULT_ABSENT:
	case VAULT_BUSY:
		break;
	}
	vault_message_close(&m);
	return rc;
}

static int set_state(struct look *l, const struct name *name)
{
	db_bind_blob(l->x->db, ITEM_STATE, 1, name->id);
	db_bind(l->x->db, ITEM_STATE, 2, name->state);
	l->changes->changed++;
	return db_step(l->x->db, ITEM_STATE, l->err);
}

/*
 * A name that was not seen may have been renamed under the look, so it is
 * gone only if the file cannot be opened.
 */
static int drop_item(struct look *l, const struct name *row)
{
	struct vault_message m;
	struct err why;
	enum vault_found found;

	arena_reset(l->scratch);
	found = vault_message_open(l->x->vault, l->scratch, row->id, &m, &why);
	vault_message_close(&m);
	if (found != VAULT_ABSENT && found != VAULT_DAMAGED)
		return 0;
	db_bind_blob(l->x->db, ITEM_REMOVE, 1, row->id);
	l->changes->gone++;
	return db_step(l->x->db, ITEM_REMOVE, l->err);
}

static int add_item(struct look *l, const struct name *name)
{
	int rc = read_file(l, name->id);

	l->changes->added += rc > 0;
	return rc;
}

static int keep_item(struct look *l, const struct name *name,
		     const struct name *row)
{
	if (l->again) {
		int rc = read_file(l, name->id);

		return rc == 0 ? drop_item(l, row) : rc;
	}
	return name->state == row->state ? 0 : set_state(l, name);
}

/* Both are in order of ids. */
static int merge(struct look *l, const struct names *files,
		 const struct names *rows)
{
	size_t f = 0, r = 0;
	int rc = 0;

	while (rc >= 0 && (f < files->n || r < rows->n)) {
		int order = f == files->n  ? 1
			    : r == rows->n ? -1
					   : compare_ids(files->v[f].id,
							 rows->v[r].id);

		if (order < 0)
			rc = add_item(l, &files->v[f++]);
		else if (order > 0)
			rc = drop_item(l, &rows->v[r++]);
		else
			rc = keep_item(l, &files->v[f++], &rows->v[r++]);
	}
	return rc;
}

static int read_folder(struct look *l, int64_t mtime)
{
	struct db *db = l->x->db;
	struct names files = {0}, rows = {0};

	l->failed = false;
	db_bind(db, DAMAGED_CLEAR, 1, l->folder);
	if (read_names(l, &files) < 0 || read_rows(l, &rows) < 0 ||
	    db_step(db, DAMAGED_CLEAR, l->err) < 0 ||
	    merge(l, &files, &rows) < 0)
		return -1;
	db_bind(db, FOLDER_SET, 1, l->folder);
	db_bind(db, FOLDER_SET, 2, l->failed ? 0 : mtime);
	return db_step(db, FOLDER_SET, l->err) < 0 ? -1 : 0;
}

/* In a transaction of its own, so that others get in between. */
static int look_at(struct look *l, int64_t mtime)
{
	int rc = db_begin(l->x->db, true, l->err);

	if (rc != 0)
		return rc < 0 ? -1
			      : err_set(l->err,
					"%s is kept locked by another process",
					l->x->path);
	l->arena = arena_new(0);
	l->scratch = arena_new(0);
	rc = read_folder(l, mtime);
	if (rc == 0)
		rc = db_commit(l->x->db, l->err);
	db_rollback(l->x->db);
	arena_free(&l->scratch);
	arena_free(&l->arena);
	return rc;
}

/* 0: it has not been for long enough, or there is no such folder. */
static int64_t settled_mtime(const struct vault_index *x, int folder,
			     bool *there_r)
{
	int64_t now_ns = clock_wall_us() * 1000, ns;
	struct stat st;
	char name[3];

	folder_name(folder, name);
	*there_r = fstatat(x->vault->root, name, &st, 0) == 0;
	if (!*there_r)
		return 0;
	ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	return ns > 0 && ns < now_ns - SETTLED_NS ? ns : 0;
}

static int sync_folder(struct look *l)
{
	struct db *db = l->x->db;
	int64_t now, before = -1;
	bool there;
	int rc;

	/* Before its names are read. */
	now = settled_mtime(l->x, l->folder, &there);
	db_bind(db, FOLDER_GET, 1, l->folder);
	rc = db_step(db, FOLDER_GET, l->err);
	if (rc < 0)
		return -1;
	if (rc > 0)
		before = db_column(db, FOLDER_GET, 0);
	db_done(db, FOLDER_GET);
	if (!l->again && (there ? now != 0 && now == before : before < 0))
		return 0;
	return look_at(l, now);
}

static int sync_all(struct vault_index *x, bool again,
		    struct vault_changes *changes, struct err *err)
{
	struct look look = {
		.x = x, .again = again, .changes = changes, .err = err};
	int rc = 0;

	memset(changes, 0, sizeof(*changes));
	if (vault_index_ready(x, err) < 0)
		return -1;
	for (; look.folder < FOLDERS && rc == 0; look.folder++) {
		db_set_deadline(x->db, clock_mono_ms() + VAULT_INDEX_WAIT_MS);
		rc = sync_folder(&look);
	}
	/* After an error too: a disk that is full has room for it first. */
	if (db_log_pages(x->db) > LOG_PAGES)
		db_checkpoint(x->db, false);
	return rc;
}

int vault_index_sync(struct vault_index *x, struct vault_changes *changes_r,
		     struct err *err)
{
	if (sync_all(x, false, changes_r, err) == 0)
		return 0;
	return vault_index_mend(x, err) ? sync_all(x, false, changes_r, err)
					: -1;
}

int vault_index_rebuild(struct vault_index *x, struct vault_changes *changes_r,
			struct err *err)
{
	if (sync_all(x, true, changes_r, err) == 0)
		return 0;
	return vault_index_mend(x, err) ? sync_all(x, true, changes_r, err)
					: -1;
}
