/*
 * The shipped lists. On by default are those with a long record, free for
 * a mail server of usual size that asks from a resolver of its own, and
 * whose listings say something precise. The rest stands here so that one
 * line turns it on; the reason is given with each. Free use has terms: see
 * the provider's page before a large site relies on a list.
 *
 * Points of the block lists are rspamd's, which years of mail have tuned.
 */
#include "milter/checks/rbl_lists.h"

#include <stddef.h>

#define DOMAINS "helo, ptr, sender, from, dkim"

const struct rbl_shipped rbl_shipped[] = {
	{
		.zone = "zen.spamhaus.org",
		.enabled = true,
		.ipv6 = true,
		.query = "address",
		.answers = {
			"127.0.0.2 RBL_SPAMHAUS_SBL 4.0 "
			"a source of spam (SBL)",
			"127.0.0.3 RBL_SPAMHAUS_CSS 2.0 "
			"a sender of low reputation (CSS)",
			"127.0.0.4-7 RBL_SPAMHAUS_XBL 4.0 "
			"an exploited host (XBL)",
			"127.0.0.9 RBL_SPAMHAUS_DROP 7.0 "
			"part of a hijacked network (DROP)",
			"127.0.0.10-11 RBL_SPAMHAUS_PBL 2.0 "
			"an address that should not send mail itself (PBL)",
		},
	},
	{
		.zone = "rep.mailspike.net",
		.enabled = true,
		.query = "address",
		.answers = {
			"127.0.0.10 RBL_MAILSPIKE_WORST 2.0 "
			"a sender of the worst reputation",
			"127.0.0.11 RBL_MAILSPIKE_VERY_BAD 1.5 "
			"a sender of very bad reputation",
			"127.0.0.12 RBL_MAILSPIKE_BAD 1.0 "
			"a sender of bad reputation",
			"127.0.0.13-17 RBL_MAILSPIKE_NEUTRAL 0.0 "
			"a sender of neutral reputation",
			"127.0.0.18 RBL_MAILSPIKE_GOOD -0.1 "
			"a sender of good reputation",
			"127.0.0.19 RBL_MAILSPIKE_VERY_GOOD -0.2 "
			"a sender of very good reputation",
			"127.0.0.20 RBL_MAILSPIKE_EXCELLENT -0.4 "
			"a sender of excellent reputation",
		},
	},
	{
		.zone = "list.dnswl.org",
		.enabled = true,
		.ipv6 = true,
		.query = "address",
		.answers = {
			"127.0.0.255 refused",
			"127.0.*.0 RBL_DNSWL_NONE 0.0 a sender without trust",
			"127.0.*.1 RBL_DNSWL_LOW -0.1 a sender of low trust",
			"127.0.*.2 RBL_DNSWL_MEDIUM -0.2 "
			"a sender of medium trust",
			"127.0.*.3 RBL_DNSWL_HIGH -0.5 a sender of high trust",
		},
	},
	{
		/* It has no entry that is always listed. */
		.zone = "dwl.dnswl.org",
		.enabled = true,
		.query = "dkim",
		.test_listed = "none",
		.answers = {
			"127.0.0.255 refused",
			"127.0.*.0 RBL_DWL_NONE 0.0 a domain without trust",
			"127.0.*.1 RBL_DWL_LOW -1.0 a domain of low trust",
			"127.0.*.2 RBL_DWL_MEDIUM -2.0 "
			"a domain of medium trust",
			"127.0.*.3 RBL_DWL_HIGH -3.5 a domain of high trust",
		},
	},
	{
		.zone = "dbl.spamhaus.org",
		.enabled = true,
		.query = DOMAINS,
		.test_listed = "dbltest.com",
		.test_unlisted = "example.com",
		.answers = {
			/* What an address gets that is asked for here. */
			"127.0.1.255 refused",
			"127.0.1.2 RBL_DBL_SPAM 6.5 a spam domain",
			"127.0.1.4 RBL_DBL_PHISH 7.5 a phishing domain",
			"127.0.1.5 RBL_DBL_MALWARE 7.5 a malware domain",
			"127.0.1.6 RBL_DBL_BOTNET 7.5 "
			"a domain that controls a botnet",
			"127.0.1.102 RBL_DBL_ABUSED 5.0 "
			"an abused legitimate domain (spam)",
			"127.0.1.103 RBL_DBL_REDIRECTOR 5.0 "
			"an abused redirector",
			"127.0.1.104 RBL_DBL_ABUSED_PHISH 6.5 "
			"an abused legitimate domain (phishing)",
			"127.0.1.105 RBL_DBL_ABUSED_MALWARE 6.5 "
			"an abused legitimate domain (malware)",
			"127.0.1.106 RBL_DBL_ABUSED_BOTNET 6.5 "
			"an abused legitimate domain (botnet)",
		},
	},
	{
		.zone = "multi.surbl.org",
		.enabled = true,
		.query = DOMAINS,
		.test_listed = "surbl-org-permanent-test-point.com",
		.test_unlisted = "example.com",
		.answers = {
			"127.0.0.1 refused",
			"&8 RBL_SURBL_PHISH 7.5 a phishing domain",
			"&16 RBL_SURBL_MALWARE 7.5 a malware domain",
			"&64 RBL_SURBL_ABUSE 5.0 a spam domain",
			"&128 RBL_SURBL_CRACKED 5.0 "
			"the domain of a cracked site",
		},
	},
	{
		.zone = "multi.uribl.com",
		.enabled = true,
		.query = DOMAINS,
		.test_listed = "test.uribl.com",
		.test_unlisted = "example.com",
		.answers = {
			"127.0.0.1 refused",
			"&2 RBL_URIBL_BLACK 7.5 a spam domain (black)",
			"&4 RBL_URIBL_GREY 2.5 "
			"a domain of unwanted bulk mail (grey)",
			"&8 RBL_URIBL_RED 0.5 a suspected domain (red)",
		},
	},
	{
		/* Off: lists for reports of any service, ssh and web too. */
		.zone = "bl.blocklist.de",
		.ipv6 = true,
		.query = "address",
		.answers = {
			"127.0.0.* RBL_BLOCKLIST_DE 4.0 "
			"a host that attacked others",
		},
	},
	{
		/* Off: listings are by one strike and short-lived. */
		.zone = "bl.spamcop.net",
		.query = "address",
		.answers = {
			"127.0.0.2 RBL_SPAMCOP 2.0 "
			"a source of reported spam",
		},
	},
	{
		/* Off: answers only to resolvers that were registered. */
		.zone = "b.barracudacentral.org",
		.query = "address",
		.answers = {
			"127.0.0.2 RBL_BARRACUDA 2.0 a source of spam",
		},
	},
	{
		/* Off: run by volunteers, with outages. */
		.zone = "bl.spameatingmonkey.net",
		.query = "address",
		.answers = {
			"127.0.0.2-3 RBL_SEM 1.0 a source of spam",
		},
	},
	{
		/* Off: a small list, of use mainly in central Europe. */
		.zone = "bip.virusfree.cz",
		.query = "address",
		.answers = {
			"127.0.0.2 RBL_VIRUSFREE_BOTNET 2.0 "
			"a host of a botnet",
		},
	},
	{
		/* Off: lists on first contact of a spam trap. */
		.zone = "psbl.surriel.com",
		.query = "address",
		.answers = {
			"127.0.0.2 RBL_PSBL 1.0 "
			"a host that wrote to a spam trap",
		},
	},
	{
		/* Off: run by volunteers, with outages. */
		.zone = "uribl.spameatingmonkey.net",
		.query = DOMAINS,
		.test_listed = "none",
		.answers = {
			"127.0.0.2 RBL_SEM_DOMAIN 3.5 a spam domain",
		},
	},
	{
		/* Off: a new domain is no offence; useful with others. */
		.zone = "fresh15.spameatingmonkey.net",
		.query = DOMAINS,
		.test_listed = "none",
		.answers = {
			"&2 RBL_SEM_FRESH15 3.0 "
			"a domain registered in the last 15 days",
		},
	},
	{0},
};
