/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The network that this machine is in. What the kernel tells moves within
 * a moment in many steps, so it is looked at when that has settled; then other
 * programs are asked what only they know, and then the engine is told. Without
 * their answer it is told after a while.
 */
#include <errno.h>
#include <string.h>

#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

enum {
	SETTLE_MS = 300,
	/* So long may the rules wait for the DNS of a network. */
	PATIENCE_MS = 1500,
	READ_AGAIN_MS = 2000,
};

static void tell(struct daemon *d)
{
	const struct dns_owner_uplink *known = split_dns_uplink(d->names);
	bool same;

	(void)uv_timer_stop(&d->patience); /* cannot fail */
	d->network_told = true;
	if (known != NULL)
		d->network.dns = *known;
	same = network_same(&d->engine.network, &d->network);
	daemon_engine_network(d, &d->network);
	if (!same)
		daemon_portal_network(d);
}

/* What the stub takes for the uplink's servers is theirs, once it has looked.
 */
static void tell_if_complete(struct daemon *d)
{
	if (!d->network_told && d->facts_answered &&
	    split_dns_settled(d->names))
		tell(d);
}

static void on_impatient(uv_timer_t *timer)
{
	tell(timer->data);
}

/* Other programs are asked for the sake of rules, and of a portal, whose host
 * has a name. */
static bool wants_facts(const struct daemon *d)
{
	for (size_t i = 0; i < d->engine.count; i++)
		if (engine_has_rules(&d->engine.entries[i]) ||
		    d->engine.entries[i].profile->portal_url != NULL)
			return true;
	return d->network.portal_api[0] != '\0';
}

static void on_settled(uv_timer_t *timer);

static void look(struct daemon *d)
{
	int r = network_read(d->reader, &d->network);

	if (r < 0) {
		log_warning("the network cannot be read: %s", strerror(-r));
		(void)uv_timer_start(&d->settling, on_settled, READ_AGAIN_MS,
				     0);
		return;
	}
	d->facts_wanted = wants_facts(d);
	d->facts_answered = d->network_told = false;
	if (!d->facts_wanted) {
		tell(d);
		return;
	}
	uplink_facts_look(d->uplink_facts, &d->network);
	/* Nor is this: what moves on and on is told now and then. */
	if (!uv_is_active((const uv_handle_t *)&d->patience))
		(void)uv_timer_start(&d->patience, on_impatient, PATIENCE_MS,
				     0);
}

static void on_settled(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	session_io_host_moved(d->io);
	split_dns_look(d->names);
	look(d);
}

/* Not started again by each event: one that goes on and on would put it off
 * for as long. */
void daemon_network_moved(struct daemon *d)
{
	if (!uv_is_active((const uv_handle_t *)&d->settling))
		(void)uv_timer_start(&d->settling, on_settled, SETTLE_MS, 0);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct daemon *d = handle->data;

	(void)status;
	(void)events;
	if (network_drain(d->reader))
		daemon_network_moved(d);
}

static void on_facts(void *arg, const struct network *network)
{
	struct daemon *d = arg;

	/* About another device: the next answer is about this one. */
	if (network->ifindex != d->network.ifindex)
		return;
	d->network.dns = network->dns;
	d->network.metered = network->metered;
	memcpy(d->network.metered_by, network->metered_by,
	       sizeof(d->network.metered_by));
	/* What a router has told since is newer, and better. */
	if (d->network.portal_api[0] == '\0' || d->network.portal_by_dhcp) {
		memcpy(d->network.portal_api, network->portal_api,
		       sizeof(d->network.portal_api));
		d->network.portal_by_dhcp = network->portal_by_dhcp;
	}
	if (network->identity.type == NETWORK_CELLULAR) {
		d->network.identity.type = NETWORK_CELLULAR;
		d->network.other_vpn = false;
	}
	d->facts_answered = true;
	d->network_told = false; /* also when it was, without them */
	tell_if_complete(d);
}

static void on_moved(void *arg)
{
	daemon_network_moved(arg);
}

void daemon_network_rules_changed(struct daemon *d)
{
	if (d->watch_count > 0 && !d->facts_wanted && wants_facts(d))
		daemon_network_moved(d);
}

static void on_telling(uv_timer_t *timer)
{
	tell_if_complete(timer->data);
}

/* Comes from the midst of what a session does, and would lead back there. */
void daemon_network_names_changed(struct daemon *d)
{
	if (!d->network_told && d->facts_answered && !d->stopping)
		(void)uv_timer_start(&d->telling, on_telling, 0, 0);
}

const struct network_identity *daemon_network_place(
	struct daemon *d, struct network_identity *room)
{
	struct network now = d->network;

	if (d->network_told && !uv_is_active((const uv_handle_t *)&d->settling))
		return NULL;
	if (network_read(d->reader, &now) < 0)
		return NULL;
	*room = now.identity;
	return room;
}

int daemon_network_start(struct daemon *d)
{
	const struct uplink_facts_options facts = {
		.loop = &d->loop,
		.answered = on_facts,
		.moved = on_moved,
		.arg = d,
	};
	int fds[NETWORK_DESCRIPTORS_MAX];
	int r = network_reader_create(SESSION_IO_DEVICE, &d->reader);

	/* Timers only get their fields set. */
	(void)uv_timer_init(&d->loop, &d->settling);
	(void)uv_timer_init(&d->loop, &d->patience);
	(void)uv_timer_init(&d->loop, &d->telling);
	d->settling.data = d->patience.data = d->telling.data = d;
	if (r < 0)
		return r;
	d->uplink_facts = uplink_facts_create(&facts);
	if (d->uplink_facts == NULL)
		return -ENOMEM;
	d->watch_count = network_descriptors(d->reader, fds);
	for (size_t i = 0; r == 0 && i < d->watch_count; i++) {
		r = uv_poll_init(&d->loop, &d->watches[i], fds[i]);
		d->watches[i].data = d;
		if (r == 0)
			r = uv_poll_start(&d->watches[i], UV_READABLE,
					  on_readable);
	}
	if (r == 0)
		look(d);
	return r;
}

void daemon_network_end(struct daemon *d)
{
	uplink_facts_end(d->uplink_facts);
	d->uplink_facts = NULL;
	for (size_t i = 0; i < d->watch_count; i++)
		uv_close((uv_handle_t *)&d->watches[i], NULL);
	uv_close((uv_handle_t *)&d->settling, NULL);
	uv_close((uv_handle_t *)&d->patience, NULL);
	uv_close((uv_handle_t *)&d->telling, NULL);
}
