/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/worker.h"

#include <assert.h>
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
	POLL_INBOX,
	POLL_UDP, /* the first of the shares */
	POLL_COUNT = POLL_UDP + UDP_SHARES_MAX,
};

enum {
	INBOX_BYTES = 4 << 20, /* as the kernel counts: a thousand records */
};

struct worker {
	/* set at creation */
	struct worker_config config;
	int wake;     /* eventfd: to the worker */
	int event;    /* eventfd: to the control thread */
	int inbox[2]; /* records of its lanes: we read, others write; or -1 */

	/* control thread */
	pthread_t thread;
	bool started;

	/* from the control thread to the worker */
	_Atomic bool stop;
	_Atomic bool has_next;
	_Atomic int next[UDP_SHARES_MAX]; /* whoever takes it owns it; -1 */

	/* from the worker to the control thread */
	_Atomic enum worker_state state;
	struct counters counters;

	/* worker */
	int socket[UDP_SHARES_MAX];	  /* owned; -1: none */
	uint32_t dropped[UDP_SHARES_MAX]; /* by the kernel, as far as counted */
	unsigned int shares;		  /* those behind them are -1 */
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
	w->tx.lane = (uint8_t)c->lane;
	w->tx.tun = w->rx.tun = c->tun_fd;
	w->rx.lane = c->lane;
	w->rx.lanes = 1;
	w->inbox[0] = w->inbox[1] = -1;
	for (int i = 0; i < UDP_SHARES_MAX; i++) {
		w->socket[i] = -1;
		atomic_init(&w->next[i], -1);
	}
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
	for (int i = 0; i < UDP_SHARES_MAX; i++) {
		close_any(atomic_load(&w->next[i]));
		close_any(w->socket[i]);
	}
	close_any(w->wake);
	close_any(w->event);
	close_any(w->inbox[0]);
	close_any(w->inbox[1]);
	munmap(w, sizeof(*w));
}

static int open_inbox(struct worker *w)
{
	const int size = INBOX_BYTES;

	/* Sequenced packets are bounded by bytes; datagrams of this family by
	 * a number that is ten on some systems. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, w->inbox) < 0)
		return -errno;
	if (setsockopt(w->inbox[1], SOL_SOCKET, SO_SNDBUFFORCE, &size,
		       sizeof(size)))
		(void)setsockopt(w->inbox[1], SOL_SOCKET, SO_SNDBUF, &size,
				 sizeof(size)); /* as far as that goes */
	return 0;
}

int worker_join(struct worker *const *w, unsigned int count)
{
	int r = 0;

	assert(count <= LANES_MAX);
	for (unsigned int i = 0; r == 0 && count > 1 && i < count; i++)
		r = open_inbox(w[i]);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < count; i++) {
		w[i]->rx.lanes = count;
		for (unsigned int k = 0; k < count; k++)
			w[i]->rx.inbox[k] = w[k]->inbox[1];
	}
	return 0;
}

static void take_sockets(struct worker *w)
{
	/* Nearly always there is none, and exchanges would cost. */
	if (!atomic_load_explicit(&w->has_next, memory_order_relaxed))
		return;
	atomic_store(&w->has_next, false);
	for (unsigned int i = 0; i < UDP_SHARES_MAX; i++) {
		int fd = atomic_exchange(&w->next[i], -1);

		if (fd < 0)
			continue;
		close_any(w->socket[i]);
		w->socket[i] = fd;
		w->dropped[i] = 0;
		if (i >= w->shares)
			w->shares = i + 1;
	}
	w->tx.udp = w->socket[0];
}

static void lose_socket(struct worker *w, unsigned int share)
{
	close_any(w->socket[share]);
	w->socket[share] = -1;
	w->tx.udp = w->socket[0];
}

static void lose_tun(struct worker *w)
{
	atomic_store(&w->state, WORKER_TUN_LOST);
	event_raise(w->event);
}

/* A queue that overflowed holds more than one turn takes: whoever is not empty
 * is asked. */
static void count_dropped(struct worker *w, unsigned int share)
{
	uint32_t now = udp_dropped(w->socket[share]);

	counters_add(&w->counters, COUNTER_DROP_SOCKET,
		     now - w->dropped[share]);
	w->dropped[share] = now;
}

/* Each that has something gets its part of the turn. False: the device is
 * gone. */
static bool receive(struct worker *w, const struct pollfd *p, uint64_t now_ns)
{
	bool strayed = false;
	int r = 0;

	if (p[POLL_INBOX].revents)
		r = rx_pump(&w->rx, w->inbox[0], now_ns);
	for (unsigned int i = 0; r >= 0 && i < w->shares; i++) {
		if (!p[POLL_UDP + i].revents)
			continue;
		r = rx_pump(&w->rx, w->socket[i], now_ns);
		strayed |= w->rx.strayed;
		if (r == -EBADF) {
			lose_socket(w, i);
			r = 0;
		} else if (r > 0) {
			count_dropped(w, i);
		}
	}
	if (strayed)
		event_raise(w->event);
	return r >= 0;
}

/* One turn for whatever poll found. */
static void turn(struct worker *w, const struct pollfd *p)
{
	uint64_t now_ns = clock_now_ns();
	int r = 0;

	if (p[POLL_WAKE].revents)
		event_lower(w->wake);
	/* Given before the packets were that poll() found beside the wake. */
	take_sockets(w);
	if (p[POLL_TUN].revents & POLLIN)
		r = tx_pump(&w->tx, now_ns);
	/* The device has no errors but its own end. */
	if (r < 0 || p[POLL_TUN].revents & (POLLERR | POLLHUP | POLLNVAL) ||
	    !receive(w, p, now_ns))
		lose_tun(w);
}

/* poll() passes over what is negative, so a worker without a device waits for
 * its end, and does not spin. Returns how many places are in use. */
static unsigned int watch(const struct worker *w, struct pollfd *p)
{
	bool lost = atomic_load(&w->state) == WORKER_TUN_LOST;

	p[POLL_WAKE].fd = w->wake;
	p[POLL_TUN].fd = lost ? -1 : w->config.tun_fd;
	p[POLL_INBOX].fd = lost ? -1 : w->inbox[0];
	for (unsigned int i = 0; i < w->shares; i++)
		p[POLL_UDP + i].fd = lost ? -1 : w->socket[i];
	return POLL_UDP + w->shares;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct pollfd p[POLL_COUNT] = { 0 };
	unsigned int count;

	for (int i = 0; i < POLL_COUNT; i++)
		p[i].events = POLLIN;
	while (!atomic_load(&w->stop)) {
		peer_table_pass(w->config.table, w->config.lane);
		take_sockets(w);
		count = watch(w, p);
		counters_add(&w->counters, COUNTER_CALL_POLL, 1);
		if (poll(p, count, -1) > 0)
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

void worker_set_socket(struct worker *w, unsigned int share, int fd)
{
	assert(share < UDP_SHARES_MAX);
	/* One that the worker has not taken yet is ours to close. */
	close_any(atomic_exchange(&w->next[share], fd));
	atomic_store(&w->has_next, true);
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
