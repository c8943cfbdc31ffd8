/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/bus_linux.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tunnel/base/clock.h"

static const struct bus_place driver = { "org.freedesktop.DBus",
					 "/org/freedesktop/DBus",
					 "org.freedesktop.DBus" };

uint64_t bus_left_ns(const struct bus *b)
{
	uint64_t now = clock_now_ns();

	return now < b->until_ns ? b->until_ns - now : 0;
}

/* sd-bus takes 0 for "as long as you like". */
static uint64_t left_us(const struct bus *b)
{
	return bus_left_ns(b) / 1000 + 1;
}

/* Authentication and Hello have a patience of 90 seconds inside sd-bus: turned
 * by hand they have ours. */
static int wait_until_ready(struct bus *b)
{
	for (;;) {
		int r = sd_bus_is_ready(b->sd);

		if (r != 0)
			return r < 0 ? r : 0;
		r = sd_bus_process(b->sd, NULL);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (bus_left_ns(b) == 0)
			return -ETIMEDOUT;
		r = sd_bus_wait(b->sd, left_us(b));
		if (r < 0 && r != -EINTR)
			return r;
	}
}

int bus_open(struct bus *ret_bus, unsigned int patience_ms)
{
	struct bus b = { .until_ns = clock_now_ns() +
				     (uint64_t)patience_ms * NS_PER_MS };
	int r = sd_bus_open_system(&b.sd);

	if (r < 0)
		return r;
	r = wait_until_ready(&b);
	if (r < 0) {
		bus_close(&b);
		return r;
	}
	*ret_bus = b;
	return 0;
}

/* Without the flush that would wait for a bus that hangs. */
void bus_close(struct bus *b)
{
	if (!b->sd)
		return;
	sd_bus_close(b->sd);
	b->sd = sd_bus_unref(b->sd);
}

int bus_compose(struct bus *b, const struct bus_place *to, const char *method,
		sd_bus_message **ret_message)
{
	return sd_bus_message_new_method_call(b->sd, ret_message, to->name,
					      to->path, to->interface, method);
}

int bus_send(struct bus *b, sd_bus_message *m, sd_bus_message **ret_reply)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	b->why[0] = '\0';
	r = sd_bus_call(b->sd, m, left_us(b), &error, ret_reply);
	if (r < 0)
		snprintf(b->why, sizeof(b->why), "%s",
			 error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

int bus_ask(struct bus *b, const struct bus_place *to, const char *method,
	    sd_bus_message **ret_reply, const char *types, ...)
{
	sd_bus_message *m = NULL;
	int r = bus_compose(b, to, method, &m);
	va_list args;

	if (r < 0)
		return r;
	va_start(args, types);
	r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	if (r < 0) {
		sd_bus_message_unref(m);
		return r;
	}
	return bus_send(b, m, ret_reply);
}

int bus_get(struct bus *b, const struct bus_place *from, const char *property,
	    const char *type, sd_bus_message **ret_reply)
{
	struct bus_place properties = { from->name, from->path,
					"org.freedesktop.DBus.Properties" };
	sd_bus_message *reply = NULL;
	int r = bus_ask(b, &properties, "Get", &reply, "ss", from->interface,
			property);

	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(reply, 'v', type);
	if (r <= 0) {
		sd_bus_message_unref(reply);
		return r < 0 ? r : -ENXIO;
	}
	*ret_reply = reply;
	return 0;
}

int bus_get_text(struct bus *b, const struct bus_place *from,
		 const char *property, char *buf, size_t size)
{
	sd_bus_message *reply;
	const char *text;
	int r = bus_get(b, from, property, "s", &reply);

	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "s", &text);
	if (r > 0)
		snprintf(buf, size, "%s", text);
	sd_bus_message_unref(reply);
	return r > 0 ? 0 : -EBADMSG;
}

int bus_get_bool(struct bus *b, const struct bus_place *from,
		 const char *property, bool *ret_value)
{
	sd_bus_message *reply;
	int value, r = bus_get(b, from, property, "b", &reply);

	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "b", &value);
	if (r > 0)
		*ret_value = value;
	sd_bus_message_unref(reply);
	return r > 0 ? 0 : -EBADMSG;
}

bool bus_same_network(uint32_t pid)
{
	struct stat ours, theirs;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	return stat("/proc/self/ns/net", &ours) == 0 &&
	       stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

int bus_has(struct bus *b, const char *name)
{
	sd_bus_message *reply;
	uint32_t pid = 0;
	int has = 0, r;

	r = bus_ask(b, &driver, "NameHasOwner", &reply, "s", name);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "b", &has);
	sd_bus_message_unref(reply);
	if (r < 0 || !has)
		return r < 0 ? r : 0;
	r = bus_ask(b, &driver, "GetConnectionUnixProcessID", &reply, "s",
		    name);
	if (r < 0)
		return 0; /* it went away between the two questions */
	r = sd_bus_message_read(reply, "u", &pid);
	sd_bus_message_unref(reply);
	return r < 0 ? r : bus_same_network(pid);
}
