/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/nl80211.h"

#include "tunnel/base/bytes.h"
#include "tunnel/host/nlattrs.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>

enum {
	ELEMENT_SSID = 0,
	ELEMENT_RSN = 48,
	ELEMENT_VENDOR = 221,
	CAPABILITY_PRIVACY = 1 << 4,
	SUITE_LEN = 4,
	WPA_TYPE = 1, /* of Microsoft's vendor elements */
};

static const uint8_t rsn_oui[] = { 0x00, 0x0f, 0xac };
static const uint8_t wpa_oui[] = { 0x00, 0x50, 0xf2 };

static struct nlmsghdr *put_header(void *buf, uint16_t type, uint16_t flags,
				   uint32_t seq, uint8_t command)
{
	struct nlmsghdr *n;
	struct genlmsghdr *g;

	memset(buf, 0, NL80211_MSG_MAX);
	n = mnl_nlmsg_put_header(buf);
	n->nlmsg_type = type;
	n->nlmsg_flags = NLM_F_REQUEST | flags;
	n->nlmsg_seq = seq;
	g = mnl_nlmsg_put_extra_header(n, sizeof(*g));
	g->cmd = command;
	g->version = 1;
	return n;
}

size_t nl80211_build_family(void *buf, uint32_t seq)
{
	struct nlmsghdr *n = put_header(buf, GENL_ID_CTRL, NLM_F_ACK, seq,
					CTRL_CMD_GETFAMILY);

	mnl_attr_put_strz(n, CTRL_ATTR_FAMILY_NAME, NL80211_GENL_NAME);
	return n->nlmsg_len;
}

size_t nl80211_build_scan(void *buf, uint32_t seq, uint16_t family,
			  uint32_t ifindex)
{
	struct nlmsghdr *n =
		put_header(buf, family, NLM_F_DUMP, seq, NL80211_CMD_GET_SCAN);

	mnl_attr_put_u32(n, NL80211_ATTR_IFINDEX, ifindex);
	return n->nlmsg_len;
}

static bool is_text(const struct nlattr *a, const char *text)
{
	return a && mnl_attr_get_payload_len(a) == strlen(text) + 1 &&
	       memcmp(mnl_attr_get_payload(a), text, strlen(text) + 1) == 0;
}

/* The array of groups is a list of attributes whose types count up. */
static bool find_group(const struct nlattr *groups, const char *name,
		       uint32_t *ret_id)
{
	struct nlattrs list, group;

	if (!nlattrs_read_nested(groups, &list))
		return false;
	for (size_t i = 0; i < NLATTRS_MAX; i++) {
		if (!list.at[i])
			continue;
		if (!nlattrs_read_nested(list.at[i], &group))
			return false;
		if (is_text(group.at[CTRL_ATTR_MCAST_GRP_NAME], name))
			return nlattrs_u32(&group, CTRL_ATTR_MCAST_GRP_ID,
					   ret_id);
	}
	return true;
}

int nl80211_parse_family(const struct nlmsghdr *n,
			 struct nl80211_family *ret_family)
{
	struct nl80211_family family = { 0 };
	const struct genlmsghdr *g;
	const struct nlattr *id, *groups;
	struct nlattrs a;

	if (n->nlmsg_type != GENL_ID_CTRL)
		return -ENOMSG;
	g = nlattrs_read_message(n, sizeof(*g), &a);
	if (!g)
		return -EBADMSG;
	if (g->cmd != CTRL_CMD_NEWFAMILY ||
	    !is_text(a.at[CTRL_ATTR_FAMILY_NAME], NL80211_GENL_NAME))
		return -ENOMSG;
	id = a.at[CTRL_ATTR_FAMILY_ID];
	groups = a.at[CTRL_ATTR_MCAST_GROUPS];
	if (!id || mnl_attr_get_payload_len(id) < sizeof(family.id))
		return -EBADMSG;
	family.id = mnl_attr_get_u16(id);
	if (family.id < GENL_MIN_ID ||
	    (groups &&
	     !find_group(groups, NL80211_MULTICAST_GROUP_MLME, &family.mlme)))
		return -EBADMSG;
	*ret_family = family;
	return 0;
}

/* False at the end; what is cut there does not count. */
static bool next_element(struct bytes *b, uint8_t *ret_id,
			 struct bytes *ret_body)
{
	uint8_t id = bytes_get8(b);
	uint8_t len = bytes_get8(b);
	const uint8_t *body = bytes_take(b, len);

	if (!body)
		return false;
	*ret_id = id;
	*ret_body = bytes_read(body, len);
	return true;
}

static size_t get_le16(struct bytes *b)
{
	size_t low = bytes_get8(b);

	return low | (size_t)bytes_get8(b) << 8;
}

/* An access point that offers both is as easily imitated as the weaker one. */
static enum network_security weaker(enum network_security a,
				    enum network_security b)
{
	return a == NETWORK_SECURITY_UNKNOWN || (b && b < a) ? b : a;
}

/* Numbers of IEEE 802.11-2020, table 9-151, and of its amendments. */
static enum network_security akm_security(const uint8_t *suite,
					  const uint8_t *oui)
{
	if (memcmp(suite, oui, sizeof(rsn_oui)) != 0)
		return NETWORK_SECURITY_UNKNOWN;
	switch (suite[3]) {
	case 2:	 /* PSK */
	case 4:	 /* the same with fast transition */
	case 6:	 /* PSK with SHA-256 */
	case 8:	 /* SAE */
	case 9:	 /* the same with fast transition */
	case 19: /* PSK with SHA-384, fast transition */
	case 20: /* PSK with SHA-384 */
	case 24: /* SAE with a group's own hash */
	case 25: /* the same with fast transition */
		return NETWORK_SECURITY_PERSONAL;
	case 1:	 /* 802.1X */
	case 3:	 /* the same with fast transition */
	case 5:	 /* 802.1X with SHA-256 */
	case 11: /* Suite B */
	case 12:
	case 13: /* 802.1X with SHA-384, fast transition */
	case 14: /* FILS */
	case 15:
	case 16:
	case 17:
	case 22: /* 802.1X with SHA-384, fast transition */
	case 23: /* 802.1X with SHA-384 */
		return NETWORK_SECURITY_ENTERPRISE;
	case 18:
		return NETWORK_SECURITY_OWE;
	default:
		return NETWORK_SECURITY_UNKNOWN;
	}
}

/* RSN (802.11, 9.4.2.24) and WPA 1 have the same fields: version, group
 * cipher, pairwise ciphers, AKM suites. All after the version may be left out,
 * and the AKM is 802.1X then. */
static enum network_security suites_security(struct bytes b, const uint8_t *oui)
{
	enum network_security found = NETWORK_SECURITY_UNKNOWN;
	size_t version = get_le16(&b), count;

	if (version != 1)
		return NETWORK_SECURITY_UNKNOWN;
	if (bytes_left(&b) == 0)
		return NETWORK_SECURITY_ENTERPRISE;
	(void)bytes_take(&b, SUITE_LEN); /* the group cipher */
	if (bytes_left(&b) > 0)
		(void)bytes_take(&b, get_le16(&b) * SUITE_LEN);
	if (bytes_ok(&b) && bytes_left(&b) == 0)
		return NETWORK_SECURITY_ENTERPRISE;
	count = get_le16(&b);
	for (size_t i = 0; i < count && bytes_ok(&b); i++) {
		const uint8_t *suite = bytes_take(&b, SUITE_LEN);

		if (suite)
			found = weaker(found, akm_security(suite, oui));
	}
	return bytes_ok(&b) ? found : NETWORK_SECURITY_UNKNOWN;
}

/* All zeros is how some access points hide it. */
static bool is_hidden(const uint8_t *ssid, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (ssid[i])
			return false;
	}
	return true;
}

static void read_ssid(struct bytes body, struct nl80211_associated *bss)
{
	size_t len = bytes_left(&body);

	if (len > sizeof(bss->ssid) || is_hidden(body.at, len))
		return;
	memcpy(bss->ssid, body.at, len);
	bss->ssid_len = len;
}

static bool is_wpa(struct bytes *body)
{
	const uint8_t *oui = bytes_take(body, sizeof(wpa_oui));

	return bytes_get8(body) == WPA_TYPE && oui &&
	       memcmp(oui, wpa_oui, sizeof(wpa_oui)) == 0;
}

static void read_elements(struct bytes b, bool privacy,
			  struct nl80211_associated *bss)
{
	bool has_ssid = false, has_suites = false;
	struct bytes body;
	uint8_t id;

	while (next_element(&b, &id, &body)) {
		const uint8_t *oui = NULL;

		if (id == ELEMENT_SSID && !has_ssid) {
			has_ssid = true;
			read_ssid(body, bss);
		} else if (id == ELEMENT_RSN) {
			oui = rsn_oui;
		} else if (id == ELEMENT_VENDOR && is_wpa(&body)) {
			oui = wpa_oui;
		}
		if (!oui)
			continue;
		has_suites = true;
		bss->security =
			weaker(bss->security, suites_security(body, oui));
	}
	if (!has_suites)
		bss->security =
			privacy ? NETWORK_SECURITY_WEP : NETWORK_SECURITY_OPEN;
}

static const void *payload_of(const struct nlattrs *a, int type, size_t size)
{
	const struct nlattr *at = a->at[type];

	return at && mnl_attr_get_payload_len(at) >= size
		       ? mnl_attr_get_payload(at)
		       : NULL;
}

int nl80211_parse_bss(const struct nlmsghdr *n, uint16_t family,
		      struct nl80211_associated *ret_bss)
{
	struct nl80211_associated bss = { 0 };
	uint32_t status = UINT32_MAX;
	const struct genlmsghdr *g;
	const struct nlattr *ies;
	const void *bssid, *capability;
	struct nlattrs a, b;
	uint16_t bits = 0;

	if (n->nlmsg_type != family)
		return -ENOMSG;
	g = nlattrs_read_message(n, sizeof(*g), &a);
	if (!g)
		return -EBADMSG;
	if (g->cmd != NL80211_CMD_NEW_SCAN_RESULTS || !a.at[NL80211_ATTR_BSS])
		return -ENOMSG;
	if (!nlattrs_read_nested(a.at[NL80211_ATTR_BSS], &b) ||
	    !nlattrs_u32(&b, NL80211_BSS_STATUS, &status))
		return -EBADMSG;
	if (status != NL80211_BSS_STATUS_ASSOCIATED)
		return -ENOENT;
	bssid = payload_of(&b, NL80211_BSS_BSSID, sizeof(bss.bssid));
	if (!bssid)
		return -EBADMSG;
	memcpy(bss.bssid, bssid, sizeof(bss.bssid));
	capability = payload_of(&b, NL80211_BSS_CAPABILITY, sizeof(bits));
	if (capability)
		memcpy(&bits, capability, sizeof(bits));
	ies = b.at[NL80211_BSS_INFORMATION_ELEMENTS];
	if (ies)
		read_elements(bytes_read(mnl_attr_get_payload(ies),
					 mnl_attr_get_payload_len(ies)),
			      bits & CAPABILITY_PRIVACY, &bss);
	*ret_bss = bss;
	return 0;
}

bool nl80211_is_change(const struct nlmsghdr *n, uint16_t family)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(n);

	if (n->nlmsg_type != family ||
	    n->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*g))
		return false;
	switch (g->cmd) {
	case NL80211_CMD_CONNECT:
	case NL80211_CMD_DISCONNECT:
	case NL80211_CMD_ROAM:
	case NL80211_CMD_ASSOCIATE:
	case NL80211_CMD_DISASSOCIATE:
	case NL80211_CMD_DEAUTHENTICATE:
	case NL80211_CMD_PORT_AUTHORIZED:
		return true;
	default:
		return false;
	}
}
