/*
 * IP address text, networks and reverse names. IPv4 is read here, since SPF
 * reads it by the dozen; for IPv6, inet_pton() is strict enough. The bytes
 * are copied out of the slice first, so it never sees an unterminated text.
 */
#include "common/base/ip.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0,
					  0, 0, 0, 0, 0xff, 0xff};

bool ip_from_bytes(const void *bytes, size_t n, struct ip *ip_r)
{
	*ip_r = (struct ip){IP_NONE, {0}};
	if (n == 4) {
		ip_r->family = IP_V4;
		memcpy(ip_r->b, bytes, 4);
		return true;
	}
	if (n != 16)
		return false;
	if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return ip_from_bytes((const uint8_t *)bytes + 12, 4, ip_r);
	ip_r->family = IP_V6;
	memcpy(ip_r->b, bytes, 16);
	return true;
}

/* Four numbers up to 255 without leading zeros, with dots between. */
static bool read_quad(struct slice text, uint8_t raw[4])
{
	size_t i = 0;

	for (int part = 0; part < 4; part++) {
		size_t start = i;
		unsigned value = 0;

		for (; i < text.n && ascii_is_digit(text.p[i]); i++) {
			value = value * 10 + (unsigned)(text.p[i] - '0');
			if (value > 255 || (i > start && text.p[start] == '0'))
				return false;
		}
		if (i == start)
			return false;
		raw[part] = (uint8_t)value;
		if (part < 3 && (i == text.n || text.p[i++] != '.'))
			return false;
	}
	return i == text.n;
}

bool ip_parse(struct slice text, struct ip *ip_r)
{
	char copy[INET6_ADDRSTRLEN + 1];
	uint8_t raw[16];

	*ip_r = (struct ip){IP_NONE, {0}};
	if (read_quad(text, raw))
		return ip_from_bytes(raw, 4, ip_r);
	if (text.n == 0 || text.n >= sizeof(copy) ||
	    slice_find(text, 0, '\0') < text.n)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET6, copy, raw) == 1)
		return ip_from_bytes(raw, 16, ip_r);
	return false;
}

bool ip_net_parse(struct slice text, struct ip_net *net_r)
{
	size_t slash = slice_find(text, 0, '/');
	uint64_t bits, most;

	if (!ip_parse(slice_sub(text, 0, slash), &net_r->base))
		return false;
	most = net_r->base.family == IP_V4 ? 32 : 128;
	bits = most;
	if (slash < text.n &&
	    !slice_to_u64(slice_sub(text, slash + 1, text.n), &bits))
		return false;
	/* ::ffff:10.0.0.0/104 was stored as IPv4. */
	if (most == 32 && bits >= 96 && slice_find(text, 0, ':') < text.n)
		bits -= 96;
	net_r->bits = (int)bits;
	return bits <= most;
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
	return ip_in(a, b, a->family == IP_V4 ? 32 : 128);
}

bool ip_in(const struct ip *ip, const struct ip *base, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	if (ip->family != base->family || ip->family == IP_NONE)
		return false;
	if (memcmp(ip->b, base->b, (size_t)whole) != 0)
		return false;
	return rest == 0 ||
	       ((ip->b[whole] ^ base->b[whole]) >> (8 - rest)) == 0;
}

struct slice ip_text(struct arena *a, const struct ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (ip->family == IP_NONE ||
	    !inet_ntop(ip->family == IP_V4 ? AF_INET : AF_INET6, ip->b, text,
		       sizeof(text)))
		return SLICE_NONE;
	return arena_dup(a, slice_cstr(text));
}

bool ip_is_private(const struct ip *ip)
{
	static const struct ip_net nets[] = {
		{{IP_V4, {0}}, 8},
		{{IP_V4, {10}}, 8},
		{{IP_V4, {100, 64}}, 10},
		{{IP_V4, {127}}, 8},
		{{IP_V4, {169, 254}}, 16},
		{{IP_V4, {172, 16}}, 12},
		{{IP_V4, {192, 168}}, 16},
		{{IP_V4, {224}}, 3},
		{{IP_V6, {0}}, 127}, /* :: and ::1 */
		{{IP_V6, {0xfc}}, 7},
		{{IP_V6, {0xfe, 0x80}}, 10},
		{{IP_V6, {0xff}}, 8},
	};

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (ip_in(ip, &nets[i].base, nets[i].bits))
			return true;
	return ip->family == IP_NONE;
}

struct slice ip_reverse_name(struct arena *a, const struct ip *ip,
			     struct slice zone)
{
	static const char hex[] = "0123456789abcdef";
	char name[65];
	size_t n = 0;

	if (ip->family == IP_V4)
		return arena_printf(a, "%d.%d.%d.%d.%.*s", ip->b[3], ip->b[2],
				    ip->b[1], ip->b[0], SLICE_FMT(zone));
	for (int i = 15; i >= 0; i--) {
		name[n++] = hex[ip->b[i] & 15];
		name[n++] = '.';
		name[n++] = hex[ip->b[i] >> 4];
		name[n++] = '.';
	}
	name[n] = '\0';
	return arena_printf(a, "%s%.*s", name, SLICE_FMT(zone));
}
