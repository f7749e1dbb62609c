/*
 * A message as it is filled in. Everything it holds lives in its arena; the
 * arena goes with the message.
 */
#include "milter/engine/mail.h"
#include "common/base/clock.h"
#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "milter/engine/engine.h"
#include "milter/engine/engine_private.h"

#include <sys/random.h>

const struct header *mail_header(const struct mail *mail, struct slice name,
				 size_t n)
{
	for (size_t i = 0; i < mail->header_count; i++)
		if (slice_eq_nocase(mail->headers[i].name, name) && n-- == 0)
			return &mail->headers[i];
	return NULL;
}

size_t mail_header_count(const struct mail *mail, struct slice name)
{
	size_t count = 0;

	for (size_t i = 0; i < mail->header_count; i++)
		count += slice_eq_nocase(mail->headers[i].name, name);
	return count;
}

bool mail_is_inbound(const struct mail *mail)
{
	return !mail->conn->trusted && mail->conn->user.n == 0 &&
	       mail->conn->client.family != IP_NONE;
}

/*
 * A record id: 45 bits of milliseconds and 35 of chance in Crockford's
 * base 32, so ids sort by time and read well over the telephone.
 */
static void make_id(struct mail *mail)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t when = (uint64_t)(clock_wall_us() / 1000);
	uint64_t chance = 0;

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = (uint64_t)clock_mono_us() * 0x9e3779b97f4a7c15u;
	for (int i = 8; i >= 0; i--, when >>= 5)
		mail->id[i] = digits[when & 31];
	for (int i = 15; i >= 9; i--, chance >>= 5)
		mail->id[i] = digits[chance & 31];
	mail->id[16] = '\0';
}

struct mail *mail_new(const struct engine *engine, const struct conn *conn)
{
	struct arena *arena = arena_new(16 * 1024);
	struct mail *mail = ARENA_NEW(arena, struct mail);

	mail->arena = arena;
	mail->conn = conn;
	mail->engine = engine;
	mail->begun_wall_ms = clock_wall_us() / 1000;
	mail->begun_us = clock_mono_us();
	mail->spool.fd = -1;
	make_id(mail);
	engine_begin(mail);
	return mail;
}

void mail_free(struct mail **mail)
{
	struct arena *arena;

	if (!*mail)
		return;
	engine_end(*mail);
	spool_end(&(*mail)->spool);
	arena = (*mail)->arena;
	arena_free(&arena);
	*mail = NULL;
}

void mail_set_sender(struct mail *mail, struct slice path)
{
	struct slice domain;

	mail->sender = arena_dup(mail->arena, path);
	address_split(mail->sender, &mail->sender_address.local, &domain);
	domain_normalise(mail->arena, domain, &mail->sender_address.domain);
}

/* A list that doubles its room; returns where the next item goes. */
static void *grow(struct arena *arena, void *items, size_t count, size_t size)
{
	char *more;

	if (count & (count - 1) || (count > 0 && count < 8))
		return items;
	more = arena_array(arena, count < 8 ? 8 : count * 2, size);
	for (size_t i = 0; i < count * size; i++)
		more[i] = ((char *)items)[i];
	return more;
}

bool mail_add_rcpt(struct mail *mail, struct slice path)
{
	if (mail->rcpt_count >=
	    (size_t)engine_limits(mail->engine)->recipients)
		return false;
	mail->rcpts = grow(mail->arena, mail->rcpts, mail->rcpt_count,
			   sizeof(*mail->rcpts));
	mail->rcpts[mail->rcpt_count++] = arena_dup(mail->arena, path);
	return true;
}

bool mail_add_header(struct mail *mail, struct slice name, struct slice value)
{
	const struct limits_conf *limits = engine_limits(mail->engine);
	uint64_t size = mail->size + name.n + value.n + 3;

	if (size > (uint64_t)limits->header.n ||
	    mail->header_count >= (size_t)limits->fields)
		return false;
	mail->headers = grow(mail->arena, mail->headers, mail->header_count,
			     sizeof(*mail->headers));
	mail->headers[mail->header_count++] =
		(struct header){arena_dup(mail->arena, name),
				arena_dup(mail->arena, value)};
	mail->size = size;
	return true;
}
