/*
 * Exemptions. Lists of the configuration are asked first, then the store,
 * so that what needs no round trip makes none. A name from the message
 * counts as given (the envelope sender), except for the author's domain,
 * which must pass DMARC.
 */
#include "milter/checks/greylist_exempt.h"
#include "common/mail/domain.h"
#include "milter/checks/greylist_sender.h"

/* ---- by the configuration ---- */

/* "the sender alice@example.org is in greylist.exempt_senders (example.org)" */
static struct slice listed(const struct mail *mail, const char *what,
			   struct slice name, const char *setting,
			   struct slice entry)
{
	if (entry.n == 0)
		return SLICE_NONE;
	return arena_printf(mail->arena, "%s %.*s is in greylist.%s (%.*s)",
			    what, SLICE_FMT(name), setting, SLICE_FMT(entry));
}

static struct slice by_sender(const struct mail *mail,
			      const struct greylist_ready *ready,
			      const struct greylist_try *attempt)
{
	struct slice plain = greylist_address(mail->arena, mail->sender);
	struct slice entry;

	if (mail->sender.n == 0)
		return SLICE_NONE;
	entry = greylist_names_address(&ready->senders, plain);
	if (entry.n == 0)
		entry = greylist_names_address(&ready->senders,
					       attempt->sender);
	return listed(mail, "the sender", plain, "exempt_senders", entry);
}

static struct slice by_recipient(const struct mail *mail,
				 const struct greylist_ready *ready)
{
	struct slice why = SLICE_NONE;

	if (ready->recipients.name_count == 0)
		return why;
	for (size_t i = 0; i < mail->rcpt_count && why.n == 0; i++) {
		struct slice rcpt =
			greylist_address(mail->arena, mail->rcpts[i]);

		why = listed(mail, "the recipient", rcpt, "exempt_recipients",
			     greylist_names_address(&ready->recipients, rcpt));
	}
	return why;
}

/* The client's name in reverse DNS, if forward DNS confirms it. */
static struct slice client_name(const struct mail *mail)
{
	const struct auth_iprev *iprev = &mail->verdict->auth.iprev;
	struct slice name;

	domain_normalise(mail->arena,
			 iprev->result == AUTH_PASS ? iprev->name
						    : mail->conn->ptr_name,
			 &name);
	return name;
}

static struct slice by_host(const struct mail *mail,
			    const struct greylist_names *list,
			    const char *setting)
{
	struct slice name = client_name(mail), entry;

	entry = greylist_names_ip(list, &mail->conn->client);
	if (entry.n > 0)
		return listed(mail, "the client", mail->conn->client_text,
			      setting, entry);
	return listed(mail, "the host", name, setting,
		      greylist_names_domain(list, name));
}

static bool is_named(const struct strlist *names, const struct symbol *symbol)
{
	for (size_t i = 0; i < names->n; i++)
		if (slice_eq(names->v[i], slice_cstr(symbol->name)))
			return true;
	return false;
}

static struct slice by_finding(const struct mail *mail,
			       const struct strlist *names)
{
	const struct verdict *verdict = mail->verdict;

	for (size_t i = 0; i < verdict->hit_count; i++) {
		const struct symbol *symbol = verdict->hits[i].symbol;
		struct slice detail = verdict->hits[i].detail;

		if (!is_named(names, symbol))
			continue;
		if (detail.n == 0)
			detail = slice_cstr(symbol->doc);
		return arena_printf(mail->arena, "%s: %.*s", symbol->name,
				    SLICE_FMT(detail));
	}
	return SLICE_NONE;
}

struct slice greylist_exempt_settings(const struct mail *mail,
				      const struct greylist_ready *ready,
				      const struct greylist_try *attempt)
{
	struct slice why = by_sender(mail, ready, attempt);

	if (why.n == 0)
		why = by_recipient(mail, ready);
	if (why.n == 0)
		why = by_host(mail, &ready->clients, "exempt_clients");
	if (why.n == 0)
		why = by_finding(mail, &ready->conf->exempt_symbols);
	if (why.n == 0)
		why = by_host(mail, &ready->providers, "providers");
	return why;
}

/* ---- by the store ---- */

/* Of a domain, itself and its parents up to so many labels are asked for. */
#define LABELS_MAX 5

/* Names for one or more questions to the store. */
struct names {
	struct arena *arena;
	struct slice *v;
	size_t n, room;
};

static void add_name(struct names *names, struct slice name)
{
	if (name.n == 0 || names->n == names->room)
		return;
	for (size_t i = 0; i < names->n; i++)
		if (slice_eq(names->v[i], name))
			return;
	names->v[names->n++] = name;
}

static void add_domain(struct names *names, struct slice domain)
{
	size_t labels = domain_labels(domain);

	add_name(names, domain);
	for (size_t n = LABELS_MAX < labels ? LABELS_MAX : labels; n > 1; n--)
		add_name(names, domain_tail(domain, n));
}

static void add_address(struct names *names, struct slice address)
{
	add_name(names, address);
	add_domain(names, slice_sub(address, slice_rfind(address, '@') + 1,
				    address.n));
}

/* Whom the administrator may have meant; recipients last: they are many. */
static void gather(struct names *names, const struct mail *mail,
		   const struct greylist_try *attempt)
{
	const struct auth_dmarc *dmarc = &mail->verdict->auth.dmarc;

	add_name(names, ip_text(mail->arena, &mail->conn->client));
	add_name(names, attempt->origins[0]);
	if (mail->sender.n > 0) {
		add_address(names, greylist_address(mail->arena, mail->sender));
		add_name(names, attempt->sender);
	}
	if (dmarc->result == AUTH_PASS)
		add_domain(names, dmarc->domain);
	for (size_t i = 0; i < attempt->rcpt_count; i++)
		add_address(names, attempt->rcpts[i]);
}

/* Why the store's answers exempt a message; empty: they do not. */
static struct slice tell_standing(const struct mail *mail,
				  const struct greylist_conf *conf,
				  const struct store_standing *standing)
{
	if (standing->index >= 0)
		return arena_printf(
			mail->arena, "%.*s is allowed",
			SLICE_FMT(standing->names[standing->index]));
	if (standing->domain.n > 0 && standing->good >= conf->trust_after)
		return arena_printf(
			mail->arena, "%.*s has sent %lld good messages on end",
			SLICE_FMT(standing->domain),
			(long long)standing->good);
	return SLICE_NONE;
}

enum store_status greylist_exempt_store(const struct mail *mail,
					const struct greylist_ready *ready,
					const struct greylist_try *attempt,
					int64_t deadline_ms,
					struct slice *why_r)
{
	const struct auth_dmarc *dmarc = &mail->verdict->auth.dmarc;
	struct store_standing standing = {.index = -1};
	struct names names = {.arena = mail->arena};
	enum store_status status;

	names.room = (attempt->rcpt_count + 3) * (LABELS_MAX + 2);
	if (names.room > STORE_NAMES_MAX)
		names.room = STORE_NAMES_MAX;
	names.v = ARENA_ARRAY(mail->arena, struct slice, names.room);
	gather(&names, mail, attempt);
	standing.names = names.v;
	standing.count = names.n;
	if (ready->conf->trust_after > 0 && dmarc->result == AUTH_PASS)
		standing.domain = dmarc->domain;
	status = store_standing(engine_store(mail->engine), &standing,
				deadline_ms);
	*why_r = status == STORE_DONE
			 ? tell_standing(mail, ready->conf, &standing)
			 : SLICE_NONE;
	return status;
}
