/*
 * Events. Dovecot hands an event to its statistics when it is logged, also
 * where the log itself leaves debug lines out.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/events.h"

/* Dovecot keeps its own notes in here, and wants one of that name. */
static struct event_category category = {.name = "gatepost"};

static struct event_passthrough *named(struct event *parent, const char *name,
				       const char *class, const char *action)
{
	return event_create_passthrough(parent)
		->add_category(&category)
		->set_name(name)
		->add_str("class", class)
		->add_str("action", action);
}

/*
 * For what comes with each delivery. An event below the delivery's own would
 * make Dovecot write that and all above it to its statistics too: seven
 * writes a message in place of one. What those events know of the user is
 * put into this one.
 */
static struct event *alone(const struct mail_user *user, const char *name,
			   const char *class, const char *action)
{
	struct event *event = event_create(NULL);

	event_add_category(event, &category);
	event_set_name(event, name);
	event_add_str(event, "user", user->username);
	event_add_str(event, "session", user->session_id);
	event_add_str(event, "class", class);
	event_add_str(event, "action", action);
	return event;
}

void plugin_event_filed(const struct mail_user *user, const char *class,
			const char *place, const char *id)
{
	struct event *event =
		alone(user, "gatepost_filed_finished", class, place);

	e_debug(event, "gatepost: %s: %s: filed: %s",
		id != NULL ? id : "no record", class, place);
	event_unref(&event);
}

void plugin_event_forged(const struct mail_user *user, const char *class,
			 unsigned int headers)
{
	struct event *event =
		alone(user, "gatepost_forged_finished", class, "ignored");

	event_add_int(event, "headers", headers);
	e_debug(event, "gatepost: ignored %u verdict headers: %s", headers,
		class);
	event_unref(&event);
}

void plugin_event_released(struct event *parent, const char *class)
{
	struct event_passthrough *e =
		named(parent, "gatepost_released_finished", class, "released");

	e_debug(e->event(), "gatepost: %s: taken out of quarantine", class);
}

void plugin_event_feedback(struct event *parent, const char *class,
			   const char *action, unsigned int messages)
{
	struct event_passthrough *e =
		named(parent, "gatepost_feedback_finished", class, action)
			->add_int("messages", messages);

	e_debug(e->event(), "gatepost: %s: feedback on %u messages %s", class,
		messages, action);
}

void plugin_error(struct event *parent, const char *class, const char *action,
		  const char *text)
{
	struct event_passthrough *e =
		named(parent, "gatepost_error", class, action);

	e_error(e->event(), "gatepost: %s", text);
}

void plugin_error_quiet(struct event *parent, const char *class,
			const char *action)
{
	struct event_passthrough *e =
		named(parent, "gatepost_error", class, action);

	e_debug(e->event(), "gatepost: %s: as said before", class);
}
