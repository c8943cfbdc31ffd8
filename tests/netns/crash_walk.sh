#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kill -9 of the real aditd: at each change of the host that a connect makes,
# after it was recorded and after it was made; and at 40 moments of a connect,
# wherever they fall: that depends on the machine, and is only told. `aditd --undo` must put the laptop back each time.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

rounds=40

programs_begin
# A killed client's place is kept for a while: one client for each round.
for ((i = 1; i <= rounds; i++)); do
	add_client "c$i"
done
start_gateway
on laptop sh -c 'mkdir /etc/adit/profiles
	cp /run/lab/c*.json /etc/adit/profiles'

# The kills fall into the time that a connect takes here, and a bit after it.
start_aditd
best=1000
for ((i = 1; i <= 3; i++)); do
	began=$(now_ms)
	expect 0 connect c1 --wait=10
	took=$(($(now_ms) - began))
	best=$((took < best ? took : best))
	expect 0 disconnect
done
end_aditd "down"
step_us=$((best * 1000 / rounds))

journals=0 changed=0
for ((i = 1; i <= rounds; i++)); do
	start_aditd
	# In one shell: the answer, then so many microseconds, then the end.
	# shellcheck disable=SC2016
	on laptop bash -c 'pid=$(pgrep -x aditd)
		exec {never}<> <(:)
		adit connect "$1" >/run/lab/adit.out || exit
		read -r -t "$2" -u $never
		kill -9 "$pid"' - "c$i" \
		"$(printf '0.%06d' $((i * step_us)))" ||
		fail "round $i: $(cat "$lab/adit.out")"
	stop aditd KILL
	on laptop test -s /var/lib/adit/undo.journal &&
		journals=$((journals + 1))
	lab_snapshot laptop | diff -q "$lab/laptop.before" - >/dev/null ||
		changed=$((changed + 1))
	on laptop aditd --undo 2>"$lab/undo.log" ||
		fail "aditd --undo in round $i: $(cat "$lab/undo.log")"
	as_before "kill -9 $((i * step_us)) us after connect"
	on laptop test -e /var/lib/adit/undo.journal &&
		fail "a journal is left in round $i"
done
echo "note: $rounds kills within $((rounds * step_us / 1000)) ms of connect:" \
	"$journals left a journal, $changed a changed host; all undone"

# Until a step comes that a connect does not have.
walk() { # recorded | made
	local n
	for ((n = 1; n < 100; n++)); do
		# Nobody holds it up before it is to be killed.
		on laptop sh -c 'rm -f /var/lib/adit/hold-*.json'
		start aditd laptop env "ADIT_FAULT=$1:$n" aditd
		until_true 5 on laptop adit status || fail "aditd does not start"
		on laptop adit connect c1 --wait=5 >"$lab/adit.out" 2>&1
		if running aditd && on laptop adit status >/dev/null 2>&1; then
			end_aditd up
			break
		fi
		stop aditd KILL
		on laptop test -s /var/lib/adit/undo.journal ||
			fail "killed at $1:$n, and there is no journal"
		on laptop aditd --undo 2>"$lab/undo.log" ||
			fail "aditd --undo at $1:$n: $(cat "$lab/undo.log")"
		as_before "kill -9 at $1:$n"
	done
	steps=$((n - 1))
}

walk recorded
recorded=$steps
walk made
[ "$steps" -eq "$recorded" ] || fail "$recorded steps recorded, $steps made"
[ "$steps" -ge 8 ] || fail "only $steps steps: is the fault hook there?"
echo "note: each of $steps steps of a connect, killed before and after it is" \
	"made; all undone"
