#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A tunnel on demand that nobody uses (`Idle`), with the real programs: it ends
# without a hold, and a name that it is needed for brings it back and is
# answered. The user's word is above that.
set -u
# shellcheck source=tests/netns/lib_demand.sh
. "$(dirname "$0")/lib_demand.sh"
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
routes=(--route 0.0.0.0/0 --route ::/0)

# Through the tunnel alone, however long that takes to come.
answered_inside() { # NAME
	on laptop kdig +short +time=9 +retry=0 "$1" >"$lab/answer" 2>&1
	grep -qx $inner4 "$lab/answer" ||
		fail "$1: $(cat "$lab/answer"), not $inner4"
	grep -q "somebody asks for $1: " "$lab/aditd.log" ||
		fail "$1 did not start the tunnel"
	checks=$((checks + 1))
}

idles() { # WHAT
	until_says "$1" 's["state"] == "waiting" and
		s["want"]["goal"] == "armed" and
		s["hold"]["state"] == "none" and
		s["want"]["because"].startswith("nothing went through it")'
	until_true 10 dns_applied || fail "the host's DNS is not told"
}

idle='p["Idle"] = {"Disconnect": True, "Timer": 3}'
split='p["DNS"] = {"Protocol": "Cleartext",
	"ServerAddresses": ["198.51.100.10"],
	"SupplementalMatchDomains": ["corp.example"]}
p["VendorConfig"]["Routes"] = ["198.51.100.0/24"]'
full='p["DNS"] = {"Protocol": "Cleartext",
	"ServerAddresses": ["198.51.100.10"]}'

nobody_uses_it() {
	with_rules work "$rules" "$idle
$split"
	add_profiles work
	go_to cafe
	until_says "the cafe connects" 's["state"] == "up"'
	start user laptop ping -i 0.2 198.51.100.10
	stays "who uses it keeps it" 's["state"] == "up"'
	stays "as long as that" 's["state"] == "up"'
	stays "may last" 's["state"] == "up"'
	stop user INT
	began=$(now_ms)
	idles "nobody uses it"
	on laptop kdig +short +time=5 +retry=0 www.other.example >"$lab/answer"
	grep -qx $outer4 "$lab/answer" || fail "other: $(cat "$lab/answer")"
	stays "a name of the uplink does not bring it back" \
		's["state"] == "waiting"'
	answered_inside www.corp.example
	idles "it may idle again"
	go_to nowhere
	until_says "gone" 's["rule"]["outcome"] == "no-network"'
	go_to home
	until_says "home disconnects" 's["state"] == "down" and
		s["rule"]["index"] == 0'
	go_to cafe
	until_says "another network connects" 's["state"] == "up"'
	expect 0 connect
	until_says "the user's word" 's["hold"]["state"] == "held-up"'
	stays "is above Idle" 's["state"] == "up"'
	stays "for as long" 's["state"] == "up"'
	stays "as it holds" 's["state"] == "up"'
	expect 0 auto
	began=$(now_ms)
	idles "without it nobody uses it again"
}

nobody_uses_all_of_it() {
	with_rules work "$rules" "$idle
$full"
	replace work
	idles "a tunnel for everything idles"
	answered_inside www.other.example
	idles "and again"
}

demand_begin kdig
start_answerers
start_gateway
start_aditd
nobody_uses_it
nobody_uses_all_of_it
stop aditd TERM || fail "aditd ended with $?"
on laptop sh -c 'ls /var/lib/adit/hold-* 2>/dev/null' && fail "a hold is left"
echo "note: $checks checks"
