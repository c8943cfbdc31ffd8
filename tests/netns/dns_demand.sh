#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A name starts the tunnel, for real: aditd armed by EvaluateConnection, the
# question that waits, and its answer from inside. What else a name may do is
# tried in dns_armed.sh.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example)

dns_cannot kdig tcpdump
programs_begin
variant demand 'p["OnDemand"] = {"Enabled": True, "Rules": [
	{"Action": "EvaluateConnection", "ActionParameters": [
		{"Domains": ["needed.example"],
		 "DomainAction": "ConnectIfNeeded"}]}]}
p["DNS"] = {"Protocol": "Cleartext", "ServerAddresses": ["198.51.100.10"],
	"SupplementalMatchDomains": ["corp.example"]}'
start_answerers
rule outer "com nx" "gone.needed.example nx"
start_gateway
start_aditd
cp "$lab/laptop.before" "$lab/laptop.first"

answers() { # NAME ADDRESS
	on laptop kdig +short +time=9 +retry=0 "$1" >"$lab/answer" 2>&1
	grep -qx "$2" "$lab/answer" || fail "$1: $(cat "$lab/answer"), not $2"
	checks=$((checks + 1))
}

is_armed() {
	until_state 10 waiting
	until_true 10 dns_applied || fail "the host's DNS is not told"
}

explained() { # NAME TEXT
	on laptop adit explain dns "$1" >"$lab/explained" &&
		grep -q "$2" "$lab/explained" ||
		fail "explain dns $1: $(cat "$lab/explained")"
	checks=$((checks + 1))
}

starts_it() { # NAME WHY
	answers "$1" $inner4
	state_is up || fail "$1 was answered, and the tunnel is not up"
	grep -q "somebody asks for $1: $2" "$lab/aditd.log" ||
		fail "the log does not say why $1 started it"
	nothing_leaked "$1 started the tunnel"
}

start_capture
add_profiles demand
is_armed
explained gone.needed.example "starts the tunnel: if it fails"
explained www.corp.example "starts the tunnel: yes"
answers www.needed.example $outer4
answers www.other.example $outer4
state_is waiting || fail "names that work started the tunnel"
starts_it gone.needed.example "it does not exist outside"
answers www.needed.example $inner4 # ConnectIfNeeded is the tunnel's now
answers www.other.example $outer4

# Armed anew: by the next start of the daemon, as nothing ended the tunnel.
stop aditd || fail "aditd ended with an error"
start_aditd
is_armed
starts_it www.corp.example "it is one of the tunnel's own names"
stop aditd || fail "aditd ended with an error"
echo "note: $checks checks"
echo "the first question for a name of the tunnel starts it, and is answered"
