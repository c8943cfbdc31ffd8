#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What adit tells its host, in a network of two namespaces:
#
#   host                              lan
#   up0 192.0.2.2/24         up1 192.0.2.1/24
#       2001:db8:1::2/64 ---     2001:db8:1::1/64
#   adit0 (TUN)              lo  198.51.100.1, 2001:db8:2::1
#
# 1. Walks a kill -9 after each recorded step, before and after the step is
#    made, and compares the host after undo with the host before.
# 2. With a full-tunnel state: what stays on the uplink, and what does not.
set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/lab/measure.sh
. tests/lab/measure.sh
[ "$(id -u)" -eq 0 ] || { echo "needs root"; exit 77; }
ip netns list >/dev/null 2>&1 || { echo "needs ip netns"; exit 77; }

lab=$PWD/build/linux/lab/host_apply
host=adith$$ lan=aditl$$
tmp=$(mktemp -d)
state=$tmp/state
pids=()

cleanup() {
	local p
	for p in "${pids[@]}"; do
		kill -9 "$p" && wait "$p"
	done 2>/dev/null
	ip netns del $host 2>/dev/null
	ip netns del $lan 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

fail() {
	echo "FAIL: $*"
	exit 1
}

on() { # NAMESPACE COMMAND...
	ip netns exec "$@"
}

setup() {
	local ns
	for ns in $host $lan; do
		ip netns add $ns || exit 1
		# No waiting for duplicate address detection.
		on $ns sh -c 'for d in all default; do
			echo 0 >/proc/sys/net/ipv6/conf/$d/accept_dad
			echo 0 >/proc/sys/net/ipv4/conf/$d/rp_filter; done'
		ip -n $ns link set lo up
	done
	ip -n $host link add up0 type veth peer name up1 netns $lan || exit 1
	ip -n $host addr add 192.0.2.2/24 brd + dev up0
	ip -n $host addr add 2001:db8:1::2/64 dev up0 nodad
	ip -n $host link set up0 up
	ip -n $lan addr add 192.0.2.1/24 brd + dev up1
	ip -n $lan addr add 2001:db8:1::1/64 dev up1 nodad
	ip -n $lan link set up1 up
	ip -n $lan addr add 198.51.100.1/32 dev lo
	ip -n $lan addr add 2001:db8:2::1/128 dev lo
	ip -n $host route add default via 192.0.2.1
	ip -n $host -6 route add default via 2001:db8:1::1
	ip -n $host route add 10.9.0.0/16 via 192.0.2.1
	on $host nft add table inet mine
	on $host nft add chain inet mine c
	echo theirs >"$tmp/files/resolv"
	echo theirs too, and longer than ours >"$tmp/files/mounted"
	chmod 640 "$tmp/files/mounted"
}

# All that the promise is about. Errors apart: ip looks at every named namespace
# of the machine, and complains about one that another test is deleting.
snapshot() {
	{
		ip -n $host rule
		ip -n $host -6 rule
		ip -n $host route show table all
		ip -n $host -6 route show table all
		ip -n $host addr
		ip -n $host link
		on $host nft list ruleset
		on $host cat /proc/sys/net/ipv4/ip_forward
		stat -c '%n %a %u' "$tmp"/files/*
		cat "$tmp/files/resolv" "$tmp/files/mounted"
	} 2>/dev/null | sed 's/ link-netns[a-z]* [^ ]*//'
}

all=(full "file=$tmp/files/resolv" "place=$tmp/files/mounted" forward nft)

undo() {
	[ -n "${SKIP_UNDO-}" ] && return # to see that the comparison bites
	on $host "$lab" "$state" "${all[@]}" undo
}

compare() { # WHAT
	snapshot >"$tmp/after"
	diff "$tmp/before" "$tmp/after" || fail "not undone: $*"
	[ -z "${SKIP_UNDO-}" ] && [ -e "$state/undo.journal" ] &&
		fail "a journal is left: $*"
}

walk() { # OPTION...
	local steps n kind out
	out=$(on $host "$lab" "$state" "${all[@]}" "$@") || fail "apply: $out"
	compare "a clean end ($*)"
	steps=$(sed -n 's/^steps \([0-9]*\).*/\1/p' <<<"$out")
	[ "${steps:-0}" -ge 12 ] || fail "only ${steps:-no} steps: $out"
	for kind in fault made; do
		for ((n = 1; n <= steps; n++)); do
			on $host "$lab" "$state" "${all[@]}" "$@" $kind=$n \
				>/dev/null 2>&1
			[ $? -eq 137 ] || fail "$kind=$n did not kill it ($*)"
			[ -e "$state/undo.journal" ] || fail "no journal at $n"
			undo 2>"$tmp/undo" || fail "undo after $kind=$n"
			grep -v 'an earlier run left' "$tmp/undo" &&
				fail "undo complains after $kind=$n"
			compare "after $kind=$n ($*)"
			walked=$((walked + 1))
		done
	done
	echo "note: $steps steps walked with kill -9, before and after each" \
		"${*:+($*)}"
}

start() { # ARGUMENTS: applies and holds; "$in" and "$out" talk to it
	local line
	coproc LAB { on $host "$lab" "$state" "$@" hold 2>&1; }
	in=${LAB[1]} out=${LAB[0]} pid=$LAB_PID
	pids+=("$pid")
	read -r -t 10 line <&"$out" || fail "hold does not start"
	[[ $line == steps* ]] || fail "hold: $line"
}

tell() { # LINE: its answer
	local line
	echo "$1" >&"$in"
	read -r -t 10 line <&"$out" || fail "no answer to $1"
	echo "$line"
}

stop() {
	exec {in}>&-
	wait "$pid" || fail "the end of hold"
}

way() { # DEVICE-OR-unreachable ARGUMENTS-OF-ip-route-get...
	local got want=" dev $1 "
	[ "$1" = unreachable ] && want="No route to host"
	got=$(ip -n $host route get "${@:2}" 2>&1)
	[[ $got == *"$want"* ]] || fail "${*:2}: not $1 but $got"
}

answered() { # ADDRESS...: a question to each is answered by the lan
	on $host timeout 20 python3 - "$@" <<-'PY'
		import socket, sys
		for where in sys.argv[1:]:
		    six = ':' in where
		    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET,
		                      socket.SOCK_DGRAM)
		    s.settimeout(3)
		    if not six:
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
		    s.sendto(b'who', (where, 5353, 0, socket.if_nametoindex('up0'))
		             if six else (where, 5353))
		    try:
		        s.recvfrom(100)
		    except OSError as e:
		        sys.exit('%s: %s' % (where, e))
	PY
}

# Answers whatever comes to port 5353 of the lan, by group or by address.
responder() {
	local line
	cat >"$tmp/responder.py" <<-'PY'
		import select, socket, struct
		a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		a.bind(('', 5353))
		a.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
		             socket.inet_aton('224.0.0.251') +
		             socket.inet_aton('192.0.2.1'))
		b = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		b.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		b.bind(('::', 5353))
		b.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
		             socket.inet_pton(socket.AF_INET6, 'ff02::fb') +
		             struct.pack('I', socket.if_nametoindex('up1')))
		print('ready', flush=True)
		while True:
		    for s in select.select([a, b], [], [])[0]:
		        s.sendto(b'me', s.recvfrom(100)[1])
	PY
	mkfifo "$tmp/ready"
	ip netns exec $lan python3 "$tmp/responder.py" >"$tmp/ready" 2>&1 &
	pids+=("$!")
	disown $!
	read -r -t 10 line <"$tmp/ready"
	[ "$line" = ready ] || fail "responder: $line"
}

full_tunnel() {
	local before after
	start full
	# Elsewhere: the tunnel. Marked: the uplink. On the link: the link.
	way adit0 198.51.100.1
	way adit0 2001:db8:2::1
	way up0 198.51.100.1 mark 0x2a17
	way up0 2001:db8:2::1 mark 0x2a17
	way up0 192.0.2.1
	way up0 2001:db8:1::1
	way up0 10.9.1.1
	way up0 203.0.113.9
	answered 192.0.2.255 255.255.255.255 224.0.0.251 ff02::fb \
		192.0.2.1 2001:db8:1::1 || fail "the link lost its way"
	# Real packets of both sorts.
	on $host ping -qc 1 -W 5 -m 10775 198.51.100.1 >/dev/null ||
		fail "a marked packet does not reach the uplink"
	before=$(on $host cat /sys/class/net/adit0/statistics/tx_packets)
	on $host ping -qc 1 -W 1 198.51.100.1 >/dev/null &&
		fail "an unmarked packet went out of the uplink"
	after=$(on $host cat /sys/class/net/adit0/statistics/tx_packets)
	[ "$after" -gt "$before" ] || fail "it went nowhere"
	stop
	compare "a full tunnel"
	echo "note: full tunnel: 4 group addresses and 2 neighbours answered"
}

ipv4_only() {
	start ipv4
	way adit0 198.51.100.1
	way unreachable 2001:db8:2::1
	way up0 2001:db8:2::1 mark 0x2a17
	way up0 2001:db8:1::1
	answered ff02::fb 2001:db8:1::1 || fail "IPv6 on the link"
	on $host ping -6 -qc 1 -W 2 2001:db8:2::1 >/dev/null 2>&1 &&
		fail "IPv6 leaks"
	stop
	compare "a full tunnel without IPv6"
}

no_default_route() {
	ip -n $host route del default
	ip -n $host -6 route del default
	snapshot >"$tmp/before"
	start full
	on $host ping -qc 1 -W 5 -m 10775 192.0.2.1 >/dev/null ||
		fail "a gateway on the link needs a default route"
	on $host ping -6 -qc 1 -W 5 -m 10775 2001:db8:1::1 >/dev/null ||
		fail "a gateway on the link needs a default route (IPv6)"
	stop
	compare "no default route"
	ip -n $host route add default via 192.0.2.1
	ip -n $host -6 route add default via 2001:db8:1::1
	snapshot >"$tmp/before"
}

drift() {
	local got
	start full
	got=$(tell verify)
	[ "$got" = "repaired 0" ] || fail "a fresh state drifts: $got"
	ip -n $host rule del priority 21004
	ip -n $host route del default table 21004
	ip -n $host -6 route flush table 21004
	ip -n $host addr del 10.77.0.2/32 dev adit0
	ip -n $host link set adit0 mtu 1300
	got=$(tell verify)
	[ "${got#repaired }" -ge 6 ] || fail "drift is not repaired: $got"
	got=$(tell verify)
	[ "$got" = "repaired 0" ] || fail "repaired twice: $got"
	way adit0 198.51.100.1
	# A network of the host that comes up later keeps its way.
	# And the kernel finds its gateway on the uplink, not in our default.
	ip -n $host route add 198.51.100.0/24 via 192.0.2.1
	ip -n $host -6 route add 2001:db8:2::/64 via 2001:db8:1::1
	tell plan >/dev/null
	way up0 198.51.100.1
	way up0 2001:db8:2::1
	ip -n $host route del 198.51.100.0/24 via 192.0.2.1
	ip -n $host -6 route del 2001:db8:2::/64 via 2001:db8:1::1
	tell plan >/dev/null
	way adit0 198.51.100.1
	# Somebody else's route and rule in our table's neighbourhood.
	ip -n $host route add 172.30.0.0/16 dev adit0 table 21004 proto static
	ip -n $host rule add priority 21005 lookup 21004
	tell verify >/dev/null
	ip -n $host route show table 21004 | grep -q 172.30 ||
		fail "another program's route was removed"
	stop
	ip -n $host rule | grep -q 21005 ||
		fail "another program's rule was removed"
	ip -n $host rule del priority 21005
	compare "drift and plans"
}

# The host gets networks that are the lease's too: equal prefixes are the
# host's, in place of our routes; and back.
replaced() {
	local got
	start full
	ip -n $host route add 10.77.0.0/16 via 192.0.2.1
	ip -n $host -6 route add fd77::/64 via 2001:db8:1::1
	tell plan >/dev/null
	way up0 10.77.1.1
	way up0 fd77::9
	got=$(tell verify)
	[ "$got" = "repaired 0" ] || fail "replaced routes drift: $got"
	ip -n $host route del 10.77.0.0/16 via 192.0.2.1
	ip -n $host -6 route del fd77::/64 via 2001:db8:1::1
	tell plan >/dev/null
	way adit0 10.77.1.1
	way adit0 fd77::9
	stop
	compare "replaced routes"
}

# What we change wakes the watcher once; planning the same again does not, or
# the daemon would plan for ever.
watcher() {
	local got
	start full
	got=$(tell watch)
	[ "$got" = "moved 1" ] || fail "our own changes are not seen: $got"
	# The best of three: the kernel may still have something of its own to
	# tell; what planning moves, it moves each time.
	for _ in 1 2 3; do
		tell plan >/dev/null
		tell verify >/dev/null
		got=$(tell watch)
		[ "$got" != "moved 0" ] || break
	done
	[ "$got" = "moved 0" ] || fail "planning the same again moves things"
	ip -n $host route add 10.8.0.0/16 via 192.0.2.1
	got=$(tell watch)
	[ "$got" = "moved 1" ] || fail "a new route is not seen"
	ip -n $host route del 10.8.0.0/16 via 192.0.2.1
	stop
	compare "the watcher"
}

gateway() {
	start gateway forward nft
	way adit0 10.77.9.9
	way adit0 fd77::9
	way up0 198.51.100.1
	[ "$(on $host cat /proc/sys/net/ipv4/ip_forward)" = 1 ] ||
		fail "the gateway does not forward"
	ip -n $host rule | grep -q 21004 && fail "a gateway has a rule"
	[ "$(tell verify)" = "repaired 0" ] || fail "the gateway drifts"
	on $host nft flush chain inet adit c
	on $host nft add rule inet adit c counter
	[ "$(tell verify)" = "repaired 1" ] || fail "a foreign rule is left"
	on $host nft list table inet adit | grep -q counter &&
		fail "repaired, and the foreign rule is there"
	on $host nft delete table inet adit
	[ "$(tell verify)" = "repaired 1" ] || fail "a deleted table is left"
	[ "$(tell verify)" = "repaired 0" ] || fail "the table drifts"
	stop
	compare "a gateway"
}

# Somebody changed the setting while we ran: it is his now.
changed_by_another() {
	start gateway forward "file=$tmp/files/resolv"
	echo "somebody else's" >"$tmp/files/resolv"
	exec {in}>&-
	grep -q "another program changed $tmp/files/resolv" <&"$out" ||
		fail "a foreign change is not told"
	wait "$pid"
	grep -q "somebody else's" "$tmp/files/resolv" ||
		fail "another program's file was overwritten"
	echo theirs >"$tmp/files/resolv"
	compare "changed by another"
}

# A journal with a table of nftables, foreign things, and a torn end.
crafted_journal() {
	local said
	on $host nft add table inet adit
	{
		echo "adit-undo 1 $(cat /proc/sys/kernel/random/boot_id)"
		echo "link up0 0"
		echo "link adit0 99"
		echo "route 254 0.0.0.0/0"
		echo "rule 4 32766 0 0 0 254"
		echo "nft inet%20adit"
		echo "nft inet%20mine"
		echo "file /etc/hostname 1 0 420 x y"
		echo "what is this"
		printf 'link up'
	} >"$state/undo.journal"
	chmod 600 "$state/undo.journal"
	said=$(undo 2>&1) || fail "a crafted journal: $said"
	[ "$(grep -c 'not ours: left alone' <<<"$said")" -eq 5 ] ||
		fail "not all that is foreign was told: $said"
	compare "a crafted journal"
	# The same journal of an earlier boot: nothing of it is done.
	on $host nft add table inet adit
	printf 'adit-undo 1 an-earlier-boot\nnft inet%%20adit\n' \
		>"$state/undo.journal"
	undo || fail "a journal of an earlier boot"
	on $host nft delete table inet adit ||
		fail "an earlier boot's table was deleted"
	compare "a journal of an earlier boot"
}

two_daemons() {
	local got
	start full
	got=$(on $host "$lab" "$state" full 2>&1) &&
		fail "two processes share a state directory"
	[[ $got == *"has the state directory"* ]] || fail "said: $got"
	[[ $got == *" $(cat "$state/lock") "* ]] || fail "wrong pid: $got"
	stop
}

# A device of our name that somebody else made.
foreign_device() {
	ip -n $host tuntap add adit0 mode tun
	on $host "$lab" "$state" full 2>"$tmp/said" &&
		fail "it took another program's device"
	grep -q "File exists" "$tmp/said" || fail "said: $(cat "$tmp/said")"
	ip -n $host link del adit0 || fail "another program's device is gone"
	compare "a foreign device"
}

# Applying and undoing a full tunnel, again and again, under a ping to a
# neighbour.
no_ping_lost() {
	local n pings lost
	ip netns exec $host ping -i 0.002 192.0.2.1 >"$tmp/ping" &
	pids+=($!)
	for ((n = 0; n < 40; n++)); do
		on $host "$lab" "$state" full >/dev/null || fail "apply"
	done
	kill -INT "${pids[-1]}"
	wait "${pids[-1]}" || fail "ping: $(tail -n 3 "$tmp/ping")"
	unset "pids[-1]"
	pings=$(pings_came "$tmp/ping")
	lost=$(pings_lost "$tmp/ping")
	[ "$lost" = 0 ] || fail "$lost pings of $pings are lost"
	[ "$pings" -ge 40 ] || fail "only $pings pings"
	echo "note: $pings pings over $n rounds of apply and undo, none lost"
}

# What rp_filter does (plan.h): strict drops the gateway's answers, loose and
# off do not. When a kernel changes that, the comment is wrong.
rp_filter() {
	local mode got
	start full
	for mode in 0 1 2; do
		on $host sh -c "echo $mode >/proc/sys/net/ipv4/conf/up0/rp_filter"
		got=lost
		on $host ping -qc 1 -W 1 -m 10775 198.51.100.1 >/dev/null &&
			got=answered
		[ $mode$got = 0answered ] || [ $mode$got = 1lost ] ||
			[ $mode$got = 2answered ] ||
			fail "rp_filter $mode: $got"
	done
	on $host ping -qc 1 -W 5 -m 10775 192.0.2.1 >/dev/null ||
		fail "a neighbour is lost"
	on $host sh -c "echo 0 >/proc/sys/net/ipv4/conf/up0/rp_filter"
	stop
}

many_routes() {
	local got
	got=$(on $host "$lab" "$state" full routes=4000) || fail "4000 routes"
	compare "4000 routes"
	echo "note: 4000 routes: $got"
}

no_ipv6() {
	on $host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	start full
	way adit0 198.51.100.1
	way unreachable 2001:db8:2::1
	stop
	on $host sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	compare "IPv6 off on new devices"
}

walked=0
umask 022
mkdir "$state" "$tmp/files"
setup
# The lock file stays; it is no change of the host.
on $host "$lab" "$state" undo || fail "undo of nothing"
snapshot >"$tmp/before"
for word in "lookup main" "via 192.0.2.1" "via 2001:db8:1::1" \
	"2001:db8:1::2/64" "up0@" "table inet mine" "resolv 644"; do
	grep -q "$word" "$tmp/before" || fail "the snapshot has no $word"
done
walk
walk persist
responder
full_tunnel
ipv4_only
no_default_route
drift
replaced
watcher
gateway
changed_by_another
crafted_journal
two_daemons
foreign_device
no_ping_lost
rp_filter
no_ipv6
many_routes
echo "note: $walked crashes undone without a difference"
