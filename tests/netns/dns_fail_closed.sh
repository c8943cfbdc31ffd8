#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# As long as the tunnel is wanted, no question about a name of a match domain
# is on the uplink's wire, whatever becomes of the tunnel; and questions about
# other names are answered as before. A capture at the cafe's end of the wire
# is the judge.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example)
asks=0

dns_cannot kdig tcpdump
programs_begin
cp "$lab_root/tests/lab/dns_client.py" "$lab/"
# So libc asks for each name with the network's own domain first, and last.
on laptop sh -c 'printf "search lan.example\noptions ndots:5\n" >>/etc/resolv.conf'
lab_snapshot laptop >"$lab/laptop.before"
for kind in "" -lease; do # whose the match domain is
	case $kind in
	"") edit='p["DNS"] = {"Protocol": "Cleartext",
		"ServerAddresses": ["198.51.100.10"],
		"SupplementalMatchDomains": ["corp.example"]}' ;;
	*) edit='' ;;
	esac
	variant "good$kind" "pass; $edit"
	variant "refused$kind" 'p["VendorConfig"]["ServerName"] = "vpn.example.net"
'"$edit"
done
start_answerers
rule outer "corp.example.lan.example 203.0.113.66" # that means no good
start_aditd
add_profiles good refused good-lease refused-lease
start_capture
cp "$lab/laptop.before" "$lab/laptop.first"

ask() { # NAME: $lab/answer
	on laptop kdig +time=2 +retry=0 +edns "$@" >"$lab/answer" 2>&1
	asks=$((asks + 1))
}

# Each form of a name of ours, and what it says.
fails_closed() { # WHILE-WHAT REASON
	local name
	for name in www.corp.example corp.example WWW.Corp.Example a.b.corp.example \
		wiki; do
		ask $name
		grep -q 'status: SERVFAIL' "$lab/answer" &&
			grep -q "EDE: 14 .*$2" "$lab/answer" ||
			fail "$name while $1: $(cat "$lab/answer")"
		ask +tcp $name -t AAAA
		grep -q 'status: SERVFAIL' "$lab/answer" ||
			fail "$name by TCP while $1: $(cat "$lab/answer")"
		checks=$((checks + 2))
	done
	! on laptop getent ahosts www.corp.example >"$lab/answer" ||
		fail "getent while $1: $(cat "$lab/answer")"
	nothing_leaked "$1"
}

outside_flows() { # WHILE-WHAT
	on laptop python3 /run/lab/dns_client.py many 100 outside.example \
		>"$lab/many"
	grep -q '^100 answered' "$lab/many" ||
		fail "outside names while $1: $(cat "$lab/many")"
	echo "note: outside names while $1: $(cat "$lab/many")"
}

is_public() { # AFTER-WHAT
	cmp -s <(on laptop cat /etc/resolv.conf) "$lab/resolv.before" ||
		fail "resolv.conf after $1: $(on laptop cat /etc/resolv.conf)"
	ask www.corp.example
	grep -q "$outer4" "$lab/answer" ||
		fail "no public answer after $1: $(cat "$lab/answer")"
	# The same capture sees what it must not see before.
	wire_is_read
	grep -aqi 'www\.corp\.example' "$lab/capture.log" ||
		fail "the capture is blind"
	: >"$lab/capture.log"
	forget_names
	checks=$((checks + 1))
}

connect_in_vain() { # PROFILE
	gateway_is_silent
	expect 0 connect "$1"
	until_true 5 dns_applied || fail "DNS is not ours while connecting"
	state_is connecting || fail "not connecting: $(on laptop adit status)"
	fails_closed "connecting ($1)" "the tunnel $1 is connecting"
	outside_flows "connecting ($1)"
	state_is connecting || fail "no longer connecting"
	gateway_speaks
}

come_up() { # PROFILE
	expect 0 connect "$1" --wait=20
	for name in www.corp.example a.b.corp.example; do
		ask $name
		grep -q "$inner4" "$lab/answer" || fail "$name: $(cat "$lab/answer")"
	done
	ask wiki
	grep -q 'CNAME.*wiki\.corp\.example' "$lab/answer" &&
		grep -q "$inner4" "$lab/answer" || fail "wiki: $(cat "$lab/answer")"
	nothing_leaked "up ($1)"
}

lose_gateway() { # PROFILE
	start chatter laptop ping -q -i 0.1 198.51.100.10
	stop gateway KILL
	until_true 30 state_is reconnecting || fail "the silence is not noticed"
	stop chatter INT
	fails_closed "reconnecting ($1)" "the tunnel $1 is reconnecting"
	outside_flows "reconnecting ($1)"
	start_gateway
	until_state 30 up
	until_true 5 dns_applied || fail "DNS is not ours after a reconnect"
	come_up "$1"
}

leave() { # AFTER-WHAT
	expect 0 disconnect
	is_public "$1"
}

be_refused() { # PROFILE
	expect 5 connect "$1" --wait=10
	until_true 5 dns_applied || fail "DNS is not ours after a refusal"
	state_is failed || fail "not failed: $(on laptop adit status)"
	fails_closed "failed ($1)" "the tunnel $1 is failed"
	outside_flows "failed ($1)"
	leave "failed ($1)"
}

# Nobody is at the stub: questions fail, and go nowhere else.
crash() { # IN-WHICH-STATE [restart]: what puts it right, or aditd --undo
	stop aditd KILL
	for name in www.corp.example wiki; do
		ask $name
		! grep -q 'ANSWER SECTION' "$lab/answer" ||
			fail "an answer after a crash: $(cat "$lab/answer")"
	done
	! on laptop getent ahosts www.corp.example >"$lab/answer" ||
		fail "getent after a crash: $(cat "$lab/answer")"
	nothing_leaked "crashed ($1)"
	if [ "${2-}" ]; then
		# It is still wanted, and its names are known from before.
		start_aditd
		until_true 5 dns_applied || fail "DNS is not ours after a start"
		ask www.corp.example
		! grep -q "$outer4" "$lab/answer" ||
			fail "a public answer after a start: $(cat "$lab/answer")"
		nothing_leaked "started after a crash ($1)"
		leave "a start after a crash ($1)"
		return
	fi
	on laptop aditd --undo 2>"$lab/undo.log" ||
		fail "aditd --undo: $(cat "$lab/undo.log")"
	is_public "aditd --undo ($1)"
	start_aditd
}

on laptop cat /etc/resolv.conf >"$lab/resolv.before"
outside_flows "nothing is there"
ask www.corp.example
is_public nothing
start_gateway

# The domains of a profile are known before its first lease.
connect_in_vain good
expect 0 disconnect
is_public connecting
come_up good
lose_gateway good
leave up
be_refused refused
expect 0 connect good --wait=20
crash up
connect_in_vain good
gateway_is_silent
crash connecting
gateway_speaks

# Those of the gateway are what it said last, and nobody knows them before.
gateway_is_silent
expect 0 connect good-lease
on laptop adit status | grep -q "for the gateway to say" ||
	fail "that nobody knows the names is not said"
expect 0 disconnect
is_public "connecting (first lease)"
gateway_speaks
come_up good-lease
lose_gateway good-lease
leave "up (lease)"
connect_in_vain good-lease
leave "connecting (lease)"
expect 0 connect good-lease --wait=20
crash "up (lease)" restart
connect_in_vain good-lease
leave "connecting (lease, after a start)"

expect 0 connect good --wait=20
end_aditd up
is_public SIGTERM
echo "note: $asks questions, $checks checks; none of a match domain on the wire"
