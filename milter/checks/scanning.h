/*
 * The scan of a message: begun once when the message has come, for whoever
 * wants its report: the checks antivirus and attachments.
 */
#ifndef GATEPOST_CHECKS_SCANNING_H
#define GATEPOST_CHECKS_SCANNING_H

#include "milter/engine/mail.h"
#include "milter/net/scan_report.h"

/*
 * The report, or NULL while the scan is under way (or none was begun). The
 * check "attachments" runs after "antivirus", so for it NULL means that
 * nobody scans.
 */
const struct scan_report *scanning_report(const struct mail *mail);

#endif
