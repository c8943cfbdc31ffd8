/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (uv) The resolver of this machine for as long as a tunnel is wanted: stub,
 * forwarder, the two upstreams, the block lists, and what the host is told. The
 * daemon says what the session is; the rest follows. Control thread.
 *
 *   mode of the session          the stub                   the host
 *   off                          as if adit were not there  as it was
 *   armed, waiting, up           by the policy              told of the stub
 *
 * A tunnel that says nothing about names (no domains, no servers) leaves the
 * host as it is in every mode.
 */
#ifndef ADIT_SPLIT_DNS_H
#define ADIT_SPLIT_DNS_H

#include <stdbool.h>

#include "dns/forwarder.h"
#include "tunnel/base/attr.h"

struct ctl_status;
struct dns_owner_uplink;
struct host;
struct lease;
struct profile;
struct profile_rule;
struct split_dns;
struct uv_loop_s;

struct split_dns_options {
	struct uv_loop_s *loop;
	struct host *host;     /* borrowed */
	const char *device;    /* the tunnel's; borrowed */
	const char *state_dir; /* where the last lease is kept; borrowed */
	/* split_dns_settled() or the status says something else. */
	void (*changed)(void *arg);
	/* Armed, and somebody asks for a name that starts the tunnel. From the
	 * loop, and again until it is not armed any more. */
	void (*trigger)(void *arg, const char *name, const char *because);
	/* A GET of this URL over the uplink is needed; its answer goes to
	 * split_dns_probe_answered(), never from within. */
	void (*need_probe)(void *arg, uint64_t generation, const char *url);
	void *arg;
};

/* All borrowed, for the call. */
struct split_dns_input {
	enum dns_mode mode;
	bool hold, any_name;	       /* forwarder.h */
	const struct profile *profile; /* NULL: none */
	const struct lease *lease;     /* NULL: none yet */
	const char *reason;	       /* why it is not up, or NULL */
	/* Of the profile: EvaluateConnection's, that matched; NULL: none. Given
	 * in every mode while it matches: names of its ConnectIfNeeded domains
	 * are the tunnel's when that is up. */
	const struct profile_rule *rule;
	uint64_t generation; /* of the network */
};

/* NULL: out of memory. */
struct split_dns *split_dns_create(const struct split_dns_options *o);
/* The host is put back; the memory goes when the loop has run. Takes NULL. */
void split_dns_end(struct split_dns *d);

/* Something of the session may be another. */
void split_dns_update(struct split_dns *d, const struct split_dns_input *in);
/* The network moved. */
void split_dns_look(struct split_dns *d);
/* Block lists are read again. */
void split_dns_reload(struct split_dns *d);

/* The uplink's servers and search list, borrowed; NULL: this host's DNS is not
 * ours now, and whoever owns it can be asked. */
const struct dns_owner_uplink *split_dns_uplink(const struct split_dns *d);
/* False: it is late, or of nobody's, and is dropped. */
bool split_dns_probe_answered(struct split_dns *d, uint64_t generation,
			      const char *url, struct ondemand_answer answer);

/* Nothing is under way to make the host's names what they should be. */
bool split_dns_settled(const struct split_dns *d);
/* Appends. 0 or -ENOMEM. */
int split_dns_status(const struct split_dns *d, struct ctl_status *s);
/* A body of `adit explain dns NAME`, to be freed; NULL: out of memory. */
char *split_dns_explain(struct split_dns *d, struct dns_explanation *e,
			bool json);

#endif
