/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages that pass for nl80211's, one after another as in a dump; each is
 * of the family that it is asked for. */
#include <assert.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/host/nl80211.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of its own size, so that a sanitizer sees the first byte behind it. */
static void parse(const uint8_t *data, size_t len)
{
	struct nlmsghdr *n = malloc(len);
	struct nl80211_associated bss;
	struct nl80211_family family;

	memcpy(n, data, len);
	n->nlmsg_len = (uint32_t)len;
	if (nl80211_parse_bss(n, n->nlmsg_type, &bss) == 0)
		assert(bss.ssid_len <= sizeof(bss.ssid) &&
		       bss.security <= NETWORK_SECURITY_ENTERPRISE);
	if (nl80211_parse_family(n, &family) == 0)
		assert(family.id >= GENL_MIN_ID);
	(void)nl80211_is_change(n, n->nlmsg_type);
	free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		uint32_t len;

		memcpy(&len, data, sizeof(len));
		if (len < sizeof(struct nlmsghdr) || len > size)
			len = (uint32_t)size;
		parse(data, len);
		data += len;
		size -= len;
	}
	return 0;
}
