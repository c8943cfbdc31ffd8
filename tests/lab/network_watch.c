/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints the network that this host is in, one line at first and one for each
 * change, until its standard input ends; for tests/netns/network.sh and the
 * guest with Wi-Fi:
 *
 *   network_watch DEVICE [told]
 *
 * DEVICE is our own tunnel's. "same": the identity is that of the line before
 * (of the last that was a network). With "told" the programs that manage
 * the network are asked as well. A line on standard input is answered by
 * "quiet" if the kernel said nothing since, else by "looked" after whatever
 * changed. The last line counts readings.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/host/network.h"

enum {
	DEBOUNCE_MS = 50,
	WAITS_MAX = 20, /* a storm does not put it off for ever */
};

static void print_bytes(const char *name, const uint8_t *bytes, size_t len)
{
	printf(" %s=", name);
	for (size_t i = 0; i < len; i++)
		printf("%s%02x", i ? ":" : "", bytes[i]);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip_prefix));
}

static void print_path(const char *name, const struct network_path *path)
{
	struct network_path p = *path;
	char text[PREFIX_TEXT_MAX];

	if (p.gateway.family == 0 && p.prefix_count == 0)
		return;
	printf(" %s=%s", name,
	       p.gateway.family ? addr_text(&p.gateway, text) : "link");
	if (p.has_link_address)
		print_bytes("at", p.link_address, sizeof(p.link_address));
	qsort(p.prefixes, p.prefix_count, sizeof(p.prefixes[0]), compare);
	for (size_t i = 0; i < p.prefix_count; i++)
		printf(" %s", prefix_text(&p.prefixes[i], text));
}

static void print_network(const struct network *n, bool same)
{
	const struct network_identity *id = &n->identity;

	printf("%s %s%s", same ? "same" : "other",
	       n->other_vpn ? "VPN" : network_type_name(id->type),
	       n->ifindex ? " " : "");
	printf("%s", n->device);
	if (id->type == NETWORK_WIFI) {
		print_bytes("ssid", id->ssid, id->ssid_len);
		if (n->has_bssid)
			print_bytes("bssid", n->bssid, sizeof(n->bssid));
		printf(" security=%s", network_security_name(n->security));
	}
	print_path("ipv4", &id->ipv4);
	print_path("ipv6", &id->ipv6);
	if (n->metered_by[0])
		printf(" metered=%s by %s", n->metered ? "yes" : "no",
		       n->metered_by);
	if (n->portal_api[0])
		printf(" portal=%s", n->portal_api);
	printf("\n");
}

struct watch {
	struct network_reader *reader;
	struct network now, shown;
	struct network_identity id;
	bool told; /* by other programs, too */
	bool began;
	unsigned int readings, errors;
};

static void look(struct watch *w)
{
	struct network *now = &w->now;
	bool same;

	w->readings++;
	if (network_read(w->reader, now) < 0) {
		w->errors++;
		return;
	}
	if (w->told) {
		network_read_metered(now);
		network_read_portal(now);
	}
	same = network_identity_same(&w->id, &now->identity);
	if (!same)
		w->id = now->identity;
	network_identity_learn(&w->id, &now->identity);
	if (!w->began || !same || !network_same(now, &w->shown) ||
	    memcmp(now->bssid, w->shown.bssid, sizeof(now->bssid)) != 0)
		print_network(now, same);
	w->shown = *now;
	w->began = true;
}

/* What is asked on standard input. False at its end. */
static bool obey(struct watch *w, bool *changed)
{
	char buf[64];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n')
			continue;
		*changed |= network_drain(w->reader);
		if (*changed)
			look(w);
		printf("%s\n", *changed ? "looked" : "quiet");
		*changed = false;
	}
	return n > 0;
}

static void run(struct watch *w)
{
	struct pollfd p[NETWORK_DESCRIPTORS_MAX + 1] = { { .fd = STDIN_FILENO,
							   .events = POLLIN } };
	int fds[NETWORK_DESCRIPTORS_MAX];
	size_t count = network_descriptors(w->reader, fds);
	unsigned int waits = 0;
	bool changed = false;

	for (size_t i = 0; i < count; i++)
		p[i + 1] = (struct pollfd) { .fd = fds[i], .events = POLLIN };
	for (;;) {
		int ready = poll(p, count + 1, changed ? DEBOUNCE_MS : -1);

		if (ready < 0 && errno != EINTR)
			return;
		if (p[0].revents && !obey(w, &changed))
			return;
		if (ready > 0)
			changed |= network_drain(w->reader);
		if (changed && (ready == 0 || ++waits > WAITS_MAX)) {
			look(w);
			changed = false;
			waits = 0;
		}
	}
}

int main(int argc, char **argv)
{
	struct watch w = { .told = argc > 2 && strcmp(argv[2], "told") == 0 };

	if (argc < 2 || network_reader_create(argv[1], &w.reader) < 0)
		return EXIT_FAILURE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	look(&w);
	run(&w);
	printf("read %u times, %u errors\n", w.readings, w.errors);
	network_reader_destroy(w.reader);
	return EXIT_SUCCESS;
}
