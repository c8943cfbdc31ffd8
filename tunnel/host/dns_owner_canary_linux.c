/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * getaddrinfo() has no time limit that we could set, so it runs on a thread of
 * its own, which is left behind when it takes too long: the last of the two to
 * let go frees what they share.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tunnel/host/dns_owner_ops.h"

struct canary {
	atomic_uint holders;
	int ended;  /* readable: the thread has written what follows */
	int result; /* of getaddrinfo */
	struct ip_addr addr;
	char name[DNS_NAME_MAX + 2];
};

static void let_go(struct canary *c)
{
	if (atomic_fetch_sub(&c->holders, 1) > 1)
		return;
	close(c->ended);
	free(c);
}

static void *look_up(void *arg)
{
	struct addrinfo hints = { .ai_family = AF_INET,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct endpoint e = { 0 };
	struct canary *c = arg;

	c->result = getaddrinfo(c->name, NULL, &hints, &found);
	if (c->result == 0) {
		(void)endpoint_from_sockaddr(found->ai_addr, &e);
		freeaddrinfo(found);
	}
	c->addr = e.addr;
	(void)eventfd_write(c->ended, 1); /* it cannot be full */
	let_go(c);
	return NULL;
}

static struct canary *canary_create(const char *name)
{
	struct canary *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ended = eventfd(0, EFD_CLOEXEC);
	if (c->ended < 0) {
		free(c);
		return NULL;
	}
	/* With the final dot libc asks for this name alone. By "ndots:5" it
	 * would begin with the search list, where "*.corp.example" may answer.
	 */
	snprintf(c->name, sizeof(c->name), "%s.", name);
	atomic_init(&c->holders, 1);
	return c;
}

static int start(struct canary *c)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	atomic_fetch_add(&c->holders, 1);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = -pthread_create(&thread, &attr, look_up, c);
	pthread_attr_destroy(&attr);
	if (r)
		atomic_fetch_sub(&c->holders, 1);
	return r;
}

static bool ends_in_time(const struct canary *c)
{
	struct pollfd fd = { .fd = c->ended, .events = POLLIN };
	int r;

	do {
		r = poll(&fd, 1, DNS_OWNER_PATIENCE_MS);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

static int judge(const struct canary *c, char *error)
{
	static const struct ip_addr want = { AF_INET, { 127, 0, 0, 1 } };
	char addr[ADDR_TEXT_MAX];

	if (!ends_in_time(c)) {
		dns_owner_say(error, "a look-up of %.100s takes too long",
			      c->name);
		return -ETIMEDOUT;
	}
	if (c->result != 0) {
		dns_owner_say(error, "a look-up of %.100s fails: %s", c->name,
			      gai_strerror(c->result));
		return -EIO;
	}
	if (!addr_equal(&c->addr, &want)) {
		dns_owner_say(error,
			      "a look-up of %.100s does not come to us: "
			      "somebody answers %s",
			      c->name, addr_text(&c->addr, addr));
		return -EIO;
	}
	return 0;
}

int dns_owner_canary(const char *name, char error[static DNS_OWNER_TEXT_MAX])
{
	struct canary *c = canary_create(name);
	int r;

	error[0] = '\0';
	if (!c)
		return -ENOMEM;
	r = start(c);
	if (r)
		dns_owner_say(error, "no thread for a look-up: %s",
			      strerror(-r));
	else
		r = judge(c, error);
	let_go(c);
	return r;
}
