/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * systemd-resolved, org.freedesktop.resolve1(5). Its settings belong to a link,
 * and while that link has an address and a carrier a name of its domains is
 * asked there and nowhere else, whatever the answer. Seen with 252 and 262.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tunnel/base/clock.h"
#include "tunnel/host/bus_linux.h"
#include "tunnel/host/dns_link.h"
#include "tunnel/host/dns_owner_nm_linux.h"
#include "tunnel/host/program.h"
#include "tunnel/host/resolved_link_linux.h"

enum { WAIT_MS = 5, FOUND_MAX = 32 };

static void wait_a_little(void)
{
	struct timespec pause = { .tv_nsec = WAIT_MS * NS_PER_MS };

	(void)nanosleep(&pause, NULL);
}

/* --- detect --- */

static bool nss_asks_resolved(void)
{
	char *text = dns_owner_read_file("/etc/nsswitch.conf");
	bool found = false;
	char *line, *rest = text;

	while (rest && (line = strsep(&rest, "\n")) != NULL) {
		char *word;

		if (strncmp(line, "hosts:", 6) != 0)
			continue;
		line[strcspn(line, "#")] = '\0';
		while ((word = strsep(&line, " \t")) != NULL)
			found |= strcmp(word, "resolve") == 0;
	}
	free(text);
	return found;
}

/* A file of somebody's that names resolved's own listeners alone: to leave it
 * and go around it would have resolved read our stub from it, and ask us. */
static bool file_names_stub(const char *path)
{
	struct dns_owner_uplink *u = malloc(sizeof(*u));
	char *text = u ? dns_owner_read_file(path) : NULL;
	bool only = false;

	if (text) {
		dns_owner_parse_file(text, u);
		only = u->server_count > 0;
		for (size_t i = 0; i < u->server_count; i++) {
			char addr[ADDR_TEXT_MAX];

			addr_text(&u->servers[i].at.addr, addr);
			only &= strcmp(addr, "127.0.0.53") == 0 ||
				strcmp(addr, "127.0.0.54") == 0;
		}
	}
	free(text);
	free(u);
	return only;
}

/* Why names come to resolved, or NULL: they do not. In the mode "uplink" the
 * file lists the servers of all links, and libc would go around our domains. */
static const char *why_owner(struct bus *bus, const char *path)
{
	char mode[16] = "";

	(void)bus_get_text(bus, &resolved_manager, "ResolvConfMode", mode,
			   sizeof(mode));
	if (strcmp(mode, "stub") == 0 || strcmp(mode, "static") == 0)
		return "it answers on the bus and resolv.conf is its stub";
	if (nss_asks_resolved())
		return "it answers on the bus and nsswitch.conf asks it";
	if (file_names_stub(path))
		return "it answers on the bus and resolv.conf names its stub";
	return NULL;
}

/* It does not tell on the bus: "systemd 252 (252.39-1)". */
static void read_version(char *version, size_t size)
{
	char path[64], said[256], number[64] = "";
	const char *const argv[] = { program_find("resolvectl", path,
						  sizeof(path)),
				     "--version", NULL };

	if (!argv[0] || program_run(argv, NULL, said, sizeof(said),
				    DNS_OWNER_PATIENCE_MS) != 0)
		return;
	(void)sscanf(said, "systemd %63s", number);
	snprintf(version, size, "%s", number);
}

static bool resolved_detect(struct dns_owner *o, struct bus *bus)
{
	const char *why;

	if (!bus || bus_has(bus, resolved_manager.name) <= 0)
		return false;
	why = why_owner(bus, o->path);
	if (!why)
		return false;
	o->kind = DNS_OWNER_RESOLVED;
	read_version(o->version, sizeof(o->version));
	snprintf(o->because, sizeof(o->because), "%s", why);
	return true;
}

/* --- the five things that an owner does --- */

static int flush(struct bus *bus)
{
	return bus_ask(bus, &resolved_manager, "FlushCaches", NULL, "");
}

/* 0; 0 with an empty path: resolved does not know the link; -errno. */
static int find_path(struct resolved_link *t)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int r = bus_ask(&t->bus, &resolved_manager, "GetLink", &reply, "i",
			(int)t->ifindex);

	t->path[0] = '\0';
	if (r == -ETIMEDOUT)
		return r;
	if (r == 0 && sd_bus_message_read(reply, "o", &path) > 0)
		snprintf(t->path, sizeof(t->path), "%s", path);
	sd_bus_message_unref(reply);
	return 0;
}

/* It hears of a new link, and of its address, from the kernel as we do: soon,
 * but not before it answers us. */
static int wait_for_link(struct resolved_link *t)
{
	int r = find_path(t);

	while (r == 0 && !t->path[0] && bus_left_ns(&t->bus) > 0) {
		wait_a_little();
		r = find_path(t);
	}
	return r == 0 && t->path[0]
		       ? 0
		       : resolved_link_refused(t, DNS_LINK_NAME, -ETIMEDOUT);
}

static int begin(struct resolved_link *t, const struct dns_owner_plan *p,
		 char *error)
{
	int r;

	*t = (struct resolved_link) { .plan = p, .error = error };
	r = bus_open(&t->bus, DNS_OWNER_PATIENCE_MS);
	if (r == 0 && bus_has(&t->bus, resolved_manager.name) <= 0) {
		bus_close(&t->bus);
		r = -EHOSTUNREACH;
	}
	if (r)
		dns_owner_say(error, "systemd-resolved does not answer: %s",
			      strerror(-r));
	return r;
}

static int resolved_apply(const struct dns_owner *o ATTR_UNUSED,
			  const struct dns_owner_plan *p, char *error)
{
	struct resolved_link t;
	int r = begin(&t, p, error);

	if (r)
		return r;
	r = dns_link_make(&t.ifindex);
	if (r == 0) {
		nm_leave_alone(&t.bus, DNS_LINK_NAME);
		nm_leave_alone(&t.bus, DNS_LINK_PEER);
		r = dns_link_raise();
	}
	if (r)
		dns_owner_say(error, "cannot make the link %s: %s",
			      DNS_LINK_NAME, strerror(-r));
	else
		r = wait_for_link(&t);
	if (r == 0)
		r = resolved_link_set(&t);
	if (r == 0) {
		int same = resolved_link_check(&t);

		while (same == 0 && bus_left_ns(&t.bus) > NS_PER_S) {
			wait_a_little();
			same = resolved_link_check(&t);
		}
		r = same < 0 ? same : same == 0 ? -EIO : flush(&t.bus);
	}
	bus_close(&t.bus);
	return r;
}

/* Where resolv.conf leads now, not where it led when we found resolved: that is
 * resolved's own file, which names its stub for ever. */
static int resolved_verify(const struct dns_owner *o ATTR_UNUSED,
			   const struct dns_owner_plan *p, char *error)
{
	char path[sizeof(o->path)];
	struct resolved_link t;
	int r = begin(&t, p, error);

	if (r)
		return r;
	if (dns_owner_path(path, sizeof(path)) != 0)
		path[0] = '\0'; /* what leads nowhere names no stub */
	if (!why_owner(&t.bus, path)) {
		dns_owner_say(error,
			      "%s does not lead to systemd-resolved any "
			      "more",
			      DNS_OWNER_RESOLV_CONF);
	} else if (dns_link_find(&t.ifindex) != 0 || find_path(&t) != 0 ||
		   !t.path[0]) {
		dns_owner_say(error, "the link %s is gone", DNS_LINK_NAME);
	} else {
		r = resolved_link_check(&t);
	}
	bus_close(&t.bus);
	return r;
}

/* With the link its settings go; reverting first also takes the copy that
 * resolved keeps for its own restart. */
static int resolved_undo(void)
{
	struct bus bus = { 0 };
	uint32_t ifindex;
	bool there = dns_link_find(&ifindex) == 0;
	int r;

	if (bus_open(&bus, DNS_OWNER_PATIENCE_MS) == 0 &&
	    bus_has(&bus, resolved_manager.name) > 0) {
		if (there)
			(void)bus_ask(&bus, &resolved_manager, "RevertLink",
				      NULL, "i", (int)ifindex);
		r = dns_link_remove();
		(void)flush(&bus); /* old answers are not worth a failure */
	} else {
		r = dns_link_remove();
	}
	bus_close(&bus);
	return r;
}

/* A server as resolved lists it, with its link; 0: of no link. */
struct found {
	uint32_t link;
	struct endpoint at;
	char name[DNS_NAME_MAX + 1];
};

/* Of all links but ours; "a(iiayqs)". Returns how many. */
static size_t read_servers(sd_bus_message *m, uint32_t ours,
			   struct found list[static FOUND_MAX])
{
	size_t count = 0;

	if (sd_bus_message_enter_container(m, 'a', "(iiayqs)") <= 0)
		return 0;
	while (count < FOUND_MAX &&
	       sd_bus_message_enter_container(m, 'r', "iiayqs") > 0) {
		struct found *f = &list[count];
		int link, family;
		const void *bytes;
		const char *name;
		size_t len;

		memset(f, 0, sizeof(*f));
		if (sd_bus_message_read(m, "ii", &link, &family) <= 0 ||
		    sd_bus_message_read_array(m, 'y', &bytes, &len) <= 0 ||
		    sd_bus_message_read(m, "qs", &f->at.port, &name) <= 0 ||
		    sd_bus_message_exit_container(m) < 0)
			break;
		f->link = f->at.scope_id = (uint32_t)link;
		f->at.addr.family = (uint8_t)family;
		if (f->link == ours || len > sizeof(f->at.addr.bytes) ||
		    (family != AF_INET && family != AF_INET6) ||
		    len != addr_size(&f->at.addr))
			continue;
		memcpy(f->at.addr.bytes, bytes, len);
		snprintf(f->name, sizeof(f->name), "%s", name);
		count++;
	}
	return count;
}

/* How a link's servers are asked: do names of no domain go there, and is it by
 * TLS alone? */
static void read_link(struct resolved_link *t, uint32_t link, bool *ret_default,
		      bool *ret_tls)
{
	struct bus_place at = resolved_manager;
	char tls[16] = "";

	t->ifindex = link;
	*ret_default = true;
	if (link != 0 && find_path(t) == 0 && t->path[0]) {
		at = (struct bus_place) { resolved_manager.name, t->path,
					  "org.freedesktop.resolve1.Link" };
		(void)bus_get_bool(&t->bus, &at, "DefaultRoute", ret_default);
	}
	(void)bus_get_text(&t->bus, &at, "DNSOverTLS", tls, sizeof(tls));
	*ret_tls = strcmp(tls, "yes") == 0;
}

/* Another tunnel's servers know its own names; those of everybody are asked
 * elsewhere, and as privately as before. */
static void add_servers(struct resolved_link *t, const struct found *list,
			size_t count, bool all, struct dns_owner_uplink *u)
{
	bool is_default = false, tls = false;

	for (size_t i = 0; i < count; i++) {
		if (i == 0 || list[i].link != list[i - 1].link)
			read_link(t, list[i].link, &is_default, &tls);
		if (is_default || all)
			dns_owner_add_server(u, &list[i].at,
					     tls ? list[i].name : NULL);
	}
}

static void read_search(sd_bus_message *m, uint32_t ours,
			struct dns_owner_uplink *u)
{
	const char *name;
	int link, routing;

	if (sd_bus_message_enter_container(m, 'a', "(isb)") <= 0)
		return;
	while (sd_bus_message_read(m, "(isb)", &link, &name, &routing) > 0) {
		if ((uint32_t)link != ours && !routing)
			dns_owner_add_search(u, name, strlen(name));
	}
}

static int resolved_read_uplink(const struct dns_owner *o ATTR_UNUSED,
				struct dns_owner_uplink *u)
{
	char error[DNS_OWNER_TEXT_MAX];
	struct found found[FOUND_MAX];
	sd_bus_message *reply;
	uint32_t ours;
	struct resolved_link t;
	int r = begin(&t, NULL, error);
	size_t count;

	if (r)
		return r;
	if (dns_link_find(&ours) != 0)
		ours = UINT32_MAX; /* there is none yet */
	r = bus_get(&t.bus, &resolved_manager, "DNSEx", "a(iiayqs)", &reply);
	if (r == 0) {
		count = read_servers(reply, ours, found);
		sd_bus_message_unref(reply);
		add_servers(&t, found, count, false, u);
		if (u->server_count == 0)
			add_servers(&t, found, count, true, u);
		r = bus_get(&t.bus, &resolved_manager, "Domains", "a(isb)",
			    &reply);
	}
	if (r == 0) {
		read_search(reply, ours, u);
		sd_bus_message_unref(reply);
	}
	bus_close(&t.bus);
	return r;
}

const struct dns_owner_ops dns_owner_resolved = {
	.name = "systemd-resolved",
	.undo_text = "dns resolved",
	.detect = resolved_detect,
	.apply = resolved_apply,
	.verify = resolved_verify,
	.undo = resolved_undo,
	.read_uplink = resolved_read_uplink,
};
