/*
 * The Lua scripts that Redis runs for us, one for each operation of more
 * than one step. They stand in milter/store/lua/ and are built in.
 */
#ifndef GATEPOST_STORE_REDIS_SCRIPTS_H
#define GATEPOST_STORE_REDIS_SCRIPTS_H

#include "common/base/arena.h"

/* Made from the files of the same names. */
extern const char redis_lua_time[];
extern const char redis_lua_since[];
extern const char redis_lua_greylist[];
extern const char redis_lua_rate[];
extern const char redis_lua_note[];
extern const char redis_lua_release[];

enum redis_script {
	REDIS_SCRIPT_GREYLIST,
	REDIS_SCRIPT_RATE,
	REDIS_SCRIPT_NOTE,
	REDIS_SCRIPT_RELEASE,
	REDIS_SCRIPT_COUNT,
};

#define REDIS_SHA 40

struct redis_scripts {
	struct slice text[REDIS_SCRIPT_COUNT];
	/* What Redis calls each once loaded; empty before. */
	char sha[REDIS_SCRIPT_COUNT][REDIS_SHA + 1];
};

void redis_scripts_init(struct redis_scripts *scripts, struct arena *arena);

#endif
