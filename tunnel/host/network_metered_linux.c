/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the services that manage the network know of its price. */
#include "tunnel/base/attr.h"
#include "tunnel/host/bus_linux.h"
#include "tunnel/host/network.h"

#include <stdio.h>
#include <string.h>

enum {
	PATIENCE_MS = 300,
	OBJECTS_MAX = 16, /* modems, and bearers of each */
	PATH_MAX_LEN = 256,
};

static const struct bus_place manager = { "org.freedesktop.NetworkManager",
					  "/org/freedesktop/NetworkManager",
					  "org.freedesktop.NetworkManager" };
static const struct bus_place modems = { "org.freedesktop.ModemManager1",
					 "/org/freedesktop/ModemManager1",
					 "org.freedesktop.DBus.ObjectManager" };

/* NMMetered; the guesses are NetworkManager's, and shown by nmcli as such. */
enum metered {
	METERED_UNKNOWN = 0,
	METERED_YES = 1,
	METERED_NO = 2,
	METERED_GUESS_YES = 3,
	METERED_GUESS_NO = 4,
};

struct paths {
	char path[OBJECTS_MAX][PATH_MAX_LEN];
	size_t count;
};

static void set_metered(struct network *n, bool metered, const char *by)
{
	n->metered = metered;
	snprintf(n->metered_by, sizeof(n->metered_by), "%s", by);
}

static enum metered get_metered(struct bus *b, const struct bus_place *of)
{
	sd_bus_message *reply;
	uint32_t value = METERED_UNKNOWN;

	if (bus_get(b, of, "Metered", "u", &reply) < 0)
		return METERED_UNKNOWN;
	if (sd_bus_message_read(reply, "u", &value) < 0)
		value = METERED_UNKNOWN;
	sd_bus_message_unref(reply);
	return value;
}

/* The device's own; the manager's is that of the connection with the default
 * route, which may be ours. */
static enum metered ask_network_manager(struct bus *b, const char *device)
{
	enum metered metered = METERED_UNKNOWN;
	sd_bus_message *reply;
	const char *path;

	if (bus_ask(b, &manager, "GetDeviceByIpIface", &reply, "s", device) < 0)
		return get_metered(b, &manager);
	if (sd_bus_message_read(reply, "o", &path) > 0)
		metered = get_metered(
			b, &(struct bus_place) {
				   manager.name, path,
				   "org.freedesktop.NetworkManager.Device" });
	sd_bus_message_unref(reply);
	return metered ? metered : get_metered(b, &manager);
}

static void add_path(struct paths *p, const char *path)
{
	if (p->count < OBJECTS_MAX && strlen(path) < PATH_MAX_LEN)
		snprintf(p->path[p->count++], PATH_MAX_LEN, "%s", path);
}

/* Of all objects only the paths; what is no modem has no bearers. */
static void list_modems(struct bus *b, struct paths *ret_paths)
{
	sd_bus_message *m;
	const char *path;

	ret_paths->count = 0;
	if (bus_ask(b, &modems, "GetManagedObjects", &m, "") < 0)
		return;
	if (sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}") > 0) {
		while (sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}") >
			       0 &&
		       sd_bus_message_read(m, "o", &path) > 0 &&
		       sd_bus_message_skip(m, "a{sa{sv}}") > 0 &&
		       sd_bus_message_exit_container(m) >= 0)
			add_path(ret_paths, path);
	}
	sd_bus_message_unref(m);
}

static void list_bearers(struct bus *b, const char *modem,
			 struct paths *ret_paths)
{
	const struct bus_place place = {
		modems.name, modem, "org.freedesktop.ModemManager1.Modem"
	};
	sd_bus_message *m;
	const char *path;

	ret_paths->count = 0;
	if (bus_get(b, &place, "Bearers", "ao", &m) < 0)
		return;
	if (sd_bus_message_enter_container(m, 'a', "o") > 0) {
		while (sd_bus_message_read(m, "o", &path) > 0)
			add_path(ret_paths, path);
	}
	sd_bus_message_unref(m);
}

static bool bearer_is(struct bus *b, const char *bearer, const char *device)
{
	const struct bus_place place = {
		modems.name, bearer, "org.freedesktop.ModemManager1.Bearer"
	};
	char name[RTNL_NAME_MAX + 1];

	return bus_get_text(b, &place, "Interface", name, sizeof(name)) == 0 &&
	       strcmp(name, device) == 0;
}

/* With PPP the device is nobody's but the bearer's. */
static bool is_modem(struct bus *b, const char *device)
{
	struct paths modem, bearer;

	list_modems(b, &modem);
	for (size_t i = 0; i < modem.count; i++) {
		list_bearers(b, modem.path[i], &bearer);
		for (size_t k = 0; k < bearer.count; k++) {
			if (bearer_is(b, bearer.path[k], device))
				return true;
		}
	}
	return false;
}

static void ask_all(struct bus *b, struct network *n)
{
	enum metered metered = METERED_UNKNOWN;

	if (bus_has(b, modems.name) > 0 && is_modem(b, n->device)) {
		n->other_vpn = false;
		n->identity.type = NETWORK_CELLULAR;
		set_metered(n, true, "ModemManager");
	}
	if (bus_has(b, manager.name) > 0)
		metered = ask_network_manager(b, n->device);
	if (metered != METERED_UNKNOWN)
		set_metered(n,
			    metered == METERED_YES ||
				    metered == METERED_GUESS_YES,
			    "NetworkManager");
}

void network_read_metered(struct network *network)
{
	struct bus b = { 0 };

	set_metered(network, false, "");
	if (network->ifindex == 0 || bus_open(&b, PATIENCE_MS) < 0)
		return;
	ask_all(&b, network);
	bus_close(&b);
}
