/* The milter puts its header on top of all others of that name. */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/record_id.h"

#include "common/mail/tags.h"
#include "common/verdict/feedback.h"
#include "common/verdict/seal.h"

static const char *value_of(const struct tags *tags, const char *name)
{
	const struct slice *value = tags_get(tags, name);

	return value == NULL ? "" : t_strndup(value->p, value->n);
}

int plugin_record_read(struct mail *mail, struct record_said *said_r)
{
	const char *value;
	struct tags tags;
	int ret = mail_get_first_header(mail, SEAL_HEADER, &value);

	*said_r = (struct record_said){"", "", ""};
	if (ret <= 0)
		return ret;
	tags_parse(slice_cstr(value), &tags);
	said_r->class = value_of(&tags, "class");
	said_r->score = value_of(&tags, "score");
	value = value_of(&tags, "id");
	if (feedback_is_id(slice_cstr(value)))
		said_r->id = value;
	return 0;
}

const char *plugin_record_id(struct mail *mail)
{
	struct record_said said;

	if (plugin_record_read(mail, &said) < 0 || *said.id == '\0')
		return NULL;
	return said.id;
}
