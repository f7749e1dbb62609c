/* What the files of the engine share among themselves, and nobody else. */
#ifndef GATEPOST_ENGINE_PRIVATE_H
#define GATEPOST_ENGINE_PRIVATE_H

#include "milter/engine/engine.h"

const struct limits_conf *engine_limits(const struct engine *engine);
/* Gives a new message its look-ups, verdict and states. */
void engine_begin(struct mail *mail);
/* Ends the checks' states and the look-ups. */
void engine_end(struct mail *mail);

#endif
