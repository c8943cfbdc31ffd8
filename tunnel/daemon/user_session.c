/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) The loop around tunnel/host/logind.h. */
#include "tunnel/daemon/user_session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <uv.h>

#include "tunnel/base/clock.h"
#include "tunnel/daemon/folder_watch.h"
#include "tunnel/host/logind.h"

#define BUS_FOLDER "/run/dbus"
/* A file for each session; what is in it is logind's alone. */
#define SESSIONS_FOLDER "/run/systemd/sessions"

enum {
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 256 * 1000,
};

struct user_session {
	/* set at creation */
	presence_cb event;
	void *arg;
	struct folder_watch *bus_folder, *sessions_folder;

	struct presence presence;
	struct logind *logind;
	uv_check_t check;
	uv_timer_t retry; /* while there is no connection */
	unsigned int retry_ms;

	/* while `connected`; the handle is closed a turn of the loop later */
	bool connected, polling;
	uv_poll_t poll;
	uv_timer_t timeout;

	bool closing;
	unsigned int handles; /* still to close */
};

static void try_to_connect(struct user_session *u);

static void on_presence(void *arg, const struct presence_event *e)
{
	struct user_session *u = arg;

	if (!u->closing)
		u->event(u->arg, e);
}

/* Runs after whatever woke the loop. */
static void on_check(uv_check_t *check)
{
	struct user_session *u = check->data;

	presence_look(&u->presence, clock_asleep_ns());
}

/* --- the connection --- */

static void on_retry(uv_timer_t *timer)
{
	try_to_connect(timer->data);
}

static void retry_later(struct user_session *u)
{
	/* Fails only for a timer that is being closed. */
	(void)uv_timer_start(&u->retry, on_retry, u->retry_ms, 0);
	if (u->retry_ms < RETRY_LAST_MS)
		u->retry_ms *= 2;
}

static void on_handle_closed(struct user_session *u)
{
	if (--u->handles > 0)
		return;
	logind_destroy(u->logind);
	free(u);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct user_session *u = handle->data;

	u->polling = false;
	if (u->closing)
		on_handle_closed(u);
}

static void stop_polling(struct user_session *u)
{
	(void)uv_timer_stop(&u->timeout); /* never fails */
	uv_close((uv_handle_t *)&u->poll, on_poll_closed);
	u->connected = false;
}

static void disconnect(struct user_session *u)
{
	stop_polling(u);
	logind_disconnect(u->logind);
	if (!u->closing)
		retry_later(u);
}

static void process(struct user_session *u);

static void on_timeout(uv_timer_t *timer)
{
	process(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status; /* what it is, reading from the descriptor tells */
	(void)events;
	process(poll->data);
}

/* After whatever may have changed what is waited for. */
static void arm(struct user_session *u)
{
	int events = logind_events(u->logind), r;
	uint64_t wait_ns = logind_timeout_ns(u->logind);

	r = uv_poll_start(&u->poll,
			  ((events & POLLIN) ? UV_READABLE : 0) |
				  ((events & POLLOUT) ? UV_WRITABLE : 0),
			  on_poll);
	/* The two fail only for handles that are being closed. */
	assert(r == 0);
	if (wait_ns == CLOCK_NEVER)
		r = uv_timer_stop(&u->timeout);
	else
		r = uv_timer_start(&u->timeout, on_timeout,
				   (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
	assert(r == 0);
}

static void process(struct user_session *u)
{
	int r = logind_process(u->logind);

	if (u->closing)
		return; /* by an event */
	if (r < 0) {
		disconnect(u);
		return;
	}
	if (logind_is_there(u->logind))
		u->retry_ms = RETRY_FIRST_MS;
	arm(u);
}

static void try_to_connect(struct user_session *u)
{
	int r;

	/* The handle of the connection before: its end is told in this turn. */
	if (u->connected || u->polling)
		return;
	r = logind_connect(u->logind);
	if (r == 0) {
		r = uv_poll_init(u->check.loop, &u->poll, logind_fd(u->logind));
		if (r < 0)
			logind_disconnect(u->logind);
	}
	if (r == -ENOENT) /* the folder's watch tells */
		return;
	if (r < 0) {
		retry_later(u);
		return;
	}
	(void)uv_timer_stop(&u->retry); /* never fails */
	u->poll.data = u;
	u->connected = u->polling = true;
	arm(u);
}

static void on_bus_folder(void *arg)
{
	struct user_session *u = arg;

	u->retry_ms = RETRY_FIRST_MS;
	try_to_connect(u);
}

static void on_sessions(void *arg)
{
	struct user_session *u = arg;

	if (!u->connected)
		return;
	logind_read_users(u->logind);
	arm(u);
}

/* --- outside --- */

static int watch_folders(struct user_session *u, uv_loop_t *loop)
{
	struct folder_watch_options bus = { .path = BUS_FOLDER,
					    .changed = on_bus_folder,
					    .arg = u };
	struct folder_watch_options sessions = { .path = SESSIONS_FOLDER,
						 .changed = on_sessions,
						 .arg = u };
	int r = folder_watch_create(loop, &bus, &u->bus_folder);

	if (r < 0)
		return r;
	r = folder_watch_create(loop, &sessions, &u->sessions_folder);
	if (r < 0)
		folder_watch_close(u->bus_folder);
	return r;
}

int user_session_create(uv_loop_t *loop, presence_cb event, void *arg,
			struct user_session **ret_session)
{
	struct user_session *u = calloc(1, sizeof(*u));
	int r = -ENOMEM;

	if (u == NULL)
		return r;
	u->logind = logind_create(&u->presence);
	if (u->logind != NULL)
		r = watch_folders(u, loop);
	if (r < 0) {
		logind_destroy(u->logind);
		free(u);
		return r;
	}
	u->event = event;
	u->arg = arg;
	u->retry_ms = RETRY_FIRST_MS;
	presence_start(&u->presence, clock_asleep_ns(), on_presence, u);
	/* None of these fails: they only set fields. */
	(void)uv_check_init(loop, &u->check);
	(void)uv_timer_init(loop, &u->retry);
	(void)uv_timer_init(loop, &u->timeout);
	u->check.data = u->retry.data = u->timeout.data = u;
	(void)uv_check_start(&u->check, on_check);
	try_to_connect(u);
	*ret_session = u;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	on_handle_closed(handle->data);
}

void user_session_close(struct user_session *u)
{
	if (u == NULL)
		return;
	u->closing = true;
	u->handles = 3 + u->polling;
	if (u->connected)
		stop_polling(u);
	folder_watch_close(u->bus_folder);
	folder_watch_close(u->sessions_folder);
	uv_close((uv_handle_t *)&u->check, on_closed);
	uv_close((uv_handle_t *)&u->retry, on_closed);
	uv_close((uv_handle_t *)&u->timeout, on_closed);
}

/* What was said may have left something to write. */
static void arm_if_connected(struct user_session *u)
{
	if (u->connected)
		arm(u);
}

void user_session_delay_sleep(struct user_session *u, bool wanted)
{
	logind_delay_sleep(u->logind, wanted);
	arm_if_connected(u);
}

void user_session_sleep_done(struct user_session *u)
{
	logind_sleep_done(u->logind);
	arm_if_connected(u);
}

bool user_session_is_told(const struct user_session *u)
{
	return logind_is_there(u->logind);
}

bool user_session_delays_sleep(const struct user_session *u)
{
	return logind_delays_sleep(u->logind);
}
