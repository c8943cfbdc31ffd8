/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system bus, for a few blocking calls that together take no longer than
 * was said when it was opened. One thread at a time.
 *
 *   1. bus_open(&bus, patience_ms)
 *   2. bus_has(&bus, name): somebody to talk to? First, because a call to an
 *      absent name would start a service
 *   3. bus_ask(&bus, &place, "Method", &reply, "is", 1, "x"), and read the
 *      reply with sd_bus_message_read(); or bus_get() for a property
 *   4. bus_close(&bus)
 *
 * With arguments that are arrays: bus_compose(), sd_bus_message_append(),
 * bus_send(), which consumes the message.
 */
#ifndef ADIT_HOST_BUS_LINUX_H
#define ADIT_HOST_BUS_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "tunnel/base/attr.h"

enum { BUS_WHY_MAX = 160 };

struct bus {
	sd_bus *sd;
	uint64_t until_ns;
	/* What the other side said to the last call that failed. */
	char why[BUS_WHY_MAX];
};

/* An object and one of its interfaces; all borrowed. */
struct bus_place {
	const char *name;
	const char *path;
	const char *interface;
};

/* 0; -errno: there is no bus, or it does not answer. */
int bus_open(struct bus *ret_bus, unsigned int patience_ms) ATTR_MUST_CHECK;
/* Takes a zeroed one. */
void bus_close(struct bus *b);
/* What is left of the patience. */
uint64_t bus_left_ns(const struct bus *b);

/* 1: the name has an owner, who lives in our own network namespace. 0: nobody,
 * or somebody elsewhere: another machine's as far as we are concerned. */
int bus_has(struct bus *b, const char *name);
/* Does this process live in our network namespace? */
bool bus_same_network(uint32_t pid);

/* Each returns 0 or -errno (-ETIMEDOUT when the patience is over); `ret_reply`
 * may be NULL, else it is the caller's to sd_bus_message_unref. */
int bus_ask(struct bus *b, const struct bus_place *to, const char *method,
	    sd_bus_message **ret_reply, const char *types, ...);
int bus_compose(struct bus *b, const struct bus_place *to, const char *method,
		sd_bus_message **ret_message);
int bus_send(struct bus *b, sd_bus_message *m, sd_bus_message **ret_reply);

/* The property's value is the next thing to read from the reply. -ENXIO: it
 * has another type. */
int bus_get(struct bus *b, const struct bus_place *from, const char *property,
	    const char *type, sd_bus_message **ret_reply);
/* A text of at most `size` - 1 bytes, cut; or a boolean. */
int bus_get_text(struct bus *b, const struct bus_place *from,
		 const char *property, char *buf, size_t size);
int bus_get_bool(struct bus *b, const struct bus_place *from,
		 const char *property, bool *ret_value);

#endif
