#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Split DNS through the real programs: whose each name is, as it is told and as
# two name servers see it.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"

# All there is: each profile takes of it what its case needs.
routes=(--route 0.0.0.0/0 --route ::/0 --dns 198.51.100.10)
gateway_name=vpn.gateway.test
pool=172.31.0.0/16 # none of the cases'
ttl=60

dns_cannot kdig dig
programs_begin
start_answerers
start_gateway
start_aditd

# The tables of search and match domains.
rows() {
	stop inner KILL
	stop outer KILL
	ttl=0 start_answerers # each is asked each time
	cp "$lab_root/tests/lab/dns_rows.py" "$lab_root/tests/dns/cases.json" \
		"$lab/"
	on laptop python3 /run/lab/dns_rows.py /run/lab/cases.json \
		/run/lab/laptop.json /run/lab $stub >"$lab/rows.out" 2>&1 ||
		fail "$(cat "$lab/rows.out")"
	cat "$lab/rows.out"
}

status_is() { # WHAT PYTHON-ABOUT-dns-c-AND-s
	on laptop adit status --json >"$lab/status.json"
	python3 - "$lab/status.json" "$2" <<-'PY' || fail "status, $1: $(cat "$lab/status.json")"
		import json, sys
		s = json.load(open(sys.argv[1]))
		dns = s["dns"]
		c = {x["cause"]: x["count"] for x in dns["counters"]}
		notes = " ".join(f["reason"] for f in s["fallbacks"])
		sys.exit(not eval("(%s)" % sys.argv[2]))
	PY
	checks=$((checks + 1))
}

explains() { # NAME PYTHON-ABOUT-e
	on laptop adit explain dns "$1" --json >"$lab/explain.json"
	python3 -c 'import json, sys
e = json.load(open(sys.argv[1]))
sys.exit(not eval("(%s)" % sys.argv[2]))' "$lab/explain.json" "$2" ||
		fail "explain $1: $(cat "$lab/explain.json")"
	checks=$((checks + 1))
}

ask() { # ARGUMENTS...: $lab/answer
	on laptop kdig +time=2 +retry=0 +edns @$stub "$@" >"$lab/answer" 2>&1
}

says() { # PATTERN ARGUMENTS...
	local pattern=$1
	shift
	ask "$@"
	grep -q "$pattern" "$lab/answer" ||
		fail "kdig $*: no \"$pattern\": $(cat "$lab/answer")"
	checks=$((checks + 1))
}

answers() { # PATTERN NAME
	ask "$2" && grep -q "$1" "$lab/answer"
}

until_blocked() { # NAME
	until_true 5 answers 'EDE: 15' "$1" || fail "$1 is not blocked"
	checks=$((checks + 1))
}

split='p["DNS"] = {"Protocol": "Cleartext", "ServerAddresses": ["198.51.100.10"],
	"SupplementalMatchDomains": ["corp.example"]}
p["VendorConfig"]["Routes"] = ["198.51.100.0/24"]'

# What is counted, who owns the host's DNS, what is remembered.
facts() {
	variant facts "$split"
	add_profiles facts
	expect 0 connect facts --wait=10
	status_is "who" 'dns["applied"] and dns["owner"] == "resolv.conf" and
		dns["owner_because"] and dns["stub"] == "127.0.77.53:53" and
		dns["match"] == ["corp.example"] and
		dns["search"] == ["corp.example"] and not dns["everything"] and
		dns["servers"] == ["198.51.100.10"] and
		dns["uplink_servers"] == ["192.0.2.1"]'
	status_is "before" 'not c.get("cached")'
	says $inner4 www.corp.example
	says $inner4 www.corp.example
	says $outer4 www.outside.example
	says 127.0.0.1 localhost
	on laptop dig +time=2 +tries=1 @$stub +opcode=status www.outside.example |
		grep -q NOTIMP || fail "an opcode that nobody knows"
	explains www.corp.example 'e["server"] == "tunnel" and
		e["cached"][0]["name"] == "www.corp.example" and
		e["cached"][0]["rcode"] == 0 and e["cached"][0]["ttl"] == 60'
	explains never.corp.example '"cached" not in e'
	on laptop adit explain dns www.corp.example >"$lab/text" &&
		grep -q 'kept for www.corp.example' "$lab/text" &&
		grep -q '198.51.100.10' "$lab/text" ||
		fail "explain to a person: $(cat "$lab/text")"
	rule inner ". servfail"
	says SERVFAIL broken.corp.example
	rule inner ". drop"
	ask +time=7 silent.corp.example
	grep -q SERVFAIL "$lab/answer" && grep -q EDE "$lab/answer" ||
		fail "a silent server: $(cat "$lab/answer")"
	rule inner
	status_is "counters" 'c["answered_tunnel"] >= 3 and
		c["answered_uplink"] >= 1 and c["answered_fixed"] >= 1 and
		c["cached"] == 1 and c["failed_timed_out"] == 1 and
		c["refused_kind"] == 1'
	expect 0 disconnect
	status_is "down" 'not dns["applied"] and not dns["match"]'
}

# A list of blocked names, and what becomes of it.
blocking() {
	printf 'ads.example\n' >"$lab/block"
	variant blocking "$split"'
p["VendorConfig"]["BlockLists"] = [{"File": "/run/lab/block", "Format": "domains"}]'
	variant closed "$split"'
p["VendorConfig"]["BlockLists"] = [{"File": "/run/lab/none", "Format": "domains"}]
p["VendorConfig"]["BlockListsFail"] = "closed"'
	variant open "$split"'
p["VendorConfig"]["BlockLists"] = [{"File": "/run/lab/none", "Format": "domains"}]'
	add_profiles blocking closed open
	expect 0 connect blocking --wait=10
	says 'NXDOMAIN' x.ads.example
	says 'EDE: 15' x.ads.example
	says $outer4 www.outside.example
	! asked outer x.ads.example || fail "a blocked name was asked for"
	status_is "blocking" 'c["answered_blocked"] == 2 and dns["everything"]
		and not dns["all_names"]'
	explains x.ads.example 'e["server"] == "blocked" and
		e["match"] == "ads.example"'
	printf 'outside.example\n' >"$lab/block"
	expect 0 reload
	says 'EDE: 15' www.outside.example
	says $outer4 x.ads.example
	# By themselves, in place and by a rename; other files do not matter.
	printf 'ads.example\n' >"$lab/block"
	until_blocked x.ads.example
	says $outer4 www.outside.example
	printf 'outside.example\n' >"$lab/block.new"
	mv "$lab/block.new" "$lab/block"
	until_blocked www.outside.example
	says $outer4 x.ads.example
	rm "$lab/block"
	until_true 5 answers $outer4 www.outside.example ||
		fail "a list that is gone still blocks"
	status_is "a list is gone" '"/run/lab/block" in notes'
	printf 'outside.example\n' >"$lab/block"
	until_blocked www.outside.example
	status_is "a list is back" '"/run/lab/block" not in notes'
	expect 0 disconnect

	expect 0 connect closed --wait=10
	says 'EDE: 15' www.outside.example
	says $inner4 www.corp.example
	status_is "a list is missing" '"/run/lab/none" in notes'
	printf 'ads.example\n' >"$lab/none"
	expect 0 reload
	says $outer4 www.outside.example
	says 'EDE: 15' ads.example
	status_is "the list is there" '"/run/lab/none" not in notes'
	rm "$lab/none"
	expect 0 disconnect

	expect 0 connect open --wait=10
	says $outer4 www.outside.example
	status_is "open" '"/run/lab/none" in notes'
	expect 0 disconnect
}

# More at once than are asked at once: each gets an error, and none silence.
flood() {
	local n=12000
	cp "$lab_root/tests/lab/dns_client.py" "$lab/"
	rule inner ". drop"
	expect 0 connect facts --wait=10
	on laptop timeout 120 python3 /run/lab/dns_client.py flood $n \
		corp.example $stub >"$lab/flood" 2>&1 ||
		fail "flood: $(cat "$lab/flood")"
	echo "note: $(cat "$lab/flood")"
	status_is "a flood" "c.get('refused_full', 0) + c['failed_timed_out'] >= $n"
	says $outer4 www.outside.example
	rule inner
	says $inner4 after.corp.example
	expect 0 disconnect
}

facts
blocking
flood
rows
stop aditd TERM || fail "aditd does not end well"
echo "note: $checks checks of status, explain and block lists"
