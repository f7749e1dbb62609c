/*
 * Which folders mean something here: Junk and Trash by their special use,
 * whatever they are called, and those of quarantine by our settings.
 */
#ifndef GATEPOST_PLUGIN_FOLDERS_H
#define GATEPOST_PLUGIN_FOLDERS_H

struct mail_user;
struct mailbox;
struct plugin_settings;

enum folder_kind {
	FOLDER_OTHER,
	FOLDER_JUNK,
	FOLDER_TRASH,
	FOLDER_QUARANTINE,
	FOLDER_VIRUS,
};

/* The user's folder with that special use, on the data stack; or NULL. */
const char *plugin_folder_with(struct mail_user *user, const char *use);
enum folder_kind plugin_folder_kind(struct mailbox *box,
				    const struct plugin_settings *settings);

#endif
