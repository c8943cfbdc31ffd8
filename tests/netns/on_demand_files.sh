#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The files behind the user's hold, when something is wrong with them, with the
# real programs: a state folder that is full, a hold that is damaged, and a
# profile that is written while it is used.
set -u
# shellcheck source=tests/netns/lib_demand.sh
. "$(dirname "$0")/lib_demand.sh"

state=/var/lib/adit
hold=$state/hold-work.json
connects=300

fill() {
	# It ends when there is no room.
	on laptop sh -c "cat /dev/zero >$state/fill" 2>/dev/null
}

printed() { # REGEX
	grep -qE -- "$1" "$lab/adit.out" ||
		fail "\"$1\" is not in: $(cat "$lab/adit.out")"
	checks=$((checks + 1))
}

unwritten='any("its hold cannot be written" in p and "full" in p
	for p in s["problems"])'
unread='any("its hold cannot be read, and counts as none" in p
	for p in s["problems"])'

# While the tunnel is down: its end would make room.
a_full_disk() {
	go_to home
	until_says "home disconnects" 's["rule"]["index"] == 0 and
		s["state"] == "down"'
	fill
	expect 0 disconnect
	printed 'cannot be written, and ends with aditd.*full'
	stays "a hold that is not written is one" 's["state"] == "down" and
		s["hold"]["state"] == "held-down" and '"$unwritten"
	on laptop test ! -e $hold || fail "a hold is written on a full disk"
	restart KILL
	until_says "and ends with aditd" 's["rule"]["index"] == 0 and
		s["hold"]["state"] == "none" and not s["problems"]'
	expect 0 connect
	printed 'cannot be written, and ends with aditd.*full'
	until_says "nor is one that holds it up" 's["want"]["goal"] == "up" and
		s["hold"]["state"] == "held-up" and '"$unwritten"
	expect 0 disconnect
	printed 'cannot be written'
	on laptop rm $state/fill
	go_to nowhere
	go_to home
	until_says "there is room, and nothing to say of it" \
		's["hold"]["state"] == "held-down" and not s["problems"]'
	on laptop test -s $hold || fail "the hold is not written"
	# The one before goes, and what takes its room is not said here.
	fill
	expect 0 connect
	restart KILL
	until_says "nothing comes back as its opposite" \
		's["rule"]["index"] == 0 and
		s["hold"]["state"] in ("held-up", "none")'
	on laptop rm $state/fill
	expect 0 connect
	until_says "with room all is well" 's["state"] == "up" and
		s["hold"]["state"] == "held-up" and not s["problems"]'
}

damage() { # WHAT
	case $1 in
	empty) on laptop sh -c ": >$hold" ;;
	half) on laptop truncate -s 100 $hold ;;
	other) on laptop sh -c "echo '{\"version\": 1}' >$hold" ;;
	esac || fail "no damage"
}

damaged_holds() {
	local what
	for what in empty half other; do
		expect 0 connect
		until_says "held up, for now" 's["state"] == "up" and
			s["hold"]["state"] == "held-up" and not s["problems"]'
		stop aditd KILL
		damage $what
		start_aditd
		began=$(now_ms)
		until_says "a hold that is damaged ($what) is none" \
			's["hold"]["state"] == "none" and s["state"] == "down" and
			s["rule"]["index"] == 0 and '"$unread"
	done
	expect 0 auto
	expect 0 connect
	until_says "the next word is one" 's["state"] == "up" and
		s["hold"]["state"] == "held-up" and not s["problems"]'
}

# In place, so that it is seen empty and in parts.
write_on_and_on() {
	cp "$lab/work.json" "$lab/one.json"
	with_rules work "$rules" 'p["VendorConfig"]["ReconnectAfter"] = 60'
	start writer laptop sh -c '
		while [ ! -e /run/lab/enough ]; do
			cat /run/lab/one.json >/etc/adit/profiles/work.json
			cat /run/lab/work.json >/etc/adit/profiles/work.json
			echo written
		done'
	until_true 5 grep -q written "$lab/writer.log" || fail "no writer"
}

a_profile_that_moves() {
	local before
	before=$(program_pid aditd)
	write_on_and_on
	on laptop sh -c 'n=0
		while [ $((n += 1)) -le '$connects' ]; do
			timeout 30 adit connect work 2>&1
			echo "ended with $?"
		done' >"$lab/connects"
	: >"$lab/enough"
	stop writer
	began=$(now_ms)
	[ "$(program_pid aditd)" = "$before" ] || fail "aditd ended"
	[ "$(grep -c '^ended with' "$lab/connects")" = $connects ] ||
		fail "not $connects connects"
	! grep -vqx 'ended with [012]' <(grep '^ended' "$lab/connects") ||
		fail "$(grep '^ended' "$lab/connects" | sort | uniq -c)"
	echo "note: $(grep -cx 'ended with 0' "$lab/connects") of $connects" \
		"connects, $(grep -c written "$lab/writer.log") files written"
	until_says "the file is whole, and used" 'not s["problems"]'
	expect 0 connect
	until_says "and it is up" 's["state"] == "up" and
		s["hold"]["state"] == "held-up"'
}

demand_begin
on laptop sh -c "mkdir -p -m 0700 $state &&
	mount -t tmpfs -o size=256k,mode=0700 tmpfs $state" ||
	fail "no small folder"
start_gateway
start_aditd
with_rules work "$rules"
add_profiles work
a_full_disk
damaged_holds
a_profile_that_moves
stop aditd TERM || fail "aditd ended with $?"
echo "note: $checks checks"
