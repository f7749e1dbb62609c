/*
 * libmilter's functions take char * where they only read; the casts away
 * from const are for them.
 */
#include "milter/daemon/apply.h"

#include <libmilter/mfapi.h>

/* libmilter refuses reply texts above 980 bytes; one byte may become two. */
#define REPLY_MAX 480

/*
 * One line of printable ASCII with every '%' doubled, since the MTA may
 * read it as a format.
 */
static void reply_escape(const char *text, char out[2 * REPLY_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < REPLY_MAX && text[i]; i++) {
		bool plain = text[i] >= 0x20 && text[i] < 0x7f;

		if (text[i] == '%')
			out[n++] = '%';
		out[n++] = plain ? text[i] : '?';
	}
	out[n] = '\0';
}

void apply_reply(struct smfi_str *ctx, const char *code, const char *status,
		 const char *text)
{
	char escaped[2 * REPLY_MAX + 1];

	reply_escape(text, escaped);
	/* Refused by libmilter, the MTA's own text for the class stands. */
	(void)smfi_setreply(ctx, (char *)code, (char *)status, escaped);
}

static int apply_edit(struct smfi_str *ctx, const struct edit *edit,
		      struct arena *arena, bool own_space)
{
	const char *value;

	if (edit->op == EDIT_DELETE)
		return smfi_chgheader(ctx, (char *)edit->name, (int)edit->index,
				      NULL);
	value = own_space ? arena_printf(arena, " %s", edit->value).p
			  : edit->value;
	return smfi_insheader(ctx, (int)edit->index, (char *)edit->name,
			      (char *)value);
}

int apply_decision(struct smfi_str *ctx, const struct decision *decision,
		   struct arena *arena, bool own_space, bool *failed_r)
{
	*failed_r = false;
	/* The vault has it: accepted, and the MTA forgets it. */
	if (decision->action == ACTION_QUARANTINE)
		return SMFIS_DISCARD;
	if (decision->action != ACTION_ACCEPT &&
	    decision->action != ACTION_TAG) {
		apply_reply(ctx, decision->reply_code, decision->reply_status,
			    decision->reply_text);
		return decision->reply_code[0] == '5' ? SMFIS_REJECT
						      : SMFIS_TEMPFAIL;
	}
	for (size_t i = 0; i < decision->edit_count && !*failed_r; i++)
		*failed_r = apply_edit(ctx, &decision->edits[i], arena,
				       own_space) != MI_SUCCESS;
	/* A forged header may have stayed: better to see the mail again. */
	return *failed_r ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
}
