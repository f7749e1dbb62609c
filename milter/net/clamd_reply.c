/*
 * clamd(8)'s replies, read: "fd[12]: NAME FOUND", "stream: OK", "… ERROR",
 * and the few that look otherwise. Nothing but exactly "OK" of a message
 * counts as clean.
 */
#include "milter/net/clamd_reply.h"
#include "common/base/utf8.h"
#include "milter/net/clamd.h"

#include <time.h>

#define ENGINE_MAX 64
#define MD5_DIGITS 32

/* Text of clamd's that may be shown, not too long. */
static struct slice shown(struct arena *arena, struct slice text)
{
	struct slice cut = slice_sub(text, 0, SCAN_TEXT_MAX);

	return utf8_cut(utf8_shown(arena, cut), SCAN_TEXT_MAX);
}

static void set_trouble(struct scan_report *report, enum scan_trouble trouble,
			struct slice reason)
{
	report->result = SCAN_UNSCANNED;
	report->trouble = trouble;
	report->reason = reason;
}

/* Takes "fd[12]: " or "stream: " off; false if neither stands there. */
static bool take_subject(struct slice *text)
{
	static const char mark[] = "]: ";
	struct slice stream = SLICE("stream: "), fd = SLICE("fd[");
	size_t i = fd.n;

	if (slice_eq(slice_sub(*text, 0, stream.n), stream)) {
		*text = slice_sub(*text, stream.n, text->n);
		return true;
	}
	if (!slice_eq(slice_sub(*text, 0, fd.n), fd))
		return false;
	while (i < text->n && ascii_is_digit(text->p[i]))
		i++;
	if (!slice_eq(slice_sub(*text, i, i + sizeof(mark) - 1), SLICE("]: ")))
		return false;
	*text = slice_sub(*text, i + sizeof(mark) - 1, text->n);
	return true;
}

/* Takes the word off the end; false if it does not stand there. */
static bool take_last_word(struct slice *text, struct slice word)
{
	size_t at = text->n - word.n;

	if (text->n < word.n ||
	    !slice_eq(slice_sub(*text, at, text->n), word) ||
	    (at > 0 && text->p[at - 1] != ' '))
		return false;
	*text = slice_trim(slice_sub(*text, 0, at));
	return true;
}

/* ExtendedDetectionInfo adds "(MD5:SIZE)" to the name. */
static struct slice without_details(struct slice name)
{
	size_t open = slice_rfind(name, '(');
	struct slice details = slice_sub(name, open + 1, name.n);
	uint64_t size;

	if (details.n < MD5_DIGITS + 3 || details.p[details.n - 1] != ')' ||
	    details.p[MD5_DIGITS] != ':' ||
	    !slice_to_u64(slice_sub(details, MD5_DIGITS + 1, details.n - 1),
			  &size))
		return name;
	return slice_sub(name, 0, open);
}

/* With AlertExceedsMax clamd gives a limit that was hit as a signature. */
static void read_found(struct arena *arena, struct slice name,
		       struct scan_report *report)
{
	name = without_details(name);
	if (slice_starts_nocase(name, SLICE("Heuristics.Limits.Exceeded"))) {
		set_trouble(report, SCAN_LIMIT, shown(arena, name));
		return;
	}
	report->result = SCAN_INFECTED;
	report->names[0] =
		slice_empty(name) ? SLICE("(unnamed)") : shown(arena, name);
	report->name_count = 1;
}

/* "INSTREAM size limit exceeded.", "CL_ETIMEOUT: Time limit reached" … */
static void read_error(struct arena *arena, struct slice text,
		       struct scan_report *report)
{
	bool limit = slice_search_nocase(text, SLICE("limit")) < text.n;

	if (slice_empty(text))
		text = SLICE("an error that clamd does not name");
	set_trouble(report, limit ? SCAN_LIMIT : SCAN_ERROR,
		    shown(arena, text));
}

static void set_unknown(struct arena *arena, struct slice reply,
			struct scan_report *report)
{
	struct slice text = shown(arena, reply);

	set_trouble(report, SCAN_ERROR,
		    shown(arena, arena_printf(arena, "clamd replied \"%.*s\"",
					      SLICE_FMT(text))));
}

void clamd_read_reply(struct arena *arena, struct slice reply,
		      struct scan_report *report_r)
{
	struct slice text = slice_trim(reply);
	bool of_message = take_subject(&text);

	*report_r = (struct scan_report){.result = SCAN_CLEAN};
	if (of_message && slice_eq(text, SLICE("OK")))
		return;
	if (of_message && take_last_word(&text, SLICE("FOUND")))
		read_found(arena, text, report_r);
	else if (take_last_word(&text, SLICE("ERROR")))
		read_error(arena, text, report_r);
	else
		set_unknown(arena, reply, report_r);
}

/* The number that stands at s, of up to `digits`; -1: none. */
static int number_at(struct slice s, size_t from, size_t digits)
{
	struct slice text = slice_trim(slice_sub(s, from, from + digits));
	uint64_t value;

	return slice_to_u64(text, &value) ? (int)value : -1;
}

/* As ctime(3) writes it: "Sat Nov  8 08:00:00 2026". */
static int64_t read_time(struct slice text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct slice month = slice_sub(text, 4, 7);
	struct tm tm = {.tm_isdst = -1};
	size_t at;

	if (text.n != 24 || text.p[13] != ':' || text.p[16] != ':')
		return 0;
	at = slice_search_nocase(SLICE(months), month);
	tm.tm_mon = (int)(at / 3);
	tm.tm_mday = number_at(text, 8, 2);
	tm.tm_hour = number_at(text, 11, 2);
	tm.tm_min = number_at(text, 14, 2);
	tm.tm_sec = number_at(text, 17, 2);
	tm.tm_year = number_at(text, 20, 4) - 1900;
	if (at % 3 != 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
	    tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
	    tm.tm_sec > 60 || tm.tm_year < 70)
		return 0;
	return (int64_t)mktime(&tm);
}

bool clamd_read_version(struct slice reply, struct clamd_version *version_r)
{
	struct slice rest = slice_trim(reply), engine, version;

	*version_r = (struct clamd_version){.engine = SLICE_NONE};
	if (!slice_starts_nocase(rest, SLICE("ClamAV ")))
		return false;
	slice_next(&rest, '/', &engine);
	if (engine.n > ENGINE_MAX || !slice_is_printable(engine))
		return false;
	version_r->engine = engine;
	if (slice_next(&rest, '/', &version) &&
	    slice_to_u64(version, &version_r->database_version))
		version_r->database_time = read_time(rest);
	return true;
}
