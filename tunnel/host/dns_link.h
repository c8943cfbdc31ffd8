/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The link that carries our settings where names belong to links. It is one end
 * of a veth pair: with a carrier and an address of global scope as long as the
 * other end is up, so that its names never fall to another link, whatever
 * becomes of the tunnel's device and its process. No packet goes through it.
 * NetworkManager makes a bridge of the same name instead, for it would manage
 * the other end of a pair.
 */
#ifndef ADIT_HOST_DNS_LINK_H
#define ADIT_HOST_DNS_LINK_H

#include <stdint.h>

#include "tunnel/base/attr.h"

#define DNS_LINK_NAME "adit-dns"
#define DNS_LINK_PEER "adit-dnsp"
/* Link-local (RFC 3927), so in nobody's network. */
#define DNS_LINK_ADDRESS "169.254.77.53"
#define DNS_LINK_PEER_ADDRESS "169.254.77.54"

/* Makes what is missing of it, down. -EEXIST: another sort of device has the
 * name. */
int dns_link_make(uint32_t *ret_ifindex) ATTR_MUST_CHECK;
/* Addresses, and up. */
int dns_link_raise(void) ATTR_MUST_CHECK;
/* -ENODEV: there is none of ours. */
int dns_link_find(uint32_t *ret_ifindex) ATTR_MUST_CHECK;
/* 0 also when it is gone, or never was ours. */
int dns_link_remove(void);

#endif
