#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench.sh [ROUNDS [SECONDS]]: adit beside wireguard-go, in one run.
#
#   client namespace                               gateway namespace
#   adit0 10.77.0.2  wgc 10.8.0.1                  adit0 10.77.0.1  wgg 10.8.0.2
#         \            /                                 \            /
#       v0 192.0.2.1, MTU 1500 ------- veth ------- v0 192.0.2.2
#
# One TCP stream up and down and small UDP packets, in turn, three rounds, the
# medians. Ratios are what counts: machines are noisy. Fails when adit has less
# than 1.8 times the throughput, or needs more than 120,000 system calls a GB.
# All of it happens in namespaces of its own, mounts included.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
bin=$root/build/bin
export ADIT_RUNTIME_DIR=/run/bench/run
wireguard=$root/build/deps/peers/usr/bin/wireguard-go
rounds=${1-3}
seconds=${2-4}

[ "$(id -u)" = 0 ] || { echo "bench: needs root"; exit 77; }
[ -x "$wireguard" ] || { echo "bench: run \"make bench\" (no $wireguard)"; exit 77; }
[ -n "${ADIT_BENCH-}" ] ||
	exec env ADIT_BENCH=1 unshare --mount --propagation private "$0" "$@"

# Namespaces' names and wireguard-go's sockets live under /run: ours alone.
mount -t tmpfs tmpfs /run
work=/run/bench
mkdir $work
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
}
trap cleanup EXIT

fail() {
	echo "bench: $*" >&2
	tail -n 5 $work/adit.client $work/adit.gateway >&2 || true
	exit 1
}

until_works() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	fail "did not come true: $*"
}

topology() {
	local n
	ip netns add client
	ip netns add gateway
	ip -n client link add v0 type veth peer name v0 netns gateway
	ip -n client addr add 192.0.2.1/24 dev v0
	ip -n gateway addr add 192.0.2.2/24 dev v0
	for n in client gateway; do
		ip -n $n link set lo up
		ip -n $n link set v0 up
	done
	ip netns exec gateway iperf3 -s >/dev/null 2>&1 &
	pids="$pids $!"
}

device() { # NAMESPACE NAME ADDRESS
	until_works ip -n "$1" link show "$2"
	ip -n "$1" addr add "$3/24" dev "$2"
	ip -n "$1" link set "$2" mtu 1420 up
}

adit_start() {
	"$bin/adit-gateway" init $work/gw --name 192.0.2.2 >/dev/null
	"$bin/adit-gateway" add $work/gw client --output $work/client.json
	ip netns exec gateway "$bin/adit-gateway" run $work/gw \
		>$work/adit.gateway 2>&1 &
	adit_gateway=$!
	ip netns exec client "$bin/aditd" --config-dir $work/etc \
		--state-dir $work/lib --runtime-dir $work/run \
		2>$work/adit.client &
	adit_client=$!
	pids="$pids $adit_client $adit_gateway"
	until_works "$bin/adit" profile add $work/client.json
	until_works "$bin/adit" connect --wait=5
}

hex() { od -An -v -tx1 | tr -d ' \n'; }

wireguard_key() { # NAME: $work/NAME.key and .pub, in hex
	openssl genpkey -algorithm X25519 -out "$work/$1.pem"
	openssl pkey -in "$work/$1.pem" -outform DER | tail -c 32 | hex \
		>"$work/$1.key"
	openssl pkey -in "$work/$1.pem" -pubout -outform DER | tail -c 32 |
		hex >"$work/$1.pub"
}

wireguard_set() { # DEVICE NAME PORT PEER ENDPOINT
	printf 'set=1\nprivate_key=%s\nlisten_port=%s\npublic_key=%s\nendpoint=%s\nallowed_ip=0.0.0.0/0\n\n' \
		"$(cat "$work/$2.key")" "$3" "$(cat "$work/$4.pub")" "$5" |
		socat -t 2 - "UNIX-CONNECT:/run/wireguard/$1.sock" |
		grep -q 'errno=0' || fail "wireguard-go does not take its settings"
}

wireguard_start() {
	ip netns exec client "$wireguard" -f wgc >/dev/null 2>&1 &
	wireguard_client=$!
	ip netns exec gateway "$wireguard" -f wgg >/dev/null 2>&1 &
	wireguard_gateway=$!
	pids="$pids $wireguard_client $wireguard_gateway"
	wireguard_key c
	wireguard_key g
	until_works test -S /run/wireguard/wgc.sock
	until_works test -S /run/wireguard/wgg.sock
	wireguard_set wgc c 5001 g 192.0.2.2:5001
	wireguard_set wgg g 5001 c 192.0.2.1:5001
	device client wgc 10.8.0.1
	device gateway wgg 10.8.0.2
}

# CPU time of both ends so far, in seconds.
cpu() { # PID PID
	cat "/proc/$1/stat" "/proc/$2/stat" | awk -v hz="$(getconf CLK_TCK)" \
		'{ n += $14 + $15 } END { print n / hz }'
}

# The system calls that an end of adit has counted so far.
calls() { # END
	local before
	if [ "$1" = client ]; then
		"$bin/adit" status --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["counters"]["system_calls"])'
		return
	fi
	before=$(grep -c ' *system_calls ' $work/adit.gateway || true)
	kill -USR1 "$adit_gateway"
	until_works eval "[ \$(grep -c 'system_calls ' $work/adit.gateway) -gt $before ]"
	sed -n 's/.*system_calls //p' $work/adit.gateway | tail -n 1
}

iperf() { # ADDRESS ARGUMENTS...: JSON into $work/iperf.json
	local address=$1
	shift
	ip netns exec client timeout 60 iperf3 -J -c "$address" "$@" \
		>$work/iperf.json || fail "iperf3 -c $address $*"
}

json() { # EXPRESSION over j
	python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))["end"]
print(eval(sys.argv[2]))' $work/iperf.json "$1"
}

note() { echo "$2" >>"$work/$1"; } # SERIES VALUE

median() { # SERIES
	sort -n "$work/$1" | awk '{ v[NR] = $1 }
		END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# One stream; Gbit/s and CPU seconds a GB are noted, and adit's system calls.
stream() { # TUNNEL DIRECTION ADDRESS PID PID [-R]
	local tunnel=$1 way=$2 address=$3 c=$4 g=$5 cpu0 gb calls_c calls_g
	shift 5
	if [ "$tunnel" = adit ]; then
		calls_c=$(calls client)
		calls_g=$(calls gateway)
	fi
	cpu0=$(cpu "$c" "$g")
	iperf "$address" -C cubic -t "$seconds" "$@"
	gb=$(json 'j["sum_received"]["bytes"] / 1e9')
	note "$tunnel.$way" "$(json 'j["sum_received"]["bits_per_second"] / 1e9')"
	note "$tunnel.$way.cpu" "$(awk -v a="$cpu0" -v b="$(cpu "$c" "$g")" \
		-v gb="$gb" 'BEGIN { print (b - a) / gb }')"
	[ "$tunnel" = adit ] || return 0
	note "adit.$way.client" "$(awk -v a="$calls_c" -v gb="$gb" \
		-v b="$(calls client)" 'BEGIN { printf "%d", (b - a) / gb }')"
	note "adit.$way.gateway" "$(awk -v a="$calls_g" -v gb="$gb" \
		-v b="$(calls gateway)" 'BEGIN { printf "%d", (b - a) / gb }')"
}

small_packets() { # TUNNEL ADDRESS
	iperf "$2" -u -b 0 -l 200 -t 2
	note "$1.udp" "$(json '(j["sum"]["packets"] - j["sum"]["lost_packets"]) / j["sum"]["seconds"] / 1e3')"
}

round_trip() { # TUNNEL ADDRESS
	ip netns exec client ping -q -c 50 -i 0.01 "$2" |
		awk -F/ '/^rtt/ { print $5 }' >>"$work/$1.rtt"
}

measure() { # TUNNEL ADDRESS PID PID
	round_trip "$1" "$2"
	stream "$1" up "$2" "$3" "$4"
	stream "$1" down "$2" "$3" "$4" -R
	small_packets "$1" "$2"
}

# The worker's own count against the kernel's, once.
cross_check() {
	local own traced
	command -v strace >/dev/null || { echo "  (no strace here: not cross-checked)"; return; }
	own=$(calls client)
	strace -f -c -U name,calls -o $work/strace -p "$adit_client" 2>/dev/null &
	local tracer=$!
	until_works grep -q "TracerPid:.*$tracer" "/proc/$adit_client/status"
	iperf 10.77.0.1 -C cubic -t 2
	kill -INT $tracer
	wait $tracer || true
	own=$(($(calls client) - own))
	traced=$(awk '$1 ~ /^(poll|read|write|sendmsg|recvmmsg)$/ { n += $2 } END { print n }' $work/strace)
	echo "  Cross-check of two seconds: the worker counted $own calls, strace $traced."
}

row() { # TEXT ADIT WIREGUARD FORMAT
	awk -v t="$1" -v a="$2" -v w="$3" -v f="$4" 'BEGIN {
		printf "  %-38s " f " " f "   %6.2f\n", t, a, w, a / w }'
}

report() {
	local way
	echo
	printf '  %-38s %10s %10s   %6s\n' "medians of $rounds rounds" adit \
		wireguard ratio
	for way in up down; do
		row "one TCP stream $way, Gbit/s" "$(median adit.$way)" \
			"$(median wireguard.$way)" '%10.2f'
	done
	row "200-byte UDP received, thousand/s" "$(median adit.udp)" \
		"$(median wireguard.udp)" '%10.1f'
	for way in up down; do
		row "CPU seconds a GB $way, both ends" \
			"$(median adit.$way.cpu)" "$(median wireguard.$way.cpu)" '%10.2f'
	done
	row "idle round trip, ms" "$(median adit.rtt)" "$(median wireguard.rtt)" \
		'%10.3f'
	echo
	for way in up down; do
		printf '  %-38s %10d client %10d gateway\n' \
			"system calls a GB $way" "$(median adit.$way.client)" \
			"$(median adit.$way.gateway)"
	done
	cross_check
}

judge() {
	local way end ratio n
	for way in up down; do
		ratio=$(awk -v a="$(median adit.$way)" -v w="$(median wireguard.$way)" \
			'BEGIN { print int(100 * a / w) }')
		[ "$ratio" -ge 180 ] || fail "$way: less than 1.8 times wireguard-go"
		for end in client gateway; do
			n=$(median adit.$way.$end)
			[ "$n" -le 120000 ] || fail "$way: $n system calls a GB at the $end"
		done
	done
}

echo "adit and $("$wireguard" --version 2>/dev/null |
	head -n 1), package $(basename build/deps/peers/wireguard-go_*.deb)"
echo "$(nproc) cores, kernel $(uname -r); $rounds rounds of $seconds s each way"
topology
adit_start
wireguard_start
until_works ip netns exec client ping -c 1 -W 1 10.77.0.1
until_works ip netns exec client ping -c 1 -W 1 10.8.0.2
for ((round = 1; round <= rounds; round++)); do
	measure adit 10.77.0.1 "$adit_client" "$adit_gateway"
	measure wireguard 10.8.0.2 "$wireguard_client" "$wireguard_gateway"
	echo "  round $round: up $(tail -n 1 $work/adit.up | cut -c 1-5)" \
		"and $(tail -n 1 $work/wireguard.up | cut -c 1-5)," \
		"down $(tail -n 1 $work/adit.down | cut -c 1-5)" \
		"and $(tail -n 1 $work/wireguard.down | cut -c 1-5) Gbit/s"
done
report
judge
