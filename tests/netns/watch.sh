#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Those who follow: adit status --watch, adit log -f and adit reload. What they
# print of a connect and a disconnect, who may, how many may, what becomes of
# them when they do not read, and when aditd ends and comes back.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

log_has() { # LABEL PATTERN: in what it has printed so far
	grep -q "$2" "$lab/$1.log"
}
shows() { # SECONDS LABEL PATTERN
	until_true "$1" log_has "$2" "$3" ||
		fail "$2 does not show \"$3\": $(cat "$lab/$2.log")"
	checks=$((checks + 1))
}
# Somebody who may do nothing.
stranger=(setpriv --reuid 65534 --regid 65534 --clear-groups)

programs_begin python3 setpriv
start_gateway
expect 3 status --watch
expect 3 log -f
expect 3 reload
start_aditd
expect 0 reload
grep -qx '0 profiles, 0 refused' "$lab/adit.out" || fail "$(cat "$lab/adit.out")"
add_profiles laptop

# A connect and a disconnect, for a person and for a program.
start person laptop adit status --watch
start program laptop "${stranger[@]}" adit status --watch --json
start follower laptop adit log -f
shows 5 person 'the tunnel is down$'
shows 5 program '"state":"down"'
shows 5 follower ' info    profile laptop$'
began=$(now_ms)
expect 0 connect laptop --wait=10
shows 5 person 'laptop is up, was connecting (host changed)$'
echo "note: a watcher saw a connect $(($(now_ms) - began)) ms after its begin"
expect 0 disconnect
shows 5 person 'laptop is down, was up (asked down): '
shows 5 program '"state":"down","was":"up"'
shows 5 follower ' notice  laptop: up, was connecting'
shows 5 follower ' notice  disconnect laptop$'
[ "$(sed 's/.* is \([a-z]*\).*/\1/' "$lab/person.log" | xargs)" = \
	"down connecting up down" ] || fail "$(cat "$lab/person.log")"
grep -Evq '^20[0-9-]{8} [0-9:]{8}\.[0-9]{3} (laptop|the tunnel) is ' \
	"$lab/person.log" && fail "a line has no time: $(cat "$lab/person.log")"
python3 -c '
import json, sys, time
rows = [json.loads(line) for line in sys.stdin]
assert [r["state"] for r in rows] == ["down", "connecting", "up", "down"], rows
assert [r.get("was") for r in rows] == [None, "down", "connecting", "up"], rows
at = [r["at_ms"] / 1000 for r in rows]
assert at == sorted(at) and abs(time.time() - at[-1]) < 30, at
assert rows[-1]["reason"] == "user" and all(r["version"] == 1 for r in rows)
' <"$lab/program.log" || fail "--json: $(cat "$lab/program.log")"
checks=$((checks + 2))

# Whoever follows into a pipe ends with its reader, not at the next line.
piped() { # ARGUMENTS...
	on laptop timeout 5 bash -c '"$@" | head -n 1 >/run/lab/head
		[ "${PIPESTATUS[0]}" = 1 ]' - "$@" && [ -s "$lab/head" ] ||
		fail "$* | head -n 1 does not end: $(cat "$lab/head")"
	checks=$((checks + 1))
}
for ((i = 0; i < 10; i++)); do # more than there are places
	piped adit status --watch
done
piped adit log -f

# The reason of a failure, in words.
on laptop ip link set up0 down
expect 6 connect laptop --wait=5
shows 5 person 'laptop has failed, was connecting (.*): the gateway.*; '
expect 0 disconnect
link_back

# reload: what changed, and what is refused.
on laptop sh -c 'echo {} >/etc/adit/profiles/bad.json
	sleep 1; adit reload >/run/lab/reload 2>/run/lab/reload.err'
[ $? = 2 ] && grep -qx '2 profiles, 1 refused' "$lab/reload" &&
	grep -q '^/etc/adit/profiles/bad.json:1:1: ' "$lab/reload.err" &&
	[ "$(wc -l <"$lab/reload.err")" = 1 ] ||
	fail "reload: $(cat "$lab/reload" "$lab/reload.err")"
on laptop sh -c 'rm /etc/adit/profiles/bad.json
	cp -p /etc/adit/profiles/laptop.json /etc/adit/profiles/other.json'
expect 0 reload
grep -qx 'removed: bad' "$lab/adit.out" &&
	grep -qx 'added: other' "$lab/adit.out" &&
	grep -qx '2 profiles, 0 refused' "$lab/adit.out" ||
	fail "reload: $(cat "$lab/adit.out")"
on laptop rm /etc/adit/profiles/other.json

# Who may read the log: root and the group.
on laptop "${stranger[@]}" adit log >"$lab/out" 2>"$lab/err"
[ $? = 4 ] && [ "$(wc -l <"$lab/err")" = 1 ] && [ ! -s "$lab/out" ] &&
	grep -q 'usermod -aG adit' "$lab/err" ||
	fail "a stranger's log: $(cat "$lab/out" "$lab/err")"
on laptop "${stranger[@]}" adit reload 2>"$lab/err"
[ $? = 4 ] || fail "a stranger's reload: $(cat "$lab/err")"
expect 0 log
cut -c 25- "$lab/adit.out" | grep -q '^notice  aditd .* is ready' ||
	fail "adit log: $(cat "$lab/adit.out")"
log_lines=$(wc -l <"$lab/adit.out")
stop program KILL

# Forty watchers of one user: two have a place, the others are told, and there
# is place for everybody who only asks.
for ((i = 0; i < 40; i++)); do
	start "crowd$i" laptop "${stranger[@]}" adit status --watch
done
slowest=0
for ((i = 0; i < 20; i++)); do
	began=$(now_ms)
	expect 0 status
	took=$(took_ms "$began")
	slowest=$((took > slowest ? took : slowest))
done
in_time "$slowest" 1000 || fail "root's status took $slowest ms in the crowd"
told() { [ "$(cat "$lab"/crowd*.log | grep -c "$1")" = "$2" ]; }
until_true 10 told 'as many follow already\|busy with other' 38 ||
	fail "the crowd: $(sort "$lab"/crowd*.log | uniq -c)"
told ' is down' 2 || fail "not two have a place: $(cat "$lab"/crowd*.log)"
on laptop "${stranger[@]}" adit status >"$lab/out" 2>&1 ||
	fail "the crowd's own status: $(cat "$lab/out")"
expect 0 log
for ((i = 0; i < 40; i++)); do
	stop "crowd$i" KILL
done
checks=$((checks + 3))

rm "$lab"/crowd*.log

# Eight of root's watchers leave place for root, too.
for ((i = 0; i < 12; i++)); do
	start "crowd$i" laptop adit status --watch
done
until_true 5 told 'as many follow already' 6 ||
	fail "root's crowd: $(cat "$lab"/crowd*.log)"
expect 0 status
expect 0 connect laptop --wait=10
expect 0 disconnect
for ((i = 0; i < 12; i++)); do
	stop "crowd$i" KILL
done

# One that stops reading costs nothing; when it reads again it is told what it
# missed, and the others missed nothing.
resident() { awk '/VmRSS/ { print $2 }' "/proc/$(program_pid aditd)/status"; }
start slow laptop python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect("/run/adit/adit.sock")
s.sendall(b"{\"version\":1,\"command\":\"log\",\"follow\":true}\n")
print(s.recv(100)[:1], flush=True)
sys.stdin = open("/run/lab/go")   # a FIFO: until the test says so
sys.stdin.read()
s.settimeout(5)
try:
    while True:
        sys.stdout.write(s.recv(65536).decode())
except socket.timeout:
    pass'
mkfifo "$lab/go"
shows 5 slow '{'
before=$(resident)
# Each bad name in the folder is two lines when it is asked for.
on laptop sh -c 'i=0; while [ $i -lt 1500 ]; do
	printf "%s" "{\"version\":1,\"command\":\"reload\"}
"; i=$((i + 1)); done >/run/lab/reloads'
for ((i = 0; i < 3; i++)); do
	on laptop python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/run/adit/adit.sock")
f = s.makefile("rw")
for line in open("/run/lab/reloads"):
    f.write(line)
    f.flush()
    f.readline()' || fail "reload does not answer beside a slow follower"
done
grew=$(($(resident) - before))
[ $grew -lt 1024 ] || fail "a slow follower costs $grew KiB"
: >"$lab/go"
stop slow 0
missed=$(grep -o '"missed":[1-9][0-9]*' "$lab/slow.log" | head -n 1 | cut -d: -f2)
[ "${missed:-0}" -gt 0 ] || fail "the slow one was not told what it missed"
has_4500() {
	[ "$(grep -c 'reading the profiles again' "$lab/follower.log")" -ge 4500 ]
}
until_true 5 has_4500 || fail "the other one got not all of 4500 lines"
! log_has follower 'before this are lost' || fail "the other one lost lines"
checks=$((checks + 4))

# aditd ends and comes back: a line each, and on it goes.
stop aditd TERM
shows 5 person 'aditd hung up; waiting'
start_aditd
shows 5 person 'aditd is back'
shows 5 follower 'aditd is back'
expect 0 connect laptop --wait=10
shows 5 person 'laptop is up, was connecting (host changed)$'
shows 5 follower 'laptop: up, was connecting'
# A crash is no other thing.
signal aditd KILL
wait "${lab_job[aditd]}" 2>/dev/null
start_aditd
until_true 3 eval '[ "$(grep -c "aditd is back" "$lab/person.log")" = 2 ]' ||
	fail "after a crash: $(cat "$lab/person.log")"
end_aditd "with followers"
# For good: both end by themselves, with 3.
for label in person follower; do
	began=$(now_ms)
	wait "${lab_job[$label]}"
	[ $? = 3 ] || fail "$label ended with another code than 3"
	log_has $label 'did not come back in 10 s' || fail "$label does not say why"
done
echo "note: in a crowd of 40 watchers root's status took $slowest ms at most;" \
	"adit log had $log_lines lines; a slow follower missed $missed lines" \
	"and cost $grew KiB; $checks checks"
