/*
 * The commands of `doveadm gatepost`, one file each. Options are read from
 * their long names in init(), which neither fails nor ends the process: it
 * may be one that serves HTTP.
 */
#ifndef GATEPOST_PLUGIN_DOVEADM_COMMANDS_H
#define GATEPOST_PLUGIN_DOVEADM_COMMANDS_H

struct doveadm_cmd_ver2;

extern const struct doveadm_cmd_ver2 plugin_command_list;
extern const struct doveadm_cmd_ver2 plugin_command_release;
extern const struct doveadm_cmd_ver2 plugin_command_purge;
extern const struct doveadm_cmd_ver2 plugin_command_usage;

#endif
