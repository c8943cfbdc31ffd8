#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The gateway program between two clients without daemons and an office:
#
#   one   tun 10.77.0.2 ---.
#     192.0.2.2             \            gateway             office
#                            br 192.0.2.1   10.9.0.1 ------- 10.9.0.2
#     192.0.2.3             /               fd90::1          fd90::2
#   two   tun 10.77.0.3 ---'
#
# The gateway is also 203.0.113.50 and 2001:db8:50::50, on its loopback device.
#
# Packets in both families, answers from the address that was asked, clients added and revoked while it runs, a second
# device with one identity, a wrong source address; SIGTERM, and kill -9 with
# what the next run makes of it.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lab/measure.sh
. tests/lab/measure.sh
gateway=$PWD/build/bin/adit-gateway dial=$PWD/build/linux/lab/dial

[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
[ -e /dev/net/tun ] || { echo "needs /dev/net/tun"; exit 77; }

g=adit-gw$$-g office=adit-gw$$-o one=adit-gw$$-1 two=adit-gw$$-2
work=$(mktemp -d)
dir=$work/gw
pids=
cleanup() {
	clock_end
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	wait
	for n in $g $office $one $two; do
		ip netns del $n 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT
clock_begin "$work"

fail() {
	echo "FAIL: $*"
	tail -n 20 "$work"/*.log
	exit 1
}

on() { # NAMESPACE COMMAND...
	ip netns exec "$@"
}

# until_works SECONDS COMMAND...: tries again until it works.
until_works() {
	local n=$(($1 * 20))
	shift
	for ((i = 0; i < n; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	fail "did not come true: $*"
}


topology() {
	for n in $g $office $one $two; do
		ip netns add $n
		ip -n $n link set lo up
	done
	ip -n $g link add br0 type bridge
	ip -n $g addr add 192.0.2.1/24 dev br0
	ip -n $g link set br0 up
	for n in 1 2; do
		peer=$one
		[ $n = 2 ] && peer=$two
		ip -n $g link add p$n type veth peer name v0 netns "$peer"
		ip -n $g link set p$n master br0 up
		ip -n "$peer" addr add 192.0.2.$((n + 1))/24 dev v0
		ip -n "$peer" link set v0 up
	done
	ip -n $g addr add 2001:db8:2::1/64 dev br0 nodad
	ip -n $two addr add 2001:db8:2::3/64 dev v0 nodad
	ip -n $g addr add 203.0.113.50/32 dev lo
	ip -n $g addr add 2001:db8:50::50/128 dev lo
	ip -n $two route add 203.0.113.50 via 192.0.2.1
	ip -n $two -6 route add 2001:db8:50::50 via 2001:db8:2::1
	ip -n $g link add lan0 type veth peer name v0 netns $office
	ip -n $g addr add 10.9.0.1/24 dev lan0
	ip -n $g addr add fd90::1/64 dev lan0 nodad
	ip -n $g link set lan0 up
	ip -n $office addr add 10.9.0.2/24 dev v0
	ip -n $office addr add fd90::2/64 dev v0 nodad
	ip -n $office link set v0 up
	ip -n $office route add default via 10.9.0.1
	ip -n $office -6 route add default via fd90::1
}

snapshot() {
	ip -n $g -o addr show | grep -v ' lo ' | sed 's/valid_lft.*//'
	ip -n $g rule
	ip -n $g route show table all
	ip -n $g -6 route show table all | grep -v ' fe80\| ff00'
	on $g cat /proc/sys/net/ipv4/ip_forward \
		/proc/sys/net/ipv6/conf/all/forwarding
}

start_gateway() {
	rm -f "$work/gateway.out" # of an earlier one
	ip netns exec $g "$gateway" run "$dir" >"$work/gateway.out" \
		2>>"$work/gateway.log" &
	pg=$!
	pids="$pids $pg"
	until_works 5 grep -q '^adit-gateway: 192.0.2.1 on ' \
		"$work/gateway.out"
}

start_dial() { # NAMESPACE NAME [ADDRESS]
	rm -f "$work/$1.out" # of an earlier one
	ip netns exec "$1" "$dial" "$work/$2.json" tun0 ${3:+"$3"} \
		>"$work/$1.out" 2>>"$work/dial.log" &
	pd=$!
	pids="$pids $pd"
}

join() { # NAMESPACE NAME [ADDRESS]: dials, and does what a daemon would
	local a4 a6 mtu _
	start_dial "$@"
	until_works 5 grep -q '^up ' "$work/$1.out"
	read -r _ a4 a6 mtu <"$work/$1.out"
	ip -n "$1" addr add "$a4" dev tun0
	ip -n "$1" addr add "$a6" dev tun0 nodad
	ip -n "$1" link set tun0 mtu "$mtu" up
	ip -n "$1" route add 10.9.0.0/24 dev tun0
	ip -n "$1" -6 route add fd90::/64 dev tun0
}

add() {
	"$gateway" add "$dir" "$1" --output "$work/$1.json" >/dev/null
}

ping_ok() { # NAMESPACE ADDRESS
	on "$1" ping -q -c 3 -i 0.05 -W 5 "$2" >>"$work/ping.log" ||
		fail "no answer from $2"
}

# A file through TCP, its checksum compared.
fetch_ok() { # NAMESPACE ADDRESS
	local got
	got=$(on "$1" curl -s --noproxy '*' "http://$2:7000/file" | sha256sum)
	[ "$got" = "$(sha256sum <"$work/www/file")" ] ||
		fail "the file from $2 changed on its way"
}

serve_file() {
	mkdir "$work/www"
	head -c 8000000 /dev/urandom >"$work/www/file"
	ip netns exec $office python3 -m http.server -b :: -d "$work/www" \
		7000 >"$work/http.log" 2>&1 &
	pids="$pids $!"
	until_works 5 on $office curl -s --noproxy '*' http://10.9.0.2:7000/
}

packets_pass() {
	add one
	start_gateway
	join $one one
	ping_ok $one 10.77.0.1
	ping_ok $one 10.9.0.2
	ping_ok $one fd90::2
	serve_file
	fetch_ok $one 10.9.0.2
	fetch_ok $one "[fd90::2]"
	echo "note: ping and 8 MB over TCP in both families, to an office"
}

clients_come_and_go() {
	local began took
	add two
	until_works 5 grep -q 'may come in: 2' "$work/gateway.log"
	join $two two
	ping_ok $two 10.77.0.2
	"$gateway" revoke "$dir" two >/dev/null
	began=$(now_ms)
	until_works 5 grep -q '^down refused.*revoked' "$work/$two.out"
	took=$(took_ms "$began")
	in_time "$took" 1000 || fail "revoked after $took ms"
	ping_ok $one 10.9.0.2
	echo "note: a revoked client was out after $took ms"
}

one_identity_has_one_session() {
	cp "$work/one.json" "$work/copy.json"
	start_dial $two copy
	until_works 5 grep -q '^down busy.*in use from' "$work/$two.out"
	ping_ok $one 10.9.0.2
}

wrong_sources_are_dropped() {
	ip -n $one addr add 10.77.0.99/32 dev tun0
	on $one ping -q -c 2 -i 0.05 -W 1 -I 10.77.0.99 10.9.0.2 \
		>>"$work/ping.log" && fail "a stranger's address got through"
	ping_ok $one 10.9.0.2
}

# On a copy that is nobody's own, so that only the port is in the way.
tells_who_is_not_root_what_it_needs() {
	cp -r "$dir" "$work/copy"
	cp "$gateway" "$work/adit-gateway"
	chmod 755 "$work"
	chown -R 65534:65534 "$work/copy"
	on $g setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$work/adit-gateway" run "$work/copy" 2>"$work/nobody.log" &&
		fail "it runs without privileges"
	grep -q ':443: Permission denied; run it as root.*CAP_NET_ADMIN and' \
		"$work/nobody.log" || fail "does not say what it needs"
	chmod 700 "$work"
}

# Whatever the gateway sends from another address is dropped on the way in, as
# a firewall or an address translator would.
another_address_is_answered() {
	local address
	on $two nft -f - <<-END
		table inet asked {
			chain in {
				type filter hook input priority 0
				udp sport 443 ip saddr != 203.0.113.50 drop
				udp sport 443 ip6 saddr != 2001:db8:50::50 drop
			}
		}
	END
	add three
	for address in 203.0.113.50 2001:db8:50::50; do
		join $two three $address
		ping_ok $two 10.9.0.2
		fetch_ok $two 10.9.0.2
		fetch_ok $two "[fd90::2]"
		kill $pd
		wait $pd || true
	done
	echo "note: asked at a second address, in either family, it answers" \
		"from there: ping and 8 MB over TCP"
}

ends_in_time() {
	local began took
	began=$(now_ms)
	kill $pg
	wait $pg || fail "exit code $?"
	took=$(took_ms "$began")
	in_time "$took" 1000 || fail "it took $took ms to end"
	until_works 5 grep -q '^down gateway-ended' "$work/$one.out"
	snapshot >"$work/after"
	diff -u "$work/before" "$work/after" || fail "something is left"
	echo "note: SIGTERM ended it in $took ms, and nothing is left"
}

recovers_from_a_crash() {
	start_gateway
	kill -9 $pg
	wait $pg 2>/dev/null || true
	[ "$(on $g cat /proc/sys/net/ipv4/ip_forward)" = 1 ] ||
		fail "nothing to undo"
	start_gateway
	kill $pg
	wait $pg
	snapshot >"$work/after"
	diff -u "$work/before" "$work/after" || fail "something is left"
}

topology
until_works 5 sh -c "! ip -n $g addr | grep -q tentative"
snapshot >"$work/before"
"$gateway" init "$dir" --name 192.0.2.1 --pool6 fd77::/64 \
	--route 10.9.0.0/24 --route fd90::/64 >/dev/null
tells_who_is_not_root_what_it_needs
packets_pass
clients_come_and_go
one_identity_has_one_session
wrong_sources_are_dropped
another_address_is_answered
ends_in_time
recovers_from_a_crash
