/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) Sleep, people who come and go, and a tunnel that nobody uses. */
#include "tunnel/base/clock.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/daemon_private.h"

/* Holds may have ended meanwhile, and the network may be another. */
static void wake(struct daemon *d, uint64_t slept_ns)
{
	log_notice("awake again, after %u s",
		   (unsigned int)(slept_ns / NS_PER_S));
	engine_timeout(&d->engine, clock_now_ns());
	if (engine_wake(&d->engine, slept_ns))
		daemon_engine_end_tunnel(d, REASON_SLEEP);
	if (slept_ns == 0)
		return;
	session_io_woke(d->io);
	daemon_network_moved(d);
}

static void on_presence(void *arg, const struct presence_event *e)
{
	struct daemon *d = arg;
	bool ended = false;

	if (d->stopping)
		return;
	switch (e->kind) {
	case PRESENCE_SLEEP:
		log_notice("this machine is about to sleep");
		engine_sleep(&d->engine);
		break;
	case PRESENCE_WAKE:
		wake(d, e->slept_ns);
		break;
	case PRESENCE_LOGIN:
		log_info("a user has logged in");
		engine_login(&d->engine);
		break;
	case PRESENCE_LOGOUT:
		log_info("a user has logged out");
		ended = engine_logout(&d->engine, e->was_in_front, e->users);
		break;
	case PRESENCE_SWITCH:
		log_info("another user has the seat");
		ended = engine_user_switch(&d->engine);
		break;
	}
	if (ended)
		daemon_engine_end_tunnel(d, REASON_LOGOUT);
	daemon_engine_act(d);
	if (e->kind == PRESENCE_SLEEP)
		user_session_sleep_done(d->user_session);
}

static void on_idling(uv_timer_t *timer);

static void look_again(struct daemon *d, uint64_t at_ns, uint64_t now_ns)
{
	uv_update_time(&d->loop);
	/* Only a closing timer cannot be started. */
	(void)uv_timer_start(&d->idling, on_idling,
			     (at_ns - now_ns) / NS_PER_MS + 1, 0);
}

static void start_idle(struct daemon *d)
{
	uint64_t now = clock_now_ns(), next;

	idle_start(&d->idle, now, session_io_profile(d->io)->idle_timer_s,
		   session_io_packets(d->io));
	if (!idle_step(&d->idle, now, session_io_packets(d->io), &next))
		look_again(d, next, now);
}

static void on_idling(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	uint64_t now = clock_now_ns(), next;

	if (!idle_step(&d->idle, now, session_io_packets(d->io), &next)) {
		look_again(d, next, now);
		return;
	}
	if (!engine_idle(&d->engine)) {
		start_idle(d); /* it stays, and may idle again */
		return;
	}
	log_notice("%s: nothing went through it", session_io_name(d->io));
	daemon_engine_act(d);
}

static bool is_running(const struct daemon *d)
{
	enum session_state state = session_io_session(d->io)->state;

	return state == SESSION_STATE_UP || state == SESSION_STATE_SUSPECT;
}

void daemon_presence_changed(struct daemon *d)
{
	const struct profile *p = session_io_profile(d->io);
	bool runs = is_running(d) && p != NULL;

	user_session_delay_sleep(d->user_session,
				 runs && p->disconnect_on_sleep);
	if (!runs || !p->idle_disconnect) {
		(void)uv_timer_stop(&d->idling); /* cannot fail */
		return;
	}
	if (!uv_is_active((const uv_handle_t *)&d->idling))
		start_idle(d);
}

int daemon_presence_start(struct daemon *d)
{
	/* A timer only gets its fields set. */
	(void)uv_timer_init(&d->loop, &d->idling);
	d->idling.data = d;
	return user_session_create(&d->loop, on_presence, d, &d->user_session);
}

void daemon_presence_end(struct daemon *d)
{
	user_session_close(d->user_session);
	d->user_session = NULL;
	uv_close((uv_handle_t *)&d->idling, NULL);
}
