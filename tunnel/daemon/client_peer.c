/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/client_peer.h"

#include <errno.h>
#include <stdlib.h>

#include "crypto/client.h"
#include "tunnel/data/peer.h"
#include "tunnel/data/udp.h"

/* What may stand in an inner packet as its source: everything that the lease
 * leads to us, and the networks that the inner addresses lie in. */
static struct ip_prefix *lease_sources(const struct lease *l, size_t *ret_count)
{
	struct ip_prefix *sources =
		calloc(l->routes.count + 2, sizeof(*sources));
	size_t n = 0;

	if (sources == NULL)
		return NULL;
	if (l->address4.addr.family != 0)
		sources[n++] = prefix_masked(&l->address4);
	if (l->address6.addr.family != 0)
		sources[n++] = prefix_masked(&l->address6);
	for (size_t i = 0; i < l->routes.count; i++)
		sources[n++] = prefix_masked(&l->routes.prefix[i]);
	*ret_count = n;
	return sources;
}

int client_peer_create(struct client *client, const struct lease *lease,
		       const struct endpoint *remote, struct peer **ret_peer)
{
	struct peer_config c = {
		.index = lease->index,
		.lanes = lease->lanes,
		.send = KEYS_CLIENT_TO_GATEWAY,
	};
	struct ip_prefix *sources = lease_sources(lease, &c.source_count);
	struct peer *p;
	int r;

	if (sources == NULL)
		return -ENOMEM;
	c.sources = sources;
	c.remote_len = udp_sockaddr(remote, remote->addr.family, &c.remote);
	r = peer_create(&c, &p);
	free(sources);
	if (r < 0)
		return r;
	for (unsigned int i = 0; r == 0 && i < p->lanes; i++)
		r = client_lane(client, (uint8_t)i, &p->seed[i]);
	if (r < 0) {
		peer_destroy(p);
		return r;
	}
	*ret_peer = p;
	return 0;
}
