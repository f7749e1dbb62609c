/* Written by hand, since each message writes several. */
#include "milter/store/redis_entry.h"

#include <string.h>

static void add(struct redis_key *key, const char *p, size_t n)
{
	if (n > sizeof(key->text) - key->n)
		n = sizeof(key->text) - key->n;
	if (n > 0)
		memcpy(key->text + key->n, p, n);
	key->n += n;
}

void redis_key_make(struct redis_key *key, struct slice prefix, char kind,
		    const char tag[STORE_KEY], struct slice rest)
{
	const char head[] = {':', kind, ':', '{'};

	key->n = 0;
	add(key, prefix.p, prefix.n);
	add(key, head, sizeof(head));
	add(key, tag, STORE_KEY);
	add(key, "}", 1);
	if (rest.n == 0)
		return;
	add(key, ":", 1);
	add(key, rest.p, rest.n);
}

void redis_key_allow(struct redis_key *key, struct slice prefix)
{
	key->n = 0;
	add(key, prefix.p, prefix.n);
	add(key, ":{" REDIS_ALLOW "}", sizeof(":{" REDIS_ALLOW "}") - 1);
}

/* A line each, so no part may hold the end of one. */
void redis_text_make(struct redis_text *text, const struct slice parts[4])
{
	text->n = 0;
	for (int i = 0; i < 4; i++) {
		size_t n = parts[i].n < REDIS_TEXT_MAX ? parts[i].n
						       : REDIS_TEXT_MAX;

		if (i > 0)
			text->text[text->n++] = '\n';
		for (size_t j = 0; j < n; j++) {
			char c = parts[i].p[j];

			text->text[text->n++] =
				(unsigned char)c < ' ' ? '?' : c;
		}
	}
}

/* A number and the byte after it. */
static bool take_number(struct slice *rest, uint64_t *number_r)
{
	size_t end = 0;
	struct slice digits;

	while (end < rest->n && ascii_is_digit(rest->p[end]))
		end++;
	digits = slice_sub(*rest, 0, end);
	*rest = slice_sub(*rest, end + 1, rest->n);
	return slice_to_u64(digits, number_r);
}

static bool take_signed(struct slice *rest, int64_t *number_r)
{
	bool minus = rest->n > 0 && rest->p[0] == '-';
	uint64_t number;

	if (minus)
		*rest = slice_sub(*rest, 1, rest->n);
	if (!take_number(rest, &number) || number > INT64_MAX)
		return false;
	*number_r = minus ? -(int64_t)number : (int64_t)number;
	return true;
}

static bool take_moment(struct slice *rest, struct redis_moment *moment_r)
{
	return take_number(rest, &moment_r->boot) &&
	       take_signed(rest, &moment_r->uptime_ms) &&
	       take_signed(rest, &moment_r->wall_ms);
}

int redis_entry_read(struct slice value, struct redis_entry *entry_r)
{
	struct slice head, rest = value;

	*entry_r = (struct redis_entry){.passed = false};
	if (!slice_next(&rest, '\n', &head) || head.n < 2 ||
	    (head.p[0] != 'p' && head.p[0] != 'w'))
		return -1;
	entry_r->passed = head.p[0] == 'p';
	head = slice_sub(head, 2, head.n);
	if (!take_signed(&head, &entry_r->tries) ||
	    !take_signed(&head, &entry_r->waited_ms) ||
	    !take_moment(&head, &entry_r->last) ||
	    !take_signed(&head, &entry_r->delay_ms) ||
	    !take_signed(&head, &entry_r->keep_ms))
		return -1;
	for (int i = 0; i < 4; i++)
		slice_next(&rest, '\n', &entry_r->parts[i]);
	return 0;
}

int64_t redis_since(const struct redis_moment *then,
		    const struct store_time *now)
{
	int64_t ms = then->boot == now->boot ? now->uptime_ms - then->uptime_ms
					     : now->wall_ms - then->wall_ms;

	return ms > 0 ? ms : 0;
}
