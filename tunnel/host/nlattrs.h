/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The attributes of a netlink message by their type. Pure; any thread; points
 * into the message. libmnl's own loop would round the message's length up to
 * four and read what is behind it.
 */
#ifndef ADIT_HOST_NLATTRS_H
#define ADIT_HOST_NLATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

enum { NLATTRS_MAX = 64 };

/* Types of NLATTRS_MAX and above are left out; the last of a type counts. */
struct nlattrs {
	const struct nlattr *at[NLATTRS_MAX];
};

/* Those in `len` bytes. False: an attribute is cut, or shorter than itself. */
bool nlattrs_read(const void *at, size_t len, struct nlattrs *ret_attrs);
/* Those inside of one. */
bool nlattrs_read_nested(const struct nlattr *a, struct nlattrs *ret_attrs);
/* Those behind a message's fixed header, which is returned. NULL: too short,
 * or malformed. */
const void *nlattrs_read_message(const struct nlmsghdr *n, size_t header,
				 struct nlattrs *ret_attrs);

/* A missing attribute leaves the value as it is. False: it is too short. */
bool nlattrs_u32(const struct nlattrs *a, int type, uint32_t *value);

#endif
