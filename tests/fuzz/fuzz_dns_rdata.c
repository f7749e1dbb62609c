/* RDATA of every type: what is decoded must be as resolver.h describes. */
#include "milter/net/dns_rdata.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(struct slice name)
{
	if (name.n > 0 && !slice_is_printable(name))
		abort();
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT,
					      DNS_AAAA};
	struct slice rdata = {(const char *)data, size};
	struct arena *a = arena_new(0);
	struct dns_record record;
	char text[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!dns_rdata_decode(a, types[i], rdata, &record))
			continue;
		if (types[i] == DNS_PTR || types[i] == DNS_MX)
			check_host(record.data);
		if (types[i] == DNS_TXT && record.data.n >= size)
			abort();
	}
	dns_name_print(rdata, text);
	arena_free(&a);
	return 0;
}
