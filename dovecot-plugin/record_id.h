/* Which record of the engine a message goes by. */
#ifndef GATEPOST_PLUGIN_RECORD_ID_H
#define GATEPOST_PLUGIN_RECORD_ID_H

struct mail;

/*
 * What its first verdict header says, on the data stack; NULL: nothing. The
 * key is not at hand where this is asked, so it is not proven: the engine
 * asks its history.
 */
const char *plugin_record_id(struct mail *mail);

#endif
