/* The check "antivirus": what the virus scanner says of the message. */
#ifndef GATEPOST_CHECKS_ANTIVIRUS_H
#define GATEPOST_CHECKS_ANTIVIRUS_H

#include "milter/engine/check.h"

extern const struct check check_antivirus;

#endif
