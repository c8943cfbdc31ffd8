/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A made-up network, as `adit explain network --facts FILE` takes it: one JSON
 * object, every key of which may be left out, and strict about the rest. It
 * says what each probe would answer; one that it does not speak of did not
 * succeed. Pure; any thread.
 */
#ifndef ADIT_CONFIG_FACTS_H
#define ADIT_CONFIG_FACTS_H

#include "config/ondemand.h"
#include "config/report.h"

enum {
	FACTS_FILE_MAX = 1024 * 1024,
};

struct json;

struct facts_probe {
	const char *url; /* borrowed from the JSON */
	struct ondemand_answer answer;
	uint32_t node;
};

struct facts {
	struct json *json; /* holds the texts */
	struct ondemand_facts network;
	struct ondemand_answer trusted;
	struct ondemand_attempt attempt;
	struct facts_probe *probes;
	size_t probe_count;
	const char **search_domains;
	struct ip_addr *dns_servers;
};

/* The text must outlive the facts. 0; -EINVAL with errors in the report, which
 * is cleared first; or -ENOMEM. */
int facts_parse(const char *text, size_t len, struct facts *ret_facts,
		struct config_report *ret_report);
void facts_fini(struct facts *f);

/* Answers every probe of the profile's rules. Warns of those that no rule
 * makes. */
void facts_answer(const struct facts *f, struct ondemand *o,
		  struct config_report *report);

#endif
