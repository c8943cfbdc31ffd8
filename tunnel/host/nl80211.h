/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Wi-Fi that a device is associated with, by nl80211: the entry of its scan
 * cache that is marked so, and the information elements in it (IEEE 802.11,
 * 9.4.2). GET_INTERFACE is not asked: several kernels leave the SSID out of
 * it, or tell the next one too early. Pure; any thread; elements come from
 * whoever sends beacons.
 *
 *   1. nl80211_build_family, nl80211_parse_family: the numbers of this kernel
 *   2. join the group; nl80211_is_change says that it is time for
 *   3. nl80211_build_scan, and nl80211_parse_bss for each message of the dump
 */
#ifndef ADIT_HOST_NL80211_H
#define ADIT_HOST_NL80211_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/host/network.h"

struct nlmsghdr;

enum { NL80211_MSG_MAX = 64 }; /* room that every builder here needs */

struct nl80211_family {
	uint16_t id;
	uint32_t mlme; /* multicast group; 0: there is none */
};

struct nl80211_associated {
	uint8_t bssid[NETWORK_LINK_ADDRESS_LEN];
	uint8_t ssid[NETWORK_SSID_MAX];
	size_t ssid_len; /* 0: hidden, and not told by the access point */
	enum network_security security;
};

/* Builders fill `buf` (aligned for a struct nlmsghdr) and return the length. */
size_t nl80211_build_family(void *buf, uint32_t seq);
size_t nl80211_build_scan(void *buf, uint32_t seq, uint16_t family,
			  uint32_t ifindex);

/* Each returns 0; -ENOMSG: another sort of message; -EBADMSG: malformed. */
int nl80211_parse_family(const struct nlmsghdr *n,
			 struct nl80211_family *ret_family);
/* -ENOENT: of an access point that we are not associated with. */
int nl80211_parse_bss(const struct nlmsghdr *n, uint16_t family,
		      struct nl80211_associated *ret_bss);

/* Of the group: the association may be another one. */
bool nl80211_is_change(const struct nlmsghdr *n, uint16_t family);

#endif
