/* The verdict record of one message, from the engine's own structs. */
#ifndef GATEPOST_ENGINE_REPORT_H
#define GATEPOST_ENGINE_REPORT_H

#include "common/verdict/record.h"
#include "milter/engine/policy.h"

/* The record lives in the message's arena and points into the message. */
const struct record *report_make(const struct policy *policy,
				 const struct mail *mail,
				 const struct decision *decision);
/* The stages of SMTP, the judgement, and what was written after it. */
#define REPORT_STAGES (STAGE_COUNT + 2)
/* "connect", "helo" … "judge", "commit" */
const char *report_stage_word(unsigned stage);
/*
 * How long each stage took, in microseconds: from the end of the one before
 * it to its own. -1: the message did not come to it.
 */
void report_stages_us(const struct mail *mail, int64_t us_r[REPORT_STAGES]);
/* Writes the record's line to the log, at level info. */
void report_log(const struct mail *mail, const struct record *record);

#endif
