/*
 * /healthz: sends a message of our own through a worker, looks at what its
 * record says, and names the part that is ill. Asked often, it answers from
 * what it found a moment ago.
 */
#ifndef GATEPOST_DAEMON_HEALTH_H
#define GATEPOST_DAEMON_HEALTH_H

#include "common/conf/conf.h"
#include "milter/daemon/archive.h"
#include "milter/daemon/custody.h"
#include "milter/daemon/http.h"
#include "milter/daemon/notices.h"

struct health;

struct health_options {
	const struct conf *conf;
	const struct counters *counters;
	struct counter_slot *slot;
};

/* What it is given outlives it. NULL: out of memory. */
struct health *health_new(const struct health_options *options);
void health_free(struct health **health);
/* Whose trouble is told; before the first answer. */
void health_set_archive(struct health *health, struct archive *archive);
void health_set_custody(struct health *health, struct custody *custody);
void health_set_notices(struct health *health, struct notices *notices);
/* A probe's record has come; on any thread. */
void health_record(struct health *health, struct slice packed);
/*
 * 200 if all is well, else 503; a line for each part, the ill ones first.
 * Waits for the message, some seconds at most.
 */
void health_answer(struct health *health, struct http_reply *reply);

#endif
