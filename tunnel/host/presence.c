/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/presence.h"

#include <errno.h>

void presence_start(struct presence *p, uint64_t asleep_ns, presence_cb tell,
		    void *arg)
{
	*p = (struct presence) {
		.tell = tell,
		.arg = arg,
		.asleep_ns = asleep_ns,
		.users.in_front = PRESENCE_NOBODY,
		.last_in_front = PRESENCE_NOBODY,
	};
}

/* --- sleep --- */

/* Since the last look; 0 for what may come from reading two clocks. Neither
 * has to begin at 0 (time namespaces). */
static uint64_t slept_ns(const struct presence *p, uint64_t asleep_ns)
{
	uint64_t slept = asleep_ns - p->asleep_ns;

	return slept >= PRESENCE_SLEEP_MIN_NS && slept <= INT64_MAX ? slept : 0;
}

void presence_sleep_announced(struct presence *p, uint64_t asleep_ns)
{
	if (p->preparing)
		return;
	/* One before, of which nobody has heard yet. */
	presence_look(p, asleep_ns);
	p->preparing = true;
	p->asleep_ns = asleep_ns;
	p->tell(p->arg, &(struct presence_event) { .kind = PRESENCE_SLEEP });
}

static void wake(struct presence *p, uint64_t asleep_ns)
{
	uint64_t slept = slept_ns(p, asleep_ns);

	p->preparing = false;
	p->asleep_ns = asleep_ns;
	p->tell(p->arg, &(struct presence_event) { .kind = PRESENCE_WAKE,
						   .slept_ns = slept });
}

void presence_sleep_ended(struct presence *p, uint64_t asleep_ns)
{
	if (p->preparing)
		wake(p, asleep_ns);
	else
		presence_look(p, asleep_ns);
}

/* In an announced sleep the machine may run for a moment, to go from suspend
 * to hibernation: only the announced end is one. */
void presence_look(struct presence *p, uint64_t asleep_ns)
{
	if (!p->preparing && slept_ns(p, asleep_ns) > 0)
		wake(p, asleep_ns);
}

void presence_lost(struct presence *p, uint64_t asleep_ns)
{
	presence_sleep_ended(p, asleep_ns);
}

/* --- users --- */

static bool has(const struct presence_users *u, uint32_t uid)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->uid[i] == uid)
			return true;
	return false;
}

int presence_users_add(struct presence_users *u, uint32_t uid)
{
	if (has(u, uid))
		return 0;
	if (u->count == PRESENCE_USERS_MAX)
		return -ENOSPC;
	u->uid[u->count++] = uid;
	return 0;
}

/* Of those in `in` who are not in `of`. */
static void tell_each(struct presence *p, enum presence_kind kind,
		      const struct presence_users *in,
		      const struct presence_users *of, uint32_t was_in_front)
{
	for (size_t i = 0; i < in->count; i++)
		if (!has(of, in->uid[i]))
			p->tell(p->arg, &(struct presence_event) {
						.kind = kind,
						.uid = in->uid[i],
						.users = p->users.count,
						.was_in_front = in->uid[i] ==
								was_in_front });
}

/* With the greeter in front, or nobody, the one before is not replaced yet:
 * some desktops show the greeter when they lock the screen. */
static void tell_switch(struct presence *p)
{
	uint32_t before = p->last_in_front, now = p->users.in_front;

	if (now == PRESENCE_NOBODY)
		return;
	p->last_in_front = now;
	if (before != PRESENCE_NOBODY && before != now)
		p->tell(p->arg,
			&(struct presence_event) { .kind = PRESENCE_SWITCH,
						   .uid = now,
						   .before = before });
}

void presence_users_seen(struct presence *p, const struct presence_users *now)
{
	struct presence_users before = p->users;
	uint32_t in_front = p->last_in_front;
	bool known = p->known;

	p->known = true;
	p->users = *now;
	if (!known) {
		p->last_in_front = now->in_front;
		return;
	}
	/* Who has logged out was not switched away from. */
	if (!has(now, p->last_in_front))
		p->last_in_front = PRESENCE_NOBODY;
	tell_each(p, PRESENCE_LOGOUT, &before, now, in_front);
	tell_each(p, PRESENCE_LOGIN, now, &before, PRESENCE_NOBODY);
	tell_switch(p);
}
