/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "tests/lib/suite.h"
#include "tunnel/base/clock.h"
#include "tunnel/gateway/gateway_status.h"

static struct gateway_snapshot_session sessions[2] = {
	{
		.name = "laptop",
		.inner4 = { AF_INET, { 10, 77, 0, 2 } },
		.inner6 = { AF_INET6, { 0xfd, 0x77, [15] = 2 } },
		.remote = { { AF_INET, { 192, 0, 2, 9 } }, 5100, 0 },
		.since = 7000,
		.heard = 9998,
		.rx_bytes = 12345678,
		.tx_bytes = 999,
		.group = "X25519MLKEM768",
		.cipher = "AES-256-GCM",
		.fallbacks = { { FALLBACK_ENDED, 5ULL * NS_PER_S, 2, 97, 1 } },
		.fallback_count = 1,
	},
	{
		.name = "phone",
		.inner4 = { AF_INET, { 10, 77, 0, 3 } },
		.remote = { { AF_INET, { 192, 0, 2, 10 } }, 1, 0 },
		.since = 10001, /* the clock was set back */
		.heard = 10001,
		.group = "X25519MLKEM768",
		.cipher = "AES-256-GCM",
	},
};

static struct gateway_snapshot snapshot;
static char *text;
static size_t len;

static void set_up(void)
{
	snapshot = (struct gateway_snapshot) {
		.name = "vpn.example.com",
		.device = "adit-gw",
		.problem = "",
		.listen = { { AF_INET, { 192, 0, 2, 1 } }, 443, 0 },
		.now = 10000,
		.now_ns = 15ULL * NS_PER_S,
		.certificate_ends = 9999,
		.ca_ends = 1866817168,
		.clients_known = 3,
		.clients_living = 2,
	};
}

static void tear_down(void)
{
	free(text);
	text = NULL;
}

static void print(void (*what)(const struct gateway_snapshot *s, FILE *to))
{
	FILE *to;

	free(text);
	text = NULL;
	to = open_memstream(&text, &len);
	what(&snapshot, to);
	fclose(to);
}

START_TEST(tells_a_person_in_half_a_screen)
{
	snapshot.sessions = sessions;
	snapshot.sessions_up = snapshot.session_count = 2;
	snapshot.data[COUNTER_RX_BYTES] = 12345678;
	snapshot.data[COUNTER_DROP_REPLAYED] = 3;
	snapshot.server.drop_short = 1;
	snapshot.data[COUNTER_DROP_SOURCE] = 2;
	snapshot.host_repairs = 1;
	snapshot.problem = "/etc/gw/clients/x.json: is the file of \"y\"";
	snapshot.nat = true;
	print(gateway_status_text);
	ck_assert_str_eq(
		text,
		"vpn.example.com runs on 192.0.2.1:443, for 2 h 46 min\n"
		"  clients   2 connected, 2 may come in, 3 on the list\n"
		"  traffic   12.3 MB in, 0 bytes out, on adit-gw, addresses "
		"translated\n"
		"  dropped   3 data replayed, 1 control short\n"
		"  dropped   2 rx foreign_source\n"
		"  repaired  1 settings that others changed\n"
		"  gateway's certificate ENDED 1970-01-01, CA until "
		"2029-02-26\n"
		"  problem   /etc/gw/clients/x.json: is the file of \"y\"\n"
		"\n"
		"laptop  10.77.0.2 fd77::2 from 192.0.2.9:5100\n"
		"  up for 50 min, heard 2 s ago; 12.3 MB in, 999 bytes out; "
		"X25519MLKEM768, AES-256-GCM\n"
		"  batches: the far end misses 97 % of the last packets of "
		"batches of equal length, of others 1 %; each ends with an "
		"empty one now (for 10 s)\n"
		"\n"
		"phone  10.77.0.3 from 192.0.2.10:1\n"
		"  up for 0 s, heard 0 s ago; 0 bytes in, 0 bytes out; "
		"X25519MLKEM768, AES-256-GCM\n");
}
END_TEST

START_TEST(says_nothing_of_what_is_not_there)
{
	snapshot.certificate_ends = 20000;
	print(gateway_status_text);
	ck_assert_str_eq(
		text, "vpn.example.com runs on 192.0.2.1:443, for 2 h 46 min\n"
		      "  clients   0 connected, 2 may come in, 3 on the list\n"
		      "  traffic   0 bytes in, 0 bytes out, on adit-gw\n"
		      "  gateway's certificate until 1970-01-01, CA until "
		      "2029-02-26\n");
}
END_TEST

/* With 0, 1 and 2 clients, with and without drops, and whatever is wrong. */
START_TEST(is_json_whatever_is_in_it)
{
	const struct json_node *n;
	struct config_report report = { 0 };
	struct json *json = NULL;

	snapshot.sessions = sessions;
	snapshot.session_count = (size_t)_i;
	snapshot.problem = "a \"quoted\" \\ text,\n\tin two lines";
	snapshot.data[COUNTER_DROP_TOO_BIG] = (uint64_t)_i;
	snapshot.server.drop_short = (uint64_t)_i / 2;
	print(gateway_status_json);
	ck_assert_msg(json_parse(text, len, &json, &report) == 0, "%s", text);
	n = json_find(json, "/version");
	ck_assert(n && n->number == GATEWAY_STATUS_VERSION);
	n = json_find(json, "/counters/records_sent");
	ck_assert_uint_eq(n->count, BATCH_BUCKETS);
	n = json_find(json, "/problem");
	ck_assert_str_eq(n->text, snapshot.problem);
	n = json_find(json, "/sessions");
	ck_assert_uint_eq(n->count, (unsigned int)_i);
	n = json_find(json, "/drops");
	ck_assert_uint_eq(n->count, (unsigned int)_i);
	if (_i > 0) {
		n = json_item(json, json_find(json, "/sessions"), 0);
		n = json_member(json, n, "addresses");
		ck_assert_str_eq(json_item(json, n, 1)->text, "fd77::2");
		n = json_item(json, json_find(json, "/sessions"), 0);
		n = json_item(json, json_member(json, n, "fallbacks"), 0);
		ck_assert_uint_eq(json_member(json, n, "since")->number, 9990);
		ck_assert_uint_eq(json_member(json, n, "times")->number, 2);
	}
	json_destroy(json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gateway_status");
	TCase *t = tcase_create("status");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, tells_a_person_in_half_a_screen);
	tcase_add_test(t, says_nothing_of_what_is_not_there);
	tcase_add_loop_test(t, is_json_whatever_is_in_it, 0, 3);
	suite_add_tcase(s, t);
	return suite_run(s);
}
