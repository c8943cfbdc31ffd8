/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/uplink_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "tunnel/base/log.h"
#include "tunnel/daemon/folder_watch.h"

struct uplink_facts {
	struct uplink_facts_options o;
	/* /etc, and where resolv.conf leads: an owner writes there. */
	struct folder_watch *watch[2];
	bool ending, again;
	struct network next; /* when `again` */

	/* The thread has these while it works. */
	uv_work_t work;
	bool busy;
	struct network network;
};

static void on_work(uv_work_t *work)
{
	struct uplink_facts *u = work->data;
	const struct endpoint none = { 0 }; /* of ours is there */
	struct dns_owner owner;

	if (dns_owner_detect(&owner) < 0 ||
	    dns_owner_read_uplink(&owner, &none, &u->network.dns) < 0)
		u->network.dns = (struct dns_owner_uplink) { 0 };
	network_read_metered(&u->network);
	network_read_portal(&u->network);
}

static void begin(struct uplink_facts *u);

static void on_worked(uv_work_t *work, int status)
{
	struct uplink_facts *u = work->data;

	(void)status; /* nobody cancels it */
	u->busy = false;
	if (u->ending) {
		free(u);
		return;
	}
	u->o.answered(u->o.arg, &u->network);
	if (u->again)
		begin(u);
}

static void begin(struct uplink_facts *u)
{
	u->again = false;
	u->busy = true;
	u->network = u->next;
	u->work.data = u;
	/* Only a missing callback is an error. */
	(void)uv_queue_work(u->o.loop, &u->work, on_work, on_worked);
}

static void on_folder(void *arg)
{
	struct uplink_facts *u = arg;

	if (!u->ending)
		u->o.moved(u->o.arg);
}

static struct folder_watch *watch(struct uplink_facts *u, const char *path)
{
	const struct folder_watch_options o = {
		.path = path,
		.changed = on_folder,
		.arg = u,
	};
	struct folder_watch *w = NULL;

	if (folder_watch_create(u->o.loop, &o, &w) < 0)
		log_warning("%s cannot be watched: a change of the DNS servers "
			    "is seen with the next one of the network",
			    path);
	return w;
}

static void watch_folders(struct uplink_facts *u)
{
	char folder[256], *slash;

	u->watch[0] = watch(u, "/etc");
	if (dns_owner_path(folder, sizeof(folder)) < 0)
		return;
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	if (strcmp(folder, "/etc") != 0)
		u->watch[1] = watch(u, folder);
}

struct uplink_facts *uplink_facts_create(const struct uplink_facts_options *o)
{
	struct uplink_facts *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->o = *o;
	watch_folders(u);
	return u;
}

void uplink_facts_end(struct uplink_facts *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < sizeof(u->watch) / sizeof(u->watch[0]); i++)
		if (u->watch[i] != NULL)
			folder_watch_close(u->watch[i]);
	u->ending = true;
	if (!u->busy)
		free(u);
}

void uplink_facts_look(struct uplink_facts *u, const struct network *network)
{
	u->next = *network;
	u->again = true;
	if (!u->busy)
		begin(u);
}

struct dns_server uplink_facts_server(const struct dns_owner_server *from)
{
	struct dns_server server = { .at = from->at, .tls = from->tls };

	snprintf(server.name, sizeof(server.name), "%s", from->name);
	return server;
}
