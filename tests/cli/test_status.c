/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a person reads who asks why the tunnel is up or down: whole. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/cli/cli.h"

enum {
	/* 2026-11-24, in UTC. */
	AT_14_02 = 1795528920,
	AT_14_07 = AT_14_02 + 300,
	AT_16_02 = AT_14_02 + 7200,
	TOMORROW = AT_14_02 + 86400,
};

#define T(text) ((char *)(uintptr_t)(text)) /* statuses are only read */
#define CAFE                                          \
	.network = { .type = T("WiFi"),               \
		     .device = T("wlan0"),            \
		     .security = T("open"),           \
		     .ssid = T("CafeNet"),            \
		     .ssid_hex = T("436166654e6574"), \
		     .gateway = T("192.0.2.1") }
#define WIRE                                \
	.network = { .type = T("Ethernet"), \
		     .device = T("up0"),    \
		     .gateway = T("10.9.0.1") }
#define RULE(outcome_, index_, action_, text_) \
	.rule = { .outcome = T(outcome_),      \
		  .index = (index_) + 1,       \
		  .action = T(action_),        \
		  .text = T(text_) }
#define CAFE_CONNECTS RULE("match", 2, "Connect", "WiFi, SSID CafeNet")
#define HOME_DISCONNECTS \
	RULE("match", 0, "Disconnect", "Ethernet, search domain home.example")
#define WANT(state_, because_) \
	.want = { .state = T(state_), .because = T(because_) }
#define HELD(state_, ends_, ...)      \
	.hold = { .state = T(state_), \
		  .since = AT_14_02,  \
		  .ends = T(ends_),   \
		  ##__VA_ARGS__ }
#define NOT_HELD .hold = { .state = T("none") }
#define IS(state_, code_, text_)                                     \
	.profile = T("work"), .state = T(state_), .since = AT_14_02, \
	.reason = { .code = T(code_), .text = T(text_) }
#define FINE(state_) IS(state_, "none", "nothing is wrong")

static struct ctl_demand home_wants = {
	.profile = T("home"),
	.want = T("up"),
	.because = T("rule 0 (any network) says Connect"),
	.hold = T("none"),
	.action = T("Connect"),
	.index = 1,
};
static struct ctl_demand many[] = {
	{ .profile = T("work"), .want = T("up") },
	{ .profile = T("a"),
	  .want = T("down"),
	  .because = T("you said so"),
	  .hold = T("held-down") },
	{ .profile = T("b"),
	  .want = T("armed"),
	  .because = T("rule 1 (any network) says EvaluateConnection"),
	  .hold = T("none") },
	{ .profile = T("long-name-of-a-profile"),
	  .want = T("down"),
	  .because = T("no rule matches this network"),
	  .hold = T("none") },
	{ .profile = T("d"), .want = T("up"), .because = T("you said so") },
	{ .profile = T("e"), .want = T("up") },
	{ .profile = T("f"), .want = T("up") },
};

static struct ctl_fallback fallbacks[] = {
	{ .what = T("polling"), .reason = T("there is no other way") },
	{ T("batches"), T("the kernel refused them"), AT_14_02, 1 },
	{ T("batches"), T("the ends get lost"), AT_14_02, 3 },
};

static const struct {
	const char *what;
	struct ctl_status status;
	const char *text;
} rows[] = {
	{ "down, because the user said so",
	  { IS("down", "user", "you said so"), CAFE, CAFE_CONNECTS,
	    HELD("held-down", "network"), WANT("down", "you said so") },
	  "work is down: you said so at 14:02; ends when this network changes. "
	  "Rule 2 (WiFi, SSID CafeNet) would connect.\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   WiFi \"CafeNet\" on wlan0 (open), gateway 192.0.2.1\n" },
	{ "down for two hours, with a reason",
	  { IS("down", "user", "you said so"), CAFE, CAFE_CONNECTS,
	    HELD("held-down", "time", .until = AT_16_02,
		 .reason = T("lun\033ch")),
	    WANT("down", "you said so") },
	  "work is down: you said so at 14:02; ends at 16:02 or when this "
	  "network changes. Rule 2 (WiFi, SSID CafeNet) would connect.\n"
	  "  reason    \"lun?ch\"\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   WiFi \"CafeNet\" on wlan0 (open), gateway 192.0.2.1\n" },
	{ "down until the reboot, or tomorrow by ReconnectAfter",
	  { IS("down", "user", "you said so"), WIRE, HOME_DISCONNECTS,
	    HELD("held-down", "reboot", .until = TOMORROW),
	    WANT("down", "you said so") },
	  "work is down: you said so at 14:02; ends at 2026-11-25 14:02 or at "
	  "the next reboot. Rule 0 (Ethernet, search domain home.example) "
	  "would disconnect, too.\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "down until the reboot",
	  { IS("down", "user", "you said so"), WIRE,
	    .rule.outcome = T("no-match"), HELD("held-down", "reboot"),
	    WANT("down", "you said so") },
	  "work is down: you said so at 14:02; ends at the next reboot. No "
	  "rule matches this network.\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "down, said where there is no network",
	  { IS("down", "user", "you said so"), .network.type = T("none"),
	    .rule.outcome = T("no-network"), HELD("held-down", "network"),
	    WANT("down", "you said so") },
	  "work is down: you said so at 14:02; ends when another network "
	  "comes\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   none\n" },
	{ "up by a rule",
	  { FINE("up"), CAFE, CAFE_CONNECTS, NOT_HELD,
	    WANT("up", "rule 2 (WiFi, SSID CafeNet) says Connect") },
	  "work is up, for 5 min: rule 2 (WiFi, SSID CafeNet) says Connect\n"
	  "  network   WiFi \"CafeNet\" on wlan0 (open), gateway 192.0.2.1\n" },
	{ "up, and not as it should",
	  { FINE("up"), CAFE, CAFE_CONNECTS, NOT_HELD,
	    WANT("up", "rule 2 (WiFi, SSID CafeNet) says Connect"),
	    .fallbacks = { fallbacks, ARRAY_SIZE(fallbacks) } },
	  "work is up, for 5 min: rule 2 (WiFi, SSID CafeNet) says Connect\n"
	  "  network   WiFi \"CafeNet\" on wlan0 (open), gateway 192.0.2.1\n"
	  "  note      polling: there is no other way\n"
	  "  note      batches: the kernel refused them (since 14:02)\n"
	  "  note      batches: the ends get lost (since 14:02; 3 times)\n" },
	{ "held up where a rule says Disconnect",
	  { FINE("up"), WIRE, HOME_DISCONNECTS, HELD("held-up", "network"),
	    WANT("up", "you said so") },
	  "work is up, for 5 min: you said so at 14:02; ends when this network "
	  "changes. Rule 0 (Ethernet, search domain home.example) would "
	  "disconnect.\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "down by a rule, where another hold has ended",
	  { IS("down", "rule", "a rule of its profile says so"), WIRE,
	    HOME_DISCONNECTS,
	    .hold = { .state = T("none"),
		      .ended = T("it ended with the network") },
	    WANT("down", "rule 0 (Ethernet, search domain home.example) says "
			 "Disconnect") },
	  "work is down, for 5 min: rule 0 (Ethernet, search domain "
	  "home.example) says Disconnect\n"
	  "  your word holds no more: it ended with the network\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "down, and no rule matches",
	  { IS("down", "rule", "a rule of its profile says so"), WIRE,
	    .rule.outcome = T("no-match"), NOT_HELD,
	    WANT("down", "no rule matches this network") },
	  "work is down, for 5 min: no rule matches this network\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "armed",
	  { IS("waiting", "rule", "a rule of its profile says so"), WIRE,
	    RULE("match", 1, "EvaluateConnection", "any network"), NOT_HELD,
	    WANT("armed", "rule 1 (any network) says EvaluateConnection") },
	  "work is waiting, for 5 min: rule 1 (any network) says "
	  "EvaluateConnection\n"
	  "  starts    when a program asks for a name that needs it\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "idle",
	  { IS("waiting", "idle", "nothing went through it"), WIRE,
	    RULE("match", 1, "Connect", "any network"), NOT_HELD,
	    WANT("armed", "nothing went through it; it starts when somebody "
			  "needs it") },
	  "work is waiting, for 5 min: nothing went through it; it starts when "
	  "somebody needs it. Rule 1 (any network) would connect.\n"
	  "  starts    when a program asks for a name that needs it\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "a probe is not answered",
	  { FINE("down"), WIRE,
	    RULE("pending", 1, "Connect", "http://intranet.example/ok"),
	    NOT_HELD,
	    WANT("down", "a probe that decides is not answered yet") },
	  "work is down, for 5 min: a probe that decides is not answered yet. "
	  "Rule 1 (http://intranet.example/ok) waits for its probe.\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "kept by Ignore",
	  { FINE("up"), WIRE, RULE("match", 3, "Ignore", "any network"),
	    NOT_HELD, WANT("up", "it was started, and nothing has ended it") },
	  "work is up, for 5 min: it was started, and nothing has ended it. "
	  "Rule 3 (any network) leaves it as it is.\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "metered",
	  { IS("down", "metered",
	       "its profile starts nothing on a metered "
	       "network"),
	    .network = { .type = T("Cellular"),
			 .device = T("wwan0"),
			 .metered = true,
			 .metered_by = T("ModemManager") },
	    RULE("match", 0, "Connect", "Cellular"), NOT_HELD,
	    WANT("down", "this network is metered, and its profile starts "
			 "nothing on one") },
	  "work is down, for 5 min: this network is metered, and its profile "
	  "starts nothing on one. Rule 0 (Cellular) would connect.\n"
	  "  network   Cellular on wwan0, metered (says ModemManager)\n" },
	{ "a captive portal is in the way",
	  { IS("failed", "unreachable", "the gateway cannot be reached"),
	    .retry_at = AT_14_07 + 8,
	    .network = { .type = T("WiFi"),
			 .device = T("wlan0"),
			 .security = T("unknown"),
			 .portal = T("captive"),
			 .portal_url = T("http://login.cafe.example/") },
	    RULE("match", 0, "Connect", "WiFi"), NOT_HELD,
	    WANT("up", "rule 0 (WiFi) says Connect") },
	  "work has failed, for 5 min\n"
	  "  because   the gateway cannot be reached\n"
	  "  next      tried again in 8 s\n"
	  "  wanted    rule 0 (WiFi) says Connect\n"
	  "  network   WiFi (SSID unavailable) on wlan0\n"
	  "  log in    this network wants it before anything else: open "
	  "http://login.cafe.example/ in a browser\n" },
	{ "a captive portal, and a profile without rules",
	  { FINE("connecting"), .rule.outcome = T("off"), WIRE,
	    .network.portal = T("captive"), HELD("held-up", "command"),
	    WANT("up", "you said so") },
	  "work is connecting, for 5 min\n"
	  "  log in    this network wants it before anything else: open any "
	  "http:// page in a browser\n" },
	{ "another VPN",
	  { FINE("down"),
	    .network = { .type = T("other"),
			 .device = T("wg0"),
			 .other_vpn = true },
	    .rule.outcome = T("other-vpn"), NOT_HELD,
	    WANT("down", "another VPN carries this machine's traffic") },
	  "work is down, for 5 min: another VPN carries this machine's "
	  "traffic\n"
	  "  network   another VPN on wg0\n" },
	{ "no network",
	  { FINE("down"), .network.type = T("none"),
	    .rule.outcome = T("no-network"), NOT_HELD,
	    WANT("down", "there is no network") },
	  "work is down, for 5 min: there is no network\n"
	  "  network   none\n" },
	{ "it fails while the user holds it up",
	  { IS("reconnecting", "silent", "the gateway stopped answering"), CAFE,
	    CAFE_CONNECTS, HELD("held-up", "network"),
	    WANT("up", "you said so") },
	  "work is reconnecting, for 5 min\n"
	  "  because   the gateway stopped answering\n"
	  "  wanted    you said so at 14:02; ends when this network changes. "
	  "Rule 2 (WiFi, SSID CafeNet) would connect, too.\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   WiFi \"CafeNet\" on wlan0 (open), gateway 192.0.2.1\n" },
	{ "held up, and of no use here",
	  { IS("down", "profile", "the profile cannot be used"), WIRE,
	    RULE("match", 1, "Connect", "any network"),
	    HELD("held-up", "network"),
	    WANT("down", "its profile cannot be used on this machine") },
	  "work is down, for 5 min: its profile cannot be used on this "
	  "machine. Rule 1 (any network) would connect, too.\n"
	  "  your word up, said at 14:02; ends when this network changes\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n" },
	{ "two profiles",
	  { FINE("up"), WIRE, RULE("match", 1, "Connect", "Ethernet"),
	    HELD("held-up", "network"), WANT("up", "you said so"),
	    .on_demand = { &home_wants, 1 } },
	  "work is up, for 5 min: you said so at 14:02; ends when this network "
	  "changes. Rule 1 (Ethernet) would connect, too.\n"
	  "  to end it \"adit auto work\": its rules decide again\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n"
	  "  home      wants the tunnel, too: rule 0 (any network) says "
	  "Connect; work has it\n" },
	{ "many profiles",
	  { FINE("up"), WIRE, RULE("match", 1, "Connect", "Ethernet"), NOT_HELD,
	    WANT("up", "rule 1 (Ethernet) says Connect"),
	    .on_demand = { many, ARRAY_SIZE(many) } },
	  "work is up, for 5 min: rule 1 (Ethernet) says Connect\n"
	  "  network   Ethernet on up0, gateway 10.9.0.1\n"
	  "  a         is held down: you said so\n"
	  "  b         would wait for a name that needs it: rule 1 (any "
	  "network) says EvaluateConnection; work has it\n"
	  "  long-name-of-a-profile is not wanted: no rule matches this "
	  "network\n"
	  "  d         wants the tunnel, too: you said so; work has it\n"
	  "  others    2 more: \"adit status --json\" has them\n" },
	{ "without rules all is as ever",
	  { IS("down", "user", "you said so"), WIRE, .rule.outcome = T("off"),
	    .hold = { .state = T("none"), .ended = T("its time was over") },
	    WANT("down", "you said so") },
	  "work is down, for 5 min\n"
	  "  because   you said so\n" },
	{ "without rules, for two hours",
	  { IS("down", "user", "you said so"), WIRE, .rule.outcome = T("off"),
	    HELD("held-down", "time", .until = AT_16_02),
	    WANT("down", "you said so") },
	  "work is down: you said so at 14:02; ends at 16:02\n" },
	{ "of an older aditd",
	  { IS("down", "user", "you said so") },
	  "work is down, for 5 min\n"
	  "  because   you said so\n" },
};

static char *print(const struct ctl_status *s, bool colour)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	cli_print_status(to, colour, s, AT_14_07);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

static void setup(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
}

START_TEST(tells_why_the_tunnel_is_up_or_down)
{
	char *text = print(&rows[_i].status, false);

	ck_assert_msg(strcmp(text, rows[_i].text) == 0, "%s:\n%s",
		      rows[_i].what, text);
	free(text);
}
END_TEST

static const struct {
	const char *ssid, *hex, *shown;
} ssids[] = {
	{ "a \"b\"", "6120226222", "\"a \"b\"\"" },
	{ "Caf\xc3\xa9", "436166c3a9", "\"Caf\xc3\xa9\"" },
	{ "a\n\033[2Jb", "610a1b5b324a62",
	  "\"a??[2Jb\" (in hex 610a1b5b324a62)" },
	/* C1, and a change of direction: as UTF-8. */
	{ "\xc2\x9b"
	  "2J",
	  "c29b324a", "\"??2J\" (in hex c29b324a)" },
	{ "a\xe2\x80\xae"
	  "b",
	  "61e280ae62", "\"a???b\" (in hex 61e280ae62)" },
	/* What aditd makes of bytes that are no text. */
	{ "\\xff\\x00", "ff00", "\"\\xff\\x00\" (in hex ff00)" },
	/* A name that only looks like that. */
	{ "\\xff", "5c786666", "\"\\xff\"" },
	{ "\\x80\\x81\\x82\\x83\\x84\\x85\\x86\\x87\\x88\\x89\\x8a\\x8b\\x8c"
	  "\\x8d\\x8e\\x8f\\x90\\x91\\x92\\x93\\x94\\x95\\x96\\x97\\x98\\x99"
	  "\\x9a\\x9b\\x9c\\x9d\\x9e\\x9f",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "\"\\x80\\x81\\x82\\x83\\x84\\x85\\x86\\x87\\x88\\x89\\x8a\\x8b\\x8c"
	  "\\x8d\\x8e\\x8f\\x90\\x91\\x92\\x93\\x94\\x95\\x96\\x97\\x98\\x99"
	  "\\x9a\\x9b\\x9c\\x9d\\x9e\\x9f\" (in hex "
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	  ")" },
};

START_TEST(shows_an_odd_ssid_without_obeying_it)
{
	const struct ctl_status s = {
		FINE("up"),
		RULE("match", 0, "Connect", "WiFi"),
		NOT_HELD,
		WANT("up", "rule 0 (WiFi) says Connect"),
		.network = { .type = T("WiFi"),
			     .device = T("wlan0"),
			     .security = T("personal"),
			     .ssid = T(ssids[_i].ssid),
			     .ssid_hex = T(ssids[_i].hex) },
	};
	char *text = print(&s, false), wanted[512];

	snprintf(wanted, sizeof(wanted),
		 "work is up, for 5 min: rule 0 (WiFi) says Connect\n"
		 "  network   WiFi %s on wlan0 (personal)\n",
		 ssids[_i].shown);
	ck_assert_str_eq(text, wanted);
	free(text);
}
END_TEST

START_TEST(colours_only_a_terminal)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *with = print(&rows[i].status, true);
		char *without = print(&rows[i].status, false);

		ck_assert_ptr_nonnull(strchr(with, '\033'));
		ck_assert_ptr_null(strchr(without, '\033'));
		free(with);
		free(without);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("status");
	TCase *t = tcase_create("status");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, tells_why_the_tunnel_is_up_or_down, 0,
			    (int)ARRAY_SIZE(rows));
	tcase_add_loop_test(t, shows_an_odd_ssid_without_obeying_it, 0,
			    (int)ARRAY_SIZE(ssids));
	tcase_add_test(t, colours_only_a_terminal);
	suite_add_tcase(s, t);
	return suite_run(s);
}
