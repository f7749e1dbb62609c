/*
 * Dovecot, as this plugin sees it: the only file that includes Dovecot's
 * headers, and, with settings.c, the only one that knows which release they
 * are of. What 2.4 changes in them beyond settings is for here.
 */
#ifndef GATEPOST_PLUGIN_COMPAT_H
#define GATEPOST_PLUGIN_COMPAT_H

/* Dovecot's headers are GNU C, where C11 has only this spelling. */
#define typeof __typeof__

#include <lib.h>
#include <array.h>
#include <ioloop.h>
#include <istream.h>
#include <lib-event.h>
#include <mail-deliver.h>
#include <mail-namespace.h>
#include <mail-search-build.h>
#include <mail-storage.h>
#include <mail-storage-hooks.h>
#include <mail-storage-private.h>
#include <mail-storage-settings.h>
#include <mail-user.h>
#include <message-header-parser.h>
#include <module-context.h>
#include <module-dir.h>
#include <quota.h>
#include <seq-range-array.h>
#include <settings-parser.h>
#include <str.h>

/* These lean on the ones above. */
#include <doveadm-mail-iter.h>
#include <doveadm-mail.h>
#include <doveadm-print.h>
#include <sysexits.h>

#define PLUGIN_PREREQ(major, minor)           \
	(DOVECOT_VERSION_MAJOR > (major) ||   \
	 (DOVECOT_VERSION_MAJOR == (major) && \
	  DOVECOT_VERSION_MINOR >= (minor)))

/* Seen by Dovecot's loader; everything else in the plugin is hidden. */
#define PLUGIN_EXPORT __attribute__((visibility("default")))

/*
 * Only lmtp and dovecot-lda have these. Being weak, they are NULL in other
 * processes, where a strong reference would keep the plugin, and with it the
 * user's session, from starting.
 */
#pragma weak mail_deliver_hook_set
#pragma weak mail_deliver_save

/* These are there if `quota` is in mail_plugins. */
#pragma weak quota_get_resource
#pragma weak quota_root_get_name
#pragma weak quota_root_iter_deinit
#pragma weak quota_root_iter_init_user
#pragma weak quota_root_iter_next

#endif
