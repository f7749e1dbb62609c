/* What the parts of explain share. */
#ifndef GATEPOST_CLI_EXPLAIN_PRIVATE_H
#define GATEPOST_CLI_EXPLAIN_PRIVATE_H

#include "common/verdict/record.h"

#include <stdio.h>

#define EXPLAIN_WIDTH 78

/* Where it goes; texts live in the arena. */
struct explain {
	FILE *out;
	struct arena *arena;
};

/* What a score alone leads to. */
enum level {
	LEVEL_ACCEPT,
	LEVEL_WAIT,	/* accepted, but an unproven sender waits first */
	LEVEL_TAG,
	LEVEL_QUARANTINE,
	LEVEL_REJECT,
};

/* "+4", "-0.2" and "4": no more digits than there are. */
struct slice explain_points(struct arena *arena, double points);
struct slice explain_number(struct arena *arena, double number);
/* "14.2 kB" */
struct slice explain_size(struct arena *arena, uint64_t size);
/* A text from outside, harmless and not too long. */
struct slice explain_text(struct arena *arena, struct slice text);
/* "a", "a and b", "a, b and c" */
struct slice explain_list(struct arena *arena, const struct slice *items,
			  size_t count);
/* A labelled line of a section; what is empty is left out. */
void explain_line(const struct explain *e, const char *label,
		  struct slice text);
/* "The text": its first letter is made a capital. */
struct slice explain_sentence(struct arena *arena, struct slice text);
/* "point", or "points" unless there is one. */
const char *explain_point_word(double points);
/* "once", "twice", "3 times" */
struct slice explain_count(struct arena *arena, size_t count);
/* An item of a list. */
void explain_item(const struct explain *e, struct slice text);
/* Text that begins at a column, further lines at `indent`, and a line end. */
void explain_wrapped(const struct explain *e, struct slice text, size_t column,
		     size_t indent);
/* Text from the first column on. */
void explain_paragraph(const struct explain *e, struct slice text);

enum level explain_level(const struct record *record, double score);
/* The threshold that the score reached last, or NULL. */
const struct record_number *explain_reached(const struct record *record,
					    double score);
/* "refused", "tagged as spam": what a level means. */
const char *explain_level_words(enum level level);
/* What the score would be without those findings (as many as there are). */
double explain_score_without(const struct record *record,
			     const bool *removed);

/* One or more sentences: what happened and why. */
struct slice explain_headline(struct arena *arena,
			      const struct record *record);
/* "Refused", "Deferred by greylisting": no full stop. */
const char *explain_happened(const struct record *record, struct slice action);
bool explain_is(struct slice word, const char *text);
const struct record_check *explain_check(const struct record *record,
					 const char *name);
/* Sentences for the causes that are classes, and where the message is. */
void explain_why_virus(struct buf *out, const struct record *record);
void explain_why_attachment(struct buf *out, const struct record *record);
void explain_why_unscanned(struct buf *out, const struct record *record);
void explain_why_vault(struct buf *out, const struct record *record);
void explain_kept(struct buf *out, const struct record *record);
/* What users said of it. */
void explain_opinions(const struct explain *e, const struct record *record);
/* The parts of the message. */
void explain_parts(const struct explain *e, const struct record *record);
/* The section on what would have changed the outcome. */
void explain_what_if(const struct explain *e, const struct record *record);
/* Sections; what has nothing in it is left out. */
void explain_authentication(const struct explain *e,
			    const struct record *record);
void explain_checks(const struct explain *e, const struct record *record);
void explain_edits(const struct explain *e, const struct record *record);
void explain_times(const struct explain *e, const struct record *record);
/* Everything but the headline. */
void explain_details(const struct explain *e, const struct record *record);

#endif
