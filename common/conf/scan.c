/*
 * The text of a configuration file before libconfuse sees it. The packaged
 * library counts lines wrongly after comments and takes the end of the file
 * for a closing brace; so comments become blanks here, and what is left
 * open is reported with the line where it began.
 */
#include "common/conf/conf_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES (1024 * 1024)
#define DEPTH_MAX 8

struct scan {
	char *text;
	size_t n;
	size_t at;
	int line;
	int opened[DEPTH_MAX];	/* line of each open brace */
	int depth;
	const char *path;
};

static bool at(const struct scan *s, const char *two)
{
	return s->at + 1 < s->n && s->text[s->at] == two[0] &&
	       s->text[s->at + 1] == two[1];
}

static void blank(struct scan *s)
{
	if (s->text[s->at] == '\n')
		s->line++;
	else
		s->text[s->at] = ' ';
	s->at++;
}

static void skip_line_comment(struct scan *s)
{
	while (s->at < s->n && s->text[s->at] != '\n')
		blank(s);
}

static int skip_block_comment(struct scan *s, struct err *err)
{
	int began = s->line;

	while (s->at < s->n && !at(s, "*/"))
		blank(s);
	if (s->at == s->n)
		return err_set(err, "%s:%d: this comment is never closed",
			       s->path, began);
	blank(s);
	blank(s);
	return 0;
}

static int skip_string(struct scan *s, struct err *err)
{
	char quote = s->text[s->at++];
	int began = s->line;

	for (; s->at < s->n && s->text[s->at] != quote; s->at++) {
		if (s->text[s->at] == '\\' && s->at + 1 < s->n)
			s->at++;
		s->line += s->text[s->at] == '\n';
	}
	if (s->at++ >= s->n)
		return err_set(err, "%s:%d: the text in quotes that begins "
			       "here is never closed", s->path, began);
	return 0;
}

static int brace(struct scan *s, struct err *err)
{
	if (s->text[s->at++] == '{') {
		if (s->depth == DEPTH_MAX)
			return err_set(err, "%s:%d: braces too deep", s->path,
				       s->line);
		s->opened[s->depth++] = s->line;
	} else if (s->depth-- == 0) {
		return err_set(err, "%s:%d: '}' without a '{'", s->path,
			       s->line);
	}
	return 0;
}

static int step(struct scan *s, struct err *err)
{
	char c = s->text[s->at];

	if (c == '#' || at(s, "//")) {
		skip_line_comment(s);
		return 0;
	}
	if (at(s, "/*"))
		return skip_block_comment(s, err);
	if (c == '"' || c == '\'')
		return skip_string(s, err);
	if (c == '{' || c == '}')
		return brace(s, err);
	/* libconfuse would leave it out and say nothing. */
	if (c == '*')
		return err_set(err, "%s:%d: write a text that holds '*' in "
			       "double quotes", s->path, s->line);
	s->line += c == '\n';
	s->at++;
	return 0;
}

static int read_whole(struct arena *arena, const char *path,
		      struct slice *text_r, struct err *err)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t n;
	int failed;

	if (!file)
		return err_set(err, "%s: cannot be read: %s", path,
			       strerror(errno));
	text = arena_alloc(arena, FILE_MAX_BYTES + 1);
	n = fread(text, 1, FILE_MAX_BYTES + 1, file);
	failed = ferror(file) ? errno : 0;
	fclose(file);
	if (failed)
		return err_set(err, "%s: cannot be read: %s", path,
			       strerror(failed));
	if (n > FILE_MAX_BYTES || memchr(text, '\0', n))
		return err_set(err, "%s: is not a configuration file", path);
	*text_r = (struct slice){text, n};
	return 0;
}

int conf_scan_file(struct arena *arena, const char *path,
		   struct slice *text_r, struct err *err)
{
	struct scan s = {.line = 1, .path = path};

	if (read_whole(arena, path, text_r, err) < 0)
		return -1;
	s.text = (char *)text_r->p;
	s.n = text_r->n;
	while (s.at < s.n)
		if (step(&s, err) < 0)
			return -1;
	if (s.depth > 0)
		return err_set(err, "%s:%d: the '{' in this line is never "
			       "closed", path, s.opened[s.depth - 1]);
	return 0;
}
