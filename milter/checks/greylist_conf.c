/* The section "greylist": rows, lists, and the file of known providers. */
#include "milter/checks/greylist_conf.h"
#include "common/base/log.h"
#include "milter/checks/dmarc.h"

#define SHIPPED_PROVIDERS PKGDATADIR "/greylist-providers"

static const struct setting rows[] = {
	SETTING(struct greylist_conf, mode, "score", "score|always|learn|off",
		NULL,
		"who is deferred once: doubtful messages, from "
		"actions.greylist points on (score), all from outside "
		"(always), none, but what score would do is recorded "
		"(learn), or none (off)"),
	SETTING(struct greylist_conf, delay, "5m", "1s", "12h",
		"how long after the first try a retry passes"),
	SETTING(struct greylist_conf, window, "1d", "1s", "30d",
		"how long after the first try a retry counts; one that comes "
		"later is a first try again"),
	SETTING(struct greylist_conf, pass_lifetime, "36d", "1s", "3650d",
		"how long a sender that has passed is known to a recipient, "
		"and a domain's good record kept; each use renews it"),
	SETTING(struct greylist_conf, ipv4_mask, "24", "8", "32",
		"bits of an IPv4 address that hosts of one sender share"),
	SETTING(struct greylist_conf, ipv6_mask, "64", "16", "128",
		"bits of an IPv6 address that hosts of one sender share"),
	SETTING(struct greylist_conf, recipients, "100", "1", "1000",
		"recipients of one message that are looked at, in the order "
		"of their names"),
	SETTING(struct greylist_conf, trust_after, "10", "0", "1000",
		"good messages on end (DMARC pass, below actions.greylist) "
		"after which a domain is trusted and never deferred; spam "
		"ends its record. 0: no domain is"),
	SETTING(struct greylist_conf, exempt_senders, "", NULL, NULL,
		"senders (envelope) that are never deferred: addresses, "
		"local parts for any domain (postmaster@), or domains with "
		"those below. Anyone can write such a sender; hosts in "
		"exempt_clients are what they say"),
	SETTING(struct greylist_conf, exempt_recipients, "", NULL, NULL,
		"recipients whose mail is never deferred, written like "
		"exempt_senders. A message has one answer: one such "
		"recipient is enough"),
	SETTING(struct greylist_conf, exempt_clients, "", NULL, NULL,
		"hosts that are never deferred: addresses, networks, or "
		"domains of their confirmed reverse names"),
	SETTING(struct greylist_conf, exempt_symbols,
		"RBL_DNSWL_LOW, RBL_DNSWL_MEDIUM, RBL_DNSWL_HIGH", NULL, NULL,
		"findings with which a message is never deferred; by "
		"default, that its host is on the allow list of dnswl.org "
		"with some trust: a server that is known would come back "
		"anyway"),
	SETTING(struct greylist_conf, providers, "", NULL, NULL,
		"file of large providers that retry from many hosts, which "
		"are never deferred: one domain of reverse names or network "
		"a line, '#' begins a comment. Empty: the one that comes "
		"with Gatepost; none: no such file"),
	SETTING_END,
};

const struct settings_group greylist_settings = {
	.section = "greylist",
	.rows = rows,
	.conf_size = sizeof(struct greylist_conf),
	.doc = "Greylisting: a message of an unproven sender is told to come "
	       "again (451), and passes when it does",
};

struct maker {
	struct arena *arena;
	const struct conf *conf;
	struct err *err;
};

/* An error that names the setting and where it stands. */
static int wrong(const struct maker *m, const char *name, const char *what)
{
	const char *at = conf_place(m->conf, &greylist_settings, name);

	return err_set(m->err, "%s%sgreylist.%s: %s", at ? at : "",
		       at ? ": " : "", name, what);
}

static int read_list(const struct maker *m, const char *name,
		     const struct strlist *entries, unsigned kinds,
		     struct greylist_names *list_r)
{
	struct err why;

	if (greylist_names_make(m->arena, entries, kinds, list_r, &why) < 0)
		return wrong(m, name, why.text);
	return 0;
}

static int read_lists(const struct maker *m, struct greylist_ready *ready)
{
	const struct greylist_conf *conf = ready->conf;
	const unsigned people = GREYLIST_ADDRESSES | GREYLIST_DOMAINS;

	if (read_list(m, "exempt_senders", &conf->exempt_senders, people,
		      &ready->senders) < 0 ||
	    read_list(m, "exempt_recipients", &conf->exempt_recipients, people,
		      &ready->recipients) < 0)
		return -1;
	return read_list(m, "exempt_clients", &conf->exempt_clients,
			 GREYLIST_DOMAINS | GREYLIST_NETWORKS, &ready->clients);
}

/* The shipped file may be missing: in a build folder, or by choice. */
static int read_providers(const struct maker *m, struct slice setting,
			  struct greylist_names *list_r)
{
	const char *path = setting.n > 0 ? arena_cstr(m->arena, setting)
					 : SHIPPED_PROVIDERS;
	struct err why;
	bool missing;

	*list_r = (struct greylist_names){0};
	if (slice_eq_nocase(setting, SLICE("none")))
		return 0;
	if (greylist_names_read(m->arena, path,
				GREYLIST_DOMAINS | GREYLIST_NETWORKS, list_r,
				&missing, &why) == 0)
		return 0;
	if (setting.n > 0 || !missing)
		return wrong(m, "providers", why.text);
	log_debug("greylist.providers: there is no %s, so no host is exempt "
		  "as that of a large provider",
		  path);
	return 0;
}

/*
 * For what is one organization. Without a list, domains must be the same;
 * that of the setting has been tried by DMARC, which says what is wrong.
 */
static struct suffixes *open_suffixes(const struct maker *m)
{
	const struct dmarc_conf *dmarc = conf_group(m->conf, &dmarc_settings);
	struct suffixes *suffixes;
	struct err why;

	suffixes = suffixes_open(
		dmarc ? arena_cstr(m->arena, dmarc->public_suffix_list.s)
		      : NULL,
		&why);
	if (!suffixes)
		log_debug("greylist: %s; senders count as one only where "
			  "their domain is the same",
			  why.text);
	return suffixes;
}

static int check_times(const struct maker *m, const struct greylist_conf *conf)
{
	if (conf->window.ms > conf->delay.ms)
		return 0;
	if (conf_place(m->conf, &greylist_settings, "window"))
		return wrong(m, "window",
			     "must be longer than greylist.delay, or no retry "
			     "would ever pass");
	return wrong(m, "delay",
		     "must be shorter than greylist.window, or no retry "
		     "would ever pass");
}

int greylist_conf_prepare(struct arena *arena, const struct conf *conf,
			  const void **ready_r, struct err *err)
{
	const struct maker m = {arena, conf, err};
	struct greylist_ready *ready = ARENA_NEW(arena, struct greylist_ready);

	ready->conf = conf_group(conf, &greylist_settings);
	if (check_times(&m, ready->conf) < 0)
		return -1;
	if (read_lists(&m, ready) < 0 ||
	    read_providers(&m, ready->conf->providers.s, &ready->providers) < 0)
		return -1;
	ready->suffixes = open_suffixes(&m);
	*ready_r = ready;
	return 0;
}

void greylist_conf_stop(const void *with, struct resolver *resolver)
{
	struct suffixes *suffixes =
		((const struct greylist_ready *)with)->suffixes;

	(void)resolver;
	if (suffixes)
		suffixes_close(&suffixes);
}

/* Those of the default may be missing: a list can be turned off. */
int greylist_conf_review(const struct engine *engine, const void *with,
			 struct err *err)
{
	const struct greylist_ready *ready = with;
	const struct maker m = {NULL, engine_configuration(engine), err};
	const struct strlist *names = &ready->conf->exempt_symbols;

	if (!conf_place(m.conf, &greylist_settings, "exempt_symbols"))
		return 0;
	for (size_t i = 0; i < names->n; i++) {
		const char *near;
		struct err what;

		if (engine_symbol(engine, names->v[i]))
			continue;
		near = engine_nearest_symbol(engine, names->v[i]);
		err_set(&what, "there is no symbol '%.*s'%s%s%s",
			SLICE_FMT(names->v[i]), near ? "; did you mean '" : "",
			near ? near : "", near ? "'?" : "");
		return wrong(&m, "exempt_symbols", what.text);
	}
	return 0;
}
