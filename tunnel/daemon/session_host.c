/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What the session's machine has done to the device and the host. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/datapath.h"
#include "tunnel/daemon/resolver.h"
#include "tunnel/daemon/session_io_private.h"
#include "tunnel/daemon/uplink.h"
#include "tunnel/data/tun.h"
#include "tunnel/host/apply.h"

#define DEVICE_EXISTS                                                       \
	"a device of this name is there already, and is not ours (another " \
	"adit's, or a left-over?): look with \"ip link "                    \
	"show " SESSION_IO_DEVICE                                           \
	"\", remove it with \"ip link del " SESSION_IO_DEVICE "\""

/* The host's own routes as they are now. 0, or -errno and they stay as they
 * were seen last. */
static int look_at_routes(struct session_io *io)
{
	struct rtnl_route *routes = NULL;
	size_t count = 0;
	int r = host_routes(io->host, &routes, &count);

	if (r < 0) {
		free(routes);
		return r;
	}
	free(io->routes);
	io->routes = routes;
	io->route_count = count;
	return 0;
}

/* What the host looks like while we begin: a later change is a change. */
void session_host_note(struct session_io *io)
{
	(void)look_at_routes(io); /* the next look may work */
}

static void refuse_host(struct session_io *io, const char *what,
			const char *why)
{
	char text[SESSION_IO_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	session_io_explain(io, text);
	session_io_report(io, SESSION_EVENT_HOST_REFUSED, REASON_HOST);
}

/* The device comes with the first lease and stays. */
static int open_device(struct session_io *io)
{
	int r;

	if (datapath_is_open(io->datapath))
		return 0;
	r = host_link_expected(io->host);
	if (r < 0) {
		refuse_host(io, SESSION_IO_DEVICE,
			    r == -EEXIST ? DEVICE_EXISTS
					 : host_error(io->host));
		return r;
	}
	r = datapath_open(io->datapath, SESSION_IO_DEVICE);
	if (r < 0) {
		refuse_host(io, SESSION_IO_DEVICE, tun_error_text(r));
		return r;
	}
	r = host_link_made(io->host, datapath_ifindex(io->datapath));
	if (r < 0)
		refuse_host(io, SESSION_IO_DEVICE, host_error(io->host));
	return r;
}

void session_host_publish(struct session_io *io)
{
	struct lease lease = { 0 };
	int r;

	io->published = false;
	if (open_device(io) < 0)
		return;
	r = lease_copy(attempt_lease(io->attempt), &lease);
	if (r == 0)
		r = datapath_publish(io->datapath, io->attempt);
	if (r < 0) {
		lease_fini(&lease);
		refuse_host(io, SESSION_IO_DEVICE, strerror(-r));
		return;
	}
	lease_fini(&io->lease);
	io->lease = lease;
	io->published = true;
}

/* Makes the host what lease, profile and the host's own routes ask for. How
 * many things were changed, or -errno. */
static int apply_plan(struct session_io *io)
{
	const struct profile *p = io->profile;
	/* An empty list narrows the lease to nothing; the plan takes one for
	 * no wish. */
	struct lease lease = io->lease;
	struct lease_prefixes narrow = { p->route_count, p->routes };
	struct lease_prefixes excluded = { p->excluded_route_count,
					   p->excluded_routes };
	struct plan_input in = {
		.device = SESSION_IO_DEVICE,
		.ifindex = datapath_ifindex(io->datapath),
		.mtu = session_io_mtu(io),
		.lease = &lease,
		.routes = p->has_routes ? &narrow : NULL,
		.excluded = &excluded,
		.enforce_routes = p->enforce_routes,
		.all_networks = p->include_all_networks,
		.host_routes = io->routes,
		.host_route_count = io->route_count,
		.ipv6 = host_ipv6(SESSION_IO_DEVICE),
	};
	struct host_state want = { 0 };
	int r;

	if (p->has_routes && p->route_count == 0)
		lease.routes.count = 0;
	r = plan_client(&in, &want);
	if (r < 0)
		return r;
	host_state_fini(&io->applied);
	io->applied = want;
	return host_verify(io->host, &io->applied);
}

/* With a default route of ours the uplink's strict rp_filter drops what an
 * off-link gateway sends (plan.h): said, not changed. */
static bool uplink_is_strict(const struct rtnl_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[IF_NAMESIZE];

		if (routes[i].to.len == 0 && routes[i].ifindex != 0 &&
		    if_indextoname(routes[i].ifindex, name) != NULL &&
		    host_rp_filter_strict(name))
			return true;
	}
	return false;
}

static int change_host(struct session_io *io)
{
	int r = look_at_routes(io);

	if (r < 0)
		return r;
	io->strict_filter = uplink_is_strict(io->routes, io->route_count);
	return apply_plan(io);
}

void session_host_up(struct session_io *io)
{
	if (!io->published)
		return; /* that was reported, and its event waits */
	if (change_host(io) < 0)
		refuse_host(io, "the network of this machine",
			    host_error(io->host));
	else
		session_io_report(io, SESSION_EVENT_HOST_CHANGED, REASON_NONE);
}

void session_host_down(struct session_io *io)
{
	int left;

	/* The undo deletes the device under its reader. */
	datapath_stop(io->datapath);
	left = host_undo(io->host, HOST_NETWORK);
	if (left != 0)
		log_error(HOST_NOT_UNDONE, left, host_error(io->host));
	datapath_close(io->datapath);
	lease_fini(&io->lease);
	io->lease = (struct lease) { 0 };
	host_state_fini(&io->applied);
	io->applied = (struct host_state) { 0 };
}

static struct uplink_view view_of(const struct session_io *io)
{
	struct uplink_view v = {
		.routes = io->routes,
		.count = io->route_count,
		.own_ifindex = datapath_ifindex(io->datapath),
		.remote = io->remote.addr,
	};

	if (io->attempt != NULL)
		v.remote = attempt_remote(io->attempt)->addr;
	return v;
}

void session_host_ways_changed(struct session_io *io)
{
	const struct uplink_view ways = view_of(io);

	resolver_forget(io->resolver);
	session_io_report(io,
			  uplink_digest(&ways) != 0
				  ? SESSION_EVENT_NETWORK_CHANGED
				  : SESSION_EVENT_NETWORK_LOST,
			  REASON_NONE);
}

/* Our own changes are among what is told: those change nothing here. */
void session_io_host_moved(struct session_io *io)
{
	struct uplink_view before = view_of(io), now;
	uint64_t network = uplink_digest(&before);
	uint64_t routes = uplink_digest_all(&before);
	int r = 0;

	if (io->session.state == SESSION_STATE_DOWN)
		return;
	if (io->lease.index != 0)
		r = change_host(io);
	else
		session_host_note(io);
	if (r < 0)
		log_warning("%s: %s", io->name, host_error(io->host));
	now = view_of(io);
	if (r > 0 && uplink_digest_all(&now) == routes) {
		io->repairs += (uint64_t)r;
		log_notice("%s: %d things on this machine were put right",
			   io->name, r);
	}
	if (uplink_digest(&now) != network)
		session_host_ways_changed(io);
}
