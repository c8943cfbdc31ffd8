/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/json.h"
#include "config/keys.h"
#include "config/profile_read.h"
#include "config/validate.h"
#include "crypto/credentials.h"
#include "crypto/secret.h"

static void clear_scope(const char *scope, char *base);

static void clear_list(const struct key *k, char *base)
{
	char path[KEY_PATH_MAX], *items;
	size_t count, size;

	memcpy(&items, base + k->at, sizeof(items));
	memcpy(&count, base + k->count_at, sizeof(count));
	size = k->type == KEY_OBJECTS ? k->size
	       : k->type == KEY_NAMES ? sizeof(char *)
				      : value_types[k->kind].size;
	if (k->type == KEY_OBJECTS)
		snprintf(path, sizeof(path), "%s/*", key_path(k));
	for (size_t i = 0; i < count; i++) {
		if (k->type == KEY_OBJECTS)
			clear_scope(path, items + i * size);
		else if (k->type == KEY_NAMES)
			value_types[VALUE_TEXT].clear(items + i * size);
		else
			value_types[k->kind].clear(items + i * size);
	}
	free(items);
}

static void clear_scope(const char *scope, char *base)
{
	for (const struct key *k = keys; k < keys + key_count; k++) {
		if (!key_in_scope(k, scope))
			continue;
		if (k->type == KEY_VALUE)
			value_types[k->kind].clear(base + k->at);
		else if (k->type == KEY_VALUES || k->type == KEY_NAMES ||
			 k->type == KEY_OBJECTS)
			clear_list(k, base);
	}
}

void profile_destroy(struct profile *p)
{
	if (!p)
		return;
	value_types[VALUE_BASE64].clear(&p->certificate);
	value_types[VALUE_BASE64].clear(&p->crl);
	value_types[VALUE_BASE64].clear(&p->private_key);
	clear_scope("", (char *)p);
	free(p);
}

/* FNV-1a: tells changes apart, nothing more. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ b[i]) * 0x100000001b3;
	return hash;
}

static uint64_t fingerprint(const struct profile *p, const char *text,
			    size_t len)
{
	uint64_t hash = mix(0xcbf29ce484222325, text, len);

	if (p->ca)
		hash = mix(hash, p->ca, strlen(p->ca));
	hash = mix(hash, p->certificate.data, p->certificate.len);
	hash = mix(hash, p->crl.data, p->crl.len);
	if (p->identity_reference)
		hash = mix(hash, p->pkcs12.data, p->pkcs12.len);
	return mix(hash, p->private_key.data, p->private_key.len);
}

static int parse(const char *text, size_t len, enum profile_flags flags,
		 const char *assets, struct profile **ret_profile,
		 struct config_report *report)
{
	struct profile *p = NULL;
	struct json *j = NULL;
	int r = json_parse(text, len, &j, report);

	if (r < 0)
		return r;
	p = calloc(1, sizeof(*p));
	r = p ? profile_read(p, j, report) : -ENOMEM;
	if (r == 0)
		validate_profile(p, j, flags, assets, report);
	json_destroy(j);
	if (r == 0 && report->errors > 0)
		r = -EINVAL;
	if (r < 0) {
		profile_destroy(p);
		return r;
	}
	p->fingerprint = fingerprint(p, text, len);
	*ret_profile = p;
	return 0;
}

int profile_parse(const char *text, size_t len, enum profile_flags flags,
		  struct profile **ret_profile,
		  struct config_report *ret_report)
{
	*ret_report = (struct config_report) { 0 };
	return parse(text, len, flags, NULL, ret_profile, ret_report);
}

/* CONFIG/profiles/NAME.json has its assets in CONFIG/assets. */
static char *assets_beside(const char *path)
{
	const char *file = strrchr(path, '/');
	size_t len = file ? (size_t)(file - path) : 0, up = len;
	char *assets;
	int r;

	while (up > 0 && path[up - 1] != '/')
		up--;
	/* Above "." and ".." there is no name to cut off. */
	if (up == len || path[up] == '.')
		r = asprintf(&assets, "%.*s../assets", file ? (int)len + 1 : 0,
			     path);
	else
		r = asprintf(&assets, "%.*sassets", (int)up, path);
	return r < 0 ? NULL : assets;
}

int profile_load(const char *path, enum profile_flags flags,
		 struct profile **ret_profile, struct config_report *ret_report)
{
	bool for_use = flags & PROFILE_FOR_USE;
	unsigned int demands = for_use ? FILE_OURS : FILE_ANY;
	char why[FILE_WHY_MAX];
	struct profile *p = NULL;
	uint8_t *text;
	char *assets;
	size_t len;
	int r;

	*ret_report = (struct config_report) { 0 };
	r = file_read(path, PROFILE_FILE_MAX, demands, &text, &len, why);
	if (r < 0) {
		config_report_add(ret_report, false, "%s", why);
		return r;
	}
	assets = assets_beside(path);
	r = assets ? parse((const char *)text, len, flags, assets, &p,
			   ret_report)
		   : -ENOMEM;
	free(assets);
	secret_wipe(text, len);
	free(text);
	/* A PKCS#12 with its password beside it is a private key. */
	if (r == 0 && p->pkcs12.data && !p->identity_reference &&
	    file_inspect(path, PROFILE_FILE_MAX, demands | FILE_PRIVATE, why) <
		    0) {
		config_report_add(ret_report, !for_use, "%s", why);
		r = for_use ? -EPERM : 0;
	}
	if (r < 0)
		profile_destroy(p);
	else
		*ret_profile = p;
	return r;
}

size_t profile_gateway_count(const struct profile *p)
{
	return 1 + p->more_gateway_count;
}

struct profile_gateway profile_gateway(const struct profile *p, size_t i)
{
	assert(i <= p->more_gateway_count);
	if (i > 0)
		return p->more_gateways[i - 1];
	return (struct profile_gateway) { p->host_name, (uint16_t)p->port };
}

const char *profile_server_name(const struct profile *p)
{
	return p->server_name ? p->server_name : p->host_name;
}

void profile_credentials(const struct profile *p,
			 struct credentials_source *ret_source)
{
	struct credentials_source s = {
		.certificate = (const char *)p->certificate.data,
		.certificate_len = p->certificate.len,
		.key = (const char *)p->private_key.data,
		.key_len = p->private_key.len,
		.pkcs12 = p->pkcs12.data,
		.pkcs12_len = p->pkcs12.len,
		.password = p->password,
		.ca = p->ca,
		.ca_len = p->ca ? strlen(p->ca) : 0,
		.crl = (const char *)p->crl.data,
		.crl_len = p->crl.len,
		.group_count = p->group_count,
		.cipher_count = p->cipher_count,
	};

	/* The table lets each name stand once, so they fit. */
	assert(p->group_count <= CREDENTIALS_GROUPS_MAX);
	assert(p->cipher_count <= CREDENTIALS_CIPHERS_MAX);
	for (size_t i = 0; i < p->group_count; i++)
		s.groups[i] = p->groups[i];
	for (size_t i = 0; i < p->cipher_count; i++)
		s.ciphers[i] = p->ciphers[i];
	*ret_source = s;
}
