/*
 * Asks for a name that every DNS server knows something about. No such
 * name, or no such record, is as good an answer as any.
 */
#include "milter/net/dns_watch.h"
#include "common/base/log.h"

#define SILENT_MS 5000
#define AGAIN_MS 10000

static void done(struct dns_waiter *waiter, const struct dns_answer *answer)
{
	struct dns_watch *watch =
		(struct dns_watch *)((char *)waiter -
				     offsetof(struct dns_watch, waiter));

	atomic_store(&watch->answer, answer);
}

static void complain(struct dns_watch *watch, const char *why)
{
	if (watch->warned)
		return;
	watch->warned = true;
	log_warn("DNS gives no answer (%s): SPF, DKIM, DMARC and the DNS lists "
		 "say temperror, and mail is let through; look at dns.servers "
		 "and at the way there",
		 why);
}

/* What came of the question; the reference is ours. */
static void look_at(struct dns_watch *watch, const struct dns_answer *answer)
{
	watch->asking = false;
	if (answer->status == DNS_TEMPFAIL) {
		complain(watch, answer->why);
	} else {
		watch->over = true;
		if (watch->warned)
			log_info("DNS answers");
	}
	dns_answer_unref(answer);
}

void dns_watch_tick(struct dns_watch *watch, struct resolver *resolver,
		    int64_t now_ms)
{
	const struct dns_answer *answer = atomic_exchange(&watch->answer, NULL);

	if (answer)
		look_at(watch, answer);
	if (watch->over)
		return;
	if (watch->asking) {
		if (now_ms - watch->asked_ms >= SILENT_MS)
			complain(watch, "silence");
		return;
	}
	if (watch->asked_ms > 0 && now_ms - watch->asked_ms < AGAIN_MS)
		return;
	watch->asking = true;
	watch->asked_ms = now_ms;
	watch->waiter = (struct dns_waiter){.done = done};
	answer = resolver->ask(resolver, DNS_A, SLICE("example"),
			       &watch->waiter);
	if (answer)
		look_at(watch, answer);
}
