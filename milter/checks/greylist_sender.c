/*
 * Normal forms of envelope addresses. SRS is as libsrs2 and its kin write
 * it, and as Microsoft 365 does; BATV as in draft-levine-smtp-batv, with
 * the vendors' own prefixes. What begins like one of these but cannot be
 * read stays as it is.
 */
#include "milter/checks/greylist_sender.h"
#include "common/base/buf.h"
#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "milter/checks/greylist_fold.h"

#define LOCAL_MAX 240
#define DOMAIN_MAX 253

/* Without its quotes (RFC 5321 4.1.2: "a"@b is a@b). */
static struct slice unquote(struct arena *arena, struct slice local)
{
	struct buf out = BUF(arena);

	for (size_t i = 0; i < local.n && out.n < LOCAL_MAX; i++) {
		if (local.p[i] == '"')
			continue;
		if (local.p[i] == '\\' && ++i == local.n)
			break;
		buf_add_char(&out, local.p[i]);
	}
	return buf_slice(&out);
}

/* Lower case; what is no letter, digit or one of `others` becomes '?'. */
static struct slice clean(struct arena *arena, struct slice text,
			  struct slice others, bool utf8)
{
	struct buf out = BUF(arena);

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool fine = ascii_is_alnum(c) ||
			    slice_find(others, 0, c) < others.n ||
			    (utf8 && (unsigned char)c > 0x7f);

		buf_add_char(&out, fine ? ascii_lower(c) : '?');
	}
	return buf_slice(&out);
}

/* Bytes of an atom (RFC 5322 3.2.3), dots and UTF-8. */
static struct slice local_form(struct arena *arena, struct slice local)
{
	return clean(arena, unquote(arena, local),
		     SLICE(".!#$%&'*+-/=?^_`{|}~"), true);
}

/* A domain that is none: kept apart from others as well as may be. */
static struct slice odd_domain(struct arena *arena, struct slice domain)
{
	struct slice odd = clean(arena, slice_sub(domain, 0, DOMAIN_MAX),
				 SLICE(".-_:[]"), false);

	while (odd.n > 0 && odd.p[odd.n - 1] == '.')
		odd.n--;
	return odd;
}

static void split(struct arena *arena, struct slice path, struct slice *local_r,
		  struct slice *domain_r)
{
	struct slice local, domain;

	address_split(path, &local, &domain);
	*local_r = local_form(arena, local);
	if (!domain_normalise(arena, domain, domain_r))
		*domain_r = odd_domain(arena, domain);
	if (local_r->n == 0 && domain_r->n > 0)
		*local_r = SLICE("?");
}

static struct slice join(struct arena *arena, struct slice local,
			 struct slice domain)
{
	struct buf out = BUF(arena);

	buf_add(&out, local);
	if (domain.n > 0) {
		buf_add_char(&out, '@');
		buf_add(&out, domain);
	}
	return buf_slice(&out);
}

/* ---- forms of senders ---- */

/* What stands before the next '='; false if nothing does, or it is missing. */
static bool take_field(struct slice *rest, struct slice *field_r)
{
	size_t equals = slice_find(*rest, 0, '=');

	if (equals == 0 || equals == rest->n)
		return false;
	*field_r = slice_sub(*rest, 0, equals);
	*rest = slice_sub(*rest, equals + 1, rest->n);
	return true;
}

static bool take_domain(struct slice *rest, struct slice *domain_r)
{
	if (!take_field(rest, domain_r))
		return false;
	for (size_t i = 0; i < domain_r->n; i++)
		if (!ascii_is_alnum(domain_r->p[i]) &&
		    slice_find(SLICE(".-_"), 0, domain_r->p[i]) == 3)
			return false;
	return true;
}

static bool is_separator(char c)
{
	return c == '=' || c == '+' || c == '-';
}

/* prvs=TAG=local, msprvs1=TAG=local, btv1==TAG==local, prvs=local/TAG */
static struct slice fold_batv(struct arena *arena, struct slice local)
{
	static const char *const prefixes[] = {"prvs=", "msprvs1=", NULL};
	struct slice rest, tag;

	if (slice_starts_nocase(local, SLICE("btv1=="))) {
		rest = slice_sub(local, 6, local.n);
		if (!take_field(&rest, &tag) || rest.n < 2 || rest.p[0] != '=')
			return local;
		rest = greylist_fold(arena, slice_sub(rest, 1, rest.n));
		return arena_printf(arena, "btv1==#==%.*s", SLICE_FMT(rest));
	}
	for (const char *const *prefix = prefixes; *prefix; prefix++) {
		struct slice begin = slice_cstr(*prefix);

		if (!slice_starts_nocase(local, begin))
			continue;
		rest = slice_sub(local, begin.n, local.n);
		if (take_field(&rest, &tag))
			return arena_printf(
				arena, "%s#=%.*s", *prefix,
				SLICE_FMT(greylist_fold(arena, rest)));
		tag = slice_sub(rest, slice_rfind(rest, '/'), rest.n);
		if (tag.n < 2 || tag.n == rest.n)
			return local;
		rest = greylist_fold(arena, slice_sub(rest, 0, rest.n - tag.n));
		return arena_printf(arena, "%s%.*s/#", *prefix,
				    SLICE_FMT(rest));
	}
	return greylist_fold(arena, local);
}

/* HASH=TIME=domain=local, after what `begin` says. */
static bool fold_srs(struct arena *arena, struct slice begin, struct slice rest,
		     struct slice *folded_r)
{
	struct slice hash, time, domain;

	if (!take_field(&rest, &hash) || !take_field(&rest, &time) ||
	    !take_domain(&rest, &domain) || rest.n == 0)
		return false;
	*folded_r = arena_printf(arena, "%.*s#=#=%.*s=%.*s", SLICE_FMT(begin),
				 SLICE_FMT(domain),
				 SLICE_FMT(fold_batv(arena, rest)));
	return true;
}

/* HASH=host= and what SRS0 had, its separator first. */
static bool fold_srs1(struct arena *arena, struct slice rest,
		      struct slice *folded_r)
{
	struct slice hash, host;

	if (!take_field(&rest, &hash) || !take_domain(&rest, &host) ||
	    rest.n == 0 || !is_separator(rest.p[0]))
		return false;
	return fold_srs(arena,
			arena_printf(arena, "srs1=#=%.*s==", SLICE_FMT(host)),
			slice_sub(rest, 1, rest.n), folded_r);
}

/* bob+srs=HASH=TIME=domain=local; bounces+srs=HASH=TIME */
static bool fold_plus_srs(struct arena *arena, struct slice local, size_t plus,
			  struct slice *folded_r)
{
	struct slice begin = slice_sub(local, 0, plus + 5), hash;
	struct slice rest = slice_sub(local, plus + 5, local.n);

	if (fold_srs(arena, begin, rest, folded_r))
		return true;
	if (!take_field(&rest, &hash) || rest.n == 0 ||
	    slice_find(rest, 0, '=') < rest.n)
		return false;
	*folded_r = arena_printf(arena, "%.*s#=#", SLICE_FMT(begin));
	return true;
}

static struct slice fold_forms(struct arena *arena, struct slice local)
{
	size_t plus = slice_search_nocase(local, SLICE("+srs="));
	struct slice rest = slice_sub(local, 5, local.n), folded;
	bool tagged = local.p && rest.n > 0 && is_separator(local.p[4]);

	if (tagged && slice_starts_nocase(local, SLICE("srs0")))
		return fold_srs(arena, SLICE("srs0="), rest, &folded) ? folded
								      : local;
	if (tagged && slice_starts_nocase(local, SLICE("srs1")))
		return fold_srs1(arena, rest, &folded) ? folded : local;
	if (plus > 0 && plus < local.n)
		return fold_plus_srs(arena, local, plus, &folded) ? folded
								  : local;
	return fold_batv(arena, local);
}

/* ---- what others see ---- */

struct slice greylist_address(struct arena *arena, struct slice path)
{
	struct slice local, domain;

	split(arena, path, &local, &domain);
	return join(arena, local, domain);
}

struct slice greylist_sender(struct arena *arena, struct slice path)
{
	struct slice local, domain;

	split(arena, path, &local, &domain);
	return join(arena, fold_forms(arena, local), domain);
}
