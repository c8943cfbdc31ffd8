/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tunnel/base/clock.h"

/* The ends of two pipes: what the program reads, what it writes. */
struct pipes {
	int in[2];
	int out[2];
};

static const char *const folders[] = { "/usr/local/sbin", "/usr/sbin", "/sbin",
				       "/usr/bin", "/bin" };

const char *program_find(const char *name, char *buf, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int n = snprintf(buf, size, "%s/%s", folders[i], name);

		if (n > 0 && (size_t)n < size && access(buf, X_OK) == 0)
			return buf;
	}
	return NULL;
}

static void pipes_close(struct pipes *p)
{
	int *ends[] = { &p->in[0], &p->in[1], &p->out[0], &p->out[1] };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (*ends[i] >= 0)
			close(*ends[i]);
		*ends[i] = -1;
	}
}

/* The input is in the pipe before there is a reader: it fits, so it does not
 * block, and nobody can hang up on us. */
static int pipes_open(struct pipes *p, const char *input)
{
	size_t len = input ? strlen(input) : 0;

	*p = (struct pipes) { { -1, -1 }, { -1, -1 } };
	if (len > PROGRAM_INPUT_MAX)
		return -E2BIG;
	if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0 ||
	    fcntl(p->out[0], F_SETFL, O_NONBLOCK) < 0 ||
	    (len && write(p->in[1], input, len) != (ssize_t)len)) {
		int error = errno;

		pipes_close(p);
		return -error;
	}
	close(p->in[1]);
	p->in[1] = -1;
	return 0;
}

static int start(const char *const *argv, const struct pipes *p, pid_t *ret_pid)
{
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C", NULL
	};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, p->in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, p->out[1], STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	r = -posix_spawn(ret_pid, argv[0], &actions, &attr,
			 (char *const *)(uintptr_t)argv,
			 (char *const *)(uintptr_t)env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* Reads what is there. False: nothing more will come. */
static bool drain(int fd, char *output, size_t size, size_t *len)
{
	char buf[512];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		size_t take = size - 1 - *len;

		take = (size_t)n < take ? (size_t)n : take;
		memcpy(output + *len, buf, take);
		*len += take;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Until the process ends, not until its output does: what it left behind in
 * the background may hold the pipe open for ever. */
static int attend(int process, int out, char *output, size_t size,
		  uint64_t until_ns)
{
	struct pollfd fds[] = { { .fd = process, .events = POLLIN },
				{ .fd = out, .events = POLLIN } };
	size_t len = 0;
	int r = 0;

	while (r == 0 && !fds[0].revents) {
		uint64_t now = clock_now_ns();
		int left = now < until_ns
				   ? (int)((until_ns - now) / NS_PER_MS) + 1
				   : 0;

		if (poll(fds, ARRAY_SIZE(fds), left) < 0 && errno != EINTR)
			r = -errno;
		else if (left == 0)
			r = -ETIMEDOUT;
		if (fds[1].fd >= 0 && !drain(out, output, size, &len))
			fds[1].fd = -1;
	}
	output[len] = '\0';
	return r;
}

int program_run(const char *const *argv, const char *input, char *output,
		size_t size, unsigned int patience_ms)
{
	uint64_t until_ns = clock_now_ns() + (uint64_t)patience_ms * NS_PER_MS;
	int process, status = 0, r;
	struct pipes p;
	pid_t pid;

	r = pipes_open(&p, input);
	if (r < 0)
		return r;
	r = start(argv, &p, &pid);
	if (r < 0) {
		pipes_close(&p);
		return r;
	}
	close(p.out[1]);
	p.out[1] = -1;
	process = (int)syscall(SYS_pidfd_open, pid, 0);
	r = process < 0 ? -errno
			: attend(process, p.out[0], output, size, until_ns);
	if (r < 0)
		(void)kill(-pid, SIGKILL); /* gone already is as good */
	if (process >= 0)
		close(process);
	pipes_close(&p);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}
