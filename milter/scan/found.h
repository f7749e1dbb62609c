/*
 * What looks for viruses, as the way of a message through the scanner sees
 * it: a function that is called with the whole message and with each of its
 * leaves, and adds up what it finds.
 */
#ifndef GATEPOST_SCAN_FOUND_H
#define GATEPOST_SCAN_FOUND_H

#include "milter/net/scan_report.h"

/* What was found in the bytes of one message, over all calls. */
struct scan_found {
	struct arena *arena;	/* of the names */
	struct slice names[SCAN_NAMES_MAX];
	size_t name_count;
	bool signature;		/* a name that is not of a limit */
	bool encrypted_pdf;	/* a PDF that needs a password */
	enum scan_trouble trouble;
	struct slice reason;
};

typedef void scan_look(const void *with, struct slice bytes,
		       struct scan_found *found);

struct scan_engine {
	scan_look *look;
	const void *with;
};

#endif
