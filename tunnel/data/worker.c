/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/data/tx.h"

/* Places in the poll set. */
enum {
	POLL_WAKE,
	POLL_TUN,
	POLL_UDP,
	POLL_COUNT,
};

struct worker {
	/* set at creation */
	struct worker_config config;
	int wake;  /* eventfd: to the worker */
	int event; /* eventfd: to the control thread */

	/* control thread */
	pthread_t thread;
	bool started;

	/* from the control thread to the worker */
	_Atomic bool stop;
	_Atomic int next_socket; /* consumed by whoever takes it; -1: none */

	/* from the worker to the control thread */
	_Atomic enum worker_state state;
	struct counters counters;

	/* worker */
	int socket; /* owned */
	struct tx tx;
	struct rx rx;
};

/* An eventfd's value says nothing; a full one is as good as another add. */
static void event_raise(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void event_lower(int fd)
{
	uint64_t value;

	(void)!read(fd, &value, sizeof(value));
}

int worker_create(const struct worker_config *c, struct worker **ret_worker)
{
	struct worker *w;

	/* Mapped, so that buffer pages which no packet has touched yet cost
	 * no memory. */
	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w == MAP_FAILED)
		return -ENOMEM;
	w->config = *c;
	w->socket = -1;
	atomic_init(&w->next_socket, -1);
	w->tx.lane = w->rx.lane = c->lane;
	w->tx.tun = w->rx.tun = c->tun_fd;
	w->tx.table = w->rx.table = c->table;
	w->tx.counters = w->rx.counters = &w->counters;
	w->tx.udp = -1;
	rx_init(&w->rx, c->uso);
	w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->wake < 0 || w->event < 0) {
		int error = errno;

		worker_destroy(w);
		return -error;
	}
	*ret_worker = w;
	return 0;
}

static void close_any(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* nothing is buffered in what we close */
}

void worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	worker_stop(w);
	close_any(atomic_load(&w->next_socket));
	close_any(w->socket);
	close_any(w->wake);
	close_any(w->event);
	munmap(w, sizeof(*w));
}

static void take_socket(struct worker *w)
{
	int fd;

	/* Nearly always there is none, and an exchange would cost. */
	if (atomic_load_explicit(&w->next_socket, memory_order_acquire) < 0)
		return;
	fd = atomic_exchange(&w->next_socket, -1);
	if (fd < 0)
		return;
	close_any(w->socket);
	w->socket = w->tx.udp = w->rx.udp = fd;
}

static void lose_socket(struct worker *w)
{
	close_any(w->socket);
	w->socket = w->tx.udp = w->rx.udp = -1;
}

static void lose_tun(struct worker *w)
{
	atomic_store(&w->state, WORKER_TUN_LOST);
	event_raise(w->event);
}

/* One turn for whatever poll found. */
static void turn(struct worker *w, const struct pollfd *p)
{
	uint64_t now_ns = clock_now_ns();
	int r = 0;

	if (p[POLL_WAKE].revents)
		event_lower(w->wake);
	/* Given before the packets were that poll() found beside the wake. */
	take_socket(w);
	if (p[POLL_TUN].revents & POLLIN)
		r = tx_pump(&w->tx, now_ns);
	/* The device has no errors but its own end. */
	if (r < 0 || p[POLL_TUN].revents & (POLLERR | POLLHUP | POLLNVAL)) {
		lose_tun(w);
		return;
	}
	if (!p[POLL_UDP].revents)
		return;
	r = rx_pump(&w->rx, now_ns);
	if (w->rx.strayed)
		event_raise(w->event);
	if (r == -EBADF)
		lose_socket(w);
	else if (r < 0)
		lose_tun(w);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct pollfd p[POLL_COUNT] = {
		[POLL_WAKE] = { .fd = w->wake, .events = POLLIN },
		[POLL_TUN] = { .fd = w->config.tun_fd, .events = POLLIN },
		[POLL_UDP] = { .fd = -1, .events = POLLIN },
	};

	while (!atomic_load(&w->stop)) {
		peer_table_pass(w->config.table, w->config.lane);
		take_socket(w);
		/* poll() passes over what is negative, so a worker without a
		 * device waits for its end, and does not spin. */
		if (atomic_load(&w->state) == WORKER_TUN_LOST)
			p[POLL_TUN].fd = p[POLL_UDP].fd = -1;
		else
			p[POLL_UDP].fd = w->socket;
		counters_add(&w->counters, COUNTER_CALL_POLL, 1);
		if (poll(p, POLL_COUNT, -1) > 0)
			turn(w, p);
	}
	return NULL;
}

int worker_start(struct worker *w)
{
	sigset_t all, before;
	int r;

	atomic_store(&w->stop, false);
	atomic_store(&w->state, WORKER_RUNNING);
	/* A reader from now on: what is withdrawn before the thread's first
	 * turn waits for it. */
	peer_table_pass(w->config.table, w->config.lane);
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		peer_table_leave(w->config.table, w->config.lane);
		atomic_store(&w->state, WORKER_READY);
		return -r;
	}
	w->started = true;
	return 0;
}

void worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	atomic_store(&w->stop, true);
	worker_wake(w);
	pthread_join(w->thread, NULL);
	w->started = false;
	peer_table_leave(w->config.table, w->config.lane);
	atomic_store(&w->state, WORKER_READY);
}

void worker_set_socket(struct worker *w, int fd)
{
	/* One that the worker has not taken yet is ours to close. */
	close_any(atomic_exchange(&w->next_socket, fd));
	worker_wake(w);
}

void worker_wake(struct worker *w)
{
	event_raise(w->wake);
}

enum worker_state worker_state(const struct worker *w)
{
	return atomic_load(&w->state);
}

const struct counters *worker_counters(const struct worker *w)
{
	return &w->counters;
}

int worker_event_fd(const struct worker *w)
{
	return w->event;
}

void worker_event_clear(struct worker *w)
{
	event_lower(w->event);
}

const struct rx_stray *worker_stray_next(struct worker *w)
{
	int i = ring_next(&w->rx.ring);

	return i < 0 ? NULL : &w->rx.stray[i];
}

void worker_stray_done(struct worker *w)
{
	ring_taken(&w->rx.ring);
}
