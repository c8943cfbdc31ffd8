/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A person's status: half a screen, the answer in its first line. */
#include "tunnel/cli/cli_status.h"

#include <inttypes.h>
#include <string.h>

#include "tunnel/base/human.h"
#include "tunnel/cli/cli.h"

enum {
	LIST_SHOWN = 4, /* of routes and names; the rest is counted */
};

static const char *const green = "\033[32m", *const red = "\033[31m",
			 *const yellow = "\033[33m", *const dim = "\033[2m",
			 *const plain = "\033[0m";

static bool is(const char *text, const char *what)
{
	return text != NULL && strcmp(text, what) == 0;
}

static const char *or_none(const char *text)
{
	return text ? text : "";
}

static void put_list(FILE *to, const struct ctl_list *list)
{
	char *const *text = list->items;

	for (size_t i = 0; i < list->count && i < LIST_SHOWN; i++) {
		fputs(i ? ", " : "", to);
		cli_put_clean(to, text[i]);
	}
	if (list->count > LIST_SHOWN)
		fprintf(to, " and %zu more", list->count - LIST_SHOWN);
}

void cli_status_label(FILE *to, bool colour, const char *label)
{
	int width = (int)strlen(label);

	fprintf(to, "  %s", colour ? dim : "");
	cli_put_clean(to, label);
	fprintf(to, "%*s%s", width < 10 ? 10 - width : 1, "",
		colour ? plain : "");
}

static const char *colour_of(const struct ctl_status *s)
{
	if (is(s->state, "up"))
		return green;
	if (is(s->state, "failed"))
		return red;
	return is(s->state, "down") ? dim : yellow;
}

/* "work is up, for 5 min", "work is down: you said so at 14:02; ...". */
static void put_headline(FILE *to, bool colour, const struct ctl_status *s,
			 uint64_t now_s, bool told)
{
	fputs(colour ? colour_of(s) : "", to);
	cli_put_clean(to, s->profile ? s->profile : "the tunnel");
	fputs(is(s->state, "failed") ? " has " : " is ", to);
	cli_put_clean(to, or_none(s->state));
	fputs(colour ? plain : "", to);
	/* A hold says itself since when. */
	if (s->since != 0 && s->since <= now_s &&
	    !(told && is(s->hold.state, "held-down"))) {
		fputs(", for ", to);
		human_duration(to, now_s - s->since);
	}
	if (told) {
		fputs(": ", to);
		cli_status_why(to, s, now_s);
	}
	fputc('\n', to);
}

static void put_state(FILE *to, bool colour, const struct ctl_status *s,
		      uint64_t now_s)
{
	bool told = cli_status_is_as_wanted(s);

	put_headline(to, colour, s, now_s, told);
	if (s->reason.code != NULL && !is(s->reason.code, "none") && !told) {
		cli_status_label(to, colour, "because");
		cli_put_clean(to, or_none(s->reason.text));
		fputc('\n', to);
	}
	if (s->detail != NULL) {
		cli_status_label(to, colour, "in detail");
		cli_put_clean(to, s->detail);
		fputc('\n', to);
	}
	if (s->retry_at != 0) {
		cli_status_label(to, colour, "next");
		if (s->retry_at > now_s) {
			fputs("tried again in ", to);
			human_duration(to, s->retry_at - now_s);
		} else {
			fputs("tried again now", to);
		}
		fputc('\n', to);
	}
}

static void put_gateway(FILE *to, bool colour, const struct ctl_status *s)
{
	if (s->gateway.name != NULL) {
		cli_status_label(to, colour, "gateway");
		cli_put_clean(to, s->gateway.name);
		if (s->gateway.address != NULL) {
			fputs(", ", to);
			cli_put_clean(to, s->gateway.address);
		}
		if (s->transport != NULL) {
			fputs(" over ", to);
			cli_put_clean(to, s->transport);
		}
		if (s->rtt_us != 0)
			fprintf(to, ", %.1f ms away", (double)s->rtt_us / 1000);
		fputc('\n', to);
	}
	if (s->cipher != NULL) {
		cli_status_label(to, colour, "sealed by");
		cli_put_clean(to, s->cipher);
		if (s->cipher_library != NULL) {
			fputs(" of ", to);
			cli_put_clean(to, s->cipher_library);
		}
		fputs(", keys agreed by ", to);
		cli_put_clean(to, or_none(s->group));
		fputc('\n', to);
	}
}

/* "198.51.100.10 for corp.example, by way of systemd-resolved 252". */
static void put_names(FILE *to, bool colour, const struct ctl_status *s)
{
	if (s->dns.stub == NULL)
		return;
	cli_status_label(to, colour, "DNS");
	if (s->dns.servers.count > 0)
		put_list(to, &s->dns.servers);
	else
		fputs("nobody yet", to);
	fputs(s->dns.all_names ? " for all names" : " for ", to);
	if (!s->dns.all_names)
		put_list(to, s->dns.match.count > 0 ? &s->dns.match
						    : &s->dns.search);
	if (s->dns.applied) {
		fputs(", by way of ", to);
		cli_put_clean(to, or_none(s->dns.owner));
	} else {
		fputs(" (this machine is not told yet)", to);
	}
	fputc('\n', to);
}

static void put_inside(FILE *to, bool colour, const struct ctl_status *s)
{
	if (s->addresses.count > 0) {
		cli_status_label(to, colour, "inside");
		put_list(to, &s->addresses);
		fputs(" on ", to);
		cli_put_clean(to, or_none(s->device));
		fprintf(to, ", MTU %" PRIu64 "\n", s->mtu);
	}
	if (s->routes.count > 0) {
		cli_status_label(to, colour, "routes");
		put_list(to, &s->routes);
		if (s->excluded.count > 0) {
			fputs("; not ", to);
			put_list(to, &s->excluded);
		}
		fputc('\n', to);
	}
	put_names(to, colour, s);
}

static void put_traffic(FILE *to, bool colour, const struct ctl_status *s)
{
	const struct ctl_drop *drop = s->drops.items;
	const char *comma = "";

	if (s->counters.rx_packets + s->counters.tx_packets > 0) {
		cli_status_label(to, colour, "traffic");
		human_bytes(to, s->counters.rx_bytes);
		fputs(" in, ", to);
		human_bytes(to, s->counters.tx_bytes);
		fputs(" out\n", to);
	}
	if (s->drops.count == 0)
		return;
	cli_status_label(to, colour, "dropped");
	for (size_t i = 0; i < s->drops.count; i++) {
		fprintf(to, "%s%" PRIu64 " ", comma, drop[i].count);
		cli_put_clean(to, or_none(drop[i].cause));
		comma = ", ";
	}
	fputc('\n', to);
}

/* " (since 14:02; 3 times)". */
static void put_since(FILE *to, const struct ctl_fallback *f, uint64_t now_s)
{
	if (f->since == 0)
		return;
	fputs(" (since ", to);
	cli_status_time(to, f->since, now_s);
	if (f->times > 1)
		fprintf(to, "; %" PRIu64 " times", f->times);
	fputc(')', to);
}

static void put_notes(FILE *to, bool colour, const struct ctl_status *s,
		      uint64_t now_s)
{
	const struct ctl_fallback *fallback = s->fallbacks.items;
	char *const *problem = s->problems.items;

	for (size_t i = 0; i < s->fallbacks.count; i++) {
		cli_status_label(to, colour, "note");
		cli_put_clean(to, or_none(fallback[i].what));
		fputs(": ", to);
		cli_put_clean(to, or_none(fallback[i].reason));
		put_since(to, &fallback[i], now_s);
		fputc('\n', to);
	}
	if (s->warnings.count > 0) {
		cli_status_label(to, colour, "warnings");
		fprintf(to,
			"%zu about its profile: \"adit status --json\" names "
			"them\n",
			s->warnings.count);
	}
	for (size_t i = 0; i < s->problems.count; i++) {
		cli_status_label(to, colour, "refused");
		cli_put_clean(to, problem[i]);
		fputc('\n', to);
	}
}

void cli_print_status(FILE *to, bool colour, const struct ctl_status *s,
		      uint64_t now_s)
{
	put_state(to, colour, s, now_s);
	cli_status_demand(to, colour, s, now_s);
	put_gateway(to, colour, s);
	put_inside(to, colour, s);
	put_traffic(to, colour, s);
	put_notes(to, colour, s, now_s);
}
