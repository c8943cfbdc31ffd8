#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A local user who is rude to the control socket, and then a program of root's
# that is: floods it with connections, holds 200 of them, sends half a line, a
# line of a mebibyte, one byte a second, zeros, JSON nested without end, more
# behind its last answer, a thousand requests at once or one after another
# without a pause, and does not read its answers. All the while root is answered
# within a second, aditd's descriptors stay few, and SIGTERM ends it within a
# second.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lab/measure.sh
. tests/lab/measure.sh
bin=$PWD/build/bin

[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
[ -e /dev/net/tun ] || { echo "needs /dev/net/tun"; exit 77; }
for tool in python3 setpriv ip; do
	command -v $tool >/dev/null || { echo "needs $tool"; exit 77; }
done

ns=adit-rude$$
work=$(mktemp -d)
chmod 755 "$work"
sock=$work/run/adit.sock
daemon='' rude=()
cleanup() {
	clock_end
	for p in $daemon "${rude[@]}"; do
		kill "$p" 2>/dev/null || true
	done
	wait
	ip netns del $ns 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
clock_begin "$work"

fail() {
	echo "FAIL: $*"
	tail -n 30 "$work"/*.log
	exit 1
}


ip netns add $ns

start_daemon() {
	ip netns exec $ns "$bin/aditd" --config-dir "$work/etc" --state-dir \
		"$work/state" --runtime-dir "$work/run" 2>>"$work/aditd.log" &
	daemon=$!
	for ((i = 0; i < 100; i++)); do
		"$bin/adit" --runtime-dir "$work/run" status >/dev/null 2>&1 &&
			return
		sleep 0.05
	done
	fail "aditd does not start"
}

stop_daemon() {
	local began code=0 took
	began=$(now_ms)
	kill -TERM "$daemon"
	wait "$daemon" || code=$?
	took=$(took_ms "$began")
	daemon=
	[ $code = 0 ] || fail "aditd ended with $code"
	in_time "$took" 1000 || fail "aditd took $took ms to end while $1"
	slowest_end=$((took > slowest_end ? took : slowest_end))
}

slowest=0 most=0 slowest_end=0 asked=0 times=
ask() { # WHILE-WHAT
	local began took fds
	began=$(now_ms)
	timeout 5 "$bin/adit" --runtime-dir "$work/run" status \
		>"$work/status" 2>&1 || fail "adit status ended with $?" \
		"while $1: $(cat "$work/status")"
	took=$(took_ms "$began")
	fds=$(find "/proc/$daemon/fd" -mindepth 1 2>/dev/null | wc -l)
	in_time "$took" 1000 || fail "adit status took $took ms while $1"
	[ "$fds" -lt 200 ] || fail "aditd has $fds descriptors while $1"
	slowest=$((took > slowest ? took : slowest))
	worst=$((took > worst ? took : worst))
	most=$((fds > most ? fds : most))
	asked=$((asked + 1))
}

# Python as a user; s() is a new connection, and the first line that it prints
# says that it is at it. Ends by itself. Root comes by the door that is kept for
# it.
be_rude() { # UID PYTHON
	python3 -c '
import os, resource, socket, sys, time
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
def s(blocking=True):
    c = socket.socket(socket.AF_UNIX)
    c.setblocking(blocking)
    c.connect(sys.argv[1])
    return c
def busy(c, data=b""):
    try:
        c.sendall(data)
    except OSError:
        pass
end = time.monotonic() + 8
STATUS = b"{\"version\":1,\"command\":\"status\"}\n"
'"$2" "$([ "$1" = 0 ] && echo "${sock%/*}/kept.sock" || echo "$sock")" "$1" \
		>"$work/rude.out.$((${#rude[@]}))" 2>>"$work/rude.log" &
	rude+=($!)
	for ((j = 0; j < 100; j++)); do
		[ -s "$work/rude.out.$((${#rude[@]} - 1))" ] && return
		sleep 0.05
	done
	fail "nobody is rude: $(cat "$work/rude.log")"
}

calm_down() {
	for p in "${rude[@]}"; do
		kill "$p" 2>/dev/null || true
		wait "$p" 2>/dev/null || true
	done
	rude=()
}

declare -A acts=()
acts[flood]='
n, kept = 0, []
print("on", flush=True)
while time.monotonic() < end:
    try:
        c = s(False)
    except OSError:
        continue
    n += 1
    kept.append(c)
    if len(kept) > 2000:
        kept.pop(0).close()'
acts[idle]='
kept = []
for i in range(200):
    kept.append(s())
print("on", flush=True)
time.sleep(8)'
acts[half]='
kept = []
for i in range(4):
    kept.append(s())
    busy(kept[-1], STATUS[:9])
print("on", flush=True)
kept[0].settimeout(15)
began = time.monotonic()
kept[0].recv(1)
print("cut off after %.1f s" % (time.monotonic() - began), flush=True)'
acts[long]='
print("on", flush=True)
while time.monotonic() < end:
    busy(s(), b" " * (1 << 20))'
acts[many]='
print("on", flush=True)
while time.monotonic() < end:
    busy(s(), STATUS * 1000)'
acts[deaf]='
kept = []
print("on", flush=True)
while time.monotonic() < end:
    c = s()
    c.settimeout(0.5)
    busy(c, STATUS * 20000)
    kept.append(c)'

acts[drip]='
kept = [s() for i in range(3)]
print("on", flush=True)
for i in range(8):
    for c in kept:
        busy(c, STATUS[i:i+1])
    time.sleep(1)'
acts[zeros]='
print("on", flush=True)
while time.monotonic() < end:
    busy(s(), STATUS[:-2] + b"\0}\n" + b"\0" * 100000 + b"\n")'
acts[deep]='
print("on", flush=True)
while time.monotonic() < end:
    busy(s(), STATUS[:-2] + b",\"x\":" + b"[" * 60000 + b"\n")
    busy(s(), STATUS[:-2] + b",\"x\":" + b"{\"a\":" * 10000 + b"\n")'
acts[behind]='
print("on", flush=True)
while time.monotonic() < end:
    c = s()
    c.settimeout(1)
    try:
        c.sendall(STATUS)
        c.recv(65536)
    except OSError:
        pass
    busy(c, b"and another thing" * 5000)'
acts[eager]='
c = s()
c.settimeout(0.001)
print("on", flush=True)
while time.monotonic() < end:
    try:
        c.sendall(STATUS)
        c.recv(65536)
    except TimeoutError:
        pass
    except OSError:
        c = s()
        c.settimeout(0.001)'

# One after another, as this user.
each_act() { # UID
	for what in idle half long many deaf drip zeros deep behind eager flood; do
		worst=0
		be_rude "$1" "${acts[$what]}"
		for ((i = 0; i < 10; i++)); do
			ask "user $1: $what"
		done
		if [ "$1 $what" = "65534 half" ]; then
			wait "${rude[0]}" ||
				fail "half a line: $(cat "$work/rude.log")"
			grep -q 'cut off after [1-6]\.' "$work/rude.out.0" ||
				fail "half a line: $(cat "$work/rude.out.0")"
		fi
		calm_down
		times="$times $what $worst"
	done
}

start_daemon
each_act 65534
echo "note: root's status while a user is rude, ms at most:$times"
times=
each_act 0
echo "note: the same while root is:$times"

# All at once, and several who flood; then the end in the middle of it.
for what in flood flood flood idle long many deaf drip zeros deep eager; do
	be_rude 65534 "${acts[$what]}"
done
worst=0
for ((i = 0; i < 20; i++)); do
	ask "all of it"
done
ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
before=$(ticks)
sleep 1
cpu=$(($(ticks) - before))
stop_daemon "all of it"
calm_down
for path in "$work"/run/*; do
	[ ! -e "$path" ] || fail "aditd left $path"
done

# And it is as ever for a stranger who asks in good manners.
start_daemon
setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/adit" --runtime-dir \
	"$work/run" status >"$work/status" 2>&1 ||
	fail "a stranger's status: $(cat "$work/status")"
stop_daemon "idle"
echo "note: root asked $asked times: $slowest ms at most; aditd had $most" \
	"descriptors at most, used $cpu % of a core, and ended in $slowest_end ms"
