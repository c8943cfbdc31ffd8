/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks are told as words: TYPE [ssid=TEXT] [gw=ADDRESS] [at=BYTE]
 * [net=PREFIX]..., the families by their addresses; "at" is the last byte of
 * the link address of the gateway before it. */
#include "tunnel/host/network.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"

enum { TEXT_MAX = 512 };

#define HOME4 " gw=192.168.1.1 at=01 net=192.168.1.0/24"
#define HOME6 " gw=fe80::1 at=01 net=2001:db8:1::/64"
#define HOME "WiFi ssid=HomeNet" HOME4 HOME6
#define DESK "Ethernet gw=192.0.2.1 at=07 net=192.0.2.0/24"

static const struct {
	const char *what;
	const char *a, *b;
	bool same;
} pairs[] = {
	/* The type. */
	{ "a network is itself", HOME, HOME, true },
	{ "another type is another network", "WiFi net=192.0.2.0/24",
	  "Ethernet net=192.0.2.0/24", false },
	{ "Ethernet and a modem are two networks", "Ethernet", "Cellular",
	  false },
	{ "a type that becomes known is no change", "other net=10.0.0.0/30",
	  "Cellular net=10.0.0.0/30", true },
	{ "a type that is unknown does not hide another prefix",
	  "other net=10.0.0.0/30", "Cellular net=10.0.0.4/30", false },

	/* The SSID, of Wi-Fi. */
	{ "another SSID is another network", "WiFi ssid=HomeNet" HOME4,
	  "WiFi ssid=CafeNet" HOME4, false },
	{ "an SSID is bytes: capitals count", "WiFi ssid=corp",
	  "WiFi ssid=Corp", false },
	{ "an SSID is bytes: one more at the end counts", "WiFi ssid=Corp",
	  "WiFi ssid=Corp_", false },
	{ "an SSID that begins like another is another", "WiFi ssid=Corp",
	  "WiFi ssid=Corp2", false },
	{ "an SSID that becomes known is no change", "WiFi" HOME4, HOME, true },
	{ "an SSID that becomes known does not hide another prefix",
	  "WiFi net=192.168.1.0/24", "WiFi ssid=X net=10.0.0.0/24", false },
	{ "roaming to a router of its own with the same SSID is no change",
	  "WiFi ssid=HomeNet gw=192.168.1.1 at=01",
	  "WiFi ssid=HomeNet gw=192.168.1.1 at=02", true },
	{ "two Wi-Fi networks without SSID differ by the link address",
	  "WiFi gw=192.168.1.1 at=01", "WiFi gw=192.168.1.1 at=02", false },

	/* The gateway's link address, of the others. */
	{ "another link address of the gateway is another network",
	  "Ethernet gw=192.0.2.1 at=01", "Ethernet gw=192.0.2.1 at=02", false },
	{ "a link address that becomes known is no change",
	  "Ethernet gw=192.0.2.1", "Ethernet gw=192.0.2.1 at=02", true },
	{ "a link address that is forgotten is no change",
	  "Ethernet gw=192.0.2.1 at=02", "Ethernet gw=192.0.2.1", true },
	{ "another link address in IPv6 alone is another network",
	  "Ethernet gw=192.0.2.1 gw=fe80::1 at=01",
	  "Ethernet gw=192.0.2.1 gw=fe80::1 at=02", false },
	{ "a link address of one family each is no change",
	  "Ethernet gw=192.0.2.1 at=01", "Ethernet gw=fe80::1 at=02", true },

	/* The gateway's address. */
	{ "another gateway is another network", "Ethernet gw=192.0.2.1",
	  "Ethernet gw=192.0.2.2", false },
	{ "another gateway in IPv6 is another network", "Ethernet gw=fe80::1",
	  "Ethernet gw=fe80::2", false },
	{ "another gateway is another network within one SSID, too",
	  "WiFi ssid=Guest gw=192.0.2.1", "WiFi ssid=Guest gw=10.0.0.1",
	  false },
	{ "a gateway that becomes known is no change",
	  "Ethernet net=192.0.2.0/24", "Ethernet gw=192.0.2.1 net=192.0.2.0/24",
	  true },

	/* The prefixes. */
	{ "another prefix is another network", "Ethernet net=192.168.1.0/24",
	  "Ethernet net=192.168.2.0/24", false },
	{ "the same addresses with another length are another network",
	  "Ethernet net=10.0.0.0/8", "Ethernet net=10.0.0.0/16", false },
	{ "another prefix in IPv6 is another network",
	  "Ethernet net=192.0.2.0/24 net=2001:db8:1::/64",
	  "Ethernet net=192.0.2.0/24 net=2001:db8:2::/64", false },
	{ "one more prefix is no change", "Ethernet net=fd00::/64",
	  "Ethernet net=2001:db8::/64 net=fd00::/64", true },
	{ "one prefix of several that goes is no change",
	  "Ethernet net=2001:db8::/64 net=fd00::/64",
	  "Ethernet net=2001:db8::/64", true },
	{ "one prefix of several that is another is no change",
	  "Ethernet net=2001:db8:1::/64 net=fd00::/64",
	  "Ethernet net=fd00::/64 net=2001:db8:2::/64", true },
	{ "no prefix of several left is another network",
	  "Ethernet net=2001:db8:1::/64 net=fd00::/64",
	  "Ethernet net=2001:db8:2::/64 net=fd01::/64", false },

	/* Families. */
	{ "a second family that appears is no change", DESK,
	  DESK " gw=fe80::1 at=09 net=2001:db8::/64", true },
	{ "a second family that goes is no change", HOME,
	  "WiFi ssid=HomeNet" HOME4, true },
	{ "the other family of the two is no change", "WiFi ssid=HomeNet" HOME4,
	  "WiFi ssid=HomeNet" HOME6, true },
	{ "IPv4 alone of another network is another one", HOME,
	  "WiFi ssid=HomeNet gw=10.0.0.1", false },

	/* What is renewed, and what is nothing. */
	{ "a lease that is renewed, sleep and wake leave all as it was", DESK,
	  DESK, true },
	{ "no network is no change", DESK, "none", true },
	{ "no network after another", "none", HOME, true },
	{ "nothing and nothing", "none", "none", true },
};

static void add_net(struct network_identity *id, const char *text)
{
	struct network_path *path;
	struct ip_prefix p;

	ck_assert_int_eq(prefix_parse(text, &p), 0);
	path = p.addr.family == AF_INET ? &id->ipv4 : &id->ipv6;
	path->prefixes[path->prefix_count++] = p;
}

static struct network_path *set_gateway(struct network_identity *id,
					const char *text)
{
	struct network_path *path;
	struct ip_addr gateway;

	ck_assert_int_eq(addr_parse(text, &gateway), 0);
	path = gateway.family == AF_INET ? &id->ipv4 : &id->ipv6;
	path->gateway = gateway;
	return path;
}

static void set_link_address(struct network_path *path, const char *text)
{
	path->has_link_address = true;
	path->link_address[0] = 2;
	path->link_address[5] = (uint8_t)strtoul(text, NULL, 16);
}

static enum network_type type_of(const char *name)
{
	enum network_type t = NETWORK_NONE;

	while (strcmp(network_type_name(t), name) != 0)
		t++;
	return t;
}

static struct network_identity identity(const char *text)
{
	struct network_identity id = { 0 };
	struct network_path *path = NULL;
	char copy[TEXT_MAX], *word, *next = copy;

	ck_assert_uint_lt(strlen(text), sizeof(copy));
	strcpy(copy, text);
	id.type = type_of(strsep(&next, " "));
	while ((word = strsep(&next, " "))) {
		if (strncmp(word, "ssid=", 5) == 0) {
			id.ssid_len = strlen(word + 5);
			memcpy(id.ssid, word + 5, id.ssid_len);
		} else if (strncmp(word, "gw=", 3) == 0) {
			path = set_gateway(&id, word + 3);
		} else if (strncmp(word, "at=", 3) == 0) {
			set_link_address(path, word + 3);
		} else {
			add_net(&id, word + 4);
		}
	}
	return id;
}

START_TEST(knows_a_network_again)
{
	struct network_identity a = identity(pairs[_i].a);
	struct network_identity b = identity(pairs[_i].b);

	ck_assert_msg(network_identity_same(&a, &b) == pairs[_i].same, "%s",
		      pairs[_i].what);
	ck_assert_msg(network_identity_same(&b, &a) == pairs[_i].same,
		      "%s, the other way round", pairs[_i].what);
}
END_TEST

/* A sequence: each is learned while it is the same network. */
static const struct {
	const char *what;
	const char *seen[6];
	size_t changes;
} walks[] = {
	{ "unplugged and plugged in again is no change",
	  { DESK, "none", DESK },
	  0 },
	{ "another network after nothing is one",
	  { DESK, "none", HOME, "none", HOME },
	  1 },
	{ "a link address is remembered while it is not known",
	  { "Ethernet gw=192.0.2.1", "Ethernet gw=192.0.2.1 at=01",
	    "Ethernet gw=192.0.2.1", "Ethernet gw=192.0.2.1 at=02" },
	  1 },
	{ "the first family is remembered while only the second is there",
	  { DESK, "Ethernet gw=fe80::1 at=09", "Ethernet gw=192.0.2.1 at=08" },
	  1 },
	{ "prefixes are remembered while they are gone",
	  { "Ethernet net=fd00::/64 net=2001:db8::/64",
	    "Ethernet net=2001:db8::/64", "Ethernet net=fd00::/64",
	    "Ethernet net=fd01::/64" },
	  1 },
	{ "an SSID is remembered while it is unknown",
	  { "WiFi ssid=HomeNet", "WiFi", "WiFi ssid=CafeNet",
	    "WiFi ssid=CafeNet" },
	  1 },
	{ "there and back is two", { DESK, HOME, DESK }, 2 },
	{ "a modem's type is known later",
	  { "other net=10.0.0.0/30", "Cellular net=10.0.0.0/30",
	    "other net=10.0.0.0/30", "Ethernet net=10.0.0.0/30" },
	  1 },
};

START_TEST(remembers_what_it_has_learned)
{
	struct network_identity id = { 0 };
	size_t changes = 0;

	for (size_t i = 0; i < ARRAY_SIZE(walks[0].seen); i++) {
		struct network_identity now;

		if (!walks[_i].seen[i])
			break;
		now = identity(walks[_i].seen[i]);
		if (!network_identity_same(&id, &now)) {
			changes++;
			id = now;
		}
		network_identity_learn(&id, &now);
	}
	ck_assert_msg(changes == walks[_i].changes, "%s: %zu changes",
		      walks[_i].what, changes);
}
END_TEST

START_TEST(learns_no_more_prefixes_than_there_is_room_for)
{
	struct network_identity id = identity("Ethernet net=fd00::/64");
	char text[64];

	for (int i = 0; i < 40; i++) {
		struct network_identity more;

		snprintf(text, sizeof(text),
			 "Ethernet net=fd00::/64 net=fd%02x::/64", i);
		more = identity(text);
		network_identity_learn(&id, &more);
	}
	ck_assert_uint_eq(id.ipv6.prefix_count, NETWORK_PREFIXES_MAX);
}
END_TEST

static struct network base(void)
{
	struct network n = { .identity = identity(HOME),
			     .ifindex = 3,
			     .device = "wlan0",
			     .has_bssid = true,
			     .bssid = { 2, 0, 0, 0, 0, 1 },
			     .security = NETWORK_SECURITY_PERSONAL };

	ck_assert_int_eq(endpoint_parse("192.168.1.1:53", &n.dns.servers[0].at),
			 0);
	n.dns.server_count = 1;
	strcpy(n.dns.search[0], "home.example");
	n.dns.search_count = 1;
	return n;
}

#define UNLIKE(change)                                         \
	do {                                                   \
		struct network a = base(), b = base();         \
                                                               \
		change;                                        \
		ck_assert_msg(!network_same(&a, &b), #change); \
		ck_assert_msg(!network_same(&b, &a), #change); \
	} while (0)

START_TEST(sees_all_that_a_rule_or_a_person_would)
{
	struct network one = base(), other = base();

	ck_assert(network_same(&one, &other));
	UNLIKE(b.other_vpn = true);
	UNLIKE(b.ifindex = 4);
	UNLIKE(strcpy(b.device, "wlan1"));
	UNLIKE(b.identity.type = NETWORK_NONE);
	UNLIKE(b.identity.type = NETWORK_OTHER);
	UNLIKE(b.identity.ssid[0] = 'h');
	UNLIKE(b.identity.ssid_len = 0);
	UNLIKE(b.identity.ipv4.gateway.family = 0);
	UNLIKE(b.identity.ipv6.gateway.bytes[15] = 7);
	UNLIKE(b.identity.ipv6.prefix_count = 0);
	UNLIKE(add_net(&b.identity, "fd00::/64"));
	UNLIKE(b.security = NETWORK_SECURITY_OPEN);
	UNLIKE(b.metered = true);
	UNLIKE(strcpy(b.metered_by, "NetworkManager"));
	UNLIKE(strcpy(b.portal_api, "https://portal.example/"));
	UNLIKE(b.dns.server_count = 0);
	UNLIKE(b.dns.servers[0].at.port = 54);
	UNLIKE(b.dns.search_count = 0);
	UNLIKE(strcpy(b.dns.search[0], "home.example.org"));
}
END_TEST

START_TEST(does_not_see_roaming_and_what_becomes_known)
{
	struct network a = base(), b = base();

	b.bssid[5] = 2;
	b.identity.ipv4.link_address[5] = 2;
	b.identity.ipv6.has_link_address = false;
	ck_assert(network_same(&a, &b));
	b.has_bssid = false;
	ck_assert(network_same(&a, &b));
	/* The order in which prefixes are told means nothing. */
	add_net(&a.identity, "fd00::/64");
	add_net(&b.identity, "fd00::/64");
	b.identity.ipv6.prefixes[2] = b.identity.ipv6.prefixes[0];
	memmove(b.identity.ipv6.prefixes, b.identity.ipv6.prefixes + 1,
		2 * sizeof(b.identity.ipv6.prefixes[0]));
	ck_assert(network_same(&a, &b));
}
END_TEST

START_TEST(sees_another_gateway_on_a_cable)
{
	struct network a = base(), b = base();

	a.identity = identity(DESK);
	b.identity = a.identity;
	b.identity.ipv4.link_address[5]++;
	ck_assert(!network_same(&a, &b));
	b.identity.ipv4.has_link_address = false;
	ck_assert(network_same(&a, &b));
}
END_TEST

START_TEST(has_names_that_stay)
{
	static const char *const types[] = { "none", "other", "Ethernet",
					     "WiFi", "Cellular" };
	static const char *const securities[] = { "unknown",  "open",
						  "OWE",      "WEP",
						  "personal", "enterprise" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		ck_assert_str_eq(network_type_name((enum network_type)i),
				 types[i]);
	for (size_t i = 0; i < ARRAY_SIZE(securities); i++)
		ck_assert_str_eq(
			network_security_name((enum network_security)i),
			securities[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("network");
	TCase *t = tcase_create("identity");

	tcase_add_loop_test(t, knows_a_network_again, 0,
			    (int)ARRAY_SIZE(pairs));
	tcase_add_loop_test(t, remembers_what_it_has_learned, 0,
			    (int)ARRAY_SIZE(walks));
	tcase_add_test(t, learns_no_more_prefixes_than_there_is_room_for);
	tcase_add_test(t, sees_all_that_a_rule_or_a_person_would);
	tcase_add_test(t, does_not_see_roaming_and_what_becomes_known);
	tcase_add_test(t, sees_another_gateway_on_a_cable);
	tcase_add_test(t, has_names_that_stay);
	suite_add_tcase(s, t);
	return suite_run(s);
}
