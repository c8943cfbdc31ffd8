/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/datapath.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "tunnel/daemon/attempt.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/data/tun.h"
#include "tunnel/data/worker.h"

enum {
	REAP_MS = 100, /* between looks at what the workers still hold */
};

struct datapath {
	uv_loop_t *loop;
	const struct datapath_callbacks *cb;
	void *arg;
	bool open;
	struct tun tun;
	struct peer_table *table;
	struct peer *peer; /* the table's; NULL: none published */
	struct worker *worker;
	struct event_poll *events;
	uv_timer_t *reaper;
};

/* Outlives its datapath until libuv has closed it. */
struct event_poll {
	uv_poll_t handle;
	struct datapath *d;
};

struct datapath *datapath_create(uv_loop_t *loop,
				 const struct datapath_callbacks *cb, void *arg)
{
	struct datapath *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->cb = cb;
	d->arg = arg;
	d->tun.fd = -1;
	return d;
}

void datapath_destroy(struct datapath *d)
{
	if (d == NULL)
		return;
	datapath_close(d);
	free(d);
}

static void free_closed(uv_handle_t *handle)
{
	free(handle); /* it is the first member of what was allocated */
}

static void on_worker_event(uv_poll_t *handle, int status, int events)
{
	struct datapath *d = ((struct event_poll *)handle)->d;
	const struct rx_stray *stray;

	(void)status;
	(void)events;
	worker_event_clear(d->worker);
	if (worker_state(d->worker) == WORKER_TUN_LOST) {
		(void)uv_poll_stop(handle); /* cannot fail */
		d->cb->lost(d->arg);
		return;
	}
	/* The callback may close everything: look again each time. */
	while (d->open && (stray = worker_stray_next(d->worker)) != NULL) {
		struct sockaddr_storage from = stray->from;
		uint8_t bytes[RX_STRAY_MAX];
		size_t len = stray->len;

		memcpy(bytes, stray->bytes, len);
		worker_stray_done(d->worker);
		d->cb->stray(d->arg, &from, bytes, len);
	}
}

static int watch_worker(struct datapath *d)
{
	struct event_poll *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return -ENOMEM;
	r = uv_poll_init(d->loop, &p->handle, worker_event_fd(d->worker));
	if (r < 0) {
		free(p);
		return r;
	}
	p->d = d;
	d->events = p;
	return uv_poll_start(&p->handle, UV_READABLE, on_worker_event);
}

int datapath_open(struct datapath *d, const char *device)
{
	struct peer_table_config tc = { .inner_slots = 0 };
	struct worker_config wc = { .lane = 0 };
	int r = tun_open(device, &d->tun);

	if (r < 0)
		return r;
	d->open = true;
	d->reaper = calloc(1, sizeof(*d->reaper));
	if (d->reaper == NULL) {
		r = -ENOMEM;
		goto fail;
	}
	(void)uv_timer_init(d->loop, d->reaper); /* only sets fields */
	d->reaper->data = d;
	r = peer_table_create(&tc, &d->table);
	if (r < 0)
		goto fail;
	wc.tun_fd = d->tun.fd;
	wc.uso = d->tun.uso;
	wc.table = d->table;
	r = worker_create(&wc, &d->worker);
	if (r == 0)
		r = watch_worker(d);
	if (r == 0)
		r = worker_start(d->worker);
	if (r == 0)
		return 0;
fail:
	datapath_close(d);
	return r;
}

bool datapath_is_open(const struct datapath *d)
{
	return d->open;
}

void datapath_stop(struct datapath *d)
{
	if (d->worker != NULL)
		worker_stop(d->worker);
}

void datapath_close(struct datapath *d)
{
	if (!d->open)
		return;
	d->open = false;
	if (d->events != NULL) {
		(void)uv_poll_stop(&d->events->handle); /* cannot fail */
		uv_close((uv_handle_t *)&d->events->handle, free_closed);
		d->events = NULL;
	}
	if (d->reaper != NULL)
		uv_close((uv_handle_t *)d->reaper, free_closed);
	d->reaper = NULL;
	worker_destroy(d->worker);
	d->worker = NULL;
	peer_table_destroy(d->table);
	d->table = NULL;
	d->peer = NULL;
	tun_close(&d->tun);
}

unsigned int datapath_ifindex(const struct datapath *d)
{
	return d->open ? d->tun.ifindex : 0;
}

static void on_reap(uv_timer_t *timer)
{
	struct datapath *d = timer->data;

	worker_wake(d->worker);
	if (peer_table_reap(d->table) == 0)
		(void)uv_timer_stop(timer); /* cannot fail */
}

int datapath_publish(struct datapath *d, struct attempt *a)
{
	struct peer *p = attempt_take_peer(a), *before = d->peer;
	int fd = attempt_take_socket(a, 0);
	int r;

	assert(p != NULL && fd >= 0); /* of an attempt that is up */
	r = peer_table_publish(d->table, p);
	/* Two sessions may share a slot of the index by chance, and this one
	 * is the one that lives. */
	if (r == -EEXIST && before != NULL) {
		peer_table_withdraw(d->table, before);
		before = d->peer = NULL;
		r = peer_table_publish(d->table, p);
	}
	if (r < 0) {
		peer_destroy(p);
		close(fd);
		return r;
	}
	d->peer = p;
	worker_set_socket(d->worker, fd);
	if (before != NULL)
		peer_table_withdraw(d->table, before);
	/* Withdrawn peers stay until the worker has passed. */
	return uv_timer_start(d->reaper, on_reap, REAP_MS, REAP_MS);
}

void datapath_withdraw(struct datapath *d)
{
	if (d->peer == NULL)
		return;
	peer_table_withdraw(d->table, d->peer);
	d->peer = NULL;
	(void)uv_timer_start(d->reaper, on_reap, REAP_MS, REAP_MS);
}

void datapath_stats(const struct datapath *d, struct peer_stats *ret_stats)
{
	if (d->peer != NULL)
		peer_stats(d->peer, ret_stats);
	else
		*ret_stats = (struct peer_stats) { 0 };
}

const struct counters *datapath_counters(const struct datapath *d)
{
	return d->worker ? worker_counters(d->worker) : NULL;
}
