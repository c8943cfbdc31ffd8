/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What engine.h promises, said again in the plainest words. A network is a
 * number to the model, a profile its flags, and a rule what it is about.
 */
#ifndef ADIT_TESTS_ENGINE_MODEL_H
#define ADIT_TESTS_ENGINE_MODEL_H

#include <stdbool.h>

#include "tunnel/daemon/engine.h"

enum {
	MODEL_PROFILES = 3,
	MODEL_RULES_MAX = 3,
	MODEL_NOBODY = -1,
};

struct model_rule {
	const char *text;
	enum profile_action action;
	enum network_type type; /* NONE: any */
	bool probe;
};

struct model_spot {
	int place; /* what makes it another network; 0: in none */
	enum network_type type;
	int dns;
	bool vpn, metered, link_address;
	int access_point;
};

enum model_flag {
	MODEL_METERED,
	MODEL_REASON,
	MODEL_RECONNECT,
	MODEL_SLEEP,
	MODEL_LOGOUT,
	MODEL_WAKE,
	MODEL_WAKE_TIMER, /* only with MODEL_WAKE */
	MODEL_SWITCH,
	MODEL_VENDOR_FLAGS,
	MODEL_IDLE = MODEL_VENDOR_FLAGS,
	MODEL_LOCKED,
	MODEL_OFF,
	MODEL_FLAGS,
};

struct model_content {
	unsigned int id; /* another one is another content */
	bool flags[MODEL_FLAGS];
	const struct model_rule *rules[MODEL_RULES_MAX];
	size_t rule_count;
};

struct model_entry {
	bool present;
	struct model_content content;
	bool unfit;

	enum hold_state hold;
	bool until_reboot;
	uint64_t until_ns;
	int hold_place; /* 0: of the next network that comes */
	enum hold_end hold_end;

	enum engine_pause pause;
	bool kept;
	enum engine_cause ended;
	int answer; /* of the probe: 0 unknown, else the status */

	enum engine_want want;
	enum engine_cause cause;
	bool insists; /* locked, and its rules want it up */
};

struct model {
	struct model_entry entries[MODEL_PROFILES];
	const struct model_spot *spot;
	int place; /* the last network; 0: there was none */
	bool asleep;
	bool roamed; /* since the probes were asked */
	int winner;
};

bool model_has_rules(const struct model_entry *m);
bool model_is_pending(const struct model *m, const struct model_entry *e);
void model_look(struct model *m);

void model_go(struct model *m, const struct model_spot *to);
void model_ask_anew(struct model *m);
void model_let_go(struct model_entry *e, enum engine_cause why,
		  enum hold_end end);
void model_hold(const struct model *m, struct model_entry *e,
		enum hold_state state, const struct engine_order *o);
void model_end_hold(struct model_entry *m, enum hold_end why);
int model_connect(struct model *m, int i, const struct engine_order *o);
int model_disconnect(const struct model *m, struct model_entry *e,
		     const struct engine_order *o);

#endif
