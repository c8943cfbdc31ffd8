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

struct lane {
	struct worker *worker;
	struct event_poll *events;
};

struct datapath {
	uv_loop_t *loop;
	const struct datapath_callbacks *cb;
	void *arg;
	bool open;
	struct tun tun;
	struct peer_table *table;
	struct peer *peer; /* the table's; NULL: none published */
	unsigned int lanes;
	struct lane lane[LANES_MAX]; /* a worker for each, and no more */
	struct counters gone;	     /* of lanes that are not there any more */
	uv_timer_t *reaper;
};

/* Outlives its datapath until libuv has closed it. */
struct event_poll {
	uv_poll_t handle;
	struct datapath *d;
	unsigned int lane;
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
	struct event_poll *p = (struct event_poll *)handle;
	struct datapath *d = p->d;
	struct worker *w = d->lane[p->lane].worker;
	const struct rx_stray *stray;

	(void)status;
	(void)events;
	worker_event_clear(w);
	if (worker_state(w) == WORKER_TUN_LOST) {
		(void)uv_poll_stop(handle); /* cannot fail */
		d->cb->lost(d->arg);
		return;
	}
	/* The callback may close everything: look again each time. */
	while (p->d != NULL && (stray = worker_stray_next(w)) != NULL) {
		struct sockaddr_storage from = stray->from;
		uint8_t bytes[RX_STRAY_MAX];
		size_t len = stray->len;

		memcpy(bytes, stray->bytes, len);
		worker_stray_done(w);
		d->cb->stray(d->arg, &from, bytes, len);
	}
}

static int watch_worker(struct datapath *d, unsigned int lane)
{
	struct event_poll *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return -ENOMEM;
	r = uv_poll_init(d->loop, &p->handle,
			 worker_event_fd(d->lane[lane].worker));
	if (r < 0) {
		free(p);
		return r;
	}
	p->d = d;
	p->lane = lane;
	d->lane[lane].events = p;
	return uv_poll_start(&p->handle, UV_READABLE, on_worker_event);
}

static void fold_lane(struct lane *l)
{
	if (l->events != NULL) {
		l->events->d = NULL;
		(void)uv_poll_stop(&l->events->handle); /* cannot fail */
		uv_close((uv_handle_t *)&l->events->handle, free_closed);
	}
	worker_destroy(l->worker);
	*l = (struct lane) { 0 };
}

void datapath_stop(struct datapath *d)
{
	for (unsigned int i = 0; i < d->lanes; i++)
		worker_stop(d->lane[i].worker);
}

/* The queue of lane 0 is the device itself, and stays when the lanes go. */
static void drop_lanes(struct datapath *d)
{
	datapath_stop(d);
	while (d->lanes > 0) {
		struct lane *l = &d->lane[--d->lanes];

		counters_gather(&d->gone, worker_counters(l->worker));
		fold_lane(l);
		if (d->lanes > 0)
			tun_drop_queue(&d->tun);
	}
}

static int add_lane(struct datapath *d)
{
	struct worker_config c = {
		.lane = d->lanes,
		.uso = d->tun.uso,
		.table = d->table,
	};
	struct lane *l = &d->lane[d->lanes];
	int r = d->lanes > 0 ? tun_add_queue(&d->tun) : 0;

	if (r < 0)
		return r;
	c.tun_fd = d->tun.queue[d->lanes];
	r = worker_create(&c, &l->worker);
	if (r == 0)
		r = watch_worker(d, d->lanes);
	if (r == 0) {
		d->lanes++;
		return 0;
	}
	fold_lane(l);
	if (d->lanes > 0)
		tun_drop_queue(&d->tun);
	return r;
}

static int start_lanes(struct datapath *d)
{
	struct worker *w[LANES_MAX];
	int r;

	for (unsigned int i = 0; i < d->lanes; i++)
		w[i] = d->lane[i].worker;
	r = worker_join(w, d->lanes);
	for (unsigned int i = 0; r == 0 && i < d->lanes; i++)
		r = worker_start(w[i]);
	return r;
}

/* A worker knows how many there are, so another number means other workers.
 * What waits in the first queue is read by the next one. */
static int set_lanes(struct datapath *d, unsigned int lanes)
{
	int r = 0;

	if (d->lanes == lanes)
		return 0;
	drop_lanes(d);
	while (r == 0 && d->lanes < lanes)
		r = add_lane(d);
	if (r == 0)
		r = start_lanes(d);
	if (r < 0)
		drop_lanes(d);
	return r;
}

int datapath_open(struct datapath *d, const char *device)
{
	struct peer_table_config tc = { .inner_slots = 0 };
	int r = tun_open(device, true, &d->tun);

	if (r < 0)
		return r;
	d->open = true;
	d->gone = (struct counters) { 0 };
	d->reaper = calloc(1, sizeof(*d->reaper));
	if (d->reaper == NULL) {
		datapath_close(d);
		return -ENOMEM;
	}
	(void)uv_timer_init(d->loop, d->reaper); /* only sets fields */
	d->reaper->data = d;
	r = peer_table_create(&tc, &d->table);
	if (r < 0)
		datapath_close(d);
	return r;
}

bool datapath_is_open(const struct datapath *d)
{
	return d->open;
}

void datapath_close(struct datapath *d)
{
	if (!d->open)
		return;
	d->open = false;
	drop_lanes(d);
	if (d->reaper != NULL)
		uv_close((uv_handle_t *)d->reaper, free_closed);
	d->reaper = NULL;
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

	for (unsigned int i = 0; i < d->lanes; i++)
		worker_wake(d->lane[i].worker);
	if (peer_table_reap(d->table) == 0)
		(void)uv_timer_stop(timer); /* cannot fail */
}

/* Two sessions may share a slot of the index by chance, and the newer one is
 * the one that lives. */
static int publish_peer(struct datapath *d, struct peer *p)
{
	int r = peer_table_publish(d->table, p);

	if (r == -EEXIST && d->peer != NULL) {
		peer_table_withdraw(d->table, d->peer);
		d->peer = NULL;
		r = peer_table_publish(d->table, p);
	}
	return r;
}

static void give_sockets(struct datapath *d, struct attempt *a)
{
	for (unsigned int i = 0; i < d->lanes; i++) {
		int fd = attempt_take_socket(a, i);

		assert(fd >= 0); /* of an attempt that is up */
		worker_set_socket(d->lane[i].worker, 0, fd);
	}
}

int datapath_publish(struct datapath *d, struct attempt *a)
{
	struct peer *p = attempt_take_peer(a), *before;
	int r = set_lanes(d, attempt_lanes(a));

	assert(p != NULL); /* of an attempt that is up */
	if (r == 0)
		r = publish_peer(d, p);
	if (r < 0) {
		peer_destroy(p);
		return r;
	}
	before = d->peer;
	d->peer = p;
	give_sockets(d, a);
	if (before != NULL)
		peer_table_withdraw(d->table, before);
	/* Withdrawn peers stay until the workers have passed. */
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

struct peer *datapath_peer(const struct datapath *d)
{
	return d->peer;
}

void datapath_stats(const struct datapath *d, struct peer_stats *ret_stats)
{
	if (d->peer != NULL)
		peer_stats(d->peer, ret_stats);
	else
		*ret_stats = (struct peer_stats) { 0 };
}

unsigned int datapath_lanes(const struct datapath *d)
{
	return d->lanes;
}

bool datapath_counters(const struct datapath *d, struct counters *ret_counters)
{
	if (!d->open)
		return false;
	*ret_counters = d->gone;
	for (unsigned int i = 0; i < d->lanes; i++)
		counters_gather(ret_counters,
				worker_counters(d->lane[i].worker));
	counter_add(&ret_counters->of[COUNTER_DROP_QUEUE],
		    tun_dropped(&d->tun));
	return true;
}
