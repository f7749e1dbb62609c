/*
 * A list of ranges, each with parameters; quoted strings may hold commas
 * and semicolons. What is not understood is passed over, one byte at least
 * at a time, so the cost is that of the length.
 */
#include "milter/daemon/accept.h"

/* A range as it stands in the field. */
struct range {
	struct slice type, subtype, version;
	unsigned weight;
	bool readable;
};

/* RFC 9110 5.6.2. */
static bool is_token_char(char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < sizeof(others) - 1; i++)
		if (c == others[i])
			return true;
	return ascii_is_alnum(c);
}

static void skip_space(struct slice *s)
{
	while (s->n > 0 && ascii_is_wsp(s->p[0]))
		*s = slice_sub(*s, 1, s->n);
}

static bool take(struct slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = slice_sub(*s, 1, s->n);
	return true;
}

/* Empty if there is none. */
static struct slice take_token(struct slice *s)
{
	struct slice token;
	size_t n = 0;

	while (n < s->n && is_token_char(s->p[n]))
		n++;
	token = slice_sub(*s, 0, n);
	*s = slice_sub(*s, n, s->n);
	return token;
}

/* What stands between the quotes, escapes and all. */
static struct slice take_quoted(struct slice *s)
{
	struct slice text;
	size_t n = 0;

	while (n < s->n && s->p[n] != '"')
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	text = slice_sub(*s, 0, n);
	*s = slice_sub(*s, n < s->n ? n + 1 : n, s->n);
	return text;
}

/* RFC 9110 12.4.2: 0 to 1 with up to three digits, in thousandths. */
static bool read_weight(struct slice text, unsigned *weight_r)
{
	unsigned weight, place = 100;

	if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1'))
		return false;
	weight = text.p[0] == '1' ? ACCEPT_MOST : 0;
	if (text.n > 1 && text.p[1] != '.')
		return false;
	for (size_t i = 2; i < text.n; i++) {
		if (!ascii_is_digit(text.p[i]))
			return false;
		weight += (unsigned)(text.p[i] - '0') * place;
		place /= 10;
	}
	*weight_r = weight;
	return weight <= ACCEPT_MOST;
}

static void take_parameter(struct slice *s, struct range *range)
{
	struct slice name, value;

	skip_space(s);
	name = take_token(s);
	/* RFC 9110 5.6.6: an empty parameter is none. */
	if (name.n == 0)
		return;
	if (!take(s, '=')) {
		range->readable = false;
		return;
	}
	value = take(s, '"') ? take_quoted(s) : take_token(s);
	if (slice_eq_nocase(name, SLICE("q")))
		range->readable &= read_weight(value, &range->weight);
	else if (slice_eq_nocase(name, SLICE("version")))
		range->version = value;
}

/* Passes the comma, or all that is left if the range is unreadable. */
static void skip_rest(struct slice *s, struct range *range)
{
	skip_space(s);
	if (s->n > 0 && s->p[0] != ',')
		range->readable = false;
	while (s->n > 0 && !take(s, ','))
		if (take(s, '"'))
			(void)take_quoted(s);
		else
			*s = slice_sub(*s, 1, s->n);
}

/* The next range of the list; false at its end. */
static bool next_range(struct slice *s, struct range *range_r)
{
	skip_space(s);
	if (s->n == 0)
		return false;
	*range_r = (struct range){.weight = ACCEPT_MOST};
	range_r->type = take_token(s);
	if (range_r->type.n > 0 && take(s, '/'))
		range_r->subtype = take_token(s);
	range_r->readable = range_r->subtype.n > 0;
	skip_space(s);
	while (take(s, ';')) {
		take_parameter(s, range_r);
		skip_space(s);
	}
	skip_rest(s, range_r);
	return true;
}

/* How exactly the range names it: 0 (not at all), 1 for anything, to 4. */
static unsigned exactness(const struct range *range, const struct media *media)
{
	bool any_subtype = slice_eq(range->subtype, SLICE("*"));

	if (!range->readable)
		return 0;
	if (range->version.n > 0 && !slice_eq(range->version, media->version))
		return 0;
	if (slice_eq(range->type, SLICE("*")))
		return any_subtype ? 1 : 0;
	if (!slice_eq_nocase(range->type, media->type))
		return 0;
	if (any_subtype)
		return 2;
	if (!slice_eq_nocase(range->subtype, media->subtype))
		return 0;
	return range->version.n > 0 ? 4 : 3;
}

unsigned accept_weight(struct slice accept, const struct media *media,
		       bool named)
{
	unsigned best = named ? 2 : 0, weight = 0;
	struct range range;

	while (next_range(&accept, &range)) {
		unsigned exact = exactness(&range, media);

		if (exact < best || exact == 0)
			continue;
		/* Of two that are as exact, what is wanted more. */
		if (exact > best || range.weight > weight)
			weight = range.weight;
		best = exact;
	}
	return best > (named ? 2U : 0U) ? weight : 0;
}
