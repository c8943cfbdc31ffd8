/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells the owner of this host's DNS of a stub, as the daemon does, for
 * tests/netns/dns_owners.sh:
 *
 *   dns_owner STATE_DIR detect|undo|hold [match=D]... [search=D]... [port=N]
 *
 * "hold" applies, then obeys lines on standard input, each with one line for an
 * answer: "verify", "uplink", "canary NAME", "more D" (one more match domain,
 * applied again); it undoes at its end. "undo" does what the next start of the
 * daemon does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/base/clock.h"
#include "tunnel/host/apply.h"
#include "tunnel/host/dns_owner.h"

enum { LIST_MAX = 8 };

struct session {
	struct host *host;
	struct dns_owner owner;
	struct dns_owner_plan plan;
	const char *match[LIST_MAX];
	const char *search[LIST_MAX];
	char more[LIST_MAX][64];
	char *old; /* of the file, before us */
};

static void say(void *arg ATTR_UNUSED, const char *sentence)
{
	fprintf(stderr, "%s\n", sentence);
}

static char *read_all(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "r");

	if (!text)
		abort();
	if (f) {
		(void)!fread(text, 1, 65535, f);
		fclose(f);
	}
	return text;
}

static int apply_file(struct session *s, char *error)
{
	char *text = dns_owner_file(&s->plan, s->old);
	struct host_file f = { .path = s->owner.path,
			       .content = (uint8_t *)text,
			       .len = text ? strlen(text) : 0,
			       .mode = 0644,
			       .in_place = s->owner.in_place };
	int r = text ? host_put_file(s->host, &f) : -ENOMEM;

	if (r)
		snprintf(error, DNS_OWNER_TEXT_MAX, "%s", host_error(s->host));
	free(text);
	return r;
}

static int apply(struct session *s)
{
	char error[DNS_OWNER_TEXT_MAX] = "";
	uint64_t began = clock_now_ns();
	int r = 0;

	if (s->owner.kind != DNS_OWNER_FILE)
		r = host_call_expected(s->host, dns_owner_undo_text(&s->owner));
	if (r == 0)
		r = dns_owner_apply(&s->owner, &s->plan, error);
	if (r == 0 && s->owner.kind == DNS_OWNER_FILE)
		r = apply_file(s, error);
	if (r)
		printf("failed %d %s\n", r, error);
	else
		printf("applied in %u ms\n",
		       (unsigned int)((clock_now_ns() - began) / NS_PER_MS));
	return r;
}

static void uplink(struct session *s)
{
	static struct dns_owner_uplink u;
	char text[ENDPOINT_TEXT_MAX];
	int r = dns_owner_read_uplink(&s->owner, &s->plan.stub, &u);

	if (r && s->owner.kind == DNS_OWNER_FILE && s->old) {
		dns_owner_parse_file(s->old, &u);
		r = 0;
	}
	printf("uplink %d", r);
	for (size_t i = 0; i < u.server_count; i++)
		printf(" %s", endpoint_text(&u.servers[i].at, text));
	printf(" search");
	for (size_t i = 0; i < u.search_count; i++)
		printf(" %s", u.search[i]);
	printf("\n");
}

static void obey(struct session *s, char *line)
{
	char error[DNS_OWNER_TEXT_MAX] = "";

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "verify") == 0) {
		int r = dns_owner_verify(&s->owner, &s->plan, error);

		printf("verify %d %s\n", r, error);
	} else if (strcmp(line, "uplink") == 0) {
		uplink(s);
	} else if (strncmp(line, "canary ", 7) == 0) {
		int r = dns_owner_canary(line + 7, error);

		printf("canary %d %s\n", r, error);
	} else if (strncmp(line, "more ", 5) == 0 &&
		   s->plan.match_count < LIST_MAX) {
		char *to = s->more[s->plan.match_count];

		snprintf(to, sizeof(s->more[0]), "%.63s", line + 5);
		s->match[s->plan.match_count++] = to;
		(void)apply(s); /* it has said how it went */
	} else {
		printf("what?\n");
	}
}

static int hold(struct session *s)
{
	char line[128];
	int r;

	s->old = read_all(s->owner.path);
	uplink(s);
	r = apply(s);
	while (r == 0 && fgets(line, sizeof(line), stdin))
		obey(s, line);
	if (host_undo(s->host, HOST_ALL) != 0)
		r = -EIO;
	free(s->old);
	return r;
}

static void read_option(const char *arg, struct session *s)
{
	if (strncmp(arg, "match=", 6) == 0 && s->plan.match_count < LIST_MAX)
		s->match[s->plan.match_count++] = arg + 6;
	else if (strncmp(arg, "search=", 7) == 0 &&
		 s->plan.search_count < LIST_MAX)
		s->search[s->plan.search_count++] = arg + 7;
	else if (strncmp(arg, "port=", 5) == 0)
		s->plan.stub.port = (uint16_t)atoi(arg + 5);
	else if (strcmp(arg, "everything") == 0)
		s->plan.everything = true;
}

int main(int argc, char **argv)
{
	struct session s = { 0 };
	const char *files[] = { s.owner.path, NULL };
	struct host_config config = { .device = "adit0",
				      .files = files,
				      .notice = say };
	pid_t other = 0;
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: dns_owner STATE_DIR COMMAND\n");
		return 2;
	}
	setlinebuf(stdout);
	s.plan.match = s.match;
	s.plan.search = s.search;
	(void)endpoint_parse("127.0.77.53:53", &s.plan.stub);
	for (int i = 3; i < argc; i++)
		read_option(argv[i], &s);
	r = dns_owner_detect(&s.owner);
	printf("owner %s %s, because %s\n", dns_owner_name(s.owner.kind),
	       s.owner.version[0] ? s.owner.version : "-", s.owner.because);
	if (r || strcmp(argv[2], "detect") == 0)
		return r ? 1 : 0;
	config.state_dir = argv[1];
	if (host_open(&config, &s.host, &other) != 0)
		return 1;
	if (strcmp(argv[2], "hold") == 0)
		r = hold(&s);
	host_close(s.host);
	return r ? 1 : 0;
}
