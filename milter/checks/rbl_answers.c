/* Codes of DNS lists: their text form, and their meaning for an answer. */
#include "milter/checks/rbl_answers.h"
#include "common/conf/value.h"

#define CODE_FORMS                                                            \
	"the code must be an address in 127.0.0.0/8 such as 127.0.0.2, with " \
	"ranges (127.0.0.4-7) or * as octets, or bits such as &8"

static struct slice take_word(struct slice *rest)
{
	struct slice text = slice_trim(*rest), word;
	size_t n = 0;

	while (n < text.n && !ascii_is_wsp(text.p[n]))
		n++;
	word = slice_sub(text, 0, n);
	*rest = slice_trim(slice_sub(text, n, text.n));
	return word;
}

/* "2", "4-7" or "*". */
static bool read_octet(struct slice text, uint8_t *low_r, uint8_t *high_r)
{
	size_t dash = slice_find(text, 0, '-');
	uint64_t low = 0, high = 255;

	if (!slice_eq(text, SLICE("*"))) {
		if (!slice_to_u64(slice_sub(text, 0, dash), &low))
			return false;
		high = low;
		if (dash < text.n &&
		    !slice_to_u64(slice_sub(text, dash + 1, text.n), &high))
			return false;
	}
	if (low > high || high > 255)
		return false;
	*low_r = (uint8_t)low;
	*high_r = (uint8_t)high;
	return true;
}

static bool read_code(struct slice text, struct rbl_code *code)
{
	struct slice octet;
	uint64_t bits;
	size_t n = 0;

	if (text.n > 0 && text.p[0] == '&') {
		if (!slice_to_u64(slice_sub(text, 1, text.n), &bits) ||
		    bits == 0 || bits > 0xffffff)
			return false;
		code->bits = (uint32_t)bits;
		return true;
	}
	while (slice_next(&text, '.', &octet)) {
		if (n == 4 || !read_octet(octet, &code->low[n], &code->high[n]))
			return false;
		n++;
	}
	return n == 4 && code->low[0] == 127 && code->high[0] == 127;
}

static bool is_symbol_name(struct slice name)
{
	if (name.n < 2 || name.n > 60 || name.p[0] < 'A' || name.p[0] > 'Z')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_digit(name.p[i]) && name.p[i] != '_' &&
		    (name.p[i] < 'A' || name.p[i] > 'Z'))
			return false;
	return true;
}

static bool read_points(struct slice text, double *points_r)
{
	return value_number(text, points_r) && *points_r >= -100 &&
	       *points_r <= 100;
}

bool rbl_line_parse(struct slice text, struct rbl_line *line_r,
		    const char **wrong_r)
{
	struct slice rest = text;
	struct rbl_code *code = &line_r->code;

	*line_r = (struct rbl_line){0};
	*wrong_r = CODE_FORMS;
	if (!read_code(take_word(&rest), code))
		return false;
	if (slice_eq(rest, SLICE("refused"))) {
		code->refused = true;
		return true;
	}
	*wrong_r = "127.255.255.0/24 means an error of the provider and is "
		   "never a listing";
	if (code->low[1] == 255 && code->low[2] == 255)
		return false;
	line_r->symbol = take_word(&rest);
	*wrong_r = "after the code comes the symbol, in capital letters, "
		   "digits and '_' such as RBL_NAME (or the word refused)";
	if (!is_symbol_name(line_r->symbol))
		return false;
	*wrong_r = "after the symbol come its points, from -100 to 100, such "
		   "as 4.0 or -0.5";
	if (!read_points(take_word(&rest), &line_r->points))
		return false;
	*wrong_r = "after the points comes what the sender then is, in plain "
		   "words such as: an exploited host";
	line_r->meaning = rest;
	return rest.n > 0;
}

bool rbl_code_applies(const struct rbl_code *code, struct slice address)
{
	const uint8_t *b = (const uint8_t *)address.p;

	if (code->bits)
		return (code->bits & ((uint32_t)b[1] << 16 |
				      (uint32_t)b[2] << 8 | b[3])) != 0;
	for (int i = 0; i < 4; i++)
		if (b[i] < code->low[i] || b[i] > code->high[i])
			return false;
	return true;
}

static enum rbl_finding read_record(const struct rbl_code *codes, size_t count,
				    struct slice address)
{
	const uint8_t *b = (const uint8_t *)address.p;

	if (address.n != 4 || b[0] != 127)
		return RBL_OUTSIDE;
	if (b[1] == 255 && b[2] == 255)
		return RBL_REFUSED;
	for (size_t i = 0; i < count; i++)
		if (codes[i].refused && rbl_code_applies(&codes[i], address))
			return RBL_REFUSED;
	return RBL_LISTED;
}

enum rbl_finding rbl_answer_read(const struct rbl_code *codes, size_t count,
				 const struct dns_answer *answer,
				 size_t *record_r)
{
	*record_r = 0;
	if (answer->status == DNS_TEMPFAIL)
		return RBL_NO_ANSWER;
	if (answer->status != DNS_FOUND || answer->count == 0)
		return RBL_NOT_LISTED;
	for (size_t i = 0; i < answer->count; i++) {
		enum rbl_finding finding =
			read_record(codes, count, answer->records[i].data);

		*record_r = i;
		if (finding != RBL_LISTED)
			return finding;
	}
	return RBL_LISTED;
}

struct slice rbl_address_text(struct arena *a, struct slice address)
{
	struct ip ip;

	return ip_from_bytes(address.p, address.n, &ip) ? ip_text(a, &ip)
							: SLICE("?");
}
