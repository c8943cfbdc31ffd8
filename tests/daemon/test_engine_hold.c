/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user's word above the rules: rows U of profile.md, and which of several
 * profiles has the tunnel. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/lib/engine_world.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"
#include "tunnel/daemon/engine.h"

#define HOUR_NS (3600ULL * NS_PER_S)

static const struct network nothing;

static void disconnect_from(struct engine_world *w, size_t entry)
{
	struct engine_order o = engine_world_order(w);

	ck_assert_int_eq(engine_disconnect(&w->engine, entry, &o), 0);
}

static const struct hold *hold(const struct engine_world *w)
{
	return &w->engine.entries[0].hold;
}

static enum hold_end hold_end(const struct engine_world *w)
{
	return w->engine.entries[0].hold_end;
}

/* A world as U1 leaves it: the rules would connect, and the user said no. */
static struct engine_world *after_u1(struct network n)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);

	engine_world_go(w, n);
	WANTS(w, "up a");
	disconnect_from(w, 0);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_USER);
	return w;
}

/* --- Rows U. --- */

START_TEST(u1_stays_down_after_the_user_said_so)
{
	struct engine_world *w = after_u1(engine_world_wifi(1, "CafeNet"));

	ck_assert(!engine_trigger(&w->engine));
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.entries[0].cause, ENGINE_CAUSE_USER);
	/* What the rules would do is told beside it. */
	ck_assert_int_eq(w->engine.entries[0].decision.action,
			 PROFILE_ACTION_CONNECT);
	engine_world_go(w, engine_world_wifi(2, "HomeNet"));
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_NETWORK);
	engine_world_destroy(w);
}
END_TEST

START_TEST(u1_a_hold_down_blocks_names_as_well)
{
	struct engine_world *w = engine_world_with_rules(RULE_EVALUATE);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "armed a");
	disconnect_from(w, 0);
	/* Between the word and the look, too. */
	(void)engine_trigger(&w->engine);
	WANTS(w, "down");
	ck_assert(!engine_trigger(&w->engine));
	engine_auto(&w->engine, 0);
	WANTS(w, "armed a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(u2_a_renewed_lease_is_the_same_network)
{
	struct network n = engine_world_wifi(1, "CafeNet");
	struct engine_world *w = after_u1(n);

	n.dns.servers[0].at.addr.bytes[3] = 54;
	engine_world_go(w, n);
	WANTS(w, "down");
	n.has_bssid = true; /* roaming */
	n.bssid[5] = 1;
	engine_world_go(w, n);
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_network_that_goes_and_comes_back_is_no_change)
{
	struct network n = engine_world_ethernet(1);
	struct engine_world *w = after_u1(n);

	engine_world_go(w, nothing);
	WANTS(w, "down");
	engine_world_go(w, engine_world_vpn());
	WANTS(w, "down");
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert_int_eq(hold(w)->state, HOLD_DOWN);
	engine_world_go(w, nothing);
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(what_becomes_known_is_no_change_and_counts_from_then_on)
{
	struct network n = engine_world_ethernet(1);
	struct engine_world *w = after_u1(n);

	ck_assert(!w->engine.entries[0].saved);
	w->engine.entries[0].saved = true;
	engine_world_go(w, n);
	ck_assert(w->engine.entries[0].saved);
	n.identity.ipv4.has_link_address = true;
	n.identity.ipv4.link_address[5] = 1;
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert(!w->engine.entries[0].saved); /* more is known of it */
	n.identity.ipv6.gateway = (struct ip_addr) { AF_INET6, { 0xfe, 0x80 } };
	engine_world_go(w, n);
	WANTS(w, "down");
	/* The same addresses, somewhere else. */
	n.identity.ipv4.link_address[5] = 2;
	engine_world_go(w, n);
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_NETWORK);
	engine_world_destroy(w);
}
END_TEST

START_TEST(u4_a_users_connect_ends_the_hold)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));

	engine_world_connect(w, 0);
	WANTS(w, "up a");
	ck_assert_int_eq(hold(w)->state, HOLD_UP);
	engine_auto(&w->engine, 0);
	WANTS(w, "up a");
	ck_assert_int_eq(hold(w)->state, HOLD_NONE);
	ck_assert_int_eq(hold_end(w), HOLD_END_COMMAND);
	engine_world_destroy(w);
}
END_TEST

START_TEST(u5_a_sleep_in_the_same_network_changes_nothing)
{
	struct network n = engine_world_ethernet(1);
	struct engine_world *w = after_u1(n);

	engine_sleep(&w->engine);
	WANTS(w, "down");
	engine_world_go(w, nothing);
	engine_wake(&w->engine, HOUR_NS);
	WANTS(w, "down");
	engine_world_go(w, n);
	WANTS(w, "down");
	ck_assert_int_eq(hold(w)->state, HOLD_DOWN);
	engine_world_destroy(w);
}
END_TEST

START_TEST(u6_a_locked_profile_is_not_held_down)
{
	struct engine_spec spec = {
		.name = "a",
		.rules = RULE_CONNECT,
		.on_demand = ", 'DisableUserOverride': true",
	};
	struct engine_world *w = engine_world_create(&spec, 1);
	struct engine_order o = engine_world_order(w);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), -EPERM);
	WANTS(w, "up a");
	ck_assert_int_eq(hold(w)->state, HOLD_NONE);
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	ck_assert_int_eq(hold(w)->state, HOLD_UP);
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), -EPERM);
	ck_assert_int_eq(hold(w)->state, HOLD_UP);
	/* Without rules nothing would bring it up: there is no lock. */
	spec.off = true;
	engine_world_set(w, &spec, 1);
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

/* Of "a", whose rules want it at work: Wi-Fi for one, for the other a name. */
static const char *const locked_rules[] = {
	"{'Action': 'Connect', 'InterfaceTypeMatch': 'WiFi'}," RULE_DISCONNECT,
	"{'Action': 'EvaluateConnection', 'InterfaceTypeMatch': 'WiFi', "
	"'ActionParameters': [{'Domains': ['example.com'], "
	"'DomainAction': 'ConnectIfNeeded'}]}," RULE_DISCONNECT,
};

static struct engine_world *locked_and_another(const char *rules)
{
	const struct engine_spec specs[] = {
		{ .name = "a",
		  .rules = rules,
		  .on_demand = ", 'DisableUserOverride': true" },
		{ .name = "b", .off = true },
	};

	return engine_world_create(specs, 2);
}

START_TEST(u6_nobody_connects_another_where_a_locked_one_is_wanted)
{
	struct engine_world *w = locked_and_another(locked_rules[_i]);
	struct engine_order o = engine_world_order(w);

	engine_world_go(w, engine_world_wifi(1, "Work"));
	engine_world_look(w);
	(void)engine_trigger(&w->engine);
	WANTS(w, "up a");
	ck_assert_int_eq(engine_connect(&w->engine, 1, &o), -EPERM);
	ck_assert_int_eq(w->engine.entries[1].hold.state, HOLD_NONE);
	WANTS(w, "up a");
	/* Nor behind a hold of its own. */
	ck_assert_int_eq(engine_connect(&w->engine, 0, &o), 0);
	WANTS(w, "up a");
	ck_assert_int_eq(engine_connect(&w->engine, 1, &o), -EPERM);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(u6_a_locked_one_takes_the_tunnel_back_where_it_is_wanted)
{
	struct engine_world *w = locked_and_another(locked_rules[0]);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	engine_world_connect(w, 1);
	WANTS(w, "up b");
	engine_world_go(w, engine_world_wifi(2, "Work"));
	WANTS(w, "up a");
	ck_assert_int_eq(w->engine.reason, REASON_REPLACED);
	/* What was said of the other one stays said. */
	ck_assert_int_eq(w->engine.entries[1].hold.state, HOLD_UP);
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up b");
	engine_world_destroy(w);
}
END_TEST

/* Not triggered, it is not wanted. */
START_TEST(u6_another_may_be_connected_where_a_locked_one_waits)
{
	struct engine_world *w = locked_and_another(locked_rules[1]);

	engine_world_go(w, engine_world_wifi(1, "Work"));
	WANTS(w, "armed a");
	engine_world_connect(w, 1);
	WANTS(w, "up b");
	engine_world_destroy(w);
}
END_TEST

START_TEST(u6_of_two_locked_ones_the_one_that_is_up_stays)
{
	const struct engine_spec specs[] = {
		{ .name = "a",
		  .rules = locked_rules[0],
		  .on_demand = ", 'DisableUserOverride': true" },
		{ .name = "b",
		  .rules = RULE_CONNECT,
		  .on_demand = ", 'DisableUserOverride': true" },
	};
	struct engine_world *w = engine_world_create(specs, 2);
	struct engine_order o = engine_world_order(w);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up b");
	engine_world_go(w, engine_world_wifi(2, "Work"));
	WANTS(w, "up b");
	ck_assert_int_eq(engine_connect(&w->engine, 0, &o), -EPERM);
	ck_assert_int_eq(engine_connect(&w->engine, 1, &o), 0);
	WANTS(w, "up b");
	engine_world_destroy(w);
}
END_TEST

START_TEST(u7_a_hold_up_beats_a_disconnect_rule_until_another_network)
{
	struct engine_world *w = engine_world_with_rules(RULE_DISCONNECT);

	engine_world_go(w, engine_world_wifi(1, "Home"));
	WANTS(w, "down");
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	ck_assert_int_eq(w->engine.entries[0].cause, ENGINE_CAUSE_USER);
	engine_world_go(w, nothing);
	WANTS(w, "up a");
	engine_world_go(w, engine_world_wifi(1, "Home"));
	WANTS(w, "up a");
	engine_world_go(w, engine_world_wifi(2, "Other"));
	WANTS(w, "down");
	ck_assert_int_eq(hold_end(w), HOLD_END_NETWORK);
	ck_assert_int_eq(w->engine.reason, REASON_RULE);
	engine_world_destroy(w);
}
END_TEST

/* The half of it that is here: it is not wanted, by the user's word. */
START_TEST(u10_a_permitted_disconnect_ends_what_the_kill_switch_guards)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.payload = ", 'NetworkRouting': {'IncludeAllNetworks': true}",
	});

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	disconnect_from(w, 0);
	WANTS(w, "down");
	ck_assert_int_eq(w->engine.reason, REASON_USER);
	engine_world_destroy(w);
}
END_TEST

/* --- When a hold ends. --- */

START_TEST(a_hold_for_a_time_ends_then)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));
	struct engine_order o = engine_world_order(w);

	ck_assert_uint_eq(engine_deadline(&w->engine), CLOCK_NEVER);
	o.for_ns = 2 * HOUR_NS;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	ck_assert_uint_eq(engine_deadline(&w->engine), o.now_ns + o.for_ns);
	ck_assert_int_eq(hold(w)->until_ms, o.wall_ms + 2 * 3600 * 1000);
	engine_timeout(&w->engine, o.now_ns + o.for_ns - 1);
	WANTS(w, "down");
	engine_timeout(&w->engine, o.now_ns + o.for_ns);
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_TIME);
	ck_assert_uint_eq(engine_deadline(&w->engine), CLOCK_NEVER);
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_hold_for_a_time_ends_with_the_network_before)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));
	struct engine_order o = engine_world_order(w);

	o.for_ns = 2 * HOUR_NS;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_NETWORK);
	ck_assert_uint_eq(engine_deadline(&w->engine), CLOCK_NEVER);
	engine_world_destroy(w);
}
END_TEST

START_TEST(the_longest_time_has_no_end)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));
	struct engine_order o = engine_world_order(w);

	o.for_ns = UINT64_MAX;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	engine_timeout(&w->engine, UINT64_MAX - 1);
	WANTS(w, "down");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_hold_until_the_reboot_ends_then_or_by_command)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));
	struct engine_order o = engine_world_order(w);
	struct engine_spec spec = { .name = "a", .rules = RULE_EVALUATE };
	struct hold none = { .until_ns = CLOCK_NEVER };

	o.until_reboot = true;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	engine_world_set(w, &spec, 1);
	WANTS(w, "down");
	ck_assert_int_eq(hold(w)->state, HOLD_DOWN);
	ck_assert_uint_eq(hold(w)->fingerprint, w->profiles[0]->fingerprint);
	engine_auto(&w->engine, 0);
	WANTS(w, "armed a");
	ck_assert_int_eq(hold_end(w), HOLD_END_COMMAND);
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	/* As hold_load() says after a reboot. */
	engine_restore_hold(&w->engine, 0, &none);
	WANTS(w, "armed a");
	ck_assert_int_eq(hold_end(w), HOLD_END_REBOOT);
	ck_assert(!w->engine.entries[0].saved); /* its file is to go */
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_hold_until_the_reboot_ends_when_it_is_forbidden)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));
	struct engine_order o = engine_world_order(w);
	struct engine_spec spec = {
		.name = "a",
		.rules = RULE_CONNECT,
		.on_demand = ", 'DisableUserOverride': true",
	};

	o.until_reboot = true;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	engine_world_set(w, &spec, 1);
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_PROFILE);
	engine_world_destroy(w);
}
END_TEST

START_TEST(another_content_of_the_profile_ends_a_hold)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));
	struct engine_spec spec = { .name = "a", .rules = RULE_CONNECT };

	engine_world_set(w, &spec, 1); /* the same */
	WANTS(w, "down");
	ck_assert_int_eq(hold(w)->state, HOLD_DOWN);
	spec.rules = RULE_CONNECT "," RULE_IGNORE;
	engine_world_set(w, &spec, 1);
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_PROFILE);
	ck_assert(!w->engine.entries[0].saved);
	engine_world_destroy(w);
}
END_TEST

START_TEST(reconnect_after_is_the_longest_that_a_hold_lasts)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'ReconnectAfter': 3600",
	});
	struct engine_order o = engine_world_order(w);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	ck_assert_uint_eq(engine_deadline(&w->engine), o.now_ns + HOUR_NS);
	o.for_ns = 2 * HOUR_NS;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	ck_assert_uint_eq(engine_deadline(&w->engine), o.now_ns + HOUR_NS);
	o.for_ns = HOUR_NS / 2;
	o.until_reboot = true;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	ck_assert_uint_eq(engine_deadline(&w->engine), o.now_ns + HOUR_NS / 2);
	engine_timeout(&w->engine, o.now_ns + HOUR_NS / 2);
	WANTS(w, "up a");
	engine_world_connect(w, 0); /* a hold up has no such end */
	ck_assert_uint_eq(engine_deadline(&w->engine), CLOCK_NEVER);
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_reason_is_asked_for_where_the_profile_wants_one)
{
	struct engine_world *w = engine_world_one((struct engine_spec) {
		.rules = RULE_CONNECT,
		.vendor = ", 'RequireReason': true",
	});
	struct engine_order o = engine_world_order(w);
	char text[2 * HOLD_REASON_MAX];

	engine_world_go(w, engine_world_ethernet(1));
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), -ENODATA);
	o.reason = "";
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), -ENODATA);
	WANTS(w, "up a");
	o.reason = "the printer\n";
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	WANTS(w, "down");
	ck_assert_str_eq(hold(w)->reason, "the printer?");
	/* A long one is cut between two letters. */
	for (size_t i = 0; i + 3 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4\0", 3);
	o.reason = text;
	ck_assert_int_eq(engine_disconnect(&w->engine, 0, &o), 0);
	ck_assert_uint_eq(strlen(hold(w)->reason), HOLD_REASON_MAX - 2);
	engine_world_destroy(w);
}
END_TEST

START_TEST(what_is_said_in_no_network_is_about_the_next)
{
	struct engine_world *w = engine_world_with_rules(RULE_CONNECT);

	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_world_go(w, nothing);
	disconnect_from(w, 0);
	WANTS(w, "down");
	engine_world_go(w, engine_world_ethernet(2));
	WANTS(w, "down");
	ck_assert_int_eq(hold(w)->state, HOLD_DOWN);
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

/* --- A hold outlives the daemon. --- */

static struct engine_world *restarted(struct engine_world *w,
				      struct engine_spec spec)
{
	struct hold h = *hold(w);

	engine_world_destroy(w);
	w = engine_world_one(spec);
	engine_restore_hold(&w->engine, 0, &h);
	return w;
}

START_TEST(a_hold_is_in_force_again_after_a_restart)
{
	struct engine_spec spec = { .rules = RULE_CONNECT };
	struct engine_world *w = after_u1(engine_world_ethernet(1));

	w = restarted(w, spec);
	ck_assert(w->engine.entries[0].saved);
	WANTS(w, "down");
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "down");
	w = restarted(w, spec);
	engine_world_go(
		w, engine_world_ethernet(2)); /* moved while it was not there */
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_NETWORK);
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_hold_that_is_read_late_is_judged_by_the_network_there_is)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));
	struct hold h = *hold(w);

	engine_world_destroy(w);
	w = engine_world_with_rules(RULE_CONNECT);
	engine_world_go(w, engine_world_ethernet(2));
	engine_restore_hold(&w->engine, 0, &h);
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_NETWORK);
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_hold_of_another_content_has_ended)
{
	struct engine_world *w = after_u1(engine_world_ethernet(1));

	w = restarted(w, (struct engine_spec) { .rules = RULE_CONNECT
						"," RULE_IGNORE });
	engine_world_go(w, engine_world_ethernet(1));
	WANTS(w, "up a");
	ck_assert_int_eq(hold_end(w), HOLD_END_PROFILE);
	engine_world_destroy(w);
}
END_TEST

/* --- Several profiles. --- */

static struct engine_world *three(const char *a, const char *b, const char *c)
{
	struct engine_spec specs[] = {
		{ .name = "a", .rules = a, .off = a == NULL },
		{ .name = "b", .rules = b, .off = b == NULL },
		{ .name = "c", .rules = c, .off = c == NULL },
	};
	struct engine_world *w = engine_world_create(specs, 3);

	engine_world_go(w, engine_world_ethernet(1));
	return w;
}

START_TEST(the_first_that_wants_the_tunnel_has_it)
{
	struct engine_world *w = three(RULE_IGNORE, RULE_CONNECT, RULE_CONNECT);

	WANTS(w, "up b");
	ck_assert_int_eq(w->engine.entries[2].want, ENGINE_UP);
	ck_assert(!w->engine.entries[2].kept);
	disconnect_from(w, 1);
	WANTS(w, "up c");
	engine_auto(&w->engine, 1);
	WANTS(w, "up c"); /* it is up already */
	engine_world_destroy(w);
}
END_TEST

START_TEST(one_that_is_held_up_wins)
{
	struct engine_world *w = three(RULE_CONNECT, RULE_DISCONNECT, NULL);

	WANTS(w, "up a");
	engine_world_connect(w, 1);
	WANTS(w, "up b");
	engine_world_connect(w, 2);
	WANTS(w, "up c");
	ck_assert_int_eq(w->engine.entries[1].hold.state, HOLD_NONE);
	ck_assert_int_eq(w->engine.entries[1].hold_end, HOLD_END_COMMAND);
	disconnect_from(w, 2);
	WANTS(w, "up a");
	engine_world_destroy(w);
}
END_TEST

START_TEST(what_another_took_the_place_of_is_put_down_to_the_user)
{
	struct engine_world *w = three(NULL, NULL, NULL);

	engine_world_connect(w, 0);
	WANTS(w, "up a");
	engine_world_connect(w, 1);
	WANTS(w, "up b");
	ck_assert_int_eq(w->engine.reason, REASON_REPLACED);
	WANTS(w, "up b");
	ck_assert_int_eq(w->engine.entries[0].want, ENGINE_DOWN);
	ck_assert_int_eq(w->engine.entries[0].cause, ENGINE_CAUSE_USER);
	ck_assert_int_eq(w->engine.entries[2].cause, ENGINE_CAUSE_NEVER);
	engine_world_destroy(w);
}
END_TEST

START_TEST(the_first_armed_one_is_armed_while_none_is_up)
{
	struct engine_world *w =
		three(RULE_IGNORE, RULE_EVALUATE, RULE_EVALUATE);

	WANTS(w, "armed b");
	disconnect_from(w, 1);
	WANTS(w, "armed c");
	engine_auto(&w->engine, 1);
	WANTS(w, "armed c"); /* it was before */
	ck_assert(engine_trigger(&w->engine));
	WANTS(w, "up c");
	engine_world_connect(w, 0);
	WANTS(w, "up a");
	disconnect_from(w, 0);
	WANTS(w, "armed b");
	engine_world_destroy(w);
}
END_TEST

START_TEST(a_hold_down_of_one_is_no_matter_of_the_others)
{
	struct engine_world *w = three(RULE_CONNECT, RULE_EVALUATE, NULL);

	WANTS(w, "up a");
	disconnect_from(w, 0);
	WANTS(w, "armed b");
	engine_world_connect(w, 2);
	WANTS(w, "up c");
	ck_assert_int_eq(hold(w)->state, HOLD_DOWN);
	engine_auto(&w->engine, 2);
	WANTS(w, "up c");
	engine_world_destroy(w);
}
END_TEST

static TCase *several(void)
{
	TCase *tc = tcase_create("several profiles");

	tcase_add_test(tc, the_first_that_wants_the_tunnel_has_it);
	tcase_add_test(tc, one_that_is_held_up_wins);
	tcase_add_test(tc,
		       what_another_took_the_place_of_is_put_down_to_the_user);
	tcase_add_test(tc, the_first_armed_one_is_armed_while_none_is_up);
	tcase_add_test(tc, a_hold_down_of_one_is_no_matter_of_the_others);
	return tc;
}

static TCase *holds(void)
{
	TCase *tc = tcase_create("hold");

	tcase_add_test(tc, u1_stays_down_after_the_user_said_so);
	tcase_add_test(tc, u1_a_hold_down_blocks_names_as_well);
	tcase_add_test(tc, u2_a_renewed_lease_is_the_same_network);
	tcase_add_test(tc, a_network_that_goes_and_comes_back_is_no_change);
	tcase_add_test(tc,
		       what_becomes_known_is_no_change_and_counts_from_then_on);
	tcase_add_test(tc, u4_a_users_connect_ends_the_hold);
	tcase_add_test(tc, u5_a_sleep_in_the_same_network_changes_nothing);
	tcase_add_test(tc, u6_a_locked_profile_is_not_held_down);
	tcase_add_loop_test(
		tc, u6_nobody_connects_another_where_a_locked_one_is_wanted, 0,
		2);
	tcase_add_test(
		tc, u6_a_locked_one_takes_the_tunnel_back_where_it_is_wanted);
	tcase_add_test(tc,
		       u6_another_may_be_connected_where_a_locked_one_waits);
	tcase_add_test(tc, u6_of_two_locked_ones_the_one_that_is_up_stays);
	tcase_add_test(
		tc, u7_a_hold_up_beats_a_disconnect_rule_until_another_network);
	tcase_add_test(
		tc,
		u10_a_permitted_disconnect_ends_what_the_kill_switch_guards);
	tcase_add_test(tc, a_hold_for_a_time_ends_then);
	tcase_add_test(tc, a_hold_for_a_time_ends_with_the_network_before);
	tcase_add_test(tc, the_longest_time_has_no_end);
	tcase_add_test(tc, a_hold_until_the_reboot_ends_then_or_by_command);
	tcase_add_test(tc, a_hold_until_the_reboot_ends_when_it_is_forbidden);
	tcase_add_test(tc, another_content_of_the_profile_ends_a_hold);
	tcase_add_test(tc, reconnect_after_is_the_longest_that_a_hold_lasts);
	tcase_add_test(tc, a_reason_is_asked_for_where_the_profile_wants_one);
	tcase_add_test(tc, what_is_said_in_no_network_is_about_the_next);
	tcase_add_test(tc, a_hold_is_in_force_again_after_a_restart);
	tcase_add_test(
		tc, a_hold_that_is_read_late_is_judged_by_the_network_there_is);
	tcase_add_test(tc, a_hold_of_another_content_has_ended);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("engine_hold");

	suite_add_tcase(suite, holds());
	suite_add_tcase(suite, several());
	return suite_run(suite);
}
