/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/host/data/nl80211/ is what a kernel said; its README.md tells of what
 * network. */
#include "tunnel/host/nl80211.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>

#include "tests/lib/suite.h"

enum {
	FILE_MAX = 16384,
	MESSAGE_MAX = 2048,
	TEXT_MAX = 256,
	FAMILY = 32, /* of the recorded messages, and of ours */
};

/* Calls for each message of a recording, of exactly its size, so that a
 * sanitizer sees any byte read behind it. How many there were. */
static unsigned int for_each(const char *name,
			     void (*each)(const struct nlmsghdr *n, void *arg),
			     void *arg)
{
	_Alignas(struct nlmsghdr) static char data[FILE_MAX];
	const struct nlmsghdr *n = (void *)data;
	unsigned int count = 0;
	char path[128];
	FILE *f;
	int left;

	snprintf(path, sizeof(path), "tests/host/data/nl80211/%s.bin", name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s", path);
	left = (int)fread(data, 1, sizeof(data), f);
	fclose(f);
	for (; mnl_nlmsg_ok(n, left); n = mnl_nlmsg_next(n, &left)) {
		struct nlmsghdr *exact = malloc(n->nlmsg_len);

		ck_assert(exact);
		memcpy(exact, n, n->nlmsg_len);
		each(exact, arg);
		free(exact);
		count++;
	}
	ck_assert_int_eq(left, 0);
	return count;
}

static void bss_text(const struct nl80211_associated *b, char *text)
{
	int len = snprintf(text, TEXT_MAX, "%02x%02x%02x%02x%02x%02x %s ",
			   b->bssid[0], b->bssid[1], b->bssid[2], b->bssid[3],
			   b->bssid[4], b->bssid[5],
			   network_security_name(b->security));
	bool readable = true;

	for (size_t i = 0; i < b->ssid_len; i++)
		readable &= b->ssid[i] >= ' ' && b->ssid[i] <= '~';
	for (size_t i = 0; i < b->ssid_len; i++)
		len += snprintf(text + len, TEXT_MAX - (size_t)len,
				readable ? "%c" : "%02x", b->ssid[i]);
}

/* --- recorded --- */

struct dump {
	unsigned int entries, associated;
	char text[TEXT_MAX];
};

static void read_entry(const struct nlmsghdr *n, void *arg)
{
	struct nl80211_associated bss;
	struct dump *d = arg;
	int r = nl80211_parse_bss(n, FAMILY, &bss);

	if (r == -ENOMSG)
		ck_assert_int_eq(n->nlmsg_type, NLMSG_DONE);
	d->entries += r != -ENOMSG;
	if (r == 0) {
		d->associated++;
		bss_text(&bss, d->text);
	} else {
		ck_assert(r == -ENOMSG || r == -ENOENT);
	}
}

static const struct {
	const char *file;
	unsigned int entries;
	const char *associated;
} scans[] = {
	{ "scan-none", 0, "" },
	{ "scan-homenet", 7, "020000000100 personal HomeNet" },
	{ "scan-roamed", 7, "020000000200 personal HomeNet" },
	{ "scan-cafenet", 7, "020000000300 open CafeNet" },
	{ "scan-hidden", 8, "020000000400 open Quiet Place" },
	{ "scan-quoted", 8, "020000000401 open It's \"my\" net" },
	{ "scan-utf8", 8, "020000000402 open 42c3bc726f20e29895" },
	{ "scan-raw", 8,
	  "020000000403 open 00010a0d1b5c22277f80ff00fffec0c120202020c3a0efbf"
	  "bd61000000000000" },
	{ "scan-left", 8, "" },
};

START_TEST(reads_the_associated_network_of_a_scan)
{
	struct dump d = { 0 };

	for_each(scans[_i].file, read_entry, &d);
	ck_assert_str_eq(d.text, scans[_i].associated);
	ck_assert_uint_eq(d.associated, scans[_i].associated[0] != '\0');
	ck_assert_uint_eq(d.entries, scans[_i].entries);
}
END_TEST

static void read_family(const struct nlmsghdr *n, void *arg)
{
	struct nl80211_family *family = arg;
	int r = nl80211_parse_family(n, family);

	ck_assert(r == 0 || r == -ENOMSG);
}

START_TEST(reads_the_numbers_of_the_family)
{
	struct nl80211_family family = { 0 };

	for_each("family", read_family, &family);
	ck_assert_uint_eq(family.id, FAMILY);
	ck_assert_uint_ne(family.mlme, 0);
}
END_TEST

static void count_change(const struct nlmsghdr *n, void *arg)
{
	*(unsigned int *)arg += nl80211_is_change(n, FAMILY);
	ck_assert(!nl80211_is_change(n, FAMILY + 1));
}

static const struct {
	const char *file;
	bool changes;
} events[] = {
	{ "mlme-join-homenet", true }, { "mlme-join-cafenet", true },
	{ "mlme-join-hidden", true },  { "mlme-roam", true },
	{ "mlme-disconnect", true },   { "mlme-wrong-key", true },
	{ "interface-left", false },   { "scan-homenet", false },
	{ "rtnl-disconnect", false },
};

START_TEST(sees_that_the_association_changed)
{
	unsigned int changes = 0;

	for_each(events[_i].file, count_change, &changes);
	ck_assert_int_eq(changes > 0, events[_i].changes);
}
END_TEST

/* --- hostile --- */

static void parse_all(const struct nlmsghdr *n, void *arg)
{
	struct nl80211_associated bss;
	struct nl80211_family family;

	(void)arg;
	if (nl80211_parse_bss(n, FAMILY, &bss) == 0)
		ck_assert_uint_le(bss.ssid_len, sizeof(bss.ssid));
	(void)nl80211_parse_family(n, &family);
	(void)nl80211_is_change(n, FAMILY);
}

static void cut(const struct nlmsghdr *n, void *arg)
{
	for (size_t len = MNL_NLMSG_HDRLEN; len < n->nlmsg_len; len++) {
		struct nlmsghdr *part = malloc(len);

		ck_assert(part);
		memcpy(part, n, len);
		part->nlmsg_len = (uint32_t)len;
		parse_all(part, NULL);
		free(part);
		++*(unsigned int *)arg;
	}
}

static void spoil(const struct nlmsghdr *n, void *arg)
{
	static const uint8_t values[] = { 0, 1, 3, 4, 0x7f, 0x80, 0xff };
	uint8_t *p = malloc(n->nlmsg_len);

	ck_assert(p);
	memcpy(p, n, n->nlmsg_len);
	/* The first four bytes are the length, which the socket checked. */
	for (size_t at = 4; at < n->nlmsg_len; at++) {
		uint8_t was = p[at];

		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			p[at] = values[v];
			parse_all((void *)p, NULL);
			++*(unsigned int *)arg;
		}
		p[at] = was;
	}
	free(p);
}

static const char *const hostile[] = { "family", "scan-hidden", "scan-raw",
				       "mlme-roam" };

START_TEST(survives_messages_cut_anywhere)
{
	unsigned int count = 0;

	for_each(hostile[_i], cut, &count);
	printf("note: %s: cut in %u places\n", hostile[_i], count);
}
END_TEST

START_TEST(survives_any_byte_changed)
{
	unsigned int count = 0;

	for_each(hostile[_i], spoil, &count);
	ck_assert_uint_gt(count, 1000);
}
END_TEST

/* --- made --- */

struct made {
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MAX];
	struct nlmsghdr *n;
	struct nlattr *bss;
};

static void begin(struct made *m, uint32_t status)
{
	static const uint8_t bssid[] = { 2, 0, 0, 0, 0, 1 };
	struct genlmsghdr *g;

	memset(m, 0, sizeof(*m));
	m->n = mnl_nlmsg_put_header(m->buf);
	m->n->nlmsg_type = FAMILY;
	g = mnl_nlmsg_put_extra_header(m->n, sizeof(*g));
	g->cmd = NL80211_CMD_NEW_SCAN_RESULTS;
	mnl_attr_put_u32(m->n, NL80211_ATTR_IFINDEX, 3);
	m->bss = mnl_attr_nest_start(m->n, NL80211_ATTR_BSS);
	mnl_attr_put(m->n, NL80211_BSS_BSSID, sizeof(bssid), bssid);
	mnl_attr_put_u16(m->n, NL80211_BSS_CAPABILITY, 0x11); /* privacy */
	mnl_attr_put_u32(m->n, NL80211_BSS_STATUS, status);
}

/* Of a copy of its own size. */
static int parse(struct made *m, const void *ies, size_t len,
		 struct nl80211_associated *ret_bss)
{
	struct nlmsghdr *exact;
	int r;

	mnl_attr_put(m->n, NL80211_BSS_INFORMATION_ELEMENTS, len, ies);
	mnl_attr_nest_end(m->n, m->bss);
	exact = malloc(m->n->nlmsg_len);
	ck_assert(exact);
	memcpy(exact, m->n, m->n->nlmsg_len);
	r = nl80211_parse_bss(exact, FAMILY, ret_bss);
	free(exact);
	return r;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t n = 0;
	unsigned int byte;

	for (; *hex; hex += hex[0] == ' ' ? 1 : 2) {
		if (*hex != ' ' && sscanf(hex, "%2x", &byte) == 1)
			bytes[n++] = (uint8_t)byte;
	}
	return n;
}

static const struct {
	const char *what;
	const char *ies;
	enum network_security security;
} kinds[] = {
	{ "nothing but the privacy bit is WEP", "0001 41",
	  NETWORK_SECURITY_WEP },
	{ "WPA2 with a password",
	  "3014 0100 000fac04 0100 000fac04 0100 000fac02 0000",
	  NETWORK_SECURITY_PERSONAL },
	{ "WPA3 with a password",
	  "3014 0100 000fac04 0100 000fac04 0100 000fac08 c000",
	  NETWORK_SECURITY_PERSONAL },
	{ "both at once",
	  "3018 0100 000fac04 0100 000fac04 0200 000fac02 000fac08 8000",
	  NETWORK_SECURITY_PERSONAL },
	{ "802.1X", "3014 0100 000fac04 0100 000fac04 0100 000fac01 0000",
	  NETWORK_SECURITY_ENTERPRISE },
	{ "Suite B with 192 bits",
	  "3014 0100 000fac09 0100 000fac09 0100 000fac0c c000",
	  NETWORK_SECURITY_ENTERPRISE },
	{ "802.1X or a password is as weak as the password",
	  "3018 0100 000fac04 0100 000fac04 0200 000fac01 000fac02 0000",
	  NETWORK_SECURITY_PERSONAL },
	{ "OWE", "3014 0100 000fac04 0100 000fac04 0100 000fac12 c000",
	  NETWORK_SECURITY_OWE },
	{ "two pairwise ciphers",
	  "3018 0100 000fac02 0200 000fac04 000fac02 0100 000fac02 0000",
	  NETWORK_SECURITY_PERSONAL },
	{ "WPA 1 with a password",
	  "dd16 0050f201 0100 0050f202 0100 0050f202 0100 0050f202",
	  NETWORK_SECURITY_PERSONAL },
	{ "WPA 1 with 802.1X",
	  "dd16 0050f201 0100 0050f202 0100 0050f202 0100 0050f201",
	  NETWORK_SECURITY_ENTERPRISE },
	{ "other elements of the same vendor do not count",
	  "dd07 0050f202 000100", NETWORK_SECURITY_WEP },
	{ "an element of a vendor that is too short for one", "dd03 0050f2",
	  NETWORK_SECURITY_WEP },
	{ "all but the version left out is 802.1X", "3002 0100",
	  NETWORK_SECURITY_ENTERPRISE },
	{ "no AKM is 802.1X", "300c 0100 000fac04 0100 000fac04",
	  NETWORK_SECURITY_ENTERPRISE },
	{ "an unknown AKM is unknown",
	  "3014 0100 000fac04 0100 000fac04 0100 000facff 0000",
	  NETWORK_SECURITY_UNKNOWN },
	{ "an AKM of another vendor is unknown",
	  "3014 0100 000fac04 0100 000fac04 0100 00409600 0000",
	  NETWORK_SECURITY_UNKNOWN },
	{ "an unknown AKM beside a known one does not hide it",
	  "3018 0100 000fac04 0100 000fac04 0200 000facff 000fac02 0000",
	  NETWORK_SECURITY_PERSONAL },
	{ "another version is unknown", "3002 0200", NETWORK_SECURITY_UNKNOWN },
	{ "no version is unknown, not WEP", "3000", NETWORK_SECURITY_UNKNOWN },
	{ "more ciphers than fit is unknown",
	  "300e 0100 000fac04 ffff 000fac04 0100", NETWORK_SECURITY_UNKNOWN },
	{ "more AKM than fit is unknown",
	  "3012 0100 000fac04 0100 000fac04 ffff 000fac02",
	  NETWORK_SECURITY_UNKNOWN },
	{ "an element that is cut does not count", "0001 41 3014 0100 000fac04",
	  NETWORK_SECURITY_WEP },
};

START_TEST(tells_the_security_by_the_elements)
{
	uint8_t ies[MESSAGE_MAX];
	size_t len = from_hex(kinds[_i].ies, ies);
	struct nl80211_associated bss;
	struct made m;

	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	ck_assert_int_eq(parse(&m, ies, len, &bss), 0);
	ck_assert_msg(bss.security == kinds[_i].security, "%s: %s",
		      kinds[_i].what, network_security_name(bss.security));
}
END_TEST

/* One element of `len` bytes of 'a', then one more: the first counts. */
static size_t ssid_read(size_t len, uint8_t filled_with)
{
	uint8_t ies[MESSAGE_MAX] = { 0, (uint8_t)len };
	struct nl80211_associated bss;
	struct made m;

	memset(ies + 2, filled_with, len);
	memcpy(ies + 2 + len, "\0\3two", 5);
	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	ck_assert_int_eq(parse(&m, ies, len + 7, &bss), 0);
	for (size_t i = 0; i < bss.ssid_len; i++)
		ck_assert_uint_eq(bss.ssid[i], filled_with);
	return bss.ssid_len;
}

START_TEST(takes_an_ssid_of_one_to_32_bytes)
{
	ck_assert_uint_eq(ssid_read(0, 'a'), 0);
	ck_assert_uint_eq(ssid_read(1, 'a'), 1);
	ck_assert_uint_eq(ssid_read(32, 'a'), 32);
	ck_assert_uint_eq(ssid_read(32, 0xff), 32);
	ck_assert_uint_eq(ssid_read(33, 'a'), 0);
	ck_assert_uint_eq(ssid_read(255, 'a'), 0);
	ck_assert_uint_eq(ssid_read(7, 0), 0); /* how some hide it */
}
END_TEST

START_TEST(takes_an_ssid_with_zeros_in_it)
{
	static const uint8_t ies[] = { 0, 3, 0, 'a', 0 };
	struct nl80211_associated bss;
	struct made m;

	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	ck_assert_int_eq(parse(&m, ies, sizeof(ies), &bss), 0);
	ck_assert_uint_eq(bss.ssid_len, 3);
	ck_assert_mem_eq(bss.ssid, ies + 2, 3);
}
END_TEST

START_TEST(leaves_out_what_we_are_not_associated_with)
{
	struct nl80211_associated bss;
	struct made m;

	begin(&m, NL80211_BSS_STATUS_AUTHENTICATED);
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -ENOENT);
	begin(&m, NL80211_BSS_STATUS_IBSS_JOINED);
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -ENOENT);
	begin(&m, 77);
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -ENOENT);
}
END_TEST

START_TEST(reads_each_of_two_associated_entries)
{
	struct nl80211_associated one, two;
	struct made m;

	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &one), 0);
	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	ck_assert_int_eq(parse(&m, "\0\1b", 3, &two), 0);
	ck_assert(one.ssid[0] == 'a' && two.ssid[0] == 'b');
}
END_TEST

START_TEST(skips_attributes_that_it_does_not_know)
{
	struct nl80211_associated bss;
	struct made m;

	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	mnl_attr_put_u32(m.n, 60, 1);
	mnl_attr_put_u32(m.n, 9999, 1);
	mnl_attr_put(m.n, 0x3fff, 0, NULL);
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), 0);
	ck_assert_uint_eq(bss.ssid_len, 1);
}
END_TEST

START_TEST(refuses_what_is_too_short)
{
	struct nl80211_associated bss;
	struct nlattr *a;
	struct made m;

	/* An attribute inside that is longer than what it is in. */
	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	a = mnl_nlmsg_get_payload_tail(m.n);
	mnl_attr_put_u32(m.n, NL80211_BSS_FREQUENCY, 2412);
	a->nla_len = 4000;
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -EBADMSG);
	/* One that is shorter than its own header. */
	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	a = mnl_nlmsg_get_payload_tail(m.n);
	mnl_attr_put_u32(m.n, NL80211_BSS_FREQUENCY, 2412);
	a->nla_len = 3;
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -EBADMSG);
	/* A status and a BSSID of too few bytes. */
	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	mnl_attr_put_u8(m.n, NL80211_BSS_STATUS, 1);
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -EBADMSG);
	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	mnl_attr_put(m.n, NL80211_BSS_BSSID, 5, "12345");
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -EBADMSG);
}
END_TEST

START_TEST(knows_messages_of_other_sorts)
{
	struct nl80211_associated bss;
	struct nl80211_family family;
	struct made m;

	begin(&m, NL80211_BSS_STATUS_ASSOCIATED);
	ck_assert_int_eq(nl80211_parse_bss(m.n, FAMILY + 1, &bss), -ENOMSG);
	ck_assert_int_eq(nl80211_parse_family(m.n, &family), -ENOMSG);
	((struct genlmsghdr *)mnl_nlmsg_get_payload(m.n))->cmd =
		NL80211_CMD_GET_SCAN;
	ck_assert_int_eq(parse(&m, "\0\1a", 3, &bss), -ENOMSG);
}
END_TEST

static int family_of(const char *name, const void *id, size_t id_len,
		     struct nl80211_family *ret_family)
{
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MAX] = { 0 };
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct nlattr *groups, *group;
	struct genlmsghdr *g;

	n->nlmsg_type = GENL_ID_CTRL;
	g = mnl_nlmsg_put_extra_header(n, sizeof(*g));
	g->cmd = CTRL_CMD_NEWFAMILY;
	mnl_attr_put_strz(n, CTRL_ATTR_FAMILY_NAME, name);
	mnl_attr_put(n, CTRL_ATTR_FAMILY_ID, id_len, id);
	groups = mnl_attr_nest_start(n, CTRL_ATTR_MCAST_GROUPS);
	for (uint16_t i = 1; i < 100; i++) { /* more than we look at */
		group = mnl_attr_nest_start(n, i);
		mnl_attr_put_u32(n, CTRL_ATTR_MCAST_GRP_ID, 100u + i);
		if (i == 7)
			mnl_attr_put_strz(n, CTRL_ATTR_MCAST_GRP_NAME, "mlme");
		mnl_attr_nest_end(n, group);
	}
	mnl_attr_nest_end(n, groups);
	return nl80211_parse_family(n, ret_family);
}

START_TEST(finds_the_group_among_many)
{
	struct nl80211_family family;
	uint16_t id = 33, low = 15;

	ck_assert_int_eq(family_of("nl80211", &id, 2, &family), 0);
	ck_assert(family.id == 33 && family.mlme == 107);
	ck_assert_int_eq(family_of("nl802154", &id, 2, &family), -ENOMSG);
	ck_assert_int_eq(family_of("nl8021", &id, 2, &family), -ENOMSG);
	ck_assert_int_eq(family_of("nl80211", &id, 1, &family), -EBADMSG);
	ck_assert_int_eq(family_of("nl80211", &low, 2, &family), -EBADMSG);
}
END_TEST

START_TEST(builds_the_two_questions)
{
	_Alignas(struct nlmsghdr) char buf[NL80211_MSG_MAX] = { 0 };
	struct nlmsghdr *n = (void *)buf;
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(n);
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(n, sizeof(*g));

	ck_assert_uint_eq(nl80211_build_family(buf, 5), n->nlmsg_len);
	ck_assert_uint_eq(n->nlmsg_type, GENL_ID_CTRL);
	ck_assert_uint_eq(n->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	ck_assert_uint_eq(g->cmd, CTRL_CMD_GETFAMILY);
	ck_assert_str_eq(mnl_attr_get_str(a), "nl80211");

	ck_assert_uint_eq(nl80211_build_scan(buf, 6, 32, 9), n->nlmsg_len);
	ck_assert_uint_eq(n->nlmsg_type, 32);
	ck_assert_uint_eq(n->nlmsg_seq, 6);
	ck_assert_uint_eq(n->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	ck_assert_uint_eq(g->cmd, NL80211_CMD_GET_SCAN);
	ck_assert_uint_eq(mnl_attr_get_u32(a), 9);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nl80211");
	TCase *t = tcase_create("messages");

	tcase_add_loop_test(t, reads_the_associated_network_of_a_scan, 0,
			    (int)ARRAY_SIZE(scans));
	tcase_add_test(t, reads_the_numbers_of_the_family);
	tcase_add_loop_test(t, sees_that_the_association_changed, 0,
			    (int)ARRAY_SIZE(events));
	tcase_add_loop_test(t, survives_messages_cut_anywhere, 0,
			    (int)ARRAY_SIZE(hostile));
	tcase_add_loop_test(t, survives_any_byte_changed, 0,
			    (int)ARRAY_SIZE(hostile));
	tcase_add_loop_test(t, tells_the_security_by_the_elements, 0,
			    (int)ARRAY_SIZE(kinds));
	tcase_add_test(t, takes_an_ssid_of_one_to_32_bytes);
	tcase_add_test(t, takes_an_ssid_with_zeros_in_it);
	tcase_add_test(t, leaves_out_what_we_are_not_associated_with);
	tcase_add_test(t, reads_each_of_two_associated_entries);
	tcase_add_test(t, skips_attributes_that_it_does_not_know);
	tcase_add_test(t, refuses_what_is_too_short);
	tcase_add_test(t, knows_messages_of_other_sorts);
	tcase_add_test(t, finds_the_group_among_many);
	tcase_add_test(t, builds_the_two_questions);
	suite_add_tcase(s, t);
	return suite_run(s);
}
