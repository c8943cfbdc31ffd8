#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# EvaluateConnection by real questions: the stub, the host's DNS, the servers of
# the uplink, RequiredDNSServers and those inside, which all write down what
# they are asked. What starts the tunnel is tests/lab/armed.c, with no tunnel:
# the servers inside listen at the gateway.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
lab_logs="armed inner outer required"
required4=198.18.0.53

dns_cannot kdig
programs_begin
variant armed 'p["DNS"] = {"Protocol": "Cleartext",
	"ServerAddresses": ["192.0.2.2"],
	"SupplementalMatchDomains": ["corp.example"],
	"SupplementalMatchDomainsNoSearch": True}
p["VendorConfig"]["Routes"] = ["192.0.2.2/32"]
p["OnDemand"] = {"Enabled": True, "Rules": [{
	"Action": "EvaluateConnection", "ActionParameters": [
	{"Domains": ["never.corp.example"], "DomainAction": "NeverConnect"},
	{"Domains": ["needed.example"], "DomainAction": "ConnectIfNeeded"},
	{"Domains": ["required.example"], "DomainAction": "ConnectIfNeeded",
	 "RequiredDNSServers": ["203.0.113.1"]},
	{"Domains": ["url.example"], "DomainAction": "ConnectIfNeeded",
	 "RequiredURLStringProbe": "http://192.0.2.1/"}]},
	{"Action": "Ignore"}]}'
cp "$lab_root/tests/lab/answerer.py" "$lab_root/build/linux/lab/armed" "$lab/" ||
	fail "build/linux/lab/armed is missing: run make lab"
answerer inner gateway $inner4,$inner6 192.0.2.2
rule outer "$gateway_name $outer4" "com nx" "gone.needed.example nx" "broken.needed.example servfail" \
	"silent.needed.example drop"
answerer outer cafe $outer4,$outer6 192.0.2.1
answerer required cafe $required4 203.0.113.1
rule required "gone.required.example nx"
cp "$lab/laptop.before" "$lab/laptop.first"

said() { # LINE
	grep -q "^$1" "$lab/armed.log"
}

tell() { # SIGNAL LINE-THAT-FOLLOWS
	local before
	before=$(grep -c "^$2" "$lab/armed.log")
	signal armed "$1"
	until_true 5 more_than "$before" "$2" || fail "no \"$2\" after $1"
}

more_than() { # COUNT LINE
	[ "$(grep -c "^$2" "$lab/armed.log")" -gt "$1" ]
}

answers() { # NAME ADDRESS
	on laptop kdig +short +time=5 +retry=0 @$stub "$1" >"$lab/answer" 2>&1
	grep -qx "$2" "$lab/answer" || fail "$1: $(cat "$lab/answer"), not $2"
	checks=$((checks + 1))
}

starts_nothing() { # NAME ADDRESS: by the uplink
	local before
	before=$(grep -c '^triggered' "$lab/armed.log")
	answers "$@"
	[ "$(grep -c '^triggered' "$lab/armed.log")" = "$before" ] ||
		fail "$1 started the tunnel"
}

# The question waits for the tunnel, others do not, and the tunnel answers it.
starts_it() { # NAME WHY
	start held laptop kdig +short +time=20 +retry=0 @$stub "$1"
	until_true 8 said "triggered by $1: $2" || fail "$1 starts nothing"
	until_true 5 said "waiting" || fail "it does not wait"
	answers "other.example" $outer4
	running held || fail "$1 did not wait: $(cat "$lab/held.log")"
	tell USR1 up
	stop_held
	grep -qx $inner4 "$lab/held.log" ||
		fail "$1 through the tunnel: $(cat "$lab/held.log")"
	asked inner "$1" || fail "the inner server was not asked for $1"
	answers "$1" $inner4
	checks=$((checks + 2))
}

stop_held() {
	wait "${lab_job[held]}" 2>/dev/null
	unset "lab_job[held]"
}

next_network() {
	tell USR2 armed
}

randoms() {
	grep -cE ' [0-9a-f]{16}\.com$' "$lab/outer.names"
}

start armed laptop /run/lab/armed /run/lab/armed.json /run/armed-state up0
until_true 10 on laptop grep -q $stub /etc/resolv.conf ||
	fail "the host is not told: $(cat "$lab/armed.log")"
until_true 10 said settled || fail "it does not settle"

# What works, and what is exempt, starts nothing.
starts_nothing www.needed.example $outer4
starts_nothing other.example $outer4
starts_nothing $gateway_name $outer4
starts_nothing a.never.corp.example $outer4
starts_nothing www.required.example $required4
! asked outer www.required.example || fail "the uplink was asked, too"
[ "$(randoms)" = 2 ] || fail "$(randoms) random names, not an A and an AAAA"
said "probe http://192.0.2.1/ on network 1" || fail "no probe is needed"

# What fails does, by libc too, and a name of the tunnel's without being asked.
starts_it gone.needed.example "it does not exist outside"
answers a.never.corp.example $inner4
next_network
starts_it broken.needed.example "it is not resolved in time"
next_network
starts_it silent.needed.example "it is not resolved in time"
next_network
starts_it www.corp.example "it is one of the tunnel's own names"
next_network
starts_it gone.required.example "RequiredDNSServers do not resolve it"
next_network
starts_it www.url.example "RequiredURLStringProbe does not give 200"
[ "$(randoms)" = 12 ] || fail "$(randoms) random names on six networks"

# A resolver that sends every name to one address.
rule outer
next_network
starts_it www.needed.example "its answer is redirected"
starts_nothing other.example $outer4

# Nothing came of it: the question fails in time, with the reason.
rule outer "com nx" "gone.needed.example nx"
next_network
start held laptop kdig +time=20 +retry=0 +edns @$stub gone.needed.example
stop_held
grep -q 'status: SERVFAIL' "$lab/held.log" &&
	grep -q 'EDE: 14 .*the gateway does not answer' "$lab/held.log" ||
	fail "after the hold: $(cat "$lab/held.log")"
checks=$((checks + 1))

# libc asks in its own way.
next_network
start held laptop getent ahostsv4 gone.needed.example
until_true 8 more_than 8 triggered || fail "libc starts nothing"
tell USR1 up
stop_held
grep -q "^$inner4 " "$lab/held.log" || fail "libc: $(cat "$lab/held.log")"

! grep -E ' (www\.)?corp\.example$' "$lab/outer.names" >"$lab/leaks" ||
	fail "a match domain was tried outside: $(cat "$lab/leaks")"
stop armed || fail "it ended with an error: $(cat "$lab/armed.log")"
! on laptop grep -q $stub /etc/resolv.conf || fail "the host is not put back"
echo "note: $checks checks; $(grep -c '^triggered' "$lab/armed.log") starts"
echo "a name that needs the tunnel starts it, waits, and is answered inside"
