/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells the network namespace it runs in what a client with a canned lease
 * tells its host, for tests/netns/host_undo.sh:
 *
 *   host_apply STATE_DIR [full|split|ipv4|gateway] [OPTION]...
 *     fault=N made=N     kill -9 itself at step N, before or after it is made
 *     file=PATH place=PATH   also writes these files, by rename or in place
 *     forward            also sets ip_forward
 *     nft                also makes a table of nftables
 *     persist            the device outlives the process
 *     routes=N           N more routes
 *     hold               wait for lines on standard input: "verify" repairs,
 *                        "plan" plans again, "watch" says whether the network
 *                        moved since it was asked last; undo at its end
 *     undo               only undo
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include "tunnel/base/clock.h"
#include "tunnel/host/apply.h"
#include "tunnel/host/network.h"

struct options {
	const char *lease;
	const char *files[3];
	bool place[2];
	size_t file_count;
	unsigned int routes;
	bool forward, nft, persist, hold, undo;
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

static int plan_lease(struct host *h, const struct options *o, uint32_t ifindex,
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
	return r;
}

/* The far end: its addresses bring their networks, there is no table. */
static int plan_gateway(uint32_t ifindex, struct host_state *ret)
{
	struct host_state s = { .device = "adit0",
				.ifindex = ifindex,
				.mtu = 1400 };
	struct ip_prefix p;

	if (prefix_parse("10.77.0.1/16", &p) < 0 ||
	    host_state_add_address(&s, &p) < 0 ||
	    prefix_parse("fd77::1/64", &p) < 0 ||
	    host_state_add_address(&s, &p) < 0)
		return -ENOMEM;
	*ret = s;
	return 0;
}

static int plan(struct host *h, const struct options *o, uint32_t ifindex,
		struct host_state *ret)
{
	int r = strcmp(o->lease, "gateway") == 0
			? plan_gateway(ifindex, ret)
			: plan_lease(h, o, ifindex, ret);

	for (size_t i = 0; r == 0 && i < o->file_count; i++)
		r = host_state_add_file(ret, o->files[i], "ours\n", 5, 0644,
					o->place[i]);
	if (r == 0 && o->nft)
		r = host_state_set_nft(ret, "inet adit",
				       "chain c { comment \"of adit\"\n}\n");
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

/* What hold() talks to and about. */
struct session {
	struct host *host;
	const struct options *o;
	uint32_t ifindex;
	int tun;
	struct network_reader *watch;
	struct host_state want;
};

static int apply(struct session *s)
{
	uint64_t began = clock_now_ns();
	int r;

	host_state_fini(&s->want);
	r = plan(s->host, s->o, s->ifindex, &s->want);
	if (r == 0)
		r = host_apply(s->host, &s->want);
	if (r)
		fprintf(stderr, "apply: %s (%s)\n", strerror(-r),
			host_error(s->host));
	else
		printf("steps %u routes %zu ms %.1f\n", host_steps(s->host),
		       s->want.route_count,
		       (double)(clock_now_ns() - began) / NS_PER_MS);
	return r;
}

static int obey(struct session *s, const char *line)
{
	int r;

	if (strcmp(line, "plan\n") == 0)
		return apply(s);
	if (strcmp(line, "watch\n") == 0) {
		printf("moved %d\n", network_drain(s->watch));
		return 0;
	}
	r = host_verify(s->host, &s->want);
	if (r < 0)
		fprintf(stderr, "verify: %s\n", host_error(s->host));
	else
		printf("repaired %d\n", r);
	return r < 0 ? r : 0;
}

/* Reads the device too: a packet counts as sent when somebody has read it. */
static int hold(struct session *s)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = s->tun, .events = POLLIN } };
	char line[32], packet[2048];

	for (;;) {
		int r = 0;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			return -errno;
		if (fds[1].revents && read(s->tun, packet, sizeof(packet)) < 0)
			fds[1].fd = -1; /* the device is down or gone */
		if (fds[0].revents && !fgets(line, sizeof(line), stdin))
			return 0;
		if (fds[0].revents)
			r = obey(s, line);
		if (r)
			return r;
	}
}

static int run(struct host *h, const struct options *o)
{
	struct session s = { .host = h, .o = o };
	int r = host_link_expected(h);

	if (r) {
		fprintf(stderr, "%s\n", host_error(h));
		return r;
	}
	s.tun = open_tun(o->persist, &s.ifindex);
	if (s.tun < 0 || network_reader_create("adit0", &s.watch) < 0)
		return -EIO;
	r = host_link_made(h, s.ifindex);
	if (r == 0)
		r = apply(&s);
	if (r == 0 && o->hold)
		r = hold(&s);
	if (host_undo(h, HOST_ALL) != 0)
		r = -EIO;
	host_state_fini(&s.want);
	network_reader_destroy(s.watch);
	close(s.tun);
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
	} else if (strcmp(arg, "nft") == 0) {
		o->nft = true;
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
	setlinebuf(stdout);
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
