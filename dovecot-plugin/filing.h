/*
 * Filing: every delivery by lmtp or dovecot-lda passes here before Sieve.
 */
#ifndef GATEPOST_PLUGIN_FILING_H
#define GATEPOST_PLUGIN_FILING_H

struct mail_user;

/* Called where a user's mail is opened; reads settings if it delivers. */
void plugin_filing_user(struct mail_user *user);
void plugin_filing_init(void);
void plugin_filing_deinit(void);

#endif
