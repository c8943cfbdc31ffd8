/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A field that is added to a struct is added to its table, and that is all. */
#include "tunnel/ctl/ctl.h"

#include "tunnel/ctl/ctl_codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE(f, type)                                                      \
	{                                                                   \
		.fields = (f), .count = ARRAY_SIZE(f), .size = sizeof(type) \
	}
#define TEXT(type, name, member)                                  \
	{                                                         \
		name, CTL_KIND_TEXT, offsetof(type, member), NULL \
	}
#define NUMBER(type, name, member)                                  \
	{                                                           \
		name, CTL_KIND_NUMBER, offsetof(type, member), NULL \
	}
#define INDEX(type, name, member)                                  \
	{                                                          \
		name, CTL_KIND_INDEX, offsetof(type, member), NULL \
	}
#define BOOL(type, name, member)                                  \
	{                                                         \
		name, CTL_KIND_BOOL, offsetof(type, member), NULL \
	}
#define TEXTS(type, name, member)                                  \
	{                                                          \
		name, CTL_KIND_TEXTS, offsetof(type, member), NULL \
	}
#define OBJECT(name, table)                      \
	{                                        \
		name, CTL_KIND_OBJECT, 0, &table \
	}
#define OBJECTS(type, name, member, table)                             \
	{                                                              \
		name, CTL_KIND_OBJECTS, offsetof(type, member), &table \
	}

static const struct ctl_field drop_fields[] = {
	TEXT(struct ctl_drop, "cause", cause),
	NUMBER(struct ctl_drop, "count", count),
};
static const struct ctl_table drop_table = TABLE(drop_fields, struct ctl_drop);

static const struct ctl_field batch_fields[] = {
	NUMBER(struct ctl_batch, "up_to", up_to),
	NUMBER(struct ctl_batch, "count", count),
};
static const struct ctl_table batch_table =
	TABLE(batch_fields, struct ctl_batch);

static const struct ctl_field fallback_fields[] = {
	TEXT(struct ctl_fallback, "what", what),
	TEXT(struct ctl_fallback, "reason", reason),
	NUMBER(struct ctl_fallback, "since", since),
	NUMBER(struct ctl_fallback, "times", times),
};
static const struct ctl_table fallback_table =
	TABLE(fallback_fields, struct ctl_fallback);

static const struct ctl_field transition_fields[] = {
	NUMBER(struct ctl_transition, "at_ms", at_ms),
	TEXT(struct ctl_transition, "from", from),
	TEXT(struct ctl_transition, "to", to),
	TEXT(struct ctl_transition, "event", event),
	TEXT(struct ctl_transition, "reason", reason),
};
static const struct ctl_table transition_table =
	TABLE(transition_fields, struct ctl_transition);

static const struct ctl_field event_fields[] = {
	NUMBER(struct ctl_event, "at_ms", at_ms),
	TEXT(struct ctl_event, "profile", profile),
	TEXT(struct ctl_event, "state", state),
	TEXT(struct ctl_event, "was", was),
	TEXT(struct ctl_event, "event", event),
	TEXT(struct ctl_event, "reason", reason),
	TEXT(struct ctl_event, "reason_text", reason_text),
	TEXT(struct ctl_event, "detail", detail),
	NUMBER(struct ctl_event, "missed", missed),
};
static const struct ctl_table event_table =
	TABLE(event_fields, struct ctl_event);

static const struct ctl_field line_fields[] = {
	NUMBER(struct ctl_log_line, "at_ms", at_ms),
	TEXT(struct ctl_log_line, "level", level),
	TEXT(struct ctl_log_line, "text", text),
	NUMBER(struct ctl_log_line, "missed", missed),
};
static const struct ctl_table line_table =
	TABLE(line_fields, struct ctl_log_line);

static const struct ctl_field reason_fields[] = {
	TEXT(struct ctl_status, "code", reason.code),
	TEXT(struct ctl_status, "text", reason.text),
};
static const struct ctl_table reason_table =
	TABLE(reason_fields, struct ctl_status);

static const struct ctl_field hold_fields[] = {
	TEXT(struct ctl_status, "state", hold.state),
	TEXT(struct ctl_status, "cause", hold.cause),
	TEXT(struct ctl_status, "reason", hold.reason),
	NUMBER(struct ctl_status, "since", hold.since),
	NUMBER(struct ctl_status, "until", hold.until),
	TEXT(struct ctl_status, "ends", hold.ends),
	TEXT(struct ctl_status, "ended", hold.ended),
};
static const struct ctl_table hold_table =
	TABLE(hold_fields, struct ctl_status);

static const struct ctl_field rule_fields[] = {
	TEXT(struct ctl_status, "outcome", rule.outcome),
	INDEX(struct ctl_status, "index", rule.index),
	TEXT(struct ctl_status, "action", rule.action),
	TEXT(struct ctl_status, "text", rule.text),
};
static const struct ctl_table rule_table =
	TABLE(rule_fields, struct ctl_status);

static const struct ctl_field want_fields[] = {
	TEXT(struct ctl_status, "goal", want.state),
	TEXT(struct ctl_status, "because", want.because),
};
static const struct ctl_table want_table =
	TABLE(want_fields, struct ctl_status);

static const struct ctl_field network_fields[] = {
	TEXT(struct ctl_status, "type", network.type),
	TEXT(struct ctl_status, "device", network.device),
	TEXT(struct ctl_status, "ssid", network.ssid),
	TEXT(struct ctl_status, "ssid_hex", network.ssid_hex),
	TEXT(struct ctl_status, "bssid", network.bssid),
	TEXT(struct ctl_status, "security", network.security),
	TEXT(struct ctl_status, "gateway", network.gateway),
	TEXT(struct ctl_status, "gateway_link_address", network.gateway_link),
	TEXTS(struct ctl_status, "dns_servers", network.servers),
	TEXTS(struct ctl_status, "search_domains", network.search),
	BOOL(struct ctl_status, "metered", network.metered),
	TEXT(struct ctl_status, "metered_by", network.metered_by),
	BOOL(struct ctl_status, "other_vpn", network.other_vpn),
	TEXT(struct ctl_status, "portal", network.portal),
	TEXT(struct ctl_status, "portal_url", network.portal_url),
};
static const struct ctl_table network_table =
	TABLE(network_fields, struct ctl_status);

static const struct ctl_field demand_fields[] = {
	TEXT(struct ctl_demand, "profile", profile),
	TEXT(struct ctl_demand, "want", want),
	TEXT(struct ctl_demand, "because", because),
	TEXT(struct ctl_demand, "hold", hold),
	TEXT(struct ctl_demand, "action", action),
	INDEX(struct ctl_demand, "index", index),
};
static const struct ctl_table demand_table =
	TABLE(demand_fields, struct ctl_demand);

static const struct ctl_field gateway_fields[] = {
	TEXT(struct ctl_status, "name", gateway.name),
	TEXT(struct ctl_status, "address", gateway.address),
	NUMBER(struct ctl_status, "certificate_ends", gateway.certificate_ends),
};
static const struct ctl_table gateway_table =
	TABLE(gateway_fields, struct ctl_status);

static const struct ctl_field dns_fields[] = {
	TEXTS(struct ctl_status, "servers", dns.servers),
	TEXTS(struct ctl_status, "match", dns.match),
	TEXTS(struct ctl_status, "search", dns.search),
	TEXTS(struct ctl_status, "uplink_servers", dns.uplink),
	BOOL(struct ctl_status, "everything", dns.everything),
	BOOL(struct ctl_status, "all_names", dns.all_names),
	BOOL(struct ctl_status, "applied", dns.applied),
	TEXT(struct ctl_status, "stub", dns.stub),
	TEXT(struct ctl_status, "owner", dns.owner),
	TEXT(struct ctl_status, "owner_because", dns.owner_because),
	NUMBER(struct ctl_status, "repairs", dns.repairs),
	OBJECTS(struct ctl_status, "counters", dns.counters, drop_table),
};
static const struct ctl_table dns_table = TABLE(dns_fields, struct ctl_status);

static const struct ctl_field counter_fields[] = {
	NUMBER(struct ctl_status, "rx_bytes", counters.rx_bytes),
	NUMBER(struct ctl_status, "rx_packets", counters.rx_packets),
	NUMBER(struct ctl_status, "tx_bytes", counters.tx_bytes),
	NUMBER(struct ctl_status, "tx_packets", counters.tx_packets),
	NUMBER(struct ctl_status, "rx_control", counters.rx_control),
	NUMBER(struct ctl_status, "tx_control", counters.tx_control),
	NUMBER(struct ctl_status, "system_calls", counters.system_calls),
	NUMBER(struct ctl_status, "batches_refused", counters.batches_refused),
	NUMBER(struct ctl_status, "tails_lost", counters.tails_lost),
	OBJECTS(struct ctl_status, "records_sent", counters.sent, batch_table),
	OBJECTS(struct ctl_status, "records_received", counters.received,
		batch_table),
};
static const struct ctl_table counter_table =
	TABLE(counter_fields, struct ctl_status);

static const struct ctl_field status_fields[] = {
	NUMBER(struct ctl_status, "version", version),
	TEXT(struct ctl_status, "daemon", daemon),
	TEXT(struct ctl_status, "state", state),
	OBJECT("reason", reason_table),
	TEXT(struct ctl_status, "detail", detail),
	TEXT(struct ctl_status, "profile", profile),
	NUMBER(struct ctl_status, "since", since),
	NUMBER(struct ctl_status, "retry_at", retry_at),
	NUMBER(struct ctl_status, "attempts", attempts),
	NUMBER(struct ctl_status, "repairs", repairs),
	OBJECT("hold", hold_table),
	OBJECT("rule", rule_table),
	OBJECT("want", want_table),
	OBJECT("network", network_table),
	OBJECTS(struct ctl_status, "on_demand", on_demand, demand_table),
	OBJECT("gateway", gateway_table),
	TEXT(struct ctl_status, "transport", transport),
	TEXT(struct ctl_status, "group", group),
	TEXT(struct ctl_status, "cipher", cipher),
	TEXT(struct ctl_status, "cipher_library", cipher_library),
	NUMBER(struct ctl_status, "rtt_us", rtt_us),
	TEXT(struct ctl_status, "device", device),
	NUMBER(struct ctl_status, "mtu", mtu),
	NUMBER(struct ctl_status, "lanes", lanes),
	TEXTS(struct ctl_status, "addresses", addresses),
	TEXTS(struct ctl_status, "routes", routes),
	TEXTS(struct ctl_status, "excluded_routes", excluded),
	OBJECT("dns", dns_table),
	OBJECT("counters", counter_table),
	OBJECTS(struct ctl_status, "drops", drops, drop_table),
	OBJECTS(struct ctl_status, "fallbacks", fallbacks, fallback_table),
	TEXTS(struct ctl_status, "problems", problems),
	TEXTS(struct ctl_status, "warnings", warnings),
	OBJECTS(struct ctl_status, "transitions", transitions,
		transition_table),
};
static const struct ctl_table status_table =
	TABLE(status_fields, struct ctl_status);

static const struct ctl_field profile_fields[] = {
	TEXT(struct ctl_profile, "name", name),
	TEXT(struct ctl_profile, "visible_name", visible_name),
	TEXT(struct ctl_profile, "gateway", gateway),
	TEXT(struct ctl_profile, "state", state),
	TEXT(struct ctl_profile, "problem", problem),
};
static const struct ctl_table profile_table =
	TABLE(profile_fields, struct ctl_profile);

static const struct ctl_field reply_fields[] = {
	BOOL(struct ctl_reply, "final", final),
	NUMBER(struct ctl_reply, "exit", exit),
	BOOL(struct ctl_reply, "busy", busy),
	TEXT(struct ctl_reply, "text", text),
	TEXT(struct ctl_reply, "body", body),
	OBJECTS(struct ctl_reply, "profiles", profiles, profile_table),
	OBJECTS(struct ctl_reply, "events", events, event_table),
	OBJECTS(struct ctl_reply, "lines", lines, line_table),
};
static const struct ctl_table reply_table =
	TABLE(reply_fields, struct ctl_reply);

static const struct ctl_field request_fields[] = {
	TEXT(struct ctl_request, "profile", profile),
	TEXT(struct ctl_request, "text", text),
	BOOL(struct ctl_request, "wait", wait),
	NUMBER(struct ctl_request, "wait_s", wait_s),
	NUMBER(struct ctl_request, "for_s", for_s),
	BOOL(struct ctl_request, "until_reboot", until_reboot),
	TEXT(struct ctl_request, "reason", reason),
	BOOL(struct ctl_request, "replace", replace),
	BOOL(struct ctl_request, "json", json),
	BOOL(struct ctl_request, "follow", follow),
};
static const struct ctl_table request_table =
	TABLE(request_fields, struct ctl_request);

static const struct {
	const char *name;
	bool acts;
} commands[CTL_COMMAND_COUNT] = {
	[CTL_COMMAND_STATUS] = { "status", false },
	[CTL_COMMAND_WATCH] = { "watch", false },
	[CTL_COMMAND_LOG] = { "log", true },
	[CTL_COMMAND_RELOAD] = { "reload", true },
	[CTL_COMMAND_CONNECT] = { "connect", true },
	[CTL_COMMAND_DISCONNECT] = { "disconnect", true },
	[CTL_COMMAND_AUTO] = { "auto", true },
	[CTL_COMMAND_PROFILE_LIST] = { "profile-list", false },
	[CTL_COMMAND_PROFILE_SHOW] = { "profile-show", true },
	[CTL_COMMAND_PROFILE_ADD] = { "profile-add", true },
	[CTL_COMMAND_PROFILE_REMOVE] = { "profile-remove", true },
	[CTL_COMMAND_EXPLAIN_DNS] = { "explain-dns", false },
	[CTL_COMMAND_EXPLAIN_NETWORK] = { "explain-network", false },
};

bool ctl_command_acts(enum ctl_command command)
{
	return commands[command].acts;
}

const char *ctl_command_name(enum ctl_command command)
{
	return commands[command].name;
}

bool ctl_set_text(char **field, const char *text)
{
	if (text == NULL || *text == '\0')
		return true;
	*field = strdup(text);
	return *field != NULL;
}

void *ctl_list_add(struct ctl_list *list, size_t size)
{
	/* Doubling at each power of two needs no capacity field. */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count ? list->count * 2 : 1;
		void *items = reallocarray(list->items, room, size);

		if (items == NULL)
			return NULL;
		list->items = items;
	}
	return memset((char *)list->items + list->count++ * size, 0, size);
}

int ctl_list_add_text(struct ctl_list *list, const char *text)
{
	char *copy = strdup(text);
	char **slot;

	if (copy == NULL)
		return -ENOMEM;
	slot = ctl_list_add(list, sizeof(char *));
	if (slot == NULL) {
		free(copy);
		return -ENOMEM;
	}
	*slot = copy;
	return 0;
}

void ctl_request_fini(struct ctl_request *r)
{
	ctl_table_fini(&request_table, (char *)r);
	*r = (struct ctl_request) { 0 };
}

void ctl_status_fini(struct ctl_status *s)
{
	ctl_table_fini(&status_table, (char *)s);
	*s = (struct ctl_status) { 0 };
}

void ctl_reply_fini(struct ctl_reply *r)
{
	ctl_table_fini(&status_table, (char *)&r->status);
	ctl_table_fini(&reply_table, (char *)r);
	*r = (struct ctl_reply) { 0 };
}

/* Prints, adds the newline of a line, and deletes the object. */
static char *print_line(cJSON *object)
{
	char *text = NULL, *line;
	size_t len;

	if (object != NULL)
		text = cJSON_PrintUnformatted(object);
	cJSON_Delete(object);
	if (text == NULL)
		return NULL;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

/* {"version":1}, or NULL. */
static cJSON *message(void)
{
	cJSON *object = cJSON_CreateObject();

	if (object == NULL ||
	    cJSON_AddNumberToObject(object, "version", CTL_VERSION))
		return object;
	cJSON_Delete(object);
	return NULL;
}

char *ctl_request_line(const struct ctl_request *r)
{
	cJSON *object = message();

	if (object != NULL &&
	    cJSON_AddStringToObject(object, "command",
				    commands[r->command].name) == NULL) {
		cJSON_Delete(object);
		return NULL;
	}
	return print_line(
		ctl_encode_into(object, &request_table, (const char *)r));
}

char *ctl_reply_line(const struct ctl_reply *r)
{
	cJSON *object =
		ctl_encode_into(message(), &reply_table, (const char *)r);

	if (object != NULL && r->has_status) {
		cJSON *status =
			ctl_encode_into(cJSON_CreateObject(), &status_table,
					(const char *)&r->status);

		if (!cJSON_AddItemToObject(object, "status", status)) {
			cJSON_Delete(status);
			cJSON_Delete(object);
			return NULL;
		}
	}
	return print_line(object);
}

char *ctl_status_text(const struct ctl_status *s)
{
	cJSON *object = ctl_encode_into(cJSON_CreateObject(), &status_table,
					(const char *)s);
	char *text = object ? cJSON_Print(object) : NULL;

	cJSON_Delete(object);
	return text;
}

char *ctl_event_text(const struct ctl_event *e)
{
	cJSON *object =
		ctl_encode_into(message(), &event_table, (const char *)e);
	char *text = object ? cJSON_PrintUnformatted(object) : NULL;

	cJSON_Delete(object);
	return text;
}

/* One whole object of our version, or NULL with a sentence. */
static cJSON *parse_message(const char *line, size_t len, const char **ret_why)
{
	const char *end = NULL;
	const cJSON *version;
	cJSON *object = NULL;

	/* cJSON takes a zero for a space. */
	if (memchr(line, '\0', len) == NULL)
		object = cJSON_ParseWithLengthOpts(line, len, &end, 0);
	while (object != NULL && end < line + len &&
	       (*end == ' ' || *end == '\r' || *end == '\t'))
		end++;
	if (!cJSON_IsObject(object) || end != line + len) {
		*ret_why = "not one JSON object on a line";
		cJSON_Delete(object);
		return NULL;
	}
	version = cJSON_GetObjectItemCaseSensitive(object, "version");
	if (!cJSON_IsNumber(version) || version->valuedouble != CTL_VERSION) {
		*ret_why = "another version of the control protocol; "
			   "adit and aditd do not belong together";
		cJSON_Delete(object);
		return NULL;
	}
	return object;
}

static int parse_command(const cJSON *object, enum ctl_command *ret_command)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "command");

	if (!cJSON_IsString(name))
		return -EBADMSG;
	for (int i = 0; i < CTL_COMMAND_COUNT; i++) {
		if (strcmp(name->valuestring, commands[i].name) == 0) {
			*ret_command = (enum ctl_command)i;
			return 0;
		}
	}
	return -EBADMSG;
}

int ctl_request_parse(const char *line, size_t len,
		      struct ctl_request *ret_request, const char **ret_why)
{
	struct ctl_request request = { 0 };
	cJSON *object = parse_message(line, len, ret_why);
	int r;

	if (object == NULL)
		return -EBADMSG;
	r = parse_command(object, &request.command);
	if (r < 0) {
		*ret_why = "no such command";
		goto fail;
	}
	if (len > CTL_LINE_MAX && request.command != CTL_COMMAND_PROFILE_ADD) {
		*ret_why = "the request is too long";
		r = -EBADMSG;
		goto fail;
	}
	r = ctl_decode(&request_table, object, (char *)&request);
	if (r == -EBADMSG)
		*ret_why = "a field has the wrong type";
	if (r == 0 && request.wait_s > CTL_WAIT_MAX_S) {
		*ret_why = "nobody waits that long";
		r = -EBADMSG;
	}
	if (r == 0 && request.for_s > CTL_FOR_MAX_S) {
		*ret_why = "no hold lasts that long";
		r = -EBADMSG;
	}
	if (r < 0)
		goto fail;
	cJSON_Delete(object);
	*ret_request = request;
	return 0;
fail:
	cJSON_Delete(object);
	ctl_request_fini(&request);
	return r;
}

int ctl_reply_parse(const char *line, size_t len, struct ctl_reply *ret_reply,
		    const char **ret_why)
{
	struct ctl_reply reply = { 0 };
	cJSON *object = parse_message(line, len, ret_why);
	const cJSON *status;
	int r;

	if (object == NULL)
		return -EBADMSG;
	r = ctl_decode(&reply_table, object, (char *)&reply);
	status = cJSON_GetObjectItemCaseSensitive(object, "status");
	if (r == 0 && cJSON_IsObject(status)) {
		reply.has_status = true;
		r = ctl_decode(&status_table, status, (char *)&reply.status);
	}
	cJSON_Delete(object);
	if (r < 0) {
		*ret_why = "a field has the wrong type";
		ctl_reply_fini(&reply);
		return r;
	}
	*ret_reply = reply;
	return 0;
}

int ctl_socket_path(const char *runtime_dir, char ret_path[static CTL_PATH_MAX])
{
	int n = snprintf(NULL, 0, "%s/" CTL_SOCKET_NAME, runtime_dir);

	if (n < 0 || n >= CTL_PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(ret_path, CTL_PATH_MAX, "%s/" CTL_SOCKET_NAME, runtime_dir);
	return 0;
}

int ctl_kept_path(const char *path, char ret_path[static CTL_PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash + 1 - path) : 0;

	if (len + sizeof(CTL_SOCKET_KEPT_NAME) > CTL_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_path, path, len);
	memcpy(ret_path + len, CTL_SOCKET_KEPT_NAME,
	       sizeof(CTL_SOCKET_KEPT_NAME));
	return 0;
}
