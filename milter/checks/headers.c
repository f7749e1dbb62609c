/*
 * Header fields that are missing, repeated or say what cannot be. Needs no
 * DNS and no body. Whether the author is who it says is DMARC's question;
 * here only what a reader would be shown counts.
 */
#include "milter/checks/headers.h"
#include "common/base/clock.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/mail/domain.h"
#include "common/mail/encoded.h"

#define AUTHORS_MAX 16

struct headers_conf {
	bool enabled;
	struct duration future;
};

static const struct setting rows[] = {
	SETTING(struct headers_conf, enabled, "yes", NULL, NULL,
		"look for missing, repeated and malformed header fields"),
	SETTING(struct headers_conf, future, "1d", "1m", "365d",
		"how far ahead of our clock the Date field may be"),
	SETTING_END,
};

static const struct settings_group settings = {
	.section = "headers",
	.rows = rows,
	.conf_size = sizeof(struct headers_conf),
	.doc = "The header section of messages",
};

enum {
	EMPTY,
	NO_FROM,
	NO_RECIPIENT,
	NO_SUBJECT,
	NO_DATE,
	NO_MESSAGE_ID,
	NO_MIME_VERSION,
	SEVERAL_FROM,
	REPEATED,
	FROM_INVALID,
	FROM_NAME_SPOOFED,
	DATE_INVALID,
	DATE_FUTURE,
};

static const struct symbol symbols[] = {
	[EMPTY] = {"HEADER_EMPTY", 10.0, "the message has no header fields",
		   "headers"},
	[NO_FROM] = {"HEADER_NO_FROM", 2.0, "there is no From field",
		     "headers"},
	[NO_RECIPIENT] = {"HEADER_NO_RECIPIENT", 2.0,
			  "there is no To, Cc or Bcc field", "headers"},
	[NO_SUBJECT] = {"HEADER_NO_SUBJECT", 2.0, "there is no Subject field",
			"headers"},
	[NO_DATE] = {"HEADER_NO_DATE", 1.0, "there is no Date field",
		     "headers"},
	[NO_MESSAGE_ID] = {"HEADER_NO_MESSAGE_ID", 2.5,
			   "there is no Message-ID field", "headers"},
	[NO_MIME_VERSION] = {"HEADER_NO_MIME_VERSION", 2.0,
			     "there are MIME fields without MIME-Version",
			     "headers"},
	[SEVERAL_FROM] = {"HEADER_SEVERAL_FROM", 8.0,
			  "there are several From fields", "headers"},
	[REPEATED] = {"HEADER_REPEATED", 7.0,
		      "a field that may stand once is repeated", "headers"},
	[FROM_INVALID] = {"HEADER_FROM_INVALID", 2.0,
			  "the From field cannot be read as an address",
			  "headers"},
	[FROM_NAME_SPOOFED] = {"HEADER_FROM_NAME_SPOOFED", 3.0,
			       "the From field's name shows an address of "
			       "another domain",
			       "headers"},
	[DATE_INVALID] = {"HEADER_DATE_INVALID", 1.5,
			  "the Date field cannot be read", "headers"},
	[DATE_FUTURE] = {"HEADER_DATE_FUTURE", 4.0,
			 "the Date field lies in the future", "headers"},
	[DATE_FUTURE + 1] = {0},
};

/* Fields that are counted; those with `once` may stand only once. */
enum field {
	FROM,
	SENDER,
	REPLY_TO,
	TO,
	CC,
	BCC,
	SUBJECT,
	DATE,
	MESSAGE_ID,
	MIME_VERSION,
	CONTENT_TYPE,
	CONTENT_TRANSFER_ENCODING,
	FIELDS,
};

static const struct {
	const char *name;
	bool once;
} fields[FIELDS] = {
	[FROM] = {"From", false}, /* has a symbol of its own */
	[SENDER] = {"Sender", true},
	[REPLY_TO] = {"Reply-To", true},
	[TO] = {"To", true},
	[CC] = {"Cc", true},
	[BCC] = {"Bcc", true},
	[SUBJECT] = {"Subject", true},
	[DATE] = {"Date", true},
	[MESSAGE_ID] = {"Message-ID", true},
	[MIME_VERSION] = {"MIME-Version", true},
	[CONTENT_TYPE] = {"Content-Type", true},
	[CONTENT_TRANSFER_ENCODING] = {"Content-Transfer-Encoding", true},
};

struct counts {
	unsigned of[FIELDS];
	const struct header *first[FIELDS];
};

static void count_fields(const struct mail *mail, struct counts *counts)
{
	for (size_t i = 0; i < mail->header_count; i++) {
		for (int f = 0; f < FIELDS; f++) {
			if (!slice_eq_nocase(mail->headers[i].name,
					     slice_cstr(fields[f].name)))
				continue;
			if (counts->of[f]++ == 0)
				counts->first[f] = &mail->headers[i];
			break;
		}
	}
}

static void judge_missing(const struct counts *c, struct verdict *verdict)
{
	if (c->of[FROM] == 0)
		verdict_hit(verdict, &symbols[NO_FROM], NULL);
	if (c->of[TO] + c->of[CC] + c->of[BCC] == 0)
		verdict_hit(verdict, &symbols[NO_RECIPIENT], NULL);
	if (c->of[SUBJECT] == 0)
		verdict_hit(verdict, &symbols[NO_SUBJECT], NULL);
	if (c->of[DATE] == 0)
		verdict_hit(verdict, &symbols[NO_DATE], NULL);
	if (c->of[MESSAGE_ID] == 0)
		verdict_hit(verdict, &symbols[NO_MESSAGE_ID], NULL);
	if (c->of[MIME_VERSION] == 0 &&
	    c->of[CONTENT_TYPE] + c->of[CONTENT_TRANSFER_ENCODING] > 0)
		verdict_hit(verdict, &symbols[NO_MIME_VERSION], NULL);
}

static void judge_repeated(const struct counts *c, struct verdict *verdict)
{
	if (c->of[FROM] > 1)
		verdict_hit(verdict, &symbols[SEVERAL_FROM],
			    "the From field stands %u times", c->of[FROM]);
	for (int f = 0; f < FIELDS; f++)
		if (fields[f].once && c->of[f] > 1)
			verdict_hit(verdict, &symbols[REPEATED],
				    "the %s field stands %u times",
				    fields[f].name, c->of[f]);
}

static void judge_date(const struct header *date, int64_t ahead_s,
		       struct verdict *verdict)
{
	int64_t seconds, ahead;

	if (!date)
		return;
	if (!date_parse(date->value, &seconds)) {
		verdict_hit(
			verdict, &symbols[DATE_INVALID], "'%.*s' is no date",
			SLICE_FMT(slice_sub(slice_trim(date->value), 0, 80)));
		return;
	}
	ahead = seconds - clock_wall();
	if (ahead > ahead_s)
		verdict_hit(
			verdict, &symbols[DATE_FUTURE],
			ahead < 259200 ? "it is %lld hours ahead"
				       : "it is %lld days ahead",
			(long long)(ahead / (ahead < 259200 ? 3600 : 86400)));
}

static bool is_domain_byte(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_';
}

/* The domain of an address that the text shows, if it shows one. */
static bool shown_domain(struct arena *arena, struct slice text,
			 struct slice *domain_r)
{
	for (size_t at = slice_find(text, 0, '@'); at < text.n;
	     at = slice_find(text, at + 1, '@')) {
		struct slice domain;
		size_t end = at + 1;

		while (end < text.n && is_domain_byte(text.p[end]))
			end++;
		domain = slice_sub(text, at + 1, end);
		while (domain.n > 0 && !ascii_is_alnum(domain.p[domain.n - 1]))
			domain.n--;
		if (at > 0 && ascii_is_alnum(text.p[at - 1]) &&
		    domain_is_fqdn(domain) &&
		    domain_normalise(arena, domain, domain_r))
			return true;
	}
	return false;
}

/*
 * The last two labels stand for the owner: close enough here, where a
 * mistake only leaves out some points.
 */
static bool same_owner(struct slice a, struct slice b)
{
	return slice_eq_nocase(domain_tail(a, 2), domain_tail(b, 2));
}

static void judge_author(struct arena *arena, const struct mailbox *author,
			 struct verdict *verdict)
{
	struct slice domain, shown;

	if (!domain_normalise(arena, author->domain, &domain)) {
		verdict_hit(verdict, &symbols[FROM_INVALID],
			    "'%.*s' is no domain",
			    SLICE_FMT(slice_sub(author->domain, 0, 80)));
		return;
	}
	if (shown_domain(arena, encoded_decode(arena, author->display),
			 &shown) &&
	    !same_owner(domain, shown))
		verdict_hit(verdict, &symbols[FROM_NAME_SPOOFED],
			    "the name shows an address of %.*s, but the "
			    "sender is at %.*s",
			    SLICE_FMT(shown), SLICE_FMT(domain));
}

static void judge_from(struct arena *arena, const struct header *from,
		       struct verdict *verdict)
{
	struct mailbox_list list;

	if (!from)
		return;
	address_list_parse(arena, from->value, AUTHORS_MAX, &list);
	if (list.malformed || list.truncated || list.count == 0)
		verdict_hit(verdict, &symbols[FROM_INVALID],
			    list.count == 0 ? "the From field has no address"
			    : list.truncated
				    ? "the From field has too many addresses"
				    : NULL);
	for (size_t i = 0; i < list.count; i++)
		judge_author(arena, &list.mailbox[i], verdict);
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	const struct headers_conf *conf = ready;
	struct counts counts = {0};

	(void)index;
	if (!conf->enabled || !mail_is_inbound(mail)) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN, "%s",
				conf->enabled
					? "only for mail from outside"
					: "switched off (headers.enabled)");
		return STEP_DONE;
	}
	if (mail->header_count == 0) {
		verdict_hit(verdict, &symbols[EMPTY], NULL);
		return STEP_DONE;
	}
	count_fields(mail, &counts);
	judge_missing(&counts, verdict);
	judge_repeated(&counts, verdict);
	judge_date(counts.first[DATE], conf->future.ms / 1000, verdict);
	judge_from(mail->arena, counts.first[FROM], verdict);
	return STEP_DONE;
}

const struct check check_headers = {
	.name = "headers",
	.doc = "missing, repeated and malformed header fields",
	.symbols = symbols,
	.settings = &settings,
	.needs = STAGE_HEADERS,
	.judge = judge,
};
