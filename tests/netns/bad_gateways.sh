#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Gateways that misbehave, each tried by a client of its own at the same time:
# one that never answers, answers noise, TLS alerts, the client's own bytes,
# datagrams of the greatest length, a flood, an honest first answer and nothing
# more, or a handshake and no lease. None ends an attempt early, none changes
# the host, all the while `adit` is answered, and in the end there is one line
# and the right exit code. Then gateways without a place: not there at all, a
# pool of one address, an identity in use.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

PATIENCE_MS=10000 # of aditd, with a gateway that has one address

# kind: port, exit code, what the client says.
declare -A port=() code=() text=()
rogue() { # KIND PORT CODE REGULAR-EXPRESSION
	port[$1]=$2 code[$1]=$3 text[$1]=$4
}
mute='192.0.2.1:%s: no answer within 10 s \(is the address right'
rogue silent 1001 6 "$mute"
rogue noise 1002 6 "$mute"
rogue alerts 1003 6 '192.0.2.1:%s: .*refused it with TLS alert 40'
rogue echo 1004 6 "$mute"
rogue huge 1005 6 "$mute"
rogue flood 1006 6 "$mute"
rogue first 1007 7 '192.0.2.1:%s: the gateway answered, but the handshake did not end'
rogue absent 443 6 '192.0.2.77:%s: no answer within 10 s \(No route to host\)'
rogue no-lease 1008 7 '192.0.2.1:%s: the gateway let this device in, but sent no'

# "first" and "no-lease" stand before the real gateway, and let one of its
# datagrams through, or everything but data and control records.
be_rogue='
import os, select, socket, sys
at = {int(a.split("=")[1]): a.split("=")[0] for a in sys.argv[1:]}
socks, real, who, passed = {}, {}, {}, {}
for port, kind in at.items():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("192.0.2.1", port))
    socks[s] = kind
    if kind in ("first", "no-lease"):
        real[s] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        real[s].connect(("192.0.2.2", 443))
back = {r: s for s, r in real.items()}
print("on", flush=True)
def alert(token):
    return b"\xa0\0\0\0" + token + b"\x15\xfe\xfd" + bytes(8) + b"\0\x02\x02\x28"
while True:
    for s in select.select(list(socks) + list(back), [], [])[0]:
        if s in back:
            data, to = s.recv(65536), who.get(back[s])
            kind = socks[back[s]]
            passed[kind] = passed.get(kind, 0) + 1
            if kind == "first" and passed[kind] > 1 or data[0] != 0xa0:
                continue
            back[s].sendto(data, to)
            continue
        data, to = s.recvfrom(65536)
        who[s] = to
        kind = socks[s]
        token = data[4:12]
        if kind in ("first", "no-lease"):
            real[s].send(data)
            answers = []
        elif kind == "noise":
            answers = [os.urandom(n) for n in (1, 12, 100, 1200)]
            answers += [bytes([b]) + os.urandom(300) for b in range(160, 168)]
            answers += [b"\xa0\0\0\0" + token + os.urandom(200)]
            answers += [b"\xa0\0\0\0" + token + b"\x16\xfe\xfd" + bytes(8)
                        + b"\0\x40" + os.urandom(64)]
        elif kind == "alerts":
            answers = [alert(token)] * 3
        elif kind == "echo":
            answers = [data]
        elif kind == "huge":
            answers = [b"\xa0\0\0\0" + token + bytes(65495), os.urandom(65507)]
        elif kind == "flood":
            answers = [os.urandom(1200)] * 2000
        else:
            answers = []
        for a in answers:
            s.sendto(a, to)'

programs_begin python3
start_gateway
specs=()
number=20
for kind in "${!port[@]}"; do
	host=192.0.2.1
	if [ "$kind" = absent ]; then
		host=192.0.2.77
	else
		specs+=("$kind=${port[$kind]}")
	fi
	lab_host "$kind"
	lab_cable "$kind" up0 cafe "to-$kind"
	on cafe ip link set "to-$kind" master br0
	lab_address "$kind" up0 192.0.2.$number/24
	number=$((number + 1))
	add_client "$kind"
	on laptop python3 -c 'import json, sys
path = "/run/lab/%s.json" % sys.argv[1]
d = json.load(open(path))
d["Payload"]["HostName"] = sys.argv[3]
d["Payload"]["VendorConfig"].update(Port=int(sys.argv[2]),
    ServerName="vpn.example.com")
json.dump(d, open(path, "w"))' "$kind" "${port[$kind]}" "$host" || fail "no profile"
	lab_snapshot "$kind" >"$lab/$kind.before"
	start "aditd-$kind" "$kind" aditd
done
start rogue cafe python3 -c "$be_rogue" "${specs[@]}"
until_true 5 grep -q on "$lab/rogue.log" || lab_logs=rogue fail "no rogues"

try() { # KIND: in the background
	local began got
	on "$1" adit profile add "/run/lab/$1.json" >"$lab/$1.out" 2>&1 || exit 9
	began=$(now_ms)
	on "$1" adit connect --wait=20 >"$lab/$1.out" 2>"$lab/$1.err"
	got=$?
	echo "$got $(($(now_ms) - began)) $(took_ms "$began")" >"$lab/$1.part"
	mv "$lab/$1.part" "$lab/$1.end"
}
for kind in "${!port[@]}"; do
	until_true 5 on "$kind" adit status || fail "no aditd for $kind"
	try "$kind" 4>&- &
done

ended() {
	[ "$(find "$lab" -maxdepth 1 -name '*.end' | wc -l)" -eq ${#port[@]} ]
}
slowest=0 asked=0
for ((i = 0; i < 400; i++)); do
	ended && break
	for kind in "${!port[@]}"; do
		began=$(now_ms)
		on "$kind" timeout 5 adit status >/dev/null ||
			fail "no status while the gateway is $kind"
		took=$(took_ms "$began")
		slowest=$((took > slowest ? took : slowest))
		asked=$((asked + 1))
	done
	sleep 0.1
done
ended || fail "an attempt does not end: $(ls "$lab"/*.end)"
in_time "$slowest" 1000 || fail "adit status took $slowest ms"

latest=0
for kind in "${!port[@]}"; do
	read -r got waited took <"$lab/$kind.end"
	# shellcheck disable=SC2059 # the port
	wanted=$(printf "${text[$kind]}" "${port[$kind]}")
	[ "$got" -eq "${code[$kind]}" ] && grep -Eq -- "$wanted" "$lab/$kind.err" &&
		[ "$(wc -l <"$lab/$kind.err")" -eq 1 ] ||
		lab_logs=aditd-$kind fail "$kind: $got: $(cat "$lab/$kind.err")"
	[ "$waited" -gt $((PATIENCE_MS - 500)) ] &&
		in_time "$took" $((PATIENCE_MS + 2000)) ||
		lab_logs=aditd-$kind fail "$kind was given up after $took ms"
	latest=$((took > latest ? took : latest))
	on "$kind" adit disconnect >/dev/null || fail "no disconnect: $kind"
	lab_snapshot "$kind" >"$lab/$kind.after"
	diff "$lab/$kind.before" "$lab/$kind.after" >&3 ||
		fail "$kind has changed its client's host"
	stop "aditd-$kind" TERM || fail "aditd ends with $? after $kind"
	checks=$((checks + 1))
done

# A rogue that stops being one: the same aditd gets through.
start_aditd
add_profiles laptop
variant nameless 'p["HostName"] = "vpn.invalid"'
variant taken 'pass'
add_profiles nameless taken
expect 6 connect nameless --wait=12
grep -Eq 'vpn.invalid: ' "$lab/adit.err" ||
	fail "no such name: $(cat "$lab/adit.err")"
expect 0 disconnect

# In use: another device has the same identity.
on silent sh -c 'rm /etc/adit/profiles/*
	echo 192.0.2.2 vpn.example.com >>/etc/hosts'
start aditd-silent silent aditd
until_true 5 on silent adit status || fail "no second aditd"
on silent adit profile add /run/lab/laptop.json >/dev/null &&
	on silent adit connect --wait=5 >/dev/null || fail "the first is not up"
expect 1 connect taken --wait=1
grep -Eq 'this identity is in use from 192.0.2.[0-9]+:.*; try again in [0-9]+ s' \
	"$lab/adit.err" || fail "in use: $(cat "$lab/adit.err")"
on silent adit status | grep -q 'is up' || fail "the first was thrown out"
on silent adit disconnect >/dev/null
expect 0 disconnect

# Full: a pool with one address has no second client, and one that a smaller
# pool has no place for is told so.
stop gateway TERM
on gateway adit-gateway init /etc/full --name vpn.example.com \
	--pool 10.78.0.0/30 --pool6 none >/dev/null || fail "no pool of one"
on gateway adit-gateway add /etc/full one --output /run/lab/one.json \
	>/dev/null || fail "no first client"
on gateway adit-gateway add /etc/full two >"$lab/two.log" 2>&1
got=$?
[ $got -eq 1 ] && [ "$(wc -l <"$lab/two.log")" -eq 1 ] && grep -q \
	'/etc/full: no address is free in the pool; revoke a client' \
	"$lab/two.log" || fail "a full pool: $got, $(cat "$lab/two.log")"
start gateway gateway adit-gateway run /etc/full
add_profiles one
expect 0 connect one --wait=5
expect 0 disconnect
stop gateway TERM
on gateway sed -i 's/"Slot":[^,]*/"Slot": 77/' /etc/full/clients/one.json
start gateway gateway adit-gateway run /etc/full
until_true 5 on gateway sh -c 'ss -Hlun sport = :443 | grep -q .'
expect 1 connect one --wait=1
grep -q "its address is not in the gateway's pool" "$lab/adit.err" ||
	fail "no place in the pool: $(cat "$lab/adit.err")"
grep -q "one: refused, .*its address is not in the gateway's pool" \
	"$lab/gateway.log" || fail "the gateway's log does not say it"
expect 0 disconnect
end_aditd "after bad gateways"
as_before "bad gateways"
echo "note: ${#port[@]} rogues, each given up after $latest ms at most; adit" \
	"status was asked $asked times meanwhile: $slowest ms at most"
