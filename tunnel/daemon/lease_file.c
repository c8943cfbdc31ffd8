/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line for the profile's fingerprint, and one for each body of a LEASE
 * message (PROTOCOL.md), all in hexadecimal.
 */
#include "tunnel/daemon/lease_file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/file.h"
#include "crypto/lease.h"
#include "tunnel/base/folder.h"

#define NAME "lease"

enum {
	/* Hexadecimal digits, and a line's end, of each part. */
	TEXT_MAX = LEASE_PARTS_MAX * (2 * LEASE_BODY_MAX + 1) + 32,
};

static char *build(uint64_t fingerprint, const struct lease *l)
{
	uint8_t body[LEASE_BODY_MAX];
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	int parts = lease_part_count(l);
	bool failed;

	if (to == NULL)
		return NULL;
	fprintf(to, "%016" PRIx64 "\n", fingerprint);
	for (int i = 0; i < parts; i++) {
		size_t len = lease_build_part(l, (unsigned int)i, 0, body);

		for (size_t k = 0; k < len; k++)
			fprintf(to, "%02x", body[k]);
		fputc('\n', to);
	}
	failed = ferror(to);
	if (fclose(to) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}

int lease_file_save(const char *state_dir, uint64_t fingerprint,
		    const struct lease *l)
{
	char *text = build(fingerprint, l);
	int dir = text ? folder_open(state_dir) : -ENOMEM;
	int r = dir < 0 ? dir : folder_write(dir, NAME, 0600, text);

	if (dir >= 0)
		close(dir);
	free(text);
	return r;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* -1: it is no line of whole bytes, or too long a one. */
static int parse_line(const char *line, uint8_t body[static LEASE_BODY_MAX])
{
	size_t digits = strlen(line);

	if (digits % 2 != 0 || digits / 2 > LEASE_BODY_MAX)
		return -1;
	for (size_t i = 0; i < digits / 2; i++) {
		int high = digit(line[2 * i]), low = digit(line[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		body[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(digits / 2);
}

/* Cuts the text to pieces. */
static int parse(char *text, uint64_t fingerprint, struct lease *ret_lease)
{
	struct lease_collector c = { 0 };
	uint8_t body[LEASE_BODY_MAX], flags;
	char *line = strsep(&text, "\n"), wanted[17];
	const char *why;
	int len, r = 0;

	snprintf(wanted, sizeof(wanted), "%016" PRIx64, fingerprint);
	if (strcmp(line, wanted) != 0)
		return -ENOENT;
	while (r == 0 && (line = strsep(&text, "\n")) != NULL && *line) {
		len = parse_line(line, body);
		r = len < 0 ? -EBADMSG
			    : lease_collect(&c, body, (size_t)len, &flags);
	}
	if (r >= 0)
		r = lease_collector_whole(&c) ? lease_parse(&c, ret_lease, &why)
					      : -EBADMSG;
	lease_collector_fini(&c);
	return r;
}

int lease_file_load(const char *state_dir, uint64_t fingerprint,
		    struct lease *ret_lease)
{
	char path[PATH_MAX], why[FILE_WHY_MAX];
	uint8_t *text;
	size_t len;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/" NAME, state_dir) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	r = file_read(path, TEXT_MAX, FILE_OURS, &text, &len, why);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	r = parse((char *)text, fingerprint, ret_lease);
	free(text);
	return r;
}
