#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Many clients of one gateway at once (tests/lab/crowd.c, in the cafe), with
# real handshakes through the socket: what each costs in memory and in time,
# that an established tunnel goes on while others connect, and what is left for
# others while one client floods.
#
#   laptop (has a tunnel, iperf3)
#           \
#            cafe (the crowd) ---- gateway
#
# crowd_count: how many (make bench-crowd: 10,000); crowd_others: how many
# connect, in each of crowd_rounds, while the laptop's throughput is measured.
#
# Alone: it measures throughput and memory.
set -u
gateway_name=192.0.2.2 # dial takes no names
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

metrics=127.0.0.1:9464
count=${crowd_count-500} others=${crowd_others-200} rounds=${crowd_rounds-1}
inflight=48 # below what one network may have under way
few=20      # whose pings are looked at while another floods
client_kib=24
crowd=$lab_root/build/linux/lab/crowd
next=0 # identity that nobody has used

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

resident_below() { # KIB
	[ "$(resident_kb)" -lt "$1" ]
}

cpu_ms() { # all threads of the gateway
	awk '{ print ($14 + $15) * 10 }' "/proc/$(program_pid gateway)/stat"
}

control_ms() { # the one that handshakes are made in
	local pid
	pid=$(program_pid gateway)
	awk '{ print ($14 + $15) * 10 }' "/proc/$pid/task/$pid/stat"
}

# A crowd that is told what to do by `tell`; crowd_nice: its niceness.
gather() { # LABEL COUNT
	mkfifo "$lab/$1.in"
	# shellcheck disable=SC2016
	start "$1" cafe nice -n "${crowd_nice-0}" \
		sh -c 'exec "$0" run "$@" <>"/run/lab/'"$1"'.in"' \
		"$crowd" /run/lab/identities $next "$2" 192.0.2.2 \
		"$gateway_name"
	next=$((next + $2))
	wait_for "$1" ready 120
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
	tell "$1" dial $inflight
	wait_for "$1" up "$3"
	[[ $(answer "$1" up) == "up $2 failed 0 "* ]] ||
		fail "not all are up: $(cat "$lab/$1.log")"
	checks=$((checks + 1))
}

leave() { # LABEL
	tell "$1" bye
	wait "${lab_job[$1]}" || fail "the $1 ended with $?"
	rm "$lab/$1.in"
}

bytes_go_on() {
	local before
	before=$(rx_bytes)
	sleep 0.2
	[ $(($(rx_bytes) - before)) -gt 1000000 ]
}

field() { # NAME LINE: the number behind it
	sed -n "s/.*\<$1 \([0-9.]*\).*/\1/p" <<<"$2"
}

begin() {
	lab_logs="gateway dial warm crowd others few flooder"
	programs_begin curl iperf3
	on gateway "$crowd" issue /etc/gw $((count + 2 * rounds * others + 2 * (few + 1) + few)) \
		/run/lab/identities || fail "no certificates"
	start gateway gateway adit-gateway run /etc/gw --metrics $metrics
	until_true 20 on gateway curl -sf http://$metrics/metrics ||
		fail "the gateway does not start"
	read -r _ sign _ verify _ exchange _ floor < <(
		"$lab_root/build/linux/lab/signature" 500)
	echo "note: a P-256 signature takes $sign us here, a verification" \
		"$verify us, the key exchange $exchange us (CPU time):" \
		"no handshake takes a gateway less than $floor us"
}

# What a gateway takes once, whoever comes: buffers that packets have touched.
warm_up() {
	gather warm $few
	all_up warm $few 30
	tell warm ping 1 1000
	wait_for warm pings 30
	leave warm
	must_be sessions 0
}

# All of them, and what that costs.
connect_all() {
	local before cpu line ms each
	gather crowd "$count"
	before=$(resident_kb)
	cpu=$(cpu_ms)
	all_up crowd "$count" $((60 + count / 20))
	cpu=$(($(cpu_ms) - cpu))
	must_be sessions "$count"
	must_be handshakes_completed_total $((few + count))
	must_be sessions_confirmed_total $((few + count))
	must_be handshakes_remembered 0
	line=$(answer crowd up)
	ms=$(field ms "$line")
	each=$((cpu * 1000 / count))
	echo "note: $count clients up in $ms ms," \
		"$((count * 1000 / ms)) a second; CPU for each, us:" \
		"$each at the gateway ($((each * 100 / ${floor%.*})) % of that)," \
		"$(($(field cpu_ms "$line") * 1000 / count)) at the clients;" \
		"(median and 99 %) ${line#* cpu_ms * }"
	per_client "$before" connected
	ping_round "first records, which make the lanes" 1
	per_client "$before" "with a lane in use"
	empty=$before peak=$(resident_kb)
	ping_round "second records" 2
}

ping_round() { # WHAT HOW-MANY-BEFORE
	local cpu
	cpu=$(cpu_ms)
	tell crowd ping 1 1000
	wait_for crowd pings 60 "$2"
	cpu=$(($(cpu_ms) - cpu))
	echo "note: $1: $(answer crowd pings);" \
		"$((cpu * 1000 / count)) us of CPU for each"
	# A gateway that has no CPU for a while loses some.
	[ "$(field answered "$(answer crowd pings)")" -ge $((count / 2)) ] ||
		fail "pings are not answered: $(answer crowd pings)"
	checks=$((checks + 1))
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

now_us() {
	echo "${EPOCHREALTIME/[.,]/}"
}

rx_bytes() {
	metric 'bytes_total{direction="rx"}'
}

# Mbit/s from the laptop through the tunnel while a command runs: sets mbits.
throughput() { # COMMAND...
	local from bytes
	from=$(now_us) bytes=$(rx_bytes)
	"$@"
	mbits=$((($(rx_bytes) - bytes) * 8 / ($(now_us) - from)))
	[ $mbits -gt 0 ] || fail "no data while $*"
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

# With iperf3's rate 0, which is no limit, all that there is here shares the
# CPUs; at a lower one there is room for all. The others leave theirs to the
# rest, as if they were elsewhere, so what is missing the gateway takes itself.
data_while_connecting() { # RATE
	local i alone shared cpu control percent=()
	start iperf laptop iperf3 -C cubic -b "$1" -t 600 -c 10.77.0.1
	until_true 5 bytes_go_on || fail "iperf3 does not start"
	for ((i = 0; i < rounds; i++)); do
		crowd_nice=19 gather others "$others"
		throughput sleep 2
		alone=$mbits cpu=$(cpu_ms) control=$(control_ms)
		throughput all_up others "$others" 180
		shared=$mbits
		control=$(($(control_ms) - control))
		cpu=$(($(cpu_ms) - cpu - control))
		leave others
		throughput sleep 2
		alone=$(((alone + mbits) / 2))
		percent+=($((shared * 100 / alone)))
		echo "note: an established client's TCP (limit: $1), Mbit/s:" \
			"$alone before and after, $shared while $others" \
			"others connect, ${percent[i]} %; CPU ms: $control" \
			"for handshakes, $cpu for data; $(answer others up)"
	done
	stop iperf INT
	mapfile -t percent < <(printf '%s\n' "${percent[@]}" | sort -n)
	[ "$rounds" = 1 ] ||
		echo "note: that is ${percent[rounds / 2]} %, median of $rounds"
}

# How many of the few's pings came back, and when, before and while one client
# sends all that it can.
service_under_flood() { # BYTES
	local before during lost
	gather few $few
	all_up few $few 30
	gather flooder 1
	all_up flooder 1 30
	tell few ping 20 100
	wait_for few pings 30
	before=$(answer few pings)
	lost=$(lost_in_kernel)
	tell flooder flood 4 "$1"
	tell few ping 20 100
	wait_for few pings 30 2
	during=$(answer few pings)
	wait_for flooder flooded 30
	echo "note: $few clients' pings before ($before) and while one client" \
		"floods with $1 bytes ($during): $(answer flooder flooded)," \
		"$(($(lost_in_kernel) - lost)) lost in the gateway's queue"
	# Those few that share the flooder's queue may lose, and no other.
	[ "$(field answered "$during")" -ge $((few * 20 * 3 / 4)) ] ||
		fail "others are not served while one client floods: $during"
	checks=$((checks + 1))
	leave flooder
	leave few
}

lost_in_kernel() {
	on gateway awk '$1 == "Udp:" && $6 ~ /[0-9]/ { u = $6 }
		END { print u }' /proc/net/snmp
}

finish() {
	leave crowd
	stop dial
	must_be sessions 0
	# Of what the crowd took; the gateway gives back each 10 s.
	until_true 60 resident_below $(((3 * empty + peak) / 4)) ||
		fail "$(resident_kb) KiB are resident when all are gone:" \
			"$empty before they came, $peak with all of them"
	checks=$((checks + 1))
	echo "note: $(resident_kb) KiB resident when all are gone"
	stop gateway || fail "adit-gateway ended with $?"
}

begin
warm_up
connect_all
join_laptop
data_while_connecting 0
data_while_connecting 200M
service_under_flood 100
service_under_flood 1400
finish
echo "note: $checks checks"
