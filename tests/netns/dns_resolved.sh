#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The real programs on a laptop whose names are the real systemd-resolved's.
# Whatever becomes of the tunnel, no name of a match domain leaves by the
# uplink; other names are answered as before; and afterwards resolved is as it
# was. A capture at the cafe's end of the wire is the judge.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
# shellcheck source=tests/netns/lib_owners.sh
. "$(dirname "$0")/lib_owners.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example)
lab_logs="aditd gateway daemon-laptop"
serial=0

dns_cannot kdig tcpdump getent
if why=$(owners_cannot); then
	echo "$why"
	exit 77
fi
unpack_owners
programs_begin
variant good 'p["DNS"] = {"Protocol": "Cleartext",
	"ServerAddresses": ["198.51.100.10"],
	"SupplementalMatchDomains": ["corp.example"]}'
variant refused 'p["DNS"] = {"Protocol": "Cleartext",
	"ServerAddresses": ["198.51.100.10"],
	"SupplementalMatchDomains": ["corp.example"]}
p["VendorConfig"]["ServerName"] = "vpn.example.net"'

# --- the laptop and its resolved ---

owner_files laptop resolved
on laptop sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf
bus laptop
start_resolved laptop
resolved_uplink laptop
start_answerers
rule outer "corp.example.lan.example 203.0.113.66" # that means no good

resolver_snapshot() {
	readlink "$lab/laptop/etc/resolv.conf"
	on laptop cat /etc/resolv.conf
	resolved_state laptop
	on laptop ls /run/systemd/resolve/netif
	lab_snapshot laptop
}

unchanged() {
	resolver_snapshot >"$lab/resolver.now" 2>&1
	cmp -s "$lab/resolver.before" "$lab/resolver.now"
}

finds() { # NAME: $found, by libc; "" is nothing
	found=$(on laptop timeout 20 getent ahostsv4 "$1" |
		awk '{ print $1; exit }')
}

must_find() { # NAME ADDRESS WHILE-WHAT
	finds "$1"
	[ "$found" = "$2" ] || fail "$1 is \"$found\", not $2 while $3:" \
		"$(on laptop resolvectl status)"
	checks=$((checks + 1))
}

by_resolvectl() { # NAME
	on laptop timeout 20 resolvectl query -4 --legend=no "$1" 2>&1
}

# A name that is in no cache.
fresh() { # DOMAIN: $name
	serial=$((serial + 1))
	name=h$serial.$1
}

outside_flows() { # WHILE-WHAT
	local began names=() n
	for n in {1..20}; do
		fresh outside.example
		names+=("$name")
	done
	began=$(now_ms)
	n=$(on laptop timeout 20 getent ahostsv4 "${names[@]}" |
		grep -c "^$outer4 *STREAM")
	[ "$n" -eq 20 ] || fail "$n of 20 outside names while $1"
	echo "note: 20 outside names while $1: $(($(now_ms) - began)) ms"
	checks=$((checks + 1))
}

is_inner() { # WHILE-WHAT
	fresh corp.example
	must_find "$name" $inner4 "$1"
	fresh corp.example
	by_resolvectl "$name" | grep -q "$inner4" ||
		fail "resolvectl query $name while $1: $(by_resolvectl "$name")"
	must_find wiki $inner4 "$1"
	nothing_leaked "$1"
	checks=$((checks + 1))
}

fails_closed() { # WHILE-WHAT
	local name began
	for name in www.corp.example corp.example a.b.corp.example wiki; do
		finds "$name"
		[ -z "$found" ] || fail "$name is $found while $1"
	done
	fresh corp.example
	began=$(now_ms)
	! by_resolvectl "$name" >"$lab/answer" ||
		fail "resolvectl query $name while $1: $(cat "$lab/answer")"
	echo "note: refused in $(($(now_ms) - began)) ms while $1"
	nothing_leaked "$1"
	checks=$((checks + 1))
}

# As if adit were not there; and the capture sees what it must not see before.
is_as_before() { # AFTER-WHAT
	until_true 3 unchanged || {
		diff "$lab/resolver.before" "$lab/resolver.now" >&3
		fail "the laptop's DNS is not as it was after $1"
	}
	fresh corp.example
	must_find "$name" $outer4 "after $1"
	by_resolvectl "$name" | grep -q "$outer4" ||
		fail "resolvectl query $name after $1"
	wire_is_read
	grep -aq "$name" "$lab/capture.log" || fail "the capture is blind"
	: >"$lab/capture.log"
	forget_names
	checks=$((checks + 2))
}

owner_is() { # NAME
	on laptop adit status --json >"$lab/status.json"
	python3 -c 'import json, sys
dns = json.load(open(sys.argv[1]))["dns"]
sys.exit(not (dns["applied"] and dns["owner"] == sys.argv[2] and
	dns["owner_because"]))' \
		"$lab/status.json" "$1" ||
		fail "the owner is not $1: $(cat "$lab/status.json")"
	checks=$((checks + 1))
}

# --- what becomes of a tunnel ---

connect_in_vain() {
	local began
	gateway_is_silent
	began=$(now_ms)
	expect 0 connect good
	until_true 5 dns_applied || fail "DNS is not ours while connecting"
	echo "note: resolved asks us $(($(now_ms) - began)) ms after connect"
	state_is connecting || fail "not connecting: $(on laptop adit status)"
	fails_closed connecting
	outside_flows connecting
	state_is connecting || fail "no longer connecting"
	gateway_speaks
}

come_up() {
	expect 0 connect good --wait=20
	owner_is "$resolved"
	is_inner up
	outside_flows up
}

lose_gateway() {
	start chatter laptop ping -q -i 0.1 198.51.100.10
	stop gateway KILL
	until_true 30 state_is reconnecting || fail "the silence is not noticed"
	stop chatter INT
	fails_closed reconnecting
	outside_flows reconnecting
	start_gateway
	until_state 30 up
	is_inner "up again"
}

be_refused() {
	expect 5 connect refused --wait=10
	until_true 5 dns_applied || fail "DNS is not ours after a refusal"
	state_is failed || fail "not failed: $(on laptop adit status)"
	fails_closed failed
	outside_flows failed
	expect 0 disconnect
	is_as_before failed
}

crash() {
	expect 0 connect good --wait=20
	stop aditd KILL
	fails_closed crashed
	outside_flows crashed
	on laptop aditd --undo 2>"$lab/undo.log" ||
		fail "aditd --undo: $(cat "$lab/undo.log")"
	is_as_before "aditd --undo"
	start_aditd
}

# --- what becomes of resolved ---

link_is_told() {
	on laptop resolvectl domain adit-dns | grep -q 'corp\.example'
}

# Nothing leaks while it is away. What it kept of a link it reads again; when
# that was lost, too, a name may leave until it is told.
resolved_restarts() { # [forgets]
	local began
	stop daemon-laptop KILL
	finds www.corp.example
	[ -z "$found" ] || fail "a name of ours without resolved: $found"
	[ $# -eq 0 ] || on laptop sh -c 'rm -r /run/systemd/resolve/netif'
	nothing_leaked "resolved is away"
	start_resolved laptop
	[ $# -eq 0 ] || resolved_uplink laptop
	began=$(now_ms)
	until_true 5 link_is_told || fail "resolved is not told again"
	echo "note: resolved, new${1:+ and without its files}, is told" \
		"$(($(now_ms) - began)) ms after it answers"
	is_inner "resolved is new"
	until_true 5 dns_applied || fail "not applied with a new resolved"
	owner_is "$resolved"
}

# Somebody's resolvectl: seen, and put right.
link_is_changed() {
	local began
	on laptop resolvectl domain adit-dns "~evil.example"
	began=$(now_ms)
	until_true 5 link_is_told || fail "the change is not seen"
	echo "note: a changed link is put right in $(($(now_ms) - began)) ms"
	until_true 5 dns_applied || fail "not applied after a change"
	is_inner "put right"
}

# Names go around resolved from then on; nobody put the file back.
file_is_replaced() {
	local began
	expect 0 connect good --wait=20
	on laptop sh -c 'echo nameserver 192.0.2.1 >/etc/resolv.conf.new
		mv /etc/resolv.conf.new /etc/resolv.conf'
	began=$(now_ms)
	until_true 5 on laptop grep -q 127.0.77.53 /etc/resolv.conf ||
		fail "nobody sees that resolv.conf does not lead to resolved"
	until_true 5 dns_applied || fail "not applied to the file"
	echo "note: a file instead of resolved's is ours in" \
		"$(($(now_ms) - began)) ms"
	owner_is resolv.conf
	fresh corp.example
	must_find "$name" $inner4 "the file is ours"
	nothing_leaked "the file is ours"
	expect 0 disconnect
	[ "$(on laptop cat /etc/resolv.conf)" = "nameserver 192.0.2.1" ] ||
		fail "resolv.conf is $(on laptop cat /etc/resolv.conf)"
	# resolved keeps what it read of a file until it ends.
	stop daemon-laptop TERM
	start_resolved laptop
	is_as_before "a file in its place"
}

# --- a resolved of another network ---

nested_runs() {
	[ "$(cat "/proc/$(program_pid nested)/comm")" = sleep ]
}

# A network of its own at the cafe, with the laptop's files and bus.
make_nested() {
	start nested laptop unshare -n -m sleep infinity
	until_true 5 nested_runs || fail "no network in the laptop"
	lab_pid[nested]=$(program_pid nested)
	lab_nets+=("$(readlink "/proc/${lab_pid[nested]}/ns/net")")
	on nested ip link set lo up &&
		lab_cable nested up0 cafe to-nested &&
		on cafe ip link set to-nested master br0 &&
		lab_address nested up0 192.0.2.20/24 &&
		on nested ip route add default via 192.0.2.1 ||
		fail "the network in the laptop is not at the cafe"
}

# The resolved on the bus is another network's: absent, and never told.
be_elsewhere() {
	make_nested
	start aditd nested aditd
	until_true 5 on laptop adit status || fail "aditd does not start"
	expect 0 connect good --wait=20
	until_true 5 eval 'on laptop adit status | grep -q "another network"' ||
		fail "whose file it is: $(on laptop adit status)"
	! dns_applied || fail "applied to another network"
	is_as_before "a connect elsewhere"
	expect 0 disconnect

	echo nameserver 192.0.2.1 >"$lab/nested.conf"
	on nested mount --bind /run/lab/nested.conf /etc/resolv.conf ||
		fail "no file for the network in the laptop"
	expect 0 connect good --wait=20
	until_true 5 dns_applied || fail "not applied to its own file"
	owner_is resolv.conf
	[ "$(on nested getent ahostsv4 x.corp.example |
		awk '{ print $1; exit }')" = $inner4 ] ||
		fail "no inner answer in the network in the laptop"
	is_as_before "a tunnel elsewhere"
	expect 0 disconnect
	stop aditd TERM || fail "aditd does not end well"
}

resolver_snapshot >"$lab/resolver.before" 2>&1
resolved="systemd-resolved 252"
start_capture
outside_flows "nothing is there"
is_as_before nothing
start_gateway
start_aditd
add_profiles good refused

connect_in_vain
come_up
lose_gateway
resolved_restarts
resolved_restarts forgets
link_is_changed
expect 0 disconnect
is_as_before disconnect
file_is_replaced
be_refused
crash
stop aditd TERM || fail "aditd does not end well"
is_as_before SIGTERM
be_elsewhere
echo "note: $checks checks; no name of a match domain on the wire"
