/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/targets.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "config/profile.h"

#define LOOK_AT_DNS \
	"is this machine online, is its resolver (/etc/resolv.conf) in order?"

/* The gateway whose name or address is in use. */
static struct profile_gateway current(const struct targets *t)
{
	return profile_gateway(t->profile, t->gateway - 1);
}

static void name_failed(struct targets *t, const char *why)
{
	snprintf(t->error, sizeof(t->error), "%s: %s", current(t).host, why);
}

static const char *error_text(int status)
{
	switch (status) {
	case UV_EAI_AGAIN:
		return "DNS does not answer: " LOOK_AT_DNS;
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case 0: /* none of a family that we know */
		return "DNS has no address for this name: is HostName in the "
		       "profile right?";
	default:
		return uv_strerror(status);
	}
}

static void on_resolved(struct resolver_ask *ask, int status,
			const struct addrinfo *addresses)
{
	struct targets *t = container_of(ask, struct targets, ask);

	for (const struct addrinfo *i = addresses;
	     i != NULL && t->count < TARGETS_OF_NAME_MAX; i = i->ai_next) {
		struct endpoint *e = &t->address[t->count];

		if (endpoint_from_sockaddr(i->ai_addr, e) < 0)
			continue;
		e->port = current(t).port;
		t->count++;
	}
	if (t->count == 0)
		name_failed(t, error_text(status));
	t->asked(t);
}

void targets_init(struct targets *t, const struct profile *profile,
		  struct resolver *resolver, void (*asked)(struct targets *t))
{
	memset(t, 0, sizeof(*t));
	t->profile = profile;
	t->resolver = resolver;
	t->asked = asked;
	t->ask.done = on_resolved;
}

void targets_fini(struct targets *t)
{
	resolver_leave(&t->ask);
}

/* Takes the address that the next gateway is, or asks for those it has. */
static void begin_gateway(struct targets *t)
{
	struct profile_gateway g = profile_gateway(t->profile, t->gateway++);
	int r;

	t->count = t->next = 0;
	if (addr_parse(g.host, &t->address[0].addr) == 0) {
		t->address[0].port = g.port;
		t->count = 1;
		return;
	}
	r = resolver_ask(t->resolver, g.host, &t->ask);
	if (r < 0)
		name_failed(t, uv_strerror(r));
}

enum targets_answer targets_next(struct targets *t, struct endpoint *ret_target)
{
	while (t->next == t->count && targets_left(t) &&
	       targets_asking(t) == NULL)
		begin_gateway(t);
	if (targets_asking(t) != NULL)
		return TARGETS_ASKING;
	if (t->next == t->count)
		return TARGETS_NONE;
	*ret_target = t->address[t->next++];
	return TARGETS_HERE;
}

bool targets_left(const struct targets *t)
{
	return t->next < t->count ||
	       t->gateway < profile_gateway_count(t->profile);
}

const char *targets_asking(const struct targets *t)
{
	return t->ask.lookup != NULL ? current(t).host : NULL;
}

void targets_give_up(struct targets *t, unsigned int waited_s)
{
	char why[TARGETS_ERROR_MAX / 2];

	resolver_leave(&t->ask);
	snprintf(why, sizeof(why), "DNS did not answer within %u s: %s",
		 waited_s, LOOK_AT_DNS);
	name_failed(t, why);
}
