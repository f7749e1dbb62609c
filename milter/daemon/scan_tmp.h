/*
 * The temporary folder of one child of a scanner, below run_dir: empty when
 * it begins, and bounded in bytes.
 */
#ifndef GATEPOST_DAEMON_SCAN_TMP_H
#define GATEPOST_DAEMON_SCAN_TMP_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Makes it, mode 0700, or empties it. */
int scan_tmp_make(const char *path, struct err *err);
void scan_tmp_empty(const char *path);
void scan_tmp_remove(const char *path);
/* Bytes of all files below it. */
uint64_t scan_tmp_bytes(const char *path);
/*
 * Puts a file system of that size there, which this process alone sees.
 * False: the host does not let us; then somebody must watch the bytes.
 */
bool scan_tmp_mount(const char *path, uint64_t bytes);

#endif
