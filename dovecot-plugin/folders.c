/* A folder is known by its name as the user sees it. */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/folders.h"
#include "dovecot-plugin/settings.h"

const char *plugin_folder_with(struct mail_user *user, const char *use)
{
	struct mail_namespace *ns;
	struct mailbox_settings *const *boxes;
	unsigned int count;

	for (ns = user->namespaces; ns != NULL; ns = ns->next) {
		if (!array_is_created(&ns->set->mailboxes))
			continue;
		boxes = array_get(&ns->set->mailboxes, &count);
		for (unsigned int i = 0; i < count; i++)
			if (strcasestr(boxes[i]->special_use, use) != NULL)
				return t_strconcat(ns->prefix, boxes[i]->name,
						   NULL);
	}
	return NULL;
}

static bool is_junk(struct mailbox *box, const struct plugin_settings *settings)
{
	if (settings->junk != NULL)
		return strcmp(box->vname, settings->junk) == 0;
	return box->set != NULL &&
	       strcasestr(box->set->special_use, "\\Junk") != NULL;
}

enum folder_kind plugin_folder_kind(struct mailbox *box,
				    const struct plugin_settings *settings)
{
	if (strcmp(box->vname, settings->virus) == 0)
		return FOLDER_VIRUS;
	if (strcmp(box->vname, settings->quarantine) == 0)
		return FOLDER_QUARANTINE;
	if (is_junk(box, settings))
		return FOLDER_JUNK;
	if (box->set != NULL &&
	    strcasestr(box->set->special_use, "\\Trash") != NULL)
		return FOLDER_TRASH;
	return FOLDER_OTHER;
}
