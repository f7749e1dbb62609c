/*
 * Dates of mail. One pass over the text, word by word; comments may nest
 * and are skipped by counting, so no input makes this recurse.
 */
#include "common/mail/date.h"

struct reader {
	struct slice text;
	size_t at;
};

struct name_value {
	const char *name;
	int value;
};

static const struct name_value weekdays[] = {
	{"Mon", 1}, {"Tue", 2}, {"Wed", 3}, {"Thu", 4},
	{"Fri", 5}, {"Sat", 6}, {"Sun", 7}, {NULL, 0},
};

static const struct name_value months[] = {
	{"Jan", 1},  {"Feb", 2},  {"Mar", 3}, {"Apr", 4}, {"May", 5},
	{"Jun", 6},  {"Jul", 7},  {"Aug", 8}, {"Sep", 9}, {"Oct", 10},
	{"Nov", 11}, {"Dec", 12}, {NULL, 0},
};

/* Hours from UTC (RFC 5322 4.3). Any other name means an unknown zone. */
static const struct name_value zones[] = {
	{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6}, {"MDT", -6},
	{"MST", -7}, {"PDT", -7}, {"PST", -8}, {NULL, 0},
};

static const int *find_name(const struct name_value *table, struct slice name)
{
	for (; table->name; table++)
		if (slice_eq_nocase(name, slice_cstr(table->name)))
			return &table->value;
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past blanks, folds and comments; an open comment swallows the rest. */
static void skip_blanks(struct reader *r)
{
	size_t depth = 0;

	for (; r->at < r->text.n; r->at++) {
		char c = r->text.p[r->at];

		if (c == '(')
			depth++;
		else if (depth > 0 && c == ')')
			depth--;
		else if (depth > 0 && c == '\\')
			r->at++;
		else if (depth == 0 && !is_blank(c))
			return;
	}
	r->at = r->text.n;
}

static struct slice take_while(struct reader *r, bool (*fits)(char c))
{
	size_t from;

	skip_blanks(r);
	from = r->at;
	while (r->at < r->text.n && fits(r->text.p[r->at]))
		r->at++;
	return slice_sub(r->text, from, r->at);
}

static bool take_char(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->at >= r->text.n || r->text.p[r->at] != c)
		return false;
	r->at++;
	return true;
}

/* A number of `least` to `most` digits, and how many there were. */
static size_t take_number(struct reader *r, size_t least, size_t most,
			  int *value_r)
{
	struct slice digits = take_while(r, ascii_is_digit);
	uint64_t value = 0;

	if (digits.n < least || digits.n > most ||
	    !slice_to_u64(digits, &value))
		return 0;
	*value_r = (int)value;
	return digits.n;
}

static bool take_weekday(struct reader *r)
{
	struct slice word = take_while(r, ascii_is_alpha);

	if (word.n == 0)
		return true;
	return find_name(weekdays, word) && take_char(r, ',');
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static int64_t days_to(int year, int month, int day)
{
	static const int before[] = {0,	  31,  59,  90,	 120, 151,
				     181, 212, 243, 273, 304, 334};
	int64_t years = year - 1;

	return years * 365 + years / 4 - years / 100 + years / 400 - 719162 +
	       before[month - 1] + (month > 2 && is_leap(year)) + day - 1;
}

static bool take_day(struct reader *r, int64_t *days_r)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30,
				      31, 31, 30, 31, 30, 31};
	int day, year;
	const int *month;
	size_t digits;

	if (!take_number(r, 1, 2, &day))
		return false;
	month = find_name(months, take_while(r, ascii_is_alpha));
	digits = take_number(r, 2, 6, &year);
	if (!month || digits == 0)
		return false;
	if (digits == 2 && year < 50)
		year += 2000;
	else if (digits < 4)
		year += 1900;
	if (year < 1900 || day < 1 ||
	    day > lengths[*month - 1] + (*month == 2 && is_leap(year)))
		return false;
	*days_r = days_to(year, *month, day);
	return true;
}

static bool take_time(struct reader *r, int64_t *seconds_r)
{
	int hour, minute, second = 0;

	if (!take_number(r, 1, 2, &hour) || !take_char(r, ':') ||
	    !take_number(r, 2, 2, &minute))
		return false;
	if (take_char(r, ':') && !take_number(r, 2, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*seconds_r = hour * 3600 + minute * 60 + second;
	return true;
}

static bool take_zone(struct reader *r, int64_t *offset_r)
{
	struct slice name;
	const int *hours;
	bool west;
	int hhmm;

	*offset_r = 0;
	west = take_char(r, '-');
	if (west || take_char(r, '+')) {
		if (!take_number(r, 4, 4, &hhmm) || hhmm % 100 > 59)
			return false;
		*offset_r = hhmm / 100 * 3600 + hhmm % 100 * 60;
		if (west)
			*offset_r = -*offset_r;
		return true;
	}
	name = take_while(r, ascii_is_alpha);
	hours = find_name(zones, name);
	if (hours)
		*offset_r = *hours * 3600;
	return name.n > 0;
}

bool date_parse(struct slice value, int64_t *seconds_r)
{
	struct reader r = {value, 0};
	int64_t days, seconds, offset;

	if (!take_weekday(&r) || !take_day(&r, &days) ||
	    !take_time(&r, &seconds) || !take_zone(&r, &offset))
		return false;
	skip_blanks(&r);
	if (r.at < value.n)
		return false;
	*seconds_r = days * 86400 + seconds - offset;
	return true;
}
