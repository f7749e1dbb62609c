/* One table of names; lists are indexes into it. */
#include "tests/bench/macros.h"

static const struct slice names[MACRO_COUNT] = {
	[MACRO_J] = SLICE("j"),
	[MACRO_V] = SLICE("v"),
	[MACRO_DAEMON_NAME] = SLICE("{daemon_name}"),
	[MACRO_DAEMON_ADDR] = SLICE("{daemon_addr}"),
	[MACRO_DAEMON_PORT] = SLICE("{daemon_port}"),
	[MACRO_CLIENT] = SLICE("_"),
	[MACRO_CLIENT_ADDR] = SLICE("{client_addr}"),
	[MACRO_CLIENT_NAME] = SLICE("{client_name}"),
	[MACRO_CLIENT_PTR] = SLICE("{client_ptr}"),
	[MACRO_CLIENT_PORT] = SLICE("{client_port}"),
	[MACRO_I] = SLICE("i"),
	[MACRO_MAIL_ADDR] = SLICE("{mail_addr}"),
	[MACRO_MAIL_HOST] = SLICE("{mail_host}"),
	[MACRO_MAIL_MAILER] = SLICE("{mail_mailer}"),
	[MACRO_RCPT_ADDR] = SLICE("{rcpt_addr}"),
	[MACRO_RCPT_HOST] = SLICE("{rcpt_host}"),
	[MACRO_RCPT_MAILER] = SLICE("{rcpt_mailer}"),
};

/* postconf(5): milter_connect_macros and so on; without TLS and SASL. */
static const struct slice defaults[MACRO_STAGES] = {
	[SMFIM_CONNECT] = SLICE("j {daemon_name} {daemon_addr} v _"),
	[SMFIM_HELO] = SLICE(""),
	[SMFIM_ENVFROM] = SLICE("i {mail_addr} {mail_host} {mail_mailer}"),
	[SMFIM_ENVRCPT] = SLICE("i {rcpt_addr} {rcpt_host} {rcpt_mailer}"),
	[SMFIM_DATA] = SLICE("i"),
	[SMFIM_EOM] = SLICE("i"),
	[SMFIM_EOH] = SLICE("i"),
};

void macro_lists_default(struct macro_list lists_r[MACRO_STAGES])
{
	for (size_t i = 0; i < MACRO_STAGES; i++)
		macro_list_parse(defaults[i], &lists_r[i]);
}

static bool parts_names(char c)
{
	return c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '\r';
}

static void add(struct macro_list *list, struct slice name)
{
	for (size_t i = 0; i < MACRO_COUNT; i++)
		if (slice_eq(names[i], name) && list->count < MACRO_COUNT)
			list->macro[list->count++] = (unsigned char)i;
}

void macro_list_parse(struct slice text, struct macro_list *list_r)
{
	size_t from = 0;

	list_r->count = 0;
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && !parts_names(text.p[i]))
			continue;
		if (i > from)
			add(list_r, slice_sub(text, from, i));
		from = i + 1;
	}
}

size_t macro_parts(const struct macro_list *list, const struct macros *macros,
		   struct slice parts_r[MACRO_PARTS])
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++) {
		unsigned macro = list->macro[i];

		if (!macros->value[macro].p)
			continue;
		/* The table's names are literals: their NUL follows. */
		parts_r[n++] =
			(struct slice){names[macro].p, names[macro].n + 1};
		parts_r[n++] = macros->value[macro];
	}
	return n;
}
