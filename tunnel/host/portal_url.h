/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The address of a captive portal's API (RFC 8908), which anybody in the
 * network can give us: by a router's advertisement, or by a DHCP server, of
 * which the host's own programs tell. Pure, any thread.
 */
#ifndef ADIT_HOST_PORTAL_URL_H
#define ADIT_HOST_PORTAL_URL_H

#include <stddef.h>

enum { PORTAL_URL_MAX = 256 }; /* final zero included */

/* Copies an address that is https:// and printable; else, and for the URN that
 * says "no portal", "". Zeros at its end are padding. */
void portal_url_take(const void *from, size_t len,
		     char ret_url[static PORTAL_URL_MAX]);
/* That of a state file of a link that systemd-networkd wrote. */
void portal_url_of_networkd(const char *text, size_t len,
			    char ret_url[static PORTAL_URL_MAX]);

#endif
