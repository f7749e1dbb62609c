/* The index tells what the files are; what is removed is the oldest. */
#include "milter/store/vault_index.h"
#include "common/base/clock.h"
#include "tests/support/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 INT64_C(1700000000000)
#define DAY_MS INT64_C(86400000)

static const struct settings_group *const groups[] = {&vault_settings, NULL};

struct place {
	char folder[64];
	struct conf *conf;
	const struct vault_conf *settings;
	struct vault *vault;
	struct vault_index *index;
	struct arena *arena;
	struct err err;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->folder, sizeof(p->folder), "/tmp/gatepost-index-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->arena = arena_new(0);
	p->conf = conf_load(groups, "/dev/null", NULL, &p->err);
	p->settings = conf_group(p->conf, &vault_settings);
	p->vault = vault_open(p->conf, slice_cstr(p->folder), &p->err);
	assert_non_null(p->vault);
	p->index = vault_index_open(p->vault, &p->err);
	if (!p->index)
		fail_msg("%s", p->err.text);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	vault_index_close(&p->index);
	vault_close(&p->vault);
	conf_free(&p->conf);
	arena_free(&p->arena);
	snprintf(command, sizeof(command), "rm -r %s", p->folder);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

/* Number `n`: stored n seconds after T0; n % 2 is spam, else a virus. */
static void store(struct place *p, int n)
{
	const struct slice rcpts[] = {
		SLICE("bob@example.net"),
		arena_printf(p->arena, "r%d@example.com", n)};
	struct vault_entry entry = {
		.id = arena_printf(p->arena, "id%04d", n),
		.class = n % 2 ? VAULT_SPAM : VAULT_VIRUS,
		.reason = SLICE("why"),
		.stored_ms = T0 + n * 1000,
		.sender = arena_printf(p->arena, "s%d@example.org", n),
		.rcpts = rcpts,
		.rcpt_count = 2,
		.record = SLICE(""),
		.size = 1000,
	};
	int fd = memfd_create("m", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 1000), 0);
	if (vault_store(p->vault, &entry, fd, &p->err) < 0)
		fail_msg("%s", p->err.text);
	close(fd);
}

static void store_some(struct place *p, int from, int to)
{
	for (int n = from; n <= to; n++)
		store(p, n);
}

static struct vault_changes sync_now(struct place *p)
{
	struct vault_changes changes;

	if (vault_index_sync(p->index, &changes, &p->err) < 0)
		fail_msg("%s", p->err.text);
	return changes;
}

/* "id0003 id0002": what a list finds, in its order. */
static const char *found(struct place *p, const struct vault_filter *filter)
{
	struct buf out = BUF(p->arena);
	struct vault_list list;

	if (vault_index_list(p->index, p->arena, filter, &list, &p->err) < 0)
		fail_msg("%s", p->err.text);
	for (size_t i = 0; i < list.count; i++) {
		if (i > 0)
			buf_add_char(&out, ' ');
		buf_add(&out, list.items[i].id);
	}
	buf_add_char(&out, '\0');
	return out.p;
}

static struct vault_filter any(void)
{
	return (struct vault_filter){.class = -1, .state = -1};
}

static const char *all(struct place *p)
{
	const struct vault_filter filter = any();

	return found(p, &filter);
}

static const char *path_of(struct place *p, const char *id, const char *end)
{
	char folder[3];

	vault_file_folder(slice_cstr(id), folder);
	return arena_printf(p->arena, "%s/vault/%s/%s%s", p->folder, folder, id,
			    end)
		.p;
}

static enum vault_found take(struct place *p, const char *id,
			     struct vault_message *m)
{
	return vault_message_take(p->vault, p->arena, slice_cstr(id), m,
				  &p->err);
}

/* ---- the index ---- */

static void what_is_stored_is_found_newest_first(void **state)
{
	struct place *p = *state;

	store_some(p, 1, 3);
	assert_int_equal(sync_now(p).added, 3);
	assert_string_equal(all(p), "id0003 id0002 id0001");
	store(p, 4);
	assert_int_equal(sync_now(p).added, 1);
	assert_string_equal(all(p), "id0004 id0003 id0002 id0001");
	assert_int_equal(sync_now(p).added, 0);
}

static void lists_are_filtered(void **state)
{
	struct place *p = *state;
	struct vault_filter f;

	store_some(p, 1, 4);
	sync_now(p);
	f = any(), f.class = VAULT_SPAM;
	assert_string_equal(found(p, &f), "id0003 id0001");
	f = any(), f.since_ms = T0 + 2000, f.until_ms = T0 + 3000;
	assert_string_equal(found(p, &f), "id0003 id0002");
	f = any(), f.sender = SLICE("S2@Example.org");
	assert_string_equal(found(p, &f), "id0002");
	f = any(), f.sender = SLICE("example.org"), f.limit = 2;
	assert_string_equal(found(p, &f), "id0004 id0003");
	f = any(), f.rcpt = SLICE("r4@example.com");
	assert_string_equal(found(p, &f), "id0004");
	f = any(), f.rcpt = SLICE("@example.net"), f.limit = 1;
	assert_string_equal(found(p, &f), "id0004");
	f = any(), f.sender = SLICE("ample.org");
	assert_string_equal(found(p, &f), "");
	f = any(), f.state = VAULT_RELEASED;
	assert_string_equal(found(p, &f), "");
}

static void an_id_may_be_short(void **state)
{
	struct place *p = *state;
	struct vault_item items[3];

	store_some(p, 1, 12);
	sync_now(p);
	assert_int_equal(vault_index_find(p->index, p->arena, SLICE("id001"),
					  items, 3, &p->err),
			 3);
	assert_int_equal(vault_index_find(p->index, p->arena, SLICE("id0007"),
					  items, 3, &p->err),
			 1);
	assert_int_equal(vault_index_find(p->index, p->arena, SLICE("x"), items,
					  3, &p->err),
			 0);
}

static void what_others_do_to_files_is_seen(void **state)
{
	struct place *p = *state;
	struct vault_message m;
	struct vault_filter f = any();
	struct vault_changes changes;

	store_some(p, 1, 3);
	sync_now(p);
	assert_int_equal(take(p, "id0002", &m), VAULT_FOUND);
	assert_int_equal(vault_message_released(p->vault, &m, &p->err), 0);
	vault_message_close(&m);
	assert_int_equal(take(p, "id0003", &m), VAULT_FOUND);
	assert_int_equal(vault_message_delete(p->vault, &m, &p->err), 0);
	vault_message_close(&m);
	changes = sync_now(p);
	assert_int_equal(changes.changed, 1);
	assert_int_equal(changes.gone, 1);
	assert_string_equal(all(p), "id0002 id0001");
	f.state = VAULT_RELEASED;
	assert_string_equal(found(p, &f), "id0002");
}

static bool add_seq(void *with, const struct vault_item *item)
{
	int64_t *last = with;

	assert_true(item->seq > *last);
	*last = item->seq;
	return true;
}

static void numbers_grow_and_outlive_a_reindex(void **state)
{
	struct place *p = *state;
	struct vault_changes changes;
	int64_t last = 0, before;

	store_some(p, 1, 20);
	sync_now(p);
	assert_int_equal(
		vault_index_each_since(p->index, 0, add_seq, &last, &p->err),
		0);
	before = last;
	assert_int_equal(vault_index_rebuild(p->index, &changes, &p->err), 0);
	assert_int_equal(vault_index_each_since(p->index, before, add_seq,
						&last, &p->err),
			 0);
	assert_int_equal(last, before);
	store(p, 21);
	sync_now(p);
	assert_int_equal(vault_index_each_since(p->index, before, add_seq,
						&last, &p->err),
			 0);
	assert_true(last > before);
}

static void an_index_made_anew_is_the_same(void **state)
{
	struct place *p = *state;
	const char *before;
	char command[200];

	store_some(p, 1, 50);
	sync_now(p);
	before = all(p);
	vault_index_close(&p->index);
	snprintf(command, sizeof(command), "rm %s/vault/index.db*", p->folder);
	assert_int_equal(system(command), 0);
	p->index = vault_index_open(p->vault, &p->err);
	assert_non_null(p->index);
	assert_int_equal(sync_now(p).added, 50);
	assert_string_equal(all(p), before);
}

static void spoil(struct place *p, int64_t offset)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/vault/index.db", p->folder);
	fd = open(path, O_WRONLY);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			pwrite(fd, "spoilt by a test", 16, offset + i * 211),
			16);
	close(fd);
}

static void a_damaged_index_is_made_anew(void **state)
{
	static const int64_t offsets[] = {0, 4096};
	struct place *p = *state;
	const char *before;

	store_some(p, 1, 50);
	sync_now(p);
	before = all(p);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		vault_index_close(&p->index);
		spoil(p, offsets[i]);
		p->index = vault_index_open(p->vault, &p->err);
		if (!p->index)
			fail_msg("%s", p->err.text);
		store(p, 60 + (int)i);
		sync_now(p);
		assert_non_null(strstr(all(p), before));
	}
}

static void a_damaged_file_is_told_and_left_alone(void **state)
{
	struct place *p = *state;
	struct vault_changes changes;
	struct vault_stats stats;
	struct vault_message m;

	store_some(p, 1, 3);
	assert_int_equal(truncate(path_of(p, "id0002", ".held"), 300), 0);
	changes = sync_now(p);
	assert_int_equal(changes.added, 2);
	assert_int_equal(changes.damaged, 1);
	assert_non_null(strstr(changes.why.text, "id0002.held is damaged"));
	assert_string_equal(all(p), "id0003 id0001");
	assert_int_equal(vault_index_stats(p->index, &stats, &p->err), 0);
	assert_int_equal(stats.damaged, 1);
	assert_int_equal(stats.all.messages, 2);
	assert_int_equal(access(path_of(p, "id0002", ".held"), F_OK), 0);
	assert_int_equal(take(p, "id0002", &m), VAULT_DAMAGED);
	vault_message_close(&m);
}

static void a_changed_byte_is_noticed(void **state)
{
	struct place *p = *state;
	struct vault_message m;
	int fd;

	store_some(p, 1, 1);
	assert_int_equal(take(p, "id0001", &m), VAULT_FOUND);
	assert_true(vault_message_verify(&m, &p->err));
	fd = open(path_of(p, "id0001", ".held"), O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, m.file.message_at + 10), 1);
	close(fd);
	assert_false(vault_message_verify(&m, &p->err));
	vault_message_close(&m);
}

/* ---- removing ---- */

static struct vault_pruned prune(struct place *p, int64_t now_ms)
{
	struct vault_pruned pruned;

	sync_now(p);
	if (vault_index_prune(p->index, p->settings, now_ms, &pruned, &p->err) <
	    0)
		fail_msg("%s", p->err.text);
	return pruned;
}

/* The settings of that test. */
static struct vault_conf *own(struct place *p)
{
	struct vault_conf *conf = ARENA_NEW(p->arena, struct vault_conf);

	*conf = *p->settings;
	p->settings = conf;
	return conf;
}

static void the_old_go(void **state)
{
	struct place *p = *state;
	struct vault_pruned pruned;

	store_some(p, 1, 5);
	pruned = prune(p, T0 + 30 * DAY_MS + 3500);
	assert_int_equal(pruned.messages, 3);
	assert_int_equal(pruned.early, 0);
	assert_string_equal(all(p), "id0005 id0004");
	assert_int_not_equal(access(path_of(p, "id0001", ".held"), F_OK), 0);
	assert_int_equal(sync_now(p).gone, 0);
}

static void too_many_go(void **state)
{
	struct place *p = *state;
	struct vault_pruned pruned;

	own(p)->messages = 2;
	store_some(p, 1, 5);
	pruned = prune(p, T0 + 10000);
	assert_int_equal(pruned.messages, 3);
	assert_int_equal(pruned.early, 3);
	assert_string_equal(all(p), "id0005 id0004");
}

static void too_many_bytes_go(void **state)
{
	struct place *p = *state;
	struct vault_stats stats;

	own(p)->size.n = 4000;
	store_some(p, 1, 5);
	assert_int_equal(prune(p, T0 + 10000).early, 2);
	assert_string_equal(all(p), "id0005 id0004 id0003");
	assert_int_equal(vault_index_stats(p->index, &stats, &p->err), 0);
	assert_true(stats.all.bytes <= 4000);
}

static void one_that_is_taken_does_not_expire(void **state)
{
	struct place *p = *state;
	struct vault_message m, other;

	store_some(p, 1, 2);
	assert_int_equal(take(p, "id0001", &m), VAULT_FOUND);
	assert_int_equal(prune(p, T0 + 60 * DAY_MS).messages, 1);
	assert_string_equal(all(p), "id0001");
	assert_int_equal(take(p, "id0001", &other), VAULT_BUSY);
	/* It is renamed under the lock: whoever comes next finds it. */
	assert_int_equal(vault_message_released(p->vault, &m, &p->err), 0);
	vault_message_close(&m);
	assert_int_equal(take(p, "id0001", &other), VAULT_FOUND);
	assert_int_equal(other.state, VAULT_RELEASED);
	vault_message_close(&other);
	assert_int_equal(prune(p, T0 + 60 * DAY_MS).messages, 1);
	assert_string_equal(all(p), "");
}

static void make_file(struct place *p, const char *name, int64_t age_s)
{
	const char *path =
		arena_printf(p->arena, "%s/vault/%s", p->folder, name).p;
	struct timespec times[2] = {{.tv_sec = time(NULL) - age_s},
				    {.tv_sec = time(NULL) - age_s}};

	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool is_there(struct place *p, const char *name)
{
	return access(arena_printf(p->arena, "%s/vault/%s", p->folder, name).p,
		      F_OK) == 0;
}

static void leftovers_go(void **state)
{
	struct place *p = *state;

	make_file(p, "tmp/old", 3700);
	make_file(p, "tmp/new", 3000);
	prune(p, clock_wall_us() / 1000);
	assert_false(is_there(p, "tmp/old"));
	assert_true(is_there(p, "tmp/new"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_stored_is_found_newest_first),
		CASE(lists_are_filtered),
		CASE(an_id_may_be_short),
		CASE(what_others_do_to_files_is_seen),
		CASE(numbers_grow_and_outlive_a_reindex),
		CASE(an_index_made_anew_is_the_same),
		CASE(a_damaged_index_is_made_anew),
		CASE(a_damaged_file_is_told_and_left_alone),
		CASE(a_changed_byte_is_noticed),
		CASE(the_old_go),
		CASE(too_many_go),
		CASE(too_many_bytes_go),
		CASE(one_that_is_taken_does_not_expire),
		CASE(leftovers_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
