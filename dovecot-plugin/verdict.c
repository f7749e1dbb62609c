/*
 * Reading verdict headers. All of them may be an attacker's. The header is
 * gone through once, by Dovecot's parser: to ask Dovecot for one field after
 * the other costs three times as much, as it looks into its caches first and
 * makes an index of all fields.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/key.h"
#include "dovecot-plugin/settings.h"
#include "dovecot-plugin/verdict.h"

/* The milter puts its own on top; nobody needs to look for it any deeper. */
#define HEADERS_MAX 32

/* Copies on the data stack; what is not there is empty. */
struct header {
	struct slice verdicts[HEADERS_MAX];
	unsigned int count; /* also of those beyond HEADERS_MAX */
	struct seal_fields binding;
	bool has_message_id, has_from;
};

static bool is_named(const struct message_header_line *line, const char *name)
{
	return slice_eq_nocase((struct slice){line->name, line->name_len},
			       slice_cstr(name));
}

static struct slice value_of(const struct message_header_line *line)
{
	return (struct slice){t_strndup(line->full_value, line->full_value_len),
			      line->full_value_len};
}

/* The first of each name counts, as where the seal was made. */
static void take(struct header *header, struct message_header_line *line)
{
	bool is_verdict = is_named(line, SEAL_HEADER);
	bool is_message_id =
		!header->has_message_id && is_named(line, "Message-ID");
	bool is_from = !header->has_from && is_named(line, "From");

	if (!is_verdict && !is_message_id && !is_from)
		return;
	if (line->continues) {
		/* It comes again, whole. */
		line->use_full_value = TRUE;
	} else if (is_message_id) {
		header->has_message_id = true;
		header->binding.message_id = value_of(line);
	} else if (is_from) {
		header->has_from = true;
		header->binding.from = value_of(line);
	} else if (header->count++ < HEADERS_MAX) {
		header->verdicts[header->count - 1] = value_of(line);
	}
}

static int read_header(struct mail *mail, struct header *header_r)
{
	struct message_header_parser_ctx *parser;
	struct message_header_line *line;
	struct istream *input;
	int ret;

	i_zero(header_r);
	if (mail_get_hdr_stream(mail, NULL, &input) < 0)
		return -1;
	parser = message_parse_header_init(
		input, NULL, MESSAGE_HEADER_PARSER_FLAG_SKIP_INITIAL_LWSP);
	while ((ret = message_parse_header_next(parser, &line)) > 0) {
		if (!line->eoh)
			take(header_r, line);
	}
	message_parse_header_deinit(&parser);
	return ret < 0 && input->stream_errno == 0 ? 0 : -1;
}

/* True if the header counts; else it is counted as what it is. */
static bool judge(const struct seal_key *key, struct slice value,
		  const struct seal_fields *binding, int64_t max_age,
		  struct verdict_found *found)
{
	struct seal_fields fields;

	if (!seal_read(key, value, binding->message_id, binding->from,
		       &fields)) {
		found->forged++;
		return false;
	}
	if (!seal_is_recent(&fields, ioloop_time, max_age)) {
		found->expired++;
		return false;
	}
	if (!policy_read(&fields, &found->verdict))
		return false;
	found->id = t_strndup(fields.id.p, fields.id.n);
	return true;
}

int plugin_verdict_read(struct mail *mail,
			const struct plugin_settings *settings,
			struct event *event, struct verdict_found *found_r)
{
	const struct seal_key *key;
	struct header header;

	*found_r = (struct verdict_found){.valid = false};
	if (read_header(mail, &header) < 0)
		return -1;
	if (header.count == 0)
		return 0;
	key = plugin_key_get(settings->key, event);
	for (unsigned int i = 0; key != NULL && i < header.count; i++) {
		if (i >= HEADERS_MAX || found_r->valid)
			found_r->forged++;
		else
			found_r->valid = judge(key, header.verdicts[i],
					       &header.binding,
					       settings->max_age, found_r);
	}
	return 0;
}
