/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An engine with profiles made of text, in networks made of a number, and with
 * a clock that the test owns. Texts have ' for each quote.
 */
#ifndef ADIT_TESTS_ENGINE_WORLD_H
#define ADIT_TESTS_ENGINE_WORLD_H

#include <stdbool.h>

#include "tunnel/daemon/engine.h"

enum {
	ENGINE_WORLD_PROFILES_MAX = 4,
};

#define ENGINE_WORLD_URL "http://probe.example.com/"

#define RULE_CONNECT "{'Action': 'Connect'}"
#define RULE_DISCONNECT "{'Action': 'Disconnect'}"
#define RULE_IGNORE "{'Action': 'Ignore'}"
#define RULE_EVALUATE                                             \
	"{'Action': 'EvaluateConnection', 'ActionParameters': [{" \
	"'Domains': ['example.com'], 'DomainAction': "            \
	"'ConnectIfNeeded'}]}"
#define RULE_PROBE \
	"{'Action': 'Connect', 'URLStringProbe': '" ENGINE_WORLD_URL "'}"

/* What NULL stands for is absent. */
struct engine_spec {
	const char *name;
	const char *rules;
	const char *on_demand; /* more of OnDemand: begins with a comma */
	const char *vendor;    /* of VendorConfig: likewise */
	const char *payload;   /* of Payload: likewise */
	bool off;
	bool unfit;
};

struct engine_world {
	struct engine engine;
	struct profile *profiles[ENGINE_WORLD_PROFILES_MAX];
	size_t count;
	uint64_t now_ns;
	char text[256];
};

struct engine_world *engine_world_create(const struct engine_spec *specs,
					 size_t count);
void engine_world_destroy(struct engine_world *w);
/* These profiles from now on. */
void engine_world_set(struct engine_world *w, const struct engine_spec *specs,
		      size_t count);
/* NULL: refused. */
struct profile *engine_world_profile(const struct engine_spec *s);

/* One, "a", with these rules. */
struct engine_world *engine_world_one(struct engine_spec spec);
struct engine_world *engine_world_with_rules(const char *rules);
void engine_world_go(struct engine_world *w, struct network n);
void engine_world_connect(struct engine_world *w, size_t entry);
/* "up work", "armed work" or "down": what is wanted now. */
const char *engine_world_look(struct engine_world *w);
#define WANTS(w, what) ck_assert_str_eq(engine_world_look(w), what)
struct engine_order engine_world_order(const struct engine_world *w);

/* Each n is another network, of gateway 10.N.0.1 whose link address is not
 * known yet. */
struct network engine_world_ethernet(uint8_t n);
struct network engine_world_wifi(uint8_t n, const char *ssid);
struct network engine_world_cellular(uint8_t n);
/* Beneath somebody else's tunnel. */
struct network engine_world_vpn(void);

#endif
