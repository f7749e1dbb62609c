/*
 * Tells systemd what the master is doing, where it is built in and systemd
 * asked for it (Type=notify); otherwise does nothing.
 */
#ifndef GATEPOST_DAEMON_NOTIFY_H
#define GATEPOST_DAEMON_NOTIFY_H

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
