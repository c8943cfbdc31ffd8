/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A byte of choices, then a message. As a query: what is good is built and
 * read again. As the answer to just that question: what is good is given to a
 * client, with its own name and with a completed one, and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t out[DNS_MESSAGE_MAX];

static void give(const struct dns_answer *a, struct dns_query q, bool completed,
		 size_t max)
{
	const struct dns_name full = q.name;
	struct dns_answer again;
	enum dns_reply_fault fault;
	size_t len;

	if (completed && dns_name_from_text("wiki", &q.name) != 0)
		abort();
	len = dns_answer_build(a, &q, completed ? &full : NULL, 3, NULL, out,
			       max);
	if (len > max)
		abort();
	fault = dns_answer_parse(out, len, &q, &again);
	if (fault == DNS_REPLY_OK)
		dns_answer_fini(&again);
	/* A name whose pointer leads into a TTL changes as that grows old. */
	else if (fault != DNS_REPLY_TRUNCATED && fault != DNS_REPLY_NO_EDNS &&
		 (completed || fault != DNS_REPLY_MALFORMED))
		abort();
}

static bool is_such(const struct ip_addr *a)
{
	return a->bytes[0] == 10;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dns_query q, again;
	struct dns_answer a;
	struct ip_addr addr;
	size_t at = 0;

	if (len < 1 + DNS_HEADER_LEN || len > sizeof(out))
		return 0;
	if (dns_query_parse(data + 1, len - 1, &q) == DNS_QUERY_GOOD &&
	    dns_query_parse(out, dns_query_build(&q, out), &again) !=
		    DNS_QUERY_GOOD)
		abort();
	memcpy(out, data + 1, len - 1);
	out[2] = 0; /* a query with this id and question */
	memcpy(out + 4, "\0\1\0\0\0\0\0\0", 8);
	if (dns_query_parse(out, len - 1, &q) != DNS_QUERY_GOOD)
		return 0;
	q.edns = data[0] & 1;
	q.dnssec_ok = data[0] & 2;
	if (dns_answer_parse(data + 1, len - 1, &q, &a) != DNS_REPLY_OK)
		return 0;
	while (dns_answer_address(&a, &at, &addr))
		;
	(void)dns_answer_hints(&a, is_such);
	for (unsigned int i = 0; i < 4; i++)
		give(&a, q, i & 1, i & 2 ? DNS_MESSAGE_MAX : DNS_SHORT_MAX);
	dns_answer_fini(&a);
	return 0;
}
