/*
 * Names stand in one sorted array, an address and a domain never being the
 * same text; a look-up tries the address, its local part at any domain, and
 * its domain with all parents. Networks are few and tried one by one.
 */
#include "milter/checks/greylist_names.h"
#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "milter/checks/greylist_sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (1024 * 1024)

/* A name of letters, digits, '-' and '_' whose last label is no number. */
static bool read_domain(struct arena *arena, struct slice text,
			struct slice *name_r)
{
	struct slice last;
	bool word = false;

	if (!domain_normalise(arena, text, name_r))
		return false;
	for (size_t i = 0; i < name_r->n; i++)
		if (!ascii_is_alnum(name_r->p[i]) &&
		    slice_find(SLICE(".-_"), 0, name_r->p[i]) == 3)
			return false;
	last = domain_tail(*name_r, 1);
	for (size_t i = 0; i < last.n; i++)
		word |= !ascii_is_digit(last.p[i]);
	return word;
}

/* local@domain, or local@ for any domain. */
static bool read_address(struct arena *arena, struct slice text,
			 struct slice *name_r)
{
	struct slice local, domain, normal;

	address_split(text, &local, &domain);
	if (local.n == 0 || local.n == text.n)
		return false;
	*name_r = greylist_address(arena, text);
	if (domain.n > 0)
		return read_domain(arena, domain, &normal);
	*name_r = arena_printf(arena, "%.*s@", SLICE_FMT(*name_r));
	return true;
}

static bool add(struct arena *arena, struct slice text, unsigned kinds,
		struct greylist_names *list)
{
	struct ip_net net;
	struct slice name;

	if (kinds & GREYLIST_NETWORKS && ip_net_parse(text, &net)) {
		list->net_texts[list->net_count] = text;
		list->nets[list->net_count++] = net;
		return true;
	}
	if (!(kinds & GREYLIST_DOMAINS && read_domain(arena, text, &name)) &&
	    !(kinds & GREYLIST_ADDRESSES && read_address(arena, text, &name)))
		return false;
	list->names[list->name_count++] = name;
	return true;
}

/* What an entry may be, in words. */
static const char *allowed(unsigned kinds)
{
	if (kinds & GREYLIST_ADDRESSES)
		return "write an address (alice@example.org), a local part "
		       "for any domain (postmaster@) or a domain, which "
		       "stands for those below it too (example.org)";
	return "write an address or network (192.0.2.1, 2001:db8::/32) or "
	       "the domain of host names (mail.example.org), which stands "
	       "for those below it too";
}

static int compare(const void *a, const void *b)
{
	return slice_cmp_nocase(*(const struct slice *)a,
				*(const struct slice *)b);
}

static void list_begin(struct arena *arena, size_t room,
		       struct greylist_names *list_r)
{
	*list_r = (struct greylist_names){
		.names = ARENA_ARRAY(arena, struct slice, room + 1),
		.nets = ARENA_ARRAY(arena, struct ip_net, room + 1),
		.net_texts = ARENA_ARRAY(arena, struct slice, room + 1),
	};
}

static void list_end(struct greylist_names *list)
{
	qsort(list->names, list->name_count, sizeof(*list->names), compare);
}

int greylist_names_make(struct arena *arena, const struct strlist *entries,
			unsigned kinds, struct greylist_names *list_r,
			struct err *err)
{
	list_begin(arena, entries->n, list_r);
	for (size_t i = 0; i < entries->n; i++)
		if (!add(arena, entries->v[i], kinds, list_r))
			return err_set(err, "'%.*s' is not allowed; %s",
				       SLICE_FMT(entries->v[i]),
				       allowed(kinds));
	list_end(list_r);
	return 0;
}

/* The whole file. */
static int read_text(struct arena *arena, const char *path,
		     struct slice *text_r, bool *missing_r, struct err *err)
{
	FILE *file = fopen(path, "re");
	bool failed;
	char *text;
	size_t n;

	*missing_r = !file && (errno == ENOENT || errno == ENOTDIR);
	if (!file)
		return err_set(err, "%s: cannot be read: %s", path,
			       strerror(errno));
	text = malloc(FILE_MAX_BYTES + 1);
	n = text ? fread(text, 1, FILE_MAX_BYTES + 1, file) : 0;
	failed = !text || ferror(file);
	fclose(file);
	if (!failed && n <= FILE_MAX_BYTES)
		*text_r = arena_dup(arena, (struct slice){text, n});
	free(text);
	if (failed)
		return err_set(err, "%s: cannot be read", path);
	if (n > FILE_MAX_BYTES)
		return err_set(err, "%s: larger than %d bytes", path,
			       FILE_MAX_BYTES);
	return 0;
}

int greylist_names_read(struct arena *arena, const char *path, unsigned kinds,
			struct greylist_names *list_r, bool *missing_r,
			struct err *err)
{
	struct slice text = SLICE_NONE, line;
	size_t lines = 1;

	if (read_text(arena, path, &text, missing_r, err) < 0)
		return -1;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	list_begin(arena, lines, list_r);
	for (int number = 1; slice_next(&text, '\n', &line); number++) {
		line = slice_trim(slice_sub(line, 0, slice_find(line, 0, '#')));
		if (line.n > 0 && !add(arena, line, kinds, list_r))
			return err_set(err, "%s:%d: '%.*s' is not allowed; %s",
				       path, number,
				       SLICE_FMT(slice_sub(line, 0, 80)),
				       allowed(kinds));
	}
	list_end(list_r);
	return 0;
}

static struct slice find(const struct greylist_names *list, struct slice name)
{
	const struct slice *found = NULL;

	if (name.n > 0 && list->name_count > 0)
		found = bsearch(&name, list->names, list->name_count,
				sizeof(name), compare);
	return found ? *found : SLICE_NONE;
}

struct slice greylist_names_domain(const struct greylist_names *list,
				   struct slice domain)
{
	struct slice found = SLICE_NONE;

	for (; domain.n > 0 && found.n == 0; domain = domain_parent(domain))
		found = find(list, domain);
	return found;
}

struct slice greylist_names_address(const struct greylist_names *list,
				    struct slice address)
{
	size_t at = slice_rfind(address, '@');
	struct slice found = find(list, address);

	if (found.n == 0)
		found = find(list, slice_sub(address, 0, at + 1));
	if (found.n == 0)
		found = greylist_names_domain(
			list, slice_sub(address, at + 1, address.n));
	return found;
}

struct slice greylist_names_ip(const struct greylist_names *list,
			       const struct ip *ip)
{
	for (size_t i = 0; i < list->net_count; i++)
		if (ip_in(ip, &list->nets[i].base, list->nets[i].bits))
			return list->net_texts[i];
	return SLICE_NONE;
}
