/*
 * Reading settings, as Dovecot 2.3 does it. Dovecot 2.4 wants a
 * setting_parser_info and a settings module here (decision 0070).
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/events.h"
#include "dovecot-plugin/settings.h"

#include <math.h>
#include <stdlib.h>

#if PLUGIN_PREREQ(2, 4)
#error "This release of Gatepost has a plugin for Dovecot 2.3 only"
#endif

#define DEFAULT_FEEDBACK "/run/gatepost/feedback"
#define DEFAULT_KEY "/etc/gatepost/verdict.key"
/* More than the five days that Postfix keeps trying. */
#define DEFAULT_MAX_AGE "7d"

static void wrong(struct mail_user *user, const char *name, const char *allowed)
{
	plugin_error(user->event, "settings", "delivered",
		     t_strdup_printf("%s: cannot read its value; allowed: %s",
				     name, allowed));
}

static const char *text(struct mail_user *user, const char *name,
			const char *by_default)
{
	const char *value = mail_user_plugin_getenv(user, name);

	return value != NULL && *value != '\0' ? value : by_default;
}

static bool is_yes(struct mail_user *user, const char *name, bool by_default)
{
	const char *value = text(user, name, NULL);

	if (value == NULL)
		return by_default;
	if (strcasecmp(value, "yes") == 0)
		return true;
	if (strcasecmp(value, "no") == 0)
		return false;
	wrong(user, name, "yes, no");
	return by_default;
}

static struct policy_threshold threshold(struct mail_user *user,
					 const char *name)
{
	const char *value = text(user, name, NULL);
	struct policy_threshold found = {.set = value != NULL};
	char *end;

	if (!found.set)
		return found;
	found.score = strtod(value, &end);
	if (end == value || *end != '\0' || !isfinite(found.score)) {
		wrong(user, name, "a score, such as 6.5");
		found.set = false;
	}
	return found;
}

static int64_t seconds(struct mail_user *user, const char *name,
		       const char *by_default)
{
	const char *error;
	unsigned int found;

	if (settings_get_time(text(user, name, by_default), &found, &error) ==
	    0)
		return found;
	wrong(user, name, "a time, such as 7d");
	(void)settings_get_time(by_default, &found, &error);
	return found;
}

void plugin_settings_read(struct mail_user *user,
			  struct plugin_settings *settings_r)
{
	*settings_r = (struct plugin_settings){
		.policy =
			{
				.off = !is_yes(user, "gatepost", true),
				.pop3 = is_yes(user, "gatepost_pop3", false),
				.tag = threshold(user, "gatepost_tag"),
				.quarantine =
					threshold(user, "gatepost_quarantine"),
			},
		.key = text(user, "gatepost_key", DEFAULT_KEY),
		.quarantine = text(user, "gatepost_quarantine_mailbox",
				   "Quarantine/Spam"),
		.virus = text(user, "gatepost_virus_mailbox",
			      "Quarantine/Virus"),
		.junk = text(user, "gatepost_junk_mailbox", NULL),
		.max_age = seconds(user, "gatepost_max_age", DEFAULT_MAX_AGE),
		.feedback = is_yes(user, "gatepost_feedback", true),
		.allow_on_release =
			is_yes(user, "gatepost_allow_on_release", true),
		.feedback_socket = text(user, "gatepost_feedback_socket",
					DEFAULT_FEEDBACK),
	};
}
