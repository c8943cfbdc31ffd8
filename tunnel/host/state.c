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
	free(s->addresses);
	free(s->routes);
	*s = (struct host_state) { 0 };
}

/* Room for one more, in steps of powers of two. */
static int grow(void *array, size_t count, size_t size)
{
	void *old, *new;

	if (count & (count - 1))
		return 0;
	memcpy(&old, array, sizeof(old));
	new = reallocarray(old, count ? 2 * count : 1, size);
	if (!new)
		return -ENOMEM;
	memcpy(array, &new, sizeof(new));
	return 0;
}

int host_state_add_address(struct host_state *s, const struct ip_prefix *p)
{
	if (grow(&s->addresses, s->address_count, sizeof(*p)) < 0)
		return -ENOMEM;
	s->addresses[s->address_count++] = *p;
	return 0;
}

int host_state_add_route(struct host_state *s, const struct ip_prefix *to,
			 enum rtnl_kind kind)
{
	struct host_route r = { .to = prefix_masked(to), .kind = kind };

	if (grow(&s->routes, s->route_count, sizeof(r)) < 0)
		return -ENOMEM;
	s->routes[s->route_count++] = r;
	return 0;
}

int host_state_add_file(struct host_state *s, const char *path,
			const void *content, size_t len, uint32_t mode,
			bool in_place)
{
	struct host_file f = { .len = len, .mode = mode, .in_place = in_place };

	if (grow(&s->files, s->file_count, sizeof(f)) < 0)
		return -ENOMEM;
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
		.mask = (uint32_t)HOST_MARK_MASK,
		.table = HOST_TABLE,
		.protocol = HOST_PROTOCOL,
	};
}
