#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The machine sleeps, the user logs out, or another one takes the seat: what a
# profile says of that, with the real programs, and a logind that does as it is
# told on a bus of the laptop's own. Rows U of profile.md are in brackets.
set -u
# shellcheck source=tests/netns/lib_demand.sh
. "$(dirname "$0")/lib_demand.sh"
# shellcheck source=tests/netns/lib_owners.sh
. "$(dirname "$0")/lib_owners.sh"
# shellcheck source=tests/netns/lib_logind.sh
. "$(dirname "$0")/lib_logind.sh"

if why=$(owners_cannot); then
	echo "$why"
	exit 77
fi

now_says() { # WHAT EXPRESSION: already
	says "$2" || fail "$1: $(on laptop adit status)"
	checks=$((checks + 1))
}

lock() { # locked | released
	case $1 in
	locked) mock_says "locked sleep adit delay" ;;
	*) mock_says released ;;
	esac
}

# An edit of the profile that takes these keys.
keys() { # KEY=VALUE,...
	echo "p['VendorConfig'].update($1)"
}

has_heard() { # COUNT LINE
	[ "$(grep -c "$2" "$lab/aditd.log")" -gt "$1" ]
}

# What logind does, and when aditd has heard of it.
heard() { # LINE WORD...
	local line=$1 before
	before=$(grep -c "$line" "$lab/aditd.log")
	shift
	mock "$@"
	until_true 10 has_heard "$before" "$line" ||
		fail "aditd does not hear of: $*"
	began=$(now_ms)
}

comes() { # ID UID
	heard "a user has logged in" session "$1" "$2" seat0 user
}

goes() { # ID
	heard "a user has logged out" remove "$1"
}

falls_asleep() {
	heard "about to sleep" sleep yes
}

wakes_up() {
	heard "awake again" sleep no
}

sleep_with_rules() {
	with_rules work "$rules" "$(keys DisconnectOnSleep=True)"
	add_profiles work
	go_to cafe
	until_says "the cafe connects" 's["state"] == "up"'
	lock locked
	start user laptop ping -i 0.1 198.51.100.10
	mock sleep yes
	lock released
	now_says "it is down before the machine sleeps [U11]" \
		's["state"] == "down" and s["want"]["goal"] == "down" and
		s["want"]["because"].startswith("this machine slept")'
	stays "traffic starts nothing [U11]" 's["state"] == "down"'
	go_to home
	go_to cafe
	stays "nor does another network" 's["state"] == "down"'
	starts=$(grep -c 'work: connecting' "$lab/aditd.log")
	wakes_up
	until_says "awake again [U11]" 's["state"] == "up" and
		s["hold"]["state"] == "none"'
	[ "$starts" = 1 ] || fail "it started while asleep"
	stop user INT
	lock locked

	expect 0 disconnect
	lock released # nothing to wait for
	until_says "held down" 's["state"] == "down" and
		s["hold"]["state"] == "held-down"'
	falls_asleep
	wakes_up
	stays "held down after a sleep in this network [U5]" \
		's["state"] == "down" and s["hold"]["state"] == "held-down"'
	expect 0 auto
	until_says "the rules again" 's["state"] == "up"'
	lock locked

	expect 0 connect
	until_says "held up" 's["hold"]["state"] == "held-up"'
	mock sleep yes
	lock released
	now_says "a sleep ends that hold" 's["state"] == "down" and
		s["hold"]["state"] == "none" and s["hold"]["ended"]'
	mock sleep no
	until_says "and the rules decide" 's["state"] == "up"'
	lock locked
}

sleep_without_rules() {
	variant work "$(keys DisconnectOnSleep=True)"
	replace work
	until_says "no rules, nobody asked" 's["rule"]["outcome"] == "off"'
	expect 0 connect --wait
	until_says "the user asked" 's["state"] == "up"'
	falls_asleep
	until_says "down for the sleep" 's["state"] == "down"'
	wakes_up
	stays "no rules: it stays down [U13]" 's["state"] == "down" and
		s["hold"]["state"] == "none"'
}

sleep_of_others() {
	with_rules work "$rules"
	replace work
	until_says "a profile that says nothing of sleep" 's["state"] == "up"'
	falls_asleep
	stays "is kept" 's["state"] == "up"'
	wakes_up
	stays "and kept" 's["state"] == "up"'
}

ends_it() { # WHAT WORD...: once, and it comes up again
	local what=$1 before
	before=$(grep -c 'work: down' "$lab/aditd.log")
	shift
	heard "another user has the seat" "$@"
	until_true 10 has_heard "$before" 'work: down' || fail "not down: $what"
	until_says "$what" 's["state"] == "up" and s["hold"]["state"] == "none"'
}

people() {
	# Nothing is said of them: nothing happens.
	comes 4 1000
	mock active 4
	goes 4
	stays "a logout is none of its business" 's["state"] == "up"'

	with_rules work "$rules" "$(keys DisconnectOnLogout=True)"
	replace work
	comes 5 1000
	mock active 5
	stays "a login ends nothing" 's["state"] == "up"'
	goes 5
	until_says "the user logs out" 's["state"] == "down" and
		s["want"]["because"].startswith("the user went away")'
	stays "and traffic starts nothing" 's["state"] == "down"'
	comes 6 1000
	mock active 6
	until_says "until one logs in" 's["state"] == "up"'
	comes 7 1001
	ends_it "a switch, and then the rules decide for the other [U14]" \
		active 7
	expect 0 connect
	until_says "the user's word" 's["hold"]["state"] == "held-up"'
	ends_it "ends with a switch, too" active 6

	with_rules work "$rules" "$(keys \
		'DisconnectOnLogout=True, DisconnectOnFastUserSwitch=False')"
	replace work
	until_says "a profile that lets users switch" 's["state"] == "up"'
	heard "another user has the seat" active 7
	goes 6
	stays "is kept, also when one behind goes" 's["state"] == "up"'
	goes 7
	until_says "but not when all are gone" 's["state"] == "down"'
	comes 8 1001
	until_says "a login ends it" 's["state"] == "up"'
}

# Without rules nothing would bring it back.
switch_without_rules() {
	variant work "$(keys DisconnectOnLogout=True)"
	replace work
	until_says "no rules" 's["rule"]["outcome"] == "off"'
	expect 0 connect
	until_says "the user asked, again" 's["state"] == "up"'
	mock active 8
	comes 9 1000
	heard "another user has the seat" active 9
	until_says "a switch is a logout, without a word [U14]" \
		's["state"] == "down" and s["hold"]["state"] == "none"'
	stays "and ends it" 's["state"] == "down"'
}

demand_begin dbus-daemon
cp "$lab_root/build/linux/lab/logind_mock" "$lab/" || fail "run make lab"
unpack_owners
owner_files laptop resolved
bus laptop
start_mock laptop
start_gateway
start_aditd
sleep_with_rules
sleep_without_rules
sleep_of_others
people
switch_without_rules
stop aditd TERM || fail "aditd ended with $?"
on laptop sh -c 'ls /var/lib/adit/hold-* 2>/dev/null' && fail "a hold is left"
echo "note: $checks checks"
