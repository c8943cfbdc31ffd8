/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/blocklist.h"

enum {
	LABELS_MAX = DNS_WIRE_MAX / 2,
	SLOTS_MIN = 16,
};

/* FNV-1a, 32 bits. */
#define HASH_BASIS 2166136261u
#define HASH_PRIME 16777619u

static const struct dns_name localhost = { 11, "\11localhost" },
			     local = { 7, "\5local" },
			     reverse4 = { 14, "\7in-addr\4arpa" },
			     reverse6 = { 10, "\3ip6\4arpa" };

static const struct dns_network link_local[] = {
	{ { { AF_INET, { 169, 254 } }, 16 }, DNS_TUNNEL_NONE },
	{ { { AF_INET6, { 0xfe, 0x80 } }, 10 }, DNS_TUNNEL_NONE },
};

void dns_policy_init(struct dns_policy *p)
{
	*p = (struct dns_policy) { .default_tunnel = DNS_TUNNEL_NONE,
				   .arming_tunnel = DNS_TUNNEL_NONE };
}

void dns_policy_fini(struct dns_policy *p)
{
	free(p->uplink);
	free(p->reverse);
	free(p->match);
	free(p->slots);
	free(p->search);
	free(p->system_search);
	dns_arming_fini(&p->arming);
	dns_policy_init(p);
}

/* Where each label of a name begins. Returns how many there are. */
static unsigned int find_labels(const struct dns_name *n,
				uint8_t ret_at[static LABELS_MAX])
{
	unsigned int count = 0;

	for (unsigned int at = 0; n->wire[at] != 0; at += 1u + n->wire[at])
		ret_at[count++] = (uint8_t)at;
	return count;
}

/* Names are hashed label by label from the last one on, so that one pass over
 * a name has the hashes of all its suffixes. */
static uint32_t hash_label(uint32_t hash, const uint8_t *label)
{
	for (unsigned int i = 0; i <= label[0]; i++)
		hash = (hash ^ label[i]) * HASH_PRIME;
	return hash;
}

static uint32_t hash_name(const struct dns_name *n)
{
	uint8_t at[LABELS_MAX];
	uint32_t hash = HASH_BASIS;

	for (unsigned int i = find_labels(n, at); i > 0; i--)
		hash = hash_label(hash, n->wire + at[i - 1]);
	return hash;
}

/* The match domain that these `len` bytes of a name in small letters are. */
static struct dns_zone *find_zone(const struct dns_policy *p, uint32_t hash,
				  const uint8_t *wire, size_t len)
{
	if (p->slot_count == 0)
		return NULL;
	for (size_t i = hash;; i++) {
		uint32_t slot = p->slots[i & (p->slot_count - 1)];
		struct dns_zone *z;

		if (slot == 0)
			return NULL;
		z = &p->match[slot - 1];
		if (z->name.len == len && memcmp(z->name.wire, wire, len) == 0)
			return z;
	}
}

/* The longest match domain, except the one that is every name. */
static const struct dns_zone *find_match(const struct dns_policy *p,
					 const struct dns_name *n)
{
	const struct dns_zone *found = NULL;
	uint8_t at[LABELS_MAX];
	uint32_t hash = HASH_BASIS;

	for (unsigned int i = find_labels(n, at); i > 0; i--) {
		size_t begin = at[i - 1];
		const struct dns_zone *z;

		hash = hash_label(hash, n->wire + begin);
		z = find_zone(p, hash, n->wire + begin, n->len - begin);
		if (z != NULL)
			found = z;
	}
	return found;
}

static void put_slot(struct dns_policy *p, size_t index)
{
	size_t i = hash_name(&p->match[index].name);

	while (p->slots[i & (p->slot_count - 1)] != 0)
		i++;
	p->slots[i & (p->slot_count - 1)] = (uint32_t)index + 1;
}

/* Room for one more match domain: at most half of the slots are taken, so that
 * a search that finds nothing is short, and ends. */
static int make_slots(struct dns_policy *p)
{
	size_t count = p->slot_count ? 2 * p->slot_count : SLOTS_MIN;
	uint32_t *slots;

	if (2 * (p->match_count + 1) <= p->slot_count)
		return 0;
	slots = calloc(count, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	free(p->slots);
	p->slots = slots;
	p->slot_count = count;
	for (size_t i = 0; i < p->match_count; i++)
		put_slot(p, i);
	return 0;
}

/* As profiles, leases and resolv.conf write names: dots at both ends mean
 * nothing. */
static int parse_name(const char *text, struct dns_name *ret_name)
{
	char buf[DNS_TEXT_MAX];
	size_t len;

	text += strspn(text, ".");
	len = strlen(text);
	while (len > 0 && text[len - 1] == '.')
		len--;
	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (dns_name_from_text(buf, ret_name) < 0)
		return -EINVAL;
	dns_name_lower(ret_name);
	return 0;
}

static bool has_name(const struct dns_name *list, size_t count,
		     const struct dns_name *n)
{
	for (size_t i = 0; i < count; i++)
		if (dns_name_equal(&list[i], n))
			return true;
	return false;
}

static int add_name(struct dns_name **list, size_t *count,
		    const struct dns_name *n)
{
	struct dns_name *grown;

	if (has_name(*list, *count, n))
		return 0;
	grown = reallocarray(*list, *count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	grown[(*count)++] = *n;
	*list = grown;
	return 0;
}

static int add_zone(struct dns_zone **list, size_t *count,
		    const struct dns_name *n, int tunnel)
{
	struct dns_zone *grown =
		reallocarray(*list, *count + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	grown[(*count)++] = (struct dns_zone) { *n, tunnel, DNS_TUNNEL_NONE };
	*list = grown;
	return 0;
}

int dns_policy_add_uplink(struct dns_policy *p, const char *name)
{
	struct ip_addr address;
	struct dns_name n;

	if (addr_parse(name, &address) == 0)
		return 0;
	if (parse_name(name, &n) < 0)
		return -EINVAL;
	return add_name(&p->uplink, &p->uplink_count, &n);
}

int dns_policy_add_reverse(struct dns_policy *p, const struct ip_prefix *of,
			   int tunnel)
{
	struct dns_network *grown;

	grown = reallocarray(p->reverse, p->reverse_count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	p->reverse = grown;
	p->reverse[p->reverse_count++] =
		(struct dns_network) { prefix_masked(of), tunnel };
	return 0;
}

int dns_policy_add_match(struct dns_policy *p, const char *domain, int tunnel)
{
	struct dns_zone *z;
	struct dns_name n;
	int r;

	if (parse_name(domain, &n) < 0)
		return -EINVAL;
	z = find_zone(p, hash_name(&n), n.wire, n.len);
	if (z != NULL) {
		if (z->tunnel != tunnel && z->next == DNS_TUNNEL_NONE)
			z->next = tunnel;
		return 0;
	}
	r = make_slots(p);
	if (r == 0)
		r = add_zone(&p->match, &p->match_count, &n, tunnel);
	if (r == 0)
		put_slot(p, p->match_count - 1);
	return r;
}

/* "" completes nothing, and names of addresses have no short form. */
static bool is_no_suffix(const struct dns_name *n)
{
	return n->len == 1 || dns_name_under(n, &reverse4) ||
	       dns_name_under(n, &reverse6);
}

static bool is_search(const struct dns_policy *p, const struct dns_name *n)
{
	for (size_t i = 0; i < p->search_count; i++)
		if (dns_name_equal(&p->search[i].name, n))
			return true;
	return false;
}

int dns_policy_add_search(struct dns_policy *p, const char *domain, int tunnel)
{
	struct dns_name n;

	if (parse_name(domain, &n) < 0)
		return -EINVAL;
	if (is_no_suffix(&n) || is_search(p, &n))
		return 0;
	for (size_t i = 0; i < p->system_search_count; i++) {
		if (!dns_name_equal(&p->system_search[i], &n))
			continue;
		p->system_search_count--;
		memmove(&p->system_search[i], &p->system_search[i + 1],
			(p->system_search_count - i) * sizeof(n));
		break;
	}
	return add_zone(&p->search, &p->search_count, &n, tunnel);
}

int dns_policy_add_system_search(struct dns_policy *p, const char *domain)
{
	struct dns_name n;

	if (parse_name(domain, &n) < 0)
		return -EINVAL;
	if (is_no_suffix(&n) || is_search(p, &n))
		return 0;
	return add_name(&p->system_search, &p->system_search_count, &n);
}

/* Decimal for IPv4, one hexadecimal digit for IPv6, both as RFC 1035 (3.5) and
 * RFC 3596 (2.5) write them; -1 for what is no part of an address. */
static int address_part(const uint8_t *label, uint8_t family)
{
	int value = 0;

	if (family == AF_INET6) {
		if (label[0] != 1)
			return -1;
		if (label[1] >= '0' && label[1] <= '9')
			return label[1] - '0';
		return label[1] >= 'a' && label[1] <= 'f' ? label[1] - 'a' + 10
							  : -1;
	}
	if (label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return -1;
	for (unsigned int i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		value = value * 10 + label[i] - '0';
	}
	return value <= 255 ? value : -1;
}

/* The network that a reverse name is about, as far as its labels are parts of
 * an address: what is below a host or a delegation (RFC 2317) is part of it.
 * False: it is no reverse name. */
static bool reverse_network(const struct dns_name *n,
			    struct ip_prefix *ret_network)
{
	bool is_4 = dns_name_under(n, &reverse4);
	struct ip_prefix net = { .addr.family = is_4 ? AF_INET : AF_INET6 };
	const uint8_t step = is_4 ? 8 : 4;
	uint8_t at[LABELS_MAX];
	unsigned int i;

	if (!is_4 && !dns_name_under(n, &reverse6))
		return false;
	for (i = find_labels(n, at) - 2; i > 0; i--) {
		int part = address_part(n->wire + at[i - 1], net.addr.family);

		if (part < 0 || net.len == addr_bits(&net.addr))
			break;
		net.len = (uint8_t)(net.len + step);
		net.addr.bytes[(net.len - 1) / 8] |=
			(uint8_t)(part << (net.len % 8));
	}
	*ret_network = net;
	return true;
}

static const struct dns_network *find_network(const struct dns_network *list,
					      size_t count,
					      const struct ip_prefix *of)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&list[i].prefix, of))
			return &list[i];
	return NULL;
}

static void decided(struct dns_decision *d, enum dns_route route, int tunnel,
		    enum dns_because because)
{
	d->route = route;
	d->tunnel = tunnel;
	d->next = DNS_TUNNEL_NONE;
	d->because = because;
	d->has_match = false;
}

static void matched(struct dns_decision *d, const struct dns_name *suffix)
{
	d->has_match = true;
	d->match.len = suffix->len;
	memcpy(d->match.wire, suffix->wire, suffix->len);
}

static bool decide_reverse(const struct dns_policy *p, const struct dns_name *n,
			   struct dns_decision *d)
{
	struct ip_prefix net;
	const struct dns_network *found;
	unsigned int step;

	if (!reverse_network(n, &net))
		return false;
	if (find_network(link_local, ARRAY_SIZE(link_local), &net)) {
		decided(d, DNS_ROUTE_UPLINK, DNS_TUNNEL_NONE,
			DNS_BECAUSE_LOCAL);
		return true;
	}
	found = find_network(p->reverse, p->reverse_count, &net);
	if (found == NULL)
		return false;
	decided(d, DNS_ROUTE_TUNNEL, found->tunnel, DNS_BECAUSE_REVERSE);
	step = found->prefix.addr.family == AF_INET ? 8 : 4;
	d->has_match = true;
	dns_name_tail(n, (found->prefix.len + step - 1) / step + 2, &d->match);
	return true;
}

/* Steps 1 to 4: whatever the domains say. */
static bool decide_special(const struct dns_policy *p, const struct dns_name *n,
			   struct dns_decision *d)
{
	if (has_name(p->uplink, p->uplink_count, n))
		decided(d, DNS_ROUTE_UPLINK, DNS_TUNNEL_NONE,
			DNS_BECAUSE_GATEWAY);
	else if (dns_name_under(n, &localhost))
		decided(d, DNS_ROUTE_FIXED, DNS_TUNNEL_NONE,
			DNS_BECAUSE_LOCALHOST);
	else if (dns_name_under(n, &local))
		decided(d, DNS_ROUTE_UPLINK, DNS_TUNNEL_NONE,
			DNS_BECAUSE_LOCAL);
	else
		return decide_reverse(p, n, d);
	return true;
}

static bool decide_lists(const struct dns_policy *p, const struct dns_name *n,
			 struct dns_decision *d)
{
	unsigned int labels;

	if (p->blocklist != NULL &&
	    dns_blocklist_has(p->blocklist, n, &labels)) {
		decided(d, DNS_ROUTE_BLOCKED, DNS_TUNNEL_NONE,
			DNS_BECAUSE_LIST);
		d->has_match = true;
		dns_name_tail(n, labels, &d->match);
		return true;
	}
	if (p->lists_fail_closed)
		decided(d, DNS_ROUTE_BLOCKED, DNS_TUNNEL_NONE,
			DNS_BECAUSE_LISTS_FAIL);
	return p->lists_fail_closed;
}

/* The search domain of ours that a name of one label more ends with: whoever
 * searches by himself (glibc by resolv.conf, systemd-resolved by its links)
 * asks for the full name, and means what our own completing would have got. */
static const struct dns_zone *completed_by(const struct dns_policy *p,
					   const struct dns_name *n)
{
	size_t rest = 1U + n->wire[0];

	if (n->len == 1)
		return NULL;
	for (size_t i = 0; i < p->search_count; i++) {
		const struct dns_name *s = &p->search[i].name;

		if (s->len == n->len - rest &&
		    memcmp(s->wire, n->wire + rest, s->len) == 0)
			return &p->search[i];
	}
	return NULL;
}

/* A name of ours, of two labels or more, and a search domain of the uplink. The
 * answer would be taken for the name's own: "www.corp.example", which fails
 * while the tunnel is not up, would be whatever the network likes. A single
 * label in front is what the domain is there for. */
static const struct dns_zone *prolonged(const struct dns_policy *p,
					const struct dns_name *n)
{
	const struct dns_zone *z = NULL;
	struct dns_name own;

	for (size_t i = 0; i < p->system_search_count && z == NULL; i++) {
		const struct dns_name *s = &p->system_search[i];

		/* The bytes first: that is quick, and says no. */
		if (n->len <= s->len ||
		    memcmp(n->wire + n->len - s->len, s->wire, s->len) != 0 ||
		    !dns_name_under(n, s))
			continue;
		own.len = (uint8_t)(n->len - s->len + 1);
		memcpy(own.wire, n->wire, own.len - 1u);
		own.wire[own.len - 1] = 0;
		if (dns_name_labels(&own) < 2)
			continue;
		z = find_match(p, &own);
		if (z == NULL)
			z = completed_by(p, &own);
	}
	return z;
}

/* The domain of ours that a name is in, in one way or another. */
static const struct dns_zone *find_own(const struct dns_policy *p,
				       const struct dns_name *n,
				       enum dns_because *ret_because)
{
	const struct dns_zone *z = find_match(p, n);

	*ret_because = DNS_BECAUSE_MATCH;
	if (z == NULL) {
		*ret_because = DNS_BECAUSE_COMPLETED;
		z = completed_by(p, n);
	}
	if (z == NULL) {
		*ret_because = DNS_BECAUSE_PROLONGED;
		z = prolonged(p, n);
	}
	return z;
}

/* `n` in small letters; `by` is the domain of ours that completed it. */
static void decide(const struct dns_policy *p, const struct dns_name *n,
		   const struct dns_zone *by, struct dns_decision *d)
{
	enum dns_because because = DNS_BECAUSE_COMPLETED;
	const struct dns_name *domain = NULL;
	const struct dns_zone *z;

	d->need = NULL;
	if (decide_special(p, n, d))
		return;
	d->need = dns_arming_find(&p->arming, n, &domain);
	z = by ? by : find_own(p, n, &because);
	if (z != NULL) {
		decided(d, DNS_ROUTE_TUNNEL, z->tunnel, because);
		d->next = z->next;
		matched(d, &z->name);
		return;
	}
	if (decide_lists(p, n, d))
		return;
	if (d->need != NULL && !d->need->never) {
		decided(d,
			p->arming_tunnel != DNS_TUNNEL_NONE ? DNS_ROUTE_TUNNEL
							    : DNS_ROUTE_UPLINK,
			p->arming_tunnel, DNS_BECAUSE_NEEDED);
		matched(d, domain);
		return;
	}
	z = find_zone(p, HASH_BASIS, (const uint8_t *)"", 1);
	if (z != NULL) {
		decided(d, DNS_ROUTE_TUNNEL, z->tunnel, DNS_BECAUSE_DEFAULT);
		d->next = z->next;
		matched(d, &z->name);
	} else if (p->default_tunnel != DNS_TUNNEL_NONE) {
		decided(d, DNS_ROUTE_TUNNEL, p->default_tunnel,
			DNS_BECAUSE_DEFAULT);
	} else {
		decided(d, DNS_ROUTE_UPLINK, DNS_TUNNEL_NONE,
			p->match_count > 0 ? DNS_BECAUSE_OUTSIDE
					   : DNS_BECAUSE_NO_DOMAINS);
	}
}

void dns_policy_decide(const struct dns_policy *p, const struct dns_name *name,
		       struct dns_decision *ret_decision)
{
	struct dns_name n;

	n.len = name->len;
	memcpy(n.wire, name->wire, name->len);
	dns_name_lower(&n);
	decide(p, &n, NULL, ret_decision);
}

size_t dns_policy_candidates(
	const struct dns_policy *p, const struct dns_name *name, bool is_full,
	struct dns_candidate ret_candidates[static DNS_CANDIDATES_MAX])
{
	struct dns_candidate *c = ret_candidates;
	struct dns_decision bare = { 0 };
	struct dns_name n = *name;
	bool is_gateway;
	size_t count = 0;

	dns_name_lower(&n);
	decide(p, &n, NULL, &bare);
	is_gateway = bare.because == DNS_BECAUSE_GATEWAY;
	if (is_full || dns_name_labels(&n) != 1 ||
	    bare.because == DNS_BECAUSE_LOCALHOST ||
	    bare.because == DNS_BECAUSE_LOCAL) {
		c[0] = (struct dns_candidate) { n, bare };
		return 1;
	}
	for (size_t i = 0; i < p->search_count && !is_gateway; i++) {
		const struct dns_zone *z = &p->search[i];

		if (count == DNS_CANDIDATES_MAX)
			return count;
		if (dns_name_join(&n, &z->name, &c[count].name) < 0)
			continue;
		decide(p, &c[count].name, z, &c[count].decision);
		count++;
	}
	for (size_t i = 0; i < p->system_search_count; i++) {
		if (count == DNS_CANDIDATES_MAX)
			return count;
		if (dns_name_join(&n, &p->system_search[i], &c[count].name) < 0)
			continue;
		decide(p, &c[count].name, NULL, &c[count].decision);
		if (is_gateway)
			c[count].decision = bare;
		count++;
	}
	if (is_gateway && count < DNS_CANDIDATES_MAX)
		c[count++] = (struct dns_candidate) { n, bare };
	return count;
}

const char *dns_decision_text(const struct dns_decision *d,
			      char buf[static DNS_DECISION_TEXT_MAX])
{
	static const char *const texts[DNS_BECAUSE_COUNT] = {
		[DNS_BECAUSE_GATEWAY] =
			"it is a name of the gateway, or TrustedProbe's host",
		[DNS_BECAUSE_LOCALHOST] = "localhost is this machine",
		[DNS_BECAUSE_LOCAL] = "\".local\" and link-local addresses are "
				      "the uplink's own",
		[DNS_BECAUSE_REVERSE] =
			"it is an address of the tunnel's networks:",
		[DNS_BECAUSE_COMPLETED] = "it is completed by search domain",
		[DNS_BECAUSE_MATCH] = "it is in match domain",
		[DNS_BECAUSE_PROLONGED] = "the uplink's search domain is "
					  "behind a name of",
		[DNS_BECAUSE_LIST] = "a block list has",
		[DNS_BECAUSE_LISTS_FAIL] = "a block list cannot be read, and "
					   "BlockListsFail is \"closed\"",
		[DNS_BECAUSE_NEEDED] = "it is in ConnectIfNeeded domain",
		[DNS_BECAUSE_EXEMPT] = "while the tunnel is not up, "
				       "NeverConnect exempts",
		[DNS_BECAUSE_ADDRESS] =
			"a name of an address starts no tunnel, and it is not "
			"up",
		[DNS_BECAUSE_DEFAULT] = "the tunnel has the default route",
		[DNS_BECAUSE_OUTSIDE] = "it is in no match domain",
		[DNS_BECAUSE_NO_DOMAINS] =
			"no match domain is named and the tunnel has no "
			"default route, so its servers are not asked",
		[DNS_BECAUSE_NOT_YET] = "the tunnel will have the default "
					"route, and is not up",
		[DNS_BECAUSE_OFF] = "the tunnel is not wanted",
		[DNS_BECAUSE_NOT_COMPLETED] =
			"no search domain completes it, and a single label is "
			"not asked of anybody",
	};
	char name[DNS_TEXT_MAX];

	if (d->because == DNS_BECAUSE_DEFAULT && d->has_match)
		snprintf(buf, DNS_DECISION_TEXT_MAX,
			 "match domain \"\" is every name");
	else if (d->has_match)
		snprintf(buf, DNS_DECISION_TEXT_MAX, "%s %s", texts[d->because],
			 d->match.len > 1 ? dns_name_text(&d->match, name)
					  : "*");
	else
		snprintf(buf, DNS_DECISION_TEXT_MAX, "%s", texts[d->because]);
	return buf;
}

const char *dns_route_name(enum dns_route route)
{
	static const char *const names[DNS_ROUTE_COUNT] = {
		[DNS_ROUTE_UPLINK] = "uplink",
		[DNS_ROUTE_TUNNEL] = "tunnel",
		[DNS_ROUTE_BLOCKED] = "blocked",
		[DNS_ROUTE_FIXED] = "fixed",
	};

	return names[route];
}
