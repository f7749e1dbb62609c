/*
 * Who is never deferred. Each function says the reason in words, or gives
 * an empty slice where there is none.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_EXEMPT_H
#define GATEPOST_CHECKS_GREYLIST_EXEMPT_H

#include "milter/checks/greylist_conf.h"
#include "milter/store/store.h"

/* By the configuration and what the other checks found. */
struct slice greylist_exempt_settings(const struct mail *mail,
				      const struct greylist_ready *ready,
				      const struct greylist_try *attempt);

/*
 * By what the store knows: names that the administrator allowed, domains
 * with a good record. Not STORE_DONE: the store does not say.
 */
enum store_status greylist_exempt_store(const struct mail *mail,
					const struct greylist_ready *ready,
					const struct greylist_try *attempt,
					int64_t deadline_ms,
					struct slice *why_r);

#endif
