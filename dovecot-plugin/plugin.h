/* The names by which Dovecot's loader finds the plugin. */
#ifndef GATEPOST_PLUGIN_PLUGIN_H
#define GATEPOST_PLUGIN_PLUGIN_H

struct module;

extern const char *const gatepost_plugin_version;

void gatepost_plugin_init(struct module *module);
void gatepost_plugin_deinit(void);

#endif
