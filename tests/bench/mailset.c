/* Reads the index and cuts every message into fields and body. */
#include "tests/bench/mailset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define COLUMNS 8
enum { VISIT, CLASS, CLIENT, NAME, HELO, SENDER, RCPTS, FILE_NAME };

/* A copy of s whose slice includes the final NUL. */
static struct slice text(struct arena *a, struct slice s)
{
	char *p = arena_cstr(a, s);

	return (struct slice){p, s.n + 1};
}

static int read_file(struct arena *a, const char *path, struct slice *bytes_r,
		     struct err *err)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	char *p;

	if (!file)
		return err_set(err, "%s: %s", path, strerror(errno));
	if (fstat(fileno(file), &st) != 0 || st.st_size < 0) {
		fclose(file);
		return err_set(err, "%s: %s", path, strerror(errno));
	}
	p = arena_alloc(a, (size_t)st.st_size + 1);
	bytes_r->n = fread(p, 1, (size_t)st.st_size, file);
	bytes_r->p = p;
	fclose(file);
	return 0;
}

static size_t count_lines(struct slice s)
{
	size_t n = 0;

	for (size_t i = slice_find(s, 0, '\n'); i < s.n;
	     i = slice_find(s, i + 1, '\n'))
		n++;
	return n;
}

/* Takes one line off *rest, without its CRLF or LF; false at the end. */
static bool next_line(struct slice *rest, struct slice *line_r)
{
	size_t end = slice_find(*rest, 0, '\n');

	if (slice_empty(*rest))
		return false;
	*line_r = slice_sub(*rest, 0, end);
	if (line_r->n > 0 && line_r->p[line_r->n - 1] == '\r')
		line_r->n--;
	*rest = slice_sub(*rest, end + 1, rest->n);
	return true;
}

/* A value is sent as sendmail sends it: lines parted by a bare LF. */
static struct slice unfold_crlf(struct arena *a, struct slice raw)
{
	char *p = arena_alloc(a, raw.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] != '\r')
			p[n++] = raw.p[i];
	return (struct slice){p, n + 1};
}

/* Takes one header field with its folds off *rest; false at the empty line. */
static bool next_field(struct slice *rest, struct slice *field_r)
{
	struct slice line, more;

	if (!next_line(rest, &line) || slice_empty(line))
		return false;
	while (!slice_empty(*rest) && ascii_is_wsp(rest->p[0])) {
		next_line(rest, &more);
		line.n = (size_t)(more.p + more.n - line.p);
	}
	*field_r = line;
	return true;
}

static int message_cut(struct arena *a, struct slice bytes, struct message *m)
{
	struct slice rest = bytes, field = SLICE_NONE;

	m->size = bytes.n;
	m->fields = ARENA_ARRAY(a, struct field, count_lines(bytes) + 1);
	while (next_field(&rest, &field)) {
		size_t colon = slice_find(field, 0, ':');

		if (colon == field.n)
			return -1;
		m->fields[m->field_count++] = (struct field){
			text(a, slice_sub(field, 0, colon)),
			unfold_crlf(a, slice_sub(field, colon + 1, field.n)),
		};
	}
	m->body = rest;
	return 0;
}

static struct slice path_text(struct arena *a, struct slice path)
{
	struct slice s = arena_printf(a, "<%.*s>", SLICE_FMT(path));

	s.n++;
	return s;
}

static void set_rcpts(struct arena *a, struct message *m, struct slice list)
{
	struct slice rest = list, one;
	size_t n = 1;

	for (size_t i = slice_find(list, 0, ','); i < list.n;
	     i = slice_find(list, i + 1, ','))
		n++;
	m->rcpts = ARENA_ARRAY(a, struct slice, n);
	while (slice_next(&rest, ',', &one))
		m->rcpts[m->rcpt_count++] = path_text(a, one);
}

static int class_of(struct mailset *set, struct slice name, unsigned *class_r)
{
	unsigned i;

	for (i = 0; i < set->class_count; i++)
		if (slice_eq(slice_cstr(set->classes[i]), name))
			break;
	if (i == CLASSES_MAX)
		return -1;
	if (i == set->class_count)
		set->classes[set->class_count++] = arena_cstr(set->arena, name);
	*class_r = i;
	return 0;
}

static int split(struct slice line, struct slice *column)
{
	struct slice rest = line, one;
	unsigned n = 0;

	while (slice_next(&rest, '\t', &one)) {
		if (n == COLUMNS)
			return -1;
		column[n++] = one;
	}
	return n == COLUMNS ? 0 : -1;
}

static int add_message(struct mailset *set, const char *folder,
		       const struct slice *column, struct err *err)
{
	struct message *m = &set->messages[set->message_count];
	struct slice path, bytes = SLICE_NONE;

	m->file = arena_cstr(set->arena, column[FILE_NAME]);
	m->sender = path_text(set->arena, column[SENDER]);
	set_rcpts(set->arena, m, column[RCPTS]);
	if (class_of(set, column[CLASS], &m->class) != 0)
		return err_set(err, "%s: more than %d classes", folder,
			       CLASSES_MAX);
	path = arena_printf(set->arena, "%s/%s", folder, m->file);
	if (read_file(set->arena, path.p, &bytes, err) != 0)
		return -1;
	if (message_cut(set->arena, bytes, m) != 0)
		return err_set(err, "%s: a header line without colon", path.p);
	set->message_count++;
	return 0;
}

static void begin_visit(struct mailset *set, const struct slice *column)
{
	struct visit *visit = &set->visits[set->visit_count++];

	visit->client = text(set->arena, column[CLIENT]);
	visit->name = text(set->arena, column[NAME]);
	visit->helo = text(set->arena, column[HELO]);
	visit->ipv6 = slice_find(column[CLIENT], 0, ':') < column[CLIENT].n;
	visit->messages = &set->messages[set->message_count];
}

static int read_index(struct mailset *set, const char *folder,
		      struct slice index, struct err *err)
{
	struct slice line, column[COLUMNS], last = SLICE_NONE;
	size_t lines = count_lines(index);

	set->visits = ARENA_ARRAY(set->arena, struct visit, lines + 1);
	set->messages = ARENA_ARRAY(set->arena, struct message, lines + 1);
	while (next_line(&index, &line)) {
		if (split(line, column) != 0)
			return err_set(err,
				       "%s/index: message %zu: want %d "
				       "columns",
				       folder, set->message_count + 1, COLUMNS);
		if (set->visit_count == 0 || !slice_eq(last, column[VISIT]))
			begin_visit(set, column);
		last = column[VISIT];
		if (add_message(set, folder, column, err) != 0)
			return -1;
		set->visits[set->visit_count - 1].count++;
	}
	if (set->message_count == 0)
		return err_set(err, "%s/index: no messages", folder);
	return 0;
}

int mailset_load(const char *folder, struct mailset *set_r, struct err *err)
{
	struct slice path, index = SLICE_NONE;

	*set_r = (struct mailset){.arena = arena_new(64 * 1024)};
	path = arena_printf(set_r->arena, "%s/index", folder);
	if (read_file(set_r->arena, path.p, &index, err) != 0 ||
	    read_index(set_r, folder, index, err) != 0) {
		mailset_free(set_r);
		return -1;
	}
	return 0;
}

void mailset_free(struct mailset *set)
{
	arena_free(&set->arena);
}
