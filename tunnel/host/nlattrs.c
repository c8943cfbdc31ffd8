/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/nlattrs.h"

#include <string.h>

#include <libmnl/libmnl.h>

bool nlattrs_read(const void *at, size_t len, struct nlattrs *ret_attrs)
{
	const struct nlattr *a = at;
	const char *end = (const char *)at + len;

	memset(ret_attrs, 0, sizeof(*ret_attrs));
	while (end - (const char *)a >= (ptrdiff_t)sizeof(*a)) {
		uint16_t type = mnl_attr_get_type(a);

		if (!mnl_attr_ok(a, (int)(end - (const char *)a)))
			return false;
		if (type < NLATTRS_MAX)
			ret_attrs->at[type] = a;
		a = mnl_attr_next(a);
	}
	return true;
}

bool nlattrs_read_nested(const struct nlattr *a, struct nlattrs *ret_attrs)
{
	return nlattrs_read(mnl_attr_get_payload(a),
			    mnl_attr_get_payload_len(a), ret_attrs);
}

const void *nlattrs_read_message(const struct nlmsghdr *n, size_t header,
				 struct nlattrs *ret_attrs)
{
	const char *payload = mnl_nlmsg_get_payload(n);
	size_t padded = MNL_ALIGN(header);
	size_t len;

	if (n->nlmsg_len < MNL_NLMSG_HDRLEN + padded)
		return NULL;
	len = n->nlmsg_len - MNL_NLMSG_HDRLEN - padded;
	return nlattrs_read(payload + padded, len, ret_attrs) ? payload : NULL;
}

bool nlattrs_u32(const struct nlattrs *a, int type, uint32_t *value)
{
	if (!a->at[type])
		return true;
	if (mnl_attr_get_payload_len(a->at[type]) < sizeof(*value))
		return false;
	*value = mnl_attr_get_u32(a->at[type]);
	return true;
}
