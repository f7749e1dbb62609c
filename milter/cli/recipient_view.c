/* Every text that might name somebody goes through one function. */
#include "milter/cli/recipient_view.h"

/* Longer addresses are found by their beginning: facts are cut at 200. */
#define NEEDLE_MAX 100
/* So many bytes of an address at the end of a text count as it. */
#define PREFIX_MIN 4

struct hider {
	struct arena *arena;
	const struct record *record;
	struct slice address; /* of whom it is for */
};

static struct slice without_brackets(struct slice s)
{
	s = slice_trim(s);
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = slice_sub(s, 1, s.n - 1);
	return s;
}

/* Whether a text ends within that name: it was cut there. */
static bool ends_within(struct slice text, struct slice name)
{
	size_t most = name.n < text.n ? name.n : text.n;

	for (size_t n = PREFIX_MIN; n <= most; n++)
		if (slice_ends_nocase(text, slice_sub(name, 0, n)))
			return true;
	return false;
}

static bool names(struct slice text, struct slice name)
{
	struct slice needle = slice_sub(name, 0, NEEDLE_MAX);

	return needle.n > 0 && (slice_search_nocase(text, needle) < text.n ||
				ends_within(text, name));
}

/* Header fields are folded anywhere between two words. */
static struct slice unfolded(struct arena *arena, struct slice text)
{
	struct buf out = BUF(arena);

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\r' && text.p[i] != '\n' && text.p[i] != '\t')
			buf_add_char(&out, text.p[i]);
	return buf_slice(&out);
}

static bool tells(const struct hider *h, struct slice text)
{
	const struct record *r = h->record;

	if (names(text, r->user))
		return true;
	for (size_t i = 0; i < r->rcpt_count; i++)
		if (!slice_eq_nocase(r->rcpts[i], h->address) &&
		    names(text, r->rcpts[i]))
			return true;
	return r->rcpt_count < r->rcpt_total &&
	       slice_find(text, 0, '@') < text.n;
}

static void hide(const struct hider *h, struct slice *text)
{
	if (text->n > 0 &&
	    (tells(h, *text) || tells(h, unfolded(h->arena, *text))))
		*text = SLICE("(not shown: it names somebody else)");
}

static void hide_symbols(const struct hider *h, struct record *view)
{
	struct record_symbol *list = ARENA_ARRAY(h->arena, struct record_symbol,
						 view->symbol_count + 1);

	for (size_t i = 0; i < view->symbol_count; i++) {
		list[i] = view->symbols[i];
		hide(h, &list[i].name);
		hide(h, &list[i].doc);
		hide(h, &list[i].detail);
		hide(h, &list[i].group);
	}
	view->symbols = list;
}

static void hide_checks(const struct hider *h, struct record *view)
{
	struct record_check *list = ARENA_ARRAY(h->arena, struct record_check,
						view->check_count + 1);

	for (size_t i = 0; i < view->check_count; i++) {
		list[i] = view->checks[i];
		hide(h, &list[i].name);
		hide(h, &list[i].outcome);
		hide(h, &list[i].reason);
	}
	view->checks = list;
}

static void hide_dkim(const struct hider *h, struct record_auth *auth)
{
	struct record_dkim *list =
		ARENA_ARRAY(h->arena, struct record_dkim, auth->dkim_count + 1);

	for (size_t i = 0; i < auth->dkim_count; i++) {
		list[i] = auth->dkim[i];
		hide(h, &list[i].result);
		hide(h, &list[i].domain);
		hide(h, &list[i].selector);
		hide(h, &list[i].identity);
		hide(h, &list[i].algorithm);
		hide(h, &list[i].reason);
	}
	auth->dkim = list;
}

static void hide_auth(const struct hider *h, struct record_auth *auth)
{
	struct slice *const texts[] = {
		&auth->spf_result,	    &auth->spf_domain,
		&auth->spf_scope,	    &auth->spf_explanation,
		&auth->spf_helo_result,	    &auth->dmarc_result,
		&auth->dmarc_policy,	    &auth->dmarc_domain,
		&auth->dmarc_policy_domain, &auth->dmarc_disposition,
		&auth->dmarc_reason,	    &auth->iprev_result,
		&auth->iprev_name,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		hide(h, texts[i]);
	hide_dkim(h, auth);
}

static void hide_edits(const struct hider *h, struct record *view)
{
	struct record_edit *list =
		ARENA_ARRAY(h->arena, struct record_edit, view->edit_count + 1);

	for (size_t i = 0; i < view->edit_count; i++) {
		list[i] = view->edits[i];
		hide(h, &list[i].name);
		hide(h, &list[i].value);
	}
	view->edits = list;
}

static void hide_texts(const struct hider *h, struct record *view)
{
	hide(h, &view->client_name);
	hide(h, &view->helo);
	hide(h, &view->reply);
	hide_symbols(h, view);
	hide_checks(h, view);
	hide_auth(h, &view->auth);
	hide_edits(h, view);
}

bool recipient_view(struct arena *arena, const struct record *record,
		    struct slice address, struct record *view_r)
{
	struct hider h = {arena, record, without_brackets(address)};
	size_t i = 0;

	while (i < record->rcpt_count &&
	       !slice_eq_nocase(record->rcpts[i], h.address))
		i++;
	if (i == record->rcpt_count || h.address.n == 0)
		return false;
	*view_r = *record;
	view_r->user = SLICE("");
	view_r->rcpts = &record->rcpts[i];
	view_r->rcpt_count = view_r->rcpt_total = 1;
	hide_texts(&h, view_r);
	return true;
}
