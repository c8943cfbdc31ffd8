/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network that this machine is in, beneath our own tunnel: what rules on
 * demand are judged by, and what a person is told. Plain data, and the pure
 * questions about it; reading it from the kernel is network_read(), a few
 * netlink dumps, blocking for milliseconds. Control thread.
 */
#ifndef ADIT_HOST_NETWORK_H
#define ADIT_HOST_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/base/addr.h"
#include "tunnel/base/attr.h"
#include "tunnel/host/dns_owner.h"
#include "tunnel/host/portal_url.h"
#include "tunnel/host/rtnl.h"

enum {
	NETWORK_SSID_MAX = 32, /* IEEE 802.11, bytes */
	NETWORK_PREFIXES_MAX = 8,
	NETWORK_LINK_ADDRESS_LEN = 6,
};

enum network_type {
	NETWORK_NONE,  /* no uplink */
	NETWORK_OTHER, /* on hardware of no known type */
	NETWORK_ETHERNET,
	NETWORK_WIFI,
	NETWORK_CELLULAR,
};

enum network_security {
	NETWORK_SECURITY_UNKNOWN, /* no Wi-Fi, or not told */
	NETWORK_SECURITY_OPEN,
	NETWORK_SECURITY_OWE,
	NETWORK_SECURITY_WEP,
	NETWORK_SECURITY_PERSONAL, /* WPA2 or WPA3 with a password */
	NETWORK_SECURITY_ENTERPRISE,
};

/* One family's part of the way out. */
struct network_path {
	struct ip_addr gateway; /* family 0: none, or on the link */
	bool has_link_address;	/* of the gateway: its neighbour entry */
	uint8_t link_address[NETWORK_LINK_ADDRESS_LEN];
	struct ip_prefix prefixes[NETWORK_PREFIXES_MAX]; /* on the link */
	size_t prefix_count;
};

/* What makes it this network and no other (a user's hold ends with it). Parts
 * may be unknown. */
struct network_identity {
	enum network_type type;
	uint8_t ssid[NETWORK_SSID_MAX];
	size_t ssid_len;		/* 0: unknown, or no Wi-Fi */
	struct network_path ipv4, ipv6; /* all zero: unknown */
};

struct network {
	struct network_identity identity;
	/* Another tunnel's device has the best default route: no rule is
	 * judged. The identity is NETWORK_NONE then; `device` is the tunnel's,
	 * for a person to read. */
	bool other_vpn;
	uint32_t ifindex; /* 0: no uplink */
	char device[RTNL_NAME_MAX];
	bool has_bssid;
	uint8_t bssid[NETWORK_LINK_ADDRESS_LEN];
	enum network_security security;
	bool metered;	     /* somebody says so: */
	char metered_by[32]; /* "NetworkManager", "ModemManager"; "" */
	/* RFC 8910, from a router's advertisement, else from a DHCP server;
	 * "": none. */
	char portal_api[PORTAL_URL_MAX];
	bool portal_by_dhcp;
	/* The caller's to fill (dns_owner.h). */
	struct dns_owner_uplink dns;
};

/* --- Pure. --- */

/* No part that is known in both differs: a link address that becomes known, a
 * second family, a lease that is renewed, another access point of the same
 * SSID are the same network. NETWORK_NONE is the same as anything: it is only
 * another network that makes a change. */
bool network_identity_same(const struct network_identity *a,
			   const struct network_identity *b);
/* Does a gateway's link address that is known in both differ? In one network,
 * too: access points may be routers of their own. */
bool network_link_differs(const struct network_identity *a,
			  const struct network_identity *b);
/* Takes what `more` knows over into `id`, which is the same network. */
void network_identity_learn(struct network_identity *id,
			    const struct network_identity *more);
/* Is anything another than before that a rule, a probe or a person would see?
 * The BSSID is not: roaming changes nothing. */
bool network_same(const struct network *a, const struct network *b);

/* "WiFi", "Ethernet", "Cellular", "other", "none": stable. */
const char *network_type_name(enum network_type type);
const char *network_security_name(enum network_security security);

/* --- From the kernel. --- */

struct network_reader;

/* `device`: our own tunnel's, which is looked beneath; copied. 0 or -errno. */
int network_reader_create(const char *device,
			  struct network_reader **ret_reader) ATTR_MUST_CHECK;
/* Takes NULL. */
void network_reader_destroy(struct network_reader *r);
/* Descriptors to poll for reading, at most two. */
enum { NETWORK_DESCRIPTORS_MAX = 2 };
size_t network_descriptors(const struct network_reader *r,
			   int ret_fds[static NETWORK_DESCRIPTORS_MAX]);
/* Reads all that is there. Did links, addresses, routes, rules, the Wi-Fi, a
 * gateway's link address or a captive portal's change? Not told what:
 * everything is read again, so a lost message costs nothing, and ENOBUFS is one
 * more change. */
bool network_drain(struct network_reader *r);
/* Everything but `dns`, which is left as it is, and what network_read_metered()
 * and network_read_portal() say, which is kept while the device or the network
 * is the same: so `network` is zeroed or what was read before. 0; or -errno,
 * and it was not touched. */
int network_read(struct network_reader *r,
		 struct network *network) ATTR_MUST_CHECK;

/* Asks NetworkManager and ModemManager, if they are on the bus, what the
 * network costs, and whether its device is a modem's: then it is
 * NETWORK_CELLULAR and no other VPN. Blocking for 300 ms at most, for a thread
 * beside the loop; needs no reader. */
void network_read_metered(struct network *network);

/* Unless a router has told of one: the portal that a DHCP server told
 * systemd-networkd or NetworkManager of. Where and how long as above. */
void network_read_portal(struct network *network);

#endif
