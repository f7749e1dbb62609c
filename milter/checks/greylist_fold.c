/*
 * Folding of local parts. It looks at tokens: the longest runs of letters
 * and digits, where a byte above 0x7f is a letter. What it puts in their
 * place, '#' and '*', belongs to no token and marks the address as made by
 * a machine; hence a second folding finds nothing more.
 */
#include "milter/checks/greylist_fold.h"
#include "common/base/buf.h"

/* From here on it is an id in any address, and where it is the only token. */
#define NUMBER_MIN 10
#define MIXTURE_MIN 12
#define MIXTURE_CHANGES 3
#define ALONE_MIN 16
#define ALONE_CHANGES 4
/* From here on it is an id in an address that a machine made. */
#define SHORT_HEX_MIN 4
#define SHORT_MIXTURE_MIN 6
#define SHORT_CHANGES 2

static const char *const machine_words[] = {
	"bnc",	  "bounce", "bounces", "err",  "error",	     "errors",
	"mailer", "msg",    "msgid",   "news", "newsletter", "noreply",
	"owner",  "return", "returns", "verp", NULL,
};

static bool is_letter(char c)
{
	return ascii_is_alpha(c) || (unsigned char)c > 0x7f;
}

static bool is_token_byte(char c)
{
	return is_letter(c) || ascii_is_digit(c);
}

/* The next token at or after *at, which becomes its end. */
static bool next_token(struct slice s, size_t *at, struct slice *token_r)
{
	size_t from = *at, to;

	while (from < s.n && !is_token_byte(s.p[from]))
		from++;
	for (to = from; to < s.n && is_token_byte(s.p[to]);)
		to++;
	*token_r = slice_sub(s, from, to);
	*at = to;
	return to > from;
}

struct shape {
	size_t letters, digits;
	size_t changes; /* from letter to digit or back */
	bool hex;
};

static struct shape shape_of(struct slice token)
{
	struct shape shape = {.hex = true};

	for (size_t i = 0; i < token.n; i++) {
		bool letter = is_letter(token.p[i]);

		shape.letters += letter;
		shape.digits += !letter;
		shape.hex &=
			!letter || (token.p[i] >= 'a' && token.p[i] <= 'f');
		shape.changes += i > 0 && letter != is_letter(token.p[i - 1]);
	}
	return shape;
}

/* Whether no person has that as a name; alone: it is the only token. */
static bool is_id(struct slice token, bool alone)
{
	struct shape shape = shape_of(token);

	if (shape.digits == 0)
		return false;
	if (shape.letters == 0)
		return token.n >= (alone ? ALONE_MIN : NUMBER_MIN);
	return token.n >= (alone ? ALONE_MIN : MIXTURE_MIN) &&
	       shape.changes >= (alone ? ALONE_CHANGES : MIXTURE_CHANGES);
}

/* Whether it changes from message to message in a machine's address. */
static bool is_short_id(struct slice token)
{
	struct shape shape = shape_of(token);

	if (shape.digits == 0)
		return false;
	if (shape.letters == 0)
		return true;
	if (shape.hex && token.n >= SHORT_HEX_MIN)
		return true;
	return token.n >= SHORT_MIXTURE_MIN && shape.changes >= SHORT_CHANGES;
}

/* The length of the machine's word that it is, bare or with a number. */
static size_t word_of(struct slice token)
{
	size_t n = 0;

	while (n < token.n && is_letter(token.p[n]))
		n++;
	for (size_t i = n; i < token.n; i++)
		if (!ascii_is_digit(token.p[i]))
			return 0;
	for (const char *const *word = machine_words; *word; word++)
		if (slice_eq(slice_sub(token, 0, n), slice_cstr(*word)))
			return n;
	return 0;
}

static bool is_machine(struct slice local, bool alone)
{
	struct slice token;
	size_t at = 0;

	if (slice_find(local, 0, '#') < local.n ||
	    slice_find(local, 0, '*') < local.n)
		return true;
	while (next_token(local, &at, &token))
		if (is_id(token, alone) || word_of(token) > 0)
			return true;
	return false;
}

static struct slice fold_ids(struct arena *arena, struct slice local)
{
	struct buf out = BUF(arena);
	struct slice token;
	size_t at = 0, done = 0;
	bool alone;

	alone = next_token(local, &at, &token) &&
		!next_token(local, &at, &token);
	if (!is_machine(local, alone))
		return local;
	for (at = 0; next_token(local, &at, &token); done = at) {
		size_t word = word_of(token);

		buf_add(&out, slice_sub(local, done, at - token.n));
		if (word > 0) {
			buf_add(&out, slice_sub(token, 0, word));
			buf_add_text(&out, token.n > word ? "#" : "");
		} else if (is_id(token, alone) || is_short_id(token)) {
			buf_add_char(&out, '#');
		} else {
			buf_add(&out, token);
		}
	}
	buf_add(&out, slice_sub(local, done, local.n));
	return buf_slice(&out);
}

static bool is_top_label(struct slice label)
{
	if (slice_starts_nocase(label, SLICE("xn--")))
		return label.n > 4;
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_alpha(label.p[i]))
			return false;
	return label.n >= 2;
}

/* Two labels or more, the last one of letters. */
static bool is_domain(struct slice s)
{
	struct slice rest = s, label;
	size_t dot = slice_rfind(s, '.');

	while (slice_next(&rest, '.', &label))
		if (label.n == 0)
			return false;
	return dot < s.n && is_top_label(slice_sub(s, dot + 1, s.n));
}

/*
 * The length of the longest domain that s begins with and that ends with it
 * or before '-', '=' or '/'; 0: there is none.
 */
static size_t domain_length(struct slice s)
{
	size_t n = 0;
	bool ends;

	while (n < s.n && (ascii_is_alnum(s.p[n]) || s.p[n] == '-' ||
			   s.p[n] == '.' || s.p[n] == '_'))
		n++;
	ends = n == s.n || s.p[n] == '=' || s.p[n] == '/';
	while (n > 0 && !(ends && is_domain(slice_sub(s, 0, n)))) {
		size_t hyphen = slice_rfind(slice_sub(s, 0, n), '-');

		n = hyphen < n ? hyphen : 0;
		ends = true;
	}
	return n;
}

/* Where the user part that ends at `end` begins. */
static size_t user_start(struct slice s, size_t end)
{
	struct slice separators = SLICE("-=/+*#");

	while (end > 0 &&
	       slice_find(separators, 0, s.p[end - 1]) == separators.n)
		end--;
	return end;
}

/* One "user=example.net" becomes '*'; false if there is none. */
static bool fold_recipient(struct arena *arena, struct slice *local)
{
	struct slice s = *local;

	for (size_t at = slice_find(s, 0, '='); at < s.n;
	     at = slice_find(s, at + 1, '=')) {
		size_t length = domain_length(slice_sub(s, at + 1, s.n));
		size_t start = user_start(s, at);
		struct buf out = BUF(arena);

		if (length == 0 || start == at)
			continue;
		buf_add(&out, slice_sub(s, 0, start));
		buf_add_char(&out, '*');
		buf_add(&out, slice_sub(s, at + 1 + length, s.n));
		*local = buf_slice(&out);
		return true;
	}
	return false;
}

struct slice greylist_fold(struct arena *arena, struct slice local)
{
	local = slice_sub(local, 0, slice_find(local, 1, '+'));
	/* Each turn takes away a '='. */
	while (fold_recipient(arena, &local))
		;
	return fold_ids(arena, local);
}
