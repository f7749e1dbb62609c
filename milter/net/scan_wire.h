/*
 * How a worker and a scanner talk. There is one queue for all: a pair of
 * SOCK_SEQPACKET sockets that the master makes and keeps (ROLE_FD_SCANS:
 * workers hold the sending end, scanners the receiving one), so that what
 * waits in it outlives a scanner that dies. Whichever scanner process is
 * free takes the next request; nothing stands between.
 *
 * A request is one message of the queue: struct scan_request, with two file
 * descriptors (SCM_RIGHTS): a memfd with the message, sealed against
 * change, and one end of a SOCK_SEQPACKET pair for the reply. The scanner
 * says SCAN_SAYS_BEGUN when it takes the request; if that fails, the worker
 * no longer waits and the request is dropped. Then it says SCAN_SAYS_REPORT
 * followed by a packed report (scan_report.h), and closes. A reply socket
 * closed without a report: the scanner has died over it.
 */
#ifndef GATEPOST_NET_SCAN_WIRE_H
#define GATEPOST_NET_SCAN_WIRE_H

#include <stdint.h>

#define SCAN_REQUEST_VERSION 2

struct scan_request {
	uint32_t version;
	uint32_t reserved;
	uint64_t size;		/* of the message in the memfd */
	int64_t asked_us;	/* monotonic: since when it waits */
};

#define SCAN_SAYS_BEGUN 'b'
#define SCAN_SAYS_REPORT 'r'

#endif
