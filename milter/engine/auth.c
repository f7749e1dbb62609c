/* The words of RFC 8601 2.7 and of DMARC policies. */
#include "milter/engine/auth.h"

const char *auth_result_word(enum auth_result result)
{
	static const char *const words[] = {
		[AUTH_NONE] = "none",	      [AUTH_NEUTRAL] = "neutral",
		[AUTH_PASS] = "pass",	      [AUTH_FAIL] = "fail",
		[AUTH_SOFTFAIL] = "softfail", [AUTH_POLICY] = "policy",
		[AUTH_TEMPERROR] = "temperror",
		[AUTH_PERMERROR] = "permerror",
	};

	return words[result];
}

const char *dmarc_policy_word(enum dmarc_policy policy)
{
	static const char *const words[] = {
		[DMARC_POLICY_NONE] = "none",
		[DMARC_POLICY_QUARANTINE] = "quarantine",
		[DMARC_POLICY_REJECT] = "reject",
	};

	return words[policy];
}
