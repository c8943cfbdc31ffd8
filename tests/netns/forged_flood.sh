#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A hundred thousand forged first datagrams, nearly each of its own address
# (tests/lab/forge.c, in the cafe): hellos without cookie, with somebody
# else's, garbage, and pieces. The gateway keeps nothing for any of them, no
# address gets more bytes than were sent in its name, an established tunnel's
# ping goes on, and another client still connects. Then a part of it with the
# programs that have sanitizers, if they are built.
#
#   laptop (has a tunnel)   phone 192.0.2.11 (connects)
#           \                /
#            cafe, which is 100.64.0.0/10 as well ---- gateway
#
# Alone: it needs the CPUs for its flood.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

web=198.51.100.10 metrics=127.0.0.1:9464
count=${flood_count-100000} rate=${flood_rate-20000}

metric() { # NAME, a pattern
	on gateway curl -sf http://$metrics/metrics |
		sed -n "s/^adit_gateway_$1 //p"
}

add_phone() {
	lab_host phone
	lab_cable phone up0 cafe to-phone &&
		on cafe ip link set to-phone master br0 &&
		lab_address phone up0 192.0.2.11/24 &&
		on phone sh -c 'echo 192.0.2.2 vpn.example.com >>/etc/hosts' ||
		fail "the lab's phone cannot be made"
	add_client phone
	start aditd-phone phone aditd
	until_true 5 on phone adit status || fail "aditd does not start"
	on phone adit profile add /run/lab/phone.json >"$lab/add.log" 2>&1 ||
		fail "adit profile add phone"
}

begin() {
	lab_logs="aditd gateway aditd-phone forge connects"
	programs_begin curl python3 tcpdump
	start gateway gateway adit-gateway run /etc/gw --metrics $metrics
	until_true 5 on gateway curl -sf http://$metrics/metrics ||
		fail "the gateway does not start"
	start_aditd
	add_profiles laptop
	add_phone
	# Answers to strangers leave by the wire, and end in the cafe.
	on gateway ip route add 100.64.0.0/10 via 192.0.2.1 &&
		on cafe ip route add blackhole 100.64.0.0/10 ||
		fail "no way back to the strangers"
	expect 0 connect laptop --wait
	start capture gateway tcpdump -i up0 -n -s 48 -B 32768 \
		-w /run/lab/pcap udp port 443 and net 100.64.0.0/10
	until_true 5 grep -q 'listening on' "$lab/capture.log" ||
		fail "no capture: $(cat "$lab/capture.log")"
}

resident_kb() {
	awk '/^VmRSS/ { print $2 }' "/proc/$(program_pid gateway)/status"
}

cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$(program_pid gateway)/stat"
}

# The phone connects again and again while there is a file "flooding".
connect_meanwhile() {
	# shellcheck disable=SC2016
	start connects phone bash -c 'while [ -e /run/lab/flooding ]; do
		began=${EPOCHREALTIME/[.,]/}
		adit connect phone --wait=10 >&2 || exit
		echo connected $(((${EPOCHREALTIME/[.,]/} - began) / 1000))
		adit disconnect >&2 || exit
		sleep 0.2
	done'
}

# One line: datagrams and addresses that asked, their bytes; addresses that
# were answered, those bytes; the worst ratio, how many got more than was sent.
# Bytes are the lengths of the IP packets.
amplification() {
	python3 - "$lab/pcap" <<-'EOF'
		import collections, struct, sys
		data = open(sys.argv[1], "rb").read()
		asked, got = collections.Counter(), collections.Counter()
		at, n = 24, 0
		while at < len(data):
		    size, = struct.unpack_from("<I", data, at + 8)
		    ip = at + 16 + 14
		    length, = struct.unpack_from(">H", data, ip + 2)
		    source, to = data[ip + 12:ip + 16], data[ip + 16:ip + 20]
		    if source[0] == 100:
		        asked[source] += length
		        n += 1
		    else:
		        got[to] += length
		    at += 16 + size
		worst = max((got[a] / asked[a] for a in got if asked[a]), default=0)
		print(n, len(asked), sum(asked.values()), len(got),
		      sum(got.values()), "%.2f" % worst,
		      sum(got[a] > asked[a] for a in got))
	EOF
}

# All but what tcpdump may still hold; judge() counts.
capture_is_large() {
	[ "$(stat -c %s "$lab/pcap")" -ge $((count * (16 + 48) - 65536)) ]
}

flood() {
	local began ticks
	kb=$(resident_kb)
	ticks=$(cpu_ticks)
	: >"$lab/flooding"
	start inner laptop ping -i 0.02 -W 2 $web
	connect_meanwhile
	began=$(now_ms)
	on cafe "$lab_root/build/linux/lab/forge" /run/lab/phone.json \
		192.0.2.2 "$count" "$rate" >"$lab/forge.log" 2>&1 ||
		fail "forge ended with $?"
	took_ms=$(($(now_ms) - began))
	rm "$lab/flooding"
	wait "${lab_job[connects]}" || fail "the phone cannot connect"
	stop inner INT
	cpu=$((($(cpu_ticks) - ticks) * 1000 / took_ms)) # of 10 ms each
	kb=$(($(resident_kb) - kb))
	until_true 20 capture_is_large
	sleep 1.2 # tcpdump is handed what there is once a second
	stop capture INT
}

# Every stranger's datagram is in one of these.
accounted_for() {
	sent_cookies=$(metric cookies_sent_total)
	dropped=$(on gateway curl -sf http://$metrics/metrics | awk '
		/^adit_gateway_datagrams_dropped_total.*"(handshake|control)"/ {
			n += $2
		}
		END { print n }')
	[ $((sent_cookies + dropped)) -ge "$count" ]
}

# The kernel may have dropped some for want of room: they are nobody's.
lost_in_kernel() {
	on gateway awk '$1 == "Udp:" && $6 ~ /[0-9]/ { print $6 }' \
		/proc/net/snmp
}

judge() {
	local n addresses bytes answered out worst more handshakes
	read -r n addresses bytes answered out worst more \
		< <(amplification)
	[ "$n" -ge "$count" ] || fail "$n of $count are in the capture:" \
		"$(cat "$lab/capture.log")"
	[ "$more" = 0 ] || fail "$more addresses got more than was sent"
	[ "$answered" -gt 0 ] || fail "no hello was answered"
	lost=$(lost_in_kernel)
	accounted_for || [ "$lost" -gt 0 ] ||
		fail "$sent_cookies answered and $dropped dropped of $count"
	handshakes=$(metric handshakes_remembered)
	[ "$handshakes" = 0 ] || fail "$handshakes handshakes are remembered"
	[ "$(metric sessions)" = 1 ] || fail "$(metric sessions) sessions"
	connects=$(awk '$1 == "connected" { print $2 }' "$lab/connects.log" |
		sort -n)
	[ "$(wc -l <<<"$connects")" -ge 3 ] ||
		fail "the phone connected less than three times"
	# A machine that stands still once makes one of them slow.
	median=$(sed -n "$((($(wc -l <<<"$connects") + 1) / 2))p" <<<"$connects")
	inner=$(grep 'packets transmitted' "$lab/inner.log")
	what="$n forged first datagrams from $addresses addresses, $rate a
second: $bytes bytes in, $out out, ratio of the worst-off address $worst"
}

finish() {
	local log
	expect 0 disconnect
	stop aditd || fail "aditd ended with $?"
	stop aditd-phone || fail "the phone's aditd ended with $?"
	stop gateway || fail "adit-gateway ended with $?"
	for log in aditd aditd-phone gateway; do
		! grep -E 'Sanitizer|runtime error' "$lab/$log.log" >&3 ||
			fail "$log: a sanitizer has something to say"
	done
}

begin
flood
judge
finish
if [ -z "${lab_programs-}" ]; then
	# A pause of the laptop's own is no loss of the gateway's.
	loss=$(sed 's/.*, \([0-9.]*\)% packet loss.*/\1/' <<<"$inner")
	[ "${loss%.*}" -lt 1 ] || fail "the tunnel's ping: $inner"
	in_time "$median" 1000 ||
		fail "connects took, ms: ${connects//$'\n'/ }"
	[ $kb -lt 512 ] || fail "the gateway grew by $kb KiB"
	echo "note: ${what//$'\n'/ }"
	echo "note: meanwhile connects took, ms:" $connects "; ping: $inner"
	echo "note: the gateway used $cpu % of a core," \
		"and grew by $kb KiB; the kernel dropped $lost datagrams"
	sanitized=$lab_root/build/linux-address-undefined/bin
	if [ -x "$sanitized/aditd" ]; then
		flood_count=10000 flood_rate=3000 lab_programs=$sanitized \
			"$0" || exit 1
	fi
else
	echo "note: $count of them with sanitizers: nothing found"
fi
