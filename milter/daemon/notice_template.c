/*
 * A text is kept as it was read and looked through once before, so filling
 * it cannot fail. Values are put in, never read again for fields.
 */
#include "milter/daemon/notice_template.h"
#include "milter/daemon/notice_letter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX 65536
#define KINDS (VAULT_CLASSES + 2) /* classes, digest, default */
#define KIND_DEFAULT (NOTICE_DIGEST + 1)
#define MAILED (NOTICE_RECIPIENT + 1) /* audiences that get mail */

struct notice_templates {
	struct arena *arena;
	struct slice texts[MAILED][KINDS]; /* empty: no such file */
};

enum scope { BOTH, ONE, MANY };

static const struct {
	const char *name;
	enum scope scope;
} fields[NOTICE_FIELDS] = {
	[FIELD_HOST] = {"host", BOTH},
	[FIELD_TO] = {"to", BOTH},
	[FIELD_CLASS] = {"class", ONE},
	[FIELD_WHAT] = {"what", ONE},
	[FIELD_ACTION] = {"action", ONE},
	[FIELD_REASON] = {"reason", ONE},
	[FIELD_ID] = {"id", ONE},
	[FIELD_SENDER] = {"sender", ONE},
	[FIELD_RECIPIENTS] = {"recipients", ONE},
	[FIELD_SUBJECT] = {"subject", ONE},
	[FIELD_FROM] = {"from", ONE},
	[FIELD_CLIENT] = {"client", ONE},
	[FIELD_SCORE] = {"score", ONE},
	[FIELD_SIZE] = {"size", ONE},
	[FIELD_TIME] = {"time", ONE},
	[FIELD_COUNT] = {"count", MANY},
	[FIELD_CLASSES] = {"classes", MANY},
	[FIELD_FIRST] = {"first", MANY},
	[FIELD_LAST] = {"last", MANY},
	[FIELD_LIST] = {"list", MANY},
};

/* Where there is no file: what must be said, and no more. */
static const char *const plain_one =
	"Subject: [{{host}}] {{what}}: {{reason}}\n"
	"\n"
	"{{host}}: a message was {{action}} ({{what}}: {{reason}}).\n"
	"\n"
	"Id:         {{id}}\n"
	"Time:       {{time}}\n"
	"Sender:     {{sender}}\n"
	"Recipients: {{recipients}}\n"
	"From:       {{from}}\n"
	"Subject:    {{subject}}\n";
static const char *const plain_many =
	"Subject: [{{host}}] {{count}} messages were held\n"
	"\n"
	"{{host}}: {{count}} messages from {{first}} to {{last}}\n"
	"({{classes}}).\n"
	"\n"
	"{{list}}";

static const char *kind_word(unsigned kind)
{
	if (kind == KIND_DEFAULT)
		return "default";
	return kind == NOTICE_DIGEST ? "digest"
				     : vault_class_word((enum vault_class)kind);
}

/* A field's number in that scope, or -1. */
static int find_field(struct slice name, enum scope scope)
{
	for (int i = 0; i < NOTICE_FIELDS; i++)
		if (slice_eq(name, slice_cstr(fields[i].name)) &&
		    (fields[i].scope == BOTH || fields[i].scope == scope))
			return i;
	return -1;
}

/*
 * Takes what comes next of a line: text, or a field. 0: the line is over;
 * -1: there is no such field, or it does not end; *text_r is its name.
 */
static int next_piece(struct slice *line, enum scope scope,
		      struct slice *text_r, int *field_r)
{
	size_t begin = slice_search_nocase(*line, SLICE("{{")), end;

	*field_r = -1;
	if (line->n == 0)
		return 0;
	if (begin > 0) {
		*text_r = slice_sub(*line, 0, begin);
		*line = slice_sub(*line, begin, line->n);
		return 1;
	}
	end = slice_search_nocase(*line, SLICE("}}"));
	*text_r = slice_trim(slice_sub(*line, 2, end));
	if (end < line->n)
		*field_r = find_field(*text_r, scope);
	*line = slice_sub(*line, end + 2, line->n);
	return *field_r < 0 ? -1 : 1;
}

static int check_line(const char *path, unsigned number, struct slice line,
		      enum scope scope, struct err *err)
{
	struct slice text;
	int field, rc;

	while ((rc = next_piece(&line, scope, &text, &field)) > 0)
		;
	if (rc == 0)
		return 0;
	return err_set(err,
		       "%s:%u: there is no field {{%.*s}} in a notice about "
		       "%s; docs/notices.md has them all",
		       path, number, (int)(text.n > 60 ? 60 : text.n), text.p,
		       scope == ONE ? "one message" : "many messages");
}

/* Fields that a text may bring; the rest are ours. */
static int check_header(const char *path, unsigned number, struct slice line,
			bool *subject, struct err *err)
{
	size_t colon = slice_find(line, 0, ':');
	struct slice name = slice_sub(line, 0, colon);
	bool good = colon < line.n && colon > 0;

	for (size_t i = 0; i < name.n; i++)
		good = good && (ascii_is_alnum(name.p[i]) || name.p[i] == '-');
	if (!good || name.n > 60)
		return err_set(err,
			       "%s:%u: is no header field; write "
			       "\"Subject: ...\", an empty line, and the text",
			       path, number);
	if (slice_eq_nocase(name, SLICE("Subject"))) {
		*subject = true;
		return 0;
	}
	if (slice_eq_nocase(name, SLICE("Reply-To")) ||
	    slice_eq_nocase(name, SLICE("Content-Language")) ||
	    slice_eq_nocase(name, SLICE("Organization")) ||
	    slice_starts_nocase(name, SLICE("X-")))
		return 0;
	return err_set(err,
		       "%s:%u: a notice may bring Subject, Reply-To, "
		       "Organization, Content-Language and X- fields, not "
		       "%.*s",
		       path, number, SLICE_FMT(name));
}

static int check(const char *path, struct slice text, enum scope scope,
		 struct err *err)
{
	struct slice line;
	bool head = true, subject = false;
	unsigned number = 0;

	while (slice_next(&text, '\n', &line)) {
		number++;
		/* The last line end does not begin a line. */
		if (line.n == 0 && !text.p)
			break;
		if (head && slice_trim(line).n == 0)
			head = false;
		else if ((head && check_header(path, number, line, &subject,
					       err) < 0) ||
			 check_line(path, number, line, scope, err) < 0)
			return -1;
	}
	if (!subject)
		return err_set(err, "%s: has no Subject", path);
	if (head)
		return err_set(err, "%s: has no empty line after its header",
			       path);
	return 0;
}

/* 0 also when there is none. */
static int load(struct arena *arena, const char *path, struct slice *text_r,
		struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	bytes = arena_alloc(arena, FILE_BYTES_MAX + 1);
	n = fd < 0 ? -1 : read(fd, bytes, FILE_BYTES_MAX + 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_set(err, "%s: cannot be read: %s", path,
			       strerror(errno));
	if (n > FILE_BYTES_MAX)
		return err_set(err, "%s: is longer than %d bytes", path,
			       FILE_BYTES_MAX);
	*text_r = (struct slice){bytes, (size_t)n};
	return 0;
}

struct notice_templates *notice_templates_load(const char *folder,
					       struct err *err)
{
	struct notice_templates *t = calloc(1, sizeof(*t));
	char path[PATH_MAX];
	bool good = t != NULL;

	if (!t) {
		err_set(err, "out of memory");
		return NULL;
	}
	t->arena = arena_new(0);
	for (unsigned i = 0; good && i < MAILED * KINDS; i++) {
		unsigned audience = i / KINDS, kind = i % KINDS;
		struct slice *text = &t->texts[audience][kind];

		snprintf(path, sizeof(path), "%s/%s.%s", folder,
			 kind_word(kind),
			 notice_audience_word((enum notice_audience)audience));
		good = load(t->arena, path, text, err) == 0 &&
		       (!text->p ||
			check(path, *text, kind == NOTICE_DIGEST ? MANY : ONE,
			      err) == 0);
	}
	if (!good)
		notice_templates_free(&t);
	return t;
}

void notice_templates_free(struct notice_templates **templates)
{
	if (!*templates)
		return;
	arena_free(&(*templates)->arena);
	free(*templates);
	*templates = NULL;
}

static struct slice choose(const struct notice_templates *t,
			   enum notice_audience audience, unsigned class)
{
	const struct slice *texts = t->texts[audience];

	if (texts[class].p)
		return texts[class];
	if (class == NOTICE_DIGEST)
		return slice_cstr(plain_many);
	return texts[KIND_DEFAULT].p ? texts[KIND_DEFAULT]
				     : slice_cstr(plain_one);
}

/* In a body, no value may be a link. */
static void fill_line(struct buf *out, struct slice line, enum scope scope,
		      const struct notice_values *values, bool unlink)
{
	struct slice text;
	int field;

	while (next_piece(&line, scope, &text, &field) > 0) {
		if (field < 0)
			buf_add(out, text);
		else if (unlink)
			notice_add_unlinked(out, values->v[field]);
		else
			buf_add(out, values->v[field]);
	}
}

static void fill_header(struct buf *out, struct slice line, enum scope scope,
			const struct notice_values *values)
{
	size_t colon = slice_find(line, 0, ':');
	struct buf value = BUF(out->arena);

	fill_line(&value, slice_trim(slice_sub(line, colon + 1, line.n)), scope,
		  values, false);
	notice_add_field(out, arena_cstr(out->arena, slice_sub(line, 0, colon)),
			 buf_slice(&value));
}

struct notice_text
notice_templates_fill(const struct notice_templates *templates,
		      struct arena *arena, enum notice_audience audience,
		      unsigned class, const struct notice_values *values)
{
	struct slice rest = choose(templates, audience, class), line;
	enum scope scope = class == NOTICE_DIGEST ? MANY : ONE;
	struct buf head = BUF(arena), body = BUF(arena);
	bool in_head = true;

	while (slice_next(&rest, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (in_head && slice_trim(line).n == 0) {
			in_head = false;
		} else if (in_head) {
			fill_header(&head, line, scope, values);
		} else {
			fill_line(&body, line, scope, values, true);
			/* The last line end is not a line of its own. */
			if (rest.p)
				buf_add_char(&body, '\n');
		}
	}
	return (struct notice_text){buf_slice(&head), buf_slice(&body)};
}
