#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# demo.sh [--keep | --end | --on HOST COMMAND...]: adit from nothing to a
# download through it, on a network that exists for this run alone (`make demo`).
#
#      laptop               cafe               gateway            office
#  +-------------+                          +--------------+   +---------------+
#  | aditd, adit |       +----------+       | adit-gateway |   | a web server  |
#  | 192.0.2.10  |-------|  switch  |-------| 192.0.2.2    |   | 198.51.100.10 |
#  |             |       +----------+       | 198.51.100.1 |---| 2001:db8:2::10|
#  |  adit0      |       | 192.0.2.1|       |  adit0       |   +---------------+
#  |  10.77.0.2  | = = = = = = = = = = = = =|  10.77.0.1   |
#  +-------------+     a neighbour, and     +--------------+
#                      tcpdump on the wire
#
# Every box is namespaces of its own (lab.sh); the machine is compared with
# itself at the end. Exit code 0: every step held. --keep leaves it all
# running, --on HOST COMMAND runs a command in a kept host, --end ends it.
set -u
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"

kept=$lab_root/build/demo.kept # what a kept demo consists of
web=198.51.100.10 web6=2001:db8:2::10
pool=10.77.0.0/16 pool6=fd77:ad17::/64
promise_ms=50

if [ -t 1 ]; then
	green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' bold=$'\e[1m' plain=$'\e[0m'
else
	green='' red='' dim='' bold='' plain=''
fi

# step NAME FUNCTION: one line. The function tells its result in $result, and
# ends with fail() when it has none.
step() {
	local began took
	name=$1 result=
	began=$(now_ms)
	"$2" >"$lab/step.log" 2>&1
	took=$(($(now_ms) - began))
	printf '  %sok%s  %-20s %-45s %s%s%s\n' "$green" "$plain" "$name" \
		"$result" "$dim" "$(duration $took)" "$plain"
}

duration() { # MILLISECONDS, in seven columns
	if [ "$1" -lt 1000 ]; then
		printf '%4d ms' "$1"
	else
		printf '%3d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
	fi
}

# Replaces the library's: the line of the step says that it failed.
fail() { # WHY
	local log
	{
		printf '  %sno%s  %-20s %s\n' "$red" "$plain" "${name-}" "$1"
		for log in step aditd gateway; do
			[ -s "$lab/$log.log" ] || continue
			printf '\n%s said last:\n' "$log"
			tail -n 12 "$lab/$log.log" | sed 's/^/    /'
		done
		printf '\n%sThe demo failed%s; all it made is being removed.\n' \
			"$red" "$plain"
	} >&3
	exit 1
}

# --- the network ---------------------------------------------------------

machine() { # what a user would mind to find changed
	ip -br link
	ip -o addr
	ip rule
	ip route show table all
	nft list ruleset
	sha256sum /etc/resolv.conf /etc/hosts
	cat /proc/sys/net/ipv4/ip_forward
	ls -d /etc/adit /var/lib/adit /run/adit 2>&1
	grep adit-lab /proc/self/mountinfo
} 2>/dev/null

make_network() {
	machine >"$lab/machine.before"
	lab_office
	on laptop sh -c 'echo 192.0.2.2 vpn.example.com >>/etc/hosts'
	on laptop ping -qc 1 -W 5 192.0.2.2 &&
		on gateway ping -qc 1 -W 5 $web || fail "a cable is not connected"
	start iperf office iperf3 -s
	on office sh -c "mkdir /run/www
		head -c 67108864 /dev/urandom >/run/www/report.bin"
	start web office python3 -m http.server --bind $web \
		--directory /run/www 80
	until_true 5 on office curl -sfI http://$web/report.bin ||
		fail "the web server does not start"
	lab_snapshot laptop >"$lab/laptop.before"
	result="4 hosts, each with a network, /etc, /run"
}

# --- the gateway and the laptop ------------------------------------------

make_gateway() {
	on gateway adit-gateway init /etc/adit-gateway --name vpn.example.com \
		--pool $pool --pool6 $pool6 --route 198.51.100.0/24 \
		--route 2001:db8:2::/64 --dns $web --match corp.example ||
		fail "adit-gateway init"
	result="a CA, a certificate, a pool of addresses"
}

add_laptop() {
	on gateway adit-gateway add /etc/adit-gateway laptop \
		--output /run/lab/laptop.json || fail "adit-gateway add"
	result="laptop.json: a profile, its identity inside"
}

run_gateway() {
	start gateway gateway adit-gateway run /etc/adit-gateway
	until_true 5 on gateway sh -c 'ss -Hlun sport = :443 | grep -q .' ||
		fail "the gateway does not answer"
	result="waits on UDP port 443"
}

run_aditd() {
	start aditd laptop aditd
	until_true 5 on laptop adit status || fail "aditd does not answer"
	result="answers on the laptop"
}

add_profile() {
	on laptop adit profile check /run/lab/laptop.json &&
		on laptop adit profile add /run/lab/laptop.json ||
		fail "the profile is refused"
	result="checked and kept"
}

# --- what the cafe sees --------------------------------------------------

tunnel='(udp port 443 and host 192.0.2.10 and host 192.0.2.2)'
clear="(net 198.51.100.0/24 or net 2001:db8:2::/64 or net $pool or net $pool6)"
local='(arp or ip6 multicast or net fe80::/10 or
	((icmp or icmp6) and (host 192.0.2.1 or host 2001:db8:1::1)))'

# Shows that the check below can fail: without a tunnel it finds something.
look_without() {
	local n
	lab_capture without.pcap
	on laptop ping -qc 2 -i 0.1 -W 1 $web &&
		fail "the office is reached without a tunnel"
	on laptop ping -qc 2 -i 0.1 -W 1 $web6
	lab_capture_end without.pcap
	n=$(lab_packets without.pcap "$clear")
	[ "$n" -ge 4 ] || fail "the capture on the uplink missed packets"
	result="no office; $n packets that tried, in clear"
	lab_capture with.pcap
}

# --- the tunnel ----------------------------------------------------------

# In one shell inside the laptop, so that no entering of hosts is measured.
time_connect() {
	# shellcheck disable=SC2016
	on laptop bash -c 'began=${EPOCHREALTIME/[.,]/}
		adit connect --wait=10 || exit
		ping -qc 1 -W 5 "$1" >&2 || exit
		echo $(((${EPOCHREALTIME/[.,]/} - began) / 1000)) >/run/lab/ms' \
		- $web || fail "no connection, or no reply from the office"
	ms=$(cat "$lab/ms")
}

# A busy machine gets a second and a third chance, and they are shown.
connect() {
	local ms tries
	start ping laptop ping -i 0.005 -c 300 -w 30 192.0.2.1
	sleep 0.2
	time_connect
	tries=$ms
	while [ "$ms" -ge $promise_ms ]; do
		if [ "${#tries}" -ge 12 ]; then
			crowded && break
			fail "first reply after $tries ms, promised: $promise_ms"
		fi
		on laptop adit disconnect
		time_connect
		tries+=", then $ms"
	done
	result="first reply in $tries ms (promised: $promise_ms)"
	[ "$ms" -lt $promise_ms ] || result="reply in $tries ms (a busy machine)"
}

uplink_meanwhile() {
	local lost
	wait "${lab_job[ping]}"
	lost=$(pings_lost "$lab/ping.log")
	[ "$lost" = 0 ] && [ "$(pings_came "$lab/ping.log")" -ge 300 ] ||
		fail "the ping beside it lost packets: $lost"
	result="300 pings on the uplink, none lost"
}

average() { # FILE: of a ping, in ms
	awk -F/ '/^rtt/ { printf "%.2f", $5 }' "$1"
}

ping_office() {
	on laptop ping -c 50 -i 0.01 -w 10 $web >"$lab/ping4" &&
		on laptop ping -c 50 -i 0.01 -w 10 $web6 >"$lab/ping6" &&
		[ "$(pings_lost "$lab/ping4")" = 0 ] &&
		[ "$(pings_lost "$lab/ping6")" = 0 ] ||
		fail "not every ping to the office came back"
	result="IPv4 $(average "$lab/ping4") ms, IPv6 $(average "$lab/ping6") ms"
	result+="; 100 sent, 0 lost"
}

download() {
	local want got speed
	speed=$(on laptop curl -sf -m 60 -o /run/report.bin \
		-w '%{speed_download}' http://$web/report.bin) ||
		fail "the download failed"
	want=$(on office sha256sum </dev/null /run/www/report.bin)
	got=$(on laptop sha256sum </dev/null /run/report.bin)
	[ -n "$got" ] && [ "${got%% *}" = "${want%% *}" ] ||
		fail "SHA-256 of the download differs"
	result="64 MiB, $((${speed%.*} / 1000000)) MB/s, SHA-256 ${got:0:8} is right"
}

gbits() { # [-R]
	on laptop iperf3 -J -C cubic -t 2 -c $web "$@" >"$lab/iperf.json" &&
		python3 -c 'import json, sys
end = json.load(open(sys.argv[1]))["end"]
print("%.1f" % (end["sum_received"]["bits_per_second"] / 1e9))' \
			"$lab/iperf.json"
}

throughput() {
	local up down
	up=$(gbits) && down=$(gbits -R) || fail "iperf3"
	result="$up Gbit/s up, $down down; one TCP stream"
}

show_status() {
	printf '\n  %s$ adit status%s\n' "$dim" "$plain"
	on laptop adit status | sed 's/^/  /'
	printf '\n'
}

# --- and away again ------------------------------------------------------

look_with() {
	local sealed open other lost
	lab_capture_end with.pcap
	lost=$(sed -n 's/^\([0-9]*\) packets dropped by kernel/\1/p' \
		"$lab/capture.log")
	sealed=$(lab_packets with.pcap "$tunnel")
	open=$(lab_packets with.pcap "$clear")
	other=$(lab_packets with.pcap "not $tunnel and not $local")
	[ "$sealed" -gt 100 ] || fail "the capture has only $sealed of the tunnel"
	[ "$open" -eq 0 ] || fail "$open packets to or from the office, in clear"
	[ "$other" -eq 0 ] || fail "$other packets that should not be there"
	[ "${lost:-1}" -eq 0 ] || fail "tcpdump missed $lost packets"
	result="$sealed sealed datagrams, none in clear"
}

disconnect() {
	on laptop adit disconnect || fail "adit disconnect"
	lab_snapshot laptop >"$lab/laptop.after"
	diff "$lab/laptop.before" "$lab/laptop.after" ||
		fail "the laptop is not as it was (diff below)"
	result="links, routes, rules, nft, DNS: as before"
}

end_programs() {
	stop aditd || fail "aditd ended with $?"
	stop gateway || fail "adit-gateway ended with $?"
	lab_snapshot laptop | diff "$lab/laptop.before" - ||
		fail "the laptop is not as it was (diff below)"
	on laptop sh -c 'ls -A /run/adit' | grep . && fail "files are left"
	stop web
	stop iperf
	result="both programs ended; laptop as before"
}

same_machine() {
	machine | diff "$lab/machine.before" -
}

end_network() {
	local processes
	processes=$(lab_processes | wc -l)
	[ "$processes" -ge 4 ] || fail "the lab was not there?"
	lab_kill
	until_true 5 lab_is_gone || fail "processes are left: $(lab_processes)"
	# Others may be at work on this machine; what stays different is ours.
	until_true 5 same_machine || {
		same_machine
		fail "the machine is not as it was (diff below)"
	}
	result="no process or namespace; machine as before"
}

# --- kept ----------------------------------------------------------------

keep() {
	declare -p lab lab_pid lab_nets | sed 's/^declare/& -g/' >"$kept"
	trap - EXIT
	cat <<-END
		  The tunnel is up and stays so. Look around:

		    tests/lab/demo.sh --on laptop bash                   a shell there
		    tests/lab/demo.sh --on laptop adit status --json
		    tests/lab/demo.sh --on laptop ping $web
		    tests/lab/demo.sh --on cafe tcpdump -ni to-laptop    what the cafe sees
		    tests/lab/demo.sh --on gateway adit-gateway list /etc/adit-gateway
		    tail -f $lab/aditd.log    (and gateway.log)

		  End it:

		    tests/lab/demo.sh --end

	END
}

load_kept() {
	[ -f "$kept" ] || {
		echo "no demo is running: make demo KEEP=1 leaves one" >&2
		exit 1
	}
	# shellcheck source=/dev/null
	. "$kept"
	# After a restart of the machine the numbers are somebody else's.
	[ "$(readlink "/proc/${lab_pid[laptop]}/ns/net")" = "${lab_nets[0]}" ] || {
		rm -rf "$lab" "$kept"
		echo "the kept demo is gone" >&2
		exit 1
	}
}

end_kept() {
	load_kept
	on laptop adit disconnect
	lab_kill
	until_true 5 lab_is_gone || { echo "left: $(lab_processes)"; exit 1; }
	rm -rf "$lab" "$kept"
	echo "the demo has ended; nothing of it is left"
}

main() {
	local began
	began=$(now_ms)
	printf '\n%sadit: a laptop in a cafe reaches its office%s\n\n' \
		"$bold" "$plain"
	sed -n '/^#      laptop/,/^#$/s/^#//p' "$0" # the picture above
	step "the network" make_network
	step "adit-gateway init" make_gateway
	step "adit-gateway add" add_laptop
	step "adit-gateway run" run_gateway
	step "aditd" run_aditd
	step "adit profile add" add_profile
	step "without a tunnel" look_without
	step "adit connect --wait" connect
	step "meanwhile" uplink_meanwhile
	step "ping" ping_office
	step "download" download
	step "throughput" throughput
	show_status
	[ "$keeping" ] && { stop capture INT; keep; return; }
	step "tcpdump saw" look_with
	step "adit disconnect" disconnect
	step "SIGTERM" end_programs
	step "what is left" end_network
	printf '\n  %sEverything held%s, in %d s.\n\n' "$green" "$plain" \
		$((($(now_ms) - began) / 1000))
}

keeping=
case ${1-} in
'') ;;
--keep) keeping=keep ;;
--end) end_kept && exit ;;
--on)
	load_kept
	shift
	[ -n "${lab_pid[${1-}]-}" ] || {
		echo "hosts: ${!lab_pid[*]}" >&2
		exit 2
	}
	on "$@"
	exit
	;;
*)
	sed -n 's/^# \(demo.sh \[.*\)/usage: \1/p' "$0" >&2
	exit 2
	;;
esac

if why=$(lab_cannot tcpdump iperf3 python3 curl); then
	echo "demo: $why" >&2
	exit 1
fi
for program in aditd adit adit-gateway; do
	[ -x "$lab_root/build/bin/$program" ] || {
		echo "demo: build/bin/$program is missing: run make" >&2
		exit 1
	}
done
if [ -f "$kept" ]; then
	echo "demo: a kept demo is running: tests/lab/demo.sh --end" >&2
	exit 1
fi
lab_begin $keeping
main
