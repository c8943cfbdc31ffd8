/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/engine_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rules.h"
#include "tunnel/base/clock.h"

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

struct profile *engine_world_profile(const struct engine_spec *s)
{
	struct config_report report;
	struct profile *p;
	char *text;

	if (asprintf(&text,
		     "{'Type': 'com.apple.configuration.network.vpn.vpn-plugin'"
		     ", 'Identifier': '%s', 'Payload': {\n"
		     "'VisibleName': 'Test', 'HostName': 'vpn.example.com',\n"
		     "'SubType': 'org.adit.packet-tunnel',\n"
		     "'Authentication': {'Method': 'Certificate'},\n"
		     "'OnDemand': {'Enabled': %s, 'Rules': [%s]%s},\n"
		     "'VendorConfig': {'CAFile': '/nonexistent/ca.pem',\n"
		     "'Identity': {'CertificateFile': '/nonexistent/a.pem',\n"
		     "'PrivateKeyFile': '/nonexistent/a.key'}%s}%s}}\n",
		     s->name, s->off ? "false" : "true", or_nothing(s->rules),
		     or_nothing(s->on_demand), or_nothing(s->vendor),
		     or_nothing(s->payload)) < 0)
		abort();
	rules_quote(text);
	if (profile_parse(text, strlen(text), PROFILE_FOR_CHECK, &p, &report) <
	    0) {
		config_report_print(&report, s->name, stderr);
		p = NULL;
	}
	free(text);
	return p;
}

void engine_world_set(struct engine_world *w, const struct engine_spec *specs,
		      size_t count)
{
	struct engine_profile set[ENGINE_WORLD_PROFILES_MAX];
	struct profile *old[ENGINE_WORLD_PROFILES_MAX];
	size_t old_count = w->count;

	memcpy(old, w->profiles, sizeof(old));
	for (size_t i = 0; i < count; i++) {
		w->profiles[i] = engine_world_profile(&specs[i]);
		if (!w->profiles[i])
			abort();
		set[i] = (struct engine_profile) {
			.name = specs[i].name,
			.profile = w->profiles[i],
			.unfit = specs[i].unfit,
		};
	}
	w->count = count;
	/* Nothing may look into those that were there before. */
	for (size_t i = 0; i < old_count; i++)
		profile_destroy(old[i]);
	if (engine_set_profiles(&w->engine, set, count) < 0)
		abort();
}

struct engine_world *engine_world_create(const struct engine_spec *specs,
					 size_t count)
{
	struct engine_world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->now_ns = NS_PER_S;
	engine_init(&w->engine);
	engine_world_set(w, specs, count);
	return w;
}

void engine_world_destroy(struct engine_world *w)
{
	engine_fini(&w->engine);
	for (size_t i = 0; i < w->count; i++)
		profile_destroy(w->profiles[i]);
	free(w);
}

struct engine_world *engine_world_one(struct engine_spec spec)
{
	spec.name = "a";
	return engine_world_create(&spec, 1);
}

struct engine_world *engine_world_with_rules(const char *rules)
{
	return engine_world_one((struct engine_spec) { .rules = rules });
}

void engine_world_go(struct engine_world *w, struct network n)
{
	engine_network(&w->engine, &n);
}

void engine_world_connect(struct engine_world *w, size_t entry)
{
	struct engine_order o = engine_world_order(w);

	if (engine_connect(&w->engine, entry, &o) < 0)
		abort();
}

const char *engine_world_look(struct engine_world *w)
{
	struct engine_decision d = engine_look(&w->engine);

	snprintf(w->text, sizeof(w->text), "%s%s%s", engine_want_name(d.want),
		 d.want != ENGINE_DOWN ? " " : "",
		 d.want != ENGINE_DOWN ? w->engine.entries[d.entry].name : "");
	return w->text;
}

struct engine_order engine_world_order(const struct engine_world *w)
{
	return (struct engine_order) {
		.now_ns = w->now_ns,
		.wall_ms = 1795000000000 + (int64_t)(w->now_ns / NS_PER_MS),
	};
}

static struct network network(enum network_type type, uint8_t n)
{
	struct network_path *p;
	struct network net = {
		.identity.type = type,
		.ifindex = (uint32_t)type + 1,
		.dns.server_count = 1,
		.dns.servers[0].at = { .addr = { AF_INET, { 10, n, 0, 53 } },
				       .port = 53 },
	};

	p = &net.identity.ipv4;
	p->gateway = (struct ip_addr) { AF_INET, { 10, n, 0, 1 } };
	p->prefixes[0] = (struct ip_prefix) { { AF_INET, { 10, n } }, 16 };
	p->prefix_count = 1;
	return net;
}

struct network engine_world_ethernet(uint8_t n)
{
	return network(NETWORK_ETHERNET, n);
}

struct network engine_world_cellular(uint8_t n)
{
	return network(NETWORK_CELLULAR, n);
}

struct network engine_world_wifi(uint8_t n, const char *ssid)
{
	struct network net = network(NETWORK_WIFI, n);

	net.identity.ssid_len = strlen(ssid);
	memcpy(net.identity.ssid, ssid, net.identity.ssid_len);
	return net;
}

struct network engine_world_vpn(void)
{
	return (struct network) { .other_vpn = true, .ifindex = 99 };
}
