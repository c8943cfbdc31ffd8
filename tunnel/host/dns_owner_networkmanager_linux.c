/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NetworkManager, by its DNS mode (org.freedesktop.NetworkManager.DnsManager):
 *
 *   default   it writes resolv.conf. A connection of ours in memory, with a
 *             negative dns-priority, is the only one that counts; it needs a
 *             device, and a bridge without ports is one that each version can
 *             make, and none takes for a cable.
 *   dnsmasq   it binds each connection's servers to the device, which a
 *             loopback stub does not survive. GlobalDnsConfiguration has no
 *             device; it is kept on disk, so it must be undone.
 *
 * With "systemd-resolved" resolved is the owner, with "none" the file is. Seen
 * with 1.42.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tunnel/base/clock.h"
#include "tunnel/host/bus_linux.h"
#include "tunnel/host/dns_link.h"
#include "tunnel/host/dns_owner_nm_linux.h"

#define UUID "ad170077-0053-4053-8053-ad1700770053" /* of our connection */

enum {
	PRIORITY = -50, /* as for a VPN that takes all names */
	PREFIX_ONE = 32,
	RELOAD_DNS_RC = 2, /* NM_MANAGER_RELOAD_FLAGS_DNS_RC */
	WAIT_MS = 10,
};

const struct bus_place nm_manager = { NM, "/org/freedesktop/NetworkManager",
				      NM };
static const struct bus_place settings = {
	NM, "/org/freedesktop/NetworkManager/Settings", NM ".Settings"
};
static const struct bus_place dns = {
	NM, "/org/freedesktop/NetworkManager/DnsManager", NM ".DnsManager"
};

int nm_open(struct bus *bus, char *error)
{
	int r = bus_open(bus, DNS_OWNER_PATIENCE_MS);

	if (r == 0 && bus_has(bus, NM) <= 0) {
		bus_close(bus);
		r = -EHOSTUNREACH;
	}
	if (r)
		dns_owner_say(error, "NetworkManager does not answer: %s",
			      strerror(-r));
	return r;
}

int nm_refused(const struct bus *bus, const char *what, int r, char *error)
{
	dns_owner_say(error, "NetworkManager refused %s: %s", what,
		      bus->why[0] ? bus->why : strerror(-r));
	return r;
}

static void wait_a_little(void)
{
	struct timespec pause = { .tv_nsec = WAIT_MS * NS_PER_MS };

	(void)nanosleep(&pause, NULL);
}

/* --- detect --- */

/* As "symlink" it leaves a link alone that does not lead to its own file. */
static bool writes_file(const char *rc, const char *path)
{
	if (strcmp(rc, "file") == 0)
		return true;
	return strcmp(rc, "symlink") == 0 &&
	       (strcmp(path, DNS_OWNER_RESOLV_CONF) == 0 ||
		strncmp(path, "/run/NetworkManager/", 20) == 0);
}

static bool nm_detect(struct dns_owner *o, struct bus *bus)
{
	char mode[32] = "", rc[32] = "";

	if (!bus || bus_has(bus, NM) <= 0 ||
	    bus_get_text(bus, &dns, "Mode", mode, sizeof(mode)) < 0 ||
	    bus_get_text(bus, &dns, "RcManager", rc, sizeof(rc)) < 0 ||
	    !writes_file(rc, o->path))
		return false;
	if (strcmp(mode, "default") == 0)
		o->kind = DNS_OWNER_NETWORKMANAGER;
	else if (strcmp(mode, "dnsmasq") == 0)
		o->kind = DNS_OWNER_DNSMASQ;
	else
		return false;
	(void)bus_get_text(bus, &nm_manager, "Version", o->version,
			   sizeof(o->version));
	snprintf(o->because, sizeof(o->because),
		 "it answers on the bus and writes resolv.conf (mode %s, "
		 "rc-manager %s)",
		 mode, rc);
	return true;
}

/* --- the uplink: what the devices have, for the DNS manager's own list is
 * ours by then --- */

/* "aa{sv}", of which the address is all we take. */
static void read_server_data(sd_bus_message *m, struct dns_owner_uplink *u)
{
	if (sd_bus_message_enter_container(m, 'a', "a{sv}") <= 0)
		return;
	while (sd_bus_message_enter_container(m, 'a', "{sv}") > 0) {
		while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
			struct endpoint at = { 0 };
			const char *key, *text;

			if (sd_bus_message_read(m, "s", &key) <= 0)
				return;
			if (strcmp(key, "address") != 0) {
				if (sd_bus_message_skip(m, "v") < 0)
					return;
			} else if (sd_bus_message_read(m, "v", "s", &text) >
					   0 &&
				   addr_parse(text, &at.addr) == 0) {
				dns_owner_add_server(u, &at, NULL);
			}
			if (sd_bus_message_exit_container(m) < 0)
				return;
		}
		if (sd_bus_message_exit_container(m) < 0)
			return;
	}
}

static void read_servers6(sd_bus_message *m, uint32_t link,
			  struct dns_owner_uplink *u)
{
	struct endpoint at = { .addr.family = AF_INET6, .scope_id = link };
	const void *bytes;
	size_t len;

	if (sd_bus_message_enter_container(m, 'a', "ay") <= 0)
		return;
	while (sd_bus_message_read_array(m, 'y', &bytes, &len) > 0) {
		if (len != sizeof(at.addr.bytes))
			continue;
		memcpy(at.addr.bytes, bytes, len);
		dns_owner_add_server(u, &at, NULL);
	}
}

static void read_names(struct bus *bus, const struct bus_place *from,
		       const char *property, struct dns_owner_uplink *u)
{
	sd_bus_message *reply;
	const char *name;

	if (bus_get(bus, from, property, "as", &reply) < 0)
		return;
	if (sd_bus_message_enter_container(reply, 'a', "s") > 0) {
		while (sd_bus_message_read(reply, "s", &name) > 0)
			dns_owner_add_search(u, name, strlen(name));
	}
	sd_bus_message_unref(reply);
}

/* The object that a property of another names. False: there is none. */
static bool read_path(struct bus *bus, const struct bus_place *from,
		      const char *property, char *buf, size_t size)
{
	sd_bus_message *reply;
	const char *path = "/";

	if (bus_get(bus, from, property, "o", &reply) < 0)
		return false;
	(void)sd_bus_message_read(reply, "o", &path);
	snprintf(buf, size, "%s", path);
	sd_bus_message_unref(reply);
	return strcmp(buf, "/") != 0;
}

static void read_device(struct bus *bus, const char *path,
			struct dns_owner_uplink *u)
{
	struct bus_place device = { NM, path, NM ".Device" };
	char config[128], name[32] = "";
	struct bus_place ip4 = { NM, config, NM ".IP4Config" };
	struct bus_place ip6 = { NM, config, NM ".IP6Config" };
	sd_bus_message *reply;

	if (bus_get_text(bus, &device, "Interface", name, sizeof(name)) < 0 ||
	    strcmp(name, DNS_LINK_NAME) == 0)
		return;
	if (read_path(bus, &device, "Ip4Config", config, sizeof(config))) {
		if (bus_get(bus, &ip4, "NameserverData", "aa{sv}", &reply) ==
		    0) {
			read_server_data(reply, u);
			sd_bus_message_unref(reply);
		}
		read_names(bus, &ip4, "Searches", u);
		read_names(bus, &ip4, "Domains", u);
	}
	if (read_path(bus, &device, "Ip6Config", config, sizeof(config))) {
		if (bus_get(bus, &ip6, "Nameservers", "aay", &reply) == 0) {
			read_servers6(reply, if_nametoindex(name), u);
			sd_bus_message_unref(reply);
		}
		read_names(bus, &ip6, "Searches", u);
		read_names(bus, &ip6, "Domains", u);
	}
}

int nm_read_devices(struct bus *bus, struct dns_owner_uplink *u)
{
	sd_bus_message *reply;
	const char *path;
	int r = bus_get(bus, &nm_manager, "Devices", "ao", &reply);

	if (r < 0)
		return r;
	if (sd_bus_message_enter_container(reply, 'a', "o") > 0) {
		while (sd_bus_message_read(reply, "o", &path) > 0)
			read_device(bus, path, u);
	}
	sd_bus_message_unref(reply);
	return bus_left_ns(bus) ? 0 : -ETIMEDOUT;
}

int nm_read_uplink(const struct dns_owner *o ATTR_UNUSED,
		   struct dns_owner_uplink *u)
{
	char error[DNS_OWNER_TEXT_MAX];
	struct bus bus;
	int r = nm_open(&bus, error);

	if (r)
		return r;
	r = nm_read_devices(&bus, u);
	bus_close(&bus);
	return r;
}

/* It hears of a new device from the kernel and from udev: soon. */
static sd_bus_message *wait_for_device(struct bus *bus, const char *device)
{
	uint64_t enough = bus_left_ns(bus) / 2;
	sd_bus_message *reply = NULL;

	while (bus_ask(bus, &nm_manager, "GetDeviceByIpIface", &reply, "s",
		       device) < 0) {
		if (bus_left_ns(bus) <= enough)
			return NULL;
		wait_a_little();
	}
	return reply;
}

void nm_leave_alone(struct bus *bus, const char *device)
{
	struct bus_place properties = { NM, NULL,
					"org.freedesktop.DBus.Properties" };
	sd_bus_message *reply;

	if (bus_has(bus, NM) <= 0)
		return;
	reply = wait_for_device(bus, device);
	if (reply && sd_bus_message_read(reply, "o", &properties.path) > 0)
		/* Where it refuses, what we read back will tell. */
		(void)bus_ask(bus, &properties, "Set", NULL, "ssv",
			      NM ".Device", "Managed", "b", 0);
	sd_bus_message_unref(reply);
}

/* --- building messages --- */

int nm_put_list(sd_bus_message *m, const char *key, const char *const *list,
		size_t count)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = sd_bus_message_append(m, "s", list[i]);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

/* What our connection is to say. */
struct profile {
	const struct dns_owner_plan *plan;
	const char *search[DNS_OWNER_SEARCH_MAX];
	size_t search_count;
	char path[128]; /* its object; empty: there is none yet */
};

static int put_ipv4(sd_bus_message *m, const struct profile *p)
{
	uint32_t stub; /* in network order, as NetworkManager has it */
	int r = sd_bus_message_open_container(m, 'e', "sa{sv}");

	memcpy(&stub, p->plan->stub.addr.bytes, sizeof(stub));
	if (r >= 0)
		r = sd_bus_message_append(m, "s", "ipv4");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(
			m, "{sv}{sv}{sv}{sv}{sv}{sv}", "method", "s", "manual",
			"address-data", "aa{sv}", 1, 2, "address", "s",
			DNS_LINK_ADDRESS, "prefix", "u", PREFIX_ONE, "dns",
			"au", 1, stub, "dns-priority", "i", PRIORITY,
			"never-default", "b", 1, "dad-timeout", "i", 0);
	if (r >= 0)
		r = nm_put_list(m, "dns-search", p->search, p->search_count);
	for (int i = 0; r >= 0 && i < 2; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

/* Our connection, "a{sa{sv}}". */
static int put_connection(sd_bus_message *m, const struct profile *p)
{
	int r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");

	if (r >= 0)
		r = sd_bus_message_append(
			m, "{sa{sv}}{sa{sv}}{sa{sv}}", "connection", 5, "id",
			"s", "adit", "uuid", "s", UUID, "type", "s", "bridge",
			"interface-name", "s", DNS_LINK_NAME, "autoconnect",
			"b", 0, "bridge", 1, "stp", "b", 0, "ipv6", 1, "method",
			"s", "disabled");
	if (r >= 0)
		r = put_ipv4(m, p);
	return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int nm_finish(struct bus *bus, sd_bus_message *m, int r)
{
	if (r >= 0)
		return bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
	return r;
}

/* --- mode default --- */

/* -ENOENT: there is none. */
static int find_connection(struct bus *bus, char *buf, size_t size)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int r = bus_ask(bus, &settings, "GetConnectionByUuid", &reply, "s",
			UUID);

	if (r < 0)
		return r == -ETIMEDOUT ? r : -ENOENT;
	r = sd_bus_message_read(reply, "o", &path);
	if (r > 0)
		snprintf(buf, size, "%s", path);
	sd_bus_message_unref(reply);
	return r > 0 ? 0 : -EBADMSG;
}

/* Makes or changes it, in memory. */
static int put_settings(struct bus *bus, struct profile *p)
{
	struct bus_place connection = { NM, p->path,
					NM ".Settings.Connection" };
	bool there = p->path[0];
	sd_bus_message *m = NULL, *reply = NULL;
	const char *path;
	int r = there ? bus_compose(bus, &connection, "UpdateUnsaved", &m)
		      : bus_compose(bus, &settings, "AddConnectionUnsaved", &m);

	if (r < 0)
		return r;
	r = put_connection(m, p);
	if (r < 0) {
		sd_bus_message_unref(m);
		return r;
	}
	r = bus_send(bus, m, &reply);
	if (r == 0 && !there) {
		r = sd_bus_message_read(reply, "o", &path);
		if (r > 0)
			snprintf(p->path, sizeof(p->path), "%s", path);
	}
	sd_bus_message_unref(reply);
	return r < 0 ? r : 0;
}

/* On a device that has it already the old settings stay until the new ones are
 * there. (AddAndActivateConnection does not do for the first time:
 * NetworkManager 1.42 finds no device for a profile whose device it has still
 * to make.) */
static int activate(struct bus *bus, const char *path)
{
	struct bus_place device = { NM, NULL, NM ".Device" };
	sd_bus_message *reply = NULL;
	int r = bus_ask(bus, &nm_manager, "GetDeviceByIpIface", &reply, "s",
			DNS_LINK_NAME);

	if (r == 0 && sd_bus_message_read(reply, "o", &device.path) > 0)
		r = bus_ask(bus, &device, "Reapply", NULL, "a{sa{sv}}tu", 0,
			    (uint64_t)0, 0U);
	sd_bus_message_unref(reply);
	if (r == 0)
		return 0;
	return bus_ask(bus, &nm_manager, "ActivateConnection", NULL, "ooo",
		       path, "/", "/");
}

/* It does not notice when somebody edits the file, and writes it again when it
 * is told to. */
static int wait_for_file(struct bus *bus, const struct dns_owner_plan *p,
			 char *error)
{
	int same = dns_owner_check_file(DNS_OWNER_RESOLV_CONF, p, error);

	(void)bus_ask(bus, &nm_manager, "Reload", NULL, "u", RELOAD_DNS_RC);
	while (same != 1 && bus_left_ns(bus) > 0) {
		wait_a_little();
		same = dns_owner_check_file(DNS_OWNER_RESOLV_CONF, p, error);
	}
	return same == 1 ? 0 : same == 0 ? -EIO : same;
}

static int set_connection(struct bus *bus, const struct dns_owner_plan *plan,
			  char *error)
{
	struct dns_owner_uplink *u = calloc(1, sizeof(*u));
	struct profile p = { .plan = plan };
	int r;

	if (!u)
		return -ENOMEM;
	/* A negative priority hides their search lists as well. */
	r = nm_read_devices(bus, u);
	p.search_count = dns_owner_search_list(plan, u, p.search);
	if (r == 0)
		r = find_connection(bus, p.path, sizeof(p.path));
	if (r == 0 || r == -ENOENT)
		r = put_settings(bus, &p);
	if (r == 0)
		r = activate(bus, p.path);
	if (r)
		nm_refused(bus, "our connection", r, error);
	else
		r = wait_for_file(bus, plan, error);
	free(u); /* p borrows its search list */
	return r;
}

static int nm_apply(const struct dns_owner *o ATTR_UNUSED,
		    const struct dns_owner_plan *p, char *error)
{
	struct bus bus;
	int r = nm_open(&bus, error);

	if (r)
		return r;
	r = set_connection(&bus, p, error);
	bus_close(&bus);
	return r;
}

static int nm_verify(const struct dns_owner *o ATTR_UNUSED,
		     const struct dns_owner_plan *p, char *error)
{
	return dns_owner_check_file(DNS_OWNER_RESOLV_CONF, p, error);
}

static int delete_connection(struct bus *bus)
{
	struct bus_place connection = { NM, NULL, NM ".Settings.Connection" };
	uint32_t ifindex;
	char path[128];
	int r = find_connection(bus, path, sizeof(path));

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	connection.path = path;
	r = bus_ask(bus, &connection, "Delete", NULL, "");
	/* Its device goes with it, a little later. */
	while (r == 0 && dns_link_find(&ifindex) == 0 && bus_left_ns(bus) > 0)
		wait_a_little();
	return r;
}

/* Without a NetworkManager there is no connection in its memory either. */
static int nm_undo(void)
{
	char error[DNS_OWNER_TEXT_MAX];
	struct bus bus;
	int removed, r = nm_open(&bus, error);

	if (r == 0) {
		r = delete_connection(&bus);
		bus_close(&bus);
	} else {
		r = 0;
	}
	removed = dns_link_remove();
	return r ? r : removed;
}

const struct dns_owner_ops dns_owner_networkmanager = {
	.name = "NetworkManager",
	.undo_text = "dns networkmanager",
	.detect = nm_detect,
	.apply = nm_apply,
	.verify = nm_verify,
	.undo = nm_undo,
	.read_uplink = nm_read_uplink,
};
