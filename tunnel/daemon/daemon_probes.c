/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Probes that rules and the resolver wait for. Each is one question on one
 * network; an answer of another network finds nobody who waits for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"
#include "tunnel/daemon/probe.h"
#include "tunnel/host/state.h"

/* A question under way. */
struct daemon_probe {
	struct daemon_probe *next;
	struct daemon *daemon; /* borrowed */
	struct probe *probe;
	char profile[PROFILE_NAME_MAX]; /* "": the resolver's */
	char *url;			/* NULL: the TrustedProbe */
	uint64_t generation;
};

static bool same_url(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct daemon_probe *find(const struct daemon *d, const char *profile,
				 const char *url, uint64_t generation)
{
	struct daemon_probe *p = d->probes;

	while (p != NULL &&
	       !(strcmp(p->profile, profile) == 0 && same_url(p->url, url) &&
		 p->generation == generation))
		p = p->next;
	return p;
}

static void unlink_probe(struct daemon_probe *p)
{
	struct daemon_probe **at = &p->daemon->probes;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
}

static void free_probe(struct daemon_probe *p)
{
	free(p->url);
	free(p);
}

static void answer(struct daemon *d, const struct daemon_probe *p,
		   struct ondemand_answer a)
{
	if (*p->profile == '\0')
		(void)split_dns_probe_answered(d->names, p->generation, p->url,
					       a);
	else if (engine_answer(&d->engine, engine_find(&d->engine, p->profile),
			       p->generation, p->url, a))
		daemon_engine_act(d);
}

static void on_done(void *arg, const struct probe_result *result)
{
	struct daemon_probe *p = arg;
	const char *what = p->url ? p->url : "the key of the trusted host";

	if (result->answer.probe == ONDEMAND_PROBE_STATUS)
		log_info("probe %s: %u", what, result->answer.status);
	else if (*result->why != '\0')
		log_info("probe %s: %s", what, result->why);
	unlink_probe(p);
	answer(p->daemon, p, result->answer);
	free_probe(p);
}

void daemon_probe_way(struct daemon *d,
		      struct dns_server servers[static DNS_OWNER_SERVERS_MAX],
		      struct probe_options *ret_options)
{
	const struct network *n = &d->network;

	for (size_t i = 0; i < n->dns.server_count; i++)
		servers[i] = uplink_facts_server(&n->dns.servers[i]);
	*ret_options = (struct probe_options) {
		.loop = &d->loop,
		.device = n->device[0] != '\0' ? n->device : NULL,
		.mark = HOST_MARK,
		.servers = servers,
		.server_count = n->dns.server_count,
	};
}

static int start(struct daemon_probe *p, const struct profile *profile)
{
	struct dns_server servers[DNS_OWNER_SERVERS_MAX];
	struct probe_options o = { 0 };
	struct probe_target t = { .url = p->url };

	daemon_probe_way(p->daemon, servers, &o);
	if (p->url == NULL) {
		t.host = profile->trusted_probe.host;
		t.port = (uint16_t)profile->trusted_probe.port;
		t.pins = (const uint8_t(*)[TLS_PIN_LEN])
				 profile->trusted_probe.digests;
		t.pin_count = profile->trusted_probe.digest_count;
	}
	return probe_start(&o, &t, on_done, p, &p->probe);
}

/* `profile` NULL: for the resolver. 0 or -errno: no answer will come. */
static int begin(struct daemon *d, const struct engine_entry *e,
		 const char *url, uint64_t generation)
{
	struct daemon_probe *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return -ENOMEM;
	p->daemon = d;
	p->generation = generation;
	if (e != NULL)
		snprintf(p->profile, sizeof(p->profile), "%s", e->name);
	p->url = url != NULL ? strdup(url) : NULL;
	r = url != NULL && p->url == NULL
		    ? -ENOMEM
		    : start(p, e != NULL ? e->profile : NULL);
	if (r < 0) {
		free_probe(p);
		return r;
	}
	p->next = d->probes;
	d->probes = p;
	return 0;
}

/* Nobody waits for them any more. */
static void drop_old(struct daemon *d)
{
	struct daemon_probe *p = d->probes, *next;

	for (; p != NULL; p = next) {
		const char *url;
		uint64_t generation;
		size_t at = engine_find(&d->engine, p->profile);

		next = p->next;
		if ((*p->profile == '\0' &&
		     p->generation == d->engine.networks) ||
		    (at != ENGINE_NOBODY &&
		     engine_probe(&d->engine, at, &url, &generation) &&
		     generation == p->generation && same_url(url, p->url)))
			continue;
		probe_cancel(p->probe);
		unlink_probe(p);
		free_probe(p);
	}
}

void daemon_probes_follow(struct daemon *d)
{
	const struct ondemand_answer none = {
		.probe = ONDEMAND_PROBE_NO_ANSWER,
	};
	bool failed = false;

	drop_old(d);
	for (size_t i = 0; i < d->engine.count; i++) {
		const struct engine_entry *e = &d->engine.entries[i];
		const char *url;
		uint64_t generation;
		int r;

		if (!engine_probe(&d->engine, i, &url, &generation) ||
		    find(d, e->name, url, generation) != NULL)
			continue;
		r = begin(d, e, url, generation);
		if (r == 0)
			continue;
		log_warning("%s: a probe cannot be sent: %s", e->name,
			    strerror(-r));
		failed |= engine_answer(&d->engine, i, generation, url, none);
	}
	if (failed)
		daemon_engine_act(d);
}

void daemon_probe_for_names(struct daemon *d, uint64_t generation,
			    const char *url)
{
	int r = 0;

	if (find(d, "", url, generation) == NULL)
		r = begin(d, NULL, url, generation);
	/* What is not answered counts as failed. */
	if (r < 0)
		log_warning("a probe cannot be sent: %s", strerror(-r));
}

void daemon_probes_end(struct daemon *d)
{
	while (d->probes != NULL) {
		struct daemon_probe *p = d->probes;

		d->probes = p->next;
		probe_cancel(p->probe);
		free_probe(p);
	}
}
