/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/csum.h"

#include "tunnel/base/bytes.h"

uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	/* 2^32 is 1 modulo 65535, so 32-bit words fold to the same sum. The
	 * carries of 2^32 additions fit. */
	for (; len >= 4; p += 4, len -= 4)
		sum += load_be32(p);
	if (len >= 2) {
		sum += load_be16(p);
		p += 2;
		len -= 2;
	}
	if (len == 1)
		sum += (uint32_t)p[0] << 8;
	return sum;
}

uint16_t csum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint64_t csum_pseudo(const uint8_t *ip, uint8_t protocol, size_t len)
{
	uint64_t sum = (uint64_t)protocol + len;

	return ip[0] >> 4 == 4 ? csum_add(sum, ip + 12, 8)
			       : csum_add(sum, ip + 8, 32);
}

void csum_ipv4_header(uint8_t *ip, size_t len)
{
	store_be16(ip + 10, 0);
	store_be16(ip + 10, (uint16_t)~csum_fold(csum_add(0, ip, len)));
}

void csum_finish(uint8_t *transport, size_t len, size_t field)
{
	uint16_t sum = (uint16_t)~csum_fold(csum_add(0, transport, len));

	store_be16(transport + field, sum == 0 ? 0xffff : sum);
}
