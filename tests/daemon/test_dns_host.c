/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) The transaction with the host, in front of an owner that is not real:
 * what is done, in which order, and what is left when a step fails. The real
 * loop and its threads carry it out; no file but one below /tmp is written. */
#include "tunnel/daemon/dns_host.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "dns/policy.h"
#include "tests/lib/suite.h"
#include "tunnel/base/log.h"
#include "tunnel/host/apply.h"

static uv_loop_t loop;
static struct dns_host *host;
static struct dns_plan *plan, *other;
static char folder[] = "/tmp/adit-dns-host-XXXXXX";
static char path[sizeof(folder) + sizeof("/resolv.conf")];

/* Results of the steps, and which were made: "detect record apply canary ". */
static struct {
	enum dns_owner_kind kind;
	int detect, record, apply, canary, verify, undo, put, restore;
	char done[512];
	bool expects; /* the stub knows the canary */
	const char *leads_to;
} fake;

static void note(const char *step)
{
	size_t len = strlen(fake.done);

	snprintf(fake.done + len, sizeof(fake.done) - len, "%s ", step);
}

/* --- what the archive would have --- */

int dns_owner_detect(struct dns_owner *ret_owner)
{
	note("detect");
	memset(ret_owner, 0, sizeof(*ret_owner));
	ret_owner->kind = fake.kind;
	strcpy(ret_owner->because, "a test says so");
	strcpy(ret_owner->path, path);
	return fake.detect;
}

int dns_owner_read_uplink(const struct dns_owner *o,
			  const struct endpoint *stub,
			  struct dns_owner_uplink *ret_uplink)
{
	(void)o;
	(void)stub;
	memset(ret_uplink, 0, sizeof(*ret_uplink));
	return 0;
}

const char *dns_owner_name(enum dns_owner_kind kind)
{
	return kind == DNS_OWNER_FILE ? "resolv.conf" : "an owner";
}

int dns_owner_apply(const struct dns_owner *o, const struct dns_owner_plan *p,
		    char error[static DNS_OWNER_TEXT_MAX])
{
	(void)p;
	if (o->kind != DNS_OWNER_FILE)
		note("apply");
	if (fake.apply < 0)
		strcpy(error, "it refused");
	return fake.apply;
}

int dns_owner_verify(const struct dns_owner *o, const struct dns_owner_plan *p,
		     char error[static DNS_OWNER_TEXT_MAX])
{
	(void)o;
	(void)p;
	note("verify");
	if (fake.verify <= 0)
		strcpy(error, "somebody changed it");
	return fake.verify;
}

const char *dns_owner_undo_text(const struct dns_owner *o)
{
	(void)o;
	return "dns test";
}

int dns_owner_undo(const char *text)
{
	ck_assert_str_eq(text, "dns test");
	note("undo");
	return fake.undo;
}

int dns_owner_canary(const char *name, char error[static DNS_OWNER_TEXT_MAX])
{
	note(fake.expects && strstr(name, ".corp.example") ? "canary"
							   : "no-canary");
	if (fake.canary < 0)
		strcpy(error, "it did not come through");
	return fake.canary;
}

int dns_owner_path(char *buf, size_t size)
{
	snprintf(buf, size, "%s", fake.leads_to ? fake.leads_to : path);
	return 0;
}

char *dns_owner_file(const struct dns_owner_plan *p, const char *old)
{
	(void)p;
	return strdup(old);
}

void dns_owner_parse_file(const char *text, struct dns_owner_uplink *ret_uplink)
{
	memset(ret_uplink, 0, sizeof(*ret_uplink));
	ret_uplink->server_count = strstr(text, "nameserver") != NULL;
}

int host_call_expected(struct host *h, const char *text)
{
	(void)h;
	(void)text;
	note("record");
	return fake.record;
}

void host_call_undone(struct host *h, const char *text)
{
	(void)h;
	(void)text;
	note("forget");
}

int host_put_file(struct host *h, const struct host_file *f)
{
	(void)h;
	ck_assert_str_eq(f->path, path);
	note("put");
	return fake.put;
}

int host_restore_file(struct host *h, const char *file)
{
	(void)h;
	ck_assert_str_eq(file, path);
	note("restore");
	return fake.restore;
}

const char *host_error(const struct host *h)
{
	(void)h;
	return "the journal is full";
}

/* --- the test --- */

static void on_changed(void *arg)
{
	(void)arg;
}

static void on_canary(void *arg, const char *name)
{
	(void)arg;
	fake.expects = name != NULL;
}

static void write_path(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static struct dns_plan *make_plan(const char *domain)
{
	struct endpoint at = { .addr = { AF_INET, { 127, 0, 77, 53 } },
			       .port = 53 };
	struct dns_policy policy;
	struct dns_plan *made;

	dns_policy_init(&policy);
	ck_assert_int_eq(dns_policy_add_match(&policy, domain, 0), 0);
	made = dns_plan_create(&policy, &at, false);
	ck_assert_ptr_nonnull(made);
	dns_policy_fini(&policy);
	return made;
}

static void setup(void)
{
	struct dns_host_options o = {
		.loop = &loop,
		.changed = on_changed,
		.canary = on_canary,
	};

	log_set_level(LOG_LEVEL_ERROR);
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/resolv.conf", folder);
	write_path("");
	memset(&fake, 0, sizeof(fake));
	fake.kind = DNS_OWNER_RESOLVED;
	fake.verify = 1;
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	host = dns_host_create(&o);
	ck_assert_ptr_nonnull(host);
	plan = make_plan("corp.example");
	other = make_plan("more.corp.example");
}

static void teardown(void)
{
	dns_host_end(host);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	dns_plan_release(plan);
	dns_plan_release(other);
	unlink(path);
	rmdir(folder);
}

static void settle(void)
{
	while (!dns_host_view(host)->settled)
		uv_run(&loop, UV_RUN_ONCE);
}

static void check_done(const char *wanted)
{
	settle();
	ck_assert_str_eq(fake.done, wanted);
	fake.done[0] = '\0';
}

static void come_up(void)
{
	dns_host_want(host, plan);
	settle();
	ck_assert(dns_host_view(host)->applied);
	fake.done[0] = '\0';
}

START_TEST(records_before_it_changes_and_asks_a_canary_after)
{
	dns_host_want(host, plan);
	ck_assert(!dns_host_view(host)->settled);
	ck_assert(!dns_host_view(host)->applied);
	check_done("detect record apply canary ");
	ck_assert(dns_host_view(host)->applied);
	ck_assert(!fake.expects);
	/* The same again is nothing. */
	dns_host_want(host, plan);
	check_done("");
	dns_host_want(host, NULL);
	check_done("undo forget ");
	ck_assert(!dns_host_view(host)->applied);
}
END_TEST

/* What fails, what is done, and what it says. */
static const struct {
	int *result;
	const char *done, *again, *problem;
} failures[] = {
	{ &fake.detect, "detect ", "detect ", "a test says so" },
	{ &fake.record, "detect record ", "record ", "the journal is full" },
	{ &fake.apply, "detect record apply forget ", "record apply forget ",
	  "it refused" },
	{ &fake.canary, "detect record apply canary undo forget ",
	  "detect record apply canary undo forget ",
	  "it did not come through" },
};

START_TEST(leaves_nothing_when_a_step_fails)
{
	*failures[_i].result = -EIO;
	dns_host_want(host, plan);
	check_done(failures[_i].done);
	ck_assert(!dns_host_view(host)->applied);
	ck_assert_str_eq(dns_host_view(host)->problem, failures[_i].problem);
	/* Not for ever, but when the network moves. */
	uv_run(&loop, UV_RUN_NOWAIT);
	check_done("");
	dns_host_look(host);
	check_done(failures[_i].again);
	*failures[_i].result = 0;
	dns_host_look(host);
	settle();
	ck_assert(dns_host_view(host)->applied);
	ck_assert_str_eq(dns_host_view(host)->problem, "");
}
END_TEST

/* The thread is still at the first when something else is wanted. */
START_TEST(does_one_thing_at_a_time)
{
	come_up();
	dns_host_want(host, other);
	dns_host_want(host, NULL);
	dns_host_want(host, plan);
	check_done("record apply canary record apply canary ");
	dns_host_want(host, other);
	dns_host_want(host, NULL);
	check_done("record apply canary undo forget ");
}
END_TEST

START_TEST(puts_right_what_others_changed_three_times)
{
	come_up();
	for (unsigned int i = 1; i <= 3; i++) {
		fake.verify = 0;
		dns_host_look(host);
		check_done("verify apply canary ");
		ck_assert(dns_host_view(host)->applied);
		ck_assert_uint_eq(dns_host_view(host)->repairs, i);
	}
	for (int i = 0; i < 3; i++) {
		dns_host_look(host);
		check_done("verify ");
		ck_assert(!dns_host_view(host)->applied);
	}
	ck_assert_uint_eq(dns_host_view(host)->repairs, 3);
	ck_assert_str_eq(dns_host_view(host)->problem, "somebody changed it");
	/* They have made it ours themselves. */
	fake.verify = 1;
	dns_host_look(host);
	check_done("verify ");
	ck_assert(dns_host_view(host)->applied);
	ck_assert_str_eq(dns_host_view(host)->problem, "");
}
END_TEST

START_TEST(writes_a_file_by_way_of_the_journal)
{
	fake.kind = DNS_OWNER_FILE;
	dns_host_want(host, plan);
	check_done("detect put canary ");
	dns_host_want(host, other);
	check_done("put canary ");
	fake.canary = -EIO;
	dns_host_want(host, plan);
	check_done("put canary restore ");
	ck_assert(!dns_host_view(host)->applied);
}
END_TEST

/* What another program wrote is what comes back, and what the uplink's servers
 * are. */
START_TEST(takes_over_what_another_program_wrote)
{
	fake.kind = DNS_OWNER_FILE;
	come_up();
	ck_assert_uint_eq(dns_host_view(host)->uplink.server_count, 0);
	write_path("nameserver 192.0.2.1\n");
	fake.verify = 0;
	fake.restore = -ESTALE;
	dns_host_look(host);
	settle();
	ck_assert_uint_eq(dns_host_view(host)->uplink.server_count, 1);
	ck_assert_ptr_eq(strstr(fake.done, "verify restore put "), fake.done);
	fake.verify = 1;
	fake.restore = 0;
}
END_TEST

START_TEST(finds_out_anew_when_resolv_conf_leads_elsewhere)
{
	fake.kind = DNS_OWNER_FILE;
	come_up();
	fake.leads_to = "/nowhere/resolv.conf";
	fake.kind = DNS_OWNER_RESOLVED;
	fake.verify = 0;
	dns_host_look(host);
	check_done("verify restore detect record apply canary ");
	ck_assert(dns_host_view(host)->applied);
}
END_TEST

START_TEST(tells_no_owner_that_the_file_has_left)
{
	come_up();
	fake.leads_to = "/nowhere/resolv.conf";
	fake.kind = DNS_OWNER_FILE;
	fake.verify = 0;
	dns_host_look(host);
	check_done("verify undo forget detect put canary ");
	ck_assert(dns_host_view(host)->applied);
}
END_TEST

/* An owner that starts again, or is told something else, writes there. */
START_TEST(looks_when_an_owner_writes_where_resolv_conf_leads)
{
	come_up();
	write_path("nameserver 127.0.0.53\n");
	fake.verify = 0;
	while (dns_host_view(host)->repairs == 0)
		uv_run(&loop, UV_RUN_ONCE);
	fake.verify = 1;
	settle();
	ck_assert_ptr_eq(strstr(fake.done, "verify apply canary "), fake.done);
}
END_TEST

/* In each moment: what was begun is waited for, and undone. */
START_TEST(puts_the_host_back_when_it_ends)
{
	static const char *const last[] = { "detect ", "apply undo forget ",
					    "canary undo forget " };

	dns_host_want(host, plan);
	for (int i = 0; i < _i; i++) /* a step each */
		uv_run(&loop, UV_RUN_ONCE);
	dns_host_end(host);
	host = NULL;
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_ptr_nonnull(strstr(fake.done, last[_i]));
	ck_assert_str_eq(strstr(fake.done, last[_i]), last[_i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dns_host");
	TCase *t = tcase_create("transaction");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, records_before_it_changes_and_asks_a_canary_after);
	tcase_add_loop_test(t, leaves_nothing_when_a_step_fails, 0,
			    (int)(sizeof(failures) / sizeof(failures[0])));
	tcase_add_test(t, does_one_thing_at_a_time);
	tcase_add_test(t, puts_right_what_others_changed_three_times);
	tcase_add_test(t, writes_a_file_by_way_of_the_journal);
	tcase_add_test(t, takes_over_what_another_program_wrote);
	tcase_add_test(t, finds_out_anew_when_resolv_conf_leads_elsewhere);
	tcase_add_test(t, tells_no_owner_that_the_file_has_left);
	tcase_add_test(t, looks_when_an_owner_writes_where_resolv_conf_leads);
	tcase_add_loop_test(t, puts_the_host_back_when_it_ends, 0, 3);
	suite_add_tcase(s, t);
	return suite_run(s);
}
