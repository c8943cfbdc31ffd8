#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# aditd and adit against adit-gateway, one link between them:
#
#   laptop 192.0.2.2 ------ 192.0.2.1 gateway
#
# What each command answers and its exit code; the host before and after; a
# crash; the end of the daemon in each state; a gateway that ends, is killed,
# and comes back; who may act.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lab/measure.sh
. tests/lab/measure.sh
bin=$PWD/build/bin

[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
[ -e /dev/net/tun ] || { echo "needs /dev/net/tun"; exit 77; }

l=adit-cl$$-l g=adit-cl$$-g
work=$(mktemp -d)
chmod 755 "$work"
export ADIT_RUNTIME_DIR=$work/run ADIT_CONFIG_DIR=$work/etc
daemon='' gateway='' pinger='' listener=''
cleanup() {
	clock_end
	for p in $daemon $gateway $pinger $listener; do
		kill "$p" 2>/dev/null || true
	done
	wait
	for n in $l $g; do
		ip netns del $n 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT
clock_begin "$work"

fail() {
	echo "FAIL: $*"
	tail -n 30 "$work"/*.log
	exit 1
}

until_works() { # SECONDS COMMAND...
	local n=$(($1 * 20))
	shift
	for ((i = 0; i < n; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	fail "did not come true: $*"
}


adit() { "$bin/adit" "$@"; }

# expect CODE COMMAND...: runs adit; its output is in $out.
out=''
expect() {
	local want=$1 got=0
	shift
	out=$(adit "$@" 2>&1) || got=$?
	[ "$got" = "$want" ] || fail "adit $*: exit $got, not $want: $out"
	[ "$want" = 0 ] || [ "$(wc -l <<<"$out")" = 1 ] ||
		fail "adit $*: not one line: $out"
}

field() { # EXPRESSION over the status as s
	adit status --json | python3 -c "
import json, sys
s = json.load(sys.stdin)
print($1)"
}

is_state() { [ "$(field 's["state"]')" = "$1" ]; }

snapshot() {
	local f
	for f in -4 -6; do
		ip $f -n $l rule
		ip $f -n $l route show table all
	done
	ip -n $l -br link
	ip -n $l -br addr
}

same_as_before() {
	snapshot >"$work/after"
	diff "$work/before" "$work/after" || fail "$1 left something"
}

# The laptop has its own /etc (a small system may lack /etc/hosts). An array
# and no function, so that $! is the daemon itself.
on_laptop=(ip netns exec "$l" unshare -m bash -c '
	mount --bind "$0/host" /etc && exec "$@"' "$work")

start_daemon() {
	"${on_laptop[@]}" "$bin/aditd" --config-dir "$work/etc" --state-dir \
		"$work/state" --runtime-dir "$work/run" --log-level debug \
		2>>"$work/aditd.log" &
	daemon=$!
	until_works 5 adit status
}

# stop_daemon SIGNAL: ends within a second and has put the host back.
stop_daemon() {
	local began took code=0
	began=$(now_ms)
	kill "-$1" "$daemon"
	wait "$daemon" || code=$?
	took=$(took_ms "$began")
	daemon=
	[ $code = 0 ] || fail "aditd ended with $code on SIG$1"
	in_time "$took" 1000 || fail "aditd took $took ms to end"
}

start_gateway() {
	ip netns exec $g "$bin/adit-gateway" run "$work/gw" \
		2>>"$work/gateway.log" >&2 &
	gateway=$!
}

stop_gateway() { # SIGNAL
	kill "-$1" "$gateway"
	wait "$gateway" 2>/dev/null || true
	gateway=
}

carries() {
	ip netns exec $l ping -q -c 1 -W 5 10.77.0.1 &&
		ip netns exec $l ping -q -c 1 -W 5 fd77::1
}

topology() {
	ip netns add $l
	ip netns add $g
	ip link add v0 netns $l type veth peer name v0 netns $g
	for n in $l $g; do
		ip -n $n link set lo up
		# Addresses that come by themselves would spoil the comparison.
		ip -n $n link set v0 addrgenmode none
		ip -n $n link set v0 up
	done
	ip -n $l addr add 192.0.2.2/24 dev v0
	ip -n $g addr add 192.0.2.1/24 dev v0
	# The first address has no route here.
	cp -a /etc "$work/host"
	rm -f "$work"/host/{hosts,resolv.conf}
	printf '%s\n' '127.0.0.1 localhost' '2001:db8::1 vpn.test' \
		'192.0.2.1 vpn.test' >"$work/host/hosts"
	echo 'nameserver 192.0.2.99' >"$work/host/resolv.conf"
	echo 'adit:x:4242:' >>"$work/host/group"
}

topology
"$bin/adit-gateway" init "$work/gw" --name vpn.test --pool 10.77.0.0/16 \
	--pool6 fd77::/64 --dns 10.77.0.1 --match corp.test >/dev/null
"$bin/adit-gateway" add "$work/gw" laptop --output "$work/laptop.json" \
	>/dev/null
start_gateway
snapshot >"$work/before"

# Without a daemon.
expect 3 status
expect 3 connect
"$bin/adit" profile check /etc/hostname >/dev/null 2>&1 && fail "checks badly"
expect 0 profile check "$work/laptop.json"
start_daemon
expect 0 status
expect 2 connect
expect 0 profile add "$work/laptop.json"
expect 1 profile add "$work/laptop.json"
expect 0 profile add "$work/laptop.json" --replace
expect 2 connect nobody
expect 0 profile show laptop
grep -q 'PRIVATE\|PKCS12": *"M' <<<"$out" && fail "profile show shows a key"

# Up and down, while a ping on the uplink runs and loses nothing.
ip netns exec $l ping -i 0.01 192.0.2.1 >"$work/ping.log" &
pinger=$!
until_works 5 ip netns exec $g ping -q -c 1 -W 1 192.0.2.2
began=$(now_ms)
expect 0 connect --wait
took=$(($(now_ms) - began))
carries >/dev/null || fail "nothing comes through the tunnel"
[ "$(field 's["version"], s["state"], s["group"], s["transport"],
	s["gateway"]["address"], s["hold"]["state"]')" = \
	"1 up X25519MLKEM768 udp 192.0.2.1:443 held-up" ] || fail "status: $(field s)"
[ "$(field 's["cipher_library"] in ("IPsec-MB", "wolfCrypt")')" = True ] ||
	fail "status: $(field s)"
[ "$(field 's["counters"]["rx_packets"] >= 2 and
	s["dns"]["match"] == ["corp.test"] and s["dns"]["applied"]')" = \
	True ] || fail "status: $(field s)"
expect 0 status
[ "$(wc -l <<<"$out")" -le 12 ] || fail "status is too long: $out"
expect 0 connect --wait
# Somebody takes our rule away.
[ "$(field 's["repairs"]')" = 0 ] || fail "repairs without damage"
ip -n $l rule del priority 21004
until_works 3 eval "ip -n $l rule | grep -q ^21004:"
until_works 3 eval '[ "$(field "s[\"repairs\"]")" = 1 ]'
# And then the device.
ip -n $l link del adit0
failed_for_host() { # it may be up again by now
	[ "$(field 'any(t["to"] == "failed" and t["reason"] == "host"
		for t in s["transitions"])')" = True ]
}
until_works 8 failed_for_host
until_works 8 is_state up
carries >/dev/null || fail "nothing comes through the new device"
expect 0 disconnect
expect 0 disconnect
same_as_before disconnect
# Somebody has our device's name.
ip -n $l tuntap add adit0 mode tun
expect 1 connect --wait
[[ $out == *'adit0: a device of this name is there already'*'ip link show'* ]] ||
	fail "what to do? $out"
ip -n $l link del adit0
expect 0 connect --wait
# The profile goes while it is in use.
expect 0 profile remove laptop
until_works 8 is_state down
[ "$(field 's["reason"]["code"], s["reason"]["text"]')" = \
	"profile-removed its profile was removed" ] || fail "status: $(field s)"
expect 0 profile add "$work/laptop.json"
same_as_before "the removal of the profile in use"
for ((i = 0; i < 5; i++)); do
	expect 0 connect --wait
	expect 0 disconnect
done
same_as_before "connecting five times"
kill -INT $pinger
wait $pinger || true
pinger=
[ "$(pings_lost "$work/ping.log")" = 0 ] ||
	fail "the uplink lost packets: $(tail -n 3 "$work/ping.log")"
echo "note: connect --wait took $took ms, $(pings_came "$work/ping.log")" \
	"pings on the uplink lost none"

# Who may act: root, the group, and nobody else.
act_as() { # USER GROUP CODE COMMAND...
	local user=$1 group=$2
	shift 2
	local want=$1 got=0
	shift
	out=$(setpriv --reuid "$user" --regid "$group" --clear-groups \
		"$bin/adit" "$@" 2>&1) || got=$?
	[ "$got" = "$want" ] || fail "$user:$group: adit $*: exit $got: $out"
}
act_as 65534 65534 0 status
act_as 65534 65534 4 connect
act_as 65534 65534 4 profile show laptop
act_as 65534 4242 0 connect --wait
act_as 65534 4242 0 disconnect

# A second daemon.
if "${on_laptop[@]}" "$bin/aditd" --config-dir "$work/etc" --state-dir "$work/state" \
	--runtime-dir "$work/run2" 2>"$work/second.log"; then
	fail "a second aditd started"
fi
grep -q 'another aditd' "$work/second.log" || fail "it did not say why"
# A stranger who binds the name that daemons tell each other by keeps nobody
# from starting.
stop_daemon TERM
ip netns exec $l python3 -c '
import os, socket, time
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.bind("\0adit/device/adit0")
s.listen()
print("bound", flush=True)
time.sleep(60)' >"$work/squatter.log" 2>&1 &
listener=$!
until_works 5 grep -q bound "$work/squatter.log"
start_daemon
kill $listener
wait $listener 2>/dev/null || true
listener=
grep -q 'a stranger has the name' "$work/aditd.log" ||
	fail "the stranger was not seen"
expect 0 connect --wait
expect 0 disconnect

# kill -9, then --undo; then a start that finds a crash.
expect 0 connect --wait
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || true
"${on_laptop[@]}" "$bin/aditd" --undo --state-dir "$work/state" \
	2>>"$work/aditd.log" || fail "--undo failed"
same_as_before "--undo"
stop_gateway TERM
start_gateway
start_daemon
expect 0 connect --wait
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || true
start_daemon
same_as_before "a start after a crash"
# It would keep the dead session's address for 30 s.
stop_gateway TERM
start_gateway

# The gateway ends in words, and comes back: the device stays.
expect 0 connect --wait
index=$(ip -n $l -o link show adit0 | cut -d: -f1)
stop_gateway TERM
until_works 8 is_state reconnecting
start_gateway
until_works 10 is_state up
carries >/dev/null || fail "nothing comes through after a restart"

# The gateway dies: noticed when packets get no answer.
stop_gateway 9
ip netns exec $l ping -q -i 0.2 10.77.0.1 >/dev/null &
pinger=$!
began=$(now_ms)
until_works 5 is_state suspect
until_works 8 is_state reconnecting
took=$(($(now_ms) - began))
start_gateway
until_works 20 is_state up
carries >/dev/null || fail "nothing comes through after a crash"
[ "$(ip -n $l -o link show adit0 | cut -d: -f1)" = "$index" ] ||
	fail "the device did not outlive the sessions"
kill $pinger
wait $pinger 2>/dev/null || true
pinger=
echo "note: a silent gateway was given up after $took ms"

# The end in each state.
for signal in TERM INT; do
	stop_daemon $signal
	same_as_before "SIG$signal while up"
	start_daemon
	expect 0 connect --wait
done
expect 0 disconnect
stop_daemon TERM
same_as_before "SIGTERM while down"
stop_gateway TERM
start_daemon
expect 0 connect
is_state connecting || fail "not connecting"
expect 7 connect --wait=1
stop_daemon TERM
same_as_before "SIGTERM while connecting"

# No way there, and then one.
start_daemon
ip -n $l link set v0 down
expect 6 connect --wait
is_state failed || fail "not failed"
stop_daemon TERM
start_daemon
expect 0 connect
start_gateway
ip -n $l link set v0 up
until_works 10 is_state up

# Revoked: stops, and says so.
"$bin/adit-gateway" revoke "$work/gw" laptop >/dev/null
until_works 10 is_state failed
expect 5 connect --wait
[ "$(field 's["retry_at"]')" = 0 ] || fail "it tries again after a refusal"
stop_daemon TERM
same_as_before "SIGTERM after a refusal"

# The service manager is told.
python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(512).decode(), flush=True)' \
	"$work/notify" >"$work/notified" 2>/dev/null &
listener=$!
until_works 5 test -S "$work/notify"
export NOTIFY_SOCKET=$work/notify
start_daemon
until_works 5 grep -q READY=1 "$work/notified"
expect 5 connect --wait
until_works 5 grep -q 'STATUS=laptop: failed' "$work/notified"
stop_daemon TERM
until_works 5 grep -q STOPPING=1 "$work/notified"

# A second profile, whose gateway's name nobody answers for: ends in time all
# the same, and must be named.
sed 's/"HostName":.*/"HostName": "slow.test",/' "$work/laptop.json" \
	>"$work/slow.json"
start_daemon
expect 0 profile add "$work/slow.json"
expect 0 disconnect # the word of before is kept over the end of a daemon
expect 2 connect
expect 0 connect slow
is_state connecting || fail "not resolving"
stop_daemon TERM
same_as_before "SIGTERM while resolving"
echo "note: $(grep -c . "$work/notified") messages to the service manager"
