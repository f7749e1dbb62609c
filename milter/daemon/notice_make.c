/* All texts of an item are safe already; here they are only put together. */
#include "milter/daemon/notice_make.h"
#include "common/verdict/hmac.h"
#include "common/verdict/json_writer.h"
#include "milter/daemon/notice_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ID_MAC 24 /* digits of the MAC in a Message-ID */
#define ID_TITLE "gatepost-notice."

static const char *const whats[VAULT_CLASSES] = {
	[VAULT_VIRUS] = "virus",
	[VAULT_SPAM] = "spam",
	[VAULT_DMARC] = "forged sender (DMARC)",
	[VAULT_ATTACHMENT] = "attachment",
	[VAULT_UNSCANNED] = "could not be scanned",
};

struct notice_item notice_make_item(struct arena *arena,
				    const struct vault_item *from)
{
	struct buf rcpts = BUF(arena);

	for (size_t i = 0; i < from->rcpt_count && i < NOTICE_RCPTS; i++) {
		buf_add(&rcpts, notice_value(arena, from->rcpts[i], false));
		buf_add_char(&rcpts, '\n');
	}
	return (struct notice_item){
		.class = from->class,
		.rejected = from->rejected,
		.time_ms = from->stored_ms,
		.id = notice_value(arena, from->id, false),
		.reason = notice_value(arena, from->reason, false),
		.sender = notice_value(arena, from->sender, false),
		.subject = notice_value(arena, from->subject, true),
		.from = notice_value(arena, from->from, true),
		.client = notice_value(arena, from->client, false),
		.rcpts = buf_slice(&rcpts),
		.rcpt_count = from->rcpt_count,
		.size = from->size,
		.score = from->score,
	};
}

static struct slice show_time(struct arena *arena, int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	char text[64] = "";
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	return arena_dup(arena, slice_cstr(text));
}

static const char *action_of(const struct notice_item *item)
{
	return item->rejected ? "rejected, a copy was kept" : "held";
}

static struct slice show_recipients(struct arena *arena,
				    const struct notice_item *item)
{
	struct slice rest = item->rcpts, one;
	struct buf out = BUF(arena);
	uint64_t shown = 0;

	while (slice_next(&rest, '\n', &one) && one.n > 0) {
		buf_printf(&out, "%s%.*s", shown++ ? ", " : "", SLICE_FMT(one));
	}
	if (item->rcpt_count > shown)
		buf_printf(&out, " and %" PRIu64 " more",
			   item->rcpt_count - shown);
	return buf_slice(&out);
}

static struct slice show_sender(const struct notice_item *item)
{
	return item->sender.n > 0 ? item->sender : SLICE("<>");
}

static void fill_one(struct arena *arena, const struct notice_item *item,
		     struct notice_values *values)
{
	struct slice *v = values->v;

	v[FIELD_CLASS] = slice_cstr(vault_class_word(item->class));
	v[FIELD_WHAT] = slice_cstr(whats[item->class]);
	v[FIELD_ACTION] = slice_cstr(action_of(item));
	v[FIELD_REASON] = item->reason;
	v[FIELD_ID] = item->id;
	v[FIELD_SENDER] = show_sender(item);
	v[FIELD_SUBJECT] = item->subject;
	v[FIELD_FROM] = item->from;
	v[FIELD_CLIENT] = item->client;
	v[FIELD_SCORE] = arena_printf(arena, "%.1f", item->score);
	v[FIELD_SIZE] = arena_printf(arena, "%" PRIu64, item->size);
	v[FIELD_TIME] = show_time(arena, item->time_ms);
}

static struct slice list_items(struct arena *arena,
			       const struct notice_address *a)
{
	bool to_all = a->audience == NOTICE_POSTMASTER;
	struct buf out = BUF(arena);

	for (const struct notice_item *i = a->items; i; i = i->next) {
		buf_printf(&out, "%.*s  %.*s\n    %s: %.*s (%s)\n",
			   SLICE_FMT(show_time(arena, i->time_ms)),
			   SLICE_FMT(i->id), whats[i->class],
			   SLICE_FMT(i->reason), action_of(i));
		buf_printf(&out, "    from %.*s", SLICE_FMT(show_sender(i)));
		if (to_all)
			buf_printf(&out, " to %.*s",
				   SLICE_FMT(show_recipients(arena, i)));
		buf_printf(&out, "\n    %.*s\n", SLICE_FMT(i->subject));
	}
	if (a->count > a->item_count)
		buf_printf(&out, "... and %" PRIu64 " more\n",
			   a->count - a->item_count);
	return buf_slice(&out);
}

static void fill_many(struct arena *arena, const struct notice_address *a,
		      struct notice_values *values)
{
	struct slice *v = values->v;
	struct buf classes = BUF(arena);

	for (int i = 0; i < VAULT_CLASSES; i++)
		if (a->counts[i] > 0)
			buf_printf(&classes, "%s%" PRIu64 " %s",
				   classes.n ? ", " : "", a->counts[i],
				   vault_class_word((enum vault_class)i));
	v[FIELD_COUNT] = arena_printf(arena, "%" PRIu64, a->count);
	v[FIELD_CLASSES] = buf_slice(&classes);
	v[FIELD_FIRST] = show_time(arena, a->first_ms);
	v[FIELD_LAST] = show_time(arena, a->last_ms);
	v[FIELD_LIST] = list_items(arena, a);
}

static bool mac_of(const struct notice_book *book, struct slice name,
		   char hex_r[HMAC_HEX + 1])
{
	const struct slice key = {(const char *)book->secret, NOTICE_SECRET};

	return hmac_sha256(key, &name, 1, hex_r);
}

static struct slice make_id(struct arena *arena,
			    const struct notice_maker *maker)
{
	struct slice name = arena_printf(arena, "%" PRIx64 ".%" PRIx64 ".%u",
					 (uint64_t)maker->now_ms, maker->step,
					 maker->number);
	char mac[HMAC_HEX + 1] = "";

	(void)mac_of(maker->book, name, mac);
	return arena_printf(arena, ID_TITLE "%.*s.%.*s@%s", SLICE_FMT(name),
			    ID_MAC, mac, maker->rules->host);
}

bool notice_make_is_own(const struct notice_book *book, struct slice message_id)
{
	size_t begin = slice_search_nocase(message_id, SLICE(ID_TITLE));
	size_t end = slice_find(message_id, begin, '@'), dot;
	char mac[HMAC_HEX + 1];
	struct slice text;

	if (begin == message_id.n || end == message_id.n)
		return false;
	text = slice_sub(message_id, begin + strlen(ID_TITLE), end);
	dot = slice_rfind(text, '.');
	return dot < text.n && mac_of(book, slice_sub(text, 0, dot), mac) &&
	       slice_eq(slice_sub(text, dot + 1, text.n),
			(struct slice){mac, ID_MAC});
}

struct slice notice_make_mail(struct arena *arena,
			      const struct notice_maker *maker,
			      const struct notice_address *a)
{
	struct notice_values values = {0};
	struct notice_letter letter = {
		.from = maker->rules->from,
		.to = a->address,
		.message_id = make_id(arena, maker),
		.time_ms = maker->now_ms,
	};
	bool many = a->count > 1 || !a->items;
	struct notice_text text;

	values.v[FIELD_HOST] = slice_cstr(maker->rules->host);
	values.v[FIELD_TO] = notice_value(arena, a->address, false);
	if (many) {
		fill_many(arena, a, &values);
	} else {
		fill_one(arena, a->items, &values);
		/* Who else got it is nobody's business. */
		values.v[FIELD_RECIPIENTS] =
			a->audience == NOTICE_POSTMASTER
				? show_recipients(arena, a->items)
				: values.v[FIELD_TO];
	}
	text = notice_templates_fill(
		maker->templates, arena, a->audience,
		many ? NOTICE_DIGEST : (unsigned)a->items->class, &values);
	letter.fields = text.fields;
	letter.body = text.body;
	return notice_letter_write(arena, &letter);
}

static void add_item(struct json_writer *w, const struct notice_item *item)
{
	struct slice rest = item->rcpts, one;

	json_open_object(w, NULL);
	json_add_text(w, "id", item->id);
	json_add_text(w, "class", slice_cstr(vault_class_word(item->class)));
	json_add_text(w, "action",
		      item->rejected ? SLICE("rejected") : SLICE("held"));
	json_add_text(w, "reason", item->reason);
	json_add_number(w, "time_ms", (uint64_t)item->time_ms);
	json_add_text(w, "sender", item->sender);
	json_open_list(w, "recipients");
	while (slice_next(&rest, '\n', &one) && one.n > 0)
		json_add_text(w, NULL, one);
	json_close_list(w);
	json_add_number(w, "recipient_count", item->rcpt_count);
	json_add_text(w, "from", item->from);
	json_add_text(w, "subject", item->subject);
	json_add_text(w, "client", item->client);
	json_add_number(w, "size", item->size);
	json_add_real(w, "score", item->score);
	json_close_object(w);
}

struct slice notice_make_json(struct arena *arena,
			      const struct notice_maker *maker,
			      const struct notice_address *a)
{
	struct buf out = BUF(arena);
	struct json_writer w = {.out = &out};

	json_open_object(&w, NULL);
	json_add_number(&w, "version", 1);
	json_add_text(&w, "host", slice_cstr(maker->rules->host));
	json_add_number(&w, "step", maker->step);
	json_open_list(&w, "messages");
	for (const struct notice_item *i = a->items; i; i = i->next)
		add_item(&w, i);
	json_close_list(&w);
	json_add_number(&w, "omitted", a->count - a->item_count);
	json_close_object(&w);
	return buf_slice(&out);
}
