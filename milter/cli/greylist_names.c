/*
 * Names of entries and of allowed senders. What can be read as several
 * things is taken as all of them where that does no harm: an address may be
 * a sender, which is stored folded, or a recipient.
 */
#include "milter/cli/greylist_names.h"
#include "common/base/ip.h"
#include "common/mail/domain.h"
#include "milter/checks/greylist_conf.h"
#include "milter/checks/greylist_sender.h"
#include "milter/store/store_keys.h"

/* As people copy it: <alice@example.org> */
static struct slice bare(struct slice text)
{
	text = slice_trim(text);
	if (text.n >= 2 && text.p[0] == '<' && text.p[text.n - 1] == '>')
		return slice_trim(slice_sub(text, 1, text.n - 1));
	return text;
}

static void add(struct greylist_words *words, struct slice word)
{
	for (size_t i = 0; i < words->count; i++)
		if (slice_eq(words->word[i], word))
			return;
	if (words->count < GREYLIST_WORDS_MAX)
		words->word[words->count++] = word;
}

static bool is_key(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!ascii_is_alpha(text.p[i]) &&
		    (text.p[i] < '2' || text.p[i] > '7'))
			return false;
	return text.n == STORE_KEY;
}

/*
 * "@example.org", or a name with a dot and a last label that makes it no
 * mistyped IP address; normalised, without the '@'.
 */
static bool is_domain(struct arena *arena, struct slice text,
		      struct slice *domain_r)
{
	bool at = text.n > 0 && text.p[0] == '@';
	struct slice name = at ? slice_sub(text, 1, text.n) : text, last;
	bool letter = false;

	if (!at && slice_find(name, 0, '.') == name.n)
		return false;
	if (!domain_normalise(arena, name, domain_r))
		return false;
	last = domain_tail(*domain_r, 1);
	for (size_t i = 0; i < last.n; i++)
		letter |= ascii_is_alpha(last.p[i]);
	return letter;
}

static bool is_address(struct slice text)
{
	size_t at = slice_rfind(text, '@');

	return at > 0 && at + 1 < text.n;
}

int greylist_words_of_entries(struct arena *arena, struct slice text,
			      struct greylist_words *words_r, struct err *err)
{
	struct slice name = bare(text), domain;
	struct ip_net net;

	*words_r = (struct greylist_words){.count = 0};
	if (name.n == 0)
		return err_set(err,
			       "'%.*s' names no entry; bounces have no "
			       "sender, so name their key or recipient",
			       SLICE_FMT(text));
	if (ip_net_parse(name, &net))
		return err_set(err,
			       "'%.*s': entries are named by their key, "
			       "sender, recipient or domain",
			       SLICE_FMT(name));
	if (is_key(name)) {
		add(words_r, arena_lower(arena, name));
	} else if (is_domain(arena, name, &domain)) {
		add(words_r, arena_printf(arena, "@%.*s", SLICE_FMT(domain)));
	} else if (is_address(name)) {
		add(words_r, greylist_address(arena, name));
		add(words_r, greylist_sender(arena, name));
	} else {
		return err_set(err,
			       "'%.*s' is no key (16 letters and digits), no "
			       "address and no domain",
			       SLICE_FMT(name));
	}
	return 0;
}

/* Allowed networks are looked up by name, so only these can be found. */
static int network_name(struct arena *arena, const struct conf *conf,
			struct ip_net *net, struct slice *name_r,
			struct err *err)
{
	const struct greylist_conf *greylist =
		conf_group(conf, &greylist_settings);
	bool v4 = net->base.family == IP_V4;
	int whole = v4 ? 32 : 128;
	int bits = (int)(v4 ? greylist->ipv4_mask : greylist->ipv6_mask);

	if (net->bits != whole && net->bits != bits)
		return err_set(err,
			       "a network of /%d cannot be allowed: name a "
			       "single address or its /%d (%s)",
			       net->bits, bits,
			       v4 ? "greylist.ipv4_mask"
				  : "greylist.ipv6_mask");
	for (int i = net->bits; i < whole; i++)
		net->base.b[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
	*name_r = ip_text(arena, &net->base);
	if (net->bits != whole)
		*name_r = arena_printf(arena, "%.*s/%d", SLICE_FMT(*name_r),
				       net->bits);
	return 0;
}

/*
 * A sender whose address changes with each message is only known by its
 * folded name. Where folding takes nothing but a "+tag" away, the name as
 * it is may be that of a recipient, and the other covers too much.
 */
static struct slice address_name(struct arena *arena, struct slice path)
{
	struct slice plain = greylist_address(arena, path);
	struct slice folded = greylist_sender(arena, path);

	if (slice_find(folded, 0, '#') < folded.n ||
	    slice_find(folded, 0, '*') < folded.n)
		return folded;
	return plain;
}

int greylist_allowed_name(struct arena *arena, const struct conf *conf,
			  struct slice text, struct slice *name_r,
			  struct err *err)
{
	struct slice name = bare(text);
	struct ip_net net;

	if (ip_net_parse(name, &net))
		return network_name(arena, conf, &net, name_r, err);
	if (is_domain(arena, name, name_r))
		return 0;
	if (!is_address(name))
		return err_set(err,
			       "'%.*s' is no address, domain, IP address or "
			       "network",
			       SLICE_FMT(text));
	*name_r = address_name(arena, name);
	return 0;
}

int greylist_words_of_all(struct arena *arena, const struct conf *conf,
			  struct slice text, struct greylist_words *words_r,
			  struct err *err)
{
	struct slice name;
	struct err none;

	if (greylist_allowed_name(arena, conf, text, &name, &none) < 0)
		return greylist_words_of_entries(arena, text, words_r, err);
	if (greylist_words_of_entries(arena, text, words_r, &none) < 0)
		words_r->count = 0;
	add(words_r, name);
	return 0;
}

int64_t greylist_lifetime(const struct conf *conf)
{
	const struct greylist_conf *greylist =
		conf_group(conf, &greylist_settings);

	return greylist->pass_lifetime.ms;
}
