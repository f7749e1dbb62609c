/*
 * Kinds of settings. Each kind has one row: how it is read, how it is
 * written, and what to call it in an error.
 */
#include "common/conf/value.h"
#include "common/base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit time_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000},
	{"d", 86400000}, {NULL, 0},
};
static const struct unit byte_units[] = {
	{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0},
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

/* A whole number and a unit: "30s", "25m", "-1". */
static bool read_scaled(struct slice text, const struct unit *units,
			int64_t *value_r)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	size_t digits = negative;
	uint64_t number;

	while (digits < text.n && ascii_is_digit(text.p[digits]))
		digits++;
	if (!slice_to_u64(slice_sub(text, negative, digits), &number) ||
	    number > INT64_MAX)
		return false;
	text = slice_sub(text, digits, text.n);
	for (; units->name; units++) {
		int64_t value;

		if (!slice_eq_nocase(text, slice_cstr(units->name)))
			continue;
		if (__builtin_mul_overflow((int64_t)number, units->factor,
					   &value))
			return false;
		*value_r = negative ? -value : value;
		return true;
	}
	/* "0" needs no unit. */
	*value_r = 0;
	return number == 0 && text.n == 0;
}

static struct slice write_scaled(struct arena *arena, int64_t value,
				 const struct unit *units)
{
	const struct unit *best = units;

	for (; units->name; units++)
		if (value != 0 && value % units->factor == 0)
			best = units;
	return arena_printf(arena, "%lld%s", (long long)(value / best->factor),
			    value ? best->name : "");
}

bool value_number(struct slice text, double *value_r)
{
	char copy[32], *end;

	if (text.n == 0 || text.n >= sizeof(copy) ||
	    (!ascii_is_digit(text.p[0]) && text.p[0] != '-' &&
	     text.p[0] != '+' && text.p[0] != '.'))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!ascii_is_digit(text.p[i]) && text.p[i] != '.' &&
		    (i > 0 || (text.p[i] != '-' && text.p[i] != '+')))
			return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	*value_r = strtod(copy, &end);
	return *end == '\0' && end != copy && fabs(*value_r) <= 100000;
}

static bool read_bool(struct slice text, bool *value_r)
{
	*value_r = slice_eq_nocase(text, SLICE("yes"));
	return *value_r || slice_eq_nocase(text, SLICE("no"));
}

static bool read_choice(const struct setting *row, struct slice text,
			struct choice *choice_r)
{
	struct slice rest = slice_cstr(row->min), word;

	for (int i = 0; slice_next(&rest, '|', &word); i++) {
		if (slice_eq_nocase(text, word)) {
			choice_r->value = i;
			return true;
		}
	}
	return false;
}

static bool read_points(struct slice text, struct points *points_r)
{
	points_r->off = slice_eq_nocase(text, SLICE("off"));
	points_r->value = INFINITY;
	return points_r->off || value_number(text, &points_r->value);
}

static bool read_one(const struct setting *row, struct arena *arena,
		     struct slice text, void *field)
{
	switch (row->kind) {
	case SETTING_BOOL:
		return read_bool(text, field);
	case SETTING_INT:
		return read_scaled(text, no_units, field);
	case SETTING_DURATION:
		return read_scaled(text, time_units,
				   &((struct duration *)field)->ms);
	case SETTING_BYTES:
		return read_scaled(text, byte_units,
				   &((struct bytesize *)field)->n);
	case SETTING_POINTS:
		return read_points(text, field);
	case SETTING_CHOICE:
		return read_choice(row, text, field);
	case SETTING_TEXT:
		((struct text *)field)->s = arena_dup(arena, text);
		return true;
	case SETTING_LIST:
		break;
	}
	return false;
}

/* The number that a range compares. */
static double measure(enum setting_kind kind, const void *field)
{
	switch (kind) {
	case SETTING_INT:
		return (double)*(const int64_t *)field;
	case SETTING_DURATION:
		return (double)((const struct duration *)field)->ms;
	case SETTING_BYTES:
		return (double)((const struct bytesize *)field)->n;
	case SETTING_POINTS:
		return ((const struct points *)field)->value;
	default:
		return 0;
	}
}

static bool in_range(const struct setting *row, struct arena *arena,
		     const void *field)
{
	double value = measure(row->kind, field);
	max_align_t limit[4];

	if (row->kind == SETTING_CHOICE || row->kind == SETTING_TEXT ||
	    row->kind == SETTING_BOOL)
		return true;
	if (row->kind == SETTING_POINTS && ((const struct points *)field)->off)
		return true;
	if (row->min &&
	    read_one(row, arena, slice_cstr(row->min), limit) &&
	    value < measure(row->kind, limit))
		return false;
	return !row->max ||
	       !read_one(row, arena, slice_cstr(row->max), limit) ||
	       value <= measure(row->kind, limit);
}

static void set_list(struct arena *arena, const struct slice *values,
		     size_t count, struct strlist *list_r)
{
	struct slice *copy = ARENA_ARRAY(arena, struct slice, count + 1);

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_dup(arena, values[i]);
	*list_r = (struct strlist){copy, count};
}

int value_set(const struct setting *row, struct arena *arena,
	      const struct slice *values, size_t count, void *base,
	      struct err *err)
{
	void *field = (char *)base + row->offset;
	struct slice allowed;

	if (row->kind == SETTING_LIST) {
		set_list(arena, values, count, field);
		return 0;
	}
	if (count == 1 && read_one(row, arena, values[0], field) &&
	    in_range(row, arena, field))
		return 0;
	allowed = value_allowed(row, arena);
	if (count != 1)
		return err_set(err, "takes one value: %.*s",
			       SLICE_FMT(allowed));
	return err_set(err, "'%.*s' is not allowed; write %.*s",
		       SLICE_FMT(values[0]), SLICE_FMT(allowed));
}

void value_set_default(const struct setting *row, struct arena *arena,
		       void *base)
{
	struct slice whole = slice_cstr(row->deflt);
	struct slice *values = &whole;
	size_t count = 1;
	struct err err;

	if (row->kind == SETTING_LIST)
		values = value_split(arena, whole, &count);
	if (value_set(row, arena, values, count, base, &err) < 0)
		abort();
}

struct slice *value_split(struct arena *arena, struct slice text,
			  size_t *count_r)
{
	size_t most = 1;
	struct slice *values, piece, rest = text;

	for (size_t i = 0; i < text.n; i++)
		most += text.p[i] == ',';
	values = ARENA_ARRAY(arena, struct slice, most);
	*count_r = 0;
	while (slice_next(&rest, ',', &piece)) {
		piece = slice_trim(piece);
		if (piece.n > 0)
			values[(*count_r)++] = piece;
	}
	return values;
}

static struct slice write_list(struct arena *arena, const struct strlist *list)
{
	struct buf out = BUF(arena);

	buf_add_char(&out, '{');
	for (size_t i = 0; i < list->n; i++) {
		if (i > 0)
			buf_add_text(&out, ", ");
		buf_add_quoted(&out, list->v[i]);
	}
	buf_add_char(&out, '}');
	return buf_slice(&out);
}

static struct slice write_choice(const struct setting *row, int value)
{
	struct slice rest = slice_cstr(row->min), word = SLICE_NONE;

	for (int i = 0; i <= value; i++)
		if (!slice_next(&rest, '|', &word))
			break;
	return word;
}

struct slice value_text(const struct setting *row, struct arena *arena,
			const void *base)
{
	const void *field = (const char *)base + row->offset;
	const struct points *points = field;
	struct buf out = BUF(arena);

	switch (row->kind) {
	case SETTING_BOOL:
		return *(const bool *)field ? SLICE("yes") : SLICE("no");
	case SETTING_INT:
		return write_scaled(arena, *(const int64_t *)field, no_units);
	case SETTING_DURATION:
		return write_scaled(arena, ((const struct duration *)field)->ms,
				    time_units);
	case SETTING_BYTES:
		return write_scaled(arena, ((const struct bytesize *)field)->n,
				    byte_units);
	case SETTING_POINTS:
		return points->off ? SLICE("off")
				   : arena_printf(arena, "%g", points->value);
	case SETTING_CHOICE:
		return write_choice(row, ((const struct choice *)field)->value);
	case SETTING_TEXT:
		buf_add_quoted(&out, ((const struct text *)field)->s);
		return buf_slice(&out);
	case SETTING_LIST:
		return write_list(arena, field);
	}
	return SLICE_NONE;
}

static void add_range(struct buf *out, const struct setting *row)
{
	if (row->min && row->max)
		buf_printf(out, " from %s to %s", row->min, row->max);
	else if (row->min)
		buf_printf(out, " of at least %s", row->min);
	else if (row->max)
		buf_printf(out, " of at most %s", row->max);
}

struct slice value_allowed(const struct setting *row, struct arena *arena)
{
	static const char *const kinds[] = {
		[SETTING_BOOL] = "yes or no",
		[SETTING_INT] = "a whole number",
		[SETTING_DURATION] = "a time such as 500ms, 30s, 5m, 2h or 1d",
		[SETTING_BYTES] = "a size such as 4096, 64k, 25m or 1g",
		[SETTING_POINTS] = "a number of points such as 6.5, or off",
		[SETTING_TEXT] = "a text",
		[SETTING_LIST] = "a list such as {\"a\", \"b\"}",
		[SETTING_CHOICE] = "one of",
	};
	struct buf out = BUF(arena);
	struct slice rest, word;

	buf_add_text(&out, kinds[row->kind]);
	if (row->kind != SETTING_CHOICE) {
		if (row->kind != SETTING_LIST && row->kind != SETTING_TEXT)
			add_range(&out, row);
		return buf_slice(&out);
	}
	rest = slice_cstr(row->min);
	for (const char *sep = " "; slice_next(&rest, '|', &word);
	     sep = ", ") {
		buf_add_text(&out, sep);
		buf_add(&out, word);
	}
	return buf_slice(&out);
}
