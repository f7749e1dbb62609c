/* The SPF check (RFC 7208): a row for the table of checks. */
#ifndef GATEPOST_CHECKS_SPF_H
#define GATEPOST_CHECKS_SPF_H

#include "milter/engine/check.h"

extern const struct check check_spf;
extern const struct settings_group spf_settings;

#endif
