/* Answers: one block of memory each, counted. */
#include "milter/net/resolver.h"

#include <stdlib.h>
#include <string.h>

struct dns_answer *dns_answer_ref(const struct dns_answer *answer)
{
	struct dns_answer *counted = (struct dns_answer *)answer;

	atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
	return counted;
}

void dns_answer_unref(const struct dns_answer *answer)
{
	struct dns_answer *counted = (struct dns_answer *)answer;

	if (counted && atomic_fetch_sub_explicit(&counted->refs, 1,
						 memory_order_acq_rel) == 1)
		free(counted);
}

struct dns_answer *dns_answer_new(enum dns_status status, bool secure,
				  uint32_t ttl, const char *why,
				  const struct dns_record *records,
				  size_t count)
{
	size_t size = sizeof(struct dns_answer) + count * sizeof(*records);
	struct dns_answer *answer;
	struct dns_record *copy;
	char *bytes;

	for (size_t i = 0; i < count; i++)
		size += records[i].data.n;
	answer = malloc(size);
	if (!answer)
		return NULL;
	copy = (struct dns_record *)(answer + 1);
	bytes = (char *)(copy + count);
	*answer = (struct dns_answer){.status = status,
				      .secure = secure,
				      .ttl = ttl,
				      .why = why,
				      .count = count,
				      .records = copy};
	atomic_init(&answer->refs, 1);
	for (size_t i = 0; i < count; i++) {
		copy[i] = records[i];
		copy[i].data.p = bytes;
		if (records[i].data.n > 0)
			memcpy(bytes, records[i].data.p, records[i].data.n);
		bytes += records[i].data.n;
	}
	return answer;
}

const struct dns_answer *dns_answer_timeout(void)
{
	/* The reference held here is never dropped. */
	static struct dns_answer timeout = {.refs = 1,
					    .status = DNS_TEMPFAIL,
					    .why = "no answer in time"};

	return dns_answer_ref(&timeout);
}

const char *dns_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_PTR:
		return "PTR";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	}
	return "?";
}
