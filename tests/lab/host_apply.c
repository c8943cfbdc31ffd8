/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells the network namespace it runs in what a client with a canned lease
 * tells its host, for tests/netns/host_undo.sh:
 *
 *   host_apply STATE_DIR [full|split|ipv4] [OPTION]...
 *     fault=N made=N     kill -9 itself at step N, before or after it is made
 *     file=PATH place=PATH   also writes these files, by rename or in place
 *     forward            also sets ip_forward
 *     persist            the device outlives the process
 *     routes=N           N more routes
 *     hold               wait for lines on standard input: "verify" repairs,
 *                        "plan" plans again; undo at its end
 *     undo               only undo
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include "tunnel/base/clock.h"
#include "tunnel/host/apply.h"

struct options {
	const char *lease;
	const char *files[3];
	bool place[2];
	size_t file_count;
	unsigned int routes;
	bool forward, persist, hold, undo;
};

static void say(void *arg ATTR_UNUSED, const char *sentence)
{
	fprintf(stderr, "%s\n", sentence);
}

static void add(struct lease_prefixes *list, const char *text)
{
	struct ip_prefix p;

	list->prefix = reallocarray(list->prefix, list->count + 1, sizeof(p));
	if (!list->prefix || prefix_parse(text, &p) < 0)
		abort();
	list->prefix[list->count++] = p;
}

static void fill_lease(struct lease *l, const struct options *o)
{
	(void)prefix_parse("10.77.0.2/16", &l->address4);
	if (strcmp(o->lease, "ipv4") != 0)
		(void)prefix_parse("fd77::2/64", &l->address6);
	if (strcmp(o->lease, "split") == 0) {
		add(&l->routes, "10.0.0.0/8");
		add(&l->routes, "192.0.0.0/8");
		add(&l->routes, "fd00:77::/32");
	} else {
		add(&l->routes, "0.0.0.0/0");
	}
	if (strcmp(o->lease, "full") == 0)
		add(&l->routes, "::/0");
	add(&l->excluded, "203.0.113.0/24");
	for (unsigned int i = 0; i < o->routes; i++) {
		char text[32];

		snprintf(text, sizeof(text), "11.%u.%u.0/24", i / 256 % 256,
			 i % 256);
		add(&l->routes, text);
	}
}

static int plan(struct host *h, const struct options *o, uint32_t ifindex,
		struct host_state *ret)
{
	struct lease l = { 0 };
	struct plan_input in = { .device = "adit0",
				 .ifindex = ifindex,
				 .mtu = 1400,
				 .lease = &l,
				 .ipv6 = host_ipv6("adit0") };
	struct rtnl_route *routes;
	int r = host_routes(h, &routes, &in.host_route_count);

	if (r)
		return r;
	in.host_routes = routes;
	fill_lease(&l, o);
	r = plan_client(&in, ret);
	free(routes);
	free(l.routes.prefix);
	free(l.excluded.prefix);
	for (size_t i = 0; r == 0 && i < o->file_count; i++)
		r = host_state_add_file(ret, o->files[i], "ours\n", 5, 0644,
					o->place[i]);
	if (r == 0 && o->forward)
		r = host_state_add_proc(ret, "/proc/sys/net/ipv4/ip_forward",
					"1");
	return r;
}

static int open_tun(bool persist, uint32_t *ret_ifindex)
{
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(req.ifr_name, "adit0");
	if (fd < 0 || s < 0 || ioctl(fd, TUNSETIFF, &req) < 0 ||
	    (persist && ioctl(fd, TUNSETPERSIST, 1) < 0) ||
	    ioctl(s, SIOCGIFINDEX, &req) < 0)
		return -errno;
	close(s);
	*ret_ifindex = (uint32_t)req.ifr_ifindex;
	return fd;
}

static int apply(struct host *h, const struct options *o, uint32_t ifindex,
		 struct host_state *want)
{
	uint64_t began = clock_now_ns();
	int r;

	host_state_fini(want);
	r = plan(h, o, ifindex, want);
	if (r == 0)
		r = host_apply(h, want);
	if (r)
		fprintf(stderr, "apply: %s (%s)\n", strerror(-r),
			host_error(h));
	else
		printf("steps %u routes %zu ms %.1f\n", host_steps(h),
		       want->route_count,
		       (double)(clock_now_ns() - began) / NS_PER_MS);
	fflush(stdout);
	return r;
}

static int hold(struct host *h, const struct options *o, uint32_t ifindex,
		struct host_state *want)
{
	char line[32];
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "plan\n") == 0) {
			r = apply(h, o, ifindex, want);
			continue;
		}
		r = host_verify(h, want);
		if (r < 0)
			fprintf(stderr, "verify: %s\n", host_error(h));
		else
			printf("repaired %d\n", r);
		fflush(stdout);
		r = r < 0 ? r : 0;
	}
	return r;
}

static int run(struct host *h, const struct options *o)
{
	struct host_state want = { 0 };
	uint32_t ifindex = 0;
	int fd, r = host_link_expected(h);

	if (r) {
		fprintf(stderr, "%s\n", host_error(h));
		return r;
	}
	fd = open_tun(o->persist, &ifindex);
	if (fd < 0)
		return fd;
	r = host_link_made(h, ifindex);
	if (r == 0)
		r = apply(h, o, ifindex, &want);
	if (r == 0 && o->hold)
		r = hold(h, o, ifindex, &want);
	if (host_undo(h) != 0)
		r = -EIO;
	host_state_fini(&want);
	close(fd);
	return r;
}

static void read_option(const char *arg, struct options *o,
			struct host_config *config)
{
	if (strncmp(arg, "fault=", 6) == 0) {
		config->fault = HOST_FAULT_RECORDED;
		config->fault_step = (unsigned int)atoi(arg + 6);
	} else if (strncmp(arg, "made=", 5) == 0) {
		config->fault = HOST_FAULT_MADE;
		config->fault_step = (unsigned int)atoi(arg + 5);
	} else if (strncmp(arg, "routes=", 7) == 0) {
		o->routes = (unsigned int)atoi(arg + 7);
	} else if (strncmp(arg, "file=", 5) == 0 && o->file_count < 2) {
		o->files[o->file_count++] = arg + 5;
	} else if (strncmp(arg, "place=", 6) == 0 && o->file_count < 2) {
		o->place[o->file_count] = true;
		o->files[o->file_count++] = arg + 6;
	} else if (strcmp(arg, "forward") == 0) {
		o->forward = true;
	} else if (strcmp(arg, "persist") == 0) {
		o->persist = true;
	} else if (strcmp(arg, "hold") == 0) {
		o->hold = true;
	} else if (strcmp(arg, "undo") == 0) {
		o->undo = true;
	} else {
		o->lease = arg;
	}
}

int main(int argc, char **argv)
{
	struct options o = { .lease = "full" };
	struct host_config config = { .device = "adit0",
				      .files = o.files,
				      .nft_table = "inet adit",
				      .notice = say };
	struct host *h;
	pid_t other = 0;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: host_apply STATE_DIR [OPTION]...\n");
		return 2;
	}
	config.state_dir = argv[1];
	for (int i = 2; i < argc; i++)
		read_option(argv[i], &o, &config);
	r = host_open(&config, &h, &other);
	if (r == -EBUSY)
		fprintf(stderr, "process %d has the state directory\n",
			(int)other);
	if (r)
		return 1;
	r = o.undo ? 0 : run(h, &o);
	host_close(h);
	return r ? 1 : 0;
}
