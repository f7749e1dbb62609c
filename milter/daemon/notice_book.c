/*
 * The text: a line each, words parted by TAB, bytes that could break that
 * written as %XX. "to" begins an address, its "item" lines follow it.
 */
#include "milter/daemon/notice_book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TITLE "gatepost-notices 1"
#define ADDRESSES_MAX 10000
#define REMEMBER_MS (24 * 3600000LL) /* the longest pause is an hour */
#define ANEW_GAP 60000		     /* ms: see make_tables(), vault_index.c */
#define OVERLAP_MS 60000
#define WORDS_MAX 20

/* How many messages a notice names. */
static const size_t items_max[NOTICE_AUDIENCES] = {50, 20, 100};

struct notice_book *notice_book_new(int64_t not_before_ms)
{
	struct notice_book *book = calloc(1, sizeof(*book));

	if (!book)
		return NULL;
	book->arena = arena_new(0);
	book->not_before_ms = not_before_ms;
	if (getrandom(book->secret, NOTICE_SECRET, 0) != NOTICE_SECRET)
		memset(book->secret, 0, NOTICE_SECRET);
	return book;
}

void notice_book_free(struct notice_book **book)
{
	if (!*book)
		return;
	arena_free(&(*book)->arena);
	free(*book);
	*book = NULL;
}

bool notice_book_is_news(struct notice_book *book, int64_t seq,
			 int64_t stored_ms)
{
	bool news;

	if (book->seq > 0 && seq - book->seq > ANEW_GAP &&
	    book->not_before_ms == 0)
		book->not_before_ms = book->newest_ms - OVERLAP_MS;
	news = stored_ms >= book->not_before_ms;
	book->seq = seq;
	if (news && stored_ms > book->newest_ms)
		book->newest_ms = stored_ms;
	return news;
}

void notice_book_at_end(struct notice_book *book)
{
	/* At the first time, what has come until now stays no news. */
	if (book->seq > 0)
		book->not_before_ms = 0;
}

static struct notice_address *find(struct notice_book *book,
				   enum notice_audience audience,
				   struct slice address)
{
	for (struct notice_address *a = book->addresses; a; a = a->next)
		if (a->audience == audience && slice_eq(a->address, address))
			return a;
	return NULL;
}

static struct notice_address *add_address(struct notice_book *book,
					  enum notice_audience audience,
					  struct slice address)
{
	struct notice_address *a;

	if (book->address_count >= ADDRESSES_MAX)
		return NULL;
	a = ARENA_NEW(book->arena, struct notice_address);
	a->audience = audience;
	a->address = arena_dup(book->arena, address);
	a->items_end = &a->items;
	a->next = book->addresses;
	book->addresses = a;
	book->address_count++;
	return a;
}

static void add_item(struct notice_book *book, struct notice_address *a,
		     const struct notice_item *item)
{
	struct arena *arena = book->arena;
	struct notice_item *copy;

	if (a->item_count >= items_max[a->audience])
		return;
	copy = ARENA_NEW(arena, struct notice_item);
	*copy = *item;
	copy->id = arena_dup(arena, item->id);
	copy->reason = arena_dup(arena, item->reason);
	copy->sender = arena_dup(arena, item->sender);
	copy->subject = arena_dup(arena, item->subject);
	copy->from = arena_dup(arena, item->from);
	copy->client = arena_dup(arena, item->client);
	copy->rcpts = arena_dup(arena, item->rcpts);
	copy->next = NULL;
	*a->items_end = copy;
	a->items_end = &copy->next;
	a->item_count++;
}

bool notice_book_add(struct notice_book *book, enum notice_audience audience,
		     struct slice address, const struct notice_item *item,
		     int64_t now_ms)
{
	struct notice_address *a = find(book, audience, address);

	if (!a)
		a = add_address(book, audience, address);
	if (!a)
		return false;
	if (a->count == 0) {
		a->since_ms = now_ms;
		a->first_ms = a->last_ms = item->time_ms;
	}
	if (item->time_ms < a->first_ms)
		a->first_ms = item->time_ms;
	if (item->time_ms > a->last_ms)
		a->last_ms = item->time_ms;
	a->count++;
	a->counts[item->class]++;
	add_item(book, a, item);
	return true;
}

static bool is_due(struct notice_address *a, const struct notice_rules *rules,
		   int64_t now_ms)
{
	if (a->count == 0)
		return false;
	if (a->audience == NOTICE_HOOK)
		return true;
	/* The clock may have been set back since. */
	if (a->told_ms > now_ms)
		a->told_ms = now_ms;
	if (a->since_ms > now_ms)
		a->since_ms = now_ms;
	return now_ms - a->since_ms >= rules->conf->digest.ms &&
	       (a->told_ms == 0 || now_ms - a->told_ms >= rules->pause_ms);
}

struct notice_address *notice_book_due(struct notice_book *book,
				       const struct notice_rules *rules,
				       int64_t now_ms)
{
	struct notice_address *a = book->addresses;

	while (a && !is_due(a, rules, now_ms))
		a = a->next;
	return a;
}

void notice_book_told(struct notice_address *a, int64_t now_ms)
{
	a->told_ms = now_ms;
	a->count = 0;
	memset(a->counts, 0, sizeof(a->counts));
	a->items = NULL;
	a->items_end = &a->items;
	a->item_count = 0;
}

static void add_word(struct buf *out, struct slice word)
{
	buf_add_char(out, '\t');
	for (size_t i = 0; i < word.n; i++) {
		unsigned char c = (unsigned char)word.p[i];

		if (c <= ' ' || c == '%' || c == 0x7f)
			buf_printf(out, "%%%02X", c);
		else
			buf_add_char(out, (char)c);
	}
}

static void write_item(struct buf *out, const struct notice_item *item)
{
	const struct slice texts[] = {item->id,	     item->reason, item->sender,
				      item->subject, item->from,   item->client,
				      item->rcpts};

	buf_printf(out,
		   "item\t%u\t%u\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\t%.3f",
		   (unsigned)item->class, item->rejected ? 1u : 0u,
		   item->time_ms, item->rcpt_count, item->size, item->score);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		add_word(out, texts[i]);
	buf_add_char(out, '\n');
}

static void write_address(struct buf *out, const struct notice_address *a)
{
	buf_printf(out, "to\t%u", (unsigned)a->audience);
	add_word(out, a->address);
	buf_printf(out, "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64,
		   a->told_ms, a->since_ms, a->first_ms, a->last_ms);
	for (int i = 0; i < VAULT_CLASSES; i++)
		buf_printf(out, "\t%" PRIu64, a->counts[i]);
	buf_add_char(out, '\n');
	for (const struct notice_item *i = a->items; i; i = i->next)
		write_item(out, i);
}

struct slice notice_book_write(const struct notice_book *book,
			       struct arena *arena, int64_t now_ms)
{
	struct buf out = BUF(arena);

	buf_printf(&out,
		   TITLE "\nbook\t%" PRIu64 "\t%" PRId64 "\t%" PRId64
			 "\t%" PRId64,
		   book->step, book->seq, book->newest_ms, book->not_before_ms);
	add_word(&out,
		 (struct slice){(const char *)book->secret, NOTICE_SECRET});
	buf_add_char(&out, '\n');
	for (const struct notice_address *a = book->addresses; a; a = a->next)
		if (a->count > 0 || now_ms - a->told_ms < REMEMBER_MS)
			write_address(&out, a);
	buf_add_text(&out, "end\n");
	return buf_slice(&out);
}

static int hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct slice read_word(struct arena *arena, struct slice word)
{
	char *text = arena_alloc(arena, word.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] == '%' && i + 2 < word.n &&
		    hex(word.p[i + 1]) >= 0 && hex(word.p[i + 2]) >= 0) {
			text[n++] = (char)(hex(word.p[i + 1]) << 4 |
					   hex(word.p[i + 2]));
			i += 2;
		} else {
			text[n++] = word.p[i];
		}
	}
	return (struct slice){text, n};
}

struct line {
	struct slice words[WORDS_MAX];
	size_t count;
	bool bad;
};

static int64_t number(struct line *line, size_t i)
{
	uint64_t value = 0;
	struct slice word = line->words[i];
	bool minus = word.n > 0 && word.p[0] == '-';

	if (!slice_to_u64(slice_sub(word, minus, word.n), &value) ||
	    value > INT64_MAX)
		line->bad = true;
	return minus ? -(int64_t)value : (int64_t)value;
}

static void read_book(struct notice_book *book, struct line *line)
{
	struct slice secret = read_word(book->arena, line->words[5]);

	book->step = (uint64_t)number(line, 1);
	book->seq = number(line, 2);
	book->newest_ms = number(line, 3);
	book->not_before_ms = number(line, 4);
	if (secret.n == NOTICE_SECRET)
		memcpy(book->secret, secret.p, NOTICE_SECRET);
	else
		line->bad = true;
}

static struct notice_address *read_address(struct notice_book *book,
					   struct line *line)
{
	int64_t audience = number(line, 1);
	struct notice_address *a;

	if (audience < 0 || audience >= NOTICE_AUDIENCES) {
		line->bad = true;
		return NULL;
	}
	a = add_address(book, (enum notice_audience)audience,
			read_word(book->arena, line->words[2]));
	if (!a)
		return NULL;
	a->told_ms = number(line, 3);
	a->since_ms = number(line, 4);
	a->first_ms = number(line, 5);
	a->last_ms = number(line, 6);
	for (size_t i = 0; i < VAULT_CLASSES; i++) {
		a->counts[i] = (uint64_t)number(line, 7 + i);
		a->count += a->counts[i];
	}
	return a;
}

static void read_item(struct notice_book *book, struct notice_address *a,
		      struct line *line)
{
	struct notice_item item = {0};
	struct slice *texts[] = {&item.id,	&item.reason, &item.sender,
				 &item.subject, &item.from,   &item.client,
				 &item.rcpts};
	int64_t class = number(line, 1);

	if (!a || class < 0 || class >= VAULT_CLASSES) {
		line->bad = true;
		return;
	}
	item.class = (enum vault_class) class;
	item.rejected = number(line, 2) != 0;
	item.time_ms = number(line, 3);
	item.rcpt_count = (uint64_t)number(line, 4);
	item.size = (uint64_t)number(line, 5);
	item.score = strtod(arena_cstr(book->arena, line->words[6]), NULL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = read_word(book->arena, line->words[7 + i]);
	add_item(book, a, &item);
}

static bool is_line(const struct line *line, const char *word, size_t count)
{
	return line->count == count &&
	       slice_eq(line->words[0], slice_cstr(word));
}

static void split(struct slice text, struct line *line_r)
{
	struct slice word;

	*line_r = (struct line){0};
	while (line_r->count < WORDS_MAX && slice_next(&text, '\t', &word))
		line_r->words[line_r->count++] = word;
}

struct notice_book *notice_book_read(struct slice text)
{
	struct notice_book *book = notice_book_new(0);
	struct notice_address *a = NULL;
	bool good = book != NULL, ended = false;
	struct slice piece;

	good = good && slice_next(&text, '\n', &piece) &&
	       slice_eq(piece, SLICE(TITLE));
	while (good && !ended && slice_next(&text, '\n', &piece)) {
		struct line line;

		split(piece, &line);
		if (is_line(&line, "book", 6))
			read_book(book, &line);
		else if (is_line(&line, "to", 7 + VAULT_CLASSES))
			a = read_address(book, &line);
		else if (is_line(&line, "item", 14))
			read_item(book, a, &line);
		else
			ended = is_line(&line, "end", 1);
		good = !line.bad && (ended || line.count > 1);
	}
	if (!good || !ended)
		notice_book_free(&book);
	return book;
}
