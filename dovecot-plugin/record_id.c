/* The milter puts its header on top of all others of that name. */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/record_id.h"

#include "common/mail/tags.h"
#include "common/verdict/feedback.h"
#include "common/verdict/seal.h"

const char *plugin_record_id(struct mail *mail)
{
	const struct slice *id;
	const char *value;
	struct tags tags;

	if (mail_get_first_header(mail, SEAL_HEADER, &value) <= 0)
		return NULL;
	tags_parse(slice_cstr(value), &tags);
	id = tags_get(&tags, "id");
	if (id == NULL || !feedback_is_id(*id))
		return NULL;
	return t_strndup(id->p, id->n);
}
