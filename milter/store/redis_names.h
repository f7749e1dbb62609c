/*
 * Names of hosts, looked up without waiting longer than a deadline. The
 * system's own look-up knows none, so a thread does it, and what comes too
 * late is there the next time. An address found before is good until a new
 * one is known: Redis outlives a DNS server that does not answer.
 */
#ifndef GATEPOST_STORE_REDIS_NAMES_H
#define GATEPOST_STORE_REDIS_NAMES_H

#include "common/base/err.h"
#include "milter/store/redis_conn.h"

struct redis_names;

struct redis_names *redis_names_new(void);
void redis_names_free(struct redis_names **names);

/*
 * The addresses of that host, name or literal. -1: not known by the
 * deadline, which may have passed already.
 */
int redis_names_find(struct redis_names *names, const char *host, int port,
		     int64_t deadline_ms, struct redis_addresses *addresses_r,
		     struct err *err);
/* The address of a unix socket. */
int redis_names_path(const char *path, struct redis_addresses *addresses_r,
		     struct err *err);

#endif
