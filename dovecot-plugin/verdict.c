/* Reading verdict headers. All of them may be an attacker's. */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/verdict.h"

/* The milter puts its own on top; nobody needs to look for it any deeper. */
#define HEADERS_MAX 32

static int read_binding(struct mail *mail, struct seal_fields *binding_r)
{
	const char *message_id, *from;

	if (mail_get_first_header(mail, "Message-ID", &message_id) < 0 ||
	    mail_get_first_header(mail, "From", &from) < 0)
		return -1;
	binding_r->message_id = slice_cstr(message_id);
	binding_r->from = slice_cstr(from);
	return 0;
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

int plugin_verdict_read(struct mail *mail, const struct seal_key *key,
			int64_t max_age, struct verdict_found *found_r)
{
	const char *const *values;
	struct seal_fields binding;
	int ret = mail_get_headers(mail, SEAL_HEADER, &values);

	*found_r = (struct verdict_found){.valid = false};
	if (ret <= 0)
		return ret;
	if (read_binding(mail, &binding) < 0)
		return -1;
	for (unsigned int i = 0; values[i] != NULL; i++) {
		if (i >= HEADERS_MAX || found_r->valid)
			found_r->forged++;
		else
			found_r->valid = judge(key, slice_cstr(values[i]),
					       &binding, max_age, found_r);
	}
	return 0;
}
