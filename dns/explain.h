/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a name goes, and why, as it is told: `adit explain dns` prints it from
 * a profile, aditd from what is in force. Pure; any thread.
 */
#ifndef ADIT_DNS_EXPLAIN_H
#define ADIT_DNS_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dns/policy.h"

/* What a live resolver knows of a candidate beside. */
struct dns_kept {
	bool cached; /* the rest is there: of an A, or else an AAAA answer */
	uint8_t rcode;
	uint32_t age_s, ttl_s;
};

/* A question and its answer. */
struct dns_explanation {
	struct dns_name name;
	bool is_full;		   /* written with a final dot */
	struct dns_decision first; /* of the name that is asked first */
	bool armed;		   /* a name may start the tunnel */
	size_t count;		   /* of the candidates */
	struct dns_candidate candidates[DNS_CANDIDATES_MAX];
	struct dns_kept kept[DNS_CANDIDATES_MAX];
};

/* Fills the candidates of `name` and `is_full`, and what follows from them. */
void dns_explain(struct dns_explanation *e, const struct dns_policy *p);
/* `first`, of candidates that are there. */
void dns_explain_first(struct dns_explanation *e);

/* One object on one line, as profile.md says; what is kept only where there is
 * something ("cached"), and what it does to a tunnel only while that is armed
 * ("armed": whether it "starts" it, "yes", "no" or "if it fails", and
 * "because"). */
void dns_explain_json(const struct dns_explanation *e, FILE *to);
/* Lines for a person. `servers` says who the tunnel's are. */
void dns_explain_text(const struct dns_explanation *e, const char *servers,
		      FILE *to);

#endif
