/*
 * Makes and ends a store. The table of back ends stands here; everything
 * that happens to calls is in store_calls.c and store_thread.c.
 */
#include "milter/store/store_private.h"
#include "common/base/clock.h"
#include "common/verdict/fingerprint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const struct setting store_rows[] = {
	SETTING(struct store_conf, store, "sqlite:store.db", NULL, NULL,
		"where the state is kept that workers share: sqlite:PATH "
		"(below state_dir if relative) for one host; for several, "
		"redis://[USER:PASSWORD@]HOST[:PORT],…[/DB], "
		"redis+unix:[USER:PASSWORD@]PATH[?db=N] or "
		"redis-sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DB]; "
		"rediss:// and rediss-sentinel:// with TLS"),
	SETTING_END,
};

const struct settings_group store_settings = {
	.section = "",
	.rows = store_rows,
	.conf_size = sizeof(struct store_conf),
	.doc = "Where the shared state is kept",
};

static const struct setting state_rows[] = {
	SETTING(struct state_conf, timeout, "100ms", "10ms", "10s",
		"how long a message waits for the store; then it goes on "
		"without greylisting and rates"),
	SETTING(struct state_conf, prefix, "gatepost", NULL, NULL,
		"what all keys in Redis begin with; installations that are "
		"to share nothing need different ones"),
	SETTING(struct state_conf, tls_ca, "", NULL, NULL,
		"file of the authorities (PEM) that may sign the "
		"certificates of Redis at rediss://; empty: the system's"),
	SETTING(struct state_conf, tls_cert, "", NULL, NULL,
		"file of our own certificate (PEM), if Redis wants one "
		"(tls-auth-clients); needs tls_key"),
	SETTING(struct state_conf, tls_key, "", NULL, NULL,
		"file of the key of tls_cert, which the user of the workers "
		"can read"),
	SETTING(struct state_conf, queue, "10000", "1", "1000000",
		"calls of one worker that may wait for the store at a time"),
	SETTING(struct state_conf, retry, "30s", "100ms", "1h",
		"longest pause between two tries to reach a store that does "
		"not work"),
	SETTING_END,
};

const struct settings_group state_settings = {
	.section = "state",
	.rows = state_rows,
	.conf_size = sizeof(struct state_conf),
	.doc = "How the store is used",
};

static const struct store_backend_class *const backends[] = {
	[STORE_KIND_SQLITE] = &store_sqlite,
	[STORE_KIND_REDIS] = &store_redis,
	[STORE_KIND_REDIS_UNIX] = &store_redis,
	[STORE_KIND_REDIS_SENTINEL] = &store_redis,
};

const char *store_status_words(enum store_status status)
{
	static const char *const words[] = {
		[STORE_DONE] = "done",
		[STORE_LATE] = "the store did not answer in time",
		[STORE_DOWN] = "the store does not work",
		[STORE_FAILED] = "the store could not do it",
	};

	return words[status];
}

static int read_url(struct arena *arena, const struct conf *conf,
		    const char *state_dir, struct store_url *url_r,
		    struct err *err)
{
	const struct store_conf *setting = conf_group(conf, &store_settings);

	if (store_url_parse(arena, setting->store.s, state_dir, url_r, err) < 0)
		return -1;
	return 0;
}

int store_check(const struct conf *conf, const char *state_dir, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct store_backend *backend = NULL;
	struct store_url url;

	/* Made but not connected: its other settings are read as well. */
	if (read_url(arena, conf, state_dir, &url, err) == 0)
		backend = backends[url.kind]->make(
			&url, conf_group(conf, &state_settings), err);
	if (backend)
		backend->class->free(backend);
	arena_free(&arena);
	return backend ? 0 : -1;
}

bool store_is_local(const struct conf *conf)
{
	struct arena *arena = arena_new(0);
	struct store_url url;
	struct err err;
	bool local = read_url(arena, conf, "/", &url, &err) == 0 &&
		     url.kind == STORE_KIND_SQLITE;

	arena_free(&arena);
	return local;
}

/*
 * Which boot of which host this is. Without the kernel's word each process
 * counts as a boot of its own: ages then go by wall clock.
 */
static uint64_t find_boot(void)
{
	unsigned char digest[FINGERPRINT];
	char id[64];
	uint64_t boot = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, sizeof(id));

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		n = getrandom(id, sizeof(id), GRND_NONBLOCK);
	fingerprint(&(struct slice){id, n > 0 ? (size_t)n : 0}, 1, digest);
	memcpy(&boot, digest, sizeof(boot));
	return boot ? boot : 1;
}

static void host_clock(void *with, struct store_time *now_r)
{
	const struct store *store = with;

	*now_r = (struct store_time){
		.boot = store->boot,
		.uptime_ms = clock_boot_ms(),
		.wall_ms = clock_wall_us() / 1000,
	};
}

/* All that the configuration says, copied. */
static int fill(struct store *store, const struct store_options *options,
		struct err *err)
{
	store->state = *(const struct state_conf *)conf_group(options->conf,
							      &state_settings);
	store->state.prefix.s = arena_dup(store->arena, store->state.prefix.s);
	if (read_url(store->arena, options->conf, options->state_dir,
		     &store->url, err) < 0)
		return -1;
	store->quiet = options->quiet;
	store->boot = find_boot();
	store->clock = options->clock ? options->clock : host_clock;
	store->clock_with = options->clock ? options->clock_with : store;
	store->backend = backends[store->url.kind]->make(&store->url,
							 &store->state, err);
	return store->backend ? 0 : -1;
}

/* Signals are for the threads that expect them. */
static int start_thread(struct store *store, struct err *err)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&store->thread, NULL, store_thread, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return err_set(err, "store: cannot start a thread: %s",
			       strerror(error));
	return 0;
}

static void store_discard(struct store *store)
{
	if (store->backend)
		store->backend->class->free(store->backend);
	store_queue_clear(&store->queue);
	pthread_mutex_destroy(&store->reason_lock);
	arena_free(&store->arena);
	free(store);
}

struct store *store_new(const struct store_options *options, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));
	const struct state_conf *state =
		conf_group(options->conf, &state_settings);

	if (!store) {
		err_set(err, "store: out of memory");
		return NULL;
	}
	store->arena = arena_new(0);
	pthread_mutex_init(&store->reason_lock, NULL);
	store_queue_init(&store->queue, (size_t)state->queue);
	if (fill(store, options, err) < 0 || start_thread(store, err) < 0) {
		store_discard(store);
		return NULL;
	}
	return store;
}

void store_free(struct store **store)
{
	if (!*store)
		return;
	store_queue_finish(&(*store)->queue);
	pthread_join((*store)->thread, NULL);
	store_discard(*store);
	*store = NULL;
}

void store_flush(struct store *store, int64_t deadline_ms)
{
	int64_t good;

	/* Calls are run in order: once this is answered, all before it are. */
	(void)store_trust(store, SLICE(""), deadline_ms, &good);
}

const char *store_name(const struct store *store)
{
	return store->url.name;
}

bool store_is_up(const struct store *store)
{
	return !atomic_load_explicit(&store->down, memory_order_relaxed);
}

int64_t store_deadline(const struct store *store)
{
	return clock_mono_ms() + store->state.timeout.ms;
}

static uint64_t get(const atomic_uint_least64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

void store_stats(const struct store *store, struct store_stats *stats_r)
{
	const struct store_counts *counts = &store->counts;

	*stats_r = (struct store_stats){
		.asked = get(&counts->asked),
		.done = get(&counts->done),
		.late = get(&counts->late),
		.failed = get(&counts->failed),
		.skipped = get(&counts->skipped),
		.downs = get(&counts->downs),
		.down = atomic_load(&store->down),
	};
}
