/*
 * DMARC as a check: the authors of a message, each judged by
 * dmarc_evaluate(), and one result for all of them.
 */
#ifndef GATEPOST_CHECKS_DMARC_H
#define GATEPOST_CHECKS_DMARC_H

#include "milter/engine/check.h"

struct dmarc_conf {
	struct choice discovery; /* enum dmarc_rfc */
	bool enforce;
	struct choice action; /* enum class_action */
	bool keep;
	struct duration timeout;
	struct text public_suffix_list;
};

extern const struct settings_group dmarc_settings;
extern const struct check check_dmarc;

#endif
