/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory runs out at each place in turn, in dns/ and in what is made of it. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/profile.h"
#include "crypto/lease.h"
#include "dns/blocklist.h"
#include "dns/cache.h"
#include "dns/forwarder.h"
#include "dns/settings.h"
#include "dns/wire.h"
#include "tests/lib/allocation.h"
#include "tests/lib/draft.h"
#include "tests/lib/suite.h"
#include "tunnel/daemon/dns_plan.h"

enum {
	ID = 4711,
	NAMES = 300, /* so that tables grow */
};

static struct lease lease;
static struct profile *profile;
static struct {
	struct dns_name name;
	uint8_t message[64];
	size_t len;
} answers[NAMES];
static FILE *list;

static void make_answers(void)
{
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	static struct draft d;
	char name[32];

	list = tmpfile();
	ck_assert_ptr_nonnull(list);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		fprintf(list, "%s\n", name);
		draft_start(&d, ID, WIRE_QR);
		draft_question(&d, name, DNS_TYPE_A);
		draft_record(&d, "@", DNS_TYPE_A, 60, address, 4);
		ck_assert_uint_le(d.len, sizeof(answers[i].message));
		memcpy(answers[i].message, d.message, d.len);
		answers[i].len = d.len;
		answers[i].name = draft_name(name);
	}
}

static void set_up(void)
{
	struct ip_prefix route = { { AF_INET, { 10 } }, 8 };
	struct config_report report;

	ck_assert_int_eq(lease_add_prefix(&lease.routes, &route, 9), 0);
	ck_assert_int_eq(lease_add_name(&lease.match, "corp.test"), 0);
	ck_assert_int_eq(lease_add_name(&lease.search, "corp.test"), 0);
	ck_assert_int_eq(profile_load("config/examples/split-dns.json",
				      PROFILE_FOR_CHECK, &profile, &report),
			 0);
	make_answers();
}

static void tear_down(void)
{
	fclose(list);
	lease_fini(&lease);
	profile_destroy(profile);
}

/* An answer that is not kept stays the caller's. check's own assertions ask
 * for memory, too, and come last. */
static int make_cache(void)
{
	struct dns_cache *c = dns_cache_create(1 << 20, 1);
	struct dns_query q = { .id = ID, .type = DNS_TYPE_A, .class = 1 };
	const struct dns_cache_key key = {
		.name = &q.name,
		.type = DNS_TYPE_A,
		.class = 1,
	};
	bool kept = true, found = true;
	uint32_t age;
	int r = c ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < NAMES; i++) {
		struct dns_answer a = { 0 };

		q.name = answers[i].name;
		if (dns_answer_parse(answers[i].message, answers[i].len, &q,
				     &a) != DNS_REPLY_OK) {
			r = -ENOMEM;
			break;
		}
		kept = dns_cache_put(c, &key, &a, 0);
		found = dns_cache_find(c, &key, 0, &age) != NULL;
		if (!kept || !found)
			r = -ENOMEM;
		dns_answer_fini(&a);
	}
	dns_cache_destroy(c);
	allocation_fail_at(0);
	ck_assert(kept == found);
	return r;
}

static int make_blocklist(void)
{
	struct dns_blocklist *b = dns_blocklist_create();
	int r = b ? 0 : -ENOMEM;

	rewind(list);
	if (r == 0)
		r = dns_blocklist_add(b, list, DNS_LIST_DOMAINS);
	if (r == 0)
		r = dns_blocklist_seal(b);
	dns_blocklist_destroy(b);
	return r;
}

static int make_forwarder(void)
{
	const struct dns_forwarder_options o = { .seed = 1 };
	struct dns_forwarder *f = dns_forwarder_create(&o);

	dns_forwarder_destroy(f);
	return f ? 0 : -ENOMEM;
}

static int make_settings(const struct dns_settings_input *in)
{
	const struct endpoint stub = { .addr = { AF_INET, { 127, 0, 0, 1 } },
				       .port = 53 };
	struct dns_settings s;
	struct dns_plan *plan;
	int r = dns_settings_init(&s, in);

	if (r < 0)
		return r;
	plan = dns_plan_create(&s.policy, &stub, false);
	dns_plan_release(plan);
	dns_settings_fini(&s);
	return plan ? 0 : -ENOMEM;
}

static int make_settings_of_profile(void)
{
	return make_settings(&(struct dns_settings_input) {
		.profile = profile,
	});
}

static int make_settings_of_lease(void)
{
	static char no_name[] = "vpn.test";
	static const struct profile bare = { .host_name = no_name };
	static const char *const search[] = { "home.test" };

	return make_settings(&(struct dns_settings_input) {
		.profile = &bare,
		.lease = &lease,
		.system_search = search,
		.system_search_count = 1,
	});
}

/* EvaluateConnection has matched. */
static int make_settings_of_rule(void)
{
	static char a_test[] = "a.test";
	static char b_test[] = "b.test";
	static char url[] = "https://a.test/";
	static char *domains[] = { a_test, b_test };
	static struct ip_addr servers[] = { { AF_INET, { 10, 0, 0, 53 } } };
	static struct profile_connection_rule parameters[] = {
		{ .domains = domains,
		  .domain_count = 1,
		  .action = PROFILE_DOMAIN_NEVER_CONNECT },
		{ .domains = domains,
		  .domain_count = 2,
		  .dns_servers = servers,
		  .dns_server_count = 1,
		  .probe_url = url },
	};
	static const struct profile_rule rule = {
		.action = PROFILE_ACTION_EVALUATE,
		.connections = parameters,
		.connection_count = ARRAY_SIZE(parameters),
	};

	return make_settings(&(struct dns_settings_input) {
		.profile = profile,
		.rule = &rule,
	});
}

static const struct {
	const char *name;
	int (*make)(void);
	bool others; /* a list that cannot shrink stays as it is */
} constructors[] = {
	{ "cache", make_cache, false },
	{ "block list", make_blocklist, true },
	{ "forwarder", make_forwarder, false },
	{ "settings and plan of a profile", make_settings_of_profile, false },
	{ "settings and plan of a lease", make_settings_of_lease, false },
	{ "settings and plan of a rule", make_settings_of_rule, false },
};

START_TEST(fails_as_documented_when_memory_runs_out)
{
	allocation_walk(constructors[_i].name, constructors[_i].make,
			constructors[_i].others);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("DNS allocation");
	TCase *t = tcase_create("allocation");

	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, fails_as_documented_when_memory_runs_out, 0,
			    ARRAY_SIZE(constructors));
	suite_add_tcase(s, t);
	return suite_run(s);
}
