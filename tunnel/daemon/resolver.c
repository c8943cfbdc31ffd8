/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/resolver.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Lives until libuv has called back, whoever has left. */
struct resolver_lookup {
	uv_getaddrinfo_t request;
	struct resolver *resolver;
	struct resolver_lookup *next;
	struct resolver_ask *asks;
	bool shared; /* whoever comes may join */
	char name[];
};

struct resolver {
	uv_loop_t *loop;
	struct resolver_lookup *lookups; /* all that libuv has */
};

struct resolver *resolver_create(uv_loop_t *loop)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->loop = loop;
	return r;
}

void resolver_destroy(struct resolver *r)
{
	assert(r == NULL || r->lookups == NULL);
	free(r);
}

static void unlink_lookup(struct resolver_lookup *l)
{
	struct resolver_lookup **at = &l->resolver->lookups;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
			struct addrinfo *addresses)
{
	struct resolver_lookup *l = request->data;
	struct resolver_ask *ask;

	unlink_lookup(l);
	/* `done` may make another ask leave. */
	while ((ask = l->asks) != NULL) {
		l->asks = ask->next;
		ask->lookup = NULL;
		ask->done(ask, status, addresses);
	}
	uv_freeaddrinfo(addresses);
	free(l);
}

static int start_lookup(struct resolver *r, const char *name,
			struct resolver_lookup **ret_lookup)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	size_t size = strlen(name) + 1;
	struct resolver_lookup *l = calloc(1, sizeof(*l) + size);
	int error;

	if (l == NULL)
		return -ENOMEM;
	memcpy(l->name, name, size);
	l->resolver = r;
	l->shared = true;
	l->request.data = l;
	error = uv_getaddrinfo(r->loop, &l->request, on_resolved, l->name, NULL,
			       &hints);
	if (error < 0) {
		free(l);
		return error;
	}
	l->next = r->lookups;
	r->lookups = l;
	*ret_lookup = l;
	return 0;
}

int resolver_ask(struct resolver *r, const char *name, struct resolver_ask *ask)
{
	struct resolver_lookup *l = r->lookups;
	int error;

	while (l != NULL && !(l->shared && strcmp(l->name, name) == 0))
		l = l->next;
	if (l == NULL) {
		error = start_lookup(r, name, &l);
		if (error < 0)
			return error;
	}
	ask->lookup = l;
	ask->next = l->asks;
	l->asks = ask;
	return 0;
}

void resolver_leave(struct resolver_ask *ask)
{
	struct resolver_lookup *l = ask->lookup;
	struct resolver_ask **at;

	if (l == NULL)
		return;
	for (at = &l->asks; *at != ask; at = &(*at)->next)
		;
	*at = ask->next;
	ask->lookup = NULL;
	/* One that waits for a thread ends now; its answer is no answer. */
	if (l->asks == NULL && uv_cancel((uv_req_t *)&l->request) == 0)
		l->shared = false;
}

void resolver_forget(struct resolver *r)
{
	for (struct resolver_lookup *l = r->lookups; l != NULL; l = l->next)
		l->shared = false;
}
