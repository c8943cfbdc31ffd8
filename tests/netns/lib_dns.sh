# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of the resolver share: two name servers with different answers
# for the same names, which write down what they were asked. Sourced, instead
# of lib.sh.
#
#   inner   office 198.51.100.10, reached through the tunnel
#   outer   cafe 192.0.2.1, the server in the laptop's resolv.conf
# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

inner4=10.9.9.9 inner6=fd00:9::9
outer4=203.0.113.80 outer6=2001:db8:f::80
# shellcheck disable=SC2034 # for who sources this
stub=127.0.77.53
# shellcheck disable=SC2034 # for fail()
lab_logs="aditd gateway inner outer"

dns_cannot() { # PROGRAM...: 77 where the lab or one of them is missing
	local why
	if why=$(lab_cannot python3 "$@"); then
		echo "$why"
		exit 77
	fi
}

answerer() { # LABEL HOST ANSWER ADDRESS: $lab/LABEL.names, .rules
	: >"$lab/$1.names"
	: >>"$lab/$1.rules"
	start "$1" "$2" python3 /run/lab/answerer.py --ttl "${ttl:-1}" \
		--rules "/run/lab/$1.rules" "$3" "/run/lab/$1.names" "$4:53"
	until_true 5 grep -q ready "$lab/$1.names" ||
		fail "the name server $1 does not start"
}

start_answerers() {
	cp "$lab_root/tests/lab/answerer.py" "$lab/"
	answerer inner office $inner4,$inner6 198.51.100.10
	answerer outer cafe $outer4,$outer6 192.0.2.1
	forget_names
}

forget_names() {
	: >"$lab/inner.names"
	: >"$lab/outer.names"
}

rule() { # LABEL LINE...: its rules from now on
	local label=$1
	shift
	printf '%s\n' "$@" >"$lab/$label.rules.new" &&
		mv "$lab/$label.rules.new" "$lab/$label.rules"
}

asked() { # LABEL NAME
	grep -q " $2\$" "$lab/$1.names"
}

# All that leaves the laptop and may be a question.
start_capture() {
	start capture cafe tcpdump --immediate-mode -lni to-laptop \
		port 53 or port 853 or port 5353 or port 5355
	until_true 5 grep -q listening "$lab/capture.log" || fail "no capture"
}

# The one server that the stub asks for names outside.
uplink_is() { # AS-STATUS-HAS-IT
	on laptop adit status --json | tr -d '\n\t' |
		grep -qF "\"uplink_servers\":[\"$1\"]"
}

gateway_is_silent() {
	on gateway nft -f - <<-'NFT'
		table inet silent {
			chain in { type filter hook input priority 0
				udp dport 443 drop; tcp dport 443 drop; }
		}
	NFT
}

gateway_speaks() {
	on gateway nft delete table inet silent
}

dns_applied() {
	on laptop adit status --json | grep -q '"applied":[[:space:]]*true'
}

# What was on the wire is in the log once a later question is.
wire_is_read() {
	local mark
	mark=mark$RANDOM-$RANDOM.outside.example
	on laptop kdig +norec @192.0.2.1 "$mark" >/dev/null
	until_true 5 grep -aqi "$mark" "$lab/capture.log" ||
		fail "the capture sees nothing"
}

# Also not with another's search domain behind, as libc tries it then.
nothing_leaked() { # WHILE-WHAT
	wire_is_read
	! grep -ai 'corp\.example' "$lab/capture.log" >"$lab/leaks" ||
		fail "on the uplink while $1: $(head -5 "$lab/leaks")"
	! grep -q 'corp\.example' "$lab/outer.names" ||
		fail "the outer server was asked while $1"
}
