/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The directory of a gateway and the commands on it, in a directory of the
 * test's own. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/check.h"
#include "config/json.h"
#include "crypto/credentials.h"
#include "tests/lib/suite.h"
#include "tunnel/gateway/gateway_cli.h"
#include "tunnel/gateway/gateway_clients.h"
#include "tunnel/gateway/gateway_store.h"
#include "tunnel/gateway/gateway_store_json.h"

#define NOW 1790000000 /* in September 2026 */

static char base[64], dir[80], path[160];
static struct gateway_error error;

static const char *in_dir(const char *file)
{
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

static void set_up(void)
{
	strcpy(base, "/tmp/test_gateway.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(dir, sizeof(dir), "%s/gw", base);
	error.text[0] = '\0';
}

static void tear_down(void)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf %s", base);
	ck_assert_int_eq(system(line), 0);
}

static int init_gateway(const char *pool)
{
	struct gateway_config config;
	struct gateway_init init = { .config = &config, .now = NOW };
	int rc;

	gateway_config_init(&config);
	ck_assert_ptr_null(gateway_config_set_name(&config, "vpn.example.com"));
	ck_assert_ptr_null(gateway_config_set_pool(&config, pool));
	ck_assert_ptr_null(
		gateway_config_set_pool6(&config, "fd00:1:2:3::/64"));
	ck_assert_ptr_null(gateway_config_add_route(&config, "10.0.0.0/8"));
	ck_assert_ptr_null(gateway_config_check(&config));
	config.nat = true;
	rc = gateway_store_init(dir, &init, &error);
	gateway_config_fini(&config);
	return rc;
}

static int add(const char *name, char **ret_profile)
{
	return gateway_store_add(dir, name, NOW, ret_profile, &error);
}

static void add_ok(const char *name)
{
	char *profile;

	ck_assert_msg(add(name, &profile) == 0, "%s", error.text);
	free(profile);
}

static struct gateway_clients load(void)
{
	struct gateway_clients c = { 0 };

	ck_assert_msg(gateway_clients_load(&c, dir, &error) == 0, "%s",
		      error.text);
	return c;
}

static uint32_t slot_of(const char *name)
{
	struct gateway_clients c = load();
	const struct gateway_client *client = gateway_clients_by_name(&c, name);
	uint32_t slot;

	ck_assert_ptr_nonnull(client);
	slot = client->slot;
	gateway_clients_fini(&c);
	return slot;
}

static void write_text(const char *file, const char *text)
{
	FILE *f = fopen(in_dir(file), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(makes_a_directory_that_nobody_else_reads)
{
	static const struct {
		const char *file;
		mode_t mode;
	} want[] = {
		{ "", 0700 },
		{ "ca.pem", 0644 },
		{ "ca.key", 0600 },
		{ "gateway.pem", 0644 },
		{ "gateway.key", 0600 },
		{ "gateway.json", 0644 },
		{ "clients", 0700 },
	};
	struct stat st;

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	add_ok("laptop");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		ck_assert_int_eq(stat(in_dir(want[i].file), &st), 0);
		ck_assert_msg((st.st_mode & 07777) == want[i].mode, "%s: %o",
			      want[i].file, st.st_mode & 07777);
	}
	ck_assert_int_eq(stat(in_dir("clients/laptop.json"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(takes_an_empty_directory_and_refuses_a_used_one)
{
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	ck_assert_int_eq(init_gateway("10.77.0.0/16"), -EEXIST);
	ck_assert_ptr_nonnull(strstr(error.text, "is not empty"));
}
END_TEST

START_TEST(reads_back_the_configuration_it_wrote)
{
	char text[PREFIX_TEXT_MAX];
	struct gateway_config c;

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	ck_assert_msg(gateway_store_config(dir, &c, &error) == 0, "%s",
		      error.text);
	ck_assert_str_eq(c.name, "vpn.example.com");
	ck_assert_str_eq(c.lease.gateway, "vpn.example.com");
	ck_assert_uint_eq(c.port, 443);
	ck_assert_uint_eq(c.pool.slots, 65535);
	ck_assert_uint_eq(c.lease.mtu, 1420);
	ck_assert(c.nat);
	ck_assert_uint_eq(c.lease.idle_s, 86400);
	ck_assert_uint_eq(c.lease.routes.count, 1);
	ck_assert_str_eq(prefix_text(&c.lease.routes.prefix[0], text),
			 "10.0.0.0/8");
	ck_assert_str_eq(prefix_text(&c.pool.prefix6, text), "fd00:1:2:3::/64");
	gateway_config_fini(&c);
}
END_TEST

#define GOOD "\"Name\": \"vpn.example.com\", \"Pool\": \"10.77.0.0/16\""

static const struct {
	const char *text, *error; /* NULL: accepted */
} configs[] = {
	{ "{" GOOD "}", NULL },
	{ "{" GOOD ", \"Port\": 8443, \"MTU\": 1280}", NULL },
	{ "{" GOOD ", \"DNS\": [\"10.77.0.1\", \"fd00::1\"],"
	  "\"MatchDomains\": [\"corp.example.com\"],"
	  "\"SearchDomains\": [\"example.com\"], \"Routes\": [\"::/0\"]}",
	  NULL },
	{ "{" GOOD ", \"NAT\": true}", NULL },
	{ "{" GOOD ", \"NAT\": false}", NULL },
	{ "{" GOOD ", \"NAT\": 1}", "/NAT: must be true or false, is a num" },
	{ "{" GOOD ", \"Prot\": 1}",
	  "x:1:61: /Prot: unknown key (did you mean \"Port\"?)" },
	{ "{" GOOD ", \"Frobnicate\": 1}", "unknown key" },
	{ "{" GOOD ", \"Port\": 0}", "/Port: must be a number from 1" },
	{ "{" GOOD ", \"Port\": 1.5}", "/Port: must be a number from 1" },
	{ "{" GOOD ", \"Port\": \"443\"}", "/Port: must be" },
	{ "{" GOOD ", \"Port\": 1, \"Port\": 2}", "Port" },
	{ "{" GOOD ", \"MTU\": 100}", "/MTU: must be a whole number from 576" },
	{ "{" GOOD ", \"Routes\": [\"10.0.0.1/8\"]}", "/Routes/0: has bits" },
	{ "{" GOOD ", \"Routes\": [\"::/0\", 7]}", "/Routes/1: must be a str" },
	{ "{" GOOD ", \"DNS\": [\"dns.example.com\"]}",
	  "/DNS/0: must be an IP address" },
	{ "{" GOOD ", \"MatchDomains\": [\"a b\"]}",
	  "/MatchDomains/0: must be a domain name" },
	{ "{" GOOD ", \"Pool6\": \"10.0.0.0/8\"}", "/Pool6: must be a prefix" },
	{ "{" GOOD "} x", "x:1:" },
	{ "{\"Pool\": \"10.77.0.0/16\"}", "the key \"Name\" is missing" },
	{ "{\"Name\": \"a\"}", "the key \"Pool\" is missing" },
	{ "{\"Name\": \"a\", \"Pool\": \"10.77.0.0/31\"}",
	  "/Pool: the pool has no address" },
	{ "{\"Name\": \"a..b\", \"Pool\": \"10.77.0.0/16\"}",
	  "/Name: must be a DNS name or an IP address" },
	{ "{\"Name\": \"VPN.Example.COM.\", \"Pool\": \"10.77.0.0/16\"}",
	  NULL },
	{ "[]", "must be an object" },
	{ "", "x:1:1" },
};

START_TEST(judges_a_configuration_strictly)
{
	const char *text = configs[_i].text, *want = configs[_i].error;
	struct gateway_config c;
	int rc = gateway_config_parse(text, strlen(text), "x", &c, &error);

	if (!want) {
		ck_assert_msg(rc == 0, "%s: %s", text, error.text);
		ck_assert_str_eq(c.name, "vpn.example.com");
		gateway_config_fini(&c);
		return;
	}
	ck_assert_int_eq(rc, -EINVAL);
	ck_assert_msg(strstr(error.text, want), "%s: %s", text, error.text);
}
END_TEST

static const char *member(const struct json *json, const char *pointer)
{
	const struct json_node *n = json_find(json, pointer);

	ck_assert_msg(n && n->type == JSON_STRING, "%s", pointer);
	return n->text;
}

/* The profile's identity loads, and its certificate is the one on the list. */
static void check_identity(const struct json *json)
{
	const char *base64 = member(json, "/Payload/VendorConfig/Identity/"
					  "PKCS12");
	char why[CREDENTIALS_ERROR_MAX], line[512];
	struct credentials_source s = {
		.password =
			member(json, "/Payload/VendorConfig/Identity/Password"),
		.ca = member(json, "/Payload/VendorConfig/CA"),
	};
	struct gateway_clients clients = load();
	struct credentials *c;
	uint8_t der[4096];
	FILE *f;

	write_text("p12.b64", base64);
	snprintf(line, sizeof(line), "base64 -d %s/p12.b64 >%s/p12", dir, dir);
	ck_assert_int_eq(system(line), 0);
	f = fopen(in_dir("p12"), "r");
	ck_assert_ptr_nonnull(f);
	s.pkcs12 = der;
	s.pkcs12_len = fread(der, 1, sizeof(der), f);
	fclose(f);
	s.ca_len = strlen(s.ca);
	c = credentials_create(CREDENTIALS_CLIENT, &s, why);
	ck_assert_msg(c, "%s", why);
	ck_assert_mem_eq(credentials_fingerprint(c),
			 clients.client[0].fingerprint, PKI_FINGERPRINT_LEN);
	ck_assert_int_eq(credentials_expires(c), clients.client[0].expires);
	credentials_destroy(c);
	gateway_clients_fini(&clients);
}

START_TEST(prints_a_profile_that_works_as_it_stands)
{
	struct config_report report = { 0 };
	const struct json_node *port;
	struct json *json;
	char *profile, *said;
	size_t said_len;
	FILE *findings;
	int rc;

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	ck_assert_int_eq(add("laptop", &profile), 0);
	ck_assert_int_eq(json_parse(profile, strlen(profile), &json, &report),
			 0);
	ck_assert_str_eq(member(json, "/Type"),
			 "com.apple.configuration.network.vpn.vpn-plugin");
	ck_assert_str_eq(member(json, "/Payload/SubType"),
			 "org.adit.packet-tunnel");
	ck_assert_str_eq(member(json, "/Payload/HostName"), "vpn.example.com");
	ck_assert_str_eq(member(json, "/Payload/Authentication/Method"),
			 "Certificate");
	port = json_find(json, "/Payload/VendorConfig/Port");
	ck_assert(port && port->whole && port->number == 443);
	check_identity(json);
	json_destroy(json);
	/* And the client's own judge finds nothing to say. */
	ck_assert_int_eq(gateway_store_write(in_dir("p.json"), profile, &error),
			 0);
	free(profile);
	findings = open_memstream(&said, &said_len);
	rc = profile_check(in_dir("p.json"), findings, findings);
	fclose(findings);
	ck_assert_msg(rc == 0 && !strstr(said, "warning"), "%s", said);
	free(said);
}
END_TEST

START_TEST(makes_a_gateway_certificate_that_the_transport_takes)
{
	char why[CREDENTIALS_ERROR_MAX], *cert, *key, *ca;
	struct credentials_source s = { 0 };
	struct credentials *c;

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	ck_assert_int_eq(gateway_store_read(dir, "gateway.pem", &cert,
					    &s.certificate_len, &error),
			 0);
	ck_assert_int_eq(gateway_store_read(dir, "gateway.key", &key,
					    &s.key_len, &error),
			 0);
	ck_assert_int_eq(
		gateway_store_read(dir, "ca.pem", &ca, &s.ca_len, &error), 0);
	s.certificate = cert;
	s.key = key;
	s.ca = ca;
	c = credentials_create(CREDENTIALS_GATEWAY, &s, why);
	ck_assert_msg(c, "%s", why);
	credentials_destroy(c);
	free(cert);
	free(key);
	free(ca);
}
END_TEST

START_TEST(refuses_a_key_that_others_may_read)
{
	char *profile;

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	ck_assert_int_eq(chmod(in_dir("ca.key"), 0644), 0);
	ck_assert_int_eq(add("laptop", &profile), -EPERM);
	ck_assert_ptr_nonnull(strstr(error.text, "chmod"));
}
END_TEST

START_TEST(gives_a_name_one_certificate_at_a_time_and_always_one_address)
{
	struct gateway_clients before, after;
	char *profile;

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	add_ok("laptop");
	add_ok("phone");
	ck_assert_uint_eq(slot_of("laptop"), 2);
	ck_assert_uint_eq(slot_of("phone"), 3);
	ck_assert_int_eq(add("laptop", &profile), -EEXIST);
	before = load();
	ck_assert_int_eq(gateway_store_revoke(dir, "laptop", NOW, &error), 0);
	ck_assert_int_eq(gateway_store_revoke(dir, "laptop", NOW, &error),
			 -EALREADY);
	ck_assert_int_eq(gateway_store_revoke(dir, "lapdog", NOW, &error),
			 -ENOENT);
	add_ok("tablet");
	ck_assert_uint_eq(slot_of("tablet"), 4);
	add_ok("laptop");
	ck_assert_uint_eq(slot_of("laptop"), 2);
	after = load();
	/* The old certificate is not on the list any more. */
	ck_assert_ptr_null(gateway_clients_by_fingerprint(
		&after, before.client[0].fingerprint));
	for (size_t i = 0; i < after.count; i++)
		ck_assert_ptr_eq(gateway_clients_by_fingerprint(
					 &after, after.client[i].fingerprint),
				 &after.client[i]);
	ck_assert_uint_eq(gateway_clients_living(&after, NOW), 3);
	gateway_clients_fini(&before);
	gateway_clients_fini(&after);
}
END_TEST

START_TEST(gives_a_revoked_address_away_only_when_all_were_given)
{
	char *profile;

	ck_assert_int_eq(init_gateway("10.77.0.0/29"), 0); /* slots 2 to 6 */
	add_ok("a");
	add_ok("b");
	ck_assert_int_eq(gateway_store_revoke(dir, "a", NOW, &error), 0);
	add_ok("c");
	add_ok("d");
	add_ok("e");
	ck_assert_uint_eq(slot_of("e"), 6);
	add_ok("f");
	ck_assert_uint_eq(slot_of("f"), 2);
	ck_assert_int_eq(add("g", &profile), -ENOSPC);
	/* Its address has another owner now. */
	ck_assert_int_eq(gateway_store_revoke(dir, "f", NOW, &error), 0);
	ck_assert_int_eq(gateway_store_revoke(dir, "b", NOW, &error), 0);
	add_ok("h");
	ck_assert_uint_eq(slot_of("h"), 2);
	add_ok("a");
	ck_assert_uint_eq(slot_of("a"), 3);
}
END_TEST

START_TEST(leaves_out_a_client_whose_file_is_bad_and_says_so)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"Name\": \"laptop\"}",
		"not json",
	};
	struct gateway_clients c = { 0 };
	char *profile;

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	add_ok("laptop");
	add_ok("phone");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(unlink(in_dir("clients/laptop.json")), 0);
		write_text("clients/laptop.json", bad[i]);
		ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
		ck_assert_uint_eq(c.count, 1);
		ck_assert_str_eq(c.client[0].name, "phone");
		ck_assert_ptr_nonnull(strstr(error.text, "laptop.json"));
	}
	/* Its slot is not known, so no other may be given one. */
	ck_assert_int_eq(add("tablet", &profile), -EINVAL);
	gateway_clients_fini(&c);
}
END_TEST

START_TEST(refuses_a_client_file_under_another_name)
{
	struct gateway_clients c = { 0 };
	char line[256];

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	add_ok("laptop");
	snprintf(line, sizeof(line),
		 "cp -p %s/clients/laptop.json %s/clients/copy.json", dir, dir);
	ck_assert_int_eq(system(line), 0);
	ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
	ck_assert_uint_eq(c.count, 1);
	ck_assert_ptr_nonnull(strstr(error.text, "copy.json"));
	gateway_clients_fini(&c);
}
END_TEST

static void age_clients(time_t by_s)
{
	struct timespec at[2] = { { .tv_sec = time(NULL) - by_s },
				  { .tv_sec = time(NULL) - by_s } };

	ck_assert_int_eq(utimensat(AT_FDCWD, in_dir("clients"), at, 0), 0);
}

START_TEST(reads_the_list_again_only_when_it_may_have_changed)
{
	struct gateway_clients c = { 0 };

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	ck_assert(gateway_clients_outdated(&c, dir));
	age_clients(100);
	ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
	ck_assert(!gateway_clients_outdated(&c, dir));
	add_ok("laptop");
	ck_assert(gateway_clients_outdated(&c, dir));
	/* Of this moment: the next change may bear the same time. */
	age_clients(-100);
	ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
	ck_assert(gateway_clients_outdated(&c, dir));
	age_clients(50);
	ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
	ck_assert(!gateway_clients_outdated(&c, dir));
	ck_assert_int_eq(unlink(in_dir("clients/laptop.json")), 0);
	ck_assert(gateway_clients_outdated(&c, dir));
	gateway_clients_fini(&c);
}
END_TEST

START_TEST(sees_what_changed_since_the_last_load)
{
	struct gateway_clients c = { 0 };

	ck_assert_int_eq(init_gateway("10.77.0.0/16"), 0);
	add_ok("laptop");
	ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
	ck_assert_uint_eq(c.count, 1);
	ck_assert_int_eq(gateway_store_revoke(dir, "laptop", NOW, &error), 0);
	add_ok("phone");
	ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
	ck_assert_uint_eq(c.count, 2);
	ck_assert_int_eq(c.client[0].revoked, NOW);
	ck_assert_int_eq(unlink(in_dir("clients/laptop.json")), 0);
	ck_assert_int_eq(gateway_clients_load(&c, dir, &error), 0);
	ck_assert_uint_eq(c.count, 1);
	gateway_clients_fini(&c);
}
END_TEST

static const struct {
	const char *name;
	bool valid;
} names[] = {
	{ "laptop", true },
	{ "a", true },
	{ "A-1_2.x", true },
	{ "", false },
	{ ".hidden", false },
	{ "..", false },
	{ "a/b", false },
	{ "a b", false },
	{ "caf\xc3\xa9", false },
	{ "a\nb", false },
	{ "a.json", true },
	{ "123456789012345678901234567890123456789012345678901234567890123",
	  true },
	{ "1234567890123456789012345678901234567890123456789012345678901234",
	  false },
};

START_TEST(takes_names_that_can_be_files)
{
	ck_assert_int_eq(gateway_client_name_valid(names[_i].name),
			 names[_i].valid);
}
END_TEST

/* The command line: "@" stands for the directory. */
static const struct {
	int code;
	const char *line;
	const char *says; /* NULL: anything */
} commands[] = {
	{ 2, "", "a command is missing" },
	{ 0, "--help", "adit-gateway COMMAND" },
	{ 0, "version", "adit-gateway 0" },
	{ 2, "lsit @", "did you mean \"list\"" },
	{ 0, "init --help", "--pool6" },
	{ 2, "init @", "--name is missing" },
	{ 2, "init --name a", "DIR is missing" },
	{ 2, "init @ --name", "--name needs a value" },
	{ 2, "init @ --name a --nam b", "(did you mean \"--name\"?)" },
	{ 2, "init @ -n a", "no option \"-n\"" },
	{ 2, "init @ --name a --port 70000", "--port \"70000\": must be" },
	{ 2, "init @ --name a --port 4x", "--port \"4x\": must be" },
	{ 2, "init @ --name a --pool 10.0.0.1/8", "bits behind" },
	{ 2, "init @ --name a --route x", "--route \"x\": must be a prefix" },
	{ 2, "init @ --name a --keys rsa", "must be p256 or ed25519" },
	{ 2, "init @ --name a --nat=no", "--nat takes no value" },
	{ 2, "init @ --name a extra", "one argument too many" },
	{ 2, "run @ --device a\"b", "must be an interface's name: 15 letters" },
	{ 2, "run @ --device a123456789012345", "must be an interface's name" },
	{ 2, "run @ --metrics 192.0.2.1:9464", "must be a loopback address" },
	{ 2, "run @ --metrics [::]:9464", "must be a loopback address" },
	{ 2, "run @ --metrics 9464", "must be a loopback address and a port" },
	{ 2, "status", "DIR is missing" },
	{ 2, "status @ --json=yes", "--json takes no value" },
	{ 1, "status @", "No such file" },
	{ 1, "list @", "no such file" },
	{ 1, "add @ laptop", "no such file" },
	{ 0, "init @ --name=192.0.2.1 --port=8443 --keys ed25519", "192.0.2" },
	{ 0, "list @", "no clients yet" },
	{ 3, "status @ --json", "no gateway runs here; adit-gateway run" },
	{ 1, "init @ --name a", "is not empty" },
	{ 2, "add @", "the client's name is missing" },
	{ 2, "add @ ../x", "no client's name" },
	{ 0, "add @ laptop", "org.adit.packet-tunnel" },
	{ 1, "add @ laptop", "has a certificate already" },
	{ 1, "add @ phone --output /nowhere/x", "/nowhere/x: cannot be" },
	{ 1, "add @ phone --output @/clients", "is no regular file" },
	{ 0, "add @ phone --output @/phone.json", "adit profile add" },
	{ 0, "list @", "phone   10.77.0.3" },
	{ 0, "revoke @ laptop", "revoked" },
	{ 1, "revoke @ laptop", "revoked already" },
	{ 1, "revoke @ nobody", "there is no client" },
	{ 0, "list @", "revoked 20" },
};

static void run_command(size_t i)
{
	char line[256] = "", *argv[16] = { (char *)"adit-gateway" }, *said;
	size_t len = 0, said_len;
	FILE *out;
	int argc = 1, code;

	for (const char *p = commands[i].line; *p; p++) {
		if (*p == '@')
			len += (size_t)snprintf(line + len, sizeof(line) - len,
						"%s", dir);
		else
			line[len++] = *p;
	}
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	out = open_memstream(&said, &said_len);
	code = gateway_cli(argc, argv, out, out);
	fclose(out);
	ck_assert_msg(code == commands[i].code, "%s: %d: %s", commands[i].line,
		      code, said);
	ck_assert_msg(!commands[i].says || strstr(said, commands[i].says),
		      "%s: no \"%s\" in: %s", commands[i].line,
		      commands[i].says, said);
	/* An error is one line. */
	if (code != 0)
		ck_assert_ptr_eq(strchr(said, '\n'), said + said_len - 1);
	free(said);
}

START_TEST(answers_each_command_as_documented)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		run_command(i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gateway_store");
	TCase *t = tcase_create("directory");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, makes_a_directory_that_nobody_else_reads);
	tcase_add_test(t, takes_an_empty_directory_and_refuses_a_used_one);
	tcase_add_test(t, reads_back_the_configuration_it_wrote);
	tcase_add_loop_test(t, judges_a_configuration_strictly, 0,
			    ARRAY_SIZE(configs));
	tcase_add_test(t, prints_a_profile_that_works_as_it_stands);
	tcase_add_test(t, makes_a_gateway_certificate_that_the_transport_takes);
	tcase_add_test(t, refuses_a_key_that_others_may_read);
	tcase_add_test(
		t,
		gives_a_name_one_certificate_at_a_time_and_always_one_address);
	tcase_add_test(t,
		       gives_a_revoked_address_away_only_when_all_were_given);
	tcase_add_test(t, leaves_out_a_client_whose_file_is_bad_and_says_so);
	tcase_add_test(t, refuses_a_client_file_under_another_name);
	tcase_add_test(t, reads_the_list_again_only_when_it_may_have_changed);
	tcase_add_test(t, sees_what_changed_since_the_last_load);
	tcase_add_loop_test(t, takes_names_that_can_be_files, 0,
			    ARRAY_SIZE(names));
	tcase_add_test(t, answers_each_command_as_documented);
	suite_add_tcase(s, t);
	return suite_run(s);
}
