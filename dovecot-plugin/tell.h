/*
 * What a transaction has to tell the engine, gathered until it is committed:
 * a datagram for each kind of act, whatever the number of messages.
 */
#ifndef GATEPOST_PLUGIN_TELL_H
#define GATEPOST_PLUGIN_TELL_H

#include "common/verdict/feedback.h"

struct event;
struct mail_user;
struct plugin_settings;
struct tell;

/* Both outlive it. */
struct tell *plugin_tell_new(const struct plugin_settings *settings,
			     const struct mail_user *user);
/* One message more; `said->ids` and `said->user` are not looked at. */
void plugin_tell_add(struct tell *tell, const struct feedback *said,
		     const char *id);
/* Sends all, or drops what the socket does not take at once. */
void plugin_tell_send(struct tell *tell, struct event *event);
void plugin_tell_free(struct tell **tell);

#endif
