/* What each script is made of. */
#include "milter/store/redis_scripts.h"

#define PARTS_MAX 3

static const char *const sources[REDIS_SCRIPT_COUNT][PARTS_MAX] = {
	[REDIS_SCRIPT_GREYLIST] = {redis_lua_time, redis_lua_greylist, ""},
	[REDIS_SCRIPT_RATE] = {redis_lua_time, redis_lua_since, redis_lua_rate},
	[REDIS_SCRIPT_NOTE] = {redis_lua_note, "", ""},
	[REDIS_SCRIPT_RELEASE] = {redis_lua_time, redis_lua_since,
				  redis_lua_release},
};

void redis_scripts_init(struct redis_scripts *scripts, struct arena *arena)
{
	for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
		const char *const *part = sources[i];

		scripts->text[i] = arena_printf(arena, "%s%s%s", part[0],
						part[1], part[2]);
		scripts->sha[i][0] = '\0';
	}
}
