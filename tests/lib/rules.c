/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rules_quote(char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			*text = '"';
}

char *rules_profile_text(const char *rules, const char *vendor, bool enabled)
{
	char *text = NULL;

	if (asprintf(&text,
		     "{'Type': 'com.apple.configuration.network.vpn.vpn-plugin'"
		     ", 'Identifier': 'test', 'Payload': {\n"
		     "'VisibleName': 'Test', 'HostName': 'vpn.example.com',\n"
		     "'SubType': 'org.adit.packet-tunnel',\n"
		     "'Authentication': {'Method': 'Certificate'},\n"
		     "'OnDemand': {'Enabled': %s, 'Rules': [%s]},\n"
		     "'VendorConfig': {'CAFile': '/nonexistent/ca.pem',\n"
		     "'Identity': {'CertificateFile': '/nonexistent/a.pem',\n"
		     "'PrivateKeyFile': '/nonexistent/a.key'}%s}}}\n",
		     enabled ? "true" : "false", rules, vendor) < 0)
		abort();
	rules_quote(text);
	return text;
}

struct rules_world *rules_create(const char *rules, const char *vendor,
				 bool enabled)
{
	char *text = rules_profile_text(rules, vendor, enabled);
	struct rules_world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	if (profile_parse(text, strlen(text), PROFILE_FOR_CHECK, &w->profile,
			  &w->report) < 0)
		w->profile = NULL;
	else if (ondemand_init(&w->ondemand, w->profile, 1) < 0)
		abort();
	free(text);
	return w;
}

void rules_destroy(struct rules_world *w)
{
	facts_fini(&w->facts);
	free(w->facts_text);
	ondemand_fini(&w->ondemand);
	profile_destroy(w->profile);
	free(w);
}

bool rules_facts(struct rules_world *w, const char *facts)
{
	facts_fini(&w->facts);
	free(w->facts_text);
	if (asprintf(&w->facts_text, "{%s}", facts) < 0)
		abort();
	rules_quote(w->facts_text);
	return facts_parse(w->facts_text, strlen(w->facts_text), &w->facts,
			   &w->facts_report) == 0;
}

struct ondemand_decision rules_evaluate(struct rules_world *w)
{
	return ondemand_evaluate(&w->ondemand, &w->facts.network);
}
