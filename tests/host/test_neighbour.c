/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/neighbour.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/host/rtnl.h"

enum { MESSAGE_MAX = 1024 };

static const uint8_t link_address[] = { 2, 0, 0, 0, 0, 9 };

struct message {
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MAX];
	struct nlmsghdr *n;
};

static void begin(struct message *m, uint8_t family, uint16_t state)
{
	struct ndmsg *ndm;

	memset(m, 0, sizeof(*m));
	m->n = mnl_nlmsg_put_header(m->buf);
	m->n->nlmsg_type = RTM_NEWNEIGH;
	ndm = mnl_nlmsg_put_extra_header(m->n, sizeof(*ndm));
	ndm->ndm_family = family;
	ndm->ndm_ifindex = 4;
	ndm->ndm_state = state;
	mnl_attr_put(m->n, NDA_DST, family == AF_INET ? 4 : 16,
		     "\300\0\2\1            ");
	mnl_attr_put(m->n, NDA_LLADDR, sizeof(link_address), link_address);
}

/* Of a copy of exactly its size. */
static int parse(const struct message *m, struct neighbour *ret)
{
	struct nlmsghdr *exact = malloc(m->n->nlmsg_len);
	int r;

	ck_assert(exact);
	memcpy(exact, m->n, m->n->nlmsg_len);
	r = neighbour_parse(exact, ret);
	free(exact);
	return r;
}

START_TEST(reads_a_neighbour)
{
	char text[ADDR_TEXT_MAX];
	struct neighbour it;
	struct message m;

	begin(&m, AF_INET, NUD_STALE);
	ck_assert_int_eq(parse(&m, &it), 0);
	ck_assert_uint_eq(it.ifindex, 4);
	ck_assert_str_eq(addr_text(&it.addr, text), "192.0.2.1");
	ck_assert(it.has_link_address);
	ck_assert_mem_eq(it.link_address, link_address, sizeof(link_address));
	begin(&m, AF_INET6, NUD_PERMANENT);
	ck_assert_int_eq(parse(&m, &it), 0);
	ck_assert(it.has_link_address && it.addr.family == AF_INET6);
}
END_TEST

START_TEST(does_not_know_the_link_address_of_one_that_does_not_answer)
{
	static const uint16_t states[] = { NUD_INCOMPLETE, NUD_FAILED,
					   NUD_NOARP };
	struct neighbour it;
	struct message m;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		begin(&m, AF_INET, states[i]);
		ck_assert_int_eq(parse(&m, &it), 0);
		ck_assert(!it.has_link_address);
	}
	begin(&m, AF_INET, NUD_REACHABLE);
	m.n->nlmsg_type = RTM_DELNEIGH;
	ck_assert_int_eq(parse(&m, &it), 0);
	ck_assert(!it.has_link_address);
	/* InfiniBand's has 20 bytes. */
	begin(&m, AF_INET, NUD_REACHABLE);
	mnl_attr_put(m.n, NDA_LLADDR, 20, "01234567890123456789");
	ck_assert_int_eq(parse(&m, &it), 0);
	ck_assert(!it.has_link_address);
}
END_TEST

START_TEST(leaves_out_what_is_no_neighbour)
{
	struct neighbour it;
	struct message m;

	begin(&m, AF_INET, NUD_REACHABLE);
	mnl_attr_put(m.n, NDA_DST, 5, "12345");
	ck_assert_int_eq(parse(&m, &it), -EBADMSG);
	begin(&m, AF_BRIDGE, NUD_REACHABLE);
	ck_assert_int_eq(parse(&m, &it), -ENOMSG);
	begin(&m, AF_INET, NUD_REACHABLE);
	m.n->nlmsg_type = RTM_NEWROUTE;
	ck_assert_int_eq(parse(&m, &it), -ENOMSG);
	begin(&m, AF_INET, NUD_REACHABLE);
	for (uint32_t len = MNL_NLMSG_HDRLEN; len < m.n->nlmsg_len; len++) {
		struct message part = m;

		part.n = (void *)part.buf;
		part.n->nlmsg_len = len;
		(void)parse(&part, &it); /* any answer, no crash */
	}
}
END_TEST

/* --- a router's options --- */

static void begin_options(struct message *m, const void *options, size_t len)
{
	struct nduseroptmsg *head;

	memset(m, 0, sizeof(*m));
	m->n = mnl_nlmsg_put_header(m->buf);
	m->n->nlmsg_type = RTM_NEWNDUSEROPT;
	head = mnl_nlmsg_put_extra_header(m->n, sizeof(*head));
	head->nduseropt_family = AF_INET6;
	head->nduseropt_ifindex = 4;
	head->nduseropt_icmp_type = 134;
	head->nduseropt_opts_len = (uint16_t)len;
	memcpy(head + 1, options, len);
	m->n->nlmsg_len += (uint32_t)MNL_ALIGN(len);
	mnl_attr_put(m->n, NDUSEROPT_SRCADDR, 16, "0123456789012345");
}

static int parse_portal(const struct message *m, struct neighbour_portal *ret)
{
	struct nlmsghdr *exact = malloc(m->n->nlmsg_len);
	int r;

	ck_assert(exact);
	memcpy(exact, m->n, m->n->nlmsg_len);
	r = neighbour_parse_portal(exact, ret);
	free(exact);
	return r;
}

#define PAD "\0\0\0\0\0\0\0"

static const struct {
	const char *what;
	const char *url; /* as sent */
	size_t units;
	const char *want;
} urls[] = {
	{ "an address of the API", "https://portal.example/api" PAD, 4,
	  "https://portal.example/api" },
	{ "one that fills the option", "https://a.example/api/", 3,
	  "https://a.example/api/" },
	{ "the URN that says there is no portal",
	  "urn:ietf:params:capport:unrestricted" PAD, 5, "" },
	{ "an address without TLS (RFC 8908, 4)", "http://portal.example/" PAD,
	  3, "" },
	{ "a file", "file:///etc/passwd" PAD, 3, "" },
	{ "a scheme alone", "https://" PAD PAD, 2, "" },
	{ "nothing", PAD, 1, "" },
	{ "a control character", "https://a.example/\033[2J" PAD, 3, "" },
	{ "a zero in the middle", "https://a.exam\0ple/aaa", 3, "" },
	{ "a space", "https://a.example/ a b c" PAD, 4, "" },
	{ "bytes beyond ASCII", "https://\303\274.example/" PAD, 3, "" },
};

START_TEST(reads_the_address_of_a_portal)
{
	uint8_t option[64] = { 37, (uint8_t)urls[_i].units };
	struct neighbour_portal portal = { .url = "?" };
	struct message m;

	memcpy(option + 2, urls[_i].url, 8 * urls[_i].units - 2);
	begin_options(&m, option, 8 * urls[_i].units);
	ck_assert_int_eq(parse_portal(&m, &portal), 0);
	ck_assert_uint_eq(portal.ifindex, 4);
	ck_assert_msg(strcmp(portal.url, urls[_i].want) == 0, "%s: %s",
		      urls[_i].what, portal.url);
}
END_TEST

START_TEST(takes_no_address_that_is_too_long)
{
	uint8_t option[264] = { 37, 32 };
	struct neighbour_portal portal;
	struct message m;

	memset(option + 2, 'a', sizeof(option) - 2);
	memcpy(option + 2, "https://", 8);
	begin_options(&m, option, 256);
	ck_assert_int_eq(parse_portal(&m, &portal), 0);
	ck_assert_uint_eq(strlen(portal.url), 254);
	option[1] = 33; /* 262 bytes */
	begin_options(&m, option, 264);
	ck_assert_int_eq(parse_portal(&m, &portal), 0);
	ck_assert_str_eq(portal.url, "");
}
END_TEST

START_TEST(finds_it_behind_other_options)
{
	static const uint8_t options[] = "\031\003"
					 "0123456789012345678901"
					 "\045\003https://a.example/api/"
					 "\037\001"
					 "123456";
	struct neighbour_portal portal;
	struct message m;

	begin_options(&m, options, sizeof(options) - 1);
	ck_assert_int_eq(parse_portal(&m, &portal), 0);
	ck_assert_str_eq(portal.url, "https://a.example/api/");
	begin_options(&m, options, 24);
	ck_assert_int_eq(parse_portal(&m, &portal), -ENOMSG);
}
END_TEST

START_TEST(refuses_options_that_are_cut_or_stand_still)
{
	static const uint8_t zero[8] = { 37, 0 };
	static const uint8_t longer[8] = { 37, 2 };
	static const uint8_t tail[9] = { 31, 1, 0, 0, 0, 0, 0, 0, 37 };
	struct neighbour_portal portal;
	struct nduseroptmsg *head;
	struct message m;

	begin_options(&m, zero, sizeof(zero));
	ck_assert_int_eq(parse_portal(&m, &portal), -EBADMSG);
	begin_options(&m, longer, sizeof(longer));
	ck_assert_int_eq(parse_portal(&m, &portal), -EBADMSG);
	begin_options(&m, tail, sizeof(tail));
	ck_assert_int_eq(parse_portal(&m, &portal), -EBADMSG);
	/* More options than there is of the message. */
	begin_options(&m, zero, sizeof(zero));
	head = mnl_nlmsg_get_payload(m.n);
	head->nduseropt_opts_len = 400;
	ck_assert_int_eq(parse_portal(&m, &portal), -EBADMSG);
	for (uint32_t len = MNL_NLMSG_HDRLEN; len < 40; len++) {
		struct message part = m;

		part.n = (void *)part.buf;
		part.n->nlmsg_len = len;
		ck_assert_int_eq(parse_portal(&part, &portal), -EBADMSG);
	}
}
END_TEST

START_TEST(reads_no_options_of_other_messages)
{
	static const uint8_t options[] = "\045\003https://a.example/api/";
	struct neighbour_portal portal;
	struct nduseroptmsg *head;
	struct message m;

	begin_options(&m, options, sizeof(options) - 1);
	m.n->nlmsg_type = RTM_NEWNEIGH;
	ck_assert_int_eq(parse_portal(&m, &portal), -ENOMSG);
	begin_options(&m, options, sizeof(options) - 1);
	head = mnl_nlmsg_get_payload(m.n);
	head->nduseropt_icmp_type = 136;
	ck_assert_int_eq(parse_portal(&m, &portal), -ENOMSG);
	head->nduseropt_icmp_type = 134;
	head->nduseropt_family = AF_INET;
	ck_assert_int_eq(parse_portal(&m, &portal), -ENOMSG);
}
END_TEST

START_TEST(asks_for_one_link)
{
	_Alignas(struct nlmsghdr) char buf[RTNL_MSG_MAX] = { 0 };
	struct nlmsghdr *n = (void *)buf;
	const struct nlattr *a =
		mnl_nlmsg_get_payload_offset(n, sizeof(struct ndmsg));

	ck_assert_uint_eq(neighbour_build_dump(buf, 5, 9), n->nlmsg_len);
	ck_assert_uint_eq(n->nlmsg_type, RTM_GETNEIGH);
	ck_assert_uint_eq(mnl_attr_get_type(a), NDA_IFINDEX);
	ck_assert_uint_eq(mnl_attr_get_u32(a), 9);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("neighbour");
	TCase *t = tcase_create("messages");

	tcase_add_test(t, reads_a_neighbour);
	tcase_add_test(
		t, does_not_know_the_link_address_of_one_that_does_not_answer);
	tcase_add_test(t, leaves_out_what_is_no_neighbour);
	tcase_add_loop_test(t, reads_the_address_of_a_portal, 0,
			    (int)ARRAY_SIZE(urls));
	tcase_add_test(t, takes_no_address_that_is_too_long);
	tcase_add_test(t, finds_it_behind_other_options);
	tcase_add_test(t, refuses_options_that_are_cut_or_stand_still);
	tcase_add_test(t, reads_no_options_of_other_messages);
	tcase_add_test(t, asks_for_one_link);
	suite_add_tcase(s, t);
	return suite_run(s);
}
