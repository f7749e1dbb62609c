/*
 * libclamav: the database of a folder, compiled once, and what it says of
 * bytes. Processes that fork share the compiled pages. Whatever stops it
 * from looking at all is told as trouble, never as clean.
 */
#ifndef GATEPOST_SCAN_CLAMAV_H
#define GATEPOST_SCAN_CLAMAV_H

#include "common/base/err.h"
#include "milter/scan/found.h"

struct clamav;

struct clamav_options {
	const char *database;	/* folder */
	const char *tmp;	/* folder for its files while it loads */
	uint64_t scan_size, file_size;
	int64_t files, recursion, time_ms;
	bool macros, encrypted, phishing, pua;
};

/* What was loaded. */
struct clamav_about {
	char engine[64];		/* "ClamAV 1.4.6" */
	uint64_t engine_number;		/* 1004006 */
	uint64_t database_version;	/* of the daily signatures, or 0 */
	int64_t database_time;		/* of the newest */
	uint64_t signatures;
};

/* NULL: err says why; also when there is not a single signature. */
struct clamav *clamav_load(const struct clamav_options *options,
			   struct clamav_about *about_r, struct err *err);
void clamav_free(struct clamav **clamav);
/* Where its files go from now on; a child sets its own. */
int clamav_use_tmp(struct clamav *clamav, const char *tmp, struct err *err);
/* A scan_look with a struct clamav. */
void clamav_look(const void *clamav, struct slice bytes,
		 struct scan_found *found);

#endif
