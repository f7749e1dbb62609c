/*
 * The key that verdict headers are sealed with. One for each process that
 * delivers; others never open the file.
 */
#ifndef GATEPOST_PLUGIN_KEY_H
#define GATEPOST_PLUGIN_KEY_H

struct event;
struct seal_key;

/*
 * The key in the file `path`, read again when the file was replaced. NULL if
 * there is none that can be read: an error for each delivery in the
 * statistics, and in the log once in each process.
 */
const struct seal_key *plugin_key_get(const char *path, struct event *event);
void plugin_key_free(void);

#endif
