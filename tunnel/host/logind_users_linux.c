/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals alone do not tell enough. UserRemoved waits for the user's last
 * process, and never comes for one who lingers; SessionRemoved waits for what a
 * session left behind, and does not say whose it was. So all sessions are read
 * each time; one that is "closing" has no user any more.
 */
#include "tunnel/host/logind_users_linux.h"

#include <errno.h>
#include <string.h>

static void stop_reading(struct logind_users *u)
{
	u->list = sd_bus_slot_unref(u->list);
	for (size_t i = 0; i < u->asked_count; i++)
		u->asked[i].slot = sd_bus_slot_unref(u->asked[i].slot);
	u->asked_count = u->unanswered = 0;
}

static void finish_reading(struct logind_users *u, bool whole)
{
	bool again = u->again;

	stop_reading(u);
	if (again)
		logind_users_read(u);
	else if (whole)
		presence_users_seen(u->presence, &u->seen);
}

/* What counts in a session, of all that GetAll says. */
struct session {
	const char *class, *state;
	int active;
};

static int read_property(sd_bus_message *m, struct session *s)
{
	const char *name;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	if (strcmp(name, "Class") == 0)
		return sd_bus_message_read(m, "v", "s", &s->class);
	if (strcmp(name, "State") == 0)
		return sd_bus_message_read(m, "v", "s", &s->state);
	if (strcmp(name, "Active") == 0)
		return sd_bus_message_read(m, "v", "b", &s->active);
	return sd_bus_message_skip(m, "v");
}

static int read_session(sd_bus_message *m, struct session *ret_session)
{
	struct session s = { .active = -1 };
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 &&
	       (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_property(m, &s);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r < 0)
		return r;
	if (s.class == NULL || s.state == NULL || s.active < 0)
		return -EBADMSG;
	*ret_session = s;
	return 0;
}

/* "user", and since systemd 256 "user-early" and others of that kind. */
static bool is_user(const struct session *s)
{
	return (strcmp(s->class, "user") == 0 ||
		strncmp(s->class, "user-", 5) == 0) &&
	       strcmp(s->state, "closing") != 0;
}

static int count_session(struct logind_users *u, const struct logind_asked *a,
			 sd_bus_message *m)
{
	struct session s;
	int r;

	if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
	    sd_bus_message_is_method_error(m, LOGIND_NAME ".NoSuchSession"))
		return 0; /* it ended between the two questions */
	if (sd_bus_message_is_method_error(m, NULL))
		return -EIO;
	r = read_session(m, &s);
	if (r < 0 || !is_user(&s))
		return r;
	if (a->first_seat && s.active)
		u->seen.in_front = a->uid;
	return presence_users_add(&u->seen, a->uid);
}

static int on_session(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind_asked *a = arg;
	struct logind_users *u = a->users;
	int r = count_session(u, a, m);

	(void)error;
	a->slot = sd_bus_slot_unref(a->slot);
	u->unanswered--;
	if (r < 0 || u->unanswered == 0)
		finish_reading(u, r >= 0);
	return 0;
}

static int ask_session(struct logind_users *u, uint32_t uid, bool first_seat,
		       const char *path)
{
	struct logind_asked *a = &u->asked[u->asked_count];
	int r;

	if (u->asked_count == LOGIND_SESSIONS_MAX)
		return -ENOSPC;
	*a = (struct logind_asked) { .users = u,
				     .uid = uid,
				     .first_seat = first_seat };
	r = sd_bus_call_method_async(u->bus, &a->slot, u->owner, path,
				     "org.freedesktop.DBus.Properties",
				     "GetAll", on_session, a, "s",
				     LOGIND_SESSION);
	if (r < 0)
		return r;
	u->asked_count++;
	u->unanswered++;
	return 0;
}

static int ask_sessions(struct logind_users *u, sd_bus_message *m)
{
	const char *id, *name, *seat, *path;
	uint32_t uid;
	int r;

	/* No list is not an empty one. */
	if (sd_bus_message_has_signature(m, "a(susso)") <= 0)
		return -EBADMSG;
	r = sd_bus_message_enter_container(m, 'a', "(susso)");
	while (r >= 0 && (r = sd_bus_message_read(m, "(susso)", &id, &uid,
						  &name, &seat, &path)) > 0)
		if (seat[0] != '\0') /* else nobody sits here */
			r = ask_session(u, uid, strcmp(seat, "seat0") == 0,
					path);
	return r;
}

static int on_list(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind_users *u = arg;
	int r = sd_bus_message_is_method_error(m, NULL) ? -EIO
							: ask_sessions(u, m);

	(void)error;
	u->list = sd_bus_slot_unref(u->list);
	if (r < 0 || u->unanswered == 0)
		finish_reading(u, r >= 0);
	return 0;
}

static int ask_list(struct logind_users *u)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(u->bus, &m, u->owner,
					       LOGIND_PATH, LOGIND_MANAGER,
					       "ListSessions");

	if (r >= 0)
		r = sd_bus_call_async(u->bus, &u->list, m, on_list, u,
				      LOGIND_PATIENCE_US);
	sd_bus_message_unref(m);
	return r;
}

void logind_users_read(struct logind_users *u)
{
	u->again = u->list != NULL || u->unanswered > 0;
	if (u->again)
		return;
	u->seen = (struct presence_users) { .in_front = PRESENCE_NOBODY };
	/* What fails here fails with the connection, or for want of memory:
	 * the next change asks again. */
	(void)ask_list(u);
}

void logind_users_start(struct logind_users *u, sd_bus *bus, const char *owner,
			struct presence *p)
{
	*u = (struct logind_users) { .bus = bus,
				     .owner = owner,
				     .presence = p };
	logind_users_read(u);
}

void logind_users_stop(struct logind_users *u)
{
	stop_reading(u);
	u->again = false;
}
