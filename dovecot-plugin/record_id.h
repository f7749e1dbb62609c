/* Which record of the engine a message goes by. */
#ifndef GATEPOST_PLUGIN_RECORD_ID_H
#define GATEPOST_PLUGIN_RECORD_ID_H

struct mail;

/* What a verdict header says; "" where it says nothing. */
struct record_said {
	const char *id, *class, *score;
};

/*
 * Reads the first verdict header, to texts on the data stack. The key is not
 * at hand where this is asked, so nothing of it is proven. -1: the message
 * cannot be read.
 */
int plugin_record_read(struct mail *mail, struct record_said *said_r);
/*
 * Its record id alone, by which the engine finds what it has in its history;
 * NULL: there is none.
 */
const char *plugin_record_id(struct mail *mail);

#endif
