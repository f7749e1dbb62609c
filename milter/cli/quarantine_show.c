/*
 * gatepost quarantine show and export. What is shown of the message is its
 * header section, line by line and harmless; the body never is.
 */
#include "milter/cli/quarantine.h"

#include "common/base/utf8.h"
#include "common/verdict/json_writer.h"
#include "common/verdict/wire.h"
#include "milter/cli/explain.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/since.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MAX (256 * 1024)
#define LINE_MAX_SHOWN 2000
#define RCPTS_SHOWN 20
#define CHUNK (256 * 1024)

/* A message that is shown, and what was read of it. */
struct view {
	const struct quarantine *q;
	struct vault_message m;
	struct slice header; /* begin of the message */
	struct record record;
	bool has_record;
};

static int open_one(const struct quarantine *q, struct vault_message *m)
{
	struct err err = {""};
	struct slice id;
	int rc = quarantine_name(q, q->ids[0], &id);

	*m = (struct vault_message){.fd = -1};
	if (rc != 0)
		return rc;
	switch (vault_message_open(q->vault, q->arena, id, m, &err)) {
	case VAULT_FOUND:
		return 0;
	case VAULT_ABSENT:
		return verb_failed(&verb_quarantine, EXIT_INVALID,
				   "there is no message '%s' in the vault",
				   q->ids[0]);
	case VAULT_BUSY:
	case VAULT_DAMAGED:
	case VAULT_FAILED:
		break;
	}
	return quarantine_failed(&err);
}

bool quarantine_record(const struct quarantine *q,
		       const struct vault_message *m, struct record *record_r)
{
	const struct vault_file *file = &m->file;
	struct slice packed;
	struct err err;

	return file->record_size > 0 &&
	       file->record_size <= RECORD_PACKED_MAX &&
	       vault_message_read(m, q->arena, file->record_at,
				  file->record_size, &packed, &err) == 0 &&
	       record_unpack(q->arena, packed, record_r);
}

static int read_view(struct view *v)
{
	const struct vault_file *file = &v->m.file;
	struct arena *a = v->q->arena;
	uint64_t n = file->entry.size;
	struct err err = {""};

	if (vault_message_read(&v->m, a, file->message_at,
			       n < HEADER_MAX ? n : HEADER_MAX, &v->header,
			       &err) < 0)
		return quarantine_failed(&err);
	v->has_record = quarantine_record(v->q, &v->m, &v->record);
	return 0;
}

/* The next line of the header section; false at its end. */
static bool next_line(struct slice *rest, struct slice *line_r)
{
	if (rest->n == 0 || !slice_next(rest, '\n', line_r))
		return false;
	if (line_r->n > 0 && line_r->p[line_r->n - 1] == '\r')
		line_r->n--;
	return line_r->n > 0;
}

static void put_header(const struct view *v)
{
	struct slice rest = v->header, line;
	struct arena *a = v->q->arena;

	puts("\nThe header section");
	while (next_line(&rest, &line)) {
		struct slice part = utf8_cut(line, LINE_MAX_SHOWN);
		struct buf out = BUF(a);

		/* A tab is harmless, and folded lines begin with one. */
		if (part.n > 0 && part.p[0] == '\t') {
			buf_add_text(&out, "        ");
			part = slice_sub(part, 1, part.n);
		}
		utf8_add_shown(&out, part);
		printf("  %.*s%s\n", SLICE_FMT(buf_slice(&out)),
		       line.n > LINE_MAX_SHOWN ? "…" : "");
	}
}

static struct slice rcpts_of(const struct view *v)
{
	const struct vault_entry *e = &v->m.file.entry;
	struct buf out = BUF(v->q->arena);

	for (size_t i = 0; i < e->rcpt_count && i < RCPTS_SHOWN; i++) {
		if (i > 0)
			buf_add_text(&out, ", ");
		buf_add(&out, e->rcpts[i]);
	}
	if (e->rcpt_count > RCPTS_SHOWN)
		buf_printf(&out, " and %zu more", e->rcpt_count - RCPTS_SHOWN);
	return buf_slice(&out);
}

static struct slice digest_text(struct arena *a,
				const unsigned char digest[VAULT_DIGEST])
{
	struct buf out = BUF(a);

	for (size_t i = 0; i < VAULT_DIGEST; i++)
		buf_printf(&out, "%02x", digest[i]);
	return buf_slice(&out);
}

static const char *state_text(const struct view *v)
{
	if (v->m.state == VAULT_RELEASED)
		return "released: it was sent to its recipients";
	return v->m.file.entry.rejected
		       ? "a copy: the sender was told that it was refused"
		       : "held: nobody has got it, and nobody was told";
}

static void put_text(const struct view *v)
{
	const struct vault_entry *entry = &v->m.file.entry;
	struct explain e = {stdout, v->q->arena};
	struct err err = {""};

	printf("In the vault: %s\n", vault_class_word(entry->class));
	explain_line(&e, "Id", entry->id);
	explain_line(&e, "State", slice_cstr(state_text(v)));
	explain_line(&e, "Reason", entry->reason);
	explain_line(&e, "Stored", since_text_zone(e.arena, entry->stored_ms));
	explain_line(&e, "Sender",
		     entry->sender.n > 0 ? entry->sender
					 : SLICE("<> (a bounce)"));
	explain_line(&e, entry->rcpt_count == 1 ? "Recipient" : "Recipients",
		     rcpts_of(v));
	explain_line(&e, "Size", explain_size(e.arena, entry->size));
	explain_line(&e, "SHA-256", digest_text(e.arena, v->m.file.digest));
	if (vault_message_verify(&v->m, &err))
		explain_line(&e, "Whole", SLICE("yes, byte for byte"));
	else
		explain_line(&e, "Whole", slice_cstr(err.text));
	fputs("\nThe verdict\n\n", stdout);
	if (v->has_record)
		explain_record(stdout, &v->record);
	else
		puts("There is none with it.");
	put_header(v);
}

static void put_json(const struct view *v)
{
	const struct vault_entry *entry = &v->m.file.entry;
	struct slice rest = v->header, line;
	struct buf out = BUF(v->q->arena);
	struct json_writer w = {.out = &out};
	struct err err;

	json_open_object(&w, NULL);
	json_add_text(&w, "id", entry->id);
	json_add_text(&w, "class", slice_cstr(vault_class_word(entry->class)));
	json_add_text(&w, "reason", entry->reason);
	json_add_text(&w, "state", slice_cstr(vault_state_word(v->m.state)));
	json_add_bool(&w, "rejected", entry->rejected);
	json_add_number(&w, "stored_ms", (uint64_t)entry->stored_ms);
	json_add_text(&w, "sender", entry->sender);
	json_open_list(&w, "recipients");
	for (size_t i = 0; i < entry->rcpt_count; i++)
		json_add_text(&w, NULL, entry->rcpts[i]);
	json_close_list(&w);
	json_add_number(&w, "size", entry->size);
	json_add_text(&w, "sha256", digest_text(v->q->arena, v->m.file.digest));
	json_add_bool(&w, "whole", vault_message_verify(&v->m, &err));
	json_open_list(&w, "header");
	while (next_line(&rest, &line))
		json_add_text(&w, NULL, line);
	json_close_list(&w);
	if (v->has_record) {
		buf_add_text(&out, ",\"record\":");
		buf_add(&out, record_json(v->q->arena, &v->record, 0));
	} else {
		json_add_null(&w, "record");
	}
	json_close_object(&w);
	buf_add_char(&out, '\n');
	fwrite(out.p, 1, out.n, stdout);
}

int quarantine_show(const struct quarantine *q)
{
	struct view v = {.q = q};
	int rc = open_one(q, &v.m);

	if (rc == 0)
		rc = read_view(&v);
	if (rc == 0 && q->json)
		put_json(&v);
	else if (rc == 0)
		put_text(&v);
	vault_message_close(&v.m);
	return rc;
}

static int copy(const struct vault_message *m, int to, struct err *err)
{
	uint64_t left = m->file.entry.size;
	int64_t at = m->file.message_at;

	while (left > 0) {
		struct arena *arena = arena_new(0);
		struct slice bytes;
		ssize_t n;
		int rc = vault_message_read(
			m, arena, at, left < CHUNK ? left : CHUNK, &bytes, err);

		n = rc < 0 ? -1 : write(to, bytes.p, bytes.n);
		arena_free(&arena);
		if (rc < 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, "cannot write it: %s",
				       n < 0 ? strerror(errno) : "it ended");
		left -= (uint64_t)n;
		at += n;
	}
	return 0;
}

int quarantine_export(const struct quarantine *q)
{
	int to = q->output_fd >= 0 ? q->output_fd : STDOUT_FILENO;
	struct vault_message m;
	struct err err = {""};
	int rc;

	if (isatty(to))
		return verb_failed(&verb_quarantine, EXIT_USAGE,
				   "a message that was held is not written to "
				   "a terminal: name a file with --output, or "
				   "pipe it on");
	rc = open_one(q, &m);
	if (rc == 0 &&
	    (!vault_message_verify(&m, &err) || copy(&m, to, &err) < 0))
		rc = quarantine_failed(&err);
	vault_message_close(&m);
	return rc;
}
