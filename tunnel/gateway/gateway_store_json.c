/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_store_json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/json.h"
#include "config/report.h"
#include "config/text.h"
#include "crypto/secret.h"

#define DATE_FORMAT "%Y-%m-%dT%H:%M:%SZ"

enum {
	DATE_MAX = 32,
	HEX_FINGERPRINT_LEN = 2 * PKI_FINGERPRINT_LEN,
	TOKEN_LEN = 16, /* signs of the fingerprint: enough to tell apart */
};

/* One file being read, and what it is read into. */
struct reader {
	const struct json *json;
	struct config_report *report;
	struct gateway_config *config;
	struct gateway_client *client;
};

struct field {
	const char *name;
	enum json_type type;
	bool optional;
	void (*take)(const struct reader *r, const struct json_node *n);
};

#define COMPLAIN(r, n, ...) \
	json_complain((r)->json, n, NULL, false, (r)->report, __VA_ARGS__)

static void complain_unknown(const struct reader *r, const struct json_node *n,
			     const struct field *fields, size_t count)
{
	unsigned int best = UINT32_MAX, distance;
	const char *near = NULL;

	for (size_t i = 0; i < count; i++) {
		distance = text_distance(n->key, fields[i].name);
		if (distance < best && text_is_near(distance, n->key)) {
			best = distance;
			near = fields[i].name;
		}
	}
	if (near)
		COMPLAIN(r, n, "unknown key (did you mean \"%s\"?)", near);
	else
		COMPLAIN(r, n, "unknown key");
}

/* JSON_TRUE in a table stands for both truths. */
static bool has_type(const struct json_node *n, enum json_type type)
{
	return n->type == type || (type == JSON_TRUE && n->type == JSON_FALSE);
}

static void read_object(const struct reader *r, const struct field *fields,
			size_t count)
{
	const struct json_node *root = r->json->nodes, *n;
	size_t i;

	if (root->type != JSON_OBJECT) {
		COMPLAIN(r, root, "must be an object");
		return;
	}
	for (n = json_first(r->json, root); n; n = json_next(r->json, n)) {
		for (i = 0; i < count; i++)
			if (strcmp(fields[i].name, n->key) == 0)
				break;
		if (i == count)
			complain_unknown(r, n, fields, count);
		else if (!has_type(n, fields[i].type))
			COMPLAIN(r, n, "must be %s, is %s",
				 fields[i].type == JSON_TRUE
					 ? "true or false"
					 : json_type_text(fields[i].type),
				 json_type_text(n->type));
		else
			fields[i].take(r, n);
	}
	for (i = 0; i < count; i++)
		if (!fields[i].optional &&
		    !json_member(r->json, root, fields[i].name))
			COMPLAIN(r, root, "the key \"%s\" is missing",
				 fields[i].name);
}

/* 0, or -EINVAL with the first finding as the error. */
static int finish(const struct config_report *report, const char *file,
		  struct gateway_error *error)
{
	const struct config_error *first = config_report_first(report);

	if (!first)
		return 0;
	config_error_text(first, file, error->text, sizeof(error->text));
	return -EINVAL;
}

static int read_text(const char *text, size_t len, const char *file,
		     struct reader r, const struct field *fields, size_t count,
		     struct gateway_error *error)
{
	struct config_report report = { 0 };
	struct json *json = NULL;
	int rc;

	r.report = &report;
	rc = json_parse(text, len, &json, &report);
	if (rc == -ENOMEM) {
		gateway_error_set(error, "%s: out of memory", file);
		return rc;
	}
	if (rc == 0) {
		r.json = json;
		read_object(&r, fields, count);
	}
	rc = finish(&report, file, error);
	json_destroy(json);
	return rc;
}

static void take_number(const struct reader *r, const struct json_node *n,
			int64_t min, int64_t max, int64_t *to)
{
	if (!n->whole || n->number < min || n->number > max)
		COMPLAIN(r, n,
			 "must be a whole number from %" PRId64 " to %" PRId64,
			 min, max);
	else
		*to = n->number;
}

/* The gateway's configuration. */

#define TAKE(r, n, wrong)                           \
	do {                                        \
		const char *why_ = (wrong);         \
		if (why_)                           \
			COMPLAIN(r, n, "%s", why_); \
	} while (0)

static void take_gateway_name(const struct reader *r, const struct json_node *n)
{
	TAKE(r, n, gateway_config_set_name(r->config, n->text));
}

static void take_port(const struct reader *r, const struct json_node *n)
{
	TAKE(r, n,
	     gateway_config_set_port(r->config, n->whole ? n->number : -1));
}

static void take_mtu(const struct reader *r, const struct json_node *n)
{
	int64_t mtu = 0;

	take_number(r, n, LEASE_MTU_MIN, LEASE_MTU_MAX, &mtu);
	r->config->lease.mtu = (uint16_t)mtu;
}

static void take_pool(const struct reader *r, const struct json_node *n)
{
	TAKE(r, n, gateway_config_set_pool(r->config, n->text));
}

static void take_pool6(const struct reader *r, const struct json_node *n)
{
	TAKE(r, n, gateway_config_set_pool6(r->config, n->text));
}

static void take_strings(const struct reader *r, const struct json_node *array,
			 const char *(*add)(struct gateway_config *c,
					    const char *text))
{
	const struct json_node *n;

	for (n = json_first(r->json, array); n; n = json_next(r->json, n))
		TAKE(r, n,
		     n->type == JSON_STRING ? add(r->config, n->text)
					    : "must be a string");
}

static void take_routes(const struct reader *r, const struct json_node *n)
{
	take_strings(r, n, gateway_config_add_route);
}

static void take_dns(const struct reader *r, const struct json_node *n)
{
	take_strings(r, n, gateway_config_add_dns);
}

static void take_match(const struct reader *r, const struct json_node *n)
{
	take_strings(r, n, gateway_config_add_match);
}

static void take_search(const struct reader *r, const struct json_node *n)
{
	take_strings(r, n, gateway_config_add_search);
}

static void take_nat(const struct reader *r, const struct json_node *n)
{
	r->config->nat = n->type == JSON_TRUE;
}

static const struct field config_fields[] = {
	{ "Name", JSON_STRING, false, take_gateway_name },
	{ "Port", JSON_NUMBER, true, take_port },
	{ "Pool", JSON_STRING, false, take_pool },
	{ "Pool6", JSON_STRING, true, take_pool6 },
	{ "Routes", JSON_ARRAY, true, take_routes },
	{ "DNS", JSON_ARRAY, true, take_dns },
	{ "MatchDomains", JSON_ARRAY, true, take_match },
	{ "SearchDomains", JSON_ARRAY, true, take_search },
	{ "MTU", JSON_NUMBER, true, take_mtu },
	{ "NAT", JSON_TRUE, true, take_nat },
};

int gateway_config_parse(const char *text, size_t len, const char *file,
			 struct gateway_config *ret_config,
			 struct gateway_error *error)
{
	struct gateway_config c;
	const char *why;
	int rc;

	gateway_config_init(&c);
	rc = read_text(text, len, file, (struct reader) { .config = &c },
		       config_fields, ARRAY_SIZE(config_fields), error);
	why = rc == 0 ? gateway_config_check(&c) : NULL;
	if (why) {
		gateway_error_set(error, "%s: /Pool: %s", file, why);
		rc = -EINVAL;
	}
	if (rc)
		gateway_config_fini(&c);
	else
		*ret_config = c;
	return rc;
}

/* Adding to an object fails only for want of memory, and cJSON_Print of the
 * rest would then be wrong: so each add is counted. */
static bool add_text(cJSON *to, const char *key, const char *text)
{
	return cJSON_AddStringToObject(to, key, text) != NULL;
}

static bool add_item(cJSON *array, const char *text)
{
	cJSON *item = cJSON_CreateString(text);

	return item && cJSON_AddItemToArray(array, item);
}

static bool add_names(cJSON *to, const char *key, const struct lease_names *l)
{
	cJSON *array = cJSON_AddArrayToObject(to, key);
	bool ok = array != NULL;

	for (size_t i = 0; ok && i < l->count; i++)
		ok = add_item(array, l->name[i]);
	return ok;
}

static bool add_lease(cJSON *to, const struct lease *l)
{
	cJSON *routes = cJSON_AddArrayToObject(to, "Routes");
	cJSON *dns = cJSON_AddArrayToObject(to, "DNS");
	char text[PREFIX_TEXT_MAX];
	bool ok = routes && dns;

	for (size_t i = 0; ok && i < l->routes.count; i++)
		ok = add_item(routes, prefix_text(&l->routes.prefix[i], text));
	for (size_t i = 0; ok && i < l->dns_count; i++)
		ok = add_item(dns, addr_text(&l->dns[i], text));
	return ok && add_names(to, "MatchDomains", &l->match) &&
	       add_names(to, "SearchDomains", &l->search);
}

/* Consumes the tree. The text ends with a newline. */
static char *print(cJSON *tree, bool ok)
{
	char *text = ok ? cJSON_Print(tree) : NULL, *line = NULL;

	cJSON_Delete(tree);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
	return line;
}

char *gateway_config_print(const struct gateway_config *c)
{
	cJSON *o = cJSON_CreateObject();
	char pool[PREFIX_TEXT_MAX];
	bool ok;

	ok = o && add_text(o, "Name", c->name) &&
	     cJSON_AddNumberToObject(o, "Port", c->port) &&
	     add_text(o, "Pool", prefix_text(&c->pool.prefix4, pool));
	if (ok && c->pool.prefix6.addr.family)
		ok = add_text(o, "Pool6", prefix_text(&c->pool.prefix6, pool));
	ok = ok && add_lease(o, &c->lease);
	if (ok && c->lease.mtu != GATEWAY_MTU_DEFAULT)
		ok = cJSON_AddNumberToObject(o, "MTU", c->lease.mtu) != NULL;
	if (ok && c->nat)
		ok = cJSON_AddTrueToObject(o, "NAT") != NULL;
	return print(o, ok);
}

/* A client's file. */

static void take_client_name(const struct reader *r, const struct json_node *n)
{
	if (gateway_client_name_valid(n->text))
		strcpy(r->client->name, n->text);
	else
		COMPLAIN(r, n, "must be a client's name");
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static void take_fingerprint(const struct reader *r, const struct json_node *n)
{
	int high, low;

	if (strlen(n->text) != HEX_FINGERPRINT_LEN) {
		COMPLAIN(r, n, "must be 64 hexadecimal digits");
		return;
	}
	for (size_t i = 0; i < PKI_FINGERPRINT_LEN; i++) {
		high = hex_digit(n->text[2 * i]);
		low = hex_digit(n->text[2 * i + 1]);
		if (high < 0 || low < 0) {
			COMPLAIN(r, n, "must be 64 hexadecimal digits");
			return;
		}
		r->client->fingerprint[i] = (uint8_t)(high << 4 | low);
	}
}

static void take_serial(const struct reader *r, const struct json_node *n)
{
	if (strlen(n->text) == GATEWAY_SERIAL_TEXT_LEN)
		strcpy(r->client->serial, n->text);
	else
		COMPLAIN(r, n, "must be 32 hexadecimal digits");
}

static void take_slot(const struct reader *r, const struct json_node *n)
{
	int64_t slot = 0;

	take_number(r, n, GATEWAY_POOL_SLOT_FIRST, GATEWAY_POOL_SLOTS_MAX - 1,
		    &slot);
	r->client->slot = (uint32_t)slot;
}

static void take_date(const struct reader *r, const struct json_node *n,
		      int64_t *to)
{
	struct tm tm = { 0 };
	const char *end = strptime(n->text, DATE_FORMAT, &tm);

	if (end && !*end)
		*to = timegm(&tm);
	else
		COMPLAIN(r, n, "must be a date like \"2026-11-24T13:00:00Z\"");
}

static void take_added(const struct reader *r, const struct json_node *n)
{
	take_date(r, n, &r->client->added);
}

static void take_expires(const struct reader *r, const struct json_node *n)
{
	take_date(r, n, &r->client->expires);
}

static void take_revoked(const struct reader *r, const struct json_node *n)
{
	take_date(r, n, &r->client->revoked);
}

static const struct field client_fields[] = {
	{ "Name", JSON_STRING, false, take_client_name },
	{ "Fingerprint", JSON_STRING, false, take_fingerprint },
	{ "Serial", JSON_STRING, false, take_serial },
	{ "Slot", JSON_NUMBER, false, take_slot },
	{ "Added", JSON_STRING, false, take_added },
	{ "Expires", JSON_STRING, false, take_expires },
	{ "Revoked", JSON_STRING, true, take_revoked },
};

int gateway_client_parse(const char *text, size_t len, const char *file,
			 struct gateway_client *ret_client,
			 struct gateway_error *error)
{
	struct gateway_client c = { 0 };
	int rc;

	rc = read_text(text, len, file, (struct reader) { .client = &c },
		       client_fields, ARRAY_SIZE(client_fields), error);
	if (rc == 0)
		*ret_client = c;
	return rc;
}

static const char *hex(const uint8_t *bytes, size_t len, char *buf)
{
	for (size_t i = 0; i < len; i++)
		sprintf(buf + 2 * i, "%02x", bytes[i]);
	return buf;
}

static bool add_date(cJSON *to, const char *key, int64_t when)
{
	time_t t = (time_t)when;
	char text[DATE_MAX];
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return false;
	strftime(text, sizeof(text), DATE_FORMAT, &tm);
	return add_text(to, key, text);
}

char *gateway_client_print(const struct gateway_client *c)
{
	char fingerprint[HEX_FINGERPRINT_LEN + 1];
	cJSON *o = cJSON_CreateObject();
	bool ok;

	hex(c->fingerprint, sizeof(c->fingerprint), fingerprint);
	ok = o && add_text(o, "Name", c->name) &&
	     add_text(o, "Fingerprint", fingerprint) &&
	     add_text(o, "Serial", c->serial) &&
	     cJSON_AddNumberToObject(o, "Slot", c->slot) &&
	     add_date(o, "Added", c->added) &&
	     add_date(o, "Expires", c->expires);
	if (ok && c->revoked)
		ok = add_date(o, "Revoked", c->revoked);
	return print(o, ok);
}

/* A client's profile. */

static bool add_vendor_config(cJSON *payload,
			      const struct gateway_config *config,
			      const char *ca_pem, const char *pkcs12,
			      const char *password)
{
	cJSON *vendor = cJSON_AddObjectToObject(payload, "VendorConfig");
	cJSON *identity;

	if (!vendor || !cJSON_AddNumberToObject(vendor, "Port", config->port) ||
	    !add_text(vendor, "CA", ca_pem))
		return false;
	identity = cJSON_AddObjectToObject(vendor, "Identity");
	return identity && add_text(identity, "PKCS12", pkcs12) &&
	       add_text(identity, "Password", password);
}

char *gateway_profile_print(const struct gateway_config *config,
			    const struct gateway_client *client,
			    const char *ca_pem, const char *pkcs12,
			    const char *password)
{
	cJSON *o = cJSON_CreateObject(), *payload = NULL, *method = NULL;
	char identifier[LEASE_NAME_MAX + GATEWAY_CLIENT_NAME_MAX + 32];
	char token[HEX_FINGERPRINT_LEN + 1];
	bool ok;

	/* The token changes when the client gets another certificate. */
	hex(client->fingerprint, sizeof(client->fingerprint), token);
	token[TOKEN_LEN] = '\0';
	snprintf(identifier, sizeof(identifier), "org.adit.%s.%s", config->name,
		 client->name);
	ok = o &&
	     add_text(o, "Type",
		      "com.apple.configuration.network.vpn.vpn-plugin") &&
	     add_text(o, "Identifier", identifier) &&
	     add_text(o, "ServerToken", token);
	if (ok)
		payload = cJSON_AddObjectToObject(o, "Payload");
	ok = payload && add_text(payload, "VisibleName", config->name) &&
	     add_text(payload, "SubType", "org.adit.packet-tunnel") &&
	     add_text(payload, "HostName", config->name);
	if (ok)
		method = cJSON_AddObjectToObject(payload, "Authentication");
	ok = method && add_text(method, "Method", "Certificate") &&
	     add_vendor_config(payload, config, ca_pem, pkcs12, password);
	return print(o, ok);
}
