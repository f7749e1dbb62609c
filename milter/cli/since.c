/* Times to and from text. mktime() knows the zone and its summer time. */
#include "milter/cli/since.h"

#include <stdlib.h>
#include <time.h>

#define DAY_MS (INT64_C(86400) * 1000)
/* Beyond these years a slip of the fingers is likelier than a wish. */
#define YEAR_MIN 1970
#define YEAR_MAX 9999

/* Takes exactly `digits` digits that make min to max. */
static bool take_number(struct slice *rest, size_t digits, int min, int max,
			int *value_r)
{
	int value = 0;

	if (rest->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (!ascii_is_digit(rest->p[i]))
			return false;
		value = value * 10 + (rest->p[i] - '0');
	}
	*rest = slice_sub(*rest, digits, rest->n);
	*value_r = value;
	return value >= min && value <= max;
}

static bool take_char(struct slice *rest, char c)
{
	if (rest->n == 0 || ascii_lower(rest->p[0]) != c)
		return false;
	*rest = slice_sub(*rest, 1, rest->n);
	return true;
}

static bool take_date(struct slice *rest, struct tm *tm)
{
	int year, month, day;

	if (!take_number(rest, 4, YEAR_MIN, YEAR_MAX, &year) ||
	    !take_char(rest, '-') || !take_number(rest, 2, 1, 12, &month) ||
	    !take_char(rest, '-') || !take_number(rest, 2, 1, 31, &day))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* HH:MM, HH:MM:SS and parts of a second, of which three digits count. */
static bool take_time(struct slice *rest, struct tm *tm, int *ms_r)
{
	int scale = 100;

	if (!take_number(rest, 2, 0, 23, &tm->tm_hour) ||
	    !take_char(rest, ':') || !take_number(rest, 2, 0, 59, &tm->tm_min))
		return false;
	if (!take_char(rest, ':'))
		return true;
	if (!take_number(rest, 2, 0, 60, &tm->tm_sec))
		return false;
	if (!take_char(rest, '.'))
		return true;
	for (; rest->n > 0 && ascii_is_digit(rest->p[0]); scale /= 10) {
		*ms_r += (rest->p[0] - '0') * scale;
		*rest = slice_sub(*rest, 1, rest->n);
	}
	return true;
}

/* Z, +HH:MM or +HHMM; seconds east of Greenwich. */
static bool take_zone(struct slice *rest, int *east_r)
{
	int hours, minutes, sign = 1;

	*east_r = 0;
	if (take_char(rest, 'z'))
		return true;
	if (take_char(rest, '-'))
		sign = -1;
	else if (!take_char(rest, '+'))
		return false;
	if (!take_number(rest, 2, 0, 14, &hours))
		return false;
	(void)take_char(rest, ':');
	if (!take_number(rest, 2, 0, 59, &minutes))
		return false;
	*east_r = sign * (hours * 3600 + minutes * 60);
	return true;
}

static struct tm local(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	return tm;
}

int64_t since_day(int64_t ms, int days)
{
	struct tm tm = local(ms);

	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000;
}

/* 31 February would quietly be a day in March. */
static bool is_day(struct tm tm)
{
	const int day = tm.tm_mday;

	tm.tm_hour = 12;
	tm.tm_isdst = 0;
	return timegm(&tm) != -1 && tm.tm_mday == day;
}

static bool parse_absolute(struct slice rest, bool until, int64_t *ms_r)
{
	struct tm tm = {.tm_isdst = -1};
	int ms = 0, east;

	if (!take_date(&rest, &tm) || !is_day(tm))
		return false;
	if (rest.n == 0) {
		*ms_r = since_day((int64_t)mktime(&tm) * 1000, until);
		return true;
	}
	if ((!take_char(&rest, 't') && !take_char(&rest, ' ')) ||
	    !take_time(&rest, &tm, &ms))
		return false;
	if (rest.n == 0)
		*ms_r = (int64_t)mktime(&tm) * 1000 + ms;
	else if (take_zone(&rest, &east))
		*ms_r = ((int64_t)timegm(&tm) - east) * 1000 + ms;
	return rest.n == 0;
}

static bool parse_today(struct slice rest, int64_t now_ms, int64_t *ms_r)
{
	struct tm tm = local(now_ms);
	int ms = 0;

	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	if (!take_time(&rest, &tm, &ms) || rest.n > 0)
		return false;
	*ms_r = (int64_t)mktime(&tm) * 1000 + ms;
	return true;
}

static int64_t unit_ms(char unit)
{
	switch (ascii_lower(unit)) {
	case 's':
		return 1000;
	case 'm':
		return INT64_C(60) * 1000;
	case 'h':
		return INT64_C(3600) * 1000;
	case 'd':
		return DAY_MS;
	case 'w':
		return 7 * DAY_MS;
	default:
		return 0;
	}
}

static bool parse_relative(struct slice rest, int64_t now_ms, int64_t *ms_r)
{
	int64_t total = 0;

	if (rest.n == 0)
		return false;
	while (rest.n > 0) {
		int64_t value = 0;
		size_t n = 0;

		while (n < rest.n && n < 9 && ascii_is_digit(rest.p[n]))
			value = value * 10 + (rest.p[n++] - '0');
		if (n == 0 || n == rest.n || unit_ms(rest.p[n]) == 0)
			return false;
		/* Before all time is as far back as any; no sum overflows. */
		if (total < now_ms)
			total += value * unit_ms(rest.p[n]);
		rest = slice_sub(rest, n + 1, rest.n);
	}
	*ms_r = total < now_ms ? now_ms - total : 0;
	return true;
}

static bool parse_word(struct slice text, int64_t now_ms, bool until,
		       int64_t *ms_r)
{
	uint64_t seconds;

	if (slice_eq_nocase(text, SLICE("now")))
		*ms_r = now_ms;
	else if (slice_eq_nocase(text, SLICE("today")))
		*ms_r = since_day(now_ms, until);
	else if (slice_eq_nocase(text, SLICE("yesterday")))
		*ms_r = since_day(now_ms, until ? 0 : -1);
	else if (text.n > 1 && text.n < 13 && text.p[0] == '@' &&
		 slice_to_u64(slice_sub(text, 1, text.n), &seconds))
		*ms_r = (int64_t)seconds * 1000;
	else
		return false;
	return true;
}

int since_parse(struct slice text, int64_t now_ms, bool until, int64_t *ms_r,
		struct err *err)
{
	text = slice_trim(text);
	if (parse_word(text, now_ms, until, ms_r) ||
	    parse_relative(text, now_ms, ms_r) ||
	    parse_today(text, now_ms, ms_r) ||
	    parse_absolute(text, until, ms_r))
		return 0;
	return err_set(err,
		       "'%.*s' is no time; write 2h, 1d12h, today, yesterday, "
		       "14:05, 2026-11-27 or 2026-11-27T14:05 (local, or UTC "
		       "with a Z behind it)",
		       (int)(text.n > 80 ? 80 : text.n), text.p ? text.p : "");
}

struct slice since_text(struct arena *arena, int64_t ms)
{
	struct tm tm = local(ms);

	return arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d",
			    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

struct slice since_text_zone(struct arena *arena, int64_t ms)
{
	int east = (int)(local(ms).tm_gmtoff / 60);

	return arena_printf(arena, "%s %c%02d%02d", since_text(arena, ms).p,
			    east < 0 ? '-' : '+', abs(east) / 60,
			    abs(east) % 60);
}

struct slice since_span(struct arena *arena, int64_t ms)
{
	long long s = (ms + 500) / 1000;

	if (ms < 950)
		return arena_printf(arena, "%lld ms", (long long)ms);
	if (s < 60)
		return arena_printf(arena, "%lld s", s);
	if (s < 3600)
		return s % 60 ? arena_printf(arena, "%lld min %lld s", s / 60,
					     s % 60)
			      : arena_printf(arena, "%lld min", s / 60);
	if (s < 86400)
		return s / 60 % 60 ? arena_printf(arena, "%lld h %lld min",
						  s / 3600, s / 60 % 60)
				   : arena_printf(arena, "%lld h", s / 3600);
	return arena_printf(arena, "%lld day%s %lld h", s / 86400,
			    s / 86400 == 1 ? "" : "s", s / 3600 % 24);
}
