/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/gso.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "tunnel/base/bytes.h"
#include "tunnel/data/csum.h"

enum {
	IPV4_LEN = 20, /* without options */
	IPV6_LEN = 40,
	TCP_LEN = 20, /* without options */
	UDP_LEN = 8,

	IPV4_DF = 0x4000,
	IPV4_FRAGMENT = 0x3fff, /* more fragments, or an offset */

	/* offsets in the TCP and UDP headers */
	TCP_SEQ = 4,
	TCP_FLAGS = 13,
	TCP_CSUM = 16,
	UDP_LENGTH = 4,
	UDP_CSUM = 6,

	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	URG = 0x20,
	CWR = 0x80,
};

/* Fills `plain` and `headers`. */
static void parse_transport(const uint8_t *p, size_t len, struct gso_packet *g)
{
	size_t left = len - g->transport;
	const uint8_t *t = p + g->transport;
	size_t n = 0;

	if (g->protocol == IPPROTO_TCP && left >= TCP_LEN)
		n = (size_t)(t[12] >> 4) * 4;
	if (g->protocol == IPPROTO_UDP && left >= UDP_LEN &&
	    load_be16(t + UDP_LENGTH) == left)
		n = UDP_LEN;
	if (n > left || (g->protocol == IPPROTO_TCP && n < TCP_LEN))
		n = 0;
	g->plain = n > 0;
	g->headers = (uint16_t)(n > 0 ? g->transport + n : 0);
}

bool gso_packet_parse(const uint8_t *p, size_t len,
		      struct gso_packet *ret_packet)
{
	struct gso_packet g = { 0 };

	if (len >= IPV4_LEN && p[0] >> 4 == 4) {
		g.version = 4;
		g.protocol = p[9];
		g.transport = (p[0] & 15) * 4;
		if (g.transport < IPV4_LEN || g.transport > len ||
		    load_be16(p + 2) != len)
			return false;
		if ((load_be16(p + 6) & IPV4_FRAGMENT) == 0)
			parse_transport(p, len, &g);
	} else if (len >= IPV6_LEN && p[0] >> 4 == 6) {
		g.version = 6;
		g.protocol = p[6];
		g.transport = IPV6_LEN;
		if (load_be16(p + 4) + (size_t)IPV6_LEN != len)
			return false;
		parse_transport(p, len, &g);
	} else {
		return false;
	}
	*ret_packet = g;
	return true;
}

/* A packet that is not cut. Where its checksum cannot be left to the receiver,
 * it is finished here. */
static int cut_single(struct gso_cut *c, const struct gso_vnet *h,
		      const struct gso_packet *g, size_t len)
{
	c->payload = len;
	c->segment = len;
	if (!(h->flags & GSO_VNET_NEEDS_CSUM))
		return 0;
	c->csum = g->plain && h->csum_start == g->transport;
	if (c->csum)
		return 0;
	if (h->csum_start >= len ||
	    h->csum_offset + (size_t)2 > len - h->csum_start)
		return -EBADMSG;
	csum_finish(c->packet + h->csum_start, len - h->csum_start,
		    h->csum_offset);
	return 0;
}

/* The transport header of a super-packet is where its checksum starts, which
 * is behind any IPv6 extension headers. */
static int cut_super(struct gso_cut *c, const struct gso_vnet *h,
		     const struct gso_packet *g, size_t len)
{
	uint8_t type = h->gso_type & ~GSO_VNET_ECN;
	const uint8_t *t = c->packet + h->csum_start;
	size_t left, n, field;

	c->udp = type == GSO_VNET_UDP;
	if (!c->udp &&
	    type != (g->version == 4 ? GSO_VNET_TCP4 : GSO_VNET_TCP6))
		return -EBADMSG;
	if (!(h->flags & GSO_VNET_NEEDS_CSUM) || h->gso_size == 0 ||
	    h->csum_start < g->transport || h->csum_start > len)
		return -EBADMSG;
	left = len - h->csum_start;
	if (left < (c->udp ? UDP_LEN : TCP_LEN))
		return -EBADMSG;
	n = c->udp ? UDP_LEN : (size_t)(t[12] >> 4) * 4;
	if (n > left || (!c->udp && n < TCP_LEN) ||
	    h->csum_start + n > GSO_HEADERS_MAX)
		return -EBADMSG;
	c->super = true;
	c->csum = g->plain && h->csum_start == g->transport;
	c->transport = h->csum_start;
	c->headers = (uint16_t)(h->csum_start + n);
	c->payload = len - c->headers;
	c->segment = h->gso_size;
	/* Less the length, in one's complement: each segment adds its own. */
	field = c->udp ? UDP_CSUM : TCP_CSUM;
	c->pseudo = csum_fold(load_be16(t + field) +
			      (uint64_t)(uint16_t)~csum_fold(left));
	memcpy(c->header, c->packet, c->headers);
	return 0;
}

int gso_cut_start(struct gso_cut *c, const struct gso_vnet *h, uint8_t *packet,
		  size_t len)
{
	struct gso_packet g;

	if (!gso_packet_parse(packet, len, &g))
		return -EBADMSG;
	c->packet = packet;
	c->done = 0;
	c->headers = 0;
	c->count = 0;
	c->super = false;
	c->csum = false;
	if (h->gso_type == GSO_VNET_NONE)
		return cut_single(c, h, &g, len);
	return cut_super(c, h, &g, len);
}

/* The header of the segment with `len` bytes of payload, at `p`. */
static void cut_header(const struct gso_cut *c, uint8_t *p, size_t len)
{
	bool first = c->done == 0, last = c->done + len == c->payload;
	size_t transport_len = c->headers - c->transport + len;
	uint8_t *t = p + c->transport;

	memcpy(p, c->header, c->headers);
	if (p[0] >> 4 == 4) {
		store_be16(p + 2, (uint16_t)(c->headers + len));
		store_be16(p + 4, load_be16(p + 4) + c->count);
		csum_ipv4_header(p, c->transport);
	} else {
		store_be16(p + 4, (uint16_t)(c->headers + len - IPV6_LEN));
	}
	if (c->udp) {
		store_be16(t + UDP_LENGTH, (uint16_t)transport_len);
	} else {
		store_be32(t + TCP_SEQ,
			   load_be32(t + TCP_SEQ) + (uint32_t)c->done);
		if (!last)
			t[TCP_FLAGS] &= (uint8_t) ~(FIN | PSH);
		if (!first)
			t[TCP_FLAGS] &= (uint8_t)~CWR;
	}
	store_be16(t + (c->udp ? UDP_CSUM : TCP_CSUM),
		   csum_fold((uint64_t)c->pseudo + transport_len));
	if (!c->csum)
		csum_finish(t, transport_len, c->udp ? UDP_CSUM : TCP_CSUM);
}

bool gso_cut_next(struct gso_cut *c, uint8_t **ret_segment, size_t *ret_len)
{
	size_t whole = gso_cut_peek(c), len;

	if (whole == 0)
		return false;
	len = whole - c->headers;
	*ret_segment = c->packet + c->done;
	*ret_len = whole;
	if (c->super)
		cut_header(c, *ret_segment, len);
	c->done += len;
	c->count++;
	return true;
}

static uint8_t *join_base(struct gso_join *j)
{
	return j->buffer + GSO_JOIN_FRONT;
}

void gso_join_clear(struct gso_join *j)
{
	j->len = 0;
	j->count = 0;
	j->open = false;
}

bool gso_join_may_take(const struct gso_join *j, size_t len)
{
	size_t payload;

	if (j->len == 0)
		return true;
	if (!j->open || len <= j->first.headers)
		return false;
	payload = len - j->first.headers;
	return payload <= j->segment && j->len + payload <= GSO_JOIN_MAX;
}

uint8_t *gso_join_place(struct gso_join *j)
{
	uint8_t *base = join_base(j);

	if (j->len == 0) {
		j->place = 0;
	} else {
		j->place = j->len - j->first.headers;
		memcpy(j->saved, base + j->place, j->first.headers);
	}
	return base + j->place;
}

void gso_join_cancel(struct gso_join *j)
{
	if (j->len > 0)
		memcpy(join_base(j) + j->place, j->saved, j->first.headers);
}

/* The first packet: it is where it is to be. */
static void join_start(struct gso_join *j, const struct gso_packet *p,
		       size_t len, bool csum)
{
	const uint8_t *ip = join_base(j), *t = ip + p->transport;

	j->len = len;
	j->count = 1;
	j->csum = csum;
	j->first = *p;
	j->open = csum && p->plain && len > p->headers;
	if (!j->open)
		return;
	/* A copy, since a short second packet lands on the first's header. */
	memcpy(j->header, ip, p->headers);
	j->segment = len - p->headers;
	if (p->version == 4) {
		/* IP options are rare and have rules of their own. */
		j->open = p->transport == IPV4_LEN;
		j->next_id = load_be16(ip + 4) + 1;
	}
	if (p->protocol == IPPROTO_UDP) {
		j->open = j->open && j->udp;
		return;
	}
	if (t[TCP_FLAGS] & (FIN | SYN | RST | PSH | URG))
		j->open = false;
	j->flags = t[TCP_FLAGS] & (uint8_t)~CWR;
	j->next_seq = load_be32(t + TCP_SEQ) + (uint32_t)j->segment;
}

/* Is the IP header at `b` the first one's, a packet later? */
static bool join_same_ip(const struct gso_join *j, const uint8_t *a,
			 const uint8_t *b)
{
	if (j->first.version == 6)
		/* all but the length */
		return memcmp(a, b, 4) == 0 && memcmp(a + 6, b + 6, 34) == 0;
	/* Who may not fragment it has no use for the id (RFC 6864); else it
	 * goes up by one, as it will when the kernel cuts. */
	if (!(load_be16(b + 6) & IPV4_DF) && load_be16(b + 4) != j->next_id)
		return false;
	/* all but length, id and checksum */
	return memcmp(a, b, 2) == 0 && memcmp(a + 6, b + 6, 4) == 0 &&
	       memcmp(a + 12, b + 12, 8) == 0;
}

/* Is the TCP header at `b` the first one's, at the next sequence number? The
 * options must be equal, timestamps too: where a clock tick ends a run, the
 * kernel's own segments differ as well. */
static bool join_same_tcp(const struct gso_join *j, const uint8_t *a,
			  const uint8_t *b)
{
	size_t len = j->first.headers - j->first.transport;
	uint8_t flags = b[TCP_FLAGS];

	return load_be32(b + TCP_SEQ) == j->next_seq &&
	       /* PSH and FIN end a run, CWR could only begin one. */
	       (flags & ~(FIN | PSH)) == j->flags &&
	       memcmp(a, b, TCP_SEQ) == 0 &&
	       /* acknowledgement, and the header's length */
	       memcmp(a + 8, b + 8, 5) == 0 &&
	       /* window; urgent pointer and options */
	       memcmp(a + 14, b + 14, 2) == 0 &&
	       memcmp(a + 18, b + 18, len - 18) == 0;
}

static bool join_fits(struct gso_join *j, const struct gso_packet *p,
		      size_t len, bool csum)
{
	const uint8_t *a = j->header, *b = join_base(j) + j->place;

	if (!csum || !p->plain || p->version != j->first.version ||
	    p->protocol != j->first.protocol ||
	    p->transport != j->first.transport ||
	    p->headers != j->first.headers || !gso_join_may_take(j, len))
		return false;
	if (!join_same_ip(j, a, b))
		return false;
	a += p->transport;
	b += p->transport;
	if (p->protocol == IPPROTO_UDP)
		return j->count < GSO_JOIN_UDP_COUNT && memcmp(a, b, 4) == 0;
	return join_same_tcp(j, a, b);
}

bool gso_join_add(struct gso_join *j, const struct gso_packet *p, size_t len,
		  bool csum)
{
	uint8_t *base = join_base(j), end = 0;
	size_t payload = len - p->headers;

	if (j->len == 0) {
		join_start(j, p, len, csum);
		return true;
	}
	if (!join_fits(j, p, len, csum))
		return false;
	if (p->protocol == IPPROTO_TCP)
		end = base[j->place + p->transport + TCP_FLAGS] & (FIN | PSH);
	memcpy(base + j->place, j->saved, j->first.headers);
	if (end)
		base[p->transport + TCP_FLAGS] |= end;
	if (end || payload < j->segment)
		j->open = false;
	j->next_seq += (uint32_t)payload;
	j->next_id++;
	j->len += payload;
	j->count++;
	return true;
}

void gso_join_move(struct gso_join *j, struct gso_join *to,
		   const struct gso_packet *p, size_t len, bool csum)
{
	memcpy(join_base(to), join_base(j) + j->place, len);
	gso_join_cancel(j);
	join_start(to, p, len, csum);
}

/* Length fields and IPv4 checksum of what was joined. */
static void finish_lengths(struct gso_join *j, uint8_t *ip)
{
	const struct gso_packet *p = &j->first;

	if (p->version == 4) {
		store_be16(ip + 2, (uint16_t)j->len);
		csum_ipv4_header(ip, p->transport);
	} else {
		store_be16(ip + 4, (uint16_t)(j->len - IPV6_LEN));
	}
	if (p->protocol == IPPROTO_UDP)
		store_be16(ip + p->transport + UDP_LENGTH,
			   (uint16_t)(j->len - p->transport));
}

const uint8_t *gso_join_finish(struct gso_join *j, size_t *ret_len)
{
	const struct gso_packet *p = &j->first;
	bool udp = p->protocol == IPPROTO_UDP;
	uint8_t *ip = join_base(j), *t = ip + p->transport;
	struct gso_vnet h = { 0 };

	if (j->csum) {
		h.flags = GSO_VNET_NEEDS_CSUM;
		h.csum_start = p->transport;
		h.csum_offset = udp ? UDP_CSUM : TCP_CSUM;
	}
	if (j->count > 1) {
		finish_lengths(j, ip);
		h.gso_type = udp	       ? GSO_VNET_UDP
			     : p->version == 4 ? GSO_VNET_TCP4
					       : GSO_VNET_TCP6;
		if (!udp && (t[TCP_FLAGS] & CWR))
			h.gso_type |= GSO_VNET_ECN;
		h.gso_size = (uint16_t)j->segment;
		h.hdr_len = p->headers;
	}
	if (j->csum)
		store_be16(t + h.csum_offset,
			   csum_fold(csum_pseudo(ip, p->protocol,
						 j->len - p->transport)));
	memcpy(ip - GSO_VNET_LEN, &h, sizeof(h));
	*ret_len = GSO_VNET_LEN + j->len;
	return ip - GSO_VNET_LEN;
}
