#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The units of `make install` under a real systemd, which is the first process
# of the laptop and of the gateway: its filter of system calls, its capabilities
# and its read-only file system are in force while the programs do all that
# they do to a host.
set -u
cd "$(dirname "$0")/../.." || exit 2
unset MAKEFLAGS MAKELEVEL # of the make that runs the tests
# shellcheck source=tests/netns/lib.sh
. tests/netns/lib.sh
lab_logs="aditd gateway make laptop-boot gateway-boot"
web=198.51.100.10 web6=2001:db8:2::10
hierarchy=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cgroup=$hierarchy/adit-lab-$$

no_cgroup() {
	[ -d "$cgroup" ] && until_true 5 no_cgroup_now
	lab_end
}

no_cgroup_now() {
	find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
	[ ! -d "$cgroup" ]
}

begin() {
	local tool
	for tool in /usr/lib/systemd/systemd systemctl systemd-analyze; do
		command -v $tool >/dev/null ||
			{ echo "needs $tool (make deps-test)" && exit 77; }
	done
	mkdir "$cgroup" 2>/dev/null ||
		{ echo "may not make a cgroup here" && exit 77; }
	routes+=(--dns 198.51.100.10 --match corp.test)
programs_begin python3
	trap 'lab_kill; no_cgroup' EXIT
	on gateway mv /etc/gw /run/lab/gw # which the booted host sees too
	make install DESTDIR="$lab/tree" PREFIX=/usr >"$lab/make.log" 2>&1 ||
		fail "make install"
}

# Enters the cgroup first: a host has its own /sys.
start_boot() { # HOST COMMAND...
	# shellcheck disable=SC2016
	local lab_into=(sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"'
		"$cgroup/$1" "${lab_into[@]}")
	start "$1-boot" "$@"
}

# From here on `on HOST` is inside the booted system.
boot() { # HOST
	local host=$1
	mkdir -p "$lab/$host-root" "$cgroup/$host"
	start_boot "$host" unshare --mount --pid --cgroup --ipc --fork \
		--propagation private "$lab_root/tests/lab/boot.sh" \
		"$lab/$host-root" "$lab/tree"
	until_true 5 program_pid "$host-boot" || fail "no systemd on $host"
	until_true 5 pgrep -P "$(program_pid "$host-boot")" ||
		fail "no systemd on $host"
	lab_pid[$host-holder]=${lab_pid[$host]}
	lab_pid[$host]=$(pgrep -P "$(program_pid "$host-boot")")
	until_true 20 on "$host" systemctl -q is-active lab.target ||
		fail "systemd does not start on $host"
}

# Their last words, where fail() looks for them.
log_to() { # HOST UNIT FILE
	on "$1" sh -c 'mkdir -p "/etc/systemd/system/$1.d"
		printf "[Service]\nStandardOutput=append:/run/lab/%s
		StandardError=inherit\n" "$2" >"/etc/systemd/system/$1.d/log.conf"
		systemctl daemon-reload' - "$2" "$3"
}

unit_is() { # HOST UNIT PROPERTY VALUE
	local got
	got=$(on "$1" systemctl show -P "$3" "$2")
	[ "$got" = "$4" ] || fail "$2: $3 is \"$got\", not \"$4\""
	checks=$((checks + 1))
}

main_pid() { # HOST UNIT
	on "$1" systemctl show -P MainPID "$2"
}

judged() { # HOST UNIT
	local said
	said=$(on "$1" systemd-analyze verify --man=no "$2" 2>&1)
	[ -z "$said" ] || fail "systemd-analyze verify $2: $said"
	said=$(on "$1" systemd-analyze security --offline=true "$2" |
		sed -n 's/^.*Overall exposure level for //p')
	[ -n "$said" ] || fail "systemd-analyze security $2"
	echo "note: systemd-analyze security: ${said% *}"
}

# What the kernel says about the process is what the unit says.
confined() { # HOST UNIT CAPABILITY...
	local status=$lab/status bits=0 capability
	local -A number=([cap_chown]=0 [cap_net_bind_service]=10
		[cap_net_admin]=12 [cap_sys_ptrace]=19)
	on "$1" cat "/proc/$(main_pid "$1" "$2")/status" >"$status"
	unit_is "$1" "$2" CapabilityBoundingSet "${*:3}"
	for capability in "${@:3}"; do
		bits=$((bits | 1 << ${number[$capability]}))
	done
	for line in NoNewPrivs:1 Seccomp:2 \
		CapEff:"$(printf %016x $bits)" CapBnd:"$(printf %016x $bits)"; do
		grep -qx "${line%:*}:[[:space:]]*${line#*:}" "$status" ||
			fail "$2: not $line but $(grep "^${line%:*}" "$status")"
	done
	checks=$((checks + 4))
}

# Comes from the program, through its sandbox, when it can be used.
starts() {
	on gateway systemctl start adit-gateway || fail "adit-gateway's start"
	unit_is gateway adit-gateway StatusText \
		"vpn.example.com on [::]:443, 1 client"
	on laptop systemctl start aditd || fail "aditd's start"
	expect 0 status # at once: what READY=1 means
	unit_is laptop aditd StatusText "no tunnel was asked for"
	confined laptop aditd cap_chown cap_net_bind_service cap_net_admin cap_sys_ptrace
	confined gateway adit-gateway cap_net_bind_service cap_net_admin
	add_profiles laptop
	mode_is 600 root /etc/adit/profiles/laptop.json
}

mode_is() { # OF-THE-LAPTOP: MODE GROUP PATH
	local got
	got=$(on laptop stat -c '%a %G' "$3")
	[ "$got" = "$1 $2" ] || fail "$3 is $got, not $1 $2"
	checks=$((checks + 1))
}

folders() {
	mode_is 700 root /var/lib/adit
	mode_is 755 root /run/adit
	mode_is 755 root /etc/adit
	mode_is 666 root /run/adit/adit.sock
	mode_is 660 adit /run/adit/kept.sock
}

# As uid 65534, who is in the group or not.
as_nobody() { # ADIT-ARGUMENTS...
	on laptop setpriv --reuid 65534 --regid 65534 --clear-groups adit "$@" \
		>"$lab/nobody.log" 2>&1
}

group_of_callers() {
	as_nobody disconnect
	[ $? -eq 4 ] || fail "a stranger may: $(cat "$lab/nobody.log")"
	on laptop sed -i 's/^adit:.*:/&nobody/' /etc/group
	# The answer before is kept for some seconds.
	until_true 15 as_nobody disconnect ||
		fail "a member may not: $(cat "$lab/nobody.log")"
	checks=$((checks + 2))
}

works() {
	expect 0 connect laptop --wait
	reaches $web $web6
	unit_is laptop aditd StatusText "laptop: up"
	on laptop grep -q '^nameserver 127.0.77.53' /etc/resolv.conf ||
		fail "the host's DNS is not told: $(on laptop adit status)"
	checks=$((checks + 1))
	expect 0 disconnect
	as_before "disconnect"
}

# MDM's way in, and the reload of a service manager.
reloads() {
	on laptop cp /etc/adit/profiles/laptop.json /etc/adit/profiles/two.json
	on laptop systemctl reload aditd || fail "reload"
	until_true 5 on laptop sh -c 'adit profile list | grep -q two' ||
		fail "a reload does not see the new profile"
	expect 0 profile remove two
	on laptop test ! -e /etc/adit/profiles/two.json ||
		fail "profile remove left the file"
}

undoes_a_crash() {
	local began was
	expect 0 connect laptop --wait
	was=$(main_pid laptop aditd)
	on laptop systemctl kill -s KILL aditd
	began=$(now_ms)
	until_true 5 undone || fail "not undone in 5 s after kill -9"
	echo "note: kill -9: undone after $(($(now_ms) - began)) ms"
	until_true 10 on laptop adit status || fail "not started again"
	[ "$(main_pid laptop aditd)" != "$was" ] || fail "it was not killed"
	# What the user held up comes up by itself.
	until_state 20 up
	expect 0 disconnect
	as_before "kill -9 and a start"
	unit_is laptop aditd NRestarts 1
	echo "note: kill -9: answers again after $(($(now_ms) - began)) ms"
}

undone() {
	lab_snapshot laptop | diff -q "$lab/laptop.before" -
}

stops() {
	expect 0 connect laptop --wait
	reaches $web
	on laptop systemctl stop aditd || fail "stop"
	unit_is laptop aditd Result success
	as_before "systemctl stop"
	on laptop test ! -e /run/adit || fail "/run/adit is left"
	on gateway systemctl stop adit-gateway || fail "stop of the gateway"
	unit_is gateway adit-gateway Result success
	lab_snapshot gateway | diff "$lab/gateway.before" - >&3 ||
		fail "the gateway's host is not as it was"
}

# A second gateway beside the first: an instance, with arguments of its own.
instance() {
	on gateway systemctl start adit-gateway@none 2>"$lab/none.log" &&
		fail "a gateway without a folder starts"
	on gateway adit-gateway init /etc/adit-gateway/two --port 444 \
		--name two.example.com >"$lab/init.log" || fail "init"
	on gateway sh -c 'u=/etc/systemd/system/adit-gateway@two.service.d
		mkdir $u && printf "[Service]\nEnvironment=\"OPTIONS=%s\"\n" \
			"--device adit2" >$u/options.conf && systemctl daemon-reload'
	on gateway systemctl start adit-gateway adit-gateway@two ||
		fail "two gateways"
	on gateway ip link show adit2 >"$lab/link.log" || fail "no adit2"
	unit_is gateway adit-gateway@two StatusText \
		"two.example.com on [::]:444, 0 clients"
	on gateway systemctl stop adit-gateway adit-gateway@two ||
		fail "stop of two gateways"
}

begin
boot laptop
boot gateway
on gateway mv /run/lab/gw /etc/adit-gateway
lab_snapshot laptop >"$lab/laptop.before"
lab_snapshot gateway >"$lab/gateway.before"
on laptop systemd-sysusers 2>"$lab/make.log" || fail "systemd-sysusers"
log_to laptop aditd.service aditd.log
log_to gateway adit-gateway.service gateway.log
judged laptop aditd.service
judged gateway adit-gateway.service
judged gateway adit-gateway@office.service
starts
folders
works
group_of_callers
reloads
undoes_a_crash
stops
instance
echo "note: $checks properties, exit codes and comparisons with before"
