/*
 * One message at a time is under way. Its record comes by the way of all
 * records, which is thereby tried too; the Message-ID tells which it is.
 */
#include "milter/daemon/health.h"
#include "common/base/clock.h"
#include "common/base/wake.h"
#include "common/verdict/wire.h"
#include "milter/checks/antivirus_conf.h"
#include "milter/daemon/notice_conf.h"
#include "milter/daemon/probe.h"
#include "milter/daemon/settings.h"
#include "milter/engine/policy.h"
#include "milter/store/history.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PROBE_MS 6000  /* for the message */
#define RECORD_MS 2000 /* for its record, after that */
#define FRESH_MS 2000  /* how long an answer is good for */
#define ANSWER_MAX 4096

enum part {
	WORKERS,
	DNS,
	STORE,
	RECORDS,
	HISTORY,
	VAULT,
	SCANNER,
	NOTICES,
	PARTS
};
static const char *const part_words[PARTS] = {
	"workers", "dns",   "store",   "records",
	"history", "vault", "scanner", "notices"};

struct finding {
	bool ill;
	char text[256];
};

struct health {
	struct health_options options;
	struct policy *policy;
	struct archive *archive;
	struct custody *custody;
	struct notices *notices;

	pthread_mutex_t asking; /* held by the one that probes */
	int64_t answered_ms;
	bool ill;
	char answer[ANSWER_MAX];

	pthread_mutex_t lock; /* of the rest */
	struct wake wake;
	char nonce[24];
	struct arena *arena; /* of the record */
	struct slice packed; /* empty: it has not come */
};

struct health *health_new(const struct health_options *options)
{
	struct health *health = calloc(1, sizeof(*health));
	struct err err;

	if (!health)
		return NULL;
	health->options = *options;
	health->arena = arena_new(0);
	health->policy = policy_new(options->conf, NULL, &err);
	pthread_mutex_init(&health->asking, NULL);
	pthread_mutex_init(&health->lock, NULL);
	return health;
}

void health_free(struct health **health)
{
	struct health *h = *health;

	if (!h)
		return;
	policy_free(&h->policy);
	arena_free(&h->arena);
	pthread_mutex_destroy(&h->asking);
	pthread_mutex_destroy(&h->lock);
	free(h);
	*health = NULL;
}

void health_set_archive(struct health *h, struct archive *archive)
{
	h->archive = archive;
}

void health_set_custody(struct health *h, struct custody *custody)
{
	h->custody = custody;
}

void health_set_notices(struct health *h, struct notices *notices)
{
	h->notices = notices;
}

void health_record(struct health *h, struct slice packed)
{
	struct record record;
	struct arena *arena = arena_new(0);

	pthread_mutex_lock(&h->lock);
	if (h->nonce[0] && h->packed.n == 0 &&
	    record_unpack(arena, packed, &record) &&
	    slice_search_nocase(record.message_id, slice_cstr(h->nonce)) <
		    record.message_id.n) {
		h->packed = arena_dup(h->arena, packed);
		wake_all(&h->wake);
	}
	pthread_mutex_unlock(&h->lock);
	arena_free(&arena);
}

static void expect_record(struct health *h)
{
	uint64_t chance = 0;

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = (uint64_t)clock_mono_us() * 0x9e3779b97f4a7c15u;
	pthread_mutex_lock(&h->lock);
	arena_reset(h->arena);
	h->packed = SLICE_NONE;
	snprintf(h->nonce, sizeof(h->nonce), "p%016" PRIx64, chance);
	pthread_mutex_unlock(&h->lock);
}

/* False when it did not come; its slices live until the next probe. */
static bool await_record(struct health *h, struct record *record_r)
{
	int64_t until_ms = clock_mono_ms() + RECORD_MS;
	bool came;

	pthread_mutex_lock(&h->lock);
	while (h->packed.n == 0 && clock_mono_ms() < until_ms) {
		unsigned seen = wake_count(&h->wake);

		pthread_mutex_unlock(&h->lock);
		wake_wait(&h->wake, seen, until_ms - clock_mono_ms());
		pthread_mutex_lock(&h->lock);
	}
	came = h->packed.n > 0 && record_unpack(h->arena, h->packed, record_r);
	h->nonce[0] = '\0';
	pthread_mutex_unlock(&h->lock);
	return came;
}

static void __attribute__((format(printf, 3, 4)))
find(struct finding *finding, bool ill, const char *format, ...)
{
	va_list args;

	finding->ill = ill;
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

static void look_at_store(const struct health *h, struct finding *finding)
{
	unsigned down =
		(unsigned)counters_sum(h->options.counters, GAUGE_STORE_DOWN);

	if (down > 0)
		find(finding, true,
		     "%u processes cannot use it: no greylisting, no rates; "
		     "the log says why",
		     down);
	else
		find(finding, false, "in use by all workers");
}

static void look_at_history(const struct health *h, struct finding *finding)
{
	const struct history_conf *conf =
		conf_group(h->options.conf, &history_settings);
	struct err why;

	if (!conf->enabled)
		find(finding, false, "switched off (history.enabled)");
	else if (archive_trouble(h->archive, &why))
		find(finding, true, "not written: %.200s", why.text);
	else
		find(finding, false, "written");
}

static void look_at_vault(const struct health *h, struct finding *finding)
{
	struct err why;

	if (h->custody && custody_trouble(h->custody, &why))
		find(finding, true, "%.250s", why.text);
	else
		find(finding, false, "%u messages",
		     (unsigned)counters_highest(h->options.counters,
						GAUGE_VAULT_MESSAGES));
}

static void look_at_scanner(const struct health *h, struct finding *finding)
{
	const struct counters *counters = h->options.counters;
	uint64_t state = counters_highest(counters, GAUGE_SCAN_STATE);

	if (!antivirus_wants_scanner(h->options.conf))
		find(finding, false, "none is wanted (antivirus.engine)");
	else if (state == SCAN_STATE_LOADING)
		find(finding, false, "loads its signatures");
	else if (state == SCAN_STATE_NONE)
		find(finding, true,
		     "no signatures are in use, messages are unscanned; the "
		     "log says why");
	else if (counters_highest(counters, GAUGE_SCAN_OVERAGED) > 0)
		find(finding, true,
		     "the signatures are older than antivirus.max_age");
	else if (counters_highest(counters, GAUGE_SCAN_FAILED) > 0)
		find(finding, true,
		     "new signatures cannot be loaded; the log says why");
	else if (counters_highest(counters, GAUGE_SCAN_RESTLESS) > 0)
		find(finding, true,
		     "the signatures keep changing (scanner.restless)");
	else
		find(finding, false, "scans for %llu signatures",
		     (unsigned long long)counters_highest(counters,
							  GAUGE_SIGNATURES));
}

static void look_at_notices(const struct health *h, struct finding *finding)
{
	const struct notices_conf *conf =
		conf_group(h->options.conf, &notices_settings);
	struct err why;

	if (!conf->enabled)
		find(finding, false, "switched off (notices.enabled)");
	else if (h->notices && notices_trouble(h->notices, &why))
		find(finding, true, "%.250s", why.text);
	else
		find(finding, false, "%u wait to be sent",
		     (unsigned)counters_highest(h->options.counters,
						GAUGE_NOTICES_QUEUED));
}

static void look_at_dns(const struct record *record, struct finding *finding)
{
	unsigned asked = record->dns_asked, failed = record->dns_failed;

	/* A list or a zone that is silent is not all of DNS. */
	if (failed * 2 > asked)
		find(finding, true, "%u of %u questions had no answer", failed,
		     asked);
	else
		find(finding, false,
		     "%u of %u questions answered, %u of them "
		     "from the cache",
		     asked - failed, asked, record->dns_cached);
}

static void look_at_workers(struct health *h, struct finding found[PARTS])
{
	const struct daemon_conf *daemon =
		conf_group(h->options.conf, &daemon_settings);
	const struct probe probe = {
		.listen = daemon->listen.n ? daemon->listen.v[0].p : "",
		.domain =
			h->policy ? policy_authserv_id(h->policy) : "localhost",
		.nonce = h->nonce,
		.deadline_ms = clock_mono_ms() + PROBE_MS,
	};
	struct record record;
	struct err err = {""};
	int64_t us = 0;

	if (probe_run(&probe, &us, &err) < 0) {
		find(&found[WORKERS], true, "no verdict: %.200s", err.text);
		find(&found[DNS], false, "not known without a verdict");
		find(&found[RECORDS], false, "not known without a verdict");
		return;
	}
	find(&found[WORKERS], false, "a message was judged in %.1f ms",
	     (double)us / 1000);
	if (await_record(h, &record)) {
		look_at_dns(&record, &found[DNS]);
		find(&found[RECORDS], false, "come from the workers");
	} else {
		find(&found[DNS], false, "not known without a record");
		find(&found[RECORDS], true,
		     "the record of a message did not come");
	}
}

static void write_answer(struct health *h, const struct finding found[PARTS])
{
	size_t n = 0;

	h->ill = false;
	for (int i = 0; i < PARTS; i++)
		h->ill |= found[i].ill;
	n += (size_t)snprintf(h->answer, ANSWER_MAX, "%s\n",
			      h->ill ? "ill" : "well");
	for (int ill = 1; ill >= 0; ill--)
		for (int i = 0; i < PARTS; i++)
			if (found[i].ill == ill)
				n += (size_t)snprintf(
					h->answer + n, ANSWER_MAX - n,
					"%-8s %-5s %s\n", part_words[i],
					ill ? "ill" : "well", found[i].text);
}

static void ask(struct health *h)
{
	struct finding found[PARTS] = {0};

	expect_record(h);
	look_at_workers(h, found);
	look_at_store(h, &found[STORE]);
	look_at_history(h, &found[HISTORY]);
	look_at_vault(h, &found[VAULT]);
	look_at_scanner(h, &found[SCANNER]);
	look_at_notices(h, &found[NOTICES]);
	write_answer(h, found);
	counter_add_at(h->options.slot, COUNTER_HEALTH_PROBES,
		       h->ill ? PROBE_BAD : PROBE_GOOD, 1);
	h->answered_ms = clock_mono_ms();
}

void health_answer(struct health *h, struct http_reply *reply)
{
	pthread_mutex_lock(&h->asking);
	if (h->answered_ms == 0 || clock_mono_ms() - h->answered_ms > FRESH_MS)
		ask(h);
	reply->status = h->ill ? 503 : 200;
	reply->type = "text/plain; charset=utf-8";
	reply->body = arena_dup(reply->arena, slice_cstr(h->answer));
	pthread_mutex_unlock(&h->asking);
}
