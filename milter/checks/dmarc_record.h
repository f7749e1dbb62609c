/*
 * The DMARC policy record: the TXT record at _dmarc.NAME. Tags of reports
 * (ruf, fo, ri, rf) are not read, since no reports are sent.
 */
#ifndef GATEPOST_CHECKS_DMARC_RECORD_H
#define GATEPOST_CHECKS_DMARC_RECORD_H

#include "milter/engine/auth.h"
#include "milter/net/resolver.h"

/* The order of the words of the setting dmarc.discovery. */
enum dmarc_rfc { DMARC_RFC9989, DMARC_RFC7489 };

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_NO, DMARC_PSD_YES };

struct dmarc_record {
	/*
	 * False: there is no valid policy, nor anyone to report to, so DMARC
	 * does not apply (RFC 9989 4.10.1, RFC 7489 6.6.3). True without a
	 * valid policy: as if p=none had been published.
	 */
	bool usable;
	enum dmarc_policy p;
	enum dmarc_policy sp; /* subdomains; p where not published */
	enum dmarc_policy np; /* names that do not exist; else as sp */
	bool strict_dkim;     /* adkim=s */
	bool strict_spf;      /* aspf=s */
	bool testing;	      /* t=y (RFC 9989) */
	unsigned percent;     /* pct (RFC 7489); else 100 */
	enum dmarc_psd psd;   /* RFC 9989 */
};

/*
 * Whether the text is a DMARC record at all: its first tag is v, of value
 * DMARC1 in just these letters.
 */
bool dmarc_record_begins(struct slice text);

/*
 * Reads a text for which dmarc_record_begins(). Tags the RFC does not know,
 * and bad values of those that have a default, count for nothing.
 */
void dmarc_record_parse(struct slice text, enum dmarc_rfc rfc,
			struct dmarc_record *record_r);

/*
 * The DMARC record among TXT records. Returns how many there are (others
 * not counted); only where there is one is *record_r filled.
 */
size_t dmarc_record_select(const struct dns_answer *answer, enum dmarc_rfc rfc,
			   struct dmarc_record *record_r);

#endif
