/*
 * doveadm's plugin of Gatepost: what the administrator does with quarantine,
 * for one user or for all.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/doveadm_commands.h"
#include "dovecot-plugin/doveadm_plugin.h"
#include "dovecot-plugin/plugin.h"

/* Without this doveadm would load a plugin built for another release. */
PLUGIN_EXPORT const char *const doveadm_gatepost_plugin_version =
	DOVECOT_ABI_VERSION;

/*
 * doveadm loads its plugins, then those of mail, then its own that did not
 * find what they need. That must be this one: the other plugin tells the
 * engine of releases, and what is weak in compat.h has to be there by then.
 */
static const char *const *const needed __attribute__((used)) =
	&gatepost_plugin_version;

PLUGIN_EXPORT void
doveadm_gatepost_plugin_init(struct module *module ATTR_UNUSED)
{
	static const struct doveadm_cmd_ver2 *const commands[] = {
		&plugin_command_list,
		&plugin_command_release,
		&plugin_command_purge,
		&plugin_command_usage,
	};

	for (unsigned int i = 0; i < N_ELEMENTS(commands); i++) {
		/* doveadm fills in the rest of the row, and copies it. */
		struct doveadm_cmd_ver2 row = *commands[i];

		doveadm_cmd_register_ver2(&row);
	}
}

PLUGIN_EXPORT void doveadm_gatepost_plugin_deinit(void)
{
}
