/*
 * Verbs that go on until Ctrl-C: they wait for it themselves, so that they
 * can end in order, and no handler writes to a global.
 */
#ifndef GATEPOST_CLI_INTERRUPT_H
#define GATEPOST_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on, SIGINT and SIGTERM are held until they are waited for. */
void interrupt_hold(void);
/* Waits so long; true as soon as one of them has come. */
bool interrupt_wait(int ms);

#endif
