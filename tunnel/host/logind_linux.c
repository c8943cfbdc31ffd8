/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anybody on the bus can send us what looks like a signal of logind's: each is
 * taken from the owner of the name alone.
 */
#include "tunnel/host/logind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/host/bus_linux.h"
#include "tunnel/host/logind_users_linux.h"
#include "tunnel/host/presence.h"

#define PROPERTIES "org.freedesktop.DBus.Properties"
#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"

enum {
	OWNER_MAX = 256, /* D-Bus specification, "Valid Names": 255 */
	BATCH = 32,
};

/* What is asked or listened to as long as one owner has the name. */
enum slot {
	SLOT_OWNER, /* whose is the name, and where does it live? */
	SLOT_MANAGER,
	SLOT_SEATS,
	SLOT_SESSIONS,
	SLOT_PREPARING,
	SLOT_INHIBIT,
	SLOT_COUNT,
};

struct logind {
	struct presence *presence; /* borrowed */
	bool delay;		   /* wanted */

	/* while connected */
	sd_bus *bus;
	sd_bus_slot *name_changes;
	char candidate[OWNER_MAX]; /* not yet known where it lives */
	char owner[OWNER_MAX];	   /* "": nobody who counts */
	sd_bus_slot *slots[SLOT_COUNT];
	int lock_fd; /* -1: none */
	bool done;   /* with the sleep that is being prepared */

	struct logind_users users; /* while there is an owner */
};

struct logind *logind_create(struct presence *p)
{
	struct logind *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->presence = p;
	l->lock_fd = -1;
	return l;
}

void logind_destroy(struct logind *l)
{
	if (l == NULL)
		return;
	logind_disconnect(l);
	free(l);
}

static void drop(struct logind *l, enum slot s)
{
	l->slots[s] = sd_bus_slot_unref(l->slots[s]);
}

static bool is_from_owner(const struct logind *l, sd_bus_message *m)
{
	const char *sender = sd_bus_message_get_sender(m);

	return sender != NULL && l->owner[0] != '\0' &&
	       strcmp(sender, l->owner) == 0;
}

/* A call to the owner; the answer comes to `answered` with `l`. */
static void ask(struct logind *l, enum slot s, const char *interface,
		const char *method, sd_bus_message_handler_t answered,
		const char *types, ...)
{
	sd_bus_message *m = NULL;
	va_list args;
	int r;

	drop(l, s);
	r = sd_bus_message_new_method_call(l->bus, &m, l->owner, LOGIND_PATH,
					   interface, method);
	va_start(args, types);
	if (r >= 0)
		r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	/* What fails here fails with the connection, or for want of memory:
	 * the next signal asks again. */
	if (r >= 0)
		(void)sd_bus_call_async(l->bus, &l->slots[s], m, answered, l,
					LOGIND_PATIENCE_US);
	sd_bus_message_unref(m);
}

/* --- the lock --- */

static void unlock(struct logind *l)
{
	/* An answer that is under way is dropped with its descriptor. */
	drop(l, SLOT_INHIBIT);
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	l->lock_fd = -1;
}

static int on_inhibit(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	int fd;

	(void)error;
	drop(l, SLOT_INHIBIT);
	/* Refused: asked again at the next occasion, not at once. */
	if (sd_bus_message_is_method_error(m, NULL) ||
	    sd_bus_message_read(m, "h", &fd) < 0)
		return 0;
	/* The message owns it. */
	l->lock_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

/* A lock that is asked for while a sleep is prepared would be refused. */
static void settle_lock(struct logind *l)
{
	if (!l->delay || l->done) {
		unlock(l);
		return;
	}
	if (l->lock_fd >= 0 || l->slots[SLOT_INHIBIT] || l->owner[0] == '\0' ||
	    l->presence->preparing)
		return;
	ask(l, SLOT_INHIBIT, LOGIND_MANAGER, "Inhibit", on_inhibit, "ssss",
	    "sleep", "adit", "takes the tunnel down", "delay");
}

void logind_delay_sleep(struct logind *l, bool wanted)
{
	l->delay = wanted;
	settle_lock(l);
}

void logind_sleep_done(struct logind *l)
{
	l->done = l->presence->preparing;
	settle_lock(l);
}

/* --- sleep --- */

static void prepare(struct logind *l, bool start)
{
	if (start) {
		presence_sleep_announced(l->presence, clock_asleep_ns());
		return;
	}
	l->done = false;
	presence_sleep_ended(l->presence, clock_asleep_ns());
	settle_lock(l);
}

static int on_preparing(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	int start;

	(void)error;
	drop(l, SLOT_PREPARING);
	if (!sd_bus_message_is_method_error(m, NULL) &&
	    sd_bus_message_read(m, "v", "b", &start) > 0)
		prepare(l, start);
	return 0;
}

void logind_read_users(struct logind *l)
{
	if (l->owner[0] != '\0')
		logind_users_read(&l->users);
}

/* --- signals --- */

static int on_manager_signal(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	const char *member = sd_bus_message_get_member(m);
	int start;

	(void)error;
	if (!is_from_owner(l, m) || member == NULL)
		return 0;
	if (strncmp(member, "Session", strlen("Session")) == 0)
		logind_users_read(&l->users);
	else if (strcmp(member, "PrepareForSleep") == 0 &&
		 sd_bus_message_read(m, "b", &start) > 0)
		prepare(l, start);
	return 0;
}

/* Of a seat or a session; which one, is looked up. */
static int on_change(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;

	(void)error;
	if (is_from_owner(l, m))
		logind_users_read(&l->users);
	return 0;
}

static void listen_to(struct logind *l, enum slot s, const char *rest,
		      sd_bus_message_handler_t heard)
{
	char match[OWNER_MAX + 256];

	snprintf(match, sizeof(match), "type='signal',sender='%s',%s", l->owner,
		 rest);
	/* Fails as `ask` does. */
	(void)sd_bus_add_match_async(l->bus, &l->slots[s], match, heard, NULL,
				     l);
}

/* --- the name --- */

static void adopt(struct logind *l)
{
	snprintf(l->owner, sizeof(l->owner), "%s", l->candidate);
	listen_to(l, SLOT_MANAGER,
		  "path='" LOGIND_PATH "',interface='" LOGIND_MANAGER "'",
		  on_manager_signal);
	listen_to(l, SLOT_SEATS,
		  "path_namespace='" LOGIND_PATH "/seat',interface='" PROPERTIES
		  "',member='PropertiesChanged'",
		  on_change);
	listen_to(l, SLOT_SESSIONS,
		  "path_namespace='" LOGIND_PATH
		  "/session',interface='" PROPERTIES
		  "',member='PropertiesChanged',arg0='" LOGIND_SESSION "'",
		  on_change);
	ask(l, SLOT_PREPARING, PROPERTIES, "Get", on_preparing, "ss",
	    LOGIND_MANAGER, "PreparingForSleep");
	logind_users_start(&l->users, l->bus, l->owner, l->presence);
	settle_lock(l);
}

static void leave(struct logind *l)
{
	logind_users_stop(&l->users);
	for (enum slot s = 0; s < SLOT_COUNT; s++)
		drop(l, s);
	unlock(l);
	l->owner[0] = l->candidate[0] = '\0';
	l->done = false;
	presence_lost(l->presence, clock_asleep_ns());
}

static int on_process(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	uint32_t pid;

	(void)error;
	drop(l, SLOT_OWNER);
	if (!sd_bus_message_is_method_error(m, NULL) &&
	    sd_bus_message_read(m, "u", &pid) > 0 && bus_same_network(pid))
		adopt(l);
	return 0;
}

static void ask_driver(struct logind *l, const char *method, const char *name,
		       sd_bus_message_handler_t answered)
{
	drop(l, SLOT_OWNER);
	/* Fails as `ask` does; then there is no logind for us. */
	(void)sd_bus_call_method_async(l->bus, &l->slots[SLOT_OWNER], DRIVER,
				       DRIVER_PATH, DRIVER, method, answered, l,
				       "s", name);
}

static void consider(struct logind *l, const char *owner)
{
	snprintf(l->candidate, sizeof(l->candidate), "%s", owner);
	ask_driver(l, "GetConnectionUnixProcessID", l->candidate, on_process);
}

static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	const char *owner;

	(void)error;
	drop(l, SLOT_OWNER);
	if (!sd_bus_message_is_method_error(m, NULL) &&
	    sd_bus_message_read(m, "s", &owner) > 0)
		consider(l, owner);
	return 0;
}

static int on_name_change(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	const char *sender = sd_bus_message_get_sender(m);
	const char *name, *before, *owner;

	(void)error;
	if (sender == NULL || strcmp(sender, DRIVER) != 0 ||
	    sd_bus_message_read(m, "sss", &name, &before, &owner) < 0 ||
	    strcmp(name, LOGIND_NAME) != 0)
		return 0;
	leave(l);
	if (owner[0] != '\0')
		consider(l, owner);
	return 0;
}

/* --- the connection --- */

int logind_connect(struct logind *l)
{
	int r = sd_bus_open_system(&l->bus);

	if (r < 0)
		return r;
	r = sd_bus_add_match_async(
		l->bus, &l->name_changes,
		"type='signal',sender='" DRIVER "',path='" DRIVER_PATH
		"',interface='" DRIVER
		"',member='NameOwnerChanged',arg0='" LOGIND_NAME "'",
		on_name_change, NULL, l);
	if (r < 0) {
		logind_disconnect(l);
		return r;
	}
	ask_driver(l, "GetNameOwner", LOGIND_NAME, on_owner);
	return 0;
}

void logind_disconnect(struct logind *l)
{
	if (l->bus == NULL)
		return;
	leave(l);
	l->name_changes = sd_bus_slot_unref(l->name_changes);
	/* Without a flush, which would wait for a bus that hangs. */
	sd_bus_close(l->bus);
	l->bus = sd_bus_unref(l->bus);
}

int logind_fd(const struct logind *l)
{
	return sd_bus_get_fd(l->bus);
}

int logind_events(const struct logind *l)
{
	int r = sd_bus_get_events(l->bus);

	return r < 0 ? 0 : r;
}

uint64_t logind_timeout_ns(const struct logind *l)
{
	uint64_t at_us, now_us;
	int r = sd_bus_get_timeout(l->bus, &at_us);

	if (r < 0)
		return 0; /* it is over: logind_process says so */
	if (at_us == UINT64_MAX)
		return CLOCK_NEVER;
	now_us = clock_awake_ns() / 1000;
	return at_us > now_us ? (at_us - now_us) * 1000 : 0;
}

int logind_process(struct logind *l)
{
	int r = 1;

	for (int i = 0; r > 0 && i < BATCH; i++)
		r = sd_bus_process(l->bus, NULL);
	if (r < 0)
		return r;
	/* Told once that the other side is gone, it is quiet afterwards. */
	return sd_bus_is_open(l->bus) > 0 ? 0 : -ENOTCONN;
}

bool logind_is_there(const struct logind *l)
{
	return l->owner[0] != '\0';
}

bool logind_delays_sleep(const struct logind *l)
{
	return l->lock_fd >= 0;
}
