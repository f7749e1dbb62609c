/* What is written can be read, and nothing else. */
#include "common/verdict/feedback.h"
#include "common/mail/tags.h"

#include <stdio.h>

const char *feedback_said_word(enum feedback_said said)
{
	return said == FEEDBACK_HAM ? "ham" : "spam";
}

const char *feedback_how_word(enum feedback_how how)
{
	static const char *const words[FEEDBACK_HOWS] = {
		[FEEDBACK_RELEASE] = "release",
		[FEEDBACK_MOVE] = "move",
		[FEEDBACK_COPY] = "copy",
		[FEEDBACK_FLAG] = "flag",
	};

	return words[how];
}

bool feedback_is_id(struct slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!ascii_is_alnum(id.p[i]))
			return false;
	return id.n > 0 && id.n <= FEEDBACK_ID_MAX;
}

static bool are_ids(struct slice ids)
{
	struct slice id;
	size_t count = 0;

	while (slice_next(&ids, ',', &id))
		if (!feedback_is_id(id) || ++count > FEEDBACK_IDS_MAX)
			return false;
	return count > 0;
}

static bool is_user(struct slice user)
{
	for (size_t i = 0; i < user.n; i++)
		if (user.p[i] <= ' ' || user.p[i] >= 0x7f || user.p[i] == ';')
			return false;
	return user.n > 0 && user.n <= FEEDBACK_USER_MAX;
}

size_t feedback_write(const struct feedback *f, char text_r[FEEDBACK_MAX])
{
	int n;

	if (!are_ids(f->ids) || !is_user(f->user))
		return 0;
	n = snprintf(text_r, FEEDBACK_MAX,
		     "v=1; said=%s; how=%s; allow=%s; user=%.*s; id=%.*s",
		     feedback_said_word(f->said), feedback_how_word(f->how),
		     f->allow ? "yes" : "no", SLICE_FMT(f->user),
		     SLICE_FMT(f->ids));
	return n > 0 && n < FEEDBACK_MAX ? (size_t)n : 0;
}

static bool read_words(const struct tags *tags, struct feedback *f)
{
	const struct slice *said = tags_get(tags, "said");
	const struct slice *how = tags_get(tags, "how");
	const struct slice *allow = tags_get(tags, "allow");
	int s = 0, h = 0;

	if (!said || !how || !allow)
		return false;
	while (s < FEEDBACK_SAIDS &&
	       !slice_eq(*said, slice_cstr(feedback_said_word(s))))
		s++;
	while (h < FEEDBACK_HOWS &&
	       !slice_eq(*how, slice_cstr(feedback_how_word(h))))
		h++;
	f->said = (enum feedback_said)s;
	f->how = (enum feedback_how)h;
	f->allow = slice_eq(*allow, SLICE("yes"));
	return s < FEEDBACK_SAIDS && h < FEEDBACK_HOWS &&
	       (f->allow || slice_eq(*allow, SLICE("no")));
}

bool feedback_read(struct slice text, struct feedback *feedback_r)
{
	const struct slice *version, *ids, *user;
	struct tags tags;

	*feedback_r = (struct feedback){.said = FEEDBACK_HAM};
	if (text.n > FEEDBACK_MAX)
		return false;
	tags_parse(text, &tags);
	version = tags_get(&tags, "v");
	ids = tags_get(&tags, "id");
	user = tags_get(&tags, "user");
	if (tags.malformed || tags.repeated || tags.count != 6 || !version ||
	    !ids || !user || !slice_eq(*version, SLICE("1")) || !are_ids(*ids) ||
	    !is_user(*user) || !read_words(&tags, feedback_r))
		return false;
	feedback_r->ids = *ids;
	feedback_r->user = *user;
	return true;
}
