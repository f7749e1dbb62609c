/* The verdict record of one message, from the engine's own structs. */
#ifndef GATEPOST_ENGINE_REPORT_H
#define GATEPOST_ENGINE_REPORT_H

#include "common/verdict/record.h"
#include "milter/engine/policy.h"

/* The record lives in the message's arena and points into the message. */
const struct record *report_make(const struct policy *policy,
				 const struct mail *mail,
				 const struct decision *decision);
/* Writes the record's line to the log, at level info. */
void report_log(const struct mail *mail, const struct record *record);

#endif
