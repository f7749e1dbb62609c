/*
 * The first sentences: what was done with the message, and what for. The
 * record names the cause; what else is needed is taken from the findings
 * and from what the check in question said.
 */
#include "milter/cli/explain_private.h"

#include "common/base/utf8.h"
#include "milter/cli/since.h"

#include <math.h>

#define REASONS_MAX 3
#define ENOUGH 0.6 /* of all points: no further reason is told */

bool explain_is(struct slice word, const char *text)
{
	return slice_eq(word, slice_cstr(text));
}

const struct record_check *explain_check(const struct record *r,
					 const char *name)
{
	for (size_t i = 0; i < r->check_count; i++)
		if (explain_is(r->checks[i].name, name))
			return &r->checks[i];
	return NULL;
}

static struct slice reason_of(const struct record *r, const char *name)
{
	const struct record_check *check = explain_check(r, name);

	return check ? check->reason : SLICE("");
}

const char *explain_happened(const struct record *r, struct slice action)
{
	if (explain_is(action, "accept"))
		return "Accepted";
	if (explain_is(action, "tag"))
		return explain_level(r, r->score) == LEVEL_QUARANTINE
			       ? "Accepted, but tagged as certain spam"
			       : "Accepted, but tagged as spam";
	if (explain_is(action, "reject"))
		return "Refused";
	if (explain_is(action, "quarantine"))
		return "Held: accepted, but not delivered";
	if (explain_is(action, "greylist"))
		return "Deferred by greylisting";
	if (explain_is(action, "ratelimit"))
		return r->reply.n > 0 && r->reply.p[0] == '5'
			       ? "Refused by a rate limit"
			       : "Deferred by a rate limit";
	return "Deferred";
}

static bool starts(struct slice text, const char *with)
{
	return slice_starts_nocase(text, slice_cstr(with));
}

/* What stands behind `word` in a text, or nothing. */
static struct slice behind(struct slice text, const char *word)
{
	struct slice part = slice_cstr(word);
	size_t at = slice_search_nocase(text, part);

	return at < text.n ? slice_sub(text, at + part.n, text.n) : SLICE("");
}

/* "The client …" within a sentence; "DNS …" stays. */
static struct slice within_sentence(struct arena *a, struct slice text)
{
	struct slice copy = arena_dup(a, text);
	bool word = text.n > 1 && (text.p[1] == ' ' ||
				   (text.p[1] >= 'a' && text.p[1] <= 'z'));

	if (word)
		return arena_printf(a, "%c%.*s", ascii_lower(text.p[0]),
				    SLICE_FMT(slice_sub(text, 1, text.n)));
	return copy;
}

/* What a symbol means; for a list, who is on it. */
static struct slice meaning(struct arena *a, const struct record_symbol *s)
{
	size_t at = s->doc.n > 0 ? slice_search_nocase(s->detail, s->doc)
				 : s->detail.n;

	if (starts(s->doc, "listed by ") && at < s->detail.n)
		return slice_sub(s->detail, 0, at + s->doc.n);
	if (s->doc.n == 0)
		return s->detail.n > 0 ? s->detail : s->name;
	return within_sentence(a, s->doc);
}

/* The findings that make up most of the points, at most three. */
static void add_reasons(struct buf *out, const struct record *r)
{
	double all = 0, told = 0, last = INFINITY;
	size_t count = 0;

	for (size_t i = 0; i < r->symbol_count; i++)
		all += fmax(0, r->symbols[i].score);
	/* The highest come first already. */
	for (size_t i = 0; i < r->symbol_count; i++) {
		const struct record_symbol *s = &r->symbols[i];

		if (s->score <= 0 || count == REASONS_MAX)
			break;
		if (told >= all * ENOUGH && s->score < last)
			break;
		buf_printf(out, "%s%.*s (%.*s)",
			   count++ ? "; " : " What weighed most: ",
			   SLICE_FMT(explain_text(out->arena,
						  meaning(out->arena, s))),
			   SLICE_FMT(explain_points(out->arena, s->score)));
		told += s->score;
		last = s->score;
	}
	if (count > 0)
		buf_add_char(out, '.');
}

static void why_score(struct buf *out, const struct record *r)
{
	const struct record_number *at = explain_reached(r, r->score);

	buf_printf(out, " Its score of %.*s",
		   SLICE_FMT(explain_number(out->arena, r->score)));
	if (at)
		buf_printf(out, " reached %.*s (%.*s).", SLICE_FMT(at->name),
			   SLICE_FMT(explain_number(out->arena, at->value)));
	else
		buf_add_text(out, " decided.");
	add_reasons(out, r);
	explain_kept(out, r);
}

static void why_dmarc(struct buf *out, const struct record *r)
{
	const struct record_auth *auth = &r->auth;
	struct slice domain =
		explain_text(out->arena, auth->dmarc_policy_domain.n > 0
						 ? auth->dmarc_policy_domain
						 : auth->dmarc_domain);

	buf_printf(out,
		   " %.*s asks (DMARC) to %s mail that claims to be from it "
		   "but is not proven to be, and the configuration follows "
		   "that (dmarc.enforce), whatever the score (%.*s).",
		   SLICE_FMT(domain),
		   explain_is(r->would, "reject") ? "refuse" : "set aside",
		   SLICE_FMT(explain_number(out->arena, r->score)));
	if (auth->dmarc_reason.n > 0)
		buf_printf(out, " Found: %.*s.",
			   SLICE_FMT(explain_text(out->arena,
						  auth->dmarc_reason)));
	explain_kept(out, r);
}

/* "deferred for 300 s: first try from 192.0.2.0/24" in words. */
static void add_wait(struct buf *out, const struct record *r)
{
	struct slice rest = behind(reason_of(r, "greylist"), "deferred for ");
	struct slice tried = behind(rest, " s: ");
	uint64_t seconds;
	int64_t ms;

	rest = slice_sub(rest, 0, slice_find(rest, 0, ' '));
	if (!slice_to_u64(rest, &seconds) || seconds > UINT32_MAX)
		return;
	ms = (int64_t)seconds * 1000;
	buf_printf(out, ", so it %s told to come back in %.*s (%.*s)",
		   slice_eq(r->action, r->would) ? "was" : "would have been",
		   SLICE_FMT(since_span(out->arena, ms)),
		   SLICE_FMT(explain_text(out->arena, tried)));
	if (explain_is(r->action, "greylist"))
		buf_printf(out, "; a try from %.*s on passes",
			   SLICE_FMT(since_text(out->arena,
						record_decided_ms(r) + ms)));
}

static double threshold(const struct record *r, const char *name)
{
	for (size_t i = 0; i < r->threshold_count; i++)
		if (explain_is(r->thresholds[i].name, name))
			return r->thresholds[i].value;
	return INFINITY;
}

static void why_greylist(struct buf *out, const struct record *r)
{
	double doubt = threshold(r, "greylist");

	if (r->score >= doubt)
		buf_printf(out,
			   " Its score of %.*s reached greylist (%.*s), and "
			   "its sender has not proven itself",
			   SLICE_FMT(explain_number(out->arena, r->score)),
			   SLICE_FMT(explain_number(out->arena, doubt)));
	else
		buf_add_text(out, " Its sender has not proven itself");
	add_wait(out, r);
	buf_add_char(out, '.');
	if (r->score >= doubt)
		add_reasons(out, r);
}

static void why_ratelimit(struct buf *out, const struct record *r)
{
	struct slice rest = behind(r->reply, "try again in ");
	struct slice fact = SLICE("");
	uint64_t seconds;

	for (size_t i = 0; i < r->symbol_count; i++)
		if (explain_is(r->symbols[i].name, "RATELIMITED"))
			fact = explain_text(out->arena, r->symbols[i].detail);
	buf_printf(out, " More was sent than is allowed%s%.*s%s.",
		   fact.n > 0 ? " (" : "", SLICE_FMT(fact),
		   fact.n > 0 ? ")" : "");
	rest = slice_sub(rest, 0, slice_find(rest, 0, ' '));
	if (slice_to_u64(rest, &seconds) && seconds < UINT32_MAX)
		buf_printf(out, " The client was told to try again in %.*s.",
			   SLICE_FMT(since_span(out->arena,
						(int64_t)seconds * 1000)));
}

static void why_dns(struct buf *out)
{
	buf_add_text(out, " DNS did not answer what had to be asked about its "
			  "sender, and the configuration says to wait for it "
			  "(actions.dns_failure = tempfail).");
}

/* The reply says it: "451 4.3.0 Try again later: too large (ID)". */
static void why_limit(struct buf *out, const struct record *r)
{
	struct slice why = behind(r->reply, "Try again later: ");
	size_t at = slice_rfind(why, '(');

	if (starts(r->reply, "552")) {
		buf_add_text(out, " It is larger than limits.message.");
		return;
	}
	why = slice_trim(slice_sub(why, 0, at));
	buf_printf(out,
		   " It could not be judged: %.*s. The client was told to try "
		   "again later.",
		   SLICE_FMT(explain_text(out->arena,
					  why.n > 0 ? why
						    : SLICE("a limit was "
							    "passed"))));
}

static void why_accepted_from_us(struct buf *out, const struct record *r)
{
	if (r->user.n > 0)
		buf_printf(out, " It is from %.*s, who logged in",
			   SLICE_FMT(explain_text(out->arena, r->user)));
	else
		buf_add_text(out, " It is from a client that the "
				  "configuration trusts");
	buf_add_text(out, ", so it was not judged as a stranger's.");
}

static void why_accepted(struct buf *out, const struct record *r)
{
	struct slice kept = behind(reason_of(r, "greylist"), "not deferred: ");
	const struct record_number *at = explain_reached(r, r->score);
	struct slice score = explain_number(out->arena, r->score);
	const struct record_number *lowest = NULL;

	for (size_t i = 0; i < r->threshold_count; i++)
		if (isfinite(r->thresholds[i].value) &&
		    (!lowest || r->thresholds[i].value < lowest->value))
			lowest = &r->thresholds[i];
	if (at && kept.n > 0)
		buf_printf(out,
			   " Its score of %.*s is enough to make an unproven "
			   "sender wait (%.*s, %.*s), but it was not deferred: "
			   "%.*s.",
			   SLICE_FMT(score), SLICE_FMT(at->name),
			   SLICE_FMT(explain_number(out->arena, at->value)),
			   SLICE_FMT(explain_text(out->arena, kept)));
	else if (at || !lowest)
		buf_printf(out, " Its score is %.*s.", SLICE_FMT(score));
	else
		buf_printf(
			out,
			" Its score of %.*s is below every threshold (the "
			"lowest is %.*s, %.*s).",
			SLICE_FMT(score), SLICE_FMT(lowest->name),
			SLICE_FMT(explain_number(out->arena, lowest->value)));
}

static void add_unknown(struct buf *out, const struct record *r)
{
	struct slice *names =
		ARENA_ARRAY(out->arena, struct slice, r->check_count + 1);
	size_t count = 0;

	for (size_t i = 0; i < r->check_count; i++)
		if (explain_is(r->checks[i].outcome, "temperror"))
			names[count++] =
				explain_text(out->arena, r->checks[i].name);
	if (count > 0)
		buf_printf(out, " Could not be completed: %.*s (see below).",
			   SLICE_FMT(explain_list(out->arena, names, count)));
}

static void add_cause(struct buf *out, const struct record *r)
{
	static const struct {
		const char *cause;
		void (*add)(struct buf *out, const struct record *r);
	} causes[] = {
		{"score", why_score},	    {"dmarc", why_dmarc},
		{"greylist", why_greylist}, {"ratelimit", why_ratelimit},
		{"limit", why_limit},	    {"virus", explain_why_virus},
		{"attachment", explain_why_attachment},
		{"unscanned", explain_why_unscanned},
		{"vault", explain_why_vault},
	};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (explain_is(r->cause, causes[i].cause)) {
			causes[i].add(out, r);
			return;
		}
	if (explain_is(r->cause, "dns"))
		why_dns(out);
	else if (explain_is(r->direction, "out"))
		why_accepted_from_us(out, r);
	else
		why_accepted(out, r);
}

static const char *would_have_been(const struct record *r)
{
	if (explain_is(r->would, "reject"))
		return "refused";
	if (explain_is(r->would, "greylist"))
		return "deferred by greylisting";
	if (explain_is(r->would, "ratelimit"))
		return "deferred by a rate limit";
	if (explain_is(r->would, "tag"))
		return "tagged as spam";
	if (explain_is(r->would, "quarantine"))
		return "held in the vault";
	return "deferred";
}

struct slice explain_headline(struct arena *arena, const struct record *r)
{
	struct buf out = BUF(arena);

	buf_printf(&out, "%s.", explain_happened(r, r->action));
	if (!slice_eq(r->action, r->would))
		buf_printf(&out,
			   " Shadow mode is on; without it this message would "
			   "have been %s.",
			   would_have_been(r));
	add_cause(&out, r);
	if (!explain_is(r->cause, "limit"))
		add_unknown(&out, r);
	return utf8_shown(arena, buf_slice(&out));
}
