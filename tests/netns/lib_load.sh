# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests under load share: the lab with a gateway that tells its
# counters, a far end for TCP in the office, and the account of every record
# (tests/lab/account.py). Sourced.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

web=198.51.100.10 metrics=127.0.0.1:9464
built=$lab_root/build/linux

load_begin() { # TOOL...
	local program
	for program in lab/rough lab/parcel bench/flows; do
		[ -x "$built/$program" ] || {
			echo "FAIL: build/linux/$program is missing: run make lab"
			exit 1
		}
	done
	programs_begin curl python3 "$@"
	start gateway gateway adit-gateway run /etc/gw --metrics $metrics
	until_true 5 on gateway curl -sf http://$metrics/metrics ||
		fail "the gateway does not start"
	start_aditd
	start parcel office "$built/lab/parcel" serve $web:7003
	until_true 5 on office sh -c 'ss -Hltn sport = :7003 | grep -q .' ||
		fail "the far end does not start"
}

# What the programs and the kernels have counted until now.
account_take() { # MOMENT
	local host
	on laptop adit status --json >"$lab/$1.status" &&
		on gateway curl -sf http://$metrics/metrics >"$lab/$1.metrics" ||
		return
	for host in laptop cafe gateway; do
		on $host cat /proc/net/snmp /proc/net/dev >"$lab/$1.$host" ||
			return
	done
}

account_balances() { # RELAYED
	if [ "$1" ]; then
		signal rough USR1
	fi
	account_take after &&
		python3 "$lab_root/tests/lab/account.py" "$lab" before after \
			${1:+"$lab/rough.log"} >"$lab/account" 2>&1
}

# With the traffic stopped, no record is missing since account_take before.
# What is under way is not yet there, so it is asked again.
must_balance() { # WHAT [RELAYED]
	local i
	for ((i = 0; i < 20; i++)); do
		account_balances "${2-}" && return
		sleep 0.3
	done
	fail "$1: $(cat "$lab/account")"
}

# The best that this kernel has against losses.
congestion() {
	local known
	known=$(on office sysctl -n net.ipv4.tcp_available_congestion_control)
	[[ " $known " == *" bbr "* ]] && echo bbr && return
	echo "${known%% *}"
}

# Bytes that the far end knows, both ways at once; 0 only if every one was
# right. $lab/up.log and $lab/down.log say how many in which time.
transfer() { # STREAMS MB SECONDS
	local way
	for way in up down; do
		start $way laptop "$built/lab/parcel" $way $web:7003 \
			"$1" "$2" "$3" "$(congestion)"
	done
	for way in up down; do
		wait "${lab_job[$way]}" ||
			fail "$way: $(cat "$lab/$way.log" "$lab/parcel.log")"
	done
}

moved_mb() { # WAY
	awk '/bytes/ { printf "%d MB in %.1f s", $1 / 1e6, $3 / 1e3 }' \
		"$lab/$1.log"
}
