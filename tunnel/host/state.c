/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void host_state_fini(struct host_state *s)
{
	for (size_t i = 0; i < s->file_count; i++) {
		free(s->files[i].path);
		free(s->files[i].content);
	}
	free(s->files);
	free(s->nft_table);
	free(s->nft_content);
	free(s->addresses);
	free(s->routes);
	*s = (struct host_state) { 0 };
}

/* The array with room for one more, in steps of powers of two; NULL: it could
 * not grow and is as it was. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? 2 * count : 1, size);
}

int host_state_add_address(struct host_state *s, const struct ip_prefix *p)
{
	struct ip_prefix *a = grow(s->addresses, s->address_count, sizeof(*a));

	if (!a)
		return -ENOMEM;
	s->addresses = a;
	s->addresses[s->address_count++] = *p;
	return 0;
}

int host_state_add_route(struct host_state *s, const struct ip_prefix *to,
			 enum rtnl_kind kind)
{
	struct host_route *r = grow(s->routes, s->route_count, sizeof(*r));

	if (!r)
		return -ENOMEM;
	s->routes = r;
	s->routes[s->route_count++] = (struct host_route) {
		.to = prefix_masked(to),
		.kind = kind,
	};
	return 0;
}

int host_state_add_file(struct host_state *s, const char *path,
			const void *content, size_t len, uint32_t mode,
			bool in_place)
{
	struct host_file f = { .len = len, .mode = mode, .in_place = in_place };
	struct host_file *files = grow(s->files, s->file_count, sizeof(f));

	if (!files)
		return -ENOMEM;
	s->files = files;
	f.path = strdup(path);
	f.content = malloc(len ? len : 1);
	if (!f.path || !f.content) {
		free(f.path);
		free(f.content);
		return -ENOMEM;
	}
	memcpy(f.content, content, len);
	s->files[s->file_count++] = f;
	return 0;
}

int host_state_set_nft(struct host_state *s, const char *table,
		       const char *content)
{
	s->nft_table = strdup(table);
	s->nft_content = strdup(content);
	return s->nft_table && s->nft_content ? 0 : -ENOMEM;
}

int host_state_add_proc(struct host_state *s, const char *path,
			const char *value)
{
	struct host_proc p = { 0 };

	if (s->proc_count == HOST_PROC_MAX || strlen(path) >= sizeof(p.path) ||
	    strlen(value) >= sizeof(p.value))
		return -E2BIG;
	strcpy(p.path, path);
	strcpy(p.value, value);
	s->procs[s->proc_count++] = p;
	return 0;
}

struct rtnl_rule host_rule(uint8_t family)
{
	return (struct rtnl_rule) {
		.family = family,
		.invert = true,
		.priority = HOST_RULE_PRIORITY,
		.mark = HOST_MARK,
		.mask = HOST_MARK_MASK,
		.table = HOST_TABLE,
		.protocol = HOST_PROTOCOL,
	};
}
