/*
 * What the plugin tells Dovecot's statistics and its log. All events have
 * the category "gatepost" and the fields class and action, whose values are
 * a few words each; no field of ours names a user or a message's contents.
 */
#ifndef GATEPOST_PLUGIN_EVENTS_H
#define GATEPOST_PLUGIN_EVENTS_H

struct event;
struct mail_user;

/* gatepost_filed_finished; `id`: the engine's record, or NULL. */
void plugin_event_filed(const struct mail_user *user, const char *class,
			const char *place, const char *id);
/* gatepost_forged_finished, once a message: how many of its headers. */
void plugin_event_forged(const struct mail_user *user, const char *class,
			 unsigned int headers);
/* gatepost_released_finished: a message left quarantine. */
void plugin_event_released(struct event *parent, const char *class);
/* gatepost_feedback_finished: the engine was told of some, or was not. */
void plugin_event_feedback(struct event *parent, const char *class,
			   const char *action, unsigned int messages);
/* gatepost_error, and an error in the log. action: what became of it. */
void plugin_error(struct event *parent, const char *class, const char *action,
		  const char *text);
/* The same event, and nothing in the log: it was said before. */
void plugin_error_quiet(struct event *parent, const char *class,
			const char *action);

#endif
