# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Hosts of a simulated network, for the demo and for tests of the programs.
# Sourced. A host is a set of namespaces (network, mounts, processes, name)
# held by one process, tests/lab/host.sh; nothing has a name on the machine,
# so runs do not meet, and when the holder ends all of it is gone. It ends when
# this shell does, however that comes about.
#
#   laptop                    cafe                  gateway        office
#   up0 192.0.2.10 ------- [switch br0] ------- up0 192.0.2.2
#    2001:db8:1::10        192.0.2.1             2001:db8:1::2
#                          2001:db8:1::1
#                          lo 203.0.113.1        in0 198.51.100.1 ---- in0
#                             2001:db8:f::1       2001:db8:2::1  198.51.100.10
#                                                               2001:db8:2::10
#
# The cafe is the laptop's neighbour, its default route, and (on lo) all that
# there is of the internet. The gateway has a leg in the cafe's LAN, so that
# one wire shows everything that leaves the laptop.
#
#   why=$(lab_cannot) && { echo "$why"; exit 77; }
#   lab_begin; lab_office
#   on laptop ping 192.0.2.1
#   start aditd laptop aditd         # logs to $lab/aditd.log
#   stop aditd TERM                  # its exit code

# shellcheck source=tests/lab/measure.sh
. "$(dirname "${BASH_SOURCE[0]}")/measure.sh"

lab_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lab_path=/run/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
lab_into=(nsenter -m -n -p -u -t)
declare -A lab_pid=() # host: its holder, by the machine's numbers
declare -A lab_job=() # label: the nsenter that waits for the program
lab_nets=()           # network namespaces that were made

# Prints why there can be no lab here, if so.
lab_cannot() {
	local tool
	[ "$(id -u)" = 0 ] || { echo "needs root" && return; }
	[ -c /dev/net/tun ] || { echo "needs /dev/net/tun" && return; }
	for tool in ip nft nsenter unshare pgrep ping "$@"; do
		command -v "$tool" >/dev/null ||
			{ echo "needs $tool (make deps-test)" && return; }
	done
	unshare -n -m -p -u --fork true 2>/dev/null ||
		{ echo "may not make namespaces here" && return; }
	return 1
}

# With "keep" the hosts outlive this shell, until somebody kills them.
lab_begin() { # [keep]
	lab=$(mktemp -d "${TMPDIR:-/tmp}/adit-lab.XXXXXX") || exit
	lab_keep=${1-}
	mkfifo "$lab/alive"
	exec 3>&1 4<>"$lab/alive" # end of file there: this shell is gone
	clock_begin "$lab"
	trap lab_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# Whatever runs in a host ends with its holder.
lab_kill() {
	clock_end
	kill -9 "${lab_pid[@]}" 2>/dev/null
	exec 4>&-
	wait 2>/dev/null
	lab_pid=()
}

lab_end() {
	trap '' INT TERM HUP
	lab_kill
	until_true 5 lab_is_gone || echo "still there: $(lab_processes)" >&2
	rm -rf "$lab"
}

# Processes in any of the lab's hosts.
lab_processes() {
	[ "${#lab_nets[@]}" -gt 0 ] || return 0
	find /proc/[0-9]*/ns/net -maxdepth 0 -printf '%h %l\n' 2>/dev/null |
		grep -F "$(printf '%s\n' "${lab_nets[@]}")" |
		sed 's:^/proc/\([0-9]*\)/.*:\1:'
}

lab_is_gone() {
	[ -z "$(lab_processes)" ]
}

# The end of a test or demo, with the last lines of the logs that are named.
fail() { # WHY...
	local log
	echo "FAIL: $*" >&3
	for log in ${lab_logs-}; do
		[ -s "$lab/$log.log" ] || continue
		echo "  $log said last:" >&3
		tail -n 12 "$lab/$log.log" | sed 's/^/    /' >&3
	done
	exit 1
}

# Tries again until it works.
until_true() { # SECONDS COMMAND...
	local n=$(($1 * 50))
	shift
	for ((; n > 0; n--)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.02
	done
	return 1
}

on() { # HOST COMMAND...
	local host=$1
	shift
	PATH=$lab_path "${lab_into[@]}" "${lab_pid[$host]}" -- "$@"
}

start() { # LABEL HOST COMMAND...: in the background, $lab/LABEL.log
	local label=$1 host=$2
	shift 2
	: >"$lab/$label.log" # now: what an earlier one said is not waited for
	PATH=$lab_path "${lab_into[@]}" "${lab_pid[$host]}" -- "$@" \
		>"$lab/$label.log" 2>&1 </dev/null 3>&- 4>&- &
	lab_job[$label]=$!
}

running() { # LABEL
	kill -0 "${lab_job[$1]}" 2>/dev/null
}

program_pid() { # LABEL: the program's number on the machine
	pgrep -P "${lab_job[$1]}"
}

begun_or_ended() { # LABEL
	program_pid "$1" || ! running "$1"
}

signal() { # LABEL SIGNAL
	until_true 2 begun_or_ended "$1"
	kill "-$2" "$(program_pid "$1")"
}

stop() { # LABEL [SIGNAL]: its exit code
	local job=${lab_job[$1]} code
	if running "$1"; then
		signal "$1" "${2-TERM}" 2>/dev/null
	fi
	wait "$job" 2>/dev/null
	code=$?
	unset "lab_job[$1]"
	return $code
}

# What passes the laptop's wire from now on.
lab_capture() { # FILE in $lab
	start capture cafe tcpdump -i to-laptop -nn -s 96 -B 65536 -U -Z root \
		--immediate-mode -w "/run/lab/$1"
	until_true 5 grep -q 'listening on' "$lab/capture.log" ||
		lab_logs=capture fail "tcpdump does not start"
}

lab_packets() { # FILE FILTER: how many
	tcpdump -nn -r "$lab/$1" "$2" 2>/dev/null | wc -l
}

lab_mark_is_in() { # FILE
	[ "$(lab_packets "$1" 'icmp and ip[2:2] = 1028')" -gt 0 ]
}

# It ends with a ping of a length of its own: tcpdump may be far behind, and
# would end without what it has not read yet.
lab_capture_end() { # FILE
	on laptop ping -q -c 1 -W 5 -s 1000 192.0.2.1 >"$lab/mark" &&
		until_true 10 lab_mark_is_in "$1" ||
		lab_logs=capture fail "the capture does not end"
	stop capture INT
}

lab_host() { # NAME
	local name=$1
	local command=(unshare --net --mount --pid --uts --fork
		--propagation private "$lab_root/tests/lab/host.sh" "$name"
		"$lab/$name" "${lab_programs:-$lab_root/build/bin}")
	mkdir "$lab/$name"
	if [ "$lab_keep" ]; then # its own writer: never an end of file
		"${command[@]}" >"$lab/$name.log" 2>&1 <>"$lab/alive" 3>&- 4>&- &
	else
		"${command[@]}" >"$lab/$name.log" 2>&1 <"$lab/alive" 3>&- 4>&- &
	fi
	until_true 10 test -e "$lab/$name.ready" ||
		lab_logs=$name fail "the host $name does not start"
	lab_pid[$name]=$(pgrep -P $!)
	lab_nets+=("$(readlink "/proc/${lab_pid[$name]}/ns/net")")
}

lab_cable() { # HOST DEVICE HOST DEVICE
	nsenter -n -t "${lab_pid[$1]}" ip link add "$2" type veth \
		peer name "$4" netns "${lab_pid[$3]}" &&
		on "$1" ip link set "$2" up && on "$3" ip link set "$4" up
}

lab_address() { # HOST DEVICE ADDRESS...
	local host=$1 device=$2 address
	shift 2
	for address in "$@"; do
		case $address in
		*:*) on "$host" ip addr add "$address" dev "$device" nodad ;;
		*) on "$host" ip addr add "$address" brd + dev "$device" ;;
		esac || return
	done
}

# The network that is drawn above.
lab_office() {
	local host
	for host in laptop cafe gateway office; do
		lab_host $host
	done
	on cafe ip link add br0 address 02:ad:17:00:00:01 type bridge &&
		on cafe ip link set br0 up &&
		lab_cable laptop up0 cafe to-laptop &&
		lab_cable gateway up0 cafe to-gateway &&
		lab_cable gateway in0 office in0 &&
		on cafe ip link set to-laptop master br0 &&
		on cafe ip link set to-gateway master br0 &&
		lab_address laptop up0 192.0.2.10/24 2001:db8:1::10/64 &&
		lab_address cafe br0 192.0.2.1/24 2001:db8:1::1/64 &&
		lab_address cafe lo 203.0.113.1/32 2001:db8:f::1/128 &&
		lab_address gateway up0 192.0.2.2/24 2001:db8:1::2/64 &&
		lab_address gateway in0 198.51.100.1/24 2001:db8:2::1/64 &&
		lab_address office in0 198.51.100.10/24 2001:db8:2::10/64 &&
		on laptop ip route add default via 192.0.2.1 &&
		on laptop ip route add default via 2001:db8:1::1 &&
		on office ip route add default via 198.51.100.1 &&
		on office ip route add default via 2001:db8:2::1 &&
		on office sh -c 'echo 198.51.100.10 office >>/etc/hosts' ||
		fail "the lab's network cannot be made"
}

# All of a host's network that adit promises to put back.
lab_snapshot() { # HOST
	on "$1" sh -c 'ip rule; ip -6 rule
		ip route show table all; ip -6 route show table all
		ip link; ip addr; nft list ruleset
		cat /proc/sys/net/ipv4/ip_forward \
			/proc/sys/net/ipv6/conf/all/forwarding
		sha256sum /etc/resolv.conf /etc/hosts' 2>&1
}
