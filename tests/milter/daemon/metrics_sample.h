/* A small made-up mapping, for what is written of it. */
#ifndef GATEPOST_TESTS_METRICS_SAMPLE_H
#define GATEPOST_TESTS_METRICS_SAMPLE_H

#include "milter/daemon/counters.h"

/* False: the mapping could not be made; err says why. */
bool metrics_sample(struct counters *counters_r, struct err *err);

#endif
