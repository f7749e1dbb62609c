/* gatepost quarantine release --allow-sender. */
#ifndef GATEPOST_CLI_QUARANTINE_ALLOW_H
#define GATEPOST_CLI_QUARANTINE_ALLOW_H

#include "milter/cli/quarantine.h"

struct quarantine_allow;

/* Opens the store; NULL and err if it cannot be. */
struct quarantine_allow *quarantine_allow_open(const struct quarantine *q,
					       struct err *err);
void quarantine_allow_close(struct quarantine_allow **allow);
/*
 * After a release to these recipients: lets the sender through greylisting,
 * and says so. The exit code, with all told.
 */
int quarantine_allow(const struct quarantine *q, struct quarantine_allow *allow,
		     const struct vault_message *m, const struct slice *rcpts,
		     size_t rcpt_count);

#endif
