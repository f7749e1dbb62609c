/*
 * From what waits in the book to what is sent: a message of the index as an
 * item, and what waits for an address as a mail or as JSON.
 */
#ifndef GATEPOST_DAEMON_NOTICE_MAKE_H
#define GATEPOST_DAEMON_NOTICE_MAKE_H

#include "milter/daemon/notice_book.h"
#include "milter/daemon/notice_template.h"
#include "milter/store/vault_index.h"

/* Its texts are made safe; in the arena. */
struct notice_item notice_make_item(struct arena *arena,
				    const struct vault_item *from);

/* Who sends it and when; `number` parts those of one step. */
struct notice_maker {
	const struct notice_rules *rules;
	const struct notice_templates *templates;
	const struct notice_book *book;
	uint64_t step;
	unsigned number;
	int64_t now_ms;
};

/* A message for one that gets mail (notice_letter.h). */
struct slice notice_make_mail(struct arena *arena,
			      const struct notice_maker *maker,
			      const struct notice_address *address);
/* One JSON object for the hook (docs/notices.md). */
struct slice notice_make_json(struct arena *arena,
			      const struct notice_maker *maker,
			      const struct notice_address *address);

/*
 * Whether a message's Message-ID, with or without <>, is one of ours: only
 * who knows the book's secret, or has got a notice, can write one.
 */
bool notice_make_is_own(const struct notice_book *book,
			struct slice message_id);

#endif
