/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Is a captive portal between this machine and its gateway? Asked while
 * the tunnel is not up, of the network and of the operator's own page. */
#include <string.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

/* An attempt that fails is a reason to look again, but not each of them. */
#define AGAIN_NS (10ULL * NS_PER_S)

static bool is_up(const struct daemon *d)
{
	enum session_state state = session_io_session(d->io)->state;

	return state == SESSION_STATE_UP || state == SESSION_STATE_SUSPECT;
}

/* Of the profile that the tunnel has, else of the first that names one. */
static const char *page_of(const struct daemon *d)
{
	const struct profile *p = session_io_profile(d->io);

	if (p != NULL && p->portal_url != NULL)
		return p->portal_url;
	for (size_t i = 0; i < d->engine.count; i++)
		if (d->engine.entries[i].profile->portal_url != NULL)
			return d->engine.entries[i].profile->portal_url;
	return NULL;
}

static void on_done(void *arg, const struct portal_result *result)
{
	struct daemon *d = arg;

	d->portal = NULL;
	if (result->state == PORTAL_CAPTIVE &&
	    d->captive.state != PORTAL_CAPTIVE)
		log_notice("a captive portal is in the way%s%s",
			   result->url[0] ? ": " : "", result->url);
	d->captive = *result;
	d->captive.why = NULL;
}

static void forget(struct daemon *d)
{
	portal_cancel(d->portal);
	d->portal = NULL;
	d->captive = (struct portal_result) { 0 };
	d->portal_ns = 0;
}

static void ask(struct daemon *d)
{
	const char *api = d->network.portal_api;
	const struct portal_options o = {
		.probe = &d->portal_way,
		.api = *api != '\0' ? api : NULL,
		.page = page_of(d),
	};

	if ((o.api == NULL && o.page == NULL) || d->portal != NULL ||
	    d->network.ifindex == 0 || d->network.other_vpn)
		return;
	daemon_probe_way(d, d->portal_servers, &d->portal_way);
	d->portal_ns = clock_now_ns();
	if (portal_start(&o, on_done, d, &d->portal) < 0)
		log_warning("a captive portal is not looked for: out of "
			    "memory");
}

void daemon_portal_network(struct daemon *d)
{
	forget(d);
	if (!is_up(d))
		ask(d);
}

void daemon_portal_session(struct daemon *d)
{
	if (is_up(d))
		forget(d);
	else if (session_io_session(d->io)->state == SESSION_STATE_FAILED &&
		 clock_now_ns() - d->portal_ns > AGAIN_NS)
		ask(d);
}

void daemon_portal_end(struct daemon *d)
{
	portal_cancel(d->portal);
	d->portal = NULL;
}
