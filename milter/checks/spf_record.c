/*
 * The grammar of SPF records (RFC 7208 section 12), read strictly: one bad
 * byte anywhere and the record counts for nothing. A record is read twice,
 * once to check all of it and once to evaluate, and never stored in parsed
 * form: most messages need only its first few terms.
 */
#include "milter/checks/spf_record.h"
#include "milter/checks/spf_macro.h"

#include <string.h>

enum target_rule { TARGET_NONE, TARGET_OPTIONAL, TARGET_REQUIRED };

static const struct mechanism {
	struct slice name;
	enum spf_mechanism id;
	enum target_rule target;
	bool cidr;
} mechanisms[] = {
	{{"ip4", 3}, SPF_IP4, TARGET_REQUIRED, false},
	{{"include", 7}, SPF_INCLUDE, TARGET_REQUIRED, false},
	{{"ip6", 3}, SPF_IP6, TARGET_REQUIRED, false},
	{{"all", 3}, SPF_ALL, TARGET_NONE, false},
	{{"a", 1}, SPF_A, TARGET_OPTIONAL, true},
	{{"mx", 2}, SPF_MX, TARGET_OPTIONAL, true},
	{{"ptr", 3}, SPF_PTR, TARGET_OPTIONAL, false},
	{{"exists", 6}, SPF_EXISTS, TARGET_REQUIRED, false},
};
#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static const struct slice version = {"v=spf1", 6};

static const char bad_prefix4[] =
	"has a prefix length that is not a number from 0 to 32";
static const char bad_prefix6[] =
	"has a prefix length that is not a number from 0 to 128";

bool spf_record_is(struct slice txt)
{
	return slice_starts_nocase(txt, version) &&
	       (txt.n == version.n || txt.p[version.n] == ' ');
}

/* "0", or digits that do not start with 0, up to `most`. */
static bool prefix_length(struct slice digits, int most, int *bits_r)
{
	uint64_t value;

	if (digits.n == 0 || digits.n > 3 ||
	    (digits.n > 1 && digits.p[0] == '0') ||
	    !slice_to_u64(digits, &value) || value > (uint64_t)most)
		return false;
	*bits_r = (int)value;
	return true;
}

/* Cuts "/digits" off the end of *s; false if there is none. */
static bool cut_digits(struct slice *s, struct slice *digits_r)
{
	size_t i = s->n;

	while (i > 0 && ascii_is_digit(s->p[i - 1]))
		i--;
	if (i == 0 || i == s->n || s->p[i - 1] != '/')
		return false;
	*digits_r = slice_sub(*s, i, s->n);
	s->n = i - 1;
	return true;
}

/*
 * Cuts a dual-cidr-length off the end: "/24", "//64" or "/24//64". A
 * <domain-spec> may hold slashes but not end in "/digits", so reading from
 * the end is unambiguous.
 */
static const char *cut_dual_cidr(struct slice *s,
				 struct spf_directive *directive)
{
	struct slice digits;

	if (!cut_digits(s, &digits))
		return NULL;
	if (s->n > 0 && s->p[s->n - 1] == '/') {
		if (!prefix_length(digits, 128, &directive->bits6))
			return bad_prefix6;
		s->n--;
		if (!cut_digits(s, &digits))
			return NULL;
	}
	return prefix_length(digits, 32, &directive->bits4) ? NULL
							    : bad_prefix4;
}

/* An IPv4-mapped network stays an IPv6 one: ip6 never matches IPv4. */
static void keep_mapped(struct ip *ip)
{
	uint8_t v4[4];

	memcpy(v4, ip->b, 4);
	*ip = (struct ip){IP_V6, {[10] = 0xff, 0xff}};
	memcpy(ip->b + 12, v4, 4);
}

static const char *read_network(struct slice value,
				struct spf_directive *directive)
{
	bool six = directive->mechanism == SPF_IP6;
	size_t slash = slice_find(value, 0, '/');
	struct slice address = slice_sub(value, 0, slash);
	bool colon = slice_find(address, 0, ':') < address.n;

	if (colon != six || !ip_parse(address, &directive->network))
		return six ? "does not hold an IPv6 address"
			   : "does not hold an IPv4 address";
	if (six && directive->network.family == IP_V4)
		keep_mapped(&directive->network);
	if (slash == value.n)
		return NULL;
	value = slice_sub(value, slash + 1, value.n);
	if (six)
		return prefix_length(value, 128, &directive->bits6)
			       ? NULL
			       : bad_prefix6;
	return prefix_length(value, 32, &directive->bits4) ? NULL : bad_prefix4;
}

static enum auth_result take_qualifier(struct slice *term)
{
	enum auth_result result;

	switch (term->n > 0 ? term->p[0] : '\0') {
	case '+':
		result = AUTH_PASS;
		break;
	case '-':
		result = AUTH_FAIL;
		break;
	case '~':
		result = AUTH_SOFTFAIL;
		break;
	case '?':
		result = AUTH_NEUTRAL;
		break;
	default:
		return AUTH_PASS;
	}
	*term = slice_sub(*term, 1, term->n);
	return result;
}

static const struct mechanism *find_mechanism(struct slice name)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (name.n == mechanisms[i].name.n &&
		    slice_eq_nocase(name, mechanisms[i].name))
			return &mechanisms[i];
	return NULL;
}

/* NULL, or what is wrong with the term. */
static const char *read_directive(struct slice term,
				  struct spf_directive *directive)
{
	const struct mechanism *m;
	struct slice rest = term;
	size_t n = 0;

	*directive =
		(struct spf_directive){.text = term, .bits4 = 32, .bits6 = 128};
	directive->result = take_qualifier(&rest);
	while (n < rest.n && rest.p[n] != ':' && rest.p[n] != '/')
		n++;
	m = find_mechanism(slice_sub(rest, 0, n));
	if (!m)
		return "is not a known mechanism";
	directive->mechanism = m->id;
	rest = slice_sub(rest, n, rest.n);
	if (m->cidr) {
		const char *what = cut_dual_cidr(&rest, directive);

		if (what)
			return what;
	}
	if (rest.n == 0)
		return m->target == TARGET_REQUIRED ? "lacks its value" : NULL;
	if (m->target == TARGET_NONE || rest.p[0] != ':')
		return "has something after it that may not stand there";
	rest = slice_sub(rest, 1, rest.n);
	if (m->id == SPF_IP4 || m->id == SPF_IP6)
		return read_network(rest, directive);
	directive->target = rest;
	return spf_macro_check_domain(rest);
}

/* The length of a modifier's name, or 0 if the term is not a modifier. */
static size_t modifier_name(struct slice term)
{
	size_t n = 0;

	if (term.n == 0 || !ascii_is_alpha(term.p[0]))
		return 0;
	while (n < term.n && (ascii_is_alnum(term.p[n]) || term.p[n] == '-' ||
			      term.p[n] == '_' || term.p[n] == '.'))
		n++;
	return n < term.n && term.p[n] == '=' ? n : 0;
}

static const char *read_modifier(struct slice term, size_t name,
				 struct spf_record *record)
{
	struct slice value = slice_sub(term, name + 1, term.n);
	struct slice *known;

	term = slice_sub(term, 0, name);
	if (slice_eq_nocase(term, SLICE("redirect")))
		known = &record->redirect;
	else if (slice_eq_nocase(term, SLICE("exp")))
		known = &record->exp;
	else
		return spf_macro_check_string(value);
	if (known->n > 0)
		return "stands there twice";
	*known = value;
	return spf_macro_check_domain(value);
}

bool spf_record_parse(struct slice txt, struct spf_record *record_r,
		      struct spf_fault *fault_r)
{
	struct slice rest, term;

	*record_r = (struct spf_record){0};
	*fault_r = (struct spf_fault){0};
	if (!slice_is_printable(txt)) {
		fault_r->what = "it holds bytes that are not printable ASCII";
		return false;
	}
	record_r->terms = slice_sub(txt, version.n, txt.n);
	rest = record_r->terms;
	while (slice_next(&rest, ' ', &term)) {
		struct spf_directive directive;
		size_t name = modifier_name(term);

		if (term.n == 0)
			continue;
		if (name > 0) {
			fault_r->what = read_modifier(term, name, record_r);
		} else {
			fault_r->what = read_directive(term, &directive);
			record_r->directives++;
		}
		if (fault_r->what) {
			fault_r->term = term;
			return false;
		}
	}
	return true;
}

bool spf_record_next(struct slice *terms, struct spf_directive *directive_r)
{
	struct slice term;

	while (slice_next(terms, ' ', &term))
		if (term.n > 0 && modifier_name(term) == 0 &&
		    !read_directive(term, directive_r))
			return true;
	return false;
}
