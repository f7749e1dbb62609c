/* The DNS server of the unit tests. */
#include "tests/support/dnsd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD_MAX 4096
#define PACKET_MAX 512
#define HEADER 12
#define TYPE_A 1
#define TYPE_TXT 16

struct packet {
	struct sockaddr_in from;
	size_t n;
	unsigned char bytes[PACKET_MAX];
};

struct dnsd {
	int fd;
	char address[32];
	pthread_t thread;
	atomic_uint asked;
	atomic_bool hold, stop;
	struct packet *held;
	size_t held_count;
};

static void put(struct packet *p, const void *bytes, size_t n)
{
	if (n > PACKET_MAX - p->n)
		abort();
	memcpy(p->bytes + p->n, bytes, n);
	p->n += n;
}

/* Name (the question's), type, class IN, TTL, data. */
static void put_record(struct packet *p, unsigned type, unsigned ttl,
		       const void *data, size_t n)
{
	unsigned char head[12] = {0xc0,
				  HEADER,
				  0,
				  (unsigned char)type,
				  0,
				  1,
				  0,
				  0,
				  (unsigned char)(ttl >> 8),
				  (unsigned char)ttl,
				  0,
				  (unsigned char)n};

	put(p, head, sizeof(head));
	put(p, data, n);
}

static void put_soa(struct packet *p)
{
	static const unsigned char data[22] = {[21] = 60};

	put_record(p, 6, 60, data, sizeof(data));
	p->bytes[9] = 1;
}

static void put_answer(struct packet *p, unsigned type, unsigned ttl, bool bad)
{
	static const unsigned char address[] = {192, 0, 2, 1};

	p->bytes[7] = 1;
	if (type == TYPE_TXT)
		put_record(p, type, ttl, "\5hello", 6);
	else
		put_record(p, type, ttl, address, bad ? 3 : 4);
}

static bool starts(const struct packet *p, const char *label)
{
	return strncasecmp((const char *)p->bytes + HEADER + 1, label,
			   strlen(label)) == 0;
}

/* Length of the question section, 0 if it is none. */
static size_t question_length(const struct packet *p)
{
	size_t at = HEADER;

	while (at < p->n && p->bytes[at] != 0)
		at += p->bytes[at] + 1u;
	return at + 5 <= p->n ? at + 5 - HEADER : 0;
}

static void answer(struct dnsd *d, struct packet *p)
{
	size_t question = question_length(p);
	unsigned type, rcode = 0;

	if (!question || starts(p, "silent"))
		return;
	type = p->bytes[HEADER + question - 3];
	/* An answer, recursion available, nothing but the question. */
	p->bytes[2] |= 0x80;
	p->bytes[3] = 0x80;
	memset(p->bytes + 6, 0, 6);
	p->n = HEADER + question;
	if (starts(p, "fail"))
		rcode = 2;
	else if (starts(p, "nx"))
		rcode = 3;
	p->bytes[3] |= rcode;
	if (starts(p, "ttl"))
		put_answer(p, type, (unsigned)atoi((char *)p->bytes + 16),
			   false);
	else if (rcode == 3 || starts(p, "nodata") ||
		 (type != TYPE_A && type != TYPE_TXT))
		put_soa(p);
	else if (rcode == 0)
		put_answer(p, type, 300, starts(p, "bad"));
	sendto(d->fd, p->bytes, p->n, 0, (struct sockaddr *)&p->from,
	       sizeof(p->from));
}

static void *serve(void *argument)
{
	struct dnsd *d = argument;
	struct pollfd poller = {.fd = d->fd, .events = POLLIN};
	struct packet p;

	while (!d->stop) {
		socklen_t size = sizeof(p.from);
		ssize_t n;

		for (size_t i = 0; !d->hold && i < d->held_count; i++)
			answer(d, &d->held[i]);
		if (!d->hold)
			d->held_count = 0;
		if (poll(&poller, 1, 5) <= 0)
			continue;
		n = recvfrom(d->fd, p.bytes, sizeof(p.bytes), 0,
			     (struct sockaddr *)&p.from, &size);
		if (n <= HEADER)
			continue;
		p.n = (size_t)n;
		d->asked++;
		if (!d->hold)
			answer(d, &p);
		else if (d->held_count < HELD_MAX)
			d->held[d->held_count++] = p;
	}
	return NULL;
}

struct dnsd *dnsd_new(void)
{
	struct dnsd *d = calloc(1, sizeof(*d));
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(name);
	int room = 4 << 20;

	d->held = calloc(HELD_MAX, sizeof(*d->held));
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(d->fd, (struct sockaddr *)&name, sizeof(name)) ||
	    getsockname(d->fd, (struct sockaddr *)&name, &size) ||
	    pthread_create(&d->thread, NULL, serve, d)) {
		perror("dnsd");
		abort();
	}
	snprintf(d->address, sizeof(d->address), "127.0.0.1@%u",
		 ntohs(name.sin_port));
	return d;
}

void dnsd_free(struct dnsd **dnsd)
{
	(*dnsd)->stop = true;
	pthread_join((*dnsd)->thread, NULL);
	close((*dnsd)->fd);
	free((*dnsd)->held);
	free(*dnsd);
	*dnsd = NULL;
}

struct slice dnsd_address(const struct dnsd *dnsd)
{
	return slice_cstr(dnsd->address);
}

unsigned dnsd_asked(const struct dnsd *dnsd)
{
	return dnsd->asked;
}

void dnsd_hold(struct dnsd *dnsd, bool hold)
{
	dnsd->hold = hold;
}
