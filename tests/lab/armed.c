/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) armed PROFILE STATE_DIR DEVICE
 *
 * The resolver of a daemon that the profile's first rule has armed, without
 * session or tunnel: the DNS servers inside are asked over DEVICE. A trigger
 * makes it wait; SIGUSR1: the tunnel is up; SIGUSR2: another network, armed.
 * Says on its output what happens; SIGTERM puts the host back and ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "config/profile.h"
#include "tunnel/daemon/split_dns.h"
#include "tunnel/host/apply.h"
#include "tunnel/host/dns_owner.h"

struct armed {
	uv_loop_t loop;
	uv_signal_t signals[3];
	char resolv_conf[DNS_OWNER_TEXT_MAX];
	const char *files[2];
	struct host_config config;
	struct host *host;
	struct profile *profile;
	struct split_dns *names;
	struct split_dns_input input;
	bool settled;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "armed: %s: %s\n", what, strerror(-error));
	exit(1);
}

static void enter(struct armed *a, enum dns_mode mode, bool hold)
{
	static const char *const modes[] = { "off", "armed", "waiting", "up" };

	a->input.mode = mode;
	a->input.hold = hold;
	split_dns_update(a->names, &a->input);
	printf("%s on network %d\n", modes[mode], (int)a->input.generation);
}

static void on_changed(void *arg)
{
	struct armed *a = arg;

	split_dns_update(a->names, &a->input);
	if (split_dns_settled(a->names) && !a->settled)
		puts("settled");
	a->settled = split_dns_settled(a->names);
}

static void on_trigger(void *arg, const char *name, const char *because)
{
	printf("triggered by %s: %s\n", name, because);
	enter(arg, DNS_MODE_WAITING, true);
}

static void on_need_probe(void *arg, uint64_t generation, const char *url)
{
	(void)arg;
	printf("probe %s on network %d\n", url, (int)generation);
}

static void on_signal(uv_signal_t *s, int number)
{
	struct armed *a = s->data;

	if (number == SIGUSR1) {
		enter(a, DNS_MODE_UP, false);
	} else if (number == SIGUSR2) {
		a->input.generation++;
		enter(a, DNS_MODE_ARMED, false);
	} else {
		split_dns_end(a->names);
		for (size_t i = 0; i < ARRAY_SIZE(a->signals); i++)
			uv_close((uv_handle_t *)&a->signals[i], NULL);
	}
}

static void open_host(struct armed *a, const char *state, const char *device)
{
	pid_t other;
	int r;

	if (dns_owner_path(a->resolv_conf, sizeof(a->resolv_conf)) == 0)
		a->files[0] = a->resolv_conf;
	a->config = (struct host_config) {
		.files = a->files,
		.state_dir = state,
		.device = device,
	};
	r = host_open(&a->config, &a->host, &other);
	if (r < 0)
		die(state, r);
}

int main(int argc, char **argv)
{
	static const int numbers[] = { SIGUSR1, SIGUSR2, SIGTERM };
	static struct armed a;
	struct config_report report;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 4)
		die("usage", -EINVAL);
	if (profile_load(argv[1], PROFILE_FOR_CHECK, &a.profile, &report) < 0)
		die(report.items[0].text, -EINVAL);
	if (uv_loop_init(&a.loop) < 0)
		die("loop", -ENOMEM);
	open_host(&a, argv[2], argv[3]);
	a.names = split_dns_create(&(struct split_dns_options) {
		.loop = &a.loop,
		.host = a.host,
		.device = argv[3],
		.changed = on_changed,
		.trigger = on_trigger,
		.need_probe = on_need_probe,
		.arg = &a,
	});
	if (a.names == NULL)
		die("split DNS", -ENOMEM);
	a.input = (struct split_dns_input) {
		.profile = a.profile,
		.rule = &a.profile->rules[0],
		.generation = 1,
		.reason = "the gateway does not answer",
	};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		(void)uv_signal_init(&a.loop, &a.signals[i]);
		a.signals[i].data = &a;
		(void)uv_signal_start(&a.signals[i], on_signal, numbers[i]);
	}
	enter(&a, DNS_MODE_ARMED, false);
	uv_run(&a.loop, UV_RUN_DEFAULT);
	host_close(a.host);
	profile_destroy(a.profile);
	return uv_loop_close(&a.loop) == 0 ? 0 : 1;
}
