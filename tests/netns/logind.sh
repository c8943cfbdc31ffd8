#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the daemon hears of sleep and of people at the machine: a bus of its own
# and a logind that does as it is told, on one host without a network. Each
# signal gives its event and nothing else does; the lock that delays a sleep is
# taken and let go; the bus and logind come late, go, start again, lie, and are
# not there at all, where nothing may wake up for them.
set -u
# shellcheck source=tests/netns/lib_owners.sh
. "$(dirname "$0")/lib_owners.sh"
# shellcheck source=tests/netns/lib_logind.sh
. "$(dirname "$0")/lib_logind.sh"
lab_logs="watch mock real"
logind="org.freedesktop.login1 /org/freedesktop/login1
	org.freedesktop.login1.Manager"

if why=$(lab_cannot) || why=$(owners_cannot); then
	echo "$why"
	exit 77
fi
for program in logind_watch logind_mock; do
	[ -x "$lab_root/build/linux/lab/$program" ] || {
		echo "FAIL: build/linux/lab/$program is missing: run make lab"
		exit 1
	}
done

# --- the programs and their lines ---

watch() { # WORD...
	echo "$*" >"$lab/watch.in"
}

has_line() {
	[ "$(wc -l <"$lab/watch.log")" -gt "$line" ]
}

last_is() { # LINE
	tail -n 1 "$lab/watch.log" | grep -qx "$1"
}

# The next line of all that it prints.
told() { # GLOB
	local got
	until_true 10 has_line || fail "not told \"$1\""
	line=$((line + 1))
	got=$(sed -n "${line}p" "$lab/watch.log")
	# shellcheck disable=SC2053
	[[ $got == $1 ]] || fail "told \"$got\", not \"$1\""
	checks=$((checks + 1))
}

state_soon() { # WHAT: while there is nothing else to tell
	until_true 15 state_is "$1" || fail "it is not \"$1\""
	checks=$((checks + 1))
}

state_is() { # WHAT: "told" or "alone", and "delays" or "lets sleep"
	watch state
	until_true 5 has_line || return
	line=$((line + 1))
	sed -n "${line}p" "$lab/watch.log" | grep -q "^state $1;"
}

count_turns() { # $turn
	watch state
	told "state *"
	turn=$(sed -n "${line}s/.*turn //p" "$lab/watch.log")
}

# Each question is a turn of the loop by itself.
still() { # MOST-TURNS WHEN
	local before turn
	count_turns
	before=$((turn + 1))
	sleep 3
	count_turns
	[ $((turn - before)) -le "$1" ] ||
		fail "$((turn - before)) turns in 3 s $2"
	echo "note: $((turn - before)) turns of the loop in 3 s $2"
	checks=$((checks + 1))
}

end_bus() {
	on h sh -c 'kill $(pidof dbus-daemon)'
	until_true 5 no_bus || fail "the bus does not end"
}

no_bus() {
	! on h pidof dbus-daemon
}

no_watch() {
	! running watch
}

# --- what is tried ---

without_a_bus() {
	# As root without CAP_SYS_BOOT, which is what logind asks others for;
	# config/service/aditd.service has less, the clocks' jump needs some.
	launch watch h setpriv --bounding-set -sys_boot /run/lab/logind_watch
	state_is "alone, lets sleep" || fail "not alone"
	watch delay yes
	still 4 "without a bus"
	# Something has the bus's name, and nobody listens.
	on h touch /run/dbus/system_bus_socket
	still 20 "with a socket that nobody has"
	on h rm /run/dbus/system_bus_socket
}

sleep_is_told() {
	bus h
	start_mock h
	mock_says "locked sleep adit delay"
	state_soon "told, delays"
	still 8 "with a bus"
	mock sleep yes
	told sleep
	mock_has_said released && fail "released before it was done"
	watch 'done'
	mock_says released
	state_is "told, lets sleep" || fail "it holds a lock"
	mock sleep no
	told "wake after 0 s"
	mock_says "locked sleep adit delay"
	# Not wanted any more, also in the middle.
	mock sleep yes
	told sleep
	watch delay no
	mock_says released
	mock sleep no
	told "wake after 0 s"
	# Refused, and then not.
	mock refuse yes
	watch delay yes
	mock sleep yes
	told sleep
	watch 'done'
	mock refuse no
	mock sleep no
	told "wake after 0 s"
	mock_says "locked sleep adit delay"
	watch delay no
	mock_says released
}

people_are_told() {
	# Nobody at the machine.
	mock session c1 110 seat0 greeter
	mock active c1
	mock session 2 1000 - user
	mock session 3 0 seat0 background
	mock session 4 1000 seat0 user
	told "login 1000, now 1"
	mock active 4
	mock remove c1
	# A second session, also on another seat, is none of a second user.
	mock session 5 1000 seat0 user
	mock session 6 1000 seat1 user
	mock active 5
	mock remove 4
	mock session 7 1001 seat1 user
	told "login 1001, now 2"
	mock active 7 # on the other seat
	mock active 5
	# The screen is locked by the greeter, and unlocked.
	mock session c2 110 seat0 greeter
	mock active c2
	mock active 5
	# Two of them take turns.
	mock session 8 1001 seat0 user-early
	mock active 8
	told "switch 1000 to 1001"
	mock active 5
	told "switch 1001 to 1000"
	mock active c2
	mock active 8
	told "switch 1000 to 1001"
	# One logs out at another seat, with programs that stay.
	mock remove 5
	mock state 6 closing
	mock remove c2
	told "logout 1000, now 1"
	mock remove 6
	# Who comes after one who has logged out did not switch.
	mock remove 7
	mock remove 8
	told "logout 1001, now 0"
	mock session 9 1000 seat0 user
	told "login 1000, now 1"
	mock active 9
}

# What follows is told before anything that may not be told.
lies_do_no_harm() {
	mock absurd signals
	mock spoof
	mock session 10 1002 seat1 user
	told "login 1002, now 2"
	local what
	for what in list empty session; do
		mock absurd $what
		mock session "x$what" 1003 seat0 user
		mock_says "absurd $what"
		mock absurd no
		mock remove "x$what"
		mock session 11 1004 seat1 user
		told "login 1004, now 3"
		mock remove 11
		told "logout 1004, now 2"
	done
	# More people than there can be: as if it had not been said.
	for what in {1..62}; do
		mock session "m$what" $((2000 + what)) seat1 user
	done
	until_true 5 grep -q "^login 2062, now 64" "$lab/watch.log" ||
		fail "not 64 people"
	for what in {63..70}; do
		mock session "m$what" $((2000 + what)) seat1 user
	done
	for what in {1..70}; do
		mock remove "m$what"
	done
	until_true 5 last_is "logout 20.., now 2" ||
		fail "people stay for ever"
	line=$(wc -l <"$lab/watch.log")
	mock sleep yes
	told sleep
	mock sleep no
	told "wake after 0 s"
}

# A signal that comes from nowhere, or the end of one who should have said it.
logind_starts_again() {
	watch delay yes
	mock_says "locked sleep adit delay"
	mock sleep yes
	told sleep
	stop mock KILL
	told "wake after 0 s"
	state_soon "alone, lets sleep"
	start_mock h
	mock_says "locked sleep adit delay"
	# The new one knows neither.
	told "logout 1000, now 0"
	told "logout 1002, now 0"
	mock session 1 1000 seat0 user
	told "login 1000, now 1"
	mock active 1
	# One that is about to sleep already says so when it is asked.
	stop mock KILL
	start_mock h /run/lab/logind_mock preparing
	told sleep
	told "logout 1000, now 0"
	mock sleep no
	told "wake after 0 s"
	mock_says "locked sleep adit delay"
	stop mock KILL
	state_soon "alone, lets sleep"
}

in_another_network() {
	start_mock h unshare -n /run/lab/logind_mock
	mock sleep yes
	state_is "alone, lets sleep" || fail "a logind of another network"
	mock_has_said "locked .*" && fail "it was asked for a lock"
	stop mock KILL
	start_mock h
	mock_says "locked sleep adit delay"
}

bus_starts_again() {
	end_bus
	stop mock KILL
	state_soon "alone, lets sleep"
	still 8 "after the end of the bus"
	bus h
	start_mock h
	mock_says "locked sleep adit delay"
	state_soon "told, delays"
	mock session 1 1000 seat0 user
	told "login 1000, now 1"
	# One that hangs: nobody waits for it.
	on h sh -c 'kill -STOP $(pidof dbus-daemon)'
	watch delay no
	watch delay yes
	state_is "told, lets sleep" || fail "it waits for a bus that hangs"
	on h sh -c 'kill -CONT $(pidof dbus-daemon)'
	state_soon "told, delays"
}

clock_jumps() {
	watch jump 3600
	until_true 5 has_line || fail "no answer to jump"
	if [ "$(sed -n "$((line + 1))p" "$lab/watch.log")" = "cannot jump" ]; then
		line=$((line + 1))
		echo "note: no time namespaces here: the clocks did not jump"
		return
	fi
	told jumped
	told "wake after 3600 s"
	mock sleep yes
	told sleep
	watch jump 10800
	told jumped
	mock sleep no
	told "wake after 7200 s"
}

# systemd's own logind, with a systemd that only says that it does things.
the_real_one() {
	stop mock KILL
	state_soon "alone, lets sleep"
	start_mock h /run/lab/logind_mock systemd
	# Nobody writes there: that would be systemd's part.
	on h sh -c 'mkdir -p /run/power /run/systemd
		cd /run/systemd && mkdir -p inhibit seats sessions users
		echo mem >/run/power/state; echo "[deep]" >/run/power/mem_sleep
		mount --bind /run/power /sys/power
		for n in 4000 4001 4002; do
			echo "u$n:x:$n:$n::/:/bin/false" >>/etc/passwd
			echo "u$n:x:$n:" >>/etc/group
		done' || fail "no /sys/power"
	start real h /usr/lib/systemd/systemd-logind
	told "logout 1000, now 0"
	state_soon "told, delays"
	real_sleep
	real_people
	stop real KILL
	state_soon "alone, lets sleep"
	echo "note: $(on h /usr/lib/systemd/systemd-logind --version | head -n 1)"
}

real_sleep() {
	on h busctl call $logind ListInhibitors | grep -q '"sleep" "adit"' ||
		fail "the real logind knows of no lock"
	on h busctl call $logind Suspend b false || fail "no suspend"
	told sleep
	mock_has_said "StartUnit suspend.target" && fail "it did not wait for us"
	watch 'done'
	mock_says "StartUnit suspend.target"
	mock finish suspend.target
	told "wake after 0 s"
	state_soon "told, delays"
}

# Text logins without a terminal: such a seat has one session at a time in
# front, and changes it when told.
real_login() { # UID
	local scope leader="sleep 60$1"
	# shellcheck disable=SC2086
	start "leader$1" h $leader
	until_true 5 on h pgrep -fx "$leader" || fail "no leader"
	mock login "$1" "$(on h pgrep -fx "$leader")"
	until_true 5 mock_has_said "StartTransientUnit .*" || fail "no scope"
	scope=$(sed -n 's/^StartTransientUnit //p' "$lab/mock.log" | tail -n 1)
	mock_line=$(wc -l <"$lab/mock.log")
	mock finish "user@$1.service"
	mock finish "$scope"
	mock_says "logged in .*"
}

real_people() {
	real_login 4000
	told "login 4000, now 1"
	# Its programs stay: logind says nothing, and waits for their end.
	mock logout
	told "logout 4000, now 0"
	on h busctl call $logind ListSessions | grep -q 4000 ||
		fail "its programs did not stay"
	real_login 4001
	told "login 4001, now 1"
	on h busctl call $logind ActivateSession s c2 || fail "not in front"
	real_login 4002
	told "login 4002, now 2"
	on h busctl call $logind ActivateSession s c3 || fail "no switch"
	told "switch 4001 to 4002"
	on h busctl call $logind ActivateSession s c2 || fail "no switch back"
	told "switch 4002 to 4001"
}

lab_begin
cp "$lab_root"/build/linux/lab/logind_{watch,mock} "$lab"
unpack_owners
lab_host h
owner_files h resolved
line=0
without_a_bus
sleep_is_told
people_are_told
lies_do_no_harm
logind_starts_again
in_another_network
bus_starts_again
clock_jumps
the_real_one
watch quit
until_true 5 no_watch || fail "it does not end"
stop watch || fail "its end: $?"
has_line && fail "told more: $(tail -n "+$((line + 1))" "$lab/watch.log")"
echo "note: $checks checks"
