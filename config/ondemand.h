/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On demand, the part that decides: facts of the network and a profile's rules
 * in; the rule that matches, its action, and why out. Pure: no socket, clock or
 * thread. What has to be probed is a request to the caller:
 *
 *   1. ondemand_init() for a profile;
 *   2. ondemand_evaluate(); while it says ONDEMAND_PENDING the caller sends the
 *      probe that the decision names, and keeps its generation;
 *   3. ondemand_answer() with that generation, and evaluate again;
 *   4. on another network ondemand_network_changed(): answers are forgotten,
 *      and those that are still under way will be dropped.
 *
 * The profile is borrowed and outlives the struct, the facts outlive the call.
 */
#ifndef ADIT_CONFIG_ONDEMAND_H
#define ADIT_CONFIG_ONDEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/profile.h"

enum {
	ONDEMAND_SSID_MAX = 32, /* IEEE 802.11, bytes */
	ONDEMAND_SSID_TEXT_MAX = 4 * ONDEMAND_SSID_MAX + 1, /* as \xNN */
	ONDEMAND_STATUS_OK = 200,
};

enum ondemand_uplink {
	ONDEMAND_UPLINK_NONE,
	ONDEMAND_UPLINK_OTHER, /* a network on hardware of no known type */
	ONDEMAND_UPLINK_ETHERNET,
	ONDEMAND_UPLINK_WIFI,
	ONDEMAND_UPLINK_CELLULAR,
};

/* The primary network beneath our own tunnel. All pointers are borrowed. */
struct ondemand_facts {
	enum ondemand_uplink uplink;
	bool primary_is_vpn; /* somebody else's */
	bool metered;
	uint8_t ssid[ONDEMAND_SSID_MAX];
	size_t ssid_len; /* 0: unknown */
	const char *const *search_domains;
	size_t search_domain_count;
	const char *domain_name; /* NULL: none */
	const struct ip_addr *dns_servers;
	size_t dns_server_count;
};

enum ondemand_probe {
	ONDEMAND_PROBE_UNKNOWN, /* not asked, or not answered yet */
	ONDEMAND_PROBE_STATUS,	/* of HTTP */
	ONDEMAND_PROBE_TIMEOUT,
	ONDEMAND_PROBE_TLS,
	ONDEMAND_PROBE_DNS,
	ONDEMAND_PROBE_KEY_OK, /* of TrustedProbe */
	ONDEMAND_PROBE_KEY_WRONG,
	ONDEMAND_PROBE_NO_ANSWER, /* for another reason */
};

struct ondemand_answer {
	enum ondemand_probe probe;
	unsigned int status;
};

struct ondemand_slot;

struct ondemand {
	const struct profile *profile; /* borrowed */
	uint64_t generation;	       /* of the network */
	struct ondemand_answer trusted;
	struct ondemand_slot *slots; /* of the rules: answers to their URLs */
};

enum ondemand_outcome {
	ONDEMAND_OFF,	     /* not enabled, or without rules */
	ONDEMAND_NO_NETWORK, /* nothing was evaluated, nor is it here: */
	ONDEMAND_OTHER_VPN,
	ONDEMAND_NO_MATCH,
	ONDEMAND_MATCH,
	ONDEMAND_PENDING, /* a probe has to be answered first */
};

struct ondemand_decision {
	enum ondemand_outcome outcome;
	enum profile_action action; /* Ignore unless a rule matches */
	size_t rule;		    /* that matches, or that waits */
	/* Pending: the URL to get, or NULL for the TrustedProbe. */
	const char *url;
	uint64_t generation;
};

/* In the order in which they are judged. */
enum ondemand_criterion {
	ONDEMAND_INTERFACE,
	ONDEMAND_SSID,
	ONDEMAND_DOMAIN,
	ONDEMAND_SERVERS,
	ONDEMAND_URL,
	ONDEMAND_TRUSTED,
	ONDEMAND_CRITERIA,
};

enum ondemand_verdict {
	ONDEMAND_ABSENT, /* the rule has no such criterion */
	ONDEMAND_FITS,
	ONDEMAND_FAILS,
	ONDEMAND_NOT_ASKED, /* a probe, when something else fails */
	ONDEMAND_WAITS,	    /* for the answer of a probe */
};

struct ondemand_trial {
	enum ondemand_verdict verdicts[ONDEMAND_CRITERIA];
};

/* After a reload the first generation is one that was not used before. 0 or
 * -ENOMEM. */
int ondemand_init(struct ondemand *o, const struct profile *p,
		  uint64_t generation);
void ondemand_fini(struct ondemand *o);

void ondemand_network_changed(struct ondemand *o);
/* `url` NULL: of the TrustedProbe. False: it is dropped, being of another
 * network or of no rule's probe. */
bool ondemand_answer(struct ondemand *o, uint64_t generation, const char *url,
		     struct ondemand_answer answer);

struct ondemand_decision ondemand_evaluate(const struct ondemand *o,
					   const struct ondemand_facts *f);
/* How one rule sees the network. True: it matches. */
bool ondemand_try(const struct ondemand *o, const struct ondemand_facts *f,
		  size_t rule, struct ondemand_trial *ret_trial);
/* Of the URLStringProbe of a rule that has one. */
struct ondemand_answer ondemand_known(const struct ondemand *o, size_t rule);

/* May on-demand start anything here? OnMetered decides. */
bool ondemand_may_start(const struct profile *p,
			const struct ondemand_facts *f);

/* --- EvaluateConnection: the names that somebody wants to reach. --- */

enum ondemand_lookup {
	ONDEMAND_LOOKUP_UNKNOWN, /* not asked, or not answered yet */
	ONDEMAND_LOOKUP_OK,
	ONDEMAND_LOOKUP_NXDOMAIN,
	ONDEMAND_LOOKUP_TIMEOUT,
	ONDEMAND_LOOKUP_REDIRECTED,
	ONDEMAND_LOOKUP_UNREACHABLE,
};

struct ondemand_attempt {
	const char *host;	       /* NULL: a connection without a name */
	enum ondemand_lookup resolves; /* by the uplink's servers */
	enum ondemand_lookup required_dns;   /* by RequiredDNSServers */
	struct ondemand_answer required_url; /* RequiredURLStringProbe */
};

enum ondemand_why {
	ONDEMAND_WHY_MATCH, /* the resolver's own: it starts the tunnel */
	ONDEMAND_WHY_NO_NAME,
	ONDEMAND_WHY_ADDRESS,
	ONDEMAND_WHY_OWN_NAME,
	ONDEMAND_WHY_NO_DOMAIN,
	ONDEMAND_WHY_NEVER,
	ONDEMAND_WHY_WORKS,
	ONDEMAND_WHY_UNKNOWN,
	ONDEMAND_WHY_NXDOMAIN,
	ONDEMAND_WHY_TIMEOUT,
	ONDEMAND_WHY_REDIRECTED,
	ONDEMAND_WHY_SERVERS,
	ONDEMAND_WHY_URL,
	ONDEMAND_WHYS,
};

struct ondemand_connection {
	bool start;
	enum ondemand_why why;
	/* That decided; NULL: none did. */
	const struct profile_connection_rule *parameter;
};

/* The first of ActionParameters that is about this host, which says what has to
 * be asked; NULL: nobody's. */
const struct profile_connection_rule *ondemand_parameter(
	const struct profile *p, const struct profile_rule *rule,
	const char *host);
/* WORKS, or why a name of this ConnectIfNeeded parameter starts the tunnel.
 * What is unknown counts as failed. */
enum ondemand_why ondemand_judge(const struct profile_connection_rule *c,
				 const struct ondemand_attempt *a);
struct ondemand_connection ondemand_connect(const struct profile *p,
					    const struct profile_rule *rule,
					    const struct ondemand_attempt *a);
const char *ondemand_why_text(enum ondemand_why why);

/* --- For people and programs. --- */

struct ondemand_explanation {
	const struct ondemand *ondemand;
	const struct ondemand_facts *facts;
	struct ondemand_decision decision;
	const struct ondemand_attempt *attempt; /* NULL: of nobody */
	/* Warnings about the rules are told again, all of the facts' are told;
	 * NULL: there are none. */
	const struct config_report *profile_report, *facts_report;
};

/* "Connect". */
const char *ondemand_action_name(enum profile_action action);
/* "WiFi, SSID CafeNet", cut to the buffer. Returns buf. */
const char *ondemand_rule_text(const struct profile_rule *rule, char *buf,
			       size_t size);
/* False: it is shown with escapes, being no UTF-8 or holding a zero byte. */
bool ondemand_ssid_text(const uint8_t *ssid, size_t len,
			char text[static ONDEMAND_SSID_TEXT_MAX]);

/* One line of JSON, as `adit explain network --json` prints it. */
void ondemand_print_json(const struct ondemand_explanation *e, FILE *to);
void ondemand_print_text(const struct ondemand_explanation *e, FILE *to);

#endif
