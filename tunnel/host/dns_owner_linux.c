/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of owners, and which of them it is. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/host/bus_linux.h"
#include "tunnel/host/dns_owner_ops.h"

enum {
	FILE_MAX = 65536, /* of a resolv.conf or nsswitch.conf */
	DNS_PORT = 53,
};

static bool file_detect(struct dns_owner *o, struct bus *bus);
static int file_apply(const struct dns_owner *o, const struct dns_owner_plan *p,
		      char *error);
static int file_verify(const struct dns_owner *o,
		       const struct dns_owner_plan *p, char *error);
static int file_undo(void);
static int file_read_uplink(const struct dns_owner *o,
			    struct dns_owner_uplink *u);

static const struct dns_owner_ops dns_owner_bare_file = {
	.name = "resolv.conf",
	.undo_text = "dns file",
	.detect = file_detect,
	.apply = file_apply,
	.verify = file_verify,
	.undo = file_undo,
	.read_uplink = file_read_uplink,
};

static const struct dns_owner_ops *const owners[] = {
	[DNS_OWNER_FILE] = &dns_owner_bare_file,
	[DNS_OWNER_RESOLVED] = &dns_owner_resolved,
	[DNS_OWNER_NETWORKMANAGER] = &dns_owner_networkmanager,
	[DNS_OWNER_DNSMASQ] = &dns_owner_dnsmasq,
	[DNS_OWNER_RESOLVCONF] = &dns_owner_resolvconf,
};

/* In this order: each may feed the next, as NetworkManager does resolved. */
static const enum dns_owner_kind order[] = { DNS_OWNER_RESOLVED,
					     DNS_OWNER_NETWORKMANAGER,
					     DNS_OWNER_RESOLVCONF,
					     DNS_OWNER_FILE };

void dns_owner_say(char error[static DNS_OWNER_TEXT_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error, DNS_OWNER_TEXT_MAX, fmt, args);
	va_end(args);
}

char *dns_owner_read_file(const char *path)
{
	char *text = malloc(FILE_MAX);
	FILE *f = text ? fopen(path, "re") : NULL;
	size_t len;

	if (!f) {
		free(text);
		return NULL;
	}
	len = fread(text, 1, FILE_MAX - 1, f);
	text[len] = '\0';
	if (ferror(f)) {
		free(text);
		text = NULL;
		errno = EIO;
	}
	fclose(f);
	return text;
}

/* --- the bare file --- */

/* Where a write to the path would end: a dangling link is as good as its
 * target's folder. */
int dns_owner_path(char *buf, size_t size)
{
	char target[PATH_MAX], link[PATH_MAX];
	const char *name;
	char *slash;
	ssize_t n;

	if (realpath(DNS_OWNER_RESOLV_CONF, target))
		return snprintf(buf, size, "%s", target) < (int)size
			       ? 0
			       : -ENAMETOOLONG;
	if (errno != ENOENT)
		return -errno;
	n = readlink(DNS_OWNER_RESOLV_CONF, link, sizeof(link) - 1);
	if (n < 0) /* nothing there, not even a link */
		n = snprintf(link, sizeof(link), "%s", DNS_OWNER_RESOLV_CONF);
	link[n] = '\0';
	slash = strrchr(link, '/');
	name = slash ? slash + 1 : link;
	if (slash)
		*slash = '\0';
	/* A relative link begins at /etc. */
	if (snprintf(buf, size, "%s%s", *link == '/' ? "" : "/etc/",
		     slash ? link : "") >= (int)size)
		return -ENAMETOOLONG;
	if (!realpath(buf, target))
		return -errno;
	return snprintf(buf, size, "%s/%s", target, name) < (int)size
		       ? 0
		       : -ENAMETOOLONG;
}

/* Is there a mount on exactly this name, as containers have it? */
static bool is_mount_point(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024], point[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %*s %*s %*s %511s", point) == 1 &&
			strcmp(point, path) == 0;
	if (f)
		fclose(f);
	return found;
}

static bool file_detect(struct dns_owner *o, struct bus *bus ATTR_UNUSED)
{
	o->kind = DNS_OWNER_FILE;
	snprintf(o->because, sizeof(o->because), "nobody else answers for it%s",
		 o->in_place ? ", and it is mounted, so written in place" : "");
	return true;
}

static int file_apply(const struct dns_owner *o ATTR_UNUSED,
		      const struct dns_owner_plan *p ATTR_UNUSED,
		      char *error ATTR_UNUSED)
{
	return 0;
}

static int file_verify(const struct dns_owner *o,
		       const struct dns_owner_plan *p, char *error)
{
	char path[sizeof(o->path)];

	if (dns_owner_path(path, sizeof(path)) == 0 && strcmp(path, o->path)) {
		dns_owner_say(error, "%s leads to %s now",
			      DNS_OWNER_RESOLV_CONF, path);
		return 0;
	}
	return dns_owner_check_file(o->path, p, error);
}

static int file_undo(void)
{
	return 0;
}

static int file_read_uplink(const struct dns_owner *o,
			    struct dns_owner_uplink *u)
{
	char *text = dns_owner_read_file(o->path);

	if (!text)
		return errno == ENOENT ? -ENODATA : -errno;
	dns_owner_parse_file(text, u);
	free(text);
	return 0;
}

/* --- for all --- */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Is our network one, and the file another's? A program in a network namespace
 * alone sees the file that the machine itself resolves by. */
static bool is_foreign(const char *path)
{
	char first[PATH_MAX];

	if (snprintf(first, sizeof(first), "/proc/1/root%s", path) >=
	    (int)sizeof(first))
		return false;
	return same_file(path, first) &&
	       !same_file("/proc/self/ns/net", "/proc/1/ns/net");
}

int dns_owner_detect(struct dns_owner *ret_owner)
{
	struct dns_owner *o = ret_owner;
	struct bus bus = { 0 };
	int r;

	memset(o, 0, sizeof(*o));
	r = dns_owner_path(o->path, sizeof(o->path));
	o->in_place = r == 0 && is_mount_point(o->path);
	if (bus_open(&bus, DNS_OWNER_PATIENCE_MS) < 0)
		bus = (struct bus) { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (owners[order[i]]->detect(o, bus.sd ? &bus : NULL))
			break;
	}
	bus_close(&bus);
	if ((o->kind == DNS_OWNER_FILE || o->kind == DNS_OWNER_RESOLVCONF) &&
	    is_foreign(o->path)) {
		dns_owner_say(
			o->because,
			"%s is of another network than ours: mount one of "
			"this network's over it (\"ip netns exec\" does, "
			"for /etc/netns/NAME/resolv.conf)",
			o->path);
		return -EXDEV;
	}
	if (r == 0 || o->kind != DNS_OWNER_FILE)
		return 0;
	dns_owner_say(o->because, "%s leads nowhere: %s", DNS_OWNER_RESOLV_CONF,
		      strerror(-r));
	return r;
}

const char *dns_owner_name(enum dns_owner_kind kind)
{
	return owners[kind]->name;
}

const char *dns_owner_undo_text(const struct dns_owner *o)
{
	return owners[o->kind]->undo_text;
}

static int check_plan(const struct dns_owner *o, const struct dns_owner_plan *p,
		      char *error)
{
	if (p->stub.addr.family != AF_INET) {
		dns_owner_say(error, "the stub's address is not IPv4");
		return -EAFNOSUPPORT;
	}
	if (p->stub.port != DNS_PORT && o->kind != DNS_OWNER_RESOLVED) {
		dns_owner_say(error, "%s cannot be told of port %u",
			      owners[o->kind]->name, p->stub.port);
		return -EINVAL;
	}
	return 0;
}

int dns_owner_apply(const struct dns_owner *o, const struct dns_owner_plan *p,
		    char error[static DNS_OWNER_TEXT_MAX])
{
	int r;

	error[0] = '\0';
	r = check_plan(o, p, error);
	if (r)
		return r;
	r = owners[o->kind]->apply(o, p, error);
	if (r)
		(void)owners[o->kind]->undo(); /* the journal has it, too */
	if (r && !error[0])
		dns_owner_say(error, "%s: %s", owners[o->kind]->name,
			      strerror(-r));
	return r;
}

int dns_owner_verify(const struct dns_owner *o, const struct dns_owner_plan *p,
		     char error[static DNS_OWNER_TEXT_MAX])
{
	error[0] = '\0';
	return owners[o->kind]->verify(o, p, error);
}

int dns_owner_undo(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		if (strcmp(owners[i]->undo_text, text) == 0)
			return owners[i]->undo();
	}
	return -EINVAL;
}

int dns_owner_read_uplink(const struct dns_owner *o,
			  const struct endpoint *stub,
			  struct dns_owner_uplink *ret_uplink)
{
	size_t count = 0;
	int r;

	memset(ret_uplink, 0, sizeof(*ret_uplink));
	r = owners[o->kind]->read_uplink(o, ret_uplink);
	if (r)
		return r;
	for (size_t i = 0; i < ret_uplink->server_count; i++) {
		if (!endpoint_equal(&ret_uplink->servers[i].at, stub))
			ret_uplink->servers[count++] = ret_uplink->servers[i];
	}
	ret_uplink->server_count = count;
	return count ? 0 : -ENODATA;
}
