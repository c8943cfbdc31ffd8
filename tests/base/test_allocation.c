/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory runs out at each place in turn. Whatever is made fails as its
 * header says, or is whole; with ASan it also leaves nothing behind. */
#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/asset.h"
#include "config/json.h"
#include "config/profile.h"
#include "config/profiles.h"
#include "crypto/client.h"
#include "crypto/credentials.h"
#include "crypto/pki.h"
#include "crypto/server.h"
#include "crypto/tls.h"
#include "tests/lib/allocation.h"
#include "tests/lib/duo.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"
#include "tunnel/ctl/ctl.h"
#include "tunnel/data/peer_table.h"
#include "tunnel/data/worker.h"
#include "tunnel/gateway/gateway_clients.h"
#include "tunnel/gateway/gateway_sessions.h"
#include "tunnel/gateway/gateway_store.h"
#include "tunnel/host/apply.h"
#include "tunnel/host/journal.h"
#include "tunnel/host/plan.h"

enum {
	FILE_MAX = 65536,
	DAY_S = 86400,
};

/* What the constructors are given; made once, with memory enough. */
static struct {
	char folder[64], gateway[80], state[80], assets[80];
	char profile[FILE_MAX];
	size_t profile_len;
	struct pki_identity ca, identity;
	char ca_pem[PKI_PEM_MAX], pem[PKI_PEM_MAX], key[PKI_PEM_MAX];
	const struct credentials *client, *server;
	struct lease lease;
	struct gateway_config config; /* of the gateway in there */
} given;

static void read_profile(const char *path)
{
	FILE *f = fopen(path, "r");

	ck_assert_msg(f != NULL, "%s", path);
	given.profile_len = fread(given.profile, 1, FILE_MAX, f);
	fclose(f);
}

static void make_gateway(void)
{
	struct gateway_error error = { "" };
	struct gateway_config config;
	struct gateway_init init = { .config = &config, .now = time(NULL) };
	char *profile = NULL;

	gateway_config_init(&config);
	ck_assert_ptr_null(gateway_config_set_name(&config, "gw.test"));
	ck_assert_ptr_null(gateway_config_set_pool(&config, "10.77.0.0/16"));
	ck_assert_ptr_null(gateway_config_add_route(&config, "192.0.2.0/24"));
	ck_assert_ptr_null(gateway_config_add_match(&config, "corp.test"));
	ck_assert_ptr_null(gateway_config_check(&config));
	ck_assert_msg(gateway_store_init(given.gateway, &init, &error) == 0,
		      "%s", error.text);
	ck_assert_int_eq(gateway_store_add(given.gateway, "laptop", init.now,
					   &profile, &error),
			 0);
	free(profile);
	gateway_config_fini(&config);
	ck_assert_int_eq(
		gateway_store_config(given.gateway, &given.config, &error), 0);
}

static void make_asset_files(void)
{
	char path[128];
	FILE *f;

	snprintf(given.assets, sizeof(given.assets), "%s/assets", given.folder);
	ck_assert_int_eq(mkdir(given.assets, 0755), 0);
	snprintf(path, sizeof(path), "%s/data.json", given.folder);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("{ \"Password\": \"secret\", \"Identity\": \"AAAA\" }\n", f);
	fclose(f);
	ck_assert_int_eq(chmod(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/a.json", given.assets);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"{ \"Type\": \"com.apple.asset.credential.identity\", "
		"\"Identifier\": \"asset.test\", \"Payload\": { "
		"\"Reference\": { \"DataURL\": \"file://%s/data.json\", "
		"\"ContentType\": \"application/json\" } } }\n",
		given.folder);
	fclose(f);
}

static void set_up(void)
{
	struct pki_request r = {
		.use = PKI_CA,
		.name = "CA",
		.not_before = time(NULL) - DAY_S,
		.not_after = time(NULL) + DAY_S,
	};
	cJSON_Hooks hooks = { malloc, free };

	cJSON_InitHooks(&hooks);
	strcpy(given.folder, "/tmp/adit-allocation-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(given.folder));
	snprintf(given.gateway, sizeof(given.gateway), "%s/gw", given.folder);
	snprintf(given.state, sizeof(given.state), "%s/state", given.folder);
	read_profile("config/examples/mdm.json");
	ck_assert_int_eq(pki_issue(&r, NULL, &given.ca), 0);
	r.use = PKI_CLIENT;
	r.name = "laptop";
	ck_assert_int_eq(pki_issue(&r, &given.ca, &given.identity), 0);
	ck_assert_int_eq(pki_certificate_pem(&given.ca, given.ca_pem), 0);
	ck_assert_int_eq(pki_certificate_pem(&given.identity, given.pem), 0);
	ck_assert_int_eq(pki_key_pem(&given.identity, given.key), 0);
	given.client = duo_client("p256");
	given.server = duo_gateway("p256");
	given.lease = (struct lease) { .mtu = 1420, .lanes = 1 };
	for (unsigned int i = 0; i < 3; i++) {
		struct ip_prefix p = { { AF_INET, { 10, (uint8_t)i } }, 16 };

		ck_assert_int_eq(lease_add_prefix(&given.lease.routes, &p, 9),
				 0);
		ck_assert_int_eq(lease_add_name(&given.lease.match, "a.test"),
				 0);
	}
	make_gateway();
	make_asset_files();
}

static void tear_down(void)
{
	char line[128];

	lease_fini(&given.lease);
	gateway_config_fini(&given.config);
	snprintf(line, sizeof(line), "rm -rf %s", given.folder);
	ck_assert_int_eq(system(line), 0);
	cJSON_InitHooks(NULL);
}

/* The constructors: 0, or what their header says of a failure. */

static int make_json(void)
{
	struct config_report report = { 0 };
	struct json *j = NULL;
	int r = json_parse(given.profile, given.profile_len, &j, &report);

	if (r == 0)
		json_destroy(j);
	return r;
}

static int make_profile(void)
{
	struct config_report report;
	struct profile *p = NULL;
	int r = profile_parse(given.profile, given.profile_len,
			      PROFILE_FOR_CHECK, &p, &report);

	if (r == 0)
		profile_destroy(p);
	return r;
}

/* A file that memory did not suffice for is there, and has a problem for now.
 */
static int make_profiles(void)
{
	struct profiles s;
	char said[16][CONFIG_TEXT_MAX] = { 0 };
	const struct config_error *why;
	size_t broken = 0, differ = 0;
	int r = profiles_init(&s, "config/examples", PROFILE_FOR_CHECK);

	if (r < 0)
		return r;
	r = profiles_reload(&s);
	allocation_fail_at(0);
	for (size_t i = 0; i < s.count; i++) {
		ck_assert_uint_lt(i, ARRAY_SIZE(said));
		broken += s.entries[i]->broken;
		why = profiles_problem(s.entries[i]);
		if (why)
			strcpy(said[i], why->text);
	}
	ck_assert_uint_le(broken, 1);
	for (size_t i = 0; r == 0 && i < s.count; i++) {
		if (i == 0)
			ck_assert_int_eq(profiles_reload(&s), 0);
		ck_assert_ptr_nonnull(s.entries[i]->profile);
		why = profiles_problem(s.entries[i]);
		differ += strcmp(said[i], why ? why->text : "") != 0;
	}
	profiles_fini(&s);
	return r == 0 && broken + differ > 0 ? -ENOMEM : r;
}

static int make_request(void)
{
	static const char line[] = "{\"version\":1,\"command\":\"profile-add\","
				   "\"profile\":\"work\",\"text\":\"{}\"}";
	struct ctl_request q;
	const char *why;
	char *back;
	int r = ctl_request_parse(line, strlen(line), &q, &why);

	if (r < 0)
		return r;
	back = ctl_request_line(&q);
	free(back);
	ctl_request_fini(&q);
	return back ? 0 : -ENOMEM;
}

static int make_reply(void)
{
	struct ctl_reply reply = { .final = true, .has_status = true }, read;
	const char *why;
	char *line = NULL;
	int r = 0;

	for (int i = 0; r == 0 && i < 3; i++)
		r = ctl_list_add_text(&reply.status.routes, "10.0.0.0/8");
	for (int i = 0; r == 0 && i < 3; i++)
		r = ctl_list_add(&reply.status.drops, sizeof(struct ctl_drop))
			    ? 0
			    : -ENOMEM;
	if (r == 0)
		line = ctl_reply_line(&reply);
	ctl_reply_fini(&reply);
	if (r == 0)
		r = line ? ctl_reply_parse(line, strlen(line) - 1, &read, &why)
			 : -ENOMEM;
	if (r == 0)
		ctl_reply_fini(&read);
	free(line);
	return r;
}

static int make_credentials(const struct credentials_source *s)
{
	char error[CREDENTIALS_ERROR_MAX] = "";
	struct credentials *c =
		credentials_create(CREDENTIALS_CLIENT, s, error);

	allocation_fail_at(0);
	ck_assert((c == NULL) == (error[0] != '\0'));
	credentials_destroy(c);
	return c ? 0 : -ENOMEM;
}

static int make_credentials_of_pem(void)
{
	struct credentials_source s = {
		.certificate = given.pem,
		.certificate_len = strlen(given.pem),
		.key = given.key,
		.key_len = strlen(given.key),
		.ca = given.ca_pem,
		.ca_len = strlen(given.ca_pem),
	};

	return make_credentials(&s);
}

static void on_send(void *arg, const uint8_t *datagram, size_t len)
{
	(void)arg;
	(void)datagram;
	(void)len;
}

static void on_new_port(void *arg)
{
	(void)arg;
}

static void on_down(void *arg, enum reason reason, const char *text)
{
	(void)arg;
	(void)reason;
	(void)text;
}

static int make_client(void)
{
	static const struct client_callbacks nothing = {
		.send = on_send,
		.new_port = on_new_port,
		.down = on_down,
	};
	struct client_options o = {
		.credentials = given.client,
		.server_name = "gw.test",
		.lanes = 1,
	};
	struct client *c = client_create(&o, &nothing, NULL);
	int r = c ? client_start(c, clock_now_ns()) : -ENOMEM;

	client_destroy(c);
	return r;
}

static int make_server(void)
{
	static const struct server_callbacks nothing;
	struct server_options o = { .credentials = given.server,
				    .lanes_max = 1 };
	struct server *s = server_create(&o, &nothing, NULL, clock_now_ns());

	server_destroy(s);
	return s ? 0 : -ENOMEM;
}

static int make_lease(void)
{
	struct lease copy = { 0 };
	int r = lease_copy(&given.lease, &copy);

	lease_fini(&copy);
	return r;
}

static int make_worker(void)
{
	struct peer_table_config c = { .inner_slots = 16 };
	struct worker_config w = { .tun_fd = -1 };
	struct worker *worker = NULL;
	int r = peer_table_create(&c, &w.table);

	if (r < 0)
		return r;
	r = worker_create(&w, &worker);
	if (r == 0)
		worker_destroy(worker);
	peer_table_destroy(w.table);
	return r;
}

static int make_journal(void)
{
	struct entry e = { .kind = ENTRY_LINK, .device = "none9" };
	struct journal *j;
	int r = journal_open(given.state, "boot", &j, NULL);

	if (r < 0)
		return r;
	r = journal_add(j, &e);
	if (r > 0) {
		journal_forget(j, 0);
		r = 0;
	}
	/* A record that was refused is not half in the file. */
	allocation_fail_at(0);
	ck_assert_uint_eq(journal_count(j), 0);
	ck_assert_int_eq(journal_flush(j), 0);
	journal_close(j);
	return r;
}

static int make_host(void)
{
	struct host_config c = { .state_dir = given.state, .device = "none9" };
	struct host *h;
	pid_t other;
	int r = host_open(&c, &h, &other);

	if (r == 0)
		host_close(h);
	return r;
}

static int make_asset(void)
{
	struct profile *p = calloc(1, sizeof(*p));
	struct config_report report;
	int r = -ENOMEM;

	if (p == NULL)
		return r;
	p->identity_reference = strdup("asset.test");
	if (p->identity_reference)
		r = asset_load(p, given.assets, 0, &report);
	profile_destroy(p);
	return r;
}

static int make_tls_client(void)
{
	const struct tls_peer peer = { .name = "dns.test", .ca = given.ca_pem };
	const struct tls_callbacks callbacks = { .send = on_send };
	struct tls_client *c;
	int r = tls_client_create(&peer, &callbacks, &c);

	if (r < 0)
		return r;
	r = tls_client_start(c);
	tls_client_destroy(c);
	return r;
}

static int make_clients(void)
{
	struct gateway_clients c = { 0 };
	struct gateway_error error = { "" };
	int r = gateway_clients_load(&c, given.gateway, &error);

	gateway_clients_fini(&c);
	return r;
}

static int make_config(void)
{
	struct gateway_config c;
	struct gateway_error error = { "" };
	int r = gateway_store_config(given.gateway, &c, &error);

	allocation_fail_at(0);
	ck_assert((r < 0) == (error.text[0] != '\0'));
	if (r == 0)
		gateway_config_fini(&c);
	return r;
}

static void on_answer(void *arg, const struct path *to, const uint8_t *datagram,
		      size_t len)
{
	(void)to;
	on_send(arg, datagram, len);
}

static int make_sessions(void)
{
	struct peer_table_config t = {
		.inner_slots = given.config.pool.slots,
		.pool4 = given.config.pool.prefix4,
	};
	struct gateway_sessions_config c = {
		.dir = given.gateway,
		.config = &given.config,
		.credentials = given.server,
		.family = AF_INET,
		.lanes = 1,
		.send = on_answer,
	};
	struct gateway_sessions *s = NULL;
	struct gateway_error error = { "" };
	int r = peer_table_create(&t, &c.table);

	if (r < 0)
		return r;
	r = gateway_sessions_create(&c, clock_now_ns(), &s, &error);
	gateway_sessions_destroy(s);
	peer_table_destroy(c.table);
	return r;
}

static int add_and_revoke(void)
{
	struct gateway_error error = { "" }, none;
	char *profile = NULL;
	int r = gateway_store_add(given.gateway, "phone", time(NULL), &profile,
				  &error);

	free(profile);
	if (r == 0)
		r = gateway_store_revoke(given.gateway, "phone", time(NULL),
					 &error);
	allocation_fail_at(0);
	/* Whatever was done is done whole: it can be undone. */
	(void)!gateway_store_revoke(given.gateway, "phone", time(NULL), &none);
	ck_assert_msg(r == 0 || error.text[0] != '\0', "%d, %s", r, error.text);
	return r;
}

static const struct {
	const char *name;
	int (*make)(void);
	bool others; /* wolfSSL, cJSON; or a sentence stands for the reason */
} constructors[] = {
	{ "json", make_json, false },
	{ "profile", make_profile, false },
	{ "profiles", make_profiles, false },
	{ "ctl request", make_request, true },
	{ "ctl reply", make_reply, true },
	{ "credentials", make_credentials_of_pem, true },
	{ "client", make_client, true },
	{ "server", make_server, true },
	{ "lease", make_lease, false },
	{ "peer table and worker", make_worker, false },
	{ "journal", make_journal, false },
	{ "host", make_host, false },
	{ "gateway's clients", make_clients, false },
	{ "gateway's configuration", make_config, true },
	{ "gateway's sessions", make_sessions, true },
	{ "gateway's store", add_and_revoke, true },
	{ "asset", make_asset, true },
	{ "TLS client", make_tls_client, true },
};

START_TEST(fails_as_documented_when_memory_runs_out)
{
	allocation_walk(constructors[_i].name, constructors[_i].make,
			constructors[_i].others);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("allocation");
	TCase *t = tcase_create("allocation");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, fails_as_documented_when_memory_runs_out, 0,
			    ARRAY_SIZE(constructors));
	suite_add_tcase(s, t);
	return suite_run(s);
}
