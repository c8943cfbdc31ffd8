/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NetworkManager's dnsmasq, by GlobalDnsConfiguration: servers by domain, bound
 * to no device. It replaces what the connections say, so the uplink's servers
 * go into it as they are now; when those change, verify says so.
 *
 * Both what we want and what there is are brought into one form: a set of lines
 * "DOMAIN SERVER", and "search DOMAIN" for the list.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/host/dns_owner_nm_linux.h"

/* The domain by which we know that the configuration is ours; nobody asks for
 * it (RFC 6761). */
#define MARK "adit.invalid"
#define PROPERTY "GlobalDnsConfiguration"
#define DEFAULT_DOMAIN "*"

struct lines {
	char *text;
	size_t size;
	FILE *f;
};

static int lines_begin(struct lines *l)
{
	*l = (struct lines) { 0 };
	l->f = open_memstream(&l->text, &l->size);
	return l->f ? 0 : -ENOMEM;
}

static int lines_end(struct lines *l)
{
	bool failed = ferror(l->f);

	if (fclose(l->f) == 0 && !failed)
		return 0;
	free(l->text);
	return -ENOMEM;
}

static bool has_line(const char *text, const char *line, size_t len)
{
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
		if (strcspn(at, "\n") == len && memcmp(at, line, len) == 0)
			return true;
	}
	return false;
}

/* A line of `a` that is not in `b`, or NULL. */
static const char *missing_line(const char *a, const char *b, size_t *ret_len)
{
	for (; *a; a += *ret_len + 1) {
		*ret_len = strcspn(a, "\n");
		if (!has_line(b, a, *ret_len))
			return a;
	}
	return NULL;
}

/* --- what there is --- */

typedef int (*entry_cb)(sd_bus_message *m, const char *key, struct lines *l);

/* A variant with a dictionary in it, each value by `each`, which reads it. */
static int read_dictionary(sd_bus_message *m, struct lines *l, entry_cb each)
{
	const char *key;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r > 0)
			r = each(m, key, l);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* A variant with a list of texts, each in a line behind `name`. */
static int read_texts(sd_bus_message *m, const char *name, struct lines *l)
{
	const char *text;
	int r = sd_bus_message_enter_container(m, 'v', "as");

	if (r > 0)
		r = sd_bus_message_enter_container(m, 'a', "s");
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	while ((r = sd_bus_message_read(m, "s", &text)) > 0)
		fprintf(l->f, "%s %s\n", name, text);
	if (r == 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_search(sd_bus_message *m, const char *key, struct lines *l)
{
	return strcmp(key, "searches") == 0 ? read_texts(m, "search", l)
					    : sd_bus_message_skip(m, "v");
}

/* The domain's name is not in its dictionary: it is written by read_domain,
 * before each of the servers, which are all we look at. */
static int read_domain(sd_bus_message *m, const char *domain, struct lines *l)
{
	const char *key;
	int r = sd_bus_message_enter_container(m, 'v', "a{sv}");

	if (r > 0)
		r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r > 0)
			r = strcmp(key, "servers") == 0
				    ? read_texts(m, domain, l)
				    : sd_bus_message_skip(m, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_key(sd_bus_message *m, const char *key, struct lines *l)
{
	int r;

	if (strcmp(key, "domains") != 0)
		return read_search(m, key, l);
	r = sd_bus_message_enter_container(m, 'v', "a{sv}");
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	r = read_dictionary(m, l, read_domain);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* To be freed. */
static int read_now(struct bus *bus, char **ret_text)
{
	sd_bus_message *reply;
	struct lines l;
	int r = bus_get(bus, &nm_manager, PROPERTY, "a{sv}", &reply);

	if (r < 0)
		return r;
	r = lines_begin(&l);
	if (r == 0) {
		r = read_dictionary(reply, &l, read_key);
		if (lines_end(&l) < 0)
			r = -ENOMEM;
		else if (r < 0)
			free(l.text);
		else
			*ret_text = l.text;
	}
	sd_bus_message_unref(reply);
	return r < 0 ? r : 0;
}

/* --- what we want --- */

struct wanted {
	/* Of the stub: match and search domains, and the mark. */
	const char **domains;
	size_t domain_count;
	const char *search[DNS_OWNER_SEARCH_MAX];
	size_t search_count;
	char stub[ADDR_TEXT_MAX];
	/* Servers of all other names. */
	char others[DNS_OWNER_SERVERS_MAX][ADDR_TEXT_MAX];
	size_t other_count;
	struct dns_owner_uplink uplink;
};

static void wanted_destroy(struct wanted *w)
{
	if (!w)
		return;
	free(w->domains);
	free(w);
}

static void want_domain(struct wanted *w, const char *domain)
{
	for (size_t i = 0; i < w->domain_count; i++) {
		if (strcmp(w->domains[i], domain) == 0)
			return;
	}
	w->domains[w->domain_count++] = domain;
}

/* Search domains as well, as with the other owners: whether they are the
 * tunnel's is for the stub to say. */
static int want_domains(struct wanted *w, const struct dns_owner_plan *p)
{
	w->domains = calloc(p->match_count + p->search_count + 1,
			    sizeof(*w->domains));
	if (!w->domains)
		return -ENOMEM;
	for (size_t i = 0; i < p->match_count; i++)
		want_domain(w, p->match[i]);
	for (size_t i = 0; i < p->search_count; i++)
		want_domain(w, p->search[i]);
	want_domain(w, MARK);
	return 0;
}

static int want(struct bus *bus, const struct dns_owner_plan *p,
		struct wanted **ret_wanted)
{
	struct wanted *w = calloc(1, sizeof(*w));
	int r = w ? nm_read_devices(bus, &w->uplink) : -ENOMEM;

	if (r == 0)
		r = want_domains(w, p);
	if (r) {
		wanted_destroy(w);
		return r;
	}
	addr_text(&p->stub.addr, w->stub);
	w->search_count = dns_owner_search_list(p, &w->uplink, w->search);
	for (size_t i = 0; !p->everything && i < w->uplink.server_count; i++) {
		const struct endpoint *at = &w->uplink.servers[i].at;

		/* A link has no place in its text; our stub knows it. */
		if (at->scope_id == 0)
			addr_text(&at->addr, w->others[w->other_count++]);
	}
	/* dnsmasq must have somebody to ask. */
	if (w->other_count == 0)
		memcpy(w->others[w->other_count++], w->stub, sizeof(w->stub));
	*ret_wanted = w;
	return 0;
}

static int want_text(const struct wanted *w, char **ret_text)
{
	struct lines l;
	int r = lines_begin(&l);

	if (r)
		return r;
	for (size_t i = 0; i < w->search_count; i++)
		fprintf(l.f, "search %s\n", w->search[i]);
	for (size_t i = 0; i < w->other_count; i++)
		fprintf(l.f, DEFAULT_DOMAIN " %s\n", w->others[i]);
	for (size_t i = 0; i < w->domain_count; i++)
		fprintf(l.f, "%s %s\n", w->domains[i], w->stub);
	r = lines_end(&l);
	if (r == 0)
		*ret_text = l.text;
	return r;
}

static int put_domain(sd_bus_message *m, const char *domain,
		      const char *const *servers, size_t count)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", domain);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "a{sv}");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = nm_put_list(m, "servers", servers, count);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

static int put_domains(sd_bus_message *m, const struct wanted *w)
{
	const char *others[DNS_OWNER_SERVERS_MAX], *stub = w->stub;
	int r = sd_bus_message_open_container(m, 'e', "sv");

	for (size_t i = 0; i < w->other_count; i++)
		others[i] = w->others[i];
	if (r >= 0)
		r = sd_bus_message_append(m, "s", "domains");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "a{sv}");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = put_domain(m, DEFAULT_DOMAIN, others, w->other_count);
	for (size_t i = 0; r >= 0 && i < w->domain_count; i++)
		r = put_domain(m, w->domains[i], &stub, 1);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

/* NULL: nothing, as it is without us. */
static int write_now(struct bus *bus, const struct wanted *w)
{
	static const struct bus_place properties = {
		NM, "/org/freedesktop/NetworkManager",
		"org.freedesktop.DBus.Properties"
	};
	sd_bus_message *m = NULL;
	int r = bus_compose(bus, &properties, "Set", &m);

	if (r < 0)
		return r;
	r = sd_bus_message_append(m, "ss", NM, PROPERTY);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "a{sv}");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0 && w)
		r = nm_put_list(m, "searches", w->search, w->search_count);
	if (r >= 0 && w)
		r = put_domains(m, w);
	for (int i = 0; r >= 0 && i < 2; i++)
		r = sd_bus_message_close_container(m);
	return nm_finish(bus, m, r);
}

/* --- the owner --- */

static bool is_ours(const char *now)
{
	for (; *now; now += strcspn(now, "\n") + 1) {
		if (strncmp(now, MARK " ", sizeof(MARK)) == 0)
			return true;
	}
	return false;
}

/* 1, 0 or -errno. */
static int compare(struct bus *bus, const struct wanted *w, char *error)
{
	char *now, *wanted;
	const char *line;
	size_t len = 0;
	int r = read_now(bus, &now);

	if (r < 0)
		return nm_refused(bus, PROPERTY, r, error);
	r = want_text(w, &wanted);
	if (r < 0) {
		free(now);
		return r;
	}
	r = 1;
	line = missing_line(wanted, now, &len);
	if (line) {
		dns_owner_say(error, "NetworkManager has no \"%.*s\" any more",
			      (int)len, line);
		r = 0;
	} else if ((line = missing_line(now, wanted, &len)) != NULL) {
		dns_owner_say(error, "NetworkManager has \"%.*s\", not ours",
			      (int)len, line);
		r = 0;
	}
	free(now);
	free(wanted);
	return r;
}

static int set(struct bus *bus, const struct wanted *w, char *error)
{
	char *now;
	int r = read_now(bus, &now);

	if (r < 0)
		return nm_refused(bus, PROPERTY, r, error);
	if (*now && !is_ours(now)) {
		dns_owner_say(error, "NetworkManager has a global DNS "
				     "configuration of somebody else's");
		r = -EEXIST;
	}
	free(now);
	if (r == 0 && (r = write_now(bus, w)) < 0)
		nm_refused(bus, PROPERTY, r, error);
	if (r == 0) {
		r = compare(bus, w, error);
		r = r == 1 ? 0 : r == 0 ? -EIO : r;
	}
	return r;
}

/* With a bus that is open, and what NetworkManager is to be told. */
static int with_wanted(const struct dns_owner_plan *p, char *error,
		       int (*act)(struct bus *bus, const struct wanted *w,
				  char *error))
{
	struct wanted *w;
	struct bus bus;
	int r = nm_open(&bus, error);

	if (r)
		return r;
	r = want(&bus, p, &w);
	if (r == 0) {
		r = act(&bus, w, error);
		wanted_destroy(w);
	}
	bus_close(&bus);
	return r;
}

static int dnsmasq_apply(const struct dns_owner *o ATTR_UNUSED,
			 const struct dns_owner_plan *p, char *error)
{
	return with_wanted(p, error, set);
}

static int dnsmasq_verify(const struct dns_owner *o ATTR_UNUSED,
			  const struct dns_owner_plan *p, char *error)
{
	return with_wanted(p, error, compare);
}

/* It outlives NetworkManager on disk, so an absent one is a failure, and the
 * journal keeps it for the next start. */
static int dnsmasq_undo(void)
{
	char error[DNS_OWNER_TEXT_MAX], *now;
	struct bus bus;
	int r = nm_open(&bus, error);

	if (r)
		return r;
	r = read_now(&bus, &now);
	if (r == 0) {
		r = is_ours(now) ? write_now(&bus, NULL) : 0;
		free(now);
	}
	bus_close(&bus);
	return r;
}

const struct dns_owner_ops dns_owner_dnsmasq = {
	.name = "NetworkManager with dnsmasq",
	.undo_text = "dns dnsmasq",
	.apply = dnsmasq_apply,
	.verify = dnsmasq_verify,
	.undo = dnsmasq_undo,
	.read_uplink = nm_read_uplink,
};
