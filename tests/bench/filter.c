/*
 * Negotiation, events and replies. Anything a sane filter would not send
 * loses the connection, as in Postfix; nothing here retries.
 */
#include "tests/bench/filter.h"

#include <libmilter/mfdef.h>
#include <string.h>

#define VERSION 6
#define ACTIONS                                                          \
	(SMFIF_ADDHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_DELRCPT | \
	 SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_CHGFROM |              \
	 SMFIF_ADDRCPT_PAR | SMFIF_SETSYMLIST)
/* All events, no-reply bits, SKIP, RCPT_REJ and HDR_LEADSPC. */
#define PROTOCOL 0x1fffffu

static const struct {
	char code;
	unsigned stage; /* macro list */
	uint32_t no_event, no_reply;
} events[] = {
	[EVENT_CONNECT] = {SMFIC_CONNECT, SMFIM_CONNECT, SMFIP_NOCONNECT,
			   SMFIP_NR_CONN},
	[EVENT_HELO] = {SMFIC_HELO, SMFIM_HELO, SMFIP_NOHELO, SMFIP_NR_HELO},
	[EVENT_MAIL] = {SMFIC_MAIL, SMFIM_ENVFROM, SMFIP_NOMAIL, SMFIP_NR_MAIL},
	[EVENT_RCPT] = {SMFIC_RCPT, SMFIM_ENVRCPT, SMFIP_NORCPT, SMFIP_NR_RCPT},
	[EVENT_DATA] = {SMFIC_DATA, SMFIM_DATA, SMFIP_NODATA, SMFIP_NR_DATA},
	[EVENT_HEADER] = {SMFIC_HEADER, SMFIM_EOH, SMFIP_NOHDRS, SMFIP_NR_HDR},
	[EVENT_EOH] = {SMFIC_EOH, SMFIM_EOH, SMFIP_NOEOH, SMFIP_NR_EOH},
	[EVENT_BODY] = {SMFIC_BODY, SMFIM_EOM, SMFIP_NOBODY, SMFIP_NR_BODY},
	[EVENT_EOM] = {SMFIC_BODYEOB, SMFIM_EOM, 0, 0},
};

void filter_init(struct filter *f, const struct endpoint *endpoint)
{
	*f = (struct filter){.endpoint = endpoint};
	wire_init(&f->wire);
}

void filter_free(struct filter *f)
{
	wire_free(&f->wire);
}

static enum reply lose(struct filter *f)
{
	wire_close(&f->wire);
	f->session_over = true;
	f->standing = REPLY_LOST;
	return REPLY_LOST;
}

/* Reads "number, names" pairs: the filter's own macro lists. */
static bool override_macros(struct filter *f, struct slice rest)
{
	while (rest.n > 4) {
		uint32_t stage = wire_u32(rest.p);
		size_t end = slice_find(rest, 4, '\0');

		if (end == rest.n)
			return false;
		if (stage < MACRO_STAGES)
			macro_list_parse(slice_sub(rest, 4, end),
					 &f->macros[stage]);
		rest = slice_sub(rest, end + 1, rest.n);
	}
	return rest.n == 0;
}

static bool negotiate(struct filter *f)
{
	char offer[12];
	const struct slice part = {offer, sizeof(offer)};
	struct packet answer;

	wire_set_u32(offer, VERSION);
	wire_set_u32(offer + 4, ACTIONS);
	wire_set_u32(offer + 8, PROTOCOL);
	if (wire_send(&f->wire, SMFIC_OPTNEG, &part, 1) != 0 ||
	    wire_flush(&f->wire) != 0 || wire_read(&f->wire, &answer) != 0)
		return false;
	if (answer.code != SMFIC_OPTNEG || answer.data.n < 12 ||
	    wire_u32(answer.data.p) > VERSION ||
	    (wire_u32(answer.data.p + 4) & ~(uint32_t)ACTIONS) != 0)
		return false;
	f->protocol = wire_u32(answer.data.p + 8);
	return override_macros(f, slice_sub(answer.data, 12, answer.data.n));
}

void filter_open(struct filter *f)
{
	f->session_over = f->message_over = false;
	f->standing = REPLY_CONTINUE;
	f->skip = 0;
	macro_lists_default(f->macros);
	if (wire_open(&f->wire, f->endpoint) != 0 || !negotiate(f))
		lose(f);
}

/* A text with its NUL off the front of *rest. */
static bool take_text(struct arena *a, struct slice *rest, struct slice *text_r)
{
	size_t end = slice_find(*rest, 0, '\0');

	if (end == rest->n)
		return false;
	*text_r = arena_dup(a, slice_sub(*rest, 0, end + 1));
	*rest = slice_sub(*rest, end + 1, rest->n);
	return true;
}

static bool note_edit(struct edits *edits, const struct packet *p)
{
	struct slice rest = p->data;
	struct header_edit *edit = &edits->edit[edits->count];

	if (edits->count == EDITS_MAX)
		return false;
	*edit = (struct header_edit){.code = p->code};
	if (p->code != SMFIR_ADDHEADER) {
		if (rest.n < 4)
			return false;
		edit->index = wire_u32(rest.p);
		rest = slice_sub(rest, 4, rest.n);
	}
	if (!take_text(edits->arena, &rest, &edit->name) ||
	    !take_text(edits->arena, &rest, &edit->value) || rest.n > 0)
		return false;
	edits->count++;
	return true;
}

/* Requests that end-of-message allows before its reply; false: none such. */
static bool is_request(const struct packet *p, struct edits *edits)
{
	switch (p->code) {
	case SMFIR_ADDHEADER:
	case SMFIR_INSHEADER:
	case SMFIR_CHGHEADER:
		return note_edit(edits, p);
	case SMFIR_QUARANTINE:
		edits->quarantine = true;
		return true;
	case SMFIR_REPLBODY:
	case SMFIR_CHGFROM:
	case SMFIR_ADDRCPT:
	case SMFIR_ADDRCPT_PAR:
	case SMFIR_DELRCPT:
		return true;
	default:
		return false;
	}
}

/* A refusal at connect or HELO stands for the whole session. */
static enum reply refuse(struct filter *f, enum event event, enum reply reply)
{
	if (event <= EVENT_HELO) {
		f->session_over = true;
		f->standing = reply;
	}
	f->message_over = true;
	return reply;
}

static enum reply judge(struct filter *f, enum event event,
			const struct packet *p)
{
	switch (p->code) {
	case SMFIR_CONTINUE:
		return REPLY_CONTINUE;
	case SMFIR_SKIP:
		f->skip = events[event].code;
		return REPLY_CONTINUE;
	case SMFIR_ACCEPT:
		f->message_over = true;
		if (event <= EVENT_HELO)
			f->session_over = true;
		return REPLY_CONTINUE;
	case SMFIR_DISCARD:
		f->message_over = true;
		return REPLY_DISCARD;
	case SMFIR_REJECT:
		return refuse(f, event, REPLY_REJECT);
	case SMFIR_TEMPFAIL:
		return refuse(f, event, REPLY_TEMPFAIL);
	case SMFIR_REPLYCODE:
		return refuse(f, event,
			      p->data.n > 0 && p->data.p[0] == '5'
				      ? REPLY_REJECT
				      : REPLY_TEMPFAIL);
	default:
		return lose(f);
	}
}

static enum reply read_reply(struct filter *f, enum event event,
			     struct edits *edits)
{
	struct packet p;

	if (wire_flush(&f->wire) != 0)
		return lose(f);
	for (;;) {
		if (wire_read(&f->wire, &p) != 0)
			return lose(f);
		if (p.code == SMFIR_PROGRESS)
			continue;
		if (event == EVENT_EOM && edits && is_request(&p, edits))
			continue;
		return judge(f, event, &p);
	}
}

enum reply filter_event(struct filter *f, enum event event,
			const struct macros *macros, const struct slice *parts,
			size_t count, struct edits *edits)
{
	struct slice with[1 + MACRO_PARTS];
	const char code = events[event].code;
	size_t n;

	if (f->session_over)
		return f->standing;
	if (f->message_over)
		return REPLY_CONTINUE;
	if (f->skip == code)
		return REPLY_CONTINUE;
	f->skip = 0;
	with[0] = (struct slice){&code, 1};
	n = 1 + macro_parts(&f->macros[events[event].stage], macros, with + 1);
	if (wire_send(&f->wire, SMFIC_MACRO, with, n) != 0)
		return lose(f);
	if (f->protocol & events[event].no_event)
		return REPLY_CONTINUE;
	if (wire_send(&f->wire, code, parts, count) != 0)
		return lose(f);
	if (f->protocol & events[event].no_reply)
		return REPLY_CONTINUE;
	return read_reply(f, event, edits);
}

void filter_begin_message(struct filter *f)
{
	f->message_over = false;
}

void filter_abort(struct filter *f)
{
	if (!f->session_over && wire_send(&f->wire, SMFIC_ABORT, NULL, 0) != 0)
		lose(f);
}

void filter_flush(struct filter *f)
{
	if (!f->session_over && wire_flush(&f->wire) != 0)
		lose(f);
}

void filter_quit(struct filter *f)
{
	if (f->wire.fd < 0)
		return;
	if (wire_send(&f->wire, SMFIC_QUIT, NULL, 0) == 0)
		(void)wire_flush(&f->wire);
	wire_close(&f->wire);
}

bool filter_wants_space(const struct filter *f)
{
	return (f->protocol & SMFIP_HDR_LEADSPC) != 0;
}
