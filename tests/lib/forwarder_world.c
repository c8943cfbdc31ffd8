/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/forwarder_world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tunnel/base/bytes.h"
#include "tunnel/base/clock.h"

struct forwarder_world forwarder_world;

static enum dns_ask_result asked(enum dns_route route,
				 const struct dns_need *need,
				 const struct dns_query *q, struct dns_ask *ask)
{
	ck_assert_uint_lt(forwarder_world.asked_count, ASKS_MAX);
	ask->exchange = (struct dns_exchange *)&forwarder_world;
	forwarder_world.asked[forwarder_world.asked_count++] =
		(struct asked) { ask, *q, route, need };
	forwarder_world.asks++;
	return DNS_ASK_ANSWERED;
}

static enum dns_ask_result on_ask(void *arg, enum dns_route route,
				  const struct dns_query *q, bool tcp,
				  struct dns_ask *ask)
{
	(void)arg;
	(void)tcp;
	return asked(route, NULL, q, ask);
}

static enum dns_ask_result on_ask_required(void *arg,
					   const struct dns_need *need,
					   const struct dns_query *q, bool tcp,
					   struct dns_ask *ask)
{
	(void)arg;
	(void)tcp;
	return asked(DNS_ROUTE_UPLINK, need, q, ask);
}

static void forget(size_t i)
{
	forwarder_world.asked[i].ask->exchange = NULL;
	forwarder_world.asked[i] =
		forwarder_world.asked[--forwarder_world.asked_count];
}

static void on_cancel(void *arg, struct dns_ask *ask)
{
	(void)arg;
	for (size_t i = 0; i < forwarder_world.asked_count; i++)
		if (forwarder_world.asked[i].ask == ask) {
			forwarder_world.cancels++;
			forget(i);
			return;
		}
	ck_abort_msg("it cancels what it did not ask");
}

static void on_trigger(void *arg, const struct dns_name *name,
		       enum ondemand_why why)
{
	(void)arg;
	(void)name;
	forwarder_world.triggers++;
	forwarder_world.why = why;
	if (forwarder_world.on_trigger != NULL)
		forwarder_world.on_trigger();
}

static void on_need_probe(void *arg, uint64_t generation, const char *url)
{
	(void)arg;
	forwarder_world.probes++;
	forwarder_world.probe_generation = generation;
	snprintf(forwarder_world.probe_url, sizeof(forwarder_world.probe_url),
		 "%s", url);
}

static uint64_t on_now(void *arg)
{
	(void)arg;
	return forwarder_world.now_ns;
}

void forwarder_world_init(void)
{
	const struct dns_forwarder_options o = {
		.seed = 7,
		.ask = on_ask,
		.ask_required = on_ask_required,
		.cancel = on_cancel,
		.trigger = on_trigger,
		.need_probe = on_need_probe,
		.now = on_now,
	};

	memset(&forwarder_world, 0, sizeof(forwarder_world));
	forwarder_world.now_ns = NS_PER_S;
	forwarder_world.f = dns_forwarder_create(&o);
	ck_assert_ptr_nonnull(forwarder_world.f);
}

void forwarder_world_fini(void)
{
	dns_forwarder_destroy(forwarder_world.f);
	ck_assert_uint_eq(forwarder_world.asked_count, 0);
}

void forwarder_enter(enum dns_mode mode, bool hold)
{
	const struct dns_forwarder_state state = { .mode = mode,
						   .hold = hold,
						   .reason = "it is late" };

	dns_forwarder_set(forwarder_world.f, &state, NULL,
			  forwarder_world.now_ns);
}

/* Match corp.example, search s1.example and s2.example, the uplink's list lan.
 */
void forwarder_enter_with_policy(enum dns_mode mode, bool guarded)
{
	const struct dns_forwarder_state state = {
		.mode = mode,
		.rebinding_protection = guarded,
	};
	struct dns_policy policy;

	dns_policy_init(&policy);
	ck_assert_int_eq(dns_policy_add_uplink(&policy, "gw.corp.example"), 0);
	ck_assert_int_eq(dns_policy_add_match(&policy, "corp.example", 0), 0);
	ck_assert_int_eq(dns_policy_add_search(&policy, "s1.example", 0), 0);
	ck_assert_int_eq(dns_policy_add_search(&policy, "s2.example", 0), 0);
	ck_assert_int_eq(dns_policy_add_system_search(&policy, "lan"), 0);
	dns_forwarder_set(forwarder_world.f, &state, &policy,
			  forwarder_world.now_ns);
	dns_policy_fini(&policy);
}

void forwarder_client_done(struct dns_request *r, const uint8_t *bytes,
			   size_t len)
{
	struct forwarder_client *c = (struct forwarder_client *)r;

	c->answers++;
	c->len = len;
	ck_assert_uint_le(len, sizeof(c->bytes));
	memcpy(c->bytes, bytes, len);
}

void forwarder_ask_type(struct forwarder_client *c, const char *name,
			uint16_t type)
{
	memset(c, 0, sizeof(*c));
	c->request.done = forwarder_client_done;
	c->request.max = sizeof(c->bytes);
	c->request.query = (struct dns_query) {
		.id = 0x1234,
		.recursion_desired = true,
		.type = type,
		.class = DNS_CLASS_IN,
		.edns = true,
		.udp_size = 1232,
	};
	ck_assert_int_eq(dns_name_from_text(name, &c->request.query.name), 0);
	dns_forwarder_take(forwarder_world.f, &c->request,
			   forwarder_world.now_ns);
}

void forwarder_ask(struct forwarder_client *c, const char *name)
{
	forwarder_ask_type(c, name, DNS_TYPE_A);
}

/* An upstream's message: an address, or a code. */
static size_t message(const struct dns_query *q, enum dns_rcode rcode,
		      const uint8_t address[4], uint32_t ttl_s, uint8_t *buf,
		      size_t size)
{
	struct bytes b = bytes_over(buf, size);

	bytes_put16(&b, q->id);
	bytes_put16(&b, 0x8180 | rcode);
	bytes_put16(&b, 1);
	bytes_put16(&b, address ? 1 : 0);
	bytes_put32(&b, 0);
	bytes_put(&b, q->name.wire, q->name.len);
	bytes_put16(&b, q->type);
	bytes_put16(&b, q->class);
	if (address != NULL) {
		bytes_put16(&b, 0xc00c);
		bytes_put16(&b, DNS_TYPE_A);
		bytes_put16(&b, DNS_CLASS_IN);
		bytes_put32(&b, ttl_s);
		bytes_put16(&b, 4);
		bytes_put(&b, address, 4);
	}
	ck_assert(bytes_ok(&b));
	return bytes_done(&b);
}

void forwarder_side_says(size_t i, enum dns_rcode rcode, const uint8_t *address,
			 uint32_t ttl_s)
{
	struct asked a = forwarder_world.asked[i];
	struct dns_answer answer;
	uint8_t buf[512];
	size_t len;

	len = message(&a.query, rcode, address, ttl_s, buf, sizeof(buf));
	ck_assert_int_eq(dns_answer_parse(buf, len, &a.query, &answer),
			 DNS_REPLY_OK);
	forget(i);
	a.ask->done(a.ask, DNS_ASK_ANSWERED, &answer);
}

/* Each side has addresses of its own. */
void forwarder_side_answers(size_t i)
{
	const uint8_t inner[] = { 192, 0, 2, INNER };
	const uint8_t outer[] = { 192, 0, 2, OUTER };

	forwarder_side_says(i, DNS_RCODE_NOERROR,
			    forwarder_world.asked[i].route == DNS_ROUTE_TUNNEL
				    ? inner
				    : outer,
			    300);
}

void forwarder_side_fails(size_t i, enum dns_ask_result result)
{
	struct asked a = forwarder_world.asked[i];

	forget(i);
	a.ask->done(a.ask, result, NULL);
}

int forwarder_rcode(const struct forwarder_client *c)
{
	ck_assert_uint_eq(c->answers, 1);
	ck_assert_uint_ge(c->len, DNS_HEADER_LEN);
	return c->bytes[3] & 15;
}

static void skip_name(struct bytes *b)
{
	for (;;) {
		uint8_t label = bytes_get8(b);

		if (label >= 0xc0) {
			bytes_get8(b);
			return;
		}
		if (label == 0 || !bytes_ok(b))
			return;
		(void)bytes_take(b, label);
	}
}

struct forwarder_seen forwarder_look(const struct forwarder_client *c)
{
	struct forwarder_seen seen = { .error = -1 };
	struct bytes b = bytes_read(c->bytes, c->len);
	unsigned int records;

	ck_assert_uint_eq(c->answers, 1);
	bytes_get32(&b);
	bytes_get16(&b);
	records = bytes_get16(&b);
	records += bytes_get16(&b);
	records += bytes_get16(&b);
	skip_name(&b);
	bytes_get32(&b);
	while (records-- > 0) {
		uint16_t type, len;
		uint32_t ttl_s;
		const uint8_t *data;

		skip_name(&b);
		type = bytes_get16(&b);
		bytes_get16(&b);
		ttl_s = bytes_get32(&b);
		len = bytes_get16(&b);
		data = bytes_take(&b, len);
		ck_assert_ptr_nonnull(data);
		if (type == DNS_TYPE_CNAME)
			seen.cnames++;
		if (type == DNS_TYPE_A && seen.address == 0) {
			seen.address = data[3];
			seen.ttl_s = ttl_s;
		}
		if (type == DNS_TYPE_OPT && len >= 6 && load_be16(data) == 15)
			seen.error = load_be16(data + 4);
	}
	ck_assert(bytes_ok(&b));
	return seen;
}
