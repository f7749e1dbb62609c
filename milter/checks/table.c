/* The table of all checks, in the order in which reports show them. */
#include "milter/checks/table.h"
#include "milter/checks/antivirus.h"
#include "milter/checks/attachments.h"
#include "milter/checks/dkim.h"
#include "milter/checks/dmarc.h"
#include "milter/checks/greylist.h"
#include "milter/checks/headers.h"
#include "milter/checks/host.h"
#include "milter/checks/ratelimit.h"
#include "milter/checks/rbl.h"
#include "milter/checks/spf.h"

const struct check *const checks_table[] = {
	&check_host,
	&check_headers,
	&check_spf,
	&check_dkim,
	&check_dmarc,
	&check_rbl,
	&check_antivirus,
	&check_attachments,
	&check_greylist,
	&check_ratelimit,
	NULL,
};
