/*
 * The order of events is Postfix's: smtpd sends connect to DATA, event by
 * event to every filter; cleanup then plays the whole message to the first
 * filter, applies its edits, and goes on to the next.
 */
#include "tests/bench/session.h"

#include "common/base/clock.h"

#include <libmilter/mfdef.h>
#include <stdio.h>
#include <string.h>

#define BODY_CHUNK 65535
#define TEXT(literal) ((struct slice){(literal), sizeof(literal)})

void session_init(struct session *s, unsigned number,
		  const struct endpoint *endpoints, size_t count)
{
	memset(s, 0, sizeof(*s));
	s->number = number;
	s->born_ms = clock_wall_us() / 1000;
	s->arena = arena_new(64 * 1024);
	s->edits.arena = s->arena;
	s->filter_count = count;
	for (size_t i = 0; i < count; i++)
		filter_init(&s->filters[i], &endpoints[i]);
}

void session_free(struct session *s)
{
	for (size_t i = 0; i < s->filter_count; i++)
		filter_free(&s->filters[i]);
	arena_free(&s->arena);
}

/* The event for every filter, until one of them refuses. */
static enum reply tell_all(struct session *s, enum event event,
			   const struct slice *parts, size_t count)
{
	for (size_t i = 0; i < s->filter_count; i++) {
		enum reply reply = filter_event(&s->filters[i], event,
						&s->macros, parts, count, NULL);

		if (reply != REPLY_CONTINUE)
			return reply;
	}
	return REPLY_CONTINUE;
}

static struct slice text_of(const char *text)
{
	return (struct slice){text, strlen(text) + 1};
}

static void set_client_macros(struct session *s, const struct visit *v)
{
	struct slice *value = s->macros.value;

	memset(&s->macros, 0, sizeof(s->macros));
	snprintf(s->client, sizeof(s->client), "%s [%s%s]", v->name.p,
		 v->ipv6 ? "IPv6:" : "", v->client.p);
	value[MACRO_J] = TEXT("mx.bench.example");
	value[MACRO_V] = TEXT("Postfix 3.7.11");
	value[MACRO_DAEMON_NAME] = TEXT("mx.bench.example");
	value[MACRO_DAEMON_ADDR] = TEXT("127.0.0.1");
	value[MACRO_DAEMON_PORT] = TEXT("25");
	value[MACRO_CLIENT] = text_of(s->client);
	value[MACRO_CLIENT_ADDR] = v->client;
	value[MACRO_CLIENT_NAME] = v->name;
	value[MACRO_CLIENT_PTR] = v->name;
	value[MACRO_CLIENT_PORT] = TEXT("40025");
}

static enum reply connect_all(struct session *s, const struct visit *v)
{
	static const char port[2] = {(char)0x9c, 0x59};
	const char family = v->ipv6 ? SMFIA_INET6 : SMFIA_INET;
	const struct slice parts[] = {
		v->name,
		{&family, 1},
		{port, sizeof(port)},
		v->client,
	};
	enum reply reply;

	set_client_macros(s, v);
	for (size_t i = 0; i < s->filter_count; i++)
		filter_open(&s->filters[i]);
	reply = tell_all(s, EVENT_CONNECT, parts, 4);
	return reply == REPLY_CONTINUE ? tell_all(s, EVENT_HELO, &v->helo, 1)
				       : reply;
}

/* "<user@host>" as the two macros want it: address and host. */
static void set_path_macros(struct session *s, enum macro first,
			    struct slice path)
{
	struct slice bare = slice_sub(path, 1, path.n - 2);
	size_t at = slice_rfind(bare, '@');

	s->macros.value[first] = text_of(arena_cstr(s->arena, bare));
	s->macros.value[first + 1] =
		text_of(arena_cstr(s->arena, slice_sub(bare, at + 1, bare.n)));
	s->macros.value[first + 2] = TEXT("smtp");
}

static size_t put_letters(char *p, uint64_t number)
{
	size_t n = 0;

	do {
		p[n++] = (char)('a' + number % 26);
		number /= 26;
	} while (number > 0);
	return n;
}

/*
 * The sender, or one that no run before has named: "<LETTERS.user@host>".
 * No digits, which a filter may take for the number of a mailing.
 */
static struct slice choose_sender(struct session *s, struct slice sender)
{
	char name[48];
	size_t n;
	struct slice path;

	if (s->played * s->fresh % 100 >= s->fresh || sender.n <= 3)
		return sender;
	n = put_letters(name, (uint64_t)s->born_ms);
	n += put_letters(name + n, s->number);
	name[n++] = '.';
	n += put_letters(name + n, s->played);
	path = arena_printf(s->arena, "<%.*s.%s", (int)n, name, sender.p + 1);
	path.n++;
	return path;
}

static enum reply send_envelope(struct session *s, const struct message *m)
{
	struct slice size = arena_printf(s->arena, "SIZE=%zu", m->size);
	const struct slice sender = choose_sender(s, m->sender);
	const struct slice mail[] = {sender, {size.p, size.n + 1}};
	enum reply reply;

	for (unsigned i = MACRO_I; i < MACRO_COUNT; i++)
		s->macros.value[i] = SLICE_NONE;
	set_path_macros(s, MACRO_MAIL_ADDR, sender);
	reply = tell_all(s, EVENT_MAIL, mail, 2);
	snprintf(s->queue_id, sizeof(s->queue_id), "4B%02X%07llX", s->number,
		 (unsigned long long)s->played++);
	for (size_t i = 0; i < m->rcpt_count && reply == REPLY_CONTINUE; i++) {
		set_path_macros(s, MACRO_RCPT_ADDR, m->rcpts[i]);
		reply = tell_all(s, EVENT_RCPT, &m->rcpts[i], 1);
		/* The queue file is made with the first good recipient. */
		s->macros.value[MACRO_I] = text_of(s->queue_id);
	}
	if (reply == REPLY_CONTINUE)
		reply = tell_all(s, EVENT_DATA, NULL, 0);
	for (size_t i = 0; i < s->filter_count; i++)
		filter_flush(&s->filters[i]);
	return reply;
}

/* The MTA's own Received field stands first, and no filter is shown it. */
static void start_header(struct session *s, const struct message *m)
{
	struct slice received =
		arena_printf(s->arena,
			     " from %s\n\tby mx.bench.example (Postfix) with "
			     "ESMTP id %s",
			     s->client, s->queue_id);

	received.n++;
	s->fields = ARENA_ARRAY(s->arena, struct field,
				1 + m->field_count + CHAIN_MAX * EDITS_MAX);
	s->fields[0] = (struct field){TEXT("Received"), received};
	memcpy(s->fields + 1, m->fields, m->field_count * sizeof(*m->fields));
	s->field_count = 1 + m->field_count;
	s->own_field = 0;
}

static void insert_field(struct session *s, size_t at, struct field field)
{
	if (at > s->field_count)
		at = s->field_count;
	memmove(s->fields + at + 1, s->fields + at,
		(s->field_count - at) * sizeof(*s->fields));
	s->fields[at] = field;
	s->field_count++;
	if (at <= s->own_field)
		s->own_field++;
}

/* Changes the index-th field of that name; an empty value removes it. */
static void change_field(struct session *s, const struct header_edit *edit)
{
	uint32_t nth = edit->index ? edit->index : 1;

	for (size_t i = 0; i < s->field_count; i++) {
		if (i == s->own_field ||
		    !slice_eq_nocase(s->fields[i].name, edit->name) ||
		    --nth > 0)
			continue;
		if (edit->value.n > 1) {
			s->fields[i].value = edit->value;
			return;
		}
		s->field_count--;
		memmove(s->fields + i, s->fields + i + 1,
			(s->field_count - i) * sizeof(*s->fields));
		if (i < s->own_field)
			s->own_field--;
		return;
	}
}

static void apply_edits(struct session *s, const struct filter *f)
{
	for (size_t i = 0; i < s->edits.count; i++) {
		const struct header_edit *edit = &s->edits.edit[i];
		struct field field = {edit->name, edit->value};

		if (edit->code == SMFIR_CHGHEADER) {
			change_field(s, edit);
			continue;
		}
		if (!filter_wants_space(f)) {
			field.value =
				arena_printf(s->arena, " %s", edit->value.p);
			field.value.n++;
		}
		insert_field(s,
			     edit->code == SMFIR_INSHEADER ? edit->index
							   : s->field_count,
			     field);
	}
}

/* What the edits say about the message, for the tally. */
static void note_edits(const struct session *s, struct outcome *o)
{
	for (size_t i = 0; i < s->edits.count; i++) {
		const struct header_edit *edit = &s->edits.edit[i];

		if (edit->value.n <= 1)
			continue;
		if (slice_eq_nocase(edit->name, TEXT("X-Spam")) &&
		    o->result == RESULT_ACCEPT)
			o->result = RESULT_TAG;
		if (slice_eq_nocase(edit->name, TEXT("Authentication-Results")))
			o->auth |= auth_words_in(edit->value);
	}
	if (s->edits.quarantine)
		o->result = RESULT_QUARANTINE;
}

static enum reply send_header(struct session *s, struct filter *f)
{
	const size_t eaten = filter_wants_space(f) ? 0 : 1;
	enum reply reply = REPLY_CONTINUE;

	for (size_t i = 0; i < s->field_count && reply == REPLY_CONTINUE; i++) {
		struct slice parts[2] = {s->fields[i].name, s->fields[i].value};

		if (i == s->own_field)
			continue;
		if (parts[1].p[0] == ' ')
			parts[1] = slice_sub(parts[1], eaten, parts[1].n);
		reply = filter_event(f, EVENT_HEADER, &s->macros, parts, 2,
				     NULL);
	}
	if (reply == REPLY_CONTINUE)
		reply = filter_event(f, EVENT_EOH, &s->macros, NULL, 0, NULL);
	return reply;
}

static enum reply send_content(struct session *s, struct filter *f,
			       const struct message *m, struct outcome *o)
{
	enum reply reply = send_header(s, f);
	int64_t start;

	for (size_t i = 0; i < m->body.n && reply == REPLY_CONTINUE;
	     i += BODY_CHUNK) {
		struct slice chunk = slice_sub(m->body, i, i + BODY_CHUNK);

		reply = filter_event(f, EVENT_BODY, &s->macros, &chunk, 1,
				     NULL);
	}
	if (reply != REPLY_CONTINUE)
		return reply;
	s->edits.count = 0;
	s->edits.quarantine = false;
	start = clock_mono_us();
	reply = filter_event(f, EVENT_EOM, &s->macros, NULL, 0, &s->edits);
	o->eom_us += clock_mono_us() - start;
	return reply;
}

static enum result result_of(enum reply reply)
{
	static const enum result results[] = {
		[REPLY_CONTINUE] = RESULT_ACCEPT,
		[REPLY_DISCARD] = RESULT_DISCARD,
		[REPLY_REJECT] = RESULT_REJECT,
		[REPLY_TEMPFAIL] = RESULT_TEMPFAIL,
		[REPLY_LOST] = RESULT_LOST,
	};

	return results[reply];
}

static void play_message(struct session *s, const struct message *m,
			 struct outcome *o)
{
	enum reply reply;

	for (size_t i = 0; i < s->filter_count; i++)
		filter_begin_message(&s->filters[i]);
	reply = send_envelope(s, m);
	if (reply == REPLY_CONTINUE)
		start_header(s, m);
	for (size_t i = 0; i < s->filter_count && reply == REPLY_CONTINUE;
	     i++) {
		reply = send_content(s, &s->filters[i], m, o);
		if (reply != REPLY_CONTINUE)
			break;
		note_edits(s, o);
		apply_edits(s, &s->filters[i]);
	}
	if (reply != REPLY_CONTINUE)
		o->result = result_of(reply);
	for (size_t i = 0; i < s->filter_count; i++)
		filter_abort(&s->filters[i]);
}

void session_visit(struct session *s, const struct visit *visit)
{
	int64_t start = clock_mono_us();
	enum reply reply = connect_all(s, visit);

	for (size_t i = 0; i < visit->count; i++) {
		struct outcome o = {.result = result_of(reply)};

		arena_reset(s->arena);
		if (i > 0)
			start = clock_mono_us();
		if (reply == REPLY_CONTINUE)
			play_message(s, &visit->messages[i], &o);
		o.whole_us = clock_mono_us() - start;
		s->done(s->context, &visit->messages[i], &o);
	}
	for (size_t i = 0; i < s->filter_count; i++) {
		/* Once more, for the HELO that ends. */
		filter_abort(&s->filters[i]);
		filter_quit(&s->filters[i]);
	}
}
