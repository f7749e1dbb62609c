/* The names by which doveadm's loader finds the plugin. */
#ifndef GATEPOST_PLUGIN_DOVEADM_PLUGIN_H
#define GATEPOST_PLUGIN_DOVEADM_PLUGIN_H

struct module;

extern const char *const doveadm_gatepost_plugin_version;

void doveadm_gatepost_plugin_init(struct module *module);
void doveadm_gatepost_plugin_deinit(void);

#endif
