/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a DHCP server said of a captive portal (RFC 8910, option 114), as far
 * as the program that asked it shows it: systemd-networkd from 254 on, of IPv4
 * and IPv6; NetworkManager where dhclient asks for it (its own client does not
 * show this option).
 */
#include "tunnel/base/attr.h"
#include "tunnel/host/bus_linux.h"
#include "tunnel/host/network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NM "org.freedesktop.NetworkManager"
#define PATH_OF_LINK "/run/systemd/netif/links/%u"

enum {
	PATIENCE_MS = 300,
	STATE_MAX = 16 * 1024, /* bytes of a file */
	PATH_MAX_LEN = 256,
};

static const struct bus_place manager = { NM, "/org/freedesktop/NetworkManager",
					  NM };

static void ask_networkd(struct network *n)
{
	char path[sizeof(PATH_OF_LINK) + 10], text[STATE_MAX];
	struct stat st;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), PATH_OF_LINK, n->ifindex);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= STATE_MAX) {
		len = read(fd, text, sizeof(text));
		if (len > 0)
			portal_url_of_networkd(text, (size_t)len,
					       n->portal_api);
	}
	close(fd);
}

static int read_path(sd_bus_message *reply, char path[static PATH_MAX_LEN])
{
	const char *text;
	int r = sd_bus_message_read(reply, "o", &text);

	if (r > 0 && strlen(text) >= PATH_MAX_LEN)
		r = -E2BIG;
	if (r > 0)
		snprintf(path, PATH_MAX_LEN, "%s", text);
	sd_bus_message_unref(reply);
	return r > 0 ? 0 : -ENXIO;
}

static int find_lease(struct bus *b, const char *device,
		      char path[static PATH_MAX_LEN])
{
	const struct bus_place of_device = { NM, path, NM ".Device" };
	sd_bus_message *reply;
	int r = bus_ask(b, &manager, "GetDeviceByIpIface", &reply, "s", device);

	if (r == 0)
		r = read_path(reply, path);
	if (r == 0)
		r = bus_get(b, &of_device, "Dhcp4Config", "o", &reply);
	return r ? r : read_path(reply, path);
}

/* NetworkManager's name for 114 is older than RFC 8910. */
static void read_options(sd_bus_message *m, char url[static PORTAL_URL_MAX])
{
	const char *name, *text;

	if (sd_bus_message_enter_container(m, 'a', "{sv}") <= 0)
		return;
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0 &&
	       sd_bus_message_read(m, "s", &name) > 0) {
		if (strcmp(name, "default_url") != 0) {
			if (sd_bus_message_skip(m, "v") < 0)
				return;
		} else if (sd_bus_message_read(m, "v", "s", &text) > 0) {
			portal_url_take(text, strlen(text), url);
			return;
		} else {
			return;
		}
		if (sd_bus_message_exit_container(m) < 0)
			return;
	}
}

static void ask_network_manager(struct bus *b, struct network *n)
{
	char path[PATH_MAX_LEN];
	const struct bus_place lease = { NM, path, NM ".DHCP4Config" };
	sd_bus_message *reply;

	if (find_lease(b, n->device, path) < 0 ||
	    bus_get(b, &lease, "Options", "a{sv}", &reply) < 0)
		return;
	read_options(reply, n->portal_api);
	sd_bus_message_unref(reply);
}

void network_read_portal(struct network *network)
{
	struct bus b = { 0 };

	if (network->portal_api[0] && !network->portal_by_dhcp)
		return;
	network->portal_api[0] = '\0';
	network->portal_by_dhcp = false;
	if (network->ifindex == 0 || network->other_vpn)
		return;
	ask_networkd(network);
	if (!network->portal_api[0] && bus_open(&b, PATIENCE_MS) == 0) {
		if (bus_has(&b, NM) > 0)
			ask_network_manager(&b, network);
		bus_close(&b);
	}
	network->portal_by_dhcp = network->portal_api[0] != '\0';
}
