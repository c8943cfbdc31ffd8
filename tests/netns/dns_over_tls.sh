#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tunnel's servers asked over TLS, by the profile: with the right name and a
# CA that this machine trusts, and in no other way. A capture inside the office
# sees no question in clear text; what is wrong is said, and costs outside names
# nothing.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"

dns_cannot kdig tcpdump openssl
programs_begin
start_answerers
stop inner KILL
start_gateway
start_aditd

dns='p["DNS"] = {"Protocol": "TLS", "ServerAddresses": ["198.51.100.10"],
	"ServerName": "dns.corp.example",
	"SupplementalMatchDomains": ["corp.example"]}'
variant private "$dns"
variant other "$dns"'; p["DNS"]["ServerName"] = "other.corp.example"'
variant nowhere "$dns"'; p["DNS"]["ServerAddresses"] = ["198.51.100.11"]'
add_profiles private other nowhere

serve() { # CA NAME [DAYS]
	[ "${lab_job[inner]-}" ] && stop inner KILL
	make_certificate "$1" "$2" "${3-2}"
	: >"$lab/inner.names"
	start inner office python3 /run/lab/answerer.py --ttl 0 \
		--rules /run/lab/inner.rules \
		--tls /run/lab/server.pem,/run/lab/server.key \
		$inner4,$inner6 /run/lab/inner.names 198.51.100.10:853
	until_true 5 grep -q ready "$lab/inner.names" || fail "no inner server"
}

ask() { # NAME: $lab/answer
	on laptop kdig +time=8 +retry=0 +edns @$stub "$1" >"$lab/answer" 2>&1
}

status_says() { # PATTERN
	on laptop adit status --json >"$lab/status.json"
	grep -q "$1" "$lab/status.json" || fail "no \"$1\" in the status:" \
		"$(cat "$lab/status.json")"
	checks=$((checks + 1))
}

works() {
	ask www.corp.example
	grep -q $inner4 "$lab/answer" || fail "$(cat "$lab/answer")"
	outside
}

outside() {
	ask www.outside.example
	grep -q $outer4 "$lab/answer" || fail "outside: $(cat "$lab/answer")"
	checks=$((checks + 1))
}

refused() { # WHY
	: >"$lab/inner.names"
	ask www.corp.example
	grep -q SERVFAIL "$lab/answer" && grep -q "EDE: .*certificate" \
		"$lab/answer" || fail "$1: $(cat "$lab/answer")"
	! asked inner www.corp.example || fail "$1: it was asked all the same"
	status_says "198.51.100.10 over TLS as .*: .*$1"
	status_says failed_certificate
	outside
}

make_ca ours
make_ca theirs
on laptop sh -c 'mkdir -p /etc/ssl/certs
	cat /run/lab/ours.pem >>/etc/ssl/certs/ca-certificates.crt'
start capture office tcpdump --immediate-mode -lni in0 port 53 or port 853
until_true 5 grep -q listening "$lab/capture.log" || fail "no capture"

serve ours dns.corp.example
expect 0 connect private --wait=10
for n in 1 2 3 4 5; do
	works
done
status_says '198.51.100.10 over TLS as dns.corp.example"'
n=$(grep -c 'Flags \[S\],' "$lab/capture.log")
[ "$n" -eq 1 ] || fail "$n connections for five questions"
# A server that starts again costs nothing but another connection.
serve ours dns.corp.example
works
expect 0 disconnect

# The name of another, a CA that nobody trusts, no server at all.
expect 0 connect other --wait=10
refused "not for"
expect 0 disconnect
serve theirs dns.corp.example
expect 0 connect private --wait=10
refused "CA that is not trusted"
# Put right while the tunnel is up.
serve ours dns.corp.example
until_true 10 works || fail "a server that was put right is not asked"
expect 0 disconnect
expect 0 connect nowhere --wait=10
ask www.corp.example
grep -q SERVFAIL "$lab/answer" || fail "$(cat "$lab/answer")"
outside
expect 0 disconnect

! grep -a '\.53:' "$lab/capture.log" || fail "in clear text"
stop aditd TERM || fail "aditd does not end well"
echo "note: $checks checks of DNS over TLS through the tunnel"
