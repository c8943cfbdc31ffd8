/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) dns_stub LISTEN [mode=off|armed|waiting|up] [match=DOMAIN]...
 *	[search=DOMAIN]... [tunnel=SERVER]... [uplink=SERVER]...
 *	[block=FILE]... [ca=FILE]
 *
 * The resolver without a daemon: stub, forwarder and upstreams as told. SERVER
 * is ADDRESS:PORT, or ADDRESS:PORT,NAME for DNS over TLS; FILE of blocked
 * domains has one a line. Prints "ready"; at the end (SIGTERM) its counters.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "crypto/wolf.h"
#include "dns/blocklist.h"
#include "dns/forwarder.h"
#include "dns/stub.h"
#include "tunnel/base/clock.h"

enum {
	SIDES = 2, /* tunnel, uplink */
	CA_MAX = 64 * 1024,
};

struct resolver {
	uv_loop_t loop;
	uv_signal_t end;
	struct dns_forwarder *forwarder;
	struct dns_stub *stub;
	struct dns_upstream *side[SIDES];
	struct dns_server servers[SIDES][DNS_SERVERS_MAX];
	size_t count[SIDES];
	struct dns_forwarder_state state;
	struct dns_policy policy;
	struct dns_blocklist *blocked;
	char ca[CA_MAX];
	bool has_ca;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "dns_stub: %s: %s\n", what, why);
	exit(1);
}

static enum dns_ask_result on_ask(void *arg, enum dns_route route,
				  const struct dns_query *q, bool tcp,
				  struct dns_ask *ask)
{
	struct resolver *r = arg;

	return dns_upstream_ask(r->side[route != DNS_ROUTE_TUNNEL], q, tcp,
				ask);
}

static void on_cancel(void *arg, struct dns_ask *ask)
{
	(void)arg;
	dns_upstream_cancel(ask);
}

static void on_trigger(void *arg, const struct dns_name *name,
		       enum ondemand_why why)
{
	char text[DNS_TEXT_MAX];

	(void)arg;
	printf("triggered by %s: %s\n", dns_name_text(name, text),
	       ondemand_why_text(why));
}

static uint64_t on_now(void *arg)
{
	(void)arg;
	return clock_now_ns();
}

static void add_server(struct resolver *r, unsigned int side, char *text)
{
	char *name = strchr(text, ',');
	struct dns_server *s = &r->servers[side][r->count[side]];

	if (name != NULL) {
		*name++ = '\0';
		s->tls = true;
		snprintf(s->name, sizeof(s->name), "%s", name);
	}
	if (r->count[side] == DNS_SERVERS_MAX ||
	    endpoint_parse(text, &s->at) < 0)
		die(text, "no server ADDRESS:PORT, or too many");
	r->count[side]++;
}

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		die(path, strerror(errno));
	return f;
}

static int add_list(struct resolver *r, const char *path)
{
	FILE *f = open_file(path);
	int rc;

	if (r->blocked == NULL)
		r->blocked = dns_blocklist_create();
	if (r->blocked == NULL)
		die(path, strerror(ENOMEM));
	rc = dns_blocklist_add(r->blocked, f, DNS_LIST_DOMAINS);
	fclose(f);
	return rc;
}

static int set_mode(struct resolver *r, const char *name)
{
	static const char *const modes[] = { "off", "armed", "waiting", "up" };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcmp(modes[i], name) == 0) {
			r->state.mode = (enum dns_mode)i;
			return 0;
		}
	return -EINVAL;
}

static void read_ca(struct resolver *r, const char *path)
{
	FILE *f = open_file(path);

	r->ca[fread(r->ca, 1, sizeof(r->ca) - 1, f)] = '\0';
	r->has_ca = true;
	fclose(f);
}

static void take(struct resolver *r, char *word)
{
	char *value = strchr(word, '=');
	int rc = 0;

	if (value == NULL)
		die(word, "not KEY=VALUE");
	*value++ = '\0';
	if (strcmp(word, "mode") == 0)
		rc = set_mode(r, value);
	else if (strcmp(word, "match") == 0)
		rc = dns_policy_add_match(&r->policy, value, 0);
	else if (strcmp(word, "search") == 0)
		rc = dns_policy_add_search(&r->policy, value, 0);
	else if (strcmp(word, "tunnel") == 0)
		add_server(r, 0, value);
	else if (strcmp(word, "uplink") == 0)
		add_server(r, 1, value);
	else if (strcmp(word, "block") == 0)
		rc = add_list(r, value);
	else if (strcmp(word, "ca") == 0)
		read_ca(r, value);
	else
		rc = -EINVAL;
	if (rc < 0)
		die(word, strerror(-rc));
}

static void start(struct resolver *r, const char *listen)
{
	const struct dns_forwarder_options o = {
		.seed = clock_now_ns(),
		.ask = on_ask,
		.cancel = on_cancel,
		.trigger = on_trigger,
		.now = on_now,
		.arg = r,
	};
	struct endpoint at;
	int rc = endpoint_parse(listen, &at);

	for (size_t i = 0; i < SIDES; i++) {
		const struct dns_upstream_options u = {
			.loop = &r->loop,
			.servers = r->servers[i],
			.count = r->count[i],
			.ca = r->has_ca ? r->ca : NULL,
		};

		r->side[i] = dns_upstream_create(&u);
	}
	r->forwarder = dns_forwarder_create(&o);
	if (r->forwarder == NULL || !r->side[0] || !r->side[1])
		die("start", strerror(ENOMEM));
	if (r->blocked != NULL && dns_blocklist_seal(r->blocked) < 0)
		die("block", strerror(ENOMEM));
	r->policy.blocklist = r->blocked;
	dns_forwarder_set(r->forwarder, &r->state, &r->policy, clock_now_ns());
	if (rc == 0)
		rc = dns_stub_create(&r->loop, &at, r->forwarder, &r->stub);
	if (rc < 0)
		die(listen, strerror(-rc));
}

static void on_end(uv_signal_t *handle, int number)
{
	struct resolver *r = handle->data;
	struct dns_forwarder_stats f;
	struct dns_upstream_stats u;

	(void)number;
	dns_forwarder_stats(r->forwarder, &f);
	printf("queries %lu cached %lu\n", f.queries, f.cached);
	for (size_t i = 0; i < SIDES; i++) {
		dns_upstream_stats(r->side[i], &u);
		printf("%s: asked %lu answered %lu timed out %lu late %lu\n",
		       i == 0 ? "tunnel" : "uplink", u.asked, u.answered,
		       u.timed_out, u.late);
	}
	dns_stub_destroy(r->stub);
	dns_forwarder_destroy(r->forwarder);
	for (size_t i = 0; i < SIDES; i++)
		dns_upstream_destroy(r->side[i]);
	uv_close((uv_handle_t *)handle, NULL);
}

int main(int argc, char **argv)
{
	static struct resolver r;

	if (argc < 2 || wolf_init() < 0)
		die("usage", "dns_stub LISTEN [KEY=VALUE]...");
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&r.loop);
	dns_policy_init(&r.policy);
	for (int i = 2; i < argc; i++)
		take(&r, argv[i]);
	start(&r, argv[1]);
	uv_signal_init(&r.loop, &r.end);
	r.end.data = &r;
	uv_signal_start(&r.end, on_end, SIGTERM);
	printf("ready\n");
	fflush(stdout);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	dns_blocklist_destroy(r.blocked);
	return uv_loop_close(&r.loop) == 0 ? 0 : 1;
}
