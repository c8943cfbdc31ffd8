/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On-demand rules and facts as tests write them: the inside of JSON, with ' for
 * each quote. A world owns the profile and the facts made of them.
 */
#ifndef ADIT_TESTS_RULES_H
#define ADIT_TESTS_RULES_H

#include <stdbool.h>

#include "config/facts.h"
#include "config/ondemand.h"

enum {
	RULES_TEXT_MAX = 512 * 1024,
};

struct rules_world {
	struct profile *profile; /* NULL: refused, see `report` */
	struct config_report report;
	struct ondemand ondemand;
	struct facts facts;
	struct config_report facts_report;
	char *facts_text;
};

/* The profile's text, to be freed: its Rules, and more of VendorConfig, which
 * begins with a comma; "" for none. Its gateway is vpn.example.com. */
char *rules_profile_text(const char *rules, const char *vendor, bool enabled);
void rules_quote(char *text);

struct rules_world *rules_create(const char *rules, const char *vendor,
				 bool enabled);
void rules_destroy(struct rules_world *w);
/* Other facts than before; no probe is answered. False: they are refused. */
bool rules_facts(struct rules_world *w, const char *facts);
struct ondemand_decision rules_evaluate(struct rules_world *w);

#endif
