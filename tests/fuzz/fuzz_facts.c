/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts that are accepted can be judged, and what is said of them is JSON. */
#include <assert.h>
#include <stdlib.h>

#include "config/facts.h"
#include "config/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *texts[] = { (char[]) { "Corp" }, (char[]) { "*" } };
static struct profile_connection_rule all = { .domains = texts + 1,
					      .domain_count = 1 };
static struct profile_rule rules[] = {
	{ .has_ssids = true, .ssids = texts, .ssid_count = 2 },
	{ .action = PROFILE_ACTION_EVALUATE,
	  .connections = &all,
	  .connection_count = 1 },
};
static const struct profile profile = { .on_demand = true,
					.rules = rules,
					.rule_count = ARRAY_SIZE(rules),
					.host_name = (char[]) { "h" } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_report report;
	struct facts f;
	struct ondemand o;
	struct ondemand_explanation e = { .ondemand = &o,
					  .facts = &f.network,
					  .attempt = &f.attempt,
					  .facts_report = &report };
	struct json *j;
	char *text = NULL;
	size_t len;
	FILE *to;

	if (facts_parse((const char *)data, size, &f, &report) < 0)
		return 0;
	assert(ondemand_init(&o, &profile, 0) == 0);
	facts_answer(&f, &o, &report);
	to = open_memstream(&text, &len);
	e.decision = ondemand_evaluate(&o, e.facts);
	ondemand_print_json(&e, to);
	fclose(to);
	assert(json_parse(text, len, &j, &report) == 0);
	json_destroy(j);
	free(text);
	ondemand_fini(&o);
	facts_fini(&f);
	return 0;
}
