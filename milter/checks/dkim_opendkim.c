/*
 * The one file that sees libopendkim (2.11.0 beta 2). What it is spared:
 *
 * - DNS: the key hook copies text that we have read, and never answers
 *   DKIM_CBSTAT_DEFAULT, which would start a blocking query.
 * - The body: its canonicalizer loses CRs, needs a final CRLF and cannot say
 *   how much l= left out; dkim_body.c hashes bodies. So there is no
 *   dkim_body() and no dkim_eom(); each signature is processed by itself and
 *   judged by its own flags.
 * - Header fields that no signature names: it matches h= against all fields
 *   it was given, and refuses odd ones.
 *
 * Its memory comes from an arena of the call with a bound, and each block is
 * 16 bytes longer than asked for, because dkim_canon_selecthdrs() writes one
 * pointer past its array when h= names more fields than there are.
 */
#include "milter/checks/dkim_opendkim.h"

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/clock.h"

#include <opendkim/dkim.h>
#include <stdlib.h>
#include <string.h>

#define PADDING 16
#define MEMORY_BASE (1024 * 1024)
/* h= times fields is what matching costs; past this we do it ourselves. */
#define FIELDS_MAX 2000

struct dkim_library {
	DKIM_LIB *exact;    /* no tolerance in time */
	DKIM_LIB *tolerant; /* t= may be slightly in the future */
};

/* One message in the library. */
struct run {
	struct arena *arena;
	size_t room; /* bytes it may still ask for */
	struct dkim_item *items;
	size_t count;
	DKIM_SIGINFO **infos; /* one for each item, in order */
};

static void *allocate(void *closure, size_t size)
{
	struct run *run = closure;

	if (size > run->room)
		return NULL;
	run->room -= size;
	return arena_alloc(run->arena, size + PADDING);
}

/* The arena goes as a whole. */
static void release(void *closure, void *block)
{
	(void)closure;
	(void)block;
}

static DKIM_CBSTAT look_up_key(DKIM *dkim, DKIM_SIGINFO *info, u_char *text_r,
			       size_t size)
{
	struct run *run = dkim_get_user_context(dkim);
	const struct dkim_key *key = NULL;
	struct buf text;

	for (size_t i = 0; i < run->count; i++)
		if (run->infos[i] == info)
			key = run->items[i].key;
	if (!key)
		return DKIM_CBSTAT_NOTFOUND;
	text = BUF(run->arena);
	if (key->algorithm == DKIM_ED25519_SHA256)
		buf_add_text(&text, "k=ed25519; ");
	buf_add_text(&text, "p=");
	buf_add(&text, base64_encode(run->arena, key->bytes));
	if (text.n >= size)
		return DKIM_CBSTAT_NOTFOUND;
	memcpy(text_r, text.p, text.n);
	text_r[text.n] = '\0';
	return DKIM_CBSTAT_CONTINUE;
}

static DKIM_LIB *open_library(uint64_t slack_s)
{
	u_int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
	DKIM_LIB *lib = dkim_init(allocate, release);

	if (!lib)
		return NULL;
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags,
		     sizeof(flags));
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &slack_s,
		     sizeof(slack_s));
	dkim_set_key_lookup(lib, look_up_key);
	return lib;
}

struct dkim_library *dkim_library_new(uint64_t slack_s)
{
	struct dkim_library *library = calloc(1, sizeof(*library));

	if (!library)
		return NULL;
	library->exact = open_library(0);
	library->tolerant = open_library(slack_s + 60);
	if (!library->exact || !library->tolerant)
		dkim_library_free(&library);
	return library;
}

void dkim_library_free(struct dkim_library **library)
{
	if (!*library)
		return;
	if ((*library)->exact)
		dkim_close((*library)->exact);
	if ((*library)->tolerant)
		dkim_close((*library)->tolerant);
	free(*library);
	*library = NULL;
}

/*
 * The library takes "t= minus tolerance" without a sign, so any tolerance
 * makes a small t= lie in the future: be tolerant only where it matters.
 */
static DKIM_LIB *library_for(const struct dkim_library *library,
			     const struct run *run)
{
	int64_t now = clock_wall();

	for (size_t i = 0; i < run->count; i++) {
		const struct dkim_signature *sig = run->items[i].sig;

		if (sig->time >= now - 5 ||
		    (sig->expires >= 0 && sig->expires <= now + 5))
			return library->tolerant;
	}
	return library->exact;
}

/* Whether the field at `index` is one of the signatures, or is signed. */
static bool is_wanted(const struct run *run, const struct mail *mail,
		      size_t index)
{
	struct slice name = slice_trim(mail->headers[index].name);

	for (size_t i = 0; i < run->count; i++) {
		const struct dkim_signature *sig = run->items[i].sig;

		if (run->items[i].field == index)
			return true;
		for (size_t j = 0; j < sig->name_count; j++)
			if (slice_eq_nocase(sig->names[j], name))
				return true;
	}
	return false;
}

/* It works on C strings, and takes VT and FF for blanks. */
static bool is_odd(struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\0' || c == '\v' || c == '\f')
			return true;
	}
	return false;
}

/* NAME:VALUE as it was signed: folds by CRLF. */
static struct slice whole_field(struct arena *a, const struct header *header)
{
	struct slice value = header->value;
	struct buf text = BUF(a);
	size_t from = 0, at;

	buf_add(&text, header->name);
	buf_add_char(&text, ':');
	while ((at = slice_find(value, from, '\n')) < value.n) {
		bool whole = at > from && value.p[at - 1] == '\r';

		buf_add(&text, slice_sub(value, from, whole ? at - 1 : at));
		buf_add_text(&text, "\r\n");
		from = at + 1;
	}
	buf_add(&text, slice_sub(value, from, value.n));
	return buf_slice(&text);
}

/* Collects what must be fed; false where the library cannot take it. */
static bool collect(struct run *run, const struct mail *mail,
		    struct slice *fields, size_t *count_r)
{
	size_t count = 0;

	for (size_t i = 0; i < mail->header_count; i++) {
		const struct header *header = &mail->headers[i];

		if (!is_wanted(run, mail, i))
			continue;
		if (count == FIELDS_MAX || is_odd(header->value))
			return false;
		fields[count] = whole_field(run->arena, header);
		run->room += fields[count++].n * 8;
	}
	*count_r = count;
	return true;
}

static bool feed(DKIM *dkim, struct run *run, const struct slice *fields,
		 size_t count)
{
	int found = 0;

	for (size_t i = 0; i < count; i++)
		if (dkim_header(dkim, (u_char *)fields[i].p, fields[i].n) !=
		    DKIM_STAT_OK)
			return false;
	return dkim_eoh(dkim) == DKIM_STAT_OK &&
	       dkim_getsiglist(dkim, &run->infos, &found) == DKIM_STAT_OK &&
	       (size_t)found == run->count;
}

static void process(DKIM *dkim, struct dkim_item *item, DKIM_SIGINFO *info)
{
	unsigned flags;

	if (dkim_sig_process(dkim, info) != DKIM_STAT_OK)
		return;
	flags = dkim_sig_getflags(info);
	if (!(flags & DKIM_SIGFLAG_PROCESSED))
		return;
	if (flags & DKIM_SIGFLAG_PASSED)
		item->proof = DKIM_PROOF_GOOD;
	else if (dkim_sig_geterror(info) == DKIM_SIGERROR_BADSIG)
		item->proof = DKIM_PROOF_BAD;
	else
		return;
	item->proven = true;
}

static void verify(const struct dkim_library *library, struct run *run,
		   const struct mail *mail)
{
	size_t count = mail->header_count < FIELDS_MAX ? mail->header_count
						       : FIELDS_MAX;
	struct slice *fields = ARENA_ARRAY(run->arena, struct slice, count);
	DKIM_STAT status;
	DKIM *dkim;

	if (!collect(run, mail, fields, &count))
		return;
	dkim = dkim_verify(library_for(library, run), (const u_char *)mail->id,
			   run, &status);
	if (!dkim)
		return;
	dkim_set_user_context(dkim, run);
	/* A handle that failed half-way is not safe to free; all it holds
	 * is in the arena. */
	if (!feed(dkim, run, fields, count))
		return;
	for (size_t i = 0; i < run->count; i++)
		process(dkim, &run->items[i], run->infos[i]);
	dkim_free(dkim);
}

void dkim_library_verify(const struct dkim_library *library,
			 const struct mail *mail, struct dkim_item *items,
			 size_t count)
{
	struct run run = {.items = items, .count = count, .room = MEMORY_BASE};

	run.arena = arena_new(48 * 1024);
	verify(library, &run, mail);
	arena_free(&run.arena);
}
