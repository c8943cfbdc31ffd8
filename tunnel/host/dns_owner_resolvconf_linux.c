/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolvconf(8), of which there are three. The record "lo.adit" with a loopback
 * server and no options has the same effect in openresolv and in Debian's: our
 * stub alone, both search lists. The third is resolvectl by another name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel/host/dns_owner_ops.h"
#include "tunnel/host/program.h"

#define RECORD "lo.adit"
#define OF_RECORD "# resolv.conf from " /* before each one in a list */

enum { LIST_MAX = 16384 };

static int run(const char *option, const char *record, const char *input,
	       char *output, size_t size)
{
	char path[64];
	const char *const argv[] = { program_find("resolvconf", path,
						  sizeof(path)),
				     option, record, NULL };

	if (!argv[0])
		return -ENOENT;
	return program_run(argv, input, output, size, DNS_OWNER_PATIENCE_MS);
}

static bool is_ours(const char *section)
{
	size_t len = strcspn(section, "\n");

	return len == strlen(RECORD) && memcmp(section, RECORD, len) == 0;
}

/* The records of a list one after the other: the text behind OF_RECORD, with
 * the name as its first line. Cuts the list to pieces. */
static char *next_record(char **rest)
{
	char *at = *rest ? strstr(*rest, OF_RECORD) : NULL;
	char *next;

	if (!at)
		return NULL;
	at += strlen(OF_RECORD);
	next = strstr(at, "\n" OF_RECORD);
	if (next)
		*next++ = '\0';
	*rest = next;
	return at;
}

/* 1: it has a record that is not ours. */
static int has_others(char *list)
{
	char *section;

	while ((section = next_record(&list)) != NULL) {
		if (!is_ours(section))
			return 1;
	}
	return 0;
}

/* openresolv writes no file that would stay the same, as ours does whatever the
 * uplink has; the folder's name is another since 3.13. */
static void find_records(struct dns_owner *o)
{
	static const char *const folders[] = { "/run/resolvconf/keys",
					       "/run/resolvconf/interfaces" };
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(folders) && access(folders[i], F_OK) != 0)
		i++;
	snprintf(o->records, sizeof(o->records), "%s", folders[i]);
}

/* openresolv writes the file itself, so it owns it once it has written it: with
 * records. Where it has none the file is somebody's, and would be lost.
 * Debian's owns what is a link into its folder. */
static bool resolvconf_detect(struct dns_owner *o, struct bus *bus ATTR_UNUSED)
{
	static const char folder[] = "/run/resolvconf/";
	bool leads_there = strncmp(o->path, folder, strlen(folder)) == 0;
	char said[LIST_MAX] = "";
	const char *why = NULL;

	if (run("--version", NULL, NULL, said, sizeof(said)) != 0)
		return false;
	said[strcspn(said, "\n")] = '\0';
	snprintf(o->version, sizeof(o->version), "%.63s", said);
	if (strncmp(said, "openresolv", 10) == 0) {
		if ((leads_there ||
		     strcmp(o->path, DNS_OWNER_RESOLV_CONF) == 0) &&
		    run("-l", NULL, NULL, said, sizeof(said)) >= 0 &&
		    has_others(said))
			why = "it has records of the uplink";
	} else if (strncmp(said, "Debian resolvconf", 17) == 0 && leads_there) {
		why = "resolv.conf is a link into its folder";
	}
	if (!why) {
		o->version[0] = '\0';
		return false;
	}
	o->kind = DNS_OWNER_RESOLVCONF;
	if (strncmp(o->version, "openresolv", 10) == 0)
		find_records(o);
	snprintf(o->because, sizeof(o->because), "%s", why);
	return true;
}

static int make_record(const struct dns_owner_plan *p, char *buf, size_t size)
{
	static const struct dns_owner_uplink none;
	const char *list[DNS_OWNER_SEARCH_MAX];
	size_t count = dns_owner_search_list(p, &none, list);
	char addr[ADDR_TEXT_MAX];
	size_t len;

	len = (size_t)snprintf(buf, size, "nameserver %s\n",
			       addr_text(&p->stub.addr, addr));
	for (size_t i = 0; i < count && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s %s",
					i ? "" : "search", list[i]);
	if (count && len < size)
		len += (size_t)snprintf(buf + len, size - len, "\n");
	return len < size ? 0 : -E2BIG;
}

/* Debian's exits with 1 when any of its hooks fails, although it wrote; and it
 * writes nothing when the record is the same as before, although somebody may
 * have edited the file. So the file is what counts, and -u writes it again. */
static int resolvconf_apply(const struct dns_owner *o ATTR_UNUSED,
			    const struct dns_owner_plan *p, char *error)
{
	char record[512], said[256];
	int r = make_record(p, record, sizeof(record));

	if (r == 0)
		r = run("-a", RECORD, record, said, sizeof(said));
	if (r >= 0 &&
	    dns_owner_check_file(DNS_OWNER_RESOLV_CONF, p, error) == 1)
		return 0;
	if (r >= 0)
		r = run("-u", NULL, NULL, said, sizeof(said));
	if (r < 0) {
		dns_owner_say(error, "resolvconf cannot be run: %s",
			      strerror(-r));
		return r;
	}
	return dns_owner_check_file(DNS_OWNER_RESOLV_CONF, p, error) == 1
		       ? 0
		       : -EIO;
}

static int resolvconf_verify(const struct dns_owner *o ATTR_UNUSED,
			     const struct dns_owner_plan *p, char *error)
{
	return dns_owner_check_file(DNS_OWNER_RESOLV_CONF, p, error);
}

/* To delete an unknown record is an error in one and none in the other, so the
 * list is what counts. */
static int resolvconf_undo(void)
{
	char *list = malloc(LIST_MAX), *rest = list, *section;
	int r;

	if (!list)
		return -ENOMEM;
	r = run("-d", RECORD, NULL, list, LIST_MAX);
	if (r >= 0)
		r = run("-l", NULL, NULL, list, LIST_MAX);
	while (r >= 0 && (section = next_record(&rest)) != NULL) {
		if (is_ours(section))
			r = -EIO;
	}
	free(list);
	return r == -ENOENT || r >= 0 ? 0 : r;
}

static void add_record(const char *section, struct dns_owner_uplink *u)
{
	struct dns_owner_uplink *one = malloc(sizeof(*one));

	if (!one)
		return;
	dns_owner_parse_file(section + strcspn(section, "\n"), one);
	for (size_t i = 0; i < one->server_count; i++)
		dns_owner_add_server(u, &one->servers[i].at, NULL);
	for (size_t i = 0; i < one->search_count; i++)
		dns_owner_add_search(u, one->search[i], strlen(one->search[i]));
	free(one);
}

static int resolvconf_read_uplink(const struct dns_owner *o ATTR_UNUSED,
				  struct dns_owner_uplink *u)
{
	char *list = malloc(LIST_MAX), *rest = list, *section;
	int r;

	if (!list)
		return -ENOMEM;
	r = run("-l", NULL, NULL, list, LIST_MAX);
	while (r >= 0 && (section = next_record(&rest)) != NULL) {
		if (!is_ours(section))
			add_record(section, u);
	}
	free(list);
	return r < 0 ? r : 0;
}

const struct dns_owner_ops dns_owner_resolvconf = {
	.name = "resolvconf",
	.undo_text = "dns resolvconf",
	.detect = resolvconf_detect,
	.apply = resolvconf_apply,
	.verify = resolvconf_verify,
	.undo = resolvconf_undo,
	.read_uplink = resolvconf_read_uplink,
};
