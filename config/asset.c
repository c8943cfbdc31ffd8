/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/asset.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"
#include "config/json.h"
#include "config/profile_read.h"
#include "crypto/digest.h"
#include "crypto/secret.h"
#include "tunnel/base/folder.h"

/* One file, read and parsed; its findings are told with its path. */
struct document {
	char path[PATH_MAX];
	uint8_t *text;
	size_t len;
	struct json *json;
};

static void document_fini(struct document *d)
{
	json_destroy(d->json);
	if (d->text)
		secret_wipe(d->text, d->len);
	free(d->text);
	*d = (struct document) { 0 };
}

/* "FILE:LINE:COL: /pointer: text", as if `adit profile check FILE` had said
 * it. */
static void tell(const struct document *d, const struct config_report *found,
		 struct config_report *report)
{
	char line[CONFIG_LINE_MAX + PATH_MAX];

	for (size_t i = 0; i < found->count; i++)
		config_report_add(report, found->items[i].warning, "%s",
				  config_error_text(&found->items[i], d->path,
						    line, sizeof(line)));
}

/* 0, or -errno with a finding. The path is set. */
static int document_read(struct document *d, unsigned int demands,
			 struct config_report *report)
{
	struct config_report found = { 0 };
	char why[FILE_WHY_MAX];
	int r = file_read(d->path, PROFILE_FILE_MAX, demands, &d->text, &d->len,
			  why);

	if (r < 0)
		config_report_add(&found, false, "%s", why);
	else
		r = json_parse((const char *)d->text, d->len, &d->json, &found);
	tell(d, &found, report);
	return r;
}

static int read_part(struct profile *p, const struct document *d,
		     enum profile_form form, struct config_report *report)
{
	struct config_report found = { 0 };
	int r = profile_read_part(p, d->json, form, &found);

	tell(d, &found, report);
	return r == 0 && found.errors > 0 ? -EINVAL : r;
}

static bool bears(const struct document *d, const char *identifier)
{
	const struct json_node *n = json_find(d->json, "/Identifier");

	return n && n->type == JSON_STRING && strcmp(n->text, identifier) == 0;
}

static int filter_json(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 &&
	       strcmp(d->d_name + len - 5, ".json") == 0;
}

/* A check may be made of another user's. */
static int judge_folder(const char *folder, unsigned int demands)
{
	int fd = demands & FILE_OURS ? folder_open(folder) : -1;

	if (fd >= 0)
		close(fd);
	return demands & FILE_OURS && fd < 0 ? fd : 0;
}

/* The declaration with this identifier, first by file name. What is wrong with
 * other files is told only if there is none: it may be one of them. */
static int find_declaration(const char *folder, const char *identifier,
			    unsigned int demands, struct document *ret,
			    struct config_report *report)
{
	struct config_report others = { 0 };
	struct dirent **files = NULL;
	int r = judge_folder(folder, demands), n = 0;

	if (r == 0) {
		n = scandir(folder, &files, filter_json, alphasort);
		r = n < 0 ? -errno : 0;
	}
	if (r < 0 && r != -ENOENT) {
		config_report_add(report, false, "%.120s: %s", folder,
				  folder_error_text(r));
		return r;
	}
	r = -ENOENT;
	for (int i = 0; i < n; i++) {
		if (r == -ENOENT &&
		    (size_t)snprintf(ret->path, sizeof(ret->path), "%s/%s",
				     folder,
				     files[i]->d_name) < sizeof(ret->path) &&
		    document_read(ret, demands, &others) == 0 &&
		    bears(ret, identifier))
			r = 0;
		else if (r < 0)
			document_fini(ret);
		free(files[i]);
	}
	free(files);
	if (r == 0)
		return 0;
	config_report_add(report, false,
			  "no asset declaration in %.120s has this identifier",
			  folder);
	for (size_t i = 0; i < others.count; i++)
		config_report_add(report, false, "%s", others.items[i].text);
	return r;
}

/* Is the data what the declaration says? */
static int compare(const struct profile_asset *a, const struct document *data,
		   struct config_report *report)
{
	uint8_t digest[DIGEST_LEN];

	if (a->size > 0 && a->size != data->len) {
		config_report_add(report, false,
				  "%.120s: has %zu bytes, and Size says %u",
				  data->path, data->len, a->size);
		return -EINVAL;
	}
	if (a->has_digest &&
	    (digest_sha256(data->text, data->len, digest) < 0 ||
	     memcmp(digest, a->digest, sizeof(digest)) != 0)) {
		config_report_add(report, false,
				  "%.120s: is not what Hash-SHA-256 says",
				  data->path);
		return -EINVAL;
	}
	return 0;
}

static int read_data(struct profile *p, unsigned int demands,
		     struct config_report *report)
{
	struct document data = { 0 };
	int r;

	snprintf(data.path, sizeof(data.path), "%s", p->asset.file);
	r = document_read(&data, demands | FILE_PRIVATE, report);
	if (r == 0)
		r = compare(&p->asset, &data, report);
	if (r == 0)
		r = read_part(p, &data, PROFILE_FORM_CREDENTIAL, report);
	document_fini(&data);
	return r;
}

int asset_load(struct profile *p, const char *folder, unsigned int demands,
	       struct config_report *ret_report)
{
	struct document declaration = { 0 };
	int r;

	*ret_report = (struct config_report) { 0 };
	r = find_declaration(folder, p->identity_reference, demands,
			     &declaration, ret_report);
	if (r == 0)
		r = read_part(p, &declaration, PROFILE_FORM_ASSET, ret_report);
	document_fini(&declaration);
	return r < 0 ? r : read_data(p, demands, ret_report);
}
