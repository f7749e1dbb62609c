/* Which script begins with the functions of time. */
#include "milter/store/redis_scripts.h"

struct source {
	const char *text;
	bool knows_time;
};

static const struct source sources[REDIS_SCRIPT_COUNT] = {
	[REDIS_SCRIPT_GREYLIST] = {redis_lua_greylist, true},
	[REDIS_SCRIPT_RATE] = {redis_lua_rate, true},
	[REDIS_SCRIPT_NOTE] = {redis_lua_note, false},
	[REDIS_SCRIPT_RELEASE] = {redis_lua_release, true},
};

void redis_scripts_init(struct redis_scripts *scripts, struct arena *arena)
{
	for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
		scripts->text[i] = arena_printf(
			arena, "%s%s",
			sources[i].knows_time ? redis_lua_time : "",
			sources[i].text);
		scripts->sha[i][0] = '\0';
	}
}
