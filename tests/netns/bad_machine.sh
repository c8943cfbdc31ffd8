#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Machines that lack what adit needs: folders, room on a disk, privileges, TUN
# devices, IPv6, descriptors, memory. A program that cannot start says in one
# line what, where and what to do, and has changed nothing; one that runs keeps
# running, and works as soon as the machine does.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

programs_begin setpriv prlimit
start_gateway

# A program that must not start, in mounts of its own: one line about its
# folder, nothing changed.
refused() { # CODE REGULAR-EXPRESSION SHELL...
	local code=$1 wanted=$2 got
	shift 2
	on laptop timeout 5 unshare -m --propagation private sh -c "$*" \
		>"$lab/refused.log" 2>&1
	got=$?
	sed -i '/^ended$/d' "$lab/refused.log"
	[ $got -eq "$code" ] ||
		fail "\"$*\" ended with $got: $(cat "$lab/refused.log")"
	[ "$(wc -l <"$lab/refused.log")" -eq 1 ] &&
		grep -Eq -- "$wanted" "$lab/refused.log" ||
		fail "\"$*\" says: $(cat "$lab/refused.log")"
	as_before "$*"
}

# A disk of 16 KiB at this folder of the laptop, full or with room.
small_disk() { # FOLDER
	on laptop sh -c 'mkdir -p "$1" && mount -t tmpfs -o size=16k,mode=755 \
		tmpfs "$1"' - "$1" || fail "no disk at $1"
}

fill() { # FOLDER
	on laptop sh -c 'cat /dev/zero >"$1/fill"' - "$1" 2>/dev/null
}

make_room() { # FOLDER
	on laptop rm "$1/fill" || fail "no room can be made"
}

says() { # REGULAR-EXPRESSION: the last error of expect
	grep -Eq -- "$1" "$lab/adit.err" || fail "says: $(cat "$lab/adit.err")"
}

works() {
	expect 0 connect laptop --wait=5
	reaches 198.51.100.10
	expect 0 disconnect
	as_before "a connect that works"
}

refuses_to_start() {
	local x=xxxxxxxxxx long
	long=/run/$x$x$x$x$x$x$x$x$x$x

	refused 1 "^$long: too long .*107 bytes.*choose a shorter --runtime-dir" \
		aditd --runtime-dir $long
	refused 2 "$long: too long .*107 bytes" adit --runtime-dir $long status
	on laptop sh -c 'echo x >/run/file; mkdir -p /run/sock/adit.sock
		mkdir -p /run/ro /run/open /run/theirs
		chmod 777 /run/open; chown 65534 /run/theirs'
	for folder in runtime-dir state-dir; do
		refused 1 '^/run/file: a folder is needed, and a file is' \
			aditd --$folder /run/file
		refused 1 '^/run/file/x: a folder is needed, and a file is' \
			aditd --$folder /run/file/x
		refused 1 '^/run/a/b: the folder above it is not there' \
			aditd --$folder /run/a/b
		refused 1 '^/run/open: others may change.*chmod go-w' \
			aditd --$folder /run/open
		refused 1 '^/run/theirs: others may change.*chown it to root' \
			aditd --$folder /run/theirs
		refused 1 '^/run/ro.*: its file system is read-only' \
			'mount --bind /run/ro /run/ro && mount -o remount,bind,ro /run/ro &&' \
			exec aditd --$folder /run/ro
		refused 1 '^/run/ro.*: its disk is full: make room' \
			'mount -t tmpfs -o size=16k,nr_inodes=1,mode=755 tmpfs /run/ro &&' \
			exec aditd --$folder /run/ro
	done
	refused 1 '^/run/sock/adit.sock: there is a file, not a socket' \
		aditd --runtime-dir /run/sock
	refused 4 '^aditd: needs root' \
		setpriv --reuid 65534 --regid 65534 --clear-groups /run/bin/aditd
	refused 1 '^cannot start: too many files.*ulimit -n.*LimitNOFILE' \
		'ulimit -n 20; exec aditd'
	refused 1 'cannot start: too many files.*ulimit -n' \
		'ulimit -n 20; exec adit-gateway run /run/lab/nowhere'
}
refuses_to_start

# Little memory, from where the program can be loaded at all: starts, or says
# so; no signal ends it.
little_memory() {
	local kib=4000 code
	until on laptop sh -c "ulimit -v $kib; exec aditd --version" \
		>/dev/null 2>&1; do
		kib=$((kib + 100))
	done
	for (( ; kib < 32000; kib += 100)); do
		on laptop timeout 0.2 sh -c "ulimit -v $kib; exec aditd" \
			>"$lab/refused.log" 2>&1
		code=$?
		[ $code -lt 128 ] ||
			fail "with $kib KiB: $code, $(cat "$lab/refused.log")"
		grep -q 'is ready' "$lab/refused.log" && break
	done
	as_before "little memory"
	memory=$kib
}
little_memory

# A soft limit of descriptors that is too low is raised.
start aditd laptop sh -c 'ulimit -S -n 20; exec aditd'
until_true 5 on laptop adit status || fail "aditd does not start"
add_profiles laptop
works
end_aditd "a low soft limit"

# No TUN devices, and then no right to make one: the tunnel fails, aditd lives.
on laptop mkdir -p /run/empty
start aditd laptop unshare -m --propagation private sh -c \
	'mount --bind /run/empty /dev/net && exec aditd'
until_true 5 on laptop adit status || fail "aditd does not start"
expect 1 connect laptop --wait=5
says 'adit0: this kernel has no TUN devices \(no /dev/net/tun; try "modprobe'
as_before "no TUN devices"
expect 0 disconnect
end_aditd "no TUN devices"
start aditd laptop setpriv --bounding-set -net_admin --inh-caps -net_admin \
	aditd
until_true 5 on laptop adit status || fail "aditd does not start"
expect 1 connect laptop --wait=5
says 'adit0: not permitted to make a TUN device \(.*CAP_NET_ADMIN'
as_before "no CAP_NET_ADMIN"
expect 0 disconnect
end_aditd "no CAP_NET_ADMIN"

# What a program prints gets lost: no success.
for program in "adit help" "adit-gateway help"; do
	on laptop sh -c "$program >/dev/full" 2>"$lab/err"
	[ $? = 1 ] && [ "$(cat "$lab/err")" = "${program% *}: the output cannot be written: No space left on device" ] || fail "to /dev/full: $(cat "$lab/err")"
done

# The journal's disk is full: what cannot be recorded is not done.
small_disk /var/lib/adit
start_aditd
fill /var/lib/adit
expect 1 connect laptop --wait=5
says 'device adit0 is not changed, since it cannot be recorded in /var/lib/adit: its disk is full'
as_before "a full disk"
make_room /var/lib/adit
until_state 5 up # it was tried again by itself
reaches 198.51.100.10
fill /var/lib/adit
expect 0 disconnect
as_before "the end of a tunnel on a full disk"
fill /var/lib/adit # the journal's place, too
expect 1 connect laptop --wait=5
make_room /var/lib/adit
until_state 5 up
# A crash is undone, full disk or not.
fill /var/lib/adit
stop aditd KILL
on laptop aditd --undo 2>"$lab/undo.log" ||
	fail "no undo on a full disk: $(cat "$lab/undo.log")"
as_before "a crash on a full disk"
# What the user held up would be up again before the disk is full.
on laptop rm /var/lib/adit/hold-laptop.json
stop gateway TERM # which would keep the dead session's address for a while
start_gateway
start_aditd
fill /var/lib/adit
expect 1 connect laptop --wait=5
says 'its disk is full'
end_aditd "a full disk"
on laptop umount /var/lib/adit

# The disk fills up at any record, or in the middle of one: a limit of a file's
# length stands for it. Whatever was done before is taken back.
walk_full_disk() {
	local room=0 code
	start aditd laptop sh -c 'trap "" XFSZ; exec aditd 2>/dev/null'
	until_true 5 on laptop adit status || fail "aditd does not start"
	for ((; room < 8192; room += 13)); do
		prlimit --pid "$(program_pid aditd)" --fsize=$room:unlimited
		on laptop adit connect laptop --wait=5 >/dev/null \
			2>"$lab/adit.err"
		code=$?
		[ $code -ne 0 ] || break
		[ $code -eq 1 ] || fail "exit $code with a journal of $room bytes"
		says 'is not changed, since it cannot be recorded in /var/lib/adit'
		expect 0 disconnect
		as_before "a journal that ended after $room bytes"
		walked=$((walked + 1))
	done
	[ $walked -gt 10 ] || fail "the journal was never too long"
	reaches 198.51.100.10
	expect 0 disconnect
	end_aditd "a disk that filled up"
}
walked=0
walk_full_disk

# Profiles: no room for the file, and none for its way there.
on laptop cp -a /etc/adit/profiles /run/lab/kept
small_disk /etc/adit
start_aditd
fill /etc/adit
expect 1 profile add /run/lab/laptop.json
says '/etc/adit/profiles: its disk is full: make room'
[ -z "$(on laptop find /etc/adit -type f ! -name fill)" ] ||
	fail "half a profile: $(on laptop find /etc/adit -type f)"
end_aditd "no room for profiles"
expect 1 profile add /run/lab/laptop.json
says '/etc/adit/profiles: its disk is full: make room'
make_room /etc/adit
on laptop mount -o remount,ro /etc/adit
start_aditd
expect 1 profile add /run/lab/laptop.json
says '/etc/adit/profiles: its file system is read-only'
end_aditd "read-only profiles"
on laptop umount /etc/adit

small_disk /run/adit
start_aditd
fill /run/adit
expect 1 profile add /run/lab/laptop.json --name other
says '/run/adit: its disk is full: make room'
[ "$(on laptop ls -A /etc/adit/profiles)" = laptop.json ] ||
	fail "a profile that was refused: $(on laptop ls -A /etc/adit/profiles)"
works
end_aditd "no room beside the socket"
on laptop umount /run/adit

# A kernel without IPv6, at both ends.
on laptop sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
lab_snapshot laptop >"$lab/laptop.before"
start_aditd
works
end_aditd "no IPv6"

# The gateway's disk is full.
stop gateway TERM
lab_snapshot gateway >"$lab/gateway.before"
on gateway sh -c 'mkdir -p /etc/gw/state && mount -t tmpfs -o \
	size=16k,mode=700 tmpfs /etc/gw/state && cat /dev/zero \
	>/etc/gw/state/fill' 2>/dev/null
on gateway timeout 5 adit-gateway run /etc/gw >"$lab/refused.log" 2>&1
code=$?
[ $code -eq 1 ] && grep -Eq 'recorded in /etc/gw/state: its disk is full' \
	"$lab/refused.log" ||
	fail "a gateway on a full disk: $code, $(cat "$lab/refused.log")"
lab_snapshot gateway >"$lab/gateway.after"
diff "$lab/gateway.before" "$lab/gateway.after" >&3 ||
	fail "a gateway on a full disk left something"
on gateway umount /etc/gw/state
on gateway sh -c 'mount -t tmpfs -o size=16k,mode=700 tmpfs /etc/gw/clients &&
	cat /dev/zero >/etc/gw/clients/fill' 2>/dev/null
on gateway adit-gateway add /etc/gw second >"$lab/refused.log" 2>&1 &&
	fail "a client was added on a full disk"
grep -Eq 'second cannot be added: ' "$lab/refused.log" &&
	[ "$(on gateway ls -A /etc/gw/clients)" = fill ] ||
	fail "no room for a client: $(cat "$lab/refused.log")"
on gateway umount /etc/gw/clients
start_gateway
start_aditd
works
end_aditd "all is well"
echo "note: $checks checks; the journal was cut at $walked places;" \
	"aditd starts with $memory KiB of address space"
