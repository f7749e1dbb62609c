/* Opening the store as the user who owns it. */
#include "milter/cli/open_store.h"

#include "milter/cli/owner.h"
#include "milter/daemon/settings.h"
#include "milter/store/store_url.h"

struct store *open_store(struct arena *arena, const struct conf *conf,
			 struct err *err)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	const struct store_conf *setting = conf_group(conf, &store_settings);
	const struct store_options options = {.conf = conf,
					      .state_dir =
						      daemon->state_dir.s.p,
					      .quiet = true};
	struct store_url url;

	if (store_url_parse(arena, setting->store.s, daemon->state_dir.s.p,
			    &url, err) < 0)
		return NULL;
	if (url.kind == STORE_KIND_SQLITE &&
	    owner_become(conf, url.path, err) < 0)
		return NULL;
	return store_new(&options, err);
}
