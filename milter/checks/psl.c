/*
 * Public suffixes, by libpsl. A list is immutable once open; many threads
 * may ask it. Debian's package is preferred to the copy built into the
 * library, since it is updated with the system.
 */
#include "milter/checks/psl.h"

#include <libpsl.h>

#include <string.h>
#include <unistd.h>

static const char *const usual_paths[] = {
	"/usr/share/publicsuffix/public_suffix_list.dafsa",
	"/usr/share/publicsuffix/public_suffix_list.dat",
	NULL,
};

struct suffixes {
	struct arena *arena;
	psl_ctx_t *loaded; /* NULL: the built-in list */
	const psl_ctx_t *list;
};

static const char *usual_path(void)
{
	for (const char *const *path = usual_paths; *path; path++)
		if (access(*path, R_OK) == 0)
			return *path;
	return NULL;
}

struct suffixes *suffixes_open(const char *path, struct err *err)
{
	bool chosen = path && *path;
	const char *file = chosen ? path : usual_path();
	struct arena *arena;
	struct suffixes *suffixes;
	psl_ctx_t *loaded = file ? psl_load_file(file) : NULL;
	const psl_ctx_t *list = loaded;

	/* A text without a single rule is not a list. */
	if (chosen && (!loaded || psl_suffix_count(loaded) == 0)) {
		psl_free(loaded);
		err_set(err, "cannot read a public suffix list from %s", file);
		return NULL;
	}
	if (!list)
		list = psl_builtin();
	if (!list) {
		err_set(err, "no public suffix list; install the package "
			     "publicsuffix");
		return NULL;
	}
	arena = arena_new(sizeof(*suffixes) + 64);
	suffixes = ARENA_NEW(arena, struct suffixes);
	*suffixes = (struct suffixes){arena, loaded, list};
	return suffixes;
}

void suffixes_close(struct suffixes **suffixes)
{
	struct arena *arena;

	if (!*suffixes)
		return;
	psl_free((*suffixes)->loaded);
	arena = (*suffixes)->arena;
	arena_free(&arena);
	*suffixes = NULL;
}

struct slice suffixes_registered(const struct suffixes *suffixes,
				 struct slice name)
{
	char text[254];
	const char *registered;

	if (name.n == 0 || name.n >= sizeof(text) || memchr(name.p, 0, name.n))
		return SLICE_NONE;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	registered = psl_registrable_domain(suffixes->list, text);
	if (!registered)
		return SLICE_NONE;
	return slice_sub(name, (size_t)(registered - text), name.n);
}

struct slice suffixes_organization(const struct suffixes *suffixes,
				   struct slice name)
{
	struct slice registered = suffixes_registered(suffixes, name);

	return registered.n > 0 ? registered : name;
}
