/*
 * Every text of the daemon's goes through explain_text(): a list's name is
 * an administrator's, but the socket may be anybody's.
 */
#include "milter/cli/status_screen.h"

#include "common/base/utf8.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/since.h"
#include "milter/cli/terminal.h"

#include <stdarg.h>

#define LABEL 11
#define WIDTH 79
/* So many processes of a role are shown one by one. */
#define PROCESSES_MAX 4
/* So many lists that are not well are named. */
#define LISTS_MAX 3

struct screen {
	FILE *out;
	struct arena *arena;
	const struct status_view *view;
};

static void __attribute__((format(printf, 3, 4)))
line(const struct screen *s, const char *label, const char *format, ...)
{
	const struct terminal_wrap wrap = {WIDTH, LABEL, LABEL};
	va_list args;
	struct slice text;

	va_start(args, format);
	text = arena_vprintf(s->arena, format, args);
	va_end(args);
	fprintf(s->out, "%-*s", LABEL, label);
	terminal_wrap(s->out, utf8_shown(s->arena, text), &wrap);
}

static unsigned long long whole(double number)
{
	return number > 0 && number < 1e18 ? (unsigned long long)number : 0;
}

static unsigned long long number(const struct json_value *object,
				 const char *name)
{
	return whole(json_number(object, name));
}

static const char *plural(unsigned long long n)
{
	return n == 1 ? "" : "s";
}

static struct slice bytes_text(struct arena *a, double bytes)
{
	if (bytes < 1e6)
		return arena_printf(a, "%.0f kB", bytes / 1e3);
	if (bytes < 1e9)
		return arena_printf(a, "%.1f MB", bytes / 1e6);
	return arena_printf(a, "%.2f GB", bytes / 1e9);
}

/* ---- what the daemon says ---- */

static void heading(const struct screen *s)
{
	const struct json_value *live = s->view->live;
	struct slice now = since_text(s->arena, s->view->now_ms);

	if (!live) {
		fprintf(s->out, "Gatepost  %.*s\n\n", SLICE_FMT(now));
		line(s, "Daemon", "%s", s->view->why_not_live);
		return;
	}
	fprintf(s->out, "Gatepost %.*s  %.*s  up %.*s, configuration %llu\n\n",
		SLICE_FMT(slice_sub(
			explain_text(s->arena, json_text(live, "version")), 0,
			20)),
		SLICE_FMT(now),
		SLICE_FMT(since_span(
			s->arena,
			(int64_t)whole(json_number(live, "uptime_s") * 1000))),
		number(live, "generation"));
}

/* "2 workers 48.1 MB + 47.1 MB"; of many, only what they have together. */
static void add_role(struct buf *out, const struct json_value *list,
		     struct slice role)
{
	struct buf each = BUF(out->arena);
	unsigned count = 0;
	double sum = 0;

	for (size_t i = 0; i < list->count; i++) {
		double bytes = json_number(&list->items[i], "rss_bytes");

		if (!slice_eq(json_text(&list->items[i], "role"), role))
			continue;
		sum += bytes;
		buf_printf(&each, "%s%.*s", count++ ? " + " : "",
			   SLICE_FMT(bytes_text(out->arena, bytes)));
	}
	if (count == 0)
		return;
	if (count > PROCESSES_MAX) {
		each = BUF(out->arena);
		buf_add(&each, bytes_text(out->arena, sum));
	}
	buf_add_text(out, out->n > 0 ? ", " : "");
	if (count > 1)
		buf_printf(out, "%u ", count);
	buf_printf(out, "%.*s%s %.*s", SLICE_FMT(role), plural(count),
		   SLICE_FMT(buf_slice(&each)));
}

static void processes(const struct screen *s)
{
	static const struct slice roles[] = {SLICE("master"), SLICE("worker"),
					     SLICE("recorder")};
	const struct json_value *list = json_member(s->view->live, "processes");
	struct buf text = BUF(s->arena);
	double sum = 0;

	for (size_t i = 0; list && i < list->count; i++)
		sum += json_number(&list->items[i], "rss_bytes");
	for (size_t i = 0; list && i < sizeof(roles) / sizeof(roles[0]); i++)
		add_role(&text, list, roles[i]);
	line(s, "Processes", "%.*s: %.*s", SLICE_FMT(bytes_text(s->arena, sum)),
	     SLICE_FMT(buf_slice(&text)));
}

static void sessions(const struct screen *s)
{
	const struct json_value *of = json_member(s->view->live, "sessions");
	unsigned long long waiting = number(s->view->live, "waiting");

	line(s, "Sessions",
	     "%llu now, %llu since the start, %llu refused; %llu message%s "
	     "waiting",
	     number(of, "now"), number(of, "total"), number(of, "refused"),
	     waiting, plural(waiting));
}

static void slowest(const struct screen *s)
{
	const struct json_value *list = json_member(s->view->live, "checks");
	const struct json_value *most = NULL;

	for (size_t i = 0; list && i < list->count; i++)
		if (number(&list->items[i], "count") > 0 &&
		    (!most || json_number(&list->items[i], "mean_ms") >
				      json_number(most, "mean_ms")))
			most = &list->items[i];
	if (!most)
		line(s, "Checks", "none has run yet");
	else
		line(s, "Checks",
		     "slowest: %.*s, %.1f ms on average over %llu messages",
		     SLICE_FMT(explain_text(s->arena, json_text(most, "name"))),
		     json_number(most, "mean_ms"), number(most, "count"));
}

static bool is_well(const struct json_value *list)
{
	return number(list, "suspended") == 0 && number(list, "errors") == 0;
}

/* "; not well: dbl.example SUSPENDED (9 errors of 20), …", the first few. */
static struct slice lists_not_well(const struct screen *s,
				   const struct json_value *list)
{
	struct buf text = BUF(s->arena);
	size_t bad = 0;

	for (size_t i = 0; list && i < list->count; i++) {
		const struct json_value *l = &list->items[i];

		if (is_well(l) || ++bad > LISTS_MAX)
			continue;
		buf_printf(
			&text, "%s%.*s%s (%llu errors of %llu)",
			text.n ? ", " : "; not well: ",
			SLICE_FMT(explain_text(s->arena, json_text(l, "name"))),
			number(l, "suspended") ? " SUSPENDED" : "",
			number(l, "errors"), number(l, "asked"));
	}
	if (bad > LISTS_MAX)
		buf_printf(&text, " and %zu more", bad - LISTS_MAX);
	return buf_slice(&text);
}

static void lists(const struct screen *s)
{
	const struct json_value *list = json_member(s->view->live, "lists");
	unsigned long long asked = 0, listed = 0;

	for (size_t i = 0; list && i < list->count; i++) {
		asked += number(&list->items[i], "asked");
		listed += number(&list->items[i], "listed");
	}
	line(s, "Lists", "%zu; %llu question%s, %llu listed%.*s",
	     list ? list->count : 0, asked, plural(asked), listed,
	     SLICE_FMT(lists_not_well(s, list)));
}

static void services(const struct screen *s)
{
	const struct json_value *dns = json_member(s->view->live, "dns");
	const struct json_value *store = json_member(s->view->live, "store");
	unsigned long long asked = number(dns, "asked");

	line(s, "DNS",
	     "%llu question%s, %.0f %% known already, %llu failed, %llu open",
	     asked, plural(asked),
	     asked ? 100.0 * json_number(dns, "cached") / (double)asked : 0,
	     number(dns, "failed"), number(dns, "in_flight"));
	line(s, "Store",
	     "%s; %llu call%s, %llu late, %llu failed, down %llu "
	     "time%s",
	     number(store, "down_now") ? "DOWN" : "works",
	     number(store, "asked"), plural(number(store, "asked")),
	     number(store, "late"), number(store, "failed"),
	     number(store, "downs"), plural(number(store, "downs")));
}

static double sum_of(const struct json_value *object)
{
	double sum = 0;

	for (size_t i = 0; object && i < object->count; i++)
		sum += object->items[i].number;
	return sum;
}

static void records(const struct screen *s)
{
	const struct json_value *r = json_member(s->view->live, "records");

	line(s, "Records",
	     "%llu sent, %llu stored, %llu dropped, %llu lost, %llu waiting%s",
	     number(r, "sent"), number(r, "stored"), number(r, "dropped"),
	     number(r, "lost"), number(r, "queued"),
	     json_number(r, "history_up") > 0
		     ? ""
		     : "; the history CANNOT BE WRITTEN");
}

static void vault(const struct screen *s)
{
	const struct json_value *v = json_member(s->view->live, "vault");
	const struct json_value *held = json_member(v, "held");
	struct buf text = BUF(s->arena);

	for (size_t i = 0; held && i < held->count; i++) {
		const struct json_value *class = &held->items[i];

		if (class->number > 0)
			buf_printf(
				&text, "%s%llu %.*s", text.n ? ", " : "",
				whole(class->number),
				SLICE_FMT(explain_text(s->arena, class->name)));
	}
	if (text.n > 0)
		buf_printf(
			&text, " held, oldest %.*s",
			SLICE_FMT(since_span(
				s->arena,
				(int64_t)whole(json_number(v, "oldest_held_s") *
					       1000))));
	else
		buf_add_text(&text, "nothing is held");
	line(s, "Vault", "%.*s; %llu released; %.*s",
	     SLICE_FMT(buf_slice(&text)), number(v, "released"),
	     SLICE_FMT(bytes_text(s->arena, json_number(v, "bytes"))));
}

/* All that should be 0, where it is seen first. */
static void troubles(const struct screen *s)
{
	const struct json_value *live = s->view->live;
	const struct json_value *r = json_member(live, "records");
	const struct json_value *m = json_member(live, "messages");
	const struct {
		const char *what;
		double n;
	} rows[] = {
		{"crashes", sum_of(json_member(live, "crashes"))},
		{"records dropped", json_number(r, "dropped")},
		{"records lost", json_number(r, "lost")},
		{"messages unanswered", json_number(m, "unanswered")},
		{"sessions sent away",
		 json_number(json_member(live, "sessions"), "refused")},
		{"store failures",
		 json_number(json_member(live, "store"), "failed")},
	};
	struct buf text = BUF(s->arena);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].n > 0)
			buf_printf(&text, "%s%llu %s", text.n ? ", " : "",
				   whole(rows[i].n), rows[i].what);
	line(s, "Trouble", "%.*s",
	     SLICE_FMT(text.n ? buf_slice(&text)
			      : SLICE("none since the start")));
}

/* ---- what the history has ---- */

static void row(const struct screen *s, const char *what, size_t offset)
{
	const struct sums *sums[] = {&s->view->minute, &s->view->hour,
				     &s->view->day};

	fprintf(s->out, "  %-16s", what);
	for (int i = 0; i < 3; i++) {
		const char *at = (const char *)sums[i] + offset;

		fprintf(s->out, " %12llu",
			(unsigned long long)*(
				const uint64_t *)(const void *)at);
	}
	fputc('\n', s->out);
}

static void traffic(const struct screen *s)
{
	static const struct {
		const char *what;
		size_t offset;
	} rows[] = {
		{"received", offsetof(struct sums, received)},
		{"sent", offsetof(struct sums, sent)},
		{"accepted", offsetof(struct sums, accepted)},
		{"tagged as spam", offsetof(struct sums, tagged)},
		{"refused", offsetof(struct sums, rejected)},
		{"held", offsetof(struct sums, held)},
		{"deferred", offsetof(struct sums, deferred)},
	};

	fprintf(s->out, "%-18s %12s %12s %12s\n", "Mail of the last", "minute",
		"hour", "day");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		row(s, rows[i].what, rows[i].offset);
}

static void history(const struct screen *s)
{
	const struct history_size *size = &s->view->size;

	if (!s->view->has_history) {
		line(s, "History", "%s",
		     s->view->why_no_history ? s->view->why_no_history : "");
		return;
	}
	line(s, "History", "%lld record%s, %.*s%s%.*s",
	     (long long)size->records,
	     plural((unsigned long long)size->records),
	     SLICE_FMT(bytes_text(s->arena, (double)size->bytes)),
	     size->records ? ", since " : "",
	     SLICE_FMT(size->records ? since_text(s->arena, size->oldest_ms)
				     : SLICE("")));
}

void status_screen(FILE *out, const struct status_view *view)
{
	struct screen s = {out, arena_new(0), view};

	heading(&s);
	if (view->live) {
		troubles(&s);
		processes(&s);
		sessions(&s);
	}
	if (view->has_history)
		traffic(&s);
	if (view->live) {
		slowest(&s);
		lists(&s);
		services(&s);
		records(&s);
		vault(&s);
	}
	history(&s);
	arena_free(&s.arena);
}
