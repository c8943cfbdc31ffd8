/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/nft.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OUTPUT_MAX = 1 << 20,
	WORDS_MAX = 8,
};

static const char missing[] =
	"the program nft is missing: install it (Debian's package nftables)";

/* What a program reads and writes are files in memory: nobody waits for the
 * other, whatever the length. */
static int open_memory(const char *content)
{
	int fd = memfd_create("adit-nft", MFD_CLOEXEC);
	size_t len = strlen(content);

	if (fd < 0)
		return -errno;
	if (write(fd, content, len) != (ssize_t)len ||
	    lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* With a final zero; NULL: it is too long, or there is no memory. */
static char *read_memory(int fd)
{
	struct stat st;
	char *text;

	if (fstat(fd, &st) < 0 || st.st_size > OUTPUT_MAX)
		return NULL;
	text = calloc(1, (size_t)st.st_size + 1);
	if (text && pread(fd, text, (size_t)st.st_size, 0) != st.st_size) {
		free(text);
		return NULL;
	}
	return text;
}

/* Its exit code, or -errno. */
static int run(char *const argv[], int in, int out)
{
	posix_spawn_file_actions_t actions;
	int r, status = 0;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	r = -posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* Its exit code and what it printed (to be freed), or -errno. */
static int run_nft(char *const argv[], const char *input, char **ret_output)
{
	int in = open_memory(input), out = in < 0 ? in : open_memory("");
	char *output = NULL;
	int r = out < 0 ? out : run(argv, in, out);

	if (r >= 0) {
		output = read_memory(out);
		r = output ? r : -ENOMEM;
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (r >= 0)
		*ret_output = output;
	return r;
}

int nft_run(const char *script, char ret_why[static NFT_WHY_MAX])
{
	char *argv[] = { (char *)"nft", (char *)"-f", (char *)"-", NULL };
	char *output = NULL;
	int r = run_nft(argv, script, &output);

	if (r == 0)
		ret_why[0] = '\0';
	else if (r < 0)
		snprintf(ret_why, NFT_WHY_MAX, "%s",
			 r == -ENOENT ? missing : strerror(-r));
	else /* the rest shows where in the script */
		snprintf(ret_why, NFT_WHY_MAX, "nft says: %.*s",
			 (int)strcspn(output, "\n"), output);
	free(output);
	return r > 0 ? -EIO : r;
}

char *nft_list(const char *table)
{
	char *argv[WORDS_MAX] = { (char *)"nft", (char *)"-s", (char *)"list",
				  (char *)"table" };
	char *words = strdup(table), *at = NULL, *output = NULL;
	size_t n = 4;
	int r;

	if (!words)
		return NULL;
	for (char *w = strtok_r(words, " ", &at); w && n + 1 < WORDS_MAX;
	     w = strtok_r(NULL, " ", &at))
		argv[n++] = w;
	r = run_nft(argv, "", &output);
	free(words);
	if (r > 0) /* what it printed is why not */
		output[0] = '\0';
	return output;
}
