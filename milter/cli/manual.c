/*
 * gatepost.conf(5). The settings come from their rows, the symbols and
 * their points from the checks, the groups from the caps: nothing here is
 * written twice.
 */
#include "milter/cli/manual.h"

#include "common/conf/dump.h"
#include "milter/checks/table.h"
#include "milter/daemon/settings.h"
#include "milter/engine/engine.h"
#include "milter/engine/score.h"
#include "milter/net/dns.h"

static const char head[] =
	".\\\" Made by `make docs` from the rows of the settings.\n"
	".TH GATEPOST.CONF 5 \"\" \"Gatepost\" \"File formats\"\n"
	".SH NAME\n"
	"gatepost.conf \\- configuration of the Gatepost mail filter\n"
	".SH DESCRIPTION\n"
	"The smallest useful file is empty: every setting has a safe "
	"default.\n"
	"A setting is written\n.IR \"name = value\" ,\n"
	"a section\n.IR \"name { ... }\" ,\n"
	"a list\n.IR {a,\\~b} .\n"
	"Values that hold blanks or any of\n"
	".B # = { } ( ) , * \\(dq \\(aq\nor // are put in double quotes.\n"
	"Comments begin with # or // or stand between /* and */.\n"
	"Unknown names are errors.\n"
	"On the command line a setting is\n"
	".IR section . name = value .\n"
	".PP\nTry a file with\n.BR \"gatepost config check FILE\" ;\n"
	"see what is in force with\n.BR \"gatepost config show\" .\n"
	".SH SETTINGS\n";

static void write_symbols(FILE *out, const struct engine *engine)
{
	fputs(".SH SYMBOLS\n"
	      "What the checks can find, and the points each finding adds. "
	      "Change them in\n.BR \"score { NAME = points }\" .\n", out);
	for (unsigned i = 0; i < engine_check_count(engine); i++) {
		const struct symbol *lists[2];

		fprintf(out, ".SS \"%s: %s\"\n", engine_check(engine, i)->name,
			engine_check(engine, i)->doc);
		engine_symbols(engine, i, lists);
		for (int k = 0; k < 2; k++)
			for (; lists[k] && lists[k]->name; lists[k]++)
				fprintf(out, ".TP\n.B %s\n(%g) %s.\n",
					lists[k]->name, lists[k]->score,
					lists[k]->doc);
	}
}

static void write_caps(FILE *out)
{
	fputs(".SH GROUPS\n"
	      "Findings of one group add at most so many points. Change the "
	      "limit in\n.BR \"cap { NAME = points }\" .\n", out);
	for (const struct score_cap *cap = score_caps; cap->group; cap++)
		fprintf(out, ".TP\n.B %s\n(%g) %s.\n", cap->group, cap->points,
			cap->doc);
}

int manual_write(FILE *out, const struct conf *conf, struct err *err)
{
	struct dns *dns = dns_new(conf_group(conf, &dns_settings), err);
	struct engine *engine = NULL;

	if (dns)
		engine = engine_new(checks_table, conf, dns_resolver(dns), err);
	if (!engine) {
		if (dns)
			dns_free(&dns);
		return -1;
	}
	fputs(head, out);
	dump_manual(out, settings_all());
	write_symbols(out, engine);
	write_caps(out);
	fputs(".SH \"SEE ALSO\"\n.BR gatepost (1),\n"
	      ".BR gatepostd (8)\n", out);
	engine_free(&engine);
	dns_free(&dns);
	return 0;
}
