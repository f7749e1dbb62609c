/*
 * The setting `store`, read: where the state is kept.
 *
 *   sqlite:PATH                                  below state_dir if relative
 *   redis://[USER:PASSWORD@]HOST[:PORT],…[/DB]    one server, or nodes of a
 *                                                Cluster to begin with
 *   redis+unix:[USER:PASSWORD@]PATH[?db=N]        PATH begins with '/'
 *   redis-sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DB]
 *
 * rediss:// and rediss-sentinel:// are the same with TLS.
 * A server that is part of a Cluster is found out by asking it.
 * HOST is a name, an IPv4 address or [IPv6]. USER and PASSWORD may hold %XX;
 * ":PASSWORD@" is a password without a user.
 */
#ifndef GATEPOST_STORE_URL_H
#define GATEPOST_STORE_URL_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum store_kind {
	STORE_KIND_SQLITE,
	STORE_KIND_REDIS,
	STORE_KIND_REDIS_UNIX,
	STORE_KIND_REDIS_SENTINEL,
};

struct store_host {
	const char *host;
	int port;
};
#define STORE_HOSTS_MAX 16

struct store_url {
	enum store_kind kind;
	const char *path;	/* SQLite's file, or the unix socket */
	struct store_host hosts[STORE_HOSTS_MAX];
	size_t host_count;
	const char *user;	/* NULL: none */
	const char *password;	/* NULL: none */
	const char *service;	/* Sentinel's NAME; else NULL */
	int db;
	bool tls;
	const char *name;	/* for messages; without the password */
};

/* -1 and err, which names the setting and never shows a password. */
int store_url_parse(struct arena *arena, struct slice text,
		    const char *state_dir, struct store_url *url_r,
		    struct err *err);

#endif
