/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segmentation without the kernel: what the TUN device hands over as one
 * super-packet is cut into packets that fit a record each, and opened records
 * of one flow are joined to a super-packet again. No payload is copied, and no
 * checksum over payload is computed. Pure; one thread at a time.
 *
 *   cutting                            joining
 *   1. gso_cut_start(&c, hdr, p, n)    1. at = gso_join_place(&j, max)
 *   2. while (gso_cut_next(&c, ...))   2. open the record to `at`
 *         seal, before the next one    3. gso_join_add / gso_join_cancel
 *                                      4. gso_join_finish: write it out
 */
#ifndef ADIT_DATA_GSO_H
#define ADIT_DATA_GSO_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/attr.h"

enum {
	GSO_PACKET_MAX = 65535,
	GSO_HEADERS_MAX = 128, /* IP and TCP with options */
	GSO_VNET_LEN = 10,     /* sizeof(struct virtio_net_hdr) */
	GSO_JOIN_MAX = 65535,  /* bytes of a super-packet we make */
	GSO_JOIN_SLACK = 2048, /* room behind it */
};

/* Where things are in an inner packet that was looked at and found whole. */
struct gso_packet {
	uint8_t version;  /* 4 or 6 */
	uint8_t protocol; /* behind the IP header; IPv6: its next header */
	bool plain; /* TCP or UDP with a whole header, directly behind the IP
		     * header, and no fragment: the only place for CSUM */
	uint16_t transport; /* offset of what follows the IP header */
	uint16_t headers;   /* length up to the payload; 0 if not plain */
};

/* True if `len` bytes are one whole IPv4 or IPv6 packet, by its own word. */
bool gso_packet_parse(const uint8_t *p, size_t len,
		      struct gso_packet *ret_packet);

struct gso_cut {
	/* The packet that is cut. Its bytes are the caller's. */
	uint8_t *packet;
	size_t len;
	size_t done;	/* bytes of payload already handed out */
	size_t segment; /* bytes of payload in each, the last excepted */
	uint16_t headers;
	uint16_t transport;
	uint16_t count; /* segments handed out */
	uint8_t protocol;
	bool csum; /* its segments carry RECORD_FLAG_CSUM */
	bool finished;
	uint8_t header[GSO_HEADERS_MAX]; /* as they came */
};

/* Borrows and changes `packet` until the cut is done. 0, or -EBADMSG for a
 * packet that is not what its virtio header says. A packet that is no
 * super-packet comes out as it is, once. */
int gso_cut_start(struct gso_cut *c, const struct virtio_net_hdr *h,
		  uint8_t *packet, size_t len) ATTR_MUST_CHECK;
/* The next segment, whole and contiguous. Its header is written over the tail
 * of the one before, which must have been used by then. */
bool gso_cut_next(struct gso_cut *c, uint8_t **ret_segment, size_t *ret_len);

enum gso_join_verdict {
	GSO_JOINED,   /* it is part of the super-packet now */
	GSO_UNJOINED, /* it lies at the place, behind what is being joined:
		       * gso_join_move() takes it to another buffer */
};

/*
 * A super-packet under assembly. Room for the virtio header lies in front, so
 * that all of it is one write.
 */
struct gso_join {
	size_t len;	/* 0: empty */
	size_t segment; /* payload of each packet in it but the last */
	uint32_t count;
	uint32_t next_seq;
	uint16_t next_id;
	uint8_t flags; /* TCP's, those that may not differ */
	bool open;     /* can take another */
	bool csum;     /* of a packet that is alone */
	struct gso_packet first;
	size_t place; /* where the last record was opened to */
	uint8_t saved[GSO_HEADERS_MAX];
	uint8_t buffer[64 + GSO_JOIN_MAX + GSO_JOIN_SLACK];
};

void gso_join_clear(struct gso_join *j);
/* Can a record with `len` bytes of plaintext be joined, as far as can be seen
 * from outside? If not, finish and clear first. */
bool gso_join_may_take(const struct gso_join *j, size_t len);
/* Where the next record is to be opened. The header bytes that it overwrites
 * are kept. There is room for GSO_PACKET_MAX if the join is empty, and for
 * what gso_join_may_take() said yes to. */
uint8_t *gso_join_place(struct gso_join *j);
/* What was opened there is not authentic: as if it never was. */
void gso_join_cancel(struct gso_join *j);
/* `len` bytes were opened there, parsed as `p`. */
enum gso_join_verdict gso_join_add(struct gso_join *j,
				   const struct gso_packet *p, size_t len,
				   bool csum);
/* After GSO_UNJOINED: takes the packet out of `j` into `to`, which is empty,
 * and puts back what it had overwritten. */
void gso_join_move(struct gso_join *j, struct gso_join *to,
		   const struct gso_packet *p, size_t len, bool csum);
/* Headers and virtio header are made; returns what to write, and how much. */
uint8_t *gso_join_finish(struct gso_join *j, size_t *ret_len);

#endif
