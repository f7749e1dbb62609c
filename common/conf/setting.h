/*
 * Settings: each is declared once, in a row beside the field it fills. The
 * rows make the parser, `gatepost config show`, the man page and the
 * commented example, so they cannot disagree.
 */
#ifndef GATEPOST_CONF_SETTING_H
#define GATEPOST_CONF_SETTING_H

#include "common/base/slice.h"

enum setting_kind {
	SETTING_BOOL,		/* bool: yes | no */
	SETTING_INT,		/* int64_t */
	SETTING_DURATION,	/* struct duration: 500ms 30s 5m 2h 1d */
	SETTING_BYTES,		/* struct bytesize: 100 64k 25m 1g */
	SETTING_POINTS,		/* struct points: -1.5 | off */
	SETTING_TEXT,		/* struct text */
	SETTING_LIST,		/* struct strlist: {a, b} */
	SETTING_CHOICE,		/* struct choice: one of the words in min */
};

struct duration { int64_t ms; };
struct bytesize { int64_t n; };
struct points { double value; bool off; };
/* Always NUL-terminated as well; never NULL after loading. */
struct text { struct slice s; };
struct strlist { const struct slice *v; size_t n; };
/* Index of the chosen word in the row's list of words. */
struct choice { int value; };

struct setting {
	const char *name;	/* field name in its section */
	enum setting_kind kind;
	size_t offset;
	const char *deflt;	/* as written in a file; lists: "a, b" */
	const char *min;	/* smallest value; for a choice: "own|other" */
	const char *max;	/* largest value or NULL */
	const char *doc;	/* one line, plain words */
};

#define SETTING_KIND(field)                                                    \
	_Generic((field),                                                      \
		bool: SETTING_BOOL,                                            \
		int64_t: SETTING_INT,                                          \
		struct duration: SETTING_DURATION,                             \
		struct bytesize: SETTING_BYTES,                                \
		struct points: SETTING_POINTS,                                 \
		struct text: SETTING_TEXT,                                     \
		struct strlist: SETTING_LIST,                                  \
		struct choice: SETTING_CHOICE)

/* min and max are NULL where any value is fine. */
#define SETTING(type, field, deflt, min, max, doc)                             \
	{                                                                      \
		#field, SETTING_KIND(((type *)0)->field),                      \
			offsetof(type, field), (deflt), (min), (max), (doc)    \
	}
#define SETTING_END {0}

/*
 * The rows of one section. A titled section may stand many times, each
 * with its own title: `list "zen.example" { ... }`; its values are read
 * with conf_titled().
 */
struct settings_group {
	const char *section;	/* "" for the top of the file */
	const struct setting *rows;
	size_t conf_size;	/* sizeof the struct the rows fill */
	const char *doc;	/* one line for the manual */
	bool titled;
	const char *example;	/* lines of a file, for manuals; may be NULL */
};

#endif
