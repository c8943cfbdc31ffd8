/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/cli/cli_status.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "config/text.h"
#include "tunnel/cli/cli.h"

enum {
	OTHERS_SHOWN = 4,
};

static bool is(const char *text, const char *what)
{
	return text != NULL && strcmp(text, what) == 0;
}

static bool begins(const char *text, const char *what)
{
	return text != NULL && strncmp(text, what, strlen(what)) == 0;
}

static const char *or_none(const char *text)
{
	return text ? text : "";
}

/* --- Who decides? --- */

static bool has_rules(const struct ctl_status *s)
{
	return s->rule.outcome != NULL && !is(s->rule.outcome, "off");
}

static bool is_held(const struct ctl_status *s)
{
	return is(s->hold.state, "held-down") || is(s->hold.state, "held-up");
}

/* Not what nobody may override, such as a profile that cannot be used. */
static bool hold_decides(const struct ctl_status *s)
{
	return is_held(s) && is(s->want.because, "you said so");
}

/* Without rules and an end, a hold is no more than up or down. */
static bool has_why(const struct ctl_status *s)
{
	return s->want.state != NULL &&
	       (has_rules(s) || (is_held(s) && !is(s->hold.ends, "command")));
}

bool cli_status_is_as_wanted(const struct ctl_status *s)
{
	if (!has_why(s))
		return false;
	if (is(s->state, "waiting"))
		return is(s->want.state, "armed");
	return is(s->state, s->want.state);
}

/* --- The sentence. --- */

/* "14:02" today, else with the date; in local time. */
void cli_status_time(FILE *to, uint64_t at_s, uint64_t now_s)
{
	time_t at = (time_t)at_s, now = (time_t)now_s;
	struct tm tm, today;
	char text[32] = "?";

	if (localtime_r(&at, &tm) != NULL && localtime_r(&now, &today) != NULL)
		strftime(text, sizeof(text),
			 tm.tm_year == today.tm_year &&
					 tm.tm_yday == today.tm_yday
				 ? "%H:%M"
				 : "%Y-%m-%d %H:%M",
			 &tm);
	fputs(text, to);
}

/* " at 14:02; ends when this network changes". */
static void put_term(FILE *to, const struct ctl_status *s, uint64_t now_s)
{
	const char *before = "";

	fputs(" at ", to);
	cli_status_time(to, s->hold.since, now_s);
	fputs("; ends", to);
	if (s->hold.until != 0) {
		fputs(" at ", to);
		cli_status_time(to, s->hold.until, now_s);
		before = " or";
	}
	if (is(s->hold.ends, "reboot"))
		fprintf(to, "%s at the next reboot", before);
	else if (is(s->network.type, "none") && has_rules(s))
		fprintf(to, "%s when another network comes", before);
	else if (has_rules(s))
		fprintf(to, "%s when this network changes", before);
}

/* Of an action, when something else decides than its rule. */
static const char *would(const struct ctl_status *s)
{
	bool down = is(s->hold.state, "held-down");
	bool up = is(s->hold.state, "held-up");

	if (is(s->rule.action, "Connect"))
		return up ? "would connect, too" : "would connect";
	if (is(s->rule.action, "Disconnect"))
		return down ? "would disconnect, too" : "would disconnect";
	if (is(s->rule.action, "EvaluateConnection"))
		return "would connect when a name needs it";
	return "leaves it as it is";
}

/* ". Rule 2 (WiFi, SSID CafeNet) would connect." */
static void put_rule(FILE *to, const struct ctl_status *s)
{
	bool pending = is(s->rule.outcome, "pending");

	if (is(s->rule.outcome, "no-match"))
		fputs(". No rule matches this network.", to);
	if (s->rule.index == 0)
		return;
	fprintf(to, ". Rule %" PRIu64 " (", s->rule.index - 1);
	cli_put_clean(to, or_none(s->rule.text));
	fprintf(to, ") %s.", pending ? "waits for its probe" : would(s));
}

void cli_status_why(FILE *to, const struct ctl_status *s, uint64_t now_s)
{
	const char *because = s->want.because;

	if (hold_decides(s)) {
		fputs("you said so", to);
		put_term(to, s, now_s);
	} else {
		cli_put_clean(to, or_none(because));
		if (begins(because, "rule ") || begins(because, "no rule "))
			return; /* it is the sentence already */
	}
	put_rule(to, s);
}

/* --- What else there is to know. --- */

/* The first line tells of another trouble, and this one what it is all for. */
static void put_wanted(FILE *to, bool colour, const struct ctl_status *s,
		       uint64_t now_s)
{
	if (has_why(s) && !cli_status_is_as_wanted(s)) {
		cli_status_label(to, colour, "wanted");
		if (is(s->want.state, "armed"))
			fputs("not now: ", to);
		else if (is(s->want.state, "down"))
			fputs("no: ", to);
		cli_status_why(to, s, now_s);
		fputc('\n', to);
	}
	if (is(s->want.state, "armed") && is(s->state, "waiting")) {
		cli_status_label(to, colour, "starts");
		fputs("when a program asks for a name that needs it\n", to);
	}
}

static void put_hold(FILE *to, bool colour, const struct ctl_status *s,
		     uint64_t now_s)
{
	if (is_held(s) && has_why(s) && !hold_decides(s)) {
		cli_status_label(to, colour, "your word");
		fputs(is(s->hold.state, "held-up") ? "up, said" : "down, said",
		      to);
		put_term(to, s, now_s);
		fputc('\n', to);
	}
	if (s->hold.reason != NULL) {
		cli_status_label(to, colour, "reason");
		fputc('"', to);
		cli_put_clean(to, s->hold.reason);
		fputs("\"\n", to);
	}
	if (is_held(s) && has_rules(s)) {
		cli_status_label(to, colour, "to end it");
		fputs("\"adit auto ", to);
		cli_put_clean(to, or_none(s->profile));
		fputs("\": its rules decide again\n", to);
	}
	if (!is_held(s) && s->hold.ended != NULL && has_rules(s)) {
		cli_status_label(to, colour, "your word");
		fputs("holds no more: ", to);
		cli_put_clean(to, s->hold.ended);
		fputc('\n', to);
	}
}

/* Is this all that its bytes say, and what a terminal shows of them? */
static bool is_plain(const char *ssid, const char *hex)
{
	char byte[3], clean[160];
	size_t len = strlen(ssid);

	if (hex == NULL || strlen(hex) != 2 * len || len >= sizeof(clean))
		return false;
	for (size_t i = 0; i < len; i++) {
		snprintf(byte, sizeof(byte), "%02x", (unsigned char)ssid[i]);
		if (memcmp(byte, hex + 2 * i, 2) != 0)
			return false;
	}
	memcpy(clean, ssid, len + 1);
	text_make_printable(clean);
	return strcmp(clean, ssid) == 0;
}

static void put_wifi(FILE *to, const struct ctl_status *s)
{
	const char *ssid = s->network.ssid, *hex = s->network.ssid_hex;

	fputs("WiFi", to);
	if (ssid == NULL) {
		fputs(" (SSID unavailable)", to);
		return;
	}
	fputs(" \"", to);
	cli_put_clean(to, ssid);
	fputc('"', to);
	if (!is_plain(ssid, hex)) {
		fputs(" (in hex ", to);
		cli_put_clean(to, or_none(hex));
		fputc(')', to);
	}
}

static void put_kind(FILE *to, const struct ctl_status *s)
{
	if (s->network.other_vpn)
		fputs("another VPN", to);
	else if (is(s->network.type, "WiFi"))
		put_wifi(to, s);
	else if (is(s->network.type, "other"))
		fputs("of no known type", to);
	else
		cli_put_clean(to, s->network.type);
	if (s->network.device != NULL) {
		fputs(" on ", to);
		cli_put_clean(to, s->network.device);
	}
	if (s->network.security != NULL &&
	    !is(s->network.security, "unknown")) {
		fputs(" (", to);
		cli_put_clean(to, s->network.security);
		fputc(')', to);
	}
}

static void put_network(FILE *to, bool colour, const struct ctl_status *s)
{
	if (!has_rules(s) || s->network.type == NULL)
		return;
	cli_status_label(to, colour, "network");
	put_kind(to, s);
	if (s->network.gateway != NULL) {
		fputs(", gateway ", to);
		cli_put_clean(to, s->network.gateway);
	}
	if (s->network.metered)
		fputs(", metered", to);
	if (s->network.metered && s->network.metered_by != NULL) {
		fputs(" (says ", to);
		cli_put_clean(to, s->network.metered_by);
		fputc(')', to);
	}
	fputc('\n', to);
}

static void put_portal(FILE *to, bool colour, const struct ctl_status *s)
{
	if (!is(s->network.portal, "captive"))
		return;
	cli_status_label(to, colour, "log in");
	fputs("this network wants it before anything else: open ", to);
	cli_put_clean(to, s->network.portal_url ? s->network.portal_url
						: "any http:// page");
	fputs(" in a browser\n", to);
}

/* "home wants the tunnel, too: rule 0 (Ethernet) says Connect; work has it". */
static void put_other(FILE *to, bool colour, const struct ctl_status *s,
		      const struct ctl_demand *d)
{
	bool taken = is(s->want.state, "up") || is(s->want.state, "armed");

	cli_status_label(to, colour, or_none(d->profile));
	if (is(d->want, "up"))
		fputs("wants the tunnel, too: ", to);
	else if (is(d->want, "armed"))
		fputs("would wait for a name that needs it: ", to);
	else if (is(d->hold, "held-down"))
		fputs("is held down: ", to);
	else
		fputs("is not wanted: ", to);
	cli_put_clean(to, or_none(d->because));
	if (!is(d->want, "down") && taken) {
		fputs("; ", to);
		cli_put_clean(to, or_none(s->profile));
		fputs(" has it", to);
	}
	fputc('\n', to);
}

static void put_others(FILE *to, bool colour, const struct ctl_status *s)
{
	const struct ctl_demand *d = s->on_demand.items;
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < s->on_demand.count; i++) {
		if (is(d[i].profile, or_none(s->profile)))
			continue;
		if (shown < OTHERS_SHOWN) {
			put_other(to, colour, s, &d[i]);
			shown++;
		} else {
			more++;
		}
	}
	if (more > 0) {
		cli_status_label(to, colour, "others");
		fprintf(to, "%zu more: \"adit status --json\" has them\n",
			more);
	}
}

void cli_status_demand(FILE *to, bool colour, const struct ctl_status *s,
		       uint64_t now_s)
{
	put_wanted(to, colour, s, now_s);
	put_hold(to, colour, s, now_s);
	put_network(to, colour, s);
	put_portal(to, colour, s);
	put_others(to, colour, s);
}
