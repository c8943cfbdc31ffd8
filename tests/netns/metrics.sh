#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How a gateway is: /metrics on a loopback port and `adit-gateway status`,
# without a gateway, with 0, 1 and 2 clients, after hostile datagrams of each
# sort, and while rude callers hold both sockets.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

port=127.0.0.1:9464

start_with_metrics() {
	rm -f "$lab/gateway.log" # an earlier run's
	start gateway gateway adit-gateway run /etc/gw --metrics $port
	until_true 5 grep -q "metrics on $port\$" "$lab/gateway.log" ||
		fail "the gateway does not start"
}

get() { # TARGET [CURL-OPTION...]
	local target=$1
	shift
	on gateway curl -s --noproxy '*' --max-time 5 "$@" "http://$port$target"
}

metric() { # NAME, or NAME{LABELS}
	get /metrics | grep -F "adit_gateway_$1 " | grep -v "^#" | sed 's/.* //'
}

metric_is() { # NAME NUMBER
	[ "$(metric "$1")" = "$2" ]
}

metric_is_up() { # NAME
	[ "$(metric "$1")" -gt 0 ]
}

counts() { # NAME NUMBER
	until_true 2 metric_is "$1" "$2" ||
		fail "$1 is $(metric "$1"), not $2"
	checks=$((checks + 1))
}

status() { # CODE ARGUMENTS...: $lab/status
	local code=$1 got
	shift
	on gateway timeout 10 adit-gateway status /etc/gw "$@" \
		>"$lab/status" 2>&1
	got=$?
	[ $got -eq "$code" ] || fail "status $* ended with $got, not $code:" \
		"$(cat "$lab/status")"
	checks=$((checks + 1))
}

status_says() { # TEXT...
	local text
	status 0
	for text in "$@"; do
		grep -q -- "$text" "$lab/status" ||
			fail "status does not say \"$text\": $(cat "$lab/status")"
	done
}

# An expression of Python about d, the status.
json_says() { # EXPRESSION
	status 0 --json
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
if not eval("(" + sys.argv[2] + ")"): sys.exit(1)' "$lab/status" "$1" ||
		fail "not so in the status: $1: $(cat "$lab/status")"
}

# run OPTION... must end at once, with this code and this text.
refuses() { # CODE TEXT DIR OPTION...
	local code=$1 text=$2 got
	shift 2
	on gateway timeout 10 adit-gateway run "$@" >"$lab/refused" 2>&1
	got=$?
	[ $got -eq "$code" ] && grep -q -- "$text" "$lab/refused" ||
		fail "run $* ended with $got: $(cat "$lab/refused")"
	checks=$((checks + 1))
}

is_where_it_may_be() {
	local long
	refuses 2 "must be a loopback address" /etc/gw --metrics 192.0.2.2:9464
	refuses 2 "must be a loopback address" /etc/gw --metrics "[::]:9464"
	start squatter gateway python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 9464)); s.listen(); time.sleep(60)'
	until_true 5 on gateway sh -c 'ss -Hltn sport = :9464 | grep -q .'
	refuses 1 "another program has this TCP port" /etc/gw --metrics $port
	stop squatter KILL
	long=/etc/$(printf 'x%.0s' {1..110})
	on gateway cp -r /etc/gw "$long"
	refuses 1 "107 bytes at most" "$long"
	on gateway adit-gateway status "$long" >"$lab/refused" 2>&1
	[ $? -eq 1 ] && grep -q "107 bytes at most" "$lab/refused" ||
		fail "status of a long path: $(cat "$lab/refused")"
	on gateway rm -r "$long"
}

answers_http() {
	local n
	[ "$(get /metrics -o /dev/null -w '%{http_code} %{content_type}')" = \
		"200 text/plain; version=0.0.4; charset=utf-8" ] ||
		fail "GET /metrics"
	n=$(get /metrics -I | tr -d '\r' | sed -n 's/^Content-Length: //p')
	[ "${n:-0}" -gt 5000 ] || fail "HEAD /metrics: $n bytes"
	[ "$(get / -o /dev/null -w '%{http_code}')" = 404 ] || fail "GET /"
	[ "$(get /status -o /dev/null -w '%{http_code}')" = 404 ] ||
		fail "the status is on the port"
	[ "$(get /metrics -X POST -d x -o /dev/null -w '%{http_code}')" = 405 ] ||
		fail "POST /metrics"
	[ "$(get /metrics -H "X: $(printf 'x%.0s' {1..5000})" -o /dev/null \
		-w '%{http_code}')" = 431 ] || fail "5000 bytes of header"
	[ "$(on gateway stat -c %a /etc/gw/state/gateway.sock)" = 600 ] ||
		fail "others may open the status socket"
	checks=$((checks + 7))
}

clients_are_seen() {
	json_says 'd["version"] == 1 and d["sessions"] == [] and
		d["clients"] == {"connected": 0, "valid": 2, "known": 2}'
	counts 'clients{state="valid"}' 2
	counts sessions 0
	expect 0 connect laptop --wait
	reaches 198.51.100.10
	counts sessions 1
	counts handshakes_completed_total 1
	counts cookies_sent_total 1
	status_says "1 connected, 2 may come in, 2 on the list" \
		"^laptop  10.77.0.2 fd77:ad17::2 from 192.0.2.10:" \
		"up for . s, heard . s ago; .* in, .* out; X25519MLKEM768, "
	on cafe adit connect --wait >/dev/null || fail "no phone"
	counts sessions 2
	json_says '[s["name"] for s in d["sessions"]] == ["laptop", "phone"]'
	json_says 'd["sessions"][0]["addresses"] == ["10.77.0.2", "fd77:ad17::2"]
		and d["sessions"][0]["rx_packets"] >= 3
		and 0 <= d["now"] - d["sessions"][0]["heard"] < 10
		and d["counters"]["rx_bytes"] == sum(s["rx_bytes"] for s in d["sessions"])'
	on cafe adit disconnect >/dev/null
	until_true 5 metric_is sessions 1
	counts sessions 1
	counts sessions_ended_total 1
}

# Each of these datagrams has its own counter, and moves no other.
hostile_datagrams_are_counted() {
	on cafe python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def send(data): s.sendto(data, ("192.0.2.2", 443))
def envelope(padding, rest): return b"\xa0\0" + padding.to_bytes(2, "big") + b"tokentok" + rest
send(b"\xa1\0" + bytes(20))                 # data, short
send(b"\xa1\xff" + bytes(20))               # control, short
send(b"GET / HTTP/1.1\r\n\r\n")             # unknown first byte
send(b"\xa1\0\0\0\0\1\0\1" + bytes(40))     # data of no session
send(b"\xa1\xff\0\0\0\1\0\1" + bytes(40))   # control of none
send(b"\xa1\x40" + bytes(46))               # no lane at all
send(envelope(0, bytes(1300)))              # oversized
send(envelope(400, bytes(300)))             # padding beyond the end
send(envelope(0, bytes(100)))               # not padded
send(envelope(0, bytes(300)))               # no hello
'
	after_is 'data",cause="short' 1
	after_is 'control",cause="short' 1
	after_is 'control",cause="unknown_first_byte' 1
	after_is 'data",cause="unknown_session' 1
	after_is 'control",cause="unknown_session' 1
	after_is 'control",cause="wrong_lane' 1
	after_is 'handshake",cause="oversized' 1
	after_is 'handshake",cause="bad_padding' 1
	after_is 'handshake",cause="not_padded' 1
	after_is 'handshake",cause="no_hello' 1
	[ "$(get /metrics | grep -c 'datagrams_dropped_total{.* [1-9]')" = 10 ] ||
		fail "other causes were counted: $(get /metrics | grep dropped)"
	status_says "1 data short, " "1 handshake no_hello"
}

after_is() { # LABELS NUMBER
	counts "datagrams_dropped_total{kind=\"$1\"}" "$2"
}

foreign_sources_are_counted() {
	local dev
	dev=$(on laptop sh -c 'ip -o link | grep -o "adit[0-9]*" | head -n 1')
	on laptop ip addr add 10.77.9.9/32 dev "$dev"
	on laptop ping -q -c 3 -i 0.05 -W 1 -I 10.77.9.9 198.51.100.10 \
		>"$lab/reach" 2>&1
	on laptop ip addr del 10.77.9.9/32 dev "$dev"
	counts 'packets_dropped_total{direction="rx",cause="foreign_source"}' 3
}

refusals_are_counted() {
	on gateway adit-gateway revoke /etc/gw phone >/dev/null
	counts 'clients{state="valid"}' 1
	on cafe adit connect --wait >/dev/null 2>&1
	[ $? -eq 5 ] || fail "the phone was revoked"
	counts 'refusals_total{cause="revoked"}' 1
	on gateway sh -c 'echo x >/etc/gw/clients/broken.json'
	until_true 3 metric_is_up reload_errors_total ||
		fail "the broken file is not counted"
	status_says "problem.*broken.json"
	on gateway rm /etc/gw/clients/broken.json
}

# be_rude LABEL PYTHON: s(...) is a new connection. Ends by itself.
be_rude() {
	start "$1" gateway python3 -u -c '
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
def tcp():
    c = socket.create_connection(("127.0.0.1", 9464))
    return c
def unix():
    c = socket.socket(socket.AF_UNIX)
    c.connect("/etc/gw/state/gateway.sock")
    return c
def answer(c):
    data = b""
    while True:
        try:
            more = c.recv(65536)
        except OSError:
            return data
        if not more:
            return data
        data += more
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
'"$2"
}

rude_callers_wear_off() {
	local began took fds
	# Half a line is answered when its time is over, and not before.
	be_rude half 'c = tcp(); c.sendall(b"GET /met"); t = time.monotonic()
a = answer(c); print(a[9:12].decode(), 1.8 < time.monotonic() - t < 8)'
	until_true 10 grep -q "^408 True" "$lab/half.log" ||
		fail "half a line: $(cat "$lab/half.log")"
	# 200 at once, on both sockets, that say nothing or do not read.
	be_rude flood 'held = []
for i in range(100):
    for make in (tcp, unix):
        c = make()
        if i % 2:
            try: c.sendall(GET)
            except OSError: pass
        held.append(c)
print("at it")
time.sleep(6)'
	until_true 5 grep -q "at it" "$lab/flood.log" ||
		fail "nobody is rude: $(cat "$lab/flood.log")"
	began=$(now_ms)
	status_says "1 connected"
	took=$(took_ms "$began")
	in_time "$took" 4000 || fail "status took $took ms among 200 rude callers"
	fds=$(on gateway sh -c 'find /proc/$(pgrep -x adit-gateway)/fd \
		-mindepth 1 | wc -l')
	[ "$fds" -lt 60 ] || fail "$fds descriptors"
	counts sessions 1
	reaches 198.51.100.10
	echo "note: among 200 rude callers status took $took ms;" \
		"$fds descriptors"
	stop flood KILL
	stop half KILL
}

programs_begin python3 curl
add_client phone
status 3
grep -q "no gateway runs here" "$lab/status" || fail "$(cat "$lab/status")"
on gateway adit-gateway status /etc/nowhere 2>"$lab/status"
[ $? = 1 ] && grep -q "/etc/nowhere: No such file or directory; adit-gateway init makes it$" "$lab/status" || fail "$(cat "$lab/status")"
on gateway adit-gateway run /etc/gw --metrics 127.0.0.1:9 --metrics=[::1]:9 \
	2>"$lab/status"
[ $? = 2 ] && grep -q -- "--metrics is given twice" "$lab/status" ||
	fail "$(cat "$lab/status")"
is_where_it_may_be
start_with_metrics
start_aditd
add_profiles laptop
on cafe sh -c 'echo 192.0.2.2 vpn.example.com >>/etc/hosts'
start phone cafe aditd
until_true 5 on cafe adit status &&
	on cafe adit profile add /run/lab/phone.json >/dev/null ||
	fail "no phone"
answers_http
hostile_datagrams_are_counted
clients_are_seen
foreign_sources_are_counted
refusals_are_counted
rude_callers_wear_off
# kill -9 leaves the socket, and nobody answers there.
stop gateway KILL
status 3
start_with_metrics
status 0
stop gateway TERM
status 3
on gateway test ! -e /etc/gw/state/gateway.sock || fail "the socket is left"
echo "note: $checks checks of metrics and status"
