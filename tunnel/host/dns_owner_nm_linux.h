/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What NetworkManager's two ways share; see dns_owner_networkmanager_linux.c.
 * For the files tunnel/host/dns_owner*.c only.
 */
#ifndef ADIT_HOST_DNS_OWNER_NM_LINUX_H
#define ADIT_HOST_DNS_OWNER_NM_LINUX_H

#include "tunnel/host/bus_linux.h"
#include "tunnel/host/dns_owner_ops.h"

#define NM "org.freedesktop.NetworkManager"

extern const struct bus_place nm_manager;

/* As bus_open(); with a sentence. */
int nm_open(struct bus *bus, char *error);
/* Makes a sentence of the bus's last failure, and returns r. */
int nm_refused(const struct bus *bus, const char *what, int r, char *error);

/* Has NetworkManager, if it is there, keep its hands off a device that is still
 * down. Else it would give each end of a veth pair a connection of its own, and
 * take the link down when DHCP finds nobody on it. */
void nm_leave_alone(struct bus *bus, const char *device);

/* What the devices have been given, for the DNS manager's own list is ours as
 * soon as we have told it. */
int nm_read_devices(struct bus *bus, struct dns_owner_uplink *u);
int nm_read_uplink(const struct dns_owner *o, struct dns_owner_uplink *u);

/* Appends {sv} with the texts of the list. */
int nm_put_list(sd_bus_message *m, const char *key, const char *const *list,
		size_t count);
/* Sends what was composed, or drops it when that failed (r < 0). */
int nm_finish(struct bus *bus, sd_bus_message *m, int r);

#endif
