/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/file.h"
#include "crypto/secret.h"
#include "tunnel/base/folder.h"
#include "tunnel/gateway/gateway_clients.h"
#include "tunnel/gateway/gateway_store_json.h"

enum {
	DAY_S = 24 * 3600,
	BACKDATED_S = 3600, /* for clients whose clocks are behind */
	CA_DAYS = 3652,
	GATEWAY_DAYS = 825,
	CLIENT_DAYS = 730,
};

#define JSON_SUFFIX ".json"

/* Files. */

int gateway_store_write(const char *path, const char *text,
			struct gateway_error *error)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[GATEWAY_PATH_MAX] = ".";
	int dir, rc;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s",
			 slash == path ? 1 : (int)(slash - path), path);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = dir < 0 ? -errno : folder_write(dir, name, 0600, text);
	if (dir >= 0)
		close(dir);
	if (rc)
		gateway_error_set(error, "%s: cannot be written: %s", path,
				  strerror(-rc));
	return rc;
}

int gateway_store_read(const char *dir, const char *file, char **ret_text,
		       size_t *ret_len, struct gateway_error *error)
{
	const char *dot = strrchr(file, '.');
	const bool is_key = dot && strcmp(dot, ".key") == 0;
	char path[GATEWAY_PATH_MAX], why[FILE_WHY_MAX];
	uint8_t *text;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	rc = file_read(path, GATEWAY_FILE_MAX, is_key ? FILE_PRIVATE : FILE_ANY,
		       &text, ret_len, why);
	if (rc) {
		gateway_error_set(error, "%s: %s%s", path, why,
				  rc == -ENOENT ? "; adit-gateway init makes it"
						: "");
		return rc;
	}
	*ret_text = (char *)text;
	return 0;
}

static void wipe_text(char *text)
{
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
}

/* The directory, locked against other commands; its descriptor or -errno. */
static int lock_directory(const char *dir, struct gateway_error *error)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		int rc = -errno;

		gateway_error_set(
			error, "%s: %s%s", dir, strerror(errno),
			errno == ENOENT ? "; adit-gateway init makes it" : "");
		return rc;
	}
	if (flock(fd, LOCK_EX) < 0) {
		int rc = -errno;

		gateway_error_set(error, "%s: cannot be locked: %s", dir,
				  strerror(errno));
		close(fd);
		return rc;
	}
	return fd;
}

/* init */

static int make_directory(const char *dir, struct gateway_error *error)
{
	struct dirent *entry;
	int rc = 0;
	DIR *d;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	d = rc == 0 ? opendir(dir) : NULL;
	if (rc == 0 && !d)
		rc = -errno;
	if (rc) {
		gateway_error_set(error, "%s: cannot be made: %s", dir,
				  strerror(-rc));
		return rc;
	}
	while (rc == 0 && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = -EEXIST;
	if (rc)
		gateway_error_set(error,
				  "%s: is not empty, and a gateway is made in "
				  "a directory of its own; take another",
				  dir);
	else if (fchmod(dirfd(d), 0700) < 0)
		rc = -errno;
	closedir(d);
	return rc;
}

static int issue(enum pki_use use, const struct gateway_init *init,
		 const char *name, int days, const struct pki_identity *issuer,
		 struct pki_identity *ret_identity)
{
	struct pki_request r = {
		.use = use,
		.algorithm = init->algorithm,
		.name = name,
		.not_before = init->now - BACKDATED_S,
		.not_after = init->now + (int64_t)days * DAY_S,
	};

	return pki_issue(&r, issuer, ret_identity);
}

static int write_identity(int dir, const struct pki_identity *id,
			  const char *certificate, const char *key)
{
	char pem[PKI_PEM_MAX];
	int rc;

	rc = pki_certificate_pem(id, pem);
	if (rc == 0)
		rc = folder_write(dir, certificate, 0644, pem);
	if (rc == 0)
		rc = pki_key_pem(id, pem);
	if (rc == 0)
		rc = folder_write(dir, key, 0600, pem);
	secret_wipe(pem, sizeof(pem));
	return rc;
}

static int write_certificates(int dir, const struct gateway_init *init)
{
	struct pki_identity ca = { 0 }, gateway = { 0 };
	char ca_name[PKI_COMMON_NAME_MAX + 1];
	int rc;

	snprintf(ca_name, sizeof(ca_name), "adit CA of %.50s",
		 init->config->name);
	rc = issue(PKI_CA, init, ca_name, CA_DAYS, NULL, &ca);
	if (rc == 0)
		rc = issue(PKI_GATEWAY, init, init->config->name, GATEWAY_DAYS,
			   &ca, &gateway);
	if (rc == 0)
		rc = write_identity(dir, &ca, "ca.pem", "ca.key");
	if (rc == 0)
		rc = write_identity(dir, &gateway, "gateway.pem",
				    "gateway.key");
	pki_wipe(&ca);
	pki_wipe(&gateway);
	return rc;
}

int gateway_store_init(const char *dir, const struct gateway_init *init,
		       struct gateway_error *error)
{
	char *text = NULL;
	int fd, rc;

	rc = make_directory(dir, error);
	if (rc)
		return rc;
	fd = lock_directory(dir, error);
	if (fd < 0)
		return fd;
	rc = write_certificates(fd, init);
	if (rc == 0 && mkdirat(fd, "clients", 0700) < 0)
		rc = -errno;
	if (rc == 0)
		text = gateway_config_print(init->config);
	/* The configuration comes last: without it there is no gateway. */
	if (rc == 0)
		rc = text ? folder_write(fd, "gateway.json", 0644, text)
			  : -ENOMEM;
	if (rc)
		gateway_error_set(error, "%s: the gateway cannot be made: %s",
				  dir, strerror(-rc));
	free(text);
	close(fd);
	return rc;
}

/* Reading. */

int gateway_store_config(const char *dir, struct gateway_config *ret_config,
			 struct gateway_error *error)
{
	char path[GATEWAY_PATH_MAX], *text;
	size_t len;
	int rc;

	rc = gateway_store_read(dir, "gateway.json", &text, &len, error);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/gateway.json", dir);
	rc = gateway_config_parse(text, len, path, ret_config, error);
	free(text);
	return rc;
}

/* add, revoke */

static int write_client(int dir, const struct gateway_client *c)
{
	char file[NAME_MAX + 1], *text = gateway_client_print(c);
	int clients, rc;

	if (!text)
		return -ENOMEM;
	clients = openat(dir, "clients", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(file, sizeof(file), "%s" JSON_SUFFIX, c->name);
	rc = clients < 0 ? -errno : folder_write(clients, file, 0600, text);
	if (clients >= 0)
		close(clients);
	free(text);
	return rc;
}

/* The slot of a client: the one it had before, unless somebody else has it
 * now; else the first that nobody ever had; else, when each was given once, one
 * of a revoked client. 0: none. */
static uint32_t choose_slot(const struct gateway_pool *pool,
			    const struct gateway_clients *c,
			    const struct gateway_client *before)
{
	uint8_t held[GATEWAY_POOL_SLOTS_MAX] = { 0 }; /* 1 revoked, 2 living */
	uint32_t revoked = 0;

	for (size_t i = 0; i < c->count; i++)
		held[c->client[i].slot] |= c->client[i].revoked ? 1 : 2;
	if (before && gateway_pool_has(pool, before->slot) &&
	    held[before->slot] == 1)
		return before->slot;
	for (uint32_t s = GATEWAY_POOL_SLOT_FIRST; s < pool->slots; s++) {
		if (held[s] == 0)
			return s;
		if (held[s] == 1 && !revoked)
			revoked = s;
	}
	return revoked;
}

/* Who the client will be: a name that was revoked may come again. */
static int choose_client(const char *dir, const char *name,
			 const struct gateway_pool *pool,
			 struct gateway_client *ret_client,
			 struct gateway_error *error)
{
	struct gateway_clients clients = { 0 };
	const struct gateway_client *before;
	struct gateway_client c = { 0 };
	int rc;

	rc = gateway_clients_load(&clients, dir, error);
	if (rc)
		return rc;
	before = gateway_clients_by_name(&clients, name);
	if (error->text[0]) {
		/* Its slot is not known, and could be given twice. */
		rc = -EINVAL;
	} else if (before && !before->revoked) {
		gateway_error_set(error,
				  "%s: %s has a certificate already; revoke "
				  "it first, or take another name",
				  dir, name);
		rc = -EEXIST;
	} else {
		strcpy(c.name, name);
		c.slot = choose_slot(pool, &clients, before);
		if (c.slot == 0) {
			gateway_error_set(error,
					  "%s: no address is free in the "
					  "pool; revoke a client",
					  dir);
			rc = -ENOSPC;
		}
	}
	if (rc == 0)
		*ret_client = c;
	gateway_clients_fini(&clients);
	return rc;
}

static int read_ca(const char *dir, struct pki_identity *ret_ca, char **ret_pem,
		   struct gateway_error *error)
{
	char *pem = NULL, *key = NULL;
	size_t len;
	int rc;

	rc = gateway_store_read(dir, "ca.pem", &pem, &len, error);
	if (rc == 0)
		rc = gateway_store_read(dir, "ca.key", &key, &len, error);
	if (rc == 0) {
		rc = pki_parse(pem, key, ret_ca);
		if (rc)
			gateway_error_set(
				error,
				rc == -EKEYREJECTED
					? "%s: ca.key is not the key of "
					  "ca.pem; "
					  "restore them from a backup"
					: "%s: ca.pem or ca.key cannot be "
					  "read; "
					  "restore them from a backup",
				dir);
	}
	wipe_text(key);
	if (rc)
		free(pem);
	else
		*ret_pem = pem;
	return rc;
}

/* Makes the client's certificate, fills in what is known by it, and prints the
 * profile. */
static int make_profile(const struct gateway_config *config,
			const struct pki_identity *ca, const char *ca_pem,
			int64_t now, struct gateway_client *client,
			char **ret_profile)
{
	struct pki_request r = {
		.use = PKI_CLIENT,
		.algorithm = PKI_ECDSA_P256,
		.name = client->name,
		.not_before = now - BACKDATED_S,
		.not_after = now + (int64_t)CLIENT_DAYS * DAY_S,
	};
	char pkcs12[PKI_PKCS12_MAX], password[PKI_PASSWORD_LEN + 1];
	struct pki_identity id = { 0 };
	int rc;

	client->added = now;
	client->expires = r.not_after;
	rc = pki_issue(&r, ca, &id);
	if (rc == 0)
		rc = pki_fingerprint(&id, client->fingerprint);
	for (size_t i = 0; i < PKI_SERIAL_LEN; i++)
		sprintf(client->serial + 2 * i, "%02x", id.serial[i]);
	if (rc == 0)
		rc = pki_password(password);
	if (rc == 0)
		rc = pki_pkcs12(&id, password, pkcs12);
	if (rc == 0) {
		*ret_profile = gateway_profile_print(config, client, ca_pem,
						     pkcs12, password);
		rc = *ret_profile ? 0 : -ENOMEM;
	}
	pki_wipe(&id);
	secret_wipe(password, sizeof(password));
	return rc;
}

/* With the lock held. */
static int add_locked(int fd, const char *dir,
		      const struct gateway_config *config, const char *name,
		      int64_t now, char **ret_profile,
		      struct gateway_error *error)
{
	struct gateway_client client;
	struct pki_identity ca = { 0 };
	char *ca_pem = NULL, *profile = NULL;
	int rc;

	rc = choose_client(dir, name, &config->pool, &client, error);
	if (rc)
		return rc;
	rc = read_ca(dir, &ca, &ca_pem, error);
	if (rc)
		return rc;
	rc = make_profile(config, &ca, ca_pem, now, &client, &profile);
	if (rc == 0)
		rc = write_client(fd, &client);
	if (rc) {
		gateway_error_set(error, "%s: %s cannot be added: %s", dir,
				  name, strerror(-rc));
		wipe_text(profile);
	} else {
		*ret_profile = profile;
	}
	pki_wipe(&ca);
	free(ca_pem);
	return rc;
}

int gateway_store_add(const char *dir, const char *name, int64_t now,
		      char **ret_profile, struct gateway_error *error)
{
	struct gateway_config config;
	int fd, rc;

	if (!gateway_client_name_valid(name)) {
		gateway_error_set(error,
				  "\"%s\" is no client's name: take up to %d "
				  "letters, digits, dots, _ and -",
				  name, GATEWAY_CLIENT_NAME_MAX);
		return -EINVAL;
	}
	rc = gateway_store_config(dir, &config, error);
	if (rc)
		return rc;
	fd = lock_directory(dir, error);
	rc = fd < 0 ? fd
		    : add_locked(fd, dir, &config, name, now, ret_profile,
				 error);
	if (fd >= 0)
		close(fd);
	gateway_config_fini(&config);
	return rc;
}

int gateway_store_revoke(const char *dir, const char *name, int64_t now,
			 struct gateway_error *error)
{
	struct gateway_clients clients = { 0 };
	struct gateway_client *client;
	int fd, rc;

	fd = lock_directory(dir, error);
	if (fd < 0)
		return fd;
	rc = gateway_clients_load(&clients, dir, error);
	client = rc == 0 ? gateway_clients_by_name(&clients, name) : NULL;
	if (rc == 0 && !client && !error->text[0]) {
		gateway_error_set(error,
				  "%s: there is no client \"%s\"; adit-gateway "
				  "list names them",
				  dir, name);
		rc = -ENOENT;
	} else if (rc == 0 && !client) {
		rc = -EINVAL; /* its file may be the one that is bad */
	} else if (rc == 0 && client->revoked) {
		gateway_error_set(error, "%s: %s is revoked already", dir,
				  name);
		rc = -EALREADY;
	} else if (rc == 0) {
		client->revoked = now;
		rc = write_client(fd, client);
		if (rc)
			gateway_error_set(error, "%s: %s cannot be revoked: %s",
					  dir, name, strerror(-rc));
	}
	gateway_clients_fini(&clients);
	close(fd);
	return rc;
}
