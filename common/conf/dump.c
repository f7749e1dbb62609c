/*
 * Texts made from the rows. All three walk the groups in the same order:
 * section by section, a section's groups together.
 */
#include "common/conf/dump.h"
#include "common/conf/value.h"

#include <string.h>

#define WIDTH 72

struct walk {
	FILE *out;
	struct arena *arena;
	const struct settings_group *const *groups;
	const struct conf *conf;	/* NULL but for dump_effective() */
};

/* Calls `each` once per section, at its first group. */
static void walk_sections(struct walk *w,
			  void (*each)(struct walk *, size_t first))
{
	for (size_t i = 0; w->groups[i]; i++) {
		size_t k = 0;

		while (strcmp(w->groups[k]->section, w->groups[i]->section) != 0)
			k++;
		if (k == i)
			each(w, i);
	}
}

static bool same_section(const struct walk *w, size_t a, size_t b)
{
	return strcmp(w->groups[a]->section, w->groups[b]->section) == 0;
}

/* The default in canonical form, as a file would hold it. */
static struct slice default_text(struct walk *w,
				 const struct settings_group *group,
				 const struct setting *row)
{
	void *base = arena_alloc(w->arena, group->conf_size);

	value_set_default(row, w->arena, base);
	return value_text(row, w->arena, base);
}

static void comment(FILE *out, const char *indent, struct slice text)
{
	struct slice rest = text, word;
	size_t column = 0;

	while (slice_next(&rest, ' ', &word)) {
		if (column > 0 && column + 1 + word.n > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0)
			column = (size_t)fprintf(out, "%s# ", indent) - 1;
		else
			fputc(' ', out);
		fwrite(word.p, 1, word.n, out);
		column += 1 + word.n;
	}
	fputc('\n', out);
}

static void effective_rows(struct walk *w, const struct settings_group *group,
			   const void *base, const char *indent)
{
	for (const struct setting *row = group->rows; row->name; row++) {
		struct slice value = value_text(row, w->arena, base);
		struct slice standard = default_text(w, group, row);

		fprintf(w->out, "%s%s = %.*s", indent, row->name,
			SLICE_FMT(value));
		if (!slice_eq(value, standard))
			fprintf(w->out, "    # default: %.*s",
				SLICE_FMT(standard));
		fputc('\n', w->out);
	}
}

static void effective_blocks(struct walk *w, size_t i)
{
	const struct settings_group *group = w->groups[i];
	const struct conf_block *blocks;
	size_t count;

	blocks = conf_titled(w->conf, group, &count);
	for (size_t b = 0; b < count; b++) {
		fprintf(w->out, "%s \"%.*s\" {\n", group->section,
			SLICE_FMT(blocks[b].title));
		for (size_t k = 0; group->rows[k].name; k++) {
			struct slice value =
				value_text(&group->rows[k], w->arena,
					   blocks[b].values);

			if (blocks[b].given[k])
				fprintf(w->out, "\t%s = %.*s\n",
					group->rows[k].name, SLICE_FMT(value));
		}
		fputs("}\n", w->out);
	}
}

static void effective_section(struct walk *w, size_t first)
{
	const char *section = w->groups[first]->section;
	bool top = !section[0];

	if (w->groups[first]->titled) {
		effective_blocks(w, first);
		return;
	}
	if (!top)
		fprintf(w->out, "%s {\n", section);
	for (size_t i = first; w->groups[i]; i++)
		if (same_section(w, i, first))
			effective_rows(w, w->groups[i],
				       conf_group(w->conf, w->groups[i]),
				       top ? "" : "\t");
	if (!top)
		fputs("}\n", w->out);
}

static void effective_pairs(struct walk *w, const char *section)
{
	size_t count;
	const struct conf_points *pairs = conf_pairs(w->conf, section, &count);

	if (count == 0)
		return;
	fprintf(w->out, "%s {\n", section);
	for (size_t i = 0; i < count; i++)
		fprintf(w->out, "\t%.*s = %g\n", SLICE_FMT(pairs[i].name),
			pairs[i].value);
	fputs("}\n", w->out);
}

void dump_effective(FILE *out, const struct conf *conf,
		    const struct settings_group *const *groups)
{
	struct walk w = {out, arena_new(0), groups, conf};

	walk_sections(&w, effective_section);
	effective_pairs(&w, "score");
	effective_pairs(&w, "cap");
	arena_free(&w.arena);
}

/* The meaning as a sentence. */
static struct slice sentence(struct walk *w, const struct setting *row)
{
	char *text = arena_cstr(w->arena, slice_cstr(row->doc));

	if (text[0] >= 'a' && text[0] <= 'z')
		text[0] = (char)(text[0] - 32);
	return arena_printf(w->arena, "%s.", text);
}

static void example_rows(struct walk *w, const struct settings_group *group,
			 const char *indent)
{
	for (const struct setting *row = group->rows; row->name; row++) {
		struct slice allowed = value_allowed(row, w->arena);

		comment(w->out, indent,
			arena_printf(w->arena, "%.*s Allowed: %.*s.",
				     SLICE_FMT(sentence(w, row)),
				     SLICE_FMT(allowed)));
		fprintf(w->out, "%s#%s = %.*s\n\n", indent, row->name,
			SLICE_FMT(default_text(w, group, row)));
	}
}

/* Each line of the group's own example, after `before`. */
static void own_example(FILE *out, const struct settings_group *group,
			const char *before,
			void (*put)(FILE *out, struct slice line))
{
	struct slice rest = slice_cstr(group->example), line;

	while (rest.n > 0 && slice_next(&rest, '\n', &line)) {
		fputs(before, out);
		put(out, line);
	}
}

static void plain_text(FILE *out, struct slice text)
{
	fprintf(out, "%.*s\n", SLICE_FMT(text));
}

static void example_section(struct walk *w, size_t first)
{
	const struct settings_group *group = w->groups[first];
	bool top = !group->section[0];

	if (!top) {
		comment(w->out, "", slice_cstr(group->doc));
		own_example(w->out, group, "#", plain_text);
		fprintf(w->out, "#%s %s{\n", group->section,
			group->titled ? "\"NAME\" " : "");
	}
	for (size_t i = first; w->groups[i]; i++)
		if (same_section(w, i, first))
			example_rows(w, w->groups[i], top ? "" : "\t");
	if (!top)
		fputs("#}\n\n", w->out);
}

void dump_example(FILE *out, const struct settings_group *const *groups)
{
	struct walk w = {out, arena_new(0), groups, NULL};

	fputs("# gatepost.conf: every setting with its default. The smallest "
	      "useful file is\n# empty. Made from the settings' rows by "
	      "`make docs`; see gatepost.conf(5).\n\n", out);
	walk_sections(&w, example_section);
	arena_free(&w.arena);
}

/* Text for man(7): backslashes, and dots that begin a line. */
static void manual_text(FILE *out, struct slice text)
{
	if (text.n > 0 && (text.p[0] == '.' || text.p[0] == '\''))
		fputs("\\&", out);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\')
			fputs("\\e", out);
		else if (text.p[i] == '-')
			fputs("\\-", out);
		else
			fputc(text.p[i], out);
	}
	fputc('\n', out);
}

static void manual_section(struct walk *w, size_t first)
{
	const struct settings_group *group = w->groups[first];
	const char *section = group->section;

	fprintf(w->out, ".SS \"%s%s%s\"\n", section[0] ? section : "Top level",
		group->titled ? " \\(dqNAME\\(dq" : "",
		section[0] ? " { ... }" : "");
	manual_text(w->out, slice_cstr(group->doc));
	if (group->example) {
		fputs(".PP\n.nf\n", w->out);
		own_example(w->out, group, "", manual_text);
		fputs(".fi\n", w->out);
	}
	for (size_t i = first; w->groups[i]; i++) {
		const struct setting *row = w->groups[i]->rows;

		for (; same_section(w, i, first) && row->name; row++) {
			struct slice text = default_text(w, w->groups[i], row);

			fprintf(w->out, ".TP\n.B %s%s%s\n", section,
				section[0] ? "." : "", row->name);
			manual_text(w->out, sentence(w, row));
			manual_text(w->out,
				    arena_printf(w->arena,
						 "Default: %.*s. Allowed: "
						 "%.*s.",
						 SLICE_FMT(text),
						 SLICE_FMT(value_allowed(
							 row, w->arena))));
		}
	}
}

void dump_manual(FILE *out, const struct settings_group *const *groups)
{
	struct walk w = {out, arena_new(0), groups, NULL};

	walk_sections(&w, manual_section);
	arena_free(&w.arena);
}
