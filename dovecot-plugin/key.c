/* The key, kept between deliveries. */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/events.h"
#include "dovecot-plugin/key.h"

#include "common/verdict/seal.h"

#include <sys/stat.h>

/* One process delivers for one user after the other, and has one thread. */
static struct {
	struct seal_key *key;
	char *path;
	struct stat file;
	bool complained;
} kept;

static bool is_kept(const char *path, const struct stat *now)
{
	return kept.key != NULL && strcmp(kept.path, path) == 0 &&
	       kept.file.st_dev == now->st_dev &&
	       kept.file.st_ino == now->st_ino &&
	       kept.file.st_ctim.tv_sec == now->st_ctim.tv_sec &&
	       kept.file.st_ctim.tv_nsec == now->st_ctim.tv_nsec;
}

static void complain(struct event *event, const char *text)
{
	const char *advice = t_strconcat(
		text,
		"; mail is delivered as if Gatepost had not seen it. Set "
		"gatepost_key to the milter's verdict.key and let Dovecot's "
		"delivery read it (mail_access_groups in protocol lmtp)",
		NULL);

	if (kept.complained)
		plugin_error_quiet(event, "key", "delivered");
	else
		plugin_error(event, "key", "delivered", advice);
	kept.complained = true;
}

const struct seal_key *plugin_key_get(const char *path, struct event *event)
{
	struct stat now;
	struct err err;

	if (stat(path, &now) < 0)
		i_zero(&now);
	else if (is_kept(path, &now))
		return kept.key;
	plugin_key_free();
	kept.key = seal_key_load(path, &err);
	if (kept.key == NULL) {
		complain(event, err.text);
		return NULL;
	}
	kept.path = i_strdup(path);
	kept.file = now;
	kept.complained = false;
	return kept.key;
}

void plugin_key_free(void)
{
	seal_key_free(&kept.key);
	i_free_and_null(kept.path);
}
