#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Many clients of one gateway at once (tests/lab/crowd.c, in the cafe), with
# real handshakes through the socket: what each costs in memory and in time,
# that an established tunnel goes on while others connect, and that one client
# who floods does not shut the others out.
#
#   laptop (has a tunnel, iperf3)
#           \
#            cafe (the crowd) ---- gateway
#
# crowd_count: how many (make bench-crowd: 10,000); crowd_others: how many
# connect while the laptop's throughput is measured.
#
# Alone: it measures throughput and memory.
set -u
gateway_name=192.0.2.2 # dial takes no names
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

metrics=127.0.0.1:9464
count=${crowd_count-500} others=${crowd_others-200}
inflight=48 # below what one network may have under way
few=20      # whose pings are looked at while another floods
client_kib=24
crowd=$lab_root/build/linux/lab/crowd

metric() { # NAME
	on gateway curl -sf http://$metrics/metrics |
		sed -n "s/^adit_gateway_$1 //p"
}

metric_is() { # NAME NUMBER
	[ "$(metric "$1")" = "$2" ]
}

must_be() { # NAME NUMBER
	until_true 20 metric_is "$1" "$2" ||
		fail "$1 is $(metric "$1"), not $2"
	checks=$((checks + 1))
}

resident_kb() {
	awk '/^Pss:/ { print $2 }' "/proc/$(program_pid gateway)/smaps_rollup"
}

cpu_ms() { # all threads of the gateway
	awk '{ print ($14 + $15) * 10 }' "/proc/$(program_pid gateway)/stat"
}

# A crowd that is told what to do by `tell`.
gather() { # LABEL FIRST COUNT
	mkfifo "$lab/$1.in"
	# shellcheck disable=SC2016
	start "$1" cafe sh -c 'exec "$0" run "$@" <>"/run/lab/'"$1"'.in"' \
		"$crowd" /run/lab/identities "$2" "$3" 192.0.2.2 \
		"$gateway_name" $inflight
}

says() { # LABEL WORD [HOW-OFTEN]
	[ "$(grep -cE "^$2( |$)" "$lab/$1.log")" -ge "${3-1}" ]
}

answer() { # LABEL WORD: the last such line
	grep "^$2 " "$lab/$1.log" | tail -n 1
}

wait_for() { # LABEL WORD SECONDS [HOW-OFTEN]
	until_true "$3" says "$1" "$2" "${4-1}" ||
		fail "the $1 does not say \"$2\": $(cat "$lab/$1.log")"
}

tell() { # LABEL COMMAND...
	local label=$1
	shift
	echo "$*" >"$lab/$label.in"
}

all_up() { # LABEL COUNT SECONDS
	wait_for "$1" up "$3"
	[[ $(answer "$1" up) == "up $2 failed 0 "* ]] ||
		fail "not all are up: $(cat "$lab/$1.log")"
	checks=$((checks + 1))
}

field() { # NAME LINE: the number behind it
	sed -n "s/.*\<$1 \([0-9.]*\).*/\1/p" <<<"$2"
}

begin() {
	lab_logs="gateway dial crowd others few flooder"
	programs_begin curl iperf3
	on gateway "$crowd" issue /etc/gw $((count + others + few + 1)) \
		/run/lab/identities || fail "no certificates"
	start gateway gateway adit-gateway run /etc/gw --metrics $metrics
	until_true 20 on gateway curl -sf http://$metrics/metrics ||
		fail "the gateway does not start"
	read -r _ sign _ verify < <("$lab_root/build/linux/lab/signature" 500)
	echo "note: a P-256 signature takes $sign us here, a verification" \
		"$verify us (CPU time)"
}

# All of them, and what that costs.
connect_all() {
	local before cpu line ms
	before=$(resident_kb)
	cpu=$(cpu_ms)
	gather crowd 0 "$count"
	all_up crowd "$count" $((60 + count / 20))
	cpu=$(($(cpu_ms) - cpu))
	must_be sessions "$count"
	must_be handshakes_completed_total "$count"
	must_be sessions_confirmed_total "$count"
	must_be handshakes_remembered 0
	line=$(answer crowd up)
	ms=$(field ms "$line")
	echo "note: $count clients up in $ms ms," \
		"$((count * 1000 / ms)) a second; CPU for each, us:" \
		"$((cpu * 1000 / count)) at the gateway," \
		"$(($(field cpu_ms "$line") * 1000 / count)) at the clients;" \
		"(median and 99 %) ${line#* cpu_ms * }"
	per_client "$before" connected
	tell crowd ping 1 1000
	wait_for crowd pings 30
	echo "note: $(answer crowd pings)"
	per_client "$before" "with a lane in use"
}

per_client() { # KIB-BEFORE HOW
	local now bytes
	now=$(resident_kb)
	bytes=$(((now - $1) * 1024 / count))
	echo "note: the gateway has $now KiB resident ($1 before); each of" \
		"$count, $2, takes $((bytes / 1024)).$((bytes % 1024 * 10 / 1024)) KiB"
	[ $bytes -le $((client_kib * 1024)) ] ||
		fail "each client takes $bytes bytes"
	checks=$((checks + 1))
}

# Throughput of an established client, Mbit/s: up to the gateway and down.
throughput() { # SECONDS: sets mbits, slowest
	start iperf laptop iperf3 -J -C cubic -t "$1" -c 10.77.0.1
	wait "${lab_job[iperf]}" || fail "iperf3: $(cat "$lab/iperf.log")"
	read -r mbits slowest < <(python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(int(d["end"]["sum_received"]["bits_per_second"] / 1e6),
      int(min(i["sum"]["bits_per_second"] for i in d["intervals"]) / 1e6))' \
		"$lab/iperf.log")
}

join_laptop() {
	start dial laptop "$lab_root/build/linux/lab/dial" \
		/run/lab/laptop.json adit0 192.0.2.2
	until_true 10 grep -q '^up' "$lab/dial.log" ||
		fail "the laptop is not up: $(cat "$lab/dial.log")"
	read -r _ address _ < "$lab/dial.log"
	on laptop ip addr add "$address" dev adit0 &&
		on laptop ip link set adit0 mtu 1420 up || fail "adit0"
	start server gateway iperf3 -s
	until_true 5 on gateway sh -c 'ss -Hltn sport = :5201 | grep -q .' ||
		fail "iperf3 does not start"
}

data_while_connecting() {
	local alone while_connecting
	throughput 3
	alone=$mbits
	gather others "$count" "$others"
	wait_for others ready 60
	throughput 3
	while_connecting=$mbits
	all_up others "$others" 60
	echo "note: an established client's TCP: $alone Mbit/s;" \
		"$while_connecting while $others others connect" \
		"($((while_connecting * 100 / alone)) %; slowest second" \
		"$slowest); $(answer others up)"
	[ "$slowest" -gt 0 ] || fail "data stopped while others connect"
	checks=$((checks + 1))
}

service_under_flood() {
	local before during
	gather few $((count + others)) $few
	all_up few $few 30
	gather flooder $((count + others + few)) 1
	all_up flooder 1 30
	tell few ping 20 100
	wait_for few pings 30
	before=$(answer few pings)
	tell flooder flood 4 "$1"
	tell few ping 20 100
	wait_for few pings 30 2
	during=$(answer few pings)
	wait_for flooder flooded 30
	echo "note: $few clients' pings before ($before) and while one client" \
		"floods with $1 bytes ($during): $(answer flooder flooded)"
	tell flooder bye
	tell few bye
	stop few
	stop flooder
	rm "$lab/few.in" "$lab/flooder.in"
}

finish() {
	tell crowd bye
	tell others bye
	stop dial
	wait "${lab_job[crowd]}" || fail "the crowd ended with $?"
	wait "${lab_job[others]}" || fail "the others ended with $?"
	must_be sessions 0
	echo "note: $(resident_kb) KiB resident when all are gone"
	stop gateway || fail "adit-gateway ended with $?"
}

begin
connect_all
join_laptop
data_while_connecting
service_under_flood 100
service_under_flood 1400
finish
echo "note: $checks checks"
