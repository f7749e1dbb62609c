/*
 * Attached files as a check: `check_attachments` in the table. See
 * attachments_conf.h for the rules, attachments_match.h for names.
 */
#ifndef GATEPOST_CHECKS_ATTACHMENTS_H
#define GATEPOST_CHECKS_ATTACHMENTS_H

#include "milter/checks/attachments_conf.h"
#include "milter/engine/check.h"
#include "milter/net/scan_report.h"

extern const struct check check_attachments;

/*
 * Findings, class and outcome by that report (NULL: nobody has taken the
 * message apart). The check's judge() does this with scanning_report().
 */
void attachments_judge(const struct attachment_rules *rules,
		       const struct scan_report *report,
		       struct verdict *verdict);

#endif
