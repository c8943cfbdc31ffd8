/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What names on demand need of the loop: RequiredDNSServers, and the way
 * from a name to the daemon that starts the tunnel. */
#include <stdlib.h>

#include "tunnel/daemon/split_dns_private.h"
#include "tunnel/host/state.h"

static enum dns_ask_result on_ask_required(void *arg,
					   const struct dns_need *need,
					   const struct dns_query *q, bool tcp,
					   struct dns_ask *ask)
{
	struct split_dns *d = arg;
	struct dns_upstream *u = need->number < d->required_count
					 ? d->required[need->number]
					 : NULL;

	return u ? dns_upstream_ask(u, q, tcp, ask) : DNS_ASK_NO_MEMORY;
}

static void on_pull(uv_timer_t *timer)
{
	struct split_dns *d = timer->data;
	const char *because = ondemand_why_text(d->pulled_why);
	char text[DNS_TEXT_MAX];

	if (d->mode != DNS_MODE_ARMED || d->ending)
		return;
	d->o.trigger(d->o.arg, dns_name_text(&d->pulled, text), because);
}

static void on_trigger(void *arg, const struct dns_name *name,
		       enum ondemand_why why)
{
	struct split_dns *d = arg;

	d->pulled = *name;
	d->pulled_why = why;
	(void)uv_timer_start(&d->pull, on_pull, 0, 0); /* it has a callback */
	/* An answer of an upstream may be why it is held. */
	if (d->stub != NULL)
		dns_stub_arm(d->stub);
}

static void on_need_probe(void *arg, uint64_t generation, const char *url)
{
	struct split_dns *d = arg;

	d->o.need_probe(d->o.arg, generation, url);
}

bool split_dns_probe_answered(struct split_dns *d, uint64_t generation,
			      const char *url, struct ondemand_answer answer)
{
	return dns_forwarder_probe_answered(d->forwarder, generation, url,
					    answer);
}

void split_dns_armed_options(struct dns_forwarder_options *o)
{
	o->ask_required = on_ask_required;
	o->trigger = on_trigger;
	o->need_probe = on_need_probe;
}

void split_dns_armed_create(struct split_dns *d)
{
	(void)uv_timer_init(d->o.loop, &d->pull); /* always 0 */
	d->pull.data = d;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void split_dns_armed_end(struct split_dns *d)
{
	required_release(d->required, d->required_count);
	uv_close((uv_handle_t *)&d->pull, on_closed);
}

/* They are asked beside the tunnel, wherever they are. */
static struct dns_upstream *required_upstream(const struct split_dns *d,
					      const struct dns_need *need)
{
	struct dns_server servers[DNS_SERVERS_MAX] = { 0 };
	struct dns_upstream_options o = {
		.loop = d->o.loop,
		.servers = servers,
		.mark = HOST_MARK,
	};

	for (size_t i = 0; i < need->server_count && i < DNS_SERVERS_MAX; i++)
		servers[o.count++].at.addr = need->servers[i];
	return o.count > 0 ? dns_upstream_create(&o) : NULL;
}

struct dns_upstream **required_replace(struct split_dns *d,
				       const struct dns_arming *a,
				       size_t *ret_count)
{
	struct dns_upstream **before = d->required;

	*ret_count = d->required_count;
	d->required_count = 0;
	d->required =
		a && a->count ? calloc(a->count, sizeof(*d->required)) : NULL;
	for (size_t i = 0; d->required != NULL && i < a->count; i++)
		d->required[i] = required_upstream(d, &a->needs[i]);
	if (d->required != NULL)
		d->required_count = a->count;
	return before;
}

void required_release(struct dns_upstream **required, size_t count)
{
	for (size_t i = 0; i < count; i++)
		dns_upstream_destroy(required[i]);
	free(required);
}
