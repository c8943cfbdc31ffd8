/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An undo journal as some process left it: what was taken from it is written
 * as a line that means the same. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/base/attr.h"
#include "tunnel/host/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct entry *r)
{
	char text[64], *line = entry_format(r);
	struct entry again;

	assert(entry_parse(line, strlen(line) - 1, &again) == 0);
	assert(entry_same(r, &again));
	(void)entry_text(r, text, sizeof(text));
	entry_fini(&again);
	free(line);
}

static void leave(const char *dir)
{
	static const char *const names[] = { "undo.journal", "undo.journal.bad",
					     "lock" };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	assert(rmdir(dir) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[] = "/tmp/adit-fuzz-XXXXXX", path[64];
	struct journal *j;
	pid_t other;
	int fd;

	assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/undo.journal", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert(write(fd, data, size) == (ssize_t)size && close(fd) == 0);
	if (journal_open(dir, "boot", &j, &other) == 0) {
		for (size_t i = 0; i < journal_count(j); i++)
			check_entry(journal_at(j, i));
		journal_close(j);
	}
	leave(dir);
	return 0;
}
