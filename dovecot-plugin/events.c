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

void plugin_event_filed(struct event *parent, const char *class,
			const char *place, const char *id)
{
	struct event_passthrough *e =
		named(parent, "gatepost_filed_finished", class, place);

	e_debug(e->event(), "gatepost: %s: %s: filed: %s",
		id != NULL ? id : "no record", class, place);
}

void plugin_event_forged(struct event *parent, const char *class,
			 unsigned int headers)
{
	struct event_passthrough *e =
		named(parent, "gatepost_forged_finished", class, "ignored")
			->add_int("headers", headers);

	e_debug(e->event(), "gatepost: ignored %u verdict headers: %s", headers,
		class);
}

void plugin_event_released(struct event *parent, const char *class)
{
	struct event_passthrough *e = named(
		parent, "gatepost_released_finished", class, "released");

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
