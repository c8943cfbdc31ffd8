/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/hold.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"
#include "config/json.h"
#include "config/text.h"
#include "config/value.h"
#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"
#include "tunnel/base/folder.h"

enum {
	HOLD_VERSION = 1,
	HOLD_MEMBERS = 13, /* of the file's object */
	PATH_MEMBERS = 3,
};

const char *hold_state_name(enum hold_state state)
{
	switch (state) {
	case HOLD_NONE:
		break;
	case HOLD_DOWN:
		return "held-down";
	case HOLD_UP:
		return "held-up";
	}
	return "none";
}

const char *hold_end_text(enum hold_end end)
{
	switch (end) {
	case HOLD_END_NONE:
		break;
	case HOLD_END_COMMAND:
		return "it ended with another command";
	case HOLD_END_NETWORK:
		return "it ended with the network";
	case HOLD_END_TIME:
		return "its time was over";
	case HOLD_END_PROFILE:
		return "it ended when the profile changed";
	case HOLD_END_REBOOT:
		return "it ended with the reboot";
	case HOLD_END_SLEEP:
		return "it ended when this machine went to sleep";
	case HOLD_END_LOGOUT:
		return "it ended with the logout";
	}
	return "it has not ended";
}

/* --- Out. --- */

static void put_hex(const char *key, const uint8_t *bytes, size_t len, FILE *to)
{
	fprintf(to, ", \"%s\": \"", key);
	for (size_t i = 0; i < len; i++)
		fprintf(to, "%02x", bytes[i]);
	fputc('"', to);
}

/* As bytes: a number of JSON does not hold all of it everywhere. */
static void put_u64(const char *key, uint64_t value, FILE *to)
{
	uint8_t bytes[sizeof(value)];

	store_be64(bytes, value);
	put_hex(key, bytes, sizeof(bytes), to);
}

static void put_path(const char *key, const struct network_path *p, FILE *to)
{
	char gateway[ADDR_TEXT_MAX] = "", prefix[PREFIX_TEXT_MAX];

	if (p->gateway.family != 0)
		addr_text(&p->gateway, gateway);
	fprintf(to, ",\n\"%s\": {\"gateway\": \"%s\"", key, gateway);
	put_hex("link_address", p->link_address,
		p->has_link_address ? sizeof(p->link_address) : 0, to);
	fputs(", \"prefixes\": [", to);
	for (size_t i = 0; i < p->prefix_count; i++)
		fprintf(to, "%s\"%s\"", i > 0 ? ", " : "",
			prefix_text(&p->prefixes[i], prefix));
	fputs("]}", to);
}

static void put_hold(const struct hold *h, const char *boot, FILE *to)
{
	fprintf(to, "{\"version\": %d, \"boot\": ", HOLD_VERSION);
	value_print_string(boot, to);
	fprintf(to, ",\n\"hold\": \"%s\", \"until_reboot\": %s, \"reason\": ",
		hold_state_name(h->state), h->until_reboot ? "true" : "false");
	value_print_string(h->reason, to);
	fprintf(to, ",\n\"since_ms\": %lld, \"until_ms\": %lld",
		(long long)h->since_ms, (long long)h->until_ms);
	put_u64("until_ns", h->until_ns, to);
	put_u64("profile", h->fingerprint, to);
	fprintf(to, ",\n\"network\": \"%s\"", network_type_name(h->place.type));
	put_hex("ssid", h->place.ssid, h->place.ssid_len, to);
	put_path("ipv4", &h->place.ipv4, to);
	put_path("ipv6", &h->place.ipv6, to);
	fputs("}\n", to);
}

char *hold_text(const struct hold *h, const char *boot)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	bool failed;

	assert(h->state != HOLD_NONE);
	if (to == NULL)
		return NULL;
	put_hold(h, boot, to);
	failed = ferror(to);
	if (fclose(to) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

/* --- In. --- */

struct reader {
	const struct json *json;
	const struct json_node *object;
	bool failed; /* sticky: asked once at the end */
};

static const struct json_node *get(struct reader *r, const char *key,
				   enum json_type type)
{
	const struct json_node *n = json_member(r->json, r->object, key);

	if (n != NULL && n->type == type)
		return n;
	r->failed = true;
	return NULL;
}

/* The whole of it, or "". */
static const char *get_text(struct reader *r, const char *key, size_t size)
{
	const struct json_node *n = get(r, key, JSON_STRING);

	if (n != NULL && strlen(n->text) < size)
		return n->text;
	r->failed = true;
	return "";
}

static int64_t get_number(struct reader *r, const char *key)
{
	const struct json_node *n = get(r, key, JSON_NUMBER);

	if (n != NULL && n->whole)
		return n->number;
	r->failed = true;
	return 0;
}

static bool get_bool(struct reader *r, const char *key)
{
	const struct json_node *n = json_member(r->json, r->object, key);

	if (n == NULL || (n->type != JSON_TRUE && n->type != JSON_FALSE))
		r->failed = true;
	return n != NULL && n->type == JSON_TRUE;
}

/* Zero to `size` bytes. */
static size_t get_hex(struct reader *r, const char *key, uint8_t *to,
		      size_t size)
{
	const char *text = get_text(r, key, 2 * size + 1);
	size_t len = strlen(text);

	if (len % 2 != 0 || strspn(text, "0123456789abcdef") != len) {
		r->failed = true;
		return 0;
	}
	for (size_t i = 0; i < len / 2; i++)
		(void)sscanf(text + 2 * i, "%2hhx", &to[i]); /* are hex */
	return len / 2;
}

static uint64_t get_u64(struct reader *r, const char *key)
{
	uint8_t bytes[sizeof(uint64_t)] = { 0 };

	if (get_hex(r, key, bytes, sizeof(bytes)) != sizeof(bytes))
		r->failed = true;
	return load_be64(bytes);
}

static enum hold_state get_state(struct reader *r)
{
	const char *text = get_text(r, "hold", sizeof("held-down"));

	for (int i = HOLD_DOWN; i <= HOLD_UP; i++)
		if (strcmp(text, hold_state_name((enum hold_state)i)) == 0)
			return (enum hold_state)i;
	r->failed = true;
	return HOLD_NONE;
}

static enum network_type get_type(struct reader *r)
{
	const char *text = get_text(r, "network", sizeof("Ethernet"));

	for (int i = NETWORK_NONE; i <= NETWORK_CELLULAR; i++)
		if (strcmp(text, network_type_name((enum network_type)i)) == 0)
			return (enum network_type)i;
	r->failed = true;
	return NETWORK_NONE;
}

static void get_prefixes(struct reader *r, uint8_t family,
			 struct network_path *p)
{
	const struct json_node *list = get(r, "prefixes", JSON_ARRAY), *n;

	if (list == NULL || list->count > NETWORK_PREFIXES_MAX) {
		r->failed = true;
		return;
	}
	for (n = json_first(r->json, list); n; n = json_next(r->json, n)) {
		struct ip_prefix *prefix = &p->prefixes[p->prefix_count++];

		if (n->type != JSON_STRING ||
		    prefix_parse(n->text, prefix) < 0 ||
		    prefix->addr.family != family)
			r->failed = true;
	}
}

static void get_path(struct reader *r, const char *key, uint8_t family,
		     struct network_path *p)
{
	const struct json_node *object = get(r, key, JSON_OBJECT);
	struct reader in = { .json = r->json, .object = object };
	const char *gateway;
	size_t len;

	if (object == NULL)
		return;
	gateway = get_text(&in, "gateway", ADDR_TEXT_MAX);
	if (*gateway != '\0' && (addr_parse(gateway, &p->gateway) < 0 ||
				 p->gateway.family != family))
		in.failed = true;
	len = get_hex(&in, "link_address", p->link_address,
		      sizeof(p->link_address));
	p->has_link_address = len == sizeof(p->link_address);
	if (len != 0 && !p->has_link_address)
		in.failed = true;
	get_prefixes(&in, family, p);
	if (in.failed || object->count != PATH_MEMBERS)
		r->failed = true;
}

static void get_hold(struct reader *r, struct hold *h)
{
	h->state = get_state(r);
	h->until_reboot = get_bool(r, "until_reboot");
	h->until_ns = get_u64(r, "until_ns");
	h->since_ms = get_number(r, "since_ms");
	h->until_ms = get_number(r, "until_ms");
	h->fingerprint = get_u64(r, "profile");
	strcpy(h->reason, get_text(r, "reason", sizeof(h->reason)));
	text_make_printable(h->reason);
	h->place.type = get_type(r);
	h->place.ssid_len =
		get_hex(r, "ssid", h->place.ssid, sizeof(h->place.ssid));
	get_path(r, "ipv4", AF_INET, &h->place.ipv4);
	get_path(r, "ipv6", AF_INET6, &h->place.ipv6);
}

int hold_parse(const char *text, size_t len, struct hold *ret_hold,
	       char ret_boot[static HOLD_BOOT_MAX])
{
	struct config_report report = { 0 };
	struct hold h = { 0 };
	struct reader r = { 0 };
	const char *boot;
	struct json *json;
	int rc = json_parse(text, len, &json, &report);

	if (rc < 0)
		return rc == -ENOMEM ? rc : -EBADMSG;
	r.json = json;
	r.object = &json->nodes[0];
	if (r.object->type != JSON_OBJECT || r.object->count != HOLD_MEMBERS ||
	    get_number(&r, "version") != HOLD_VERSION) {
		json_destroy(json);
		return -EBADMSG;
	}
	get_hold(&r, &h);
	boot = get_text(&r, "boot", HOLD_BOOT_MAX);
	if (!r.failed) {
		*ret_hold = h;
		strcpy(ret_boot, boot);
	}
	json_destroy(json);
	return r.failed ? -EBADMSG : 0;
}

/* --- The file. --- */

static void file_name(const char *name, char buf[static NAME_MAX + 1])
{
	snprintf(buf, NAME_MAX + 1, "hold-%s.json", name);
}

static int write_hold(int dir, const char *file, const struct hold *h,
		      const char *boot)
{
	char *text = hold_text(h, boot);
	int r = text ? folder_write(dir, file, 0600, text) : -ENOMEM;

	free(text);
	return r;
}

static int remove_hold(int dir, const char *file)
{
	if (unlinkat(dir, file, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	(void)fsync(dir); /* not every file system can */
	return 0;
}

int hold_save(const char *state_dir, const char *name, const struct hold *h,
	      const char *boot)
{
	int dir = folder_open(state_dir), r;
	char file[NAME_MAX + 1];

	if (dir < 0)
		return dir;
	file_name(name, file);
	if (h->state == HOLD_NONE) {
		r = remove_hold(dir, file);
	} else {
		r = write_hold(dir, file, h, boot);
		/* The one before may say the opposite; none is better. */
		if (r < 0)
			(void)remove_hold(dir, file);
	}
	close(dir);
	return r;
}

int hold_load(const char *state_dir, const char *name, const char *boot,
	      struct hold *ret_hold)
{
	char file[NAME_MAX + 1], path[PATH_MAX], why[FILE_WHY_MAX];
	char its_boot[HOLD_BOOT_MAX];
	struct hold h;
	uint8_t *text;
	size_t len;
	int r;

	file_name(name, file);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", state_dir, file) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	r = file_read(path, HOLD_FILE_MAX, FILE_OURS, &text, &len, why);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	r = hold_parse((const char *)text, len, &h, its_boot);
	free(text);
	if (r < 0)
		return r;
	*ret_hold = strcmp(its_boot, boot) == 0
			    ? h
			    : (struct hold) { .until_ns = CLOCK_NEVER };
	return 0;
}

/* "hold-work.json": "work". */
static bool profile_of(const char *file, char name[static NAME_MAX + 1])
{
	static const char before[] = "hold-", after[] = ".json";
	size_t len = strlen(file);

	if (len <= sizeof(before) - 1 + sizeof(after) - 1 ||
	    strncmp(file, before, sizeof(before) - 1) != 0 ||
	    strcmp(file + len - (sizeof(after) - 1), after) != 0)
		return false;
	len -= sizeof(before) - 1 + sizeof(after) - 1;
	memcpy(name, file + sizeof(before) - 1, len);
	name[len] = '\0';
	return true;
}

int hold_prune(const char *state_dir,
	       bool (*known)(void *arg, const char *name), void *arg)
{
	int dir = folder_open(state_dir), r = 0;
	DIR *list = dir >= 0 ? fdopendir(dir) : NULL;
	const struct dirent *d;
	char name[NAME_MAX + 1];

	if (list == NULL) {
		r = dir < 0 ? dir : -errno;
		if (dir >= 0)
			close(dir);
		return r;
	}
	while (r == 0 && (d = readdir(list)) != NULL)
		if (profile_of(d->d_name, name) && !known(arg, name))
			r = remove_hold(dir, d->d_name);
	closedir(list);
	return r;
}
