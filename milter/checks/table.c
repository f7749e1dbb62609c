/* The table of all checks, in the order in which reports show them. */
#include "milter/checks/table.h"

const struct check *const checks_table[] = {
	NULL,
};
