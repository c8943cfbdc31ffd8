/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/arming_world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "dns/settings.h"

struct arming_world arming_world;

void arming_rule(const char *parameters)
{
	char rule[2048];

	if (arming_world.rules)
		rules_destroy(arming_world.rules);
	snprintf(rule, sizeof(rule),
		 "{'Action': 'EvaluateConnection', 'ActionParameters': [%s]}",
		 parameters);
	arming_world.rules = rules_create(
		rule,
		", 'Gateways': ['vpn2.example.net:443'], "
		"'ServerName': 'cert.example.net', "
		"'TrustedProbe': {'Host': 'trust.example', 'Port': 443, "
		"'PublicKeySHA256': "
		"['RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=']}",
		true);
}

void arming_enter(enum dns_mode mode, bool hold, uint64_t generation)
{
	const struct dns_settings_input in = {
		.profile = arming_world.rules->profile,
		.rule = &arming_world.rules->profile->rules[0],
		.blocklist = arming_world.blocked,
	};
	const struct dns_forwarder_state state = {
		.mode = mode,
		.hold = hold,
		.generation = generation,
		.reason = "the gateway does not answer",
	};
	struct dns_settings s;

	ck_assert_int_eq(dns_settings_init(&s, &in), 0);
	ck_assert_int_eq(dns_policy_add_match(&s.policy, "corp.example", 0), 0);
	dns_forwarder_set(forwarder_world.f, &state, &s.policy,
			  forwarder_world.now_ns);
	dns_settings_fini(&s);
}

void arming_world_init(void)
{
	forwarder_world_init();
}

void arming_world_fini(void)
{
	forwarder_world_fini();
	if (arming_world.rules)
		rules_destroy(arming_world.rules);
	arming_world.rules = NULL;
	dns_blocklist_destroy(arming_world.blocked);
	arming_world.blocked = NULL;
}

bool arming_is_random(const struct asked *a)
{
	return a->query.name.wire[0] == 16 && a->query.name.len == 22;
}

size_t arming_randoms(void)
{
	size_t count = 0;

	for (size_t i = 0; i < forwarder_world.asked_count; i++)
		count += arming_is_random(&forwarder_world.asked[i]);
	return count;
}

void arming_random_is(enum dns_rcode rcode, const uint8_t *address)
{
	for (size_t i = 0; i < forwarder_world.asked_count;) {
		const struct asked *a = &forwarder_world.asked[i];

		if (!arming_is_random(a))
			i++;
		else
			forwarder_side_says(
				i, rcode,
				a->query.type == DNS_TYPE_A ? address : NULL,
				60);
	}
}

void arming_arm(const char *parameters)
{
	arming_rule(parameters);
	arming_enter(DNS_MODE_ARMED, false, 1);
	arming_random_is(DNS_RCODE_NXDOMAIN, NULL);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
}

void arming_come_up(void)
{
	arming_enter(DNS_MODE_WAITING, true, 1);
	arming_enter(DNS_MODE_UP, false, 1);
}

void arming_answer(size_t i, enum says says)
{
	const uint8_t lie[] = { 192, 0, 2, REDIRECT };

	switch (says) {
	case NOT_ASKED:
		break;
	case ADDRESS:
		forwarder_side_answers(i);
		break;
	case NO_RECORD:
		forwarder_side_says(i, DNS_RCODE_NOERROR, NULL, 0);
		break;
	case NAME_ERROR:
		forwarder_side_says(i, DNS_RCODE_NXDOMAIN, NULL, 0);
		break;
	case SERVER_FAILURE:
		forwarder_side_says(i, DNS_RCODE_SERVFAIL, NULL, 0);
		break;
	case SILENCE:
		forwarder_side_fails(i, DNS_ASK_TIMED_OUT);
		break;
	case NO_ROUTE:
		forwarder_side_fails(i, DNS_ASK_UNREACHABLE);
		break;
	case LIE:
		forwarder_side_says(i, DNS_RCODE_NOERROR, lie, 300);
		break;
	}
}

void arming_held_until_up(struct forwarder_client *c)
{
	ck_assert_uint_eq(c->answers, 0);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
	arming_come_up();
	ck_assert_uint_eq(forwarder_world.asked_count, 1);
	ck_assert_int_eq(forwarder_world.asked[0].route, DNS_ROUTE_TUNNEL);
	forwarder_side_answers(0);
	ck_assert_int_eq(forwarder_look(c).address, INNER);
}
