/*
 * Whole answers, and RDATA of every type at every place of them: what is
 * decoded must be as resolver.h describes.
 */
#include "milter/net/dns_message.h"
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

static void check(enum dns_type type, const struct dns_record *record,
		  size_t size)
{
	size_t n = record->data.n;

	if ((type == DNS_PTR || type == DNS_MX))
		check_host(record->data);
	if ((type == DNS_TXT && n >= size) || (type == DNS_A && n != 4) ||
	    (type == DNS_AAAA && n != 16))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT,
					      DNS_AAAA};
	struct slice bytes = {(const char *)data, size};
	struct arena *a = arena_new(0);
	struct dns_message message;
	struct dns_record record;
	char text[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t at = size > 0 ? data[0] % size : 0;

		if (dns_rdata_decode(a, types[i], bytes, 0, size, &record))
			check(types[i], &record, size);
		if (dns_rdata_decode(a, types[i], bytes, at, size - at,
				     &record))
			check(types[i], &record, size);
		if (!dns_message_decode(a, types[i], bytes, &message))
			continue;
		for (size_t j = 0; j < message.count; j++)
			check(types[i], &message.records[j], size);
	}
	dns_name_print(bytes, text);
	arena_free(&a);
	return 0;
}
