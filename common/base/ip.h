/*
 * IP addresses and networks. An IPv4-mapped IPv6 address is always stored
 * as IPv4 (RFC 7208 5: "::ffff:a.b.c.d" is judged as a.b.c.d).
 */
#ifndef GATEPOST_BASE_IP_H
#define GATEPOST_BASE_IP_H

#include "common/base/arena.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip {
	enum ip_family family;
	uint8_t b[16];	/* network order; 4 used for IPv4 */
};

struct ip_net {
	struct ip base;
	int bits;
};

/* Strict forms only: dotted quad without leading zeros, RFC 4291 text. */
bool ip_parse(struct slice text, struct ip *ip_r);
/* ADDR or ADDR/BITS. */
bool ip_net_parse(struct slice text, struct ip_net *net_r);
/* From raw network-order bytes: 4 or 16 of them. */
bool ip_from_bytes(const void *bytes, size_t n, struct ip *ip_r);
bool ip_eq(const struct ip *a, const struct ip *b);
/* Whether the first `bits` bits agree and the family is the same. */
bool ip_in(const struct ip *ip, const struct ip *base, int bits);
/* Shortest usual text (RFC 5952 for IPv6). */
struct slice ip_text(struct arena *a, const struct ip *ip);
/* Loopback, RFC 1918, link-local, unique-local, unspecified, reserved. */
bool ip_is_private(const struct ip *ip);
/*
 * The name a DNSxL or reverse zone is asked for: reversed octets or
 * nibbles (RFC 5782 2.1, 2.4), a dot, and `zone`.
 */
struct slice ip_reverse_name(struct arena *a, const struct ip *ip,
			     struct slice zone);

#endif
