/*
 * DMARC policy records (RFC 9989 4.7 and 4.8; RFC 7489 6.3 and 6.4). The
 * first tag decides whether a text is a record; in the rest of it a mistake
 * costs only the tag it stands in, but for the policies themselves. Of a
 * repeated tag the first counts. Names of tags are read without case, as
 * the "v" of the grammar is (RFC 5234 2.3); so are all values but DMARC1.
 */
#include "milter/checks/dmarc_record.h"

#include "common/mail/tags.h"

#include <string.h>

bool dmarc_record_begins(struct slice text)
{
	struct slice first = slice_sub(text, 0, slice_find(text, 0, ';'));
	size_t equals = slice_find(first, 0, '=');

	return equals < first.n &&
	       slice_eq_nocase(slice_trim(slice_sub(first, 0, equals)),
			       SLICE("v")) &&
	       slice_eq(slice_trim(slice_sub(first, equals + 1, first.n)),
			SLICE("DMARC1"));
}

static const struct slice *find(const struct tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->count; i++)
		if (slice_eq_nocase(tags->tag[i].name, slice_cstr(name)))
			return &tags->tag[i].value;
	return NULL;
}

/* Whether the tag is there and has that one-letter value. */
static bool has_letter(const struct tags *tags, const char *name,
		       const char *letter)
{
	const struct slice *value = find(tags, name);

	return value && slice_eq_nocase(*value, slice_cstr(letter));
}

static bool read_policy(struct slice value, enum dmarc_policy *policy_r)
{
	static const enum dmarc_policy all[] = {DMARC_POLICY_NONE,
						DMARC_POLICY_QUARANTINE,
						DMARC_POLICY_REJECT};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (slice_eq_nocase(value,
				    slice_cstr(dmarc_policy_word(all[i])))) {
			*policy_r = all[i];
			return true;
		}
	}
	return false;
}

/* An absent tag leaves *policy as it is; false for a bad value. */
static bool read_optional(const struct tags *tags, const char *name,
			  enum dmarc_policy *policy)
{
	const struct slice *value = find(tags, name);

	return !value || read_policy(*value, policy);
}

static bool is_hex(char c)
{
	return ascii_is_digit(c) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* Characters of RFC 3986; ',' and '!' must be encoded here. */
static bool uri_rest_fits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (i + 2 >= s.n || !is_hex(s.p[i + 1]) ||
			    !is_hex(s.p[i + 2]))
				return false;
		} else if (!ascii_is_alnum(c) &&
			   (c == '\0' || !strchr("-._~:/?#[]@$&'()*+;=", c))) {
			return false;
		}
	}
	return s.n > 0;
}

/* "!10m": the largest report wanted (RFC 7489); obsolete in RFC 9989. */
static bool size_fits(struct slice s)
{
	if (s.n > 1 && memchr("kmgt", ascii_lower(s.p[s.n - 1]), 4))
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

/* scheme ":" something */
static bool uri_fits(struct slice uri)
{
	size_t mark = slice_find(uri, 0, '!');
	size_t colon = slice_find(uri, 0, ':');

	if (mark < uri.n && !size_fits(slice_sub(uri, mark + 1, uri.n)))
		return false;
	uri = slice_sub(uri, 0, mark);
	if (colon >= uri.n || !ascii_is_alpha(uri.p[0]))
		return false;
	for (size_t i = 1; i < colon; i++)
		if (!ascii_is_alnum(uri.p[i]) && uri.p[i] != '+' &&
		    uri.p[i] != '-' && uri.p[i] != '.')
			return false;
	return uri_rest_fits(slice_sub(uri, colon + 1, uri.n));
}

/* Whether rua names at least one place that could take a report. */
static bool has_report_address(const struct tags *tags)
{
	const struct slice *value = find(tags, "rua");
	struct slice rest = value ? *value : SLICE_NONE, uri;

	while (slice_next(&rest, ',', &uri))
		if (uri_fits(slice_trim(uri)))
			return true;
	return false;
}

static void read_policies(const struct tags *tags, enum dmarc_rfc rfc,
			  struct dmarc_record *record)
{
	const struct slice *p = find(tags, "p");
	bool valid = p && read_policy(*p, &record->p);

	record->sp = record->p;
	valid = valid && read_optional(tags, "sp", &record->sp);
	record->np = record->sp;
	if (rfc == DMARC_RFC9989)
		valid = valid && read_optional(tags, "np", &record->np);
	record->usable = valid || has_report_address(tags);
	if (!valid)
		record->p = record->sp = record->np = DMARC_POLICY_NONE;
}

static unsigned read_percent(const struct tags *tags)
{
	const struct slice *value = find(tags, "pct");
	uint64_t percent;

	if (!value || value->n > 3 || !slice_to_u64(*value, &percent) ||
	    percent > 100)
		return 100;
	return (unsigned)percent;
}

void dmarc_record_parse(struct slice text, enum dmarc_rfc rfc,
			struct dmarc_record *record_r)
{
	struct tags tags;

	tags_parse(text, &tags);
	*record_r = (struct dmarc_record){
		.strict_dkim = has_letter(&tags, "adkim", "s"),
		.strict_spf = has_letter(&tags, "aspf", "s"),
		.percent = 100,
	};
	read_policies(&tags, rfc, record_r);
	if (rfc == DMARC_RFC7489) {
		record_r->percent = read_percent(&tags);
		return;
	}
	record_r->testing = has_letter(&tags, "t", "y");
	if (has_letter(&tags, "psd", "y"))
		record_r->psd = DMARC_PSD_YES;
	else if (has_letter(&tags, "psd", "n"))
		record_r->psd = DMARC_PSD_NO;
}

size_t dmarc_record_select(const struct dns_answer *answer, enum dmarc_rfc rfc,
			   struct dmarc_record *record_r)
{
	struct slice text = SLICE_NONE;
	size_t found = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (!dmarc_record_begins(answer->records[i].data))
			continue;
		text = answer->records[i].data;
		found++;
	}
	if (found == 1)
		dmarc_record_parse(text, rfc, record_r);
	return found;
}
