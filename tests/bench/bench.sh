#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench.sh [ROUNDS [SECONDS]]: adit beside its peers and beside the floor under
# them all (limit.c), in one run, in turn.
#
#   client                                      gateway
#   adit0   10.77.0.2  fd77:ad17::2             adit0   10.77.0.1  fd77:ad17::1
#   lt0     10.78.0.1                           lt0     10.78.0.2
#   wg0     10.79.0.1                           wg0     10.79.0.2
#   ov0     10.80.0.1                           ov0     10.80.0.2
#     v0 192.0.2.1, MTU 1500 --------- veth --------- v0 192.0.2.2
#        2001:db8:1::1                                   2001:db8:1::2
#
# Each measurement is a line of JSON in build/bench/results.jsonl; report.py
# makes the table, bench.json and bench.svg of them, and says which rows have to
# be measured again because a peer's rounds differ too much. Both hosts are
# namespaces (tests/lab/lab.sh). PEERS is where the peers are unpacked. Exit code
# 1: something did not work, or packets came out of order.
set -u
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/../lab/lab.sh"
rounds=${1-5}
seconds=${2-4}
peers=${PEERS-$lab_root/build/deps/peers}
programs=$lab_root/build/linux/bench
out=$lab_root/build/bench
results=$out/results.jsonl
report=$lab_root/tests/bench/report.py
step=$(awk -v s="$seconds" 'BEGIN { print s < 2 ? 0.25 : 0.5 }')
attempt=1
declare -A address=([none]=192.0.2.2 [adit]=10.77.0.1 [limit]=10.78.0.2
	[wireguard]=10.79.0.2 [openvpn]=10.80.0.2)
tunnels="adit limit wireguard openvpn"

if why=$(lab_cannot iperf3 openssl socat python3); then
	echo "bench: $why"
	exit 77
fi
for program in "$peers/usr/bin/wireguard-go" "$peers/usr/sbin/openvpn" \
	"$programs/limit" "$lab_root/build/bin/aditd"; do
	[ -x "$program" ] || { echo "bench: no $program (make bench)"; exit 77; }
done

# --- the tunnels ------------------------------------------------------------

inner() { # HOST DEVICE ADDRESS
	until_true 5 on "$1" ip link show "$2" || fail "no device $2"
	on "$1" ip addr add "$3/24" dev "$2" &&
		on "$1" ip link set "$2" mtu 1420 up || fail "device $2"
}

topology() {
	lab_host client
	lab_host gateway
	lab_cable client v0 gateway v0 &&
		lab_address client v0 192.0.2.1/24 2001:db8:1::1/64 &&
		lab_address gateway v0 192.0.2.2/24 2001:db8:1::2/64 ||
		fail "no network"
	start iperf3 gateway iperf3 -s
	start flows gateway "$programs/flows" serve '[::]:7001'
	start echo gateway "$programs/flows" echo '[::]:7003'
	start quic_like gateway "$programs/quic_like" serve '[::]:7002'
}

# The same gateway by its IPv4 and by its IPv6 address.
adit_prepare() {
	on gateway adit-gateway init /etc/gw --name vpn.example.com \
		--pool 10.77.0.0/24 --pool6 fd77:ad17::/64 >/dev/null &&
		on gateway adit-gateway add /etc/gw client \
			--output /run/lab/client.json >/dev/null 2>&1 || fail "no gateway"
	python3 - "$lab" <<-'END' || fail "no profiles"
		import json, sys
		p = json.load(open(sys.argv[1] + "/client.json"))
		profiles = (("four", "192.0.2.2", {}), ("six", "2001:db8:1::2", {}),
		            ("lanes-1", "192.0.2.2", {"Lanes": 1}),
		            ("lanes-4", "192.0.2.2", {"Lanes": 4}))
		plain = {**p["Payload"]["VendorConfig"],
		         "ServerName": "vpn.example.com"}
		for name, host, lanes in profiles:
		    p["Identifier"] = "com.example." + name
		    p["Payload"].update(VisibleName=name, HostName=host,
		                        VendorConfig={**plain, **lanes})
		    json.dump(p, open("%s/%s.json" % (sys.argv[1], name), "w"))
	END
}

adit_start() {
	start adit-gateway gateway env ADIT_AEAD="${aead-}" \
		adit-gateway run /etc/gw
	start adit-client client env ADIT_AEAD="${aead-}" aditd
	until_true 10 on gateway adit-gateway status /etc/gw &&
		until_true 10 on client adit status || fail "adit does not start"
	for profile in four six lanes-1 lanes-4; do
		on client adit profile add "/run/lab/$profile.json" \
			>/dev/null 2>&1 # the second time it is there already
	done
	on client adit connect --wait=10 four >/dev/null || fail "adit connect"
}

limit_start() {
	start limit-gateway gateway env ADIT_AEAD="${aead-}" \
		"$programs/limit" lt0 192.0.2.2:5000 192.0.2.1:5000
	start limit-client client env ADIT_AEAD="${aead-}" \
		"$programs/limit" lt0 192.0.2.1:5000 192.0.2.2:5000
	inner client lt0 10.78.0.1
	inner gateway lt0 10.78.0.2
}

wireguard_key() { # END: $lab/wg-END.key and .pub, in hex
	openssl genpkey -algorithm X25519 -out "$lab/wg-$1.pem"
	openssl pkey -in "$lab/wg-$1.pem" -outform DER | tail -c 32 |
		od -An -v -tx1 | tr -d ' \n' >"$lab/wg-$1.key"
	openssl pkey -in "$lab/wg-$1.pem" -pubout -outform DER | tail -c 32 |
		od -An -v -tx1 | tr -d ' \n' >"$lab/wg-$1.pub"
}

wireguard_set() { # END PEER ENDPOINT
	printf 'set=1\nprivate_key=%s\nlisten_port=5001\npublic_key=%s\nendpoint=%s\nallowed_ip=0.0.0.0/0\n\n' \
		"$(cat "$lab/wg-$1.key")" "$(cat "$lab/wg-$2.pub")" "$3" |
		on "$1" socat -t 2 - UNIX-CONNECT:/run/wireguard/wg0.sock |
		grep -q 'errno=0' || fail "wireguard-go does not take its settings"
}

wireguard_start() {
	local end
	for end in client gateway; do
		start wireguard-$end $end "$peers/usr/bin/wireguard-go" -f wg0
		wireguard_key $end
		until_true 5 on $end test -S /run/wireguard/wg0.sock ||
			fail "wireguard-go does not start"
	done
	wireguard_set client gateway 192.0.2.2:5001
	wireguard_set gateway client 192.0.2.1:5001
	inner client wg0 10.79.0.1
	inner gateway wg0 10.79.0.2
}

openvpn_key() { # END: $lab/ov-END.pem, .key and .print
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj "/CN=$1" -keyout "$lab/ov-$1.key" \
		-out "$lab/ov-$1.pem" 2>/dev/null
	openssl x509 -in "$lab/ov-$1.pem" -noout -fingerprint -sha256 |
		sed 's/.*=//' >"$lab/ov-$1.print"
}

openvpn_one() { # END PEER ROLE ADDRESS PEER-ADDRESS INNER PEER-INNER
	local libraries=("$peers"/usr/lib/*-linux-gnu*)
	start "openvpn-$1" "$1" env LD_LIBRARY_PATH="${libraries[0]}" \
		"$peers/usr/sbin/openvpn" --dev ov0 --dev-type tun \
		--proto udp4 --local "$4" --remote "$5" --port 1194 \
		--ifconfig "$6" "$7" "--tls-$3" --tun-mtu 1420 \
		--cert "/run/lab/ov-$1.pem" --key "/run/lab/ov-$1.key" \
		--peer-fingerprint "$(cat "$lab/ov-$2.print")" --dh none \
		--data-ciphers AES-256-GCM --cipher AES-256-GCM --disable-dco
}

openvpn_start() {
	openvpn_key client
	openvpn_key gateway
	openvpn_one gateway client server 192.0.2.2 192.0.2.1 10.80.0.2 10.80.0.1
	openvpn_one client gateway client 192.0.2.1 192.0.2.2 10.80.0.1 10.80.0.2
}

# --- measuring --------------------------------------------------------------

# /proc fields of a tunnel's two processes.
pids() { # TUNNEL
	program_pid "$1-client"
	program_pid "$1-gateway"
}

cpu() { # TUNNEL: seconds of both ends so far
	local pid
	for pid in $(pids "$1"); do
		cat "/proc/$pid/stat"
	done | awk -v hz="$(getconf CLK_TCK)" '{ n += $14 + $15 }
		END { print n / hz }'
}

limit_counts() { # END
	local log=$lab/limit-$1.log before
	before=$(wc -l <"$log")
	signal "limit-$1" USR1
	until_true 5 eval "[ \$(wc -l <'$log') -gt $before ]" ||
		fail "limit does not count"
	tail -n 1 "$log"
}

# What both ends have counted so far, as JSON.
counts() { # TUNNEL
	case $1 in
	adit)
		printf '{"client": %s, "gateway": %s}' \
			"$(on client adit status --json)" \
			"$(on gateway adit-gateway status /etc/gw --json)" ;;
	limit)
		printf '{"client": {"counters": %s}, "gateway": {"counters": %s}}' \
			"$(limit_counts client)" "$(limit_counts gateway)" ;;
	*) echo null ;;
	esac
}

note() { # JSON: one line of the results
	tr -d '\n\t' <<<"$1" >>"$results"
	echo >>"$results"
}

# Runs a program on the client; its JSON and what it cost are noted.
measure() { # ROW TUNNEL PROGRAM...
	local row=$1 tunnel=$2 cpu0=0 cpu1=0 before after
	shift 2
	before=$(counts "$tunnel")
	[ "$tunnel" = none ] || cpu0=$(cpu "$tunnel")
	on client timeout 120 "$@" >"$lab/measured" 2>"$lab/measured.err" ||
		fail "$row, $tunnel: $* ended with $?: $(cat "$lab/measured.err" \
			"$lab/measured" | tail -n 5)"
	[ "$tunnel" = none ] || cpu1=$(cpu "$tunnel")
	after=$(counts "$tunnel")
	note "{\"row\": \"$row\", \"tunnel\": \"$tunnel\", \"round\": $round,
		\"attempt\": $attempt, \"cpu\": [$cpu0, $cpu1],
		\"before\": $before, \"after\": $after,
		\"result\": $(cat "$lab/measured")}"
}

tcp() { # ROW TUNNEL ADDRESS [ARGUMENT...]
	local row=$1 tunnel=$2 to=$3
	shift 3
	measure "$row" "$tunnel" iperf3 -J -C cubic -t "$seconds" -c "$to" "$@"
}

round_trips() { # ADDRESS, as JSON, in ms
	printf '{"times": [%s]}\n' "$(ping -c 50 -i 0.002 "$1" |
		sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | paste -sd,)"
}
export -f round_trips

# What a row is compared with that is about another kind of traffic.
own() { # ROW
	tcp "own-$1" adit "${address[adit]}"
}

# In short turns, so that who shares the machine troubles them all alike.
all_round_trips() {
	local i tunnel
	for i in 1 2 3 4; do
		measure rtt none bash -c "round_trips ${address[none]}"
		for tunnel in $tunnels; do
			measure rtt "$tunnel" bash -c \
				"round_trips ${address[$tunnel]}"
		done
	done
}

over_six() {
	own uplink6
	adit_by six
	tcp uplink6 adit "${address[adit]}"
	adit_by four
}

adit_by() { # PROFILE
	on client adit disconnect >/dev/null
	on client adit connect --wait=10 "$1" >/dev/null || fail "adit by $1"
}

# Sixteen flows, there and back, whose order is looked at, with one lane and
# with four; and once shuffled by the sender, to see that it is. (That a tunnel
# which does not keep flows on their lanes is found is netns/lanes.sh's.)
order() {
	local lanes
	for lanes in 1 4; do
		adit_by lanes-$lanes
		measure order adit "$programs/flows" send \
			"${address[adit]}:7003" 30000 "$seconds" 16
	done
	adit_by four
	measure shuffled adit "$programs/flows" send "${address[adit]}:7001" \
		30000 0.5 16 0 shuffle
}

measure_row() { # ROW, for each tunnel in turn
	local tunnel
	case $1 in
	inner6) own inner6; tcp inner6 adit fd77:ad17::1; return ;;
	uplink6) over_six; return ;;
	order) order; return ;;
	quic) own quic ;;
	rtt) all_round_trips; return ;;
	esac
	for tunnel in $tunnels; do
		case $1 in
		up) tcp up "$tunnel" "${address[$tunnel]}" ;;
		down) tcp down "$tunnel" "${address[$tunnel]}" -R ;;
		four) tcp four "$tunnel" "${address[$tunnel]}" -P 4 ;;
		small) measure small "$tunnel" "$programs/flows" search \
			"${address[$tunnel]}:7001" "$step" 200 ;;
		quic) measure quic "$tunnel" "$programs/quic_like" send \
			"${address[$tunnel]}:7002" "$seconds" ;;
		esac
	done
}

measure_rows() { # ROW...
	local row
	for ((round = 1; round <= rounds; round++)); do
		printf 'round %d of %d:' "$round" "$rounds"
		for row in "$@"; do
			printf ' %s' "$row"
			measure_row "$row"
		done
		echo
	done
}

memory() { # idle or loaded
	local tunnel end field=VmRSS kib
	[ "$1" = idle ] || field=VmHWM
	for tunnel in $tunnels; do
		for end in client gateway; do
			kib=$(awk "/^$field/ { print \$2 }" \
				"/proc/$(program_pid "$tunnel-$end")/status")
			note "{\"row\": \"memory-$1\", \"tunnel\": \"$tunnel\",
				\"end\": \"$end\", \"kib\": $kib}"
		done
	done
}

# The same against the same with wolfCrypt alone, where there is a choice.
without_ipsec_mb() {
	grep -qs 'IPSEC_MB_LIBS := .' "$lab_root/build/deps/ipsec_mb.mk" &&
		grep -q vaes /proc/cpuinfo || return 0
	echo "with wolfCrypt's AES:"
	for label in adit-client adit-gateway limit-client limit-gateway; do
		stop $label
	done
	aead=wolfcrypt
	adit_start
	limit_start
	for ((round = 1; round <= rounds; round++)); do
		for tunnel in adit limit; do
			tcp wolf-up $tunnel "${address[$tunnel]}"
			tcp wolf-down $tunnel "${address[$tunnel]}" -R
		done
	done
}

# The worker's own count of system calls against the kernel's, for a second.
cross_check() {
	local tracer before after
	command -v strace >/dev/null || return 0
	before=$(counts adit)
	strace -f -c -U name,calls -o "$lab/strace" -p "$(program_pid adit-client)" \
		2>/dev/null &
	tracer=$!
	until_true 5 grep -q "TracerPid:.*$tracer" \
		"/proc/$(program_pid adit-client)/status"
	on client iperf3 -C cubic -t 1 -c "${address[adit]}" >/dev/null
	kill -INT $tracer
	wait $tracer
	after=$(counts adit)
	note "{\"row\": \"strace\", \"tunnel\": \"adit\", \"calls\": $(awk '$1 ~ \
		/^(poll|read|write|sendmsg|sendmmsg|recvmmsg)$/ { n += $2 }
		END { print n + 0 }' "$lab/strace"),
		\"before\": $before, \"after\": $after}"
}

# Which packages, and what else ran here.
introduce() {
	note "{\"row\": \"about\", \"date\": \"$(date +%F)\",
		\"rounds\": $rounds, \"seconds\": $seconds,
		\"load\": $(cut -d ' ' -f 1 /proc/loadavg),
		\"wireguard\": \"$(basename "$(ls "$peers"/wireguard-go_*.deb)")\",
		\"openvpn\": \"$(basename "$(ls "$peers"/openvpn/openvpn_*.deb)")\",
		\"commit\": \"$(git -C "$lab_root" describe --always --dirty \
			2>/dev/null)\"}"
}

mkdir -p "$out"
: >"$results"
introduce
lab_begin
lab_logs="adit-client adit-gateway limit-client wireguard-client openvpn-client"
topology
adit_prepare
adit_start
limit_start
wireguard_start
openvpn_start
for tunnel in $tunnels; do
	until_true 10 on client ping -c 1 -W 1 "${address[$tunnel]}" ||
		fail "$tunnel does not work"
done
memory idle
measure_rows up down four small quic rtt inner6 uplink6 order
again=$("$report" "$results" --again) || fail "$again"
if [ "$again" ]; then
	echo "measured again, for rounds that differ:"
	attempt=2
	# shellcheck disable=SC2086
	measure_rows $again
fi
memory loaded
cross_check
without_ipsec_mb
"$report" "$results" --write "$out"
