#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Captive portals and URL probes by the real aditd: whom it asks, when, by which
# way, and what it says then. The operator's page is at 203.0.113.1:8080, which
# is there twice: in the cafe, beyond the uplink, and in the office, where a
# full tunnel leads. The network's API (RFC 8908) is the cafe's, at
# 192.0.2.1:8443, and a router tells of it.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
lab_logs="aditd outer inner"

routes=(--route 0.0.0.0/0 --route ::/0)
page=http://203.0.113.1:8080/page
probe=http://203.0.113.1:8080/probe
api=https://192.0.2.1:8443/api
login=https://cafe.example/login

answer() { # PATH STATUS [HEADER-AND-BODY]
	printf '%s\r\n%b\r\n' "$2" "${3-}" >"$lab/answers/new" &&
		mv "$lab/answers/new" "$lab/answers/$1"
}

says_captive() { # true | false
	local body='{"captive": '$1', "user-portal-url": "'$login'"}'
	answer api "200 OK" "Content-Type: application/captive+json\r
Content-Length: ${#body}\r\n\r\n$body"
}

requests() { # SERVER PATTERN: how many there were
	grep -cE "^$2" "$lab/$1.log"
}

# What `adit status --json` says, as s, and its network as n.
says() { # EXPRESSION
	on laptop adit status --json | python3 -c "
import json, sys
s = json.load(sys.stdin)
n = s['network']
sys.exit(not ($1))"
}

until_says() { # WHAT EXPRESSION
	until_true 1 says "$2" || # 50 times, with two programs each
		fail "$1: $(on laptop adit status)"
	checks=$((checks + 1))
}

# To the other gateway of the cafe: that is another network.
gateway=192.0.2.1
moved() {
	case $gateway in
	*.1) gateway=192.0.2.3 ;;
	*) gateway=192.0.2.1 ;;
	esac
	on laptop ip route replace default via $gateway || fail "no $gateway"
}

asked_again() { # PATTERN COUNT-BEFORE
	[ "$(requests outer "$1")" -gt "$2" ]
}

# aditd asks once more, by itself, and then says so.
looks() { # WHAT PATTERN EXPRESSION
	local before
	before=$(requests outer "$2")
	moved
	until_true 15 asked_again "$2" "$before" || fail "$1: nobody is asked"
	until_says "$1" "$3"
}

# What it asks at one network it has asked when it is told of the next.
asks_nobody() { # WHAT PATTERN
	local before i
	before=$(requests outer "$2")
	for ((i = 0; i < 4; i++)); do
		moved
		until_says "$1" "n['gateway'] == '$gateway'"
	done
	[ "$(requests outer "$2")" = "$before" ] ||
		fail "$1: $(tail -n 3 "$lab/outer.log")"
}

api_of() { # CA: the API's certificate
	make_ca "$1"
	make_certificate "$1" cafe 2 IP:192.0.2.1
}

web_server() { # LABEL HOST FOLDER
	start "$1" "$2" python3 /run/lab/portal.py "$3"
	until_true 10 grep -q ready "$lab/$1.log" || fail "no server $1"
}

router_says() { # URL
	on cafe python3 /run/lab/advertise.py br0 "$1"
}

programs_begin python3 openssl tcpdump
cp "$lab_root"/tests/lab/{portal,advertise,answerer}.py "$lab"
mkdir "$lab/answers" "$lab/office-web" "$lab/office-web/answers"
api_of cafe-ca
on laptop sh -c 'mkdir -p /etc/ssl/certs && cd /etc/ssl/certs &&
	rm -f ca-certificates.crt && cp /run/lab/cafe-ca.pem ca-certificates.crt' ||
	fail "the laptop trusts nobody"
lab_address cafe br0 192.0.2.3/24 && lab_address office lo 203.0.113.1/32 &&
	on gateway ip route add 203.0.113.0/24 via 198.51.100.10 ||
	fail "no far network"
web_server outer cafe /run/lab
web_server inner office /run/lab/office-web
# What leaves for a web server, with our mark and without.
on laptop nft -f - <<'NFT' || fail "no counters"
table inet watch {
	counter marked { }
	counter unmarked { }
	chain out {
		type filter hook output priority 0;
		tcp flags syn meta mark 0x2a17 counter name marked
		tcp flags syn meta mark != 0x2a17 counter name unmarked
	}
}
NFT
counted() { # marked | unmarked
	on laptop nft list counter inet watch "$1" |
		sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

variant page 'p["VendorConfig"]["PortalURL"] = "'$page'"
p["VendorConfig"]["Routes"] = ["198.51.100.0/24"]'
variant named 'p["VendorConfig"]["PortalURL"] = "http://page.example:8080/page"'
variant probing 'p["OnDemand"] = {"Enabled": True, "Rules": [
	{"Action": "Disconnect", "URLStringProbe": "'$probe'"},
	{"Action": "Connect"}]}
p["VendorConfig"]["PortalURL"] = "'$page'"'
variant plain ''
start_gateway
start_aditd
lab_capture wire.pcap

# --- nobody is known ---

add_profiles plain
asks_nobody "neither API nor PortalURL" 'failed|80|84'
until_says "and nothing is said" 'n.get("portal") in (None, "unknown")'

# --- the operator's page ---

on laptop adit profile remove plain >/dev/null || fail "plain stays"
add_profiles page
answer page "204 No Content"
looks "a page that answers 204" '8080 /page' 'n["portal"] == "free"'
answer page "302 Found" "Location: http://cafe.example/login\r\n"
looks "a page that leads elsewhere" '8080 /page' 'n["portal"] == "captive"'
rm "$lab/answers/page"
looks "a page that does not answer" '8080 /page' \
	'n.get("portal") in (None, "unknown")'
answer page "204 No Content"

# By its name, which the uplink's server knows.
start names cafe python3 /run/lab/answerer.py 203.0.113.1 /run/lab/names.asked \
	192.0.2.1:53
until_true 10 grep -q ready "$lab/names.asked" || fail "no name server"
on laptop sh -c 'echo nameserver 192.0.2.1 >/etc/resolv.conf'
on laptop adit profile remove page >/dev/null || fail "page stays"
add_profiles named
looks "a page whose host has a name" '8080 /page' 'n["portal"] == "free"'
grep -q page.example "$lab/names.asked" || fail "its name is not asked for"
on laptop adit profile remove named >/dev/null || fail "named stays"
stop names
on laptop sh -c ': >/etc/resolv.conf'
add_profiles page

# --- the network's API ---

# A DHCP server told networkd of it.
links=/run/systemd/netif/links
says_captive true
on laptop sh -c "mkdir -p $links && echo CAPTIVE_PORTAL=$api \
	>$links/\$(cat /sys/class/net/up0/ifindex)"
looks "an API that DHCP told of" '8443 /api' 'n["portal"] == "captive"'
on laptop rm -r $links
looks "and does not any more: the page is asked" '8080 /page' \
	'n["portal"] == "free"'

on laptop sh -c 'echo 2 >/proc/sys/net/ipv6/conf/up0/accept_ra'
says_captive true
before=$(requests outer '8443 /api')
router_says $api
until_true 15 asked_again '8443 /api' "$before" || fail "the API is not asked"
until_says "an API that says captive" 'n["portal"] == "captive" and
	n["portal_url"] == "https://cafe.example/login"'
on laptop adit status | grep -qF "$login" ||
	fail "a person is not told of the portal: $(on laptop adit status)"
says_captive false
pages=$(requests outer '8080 /page')
looks "an API that says free" '8443 /api' 'n["portal"] == "free"'
[ "$(requests outer '8080 /page')" = "$pages" ] ||
	fail "the page is asked, although the API has answered"
answer api "500 Oops"
looks "an API that does not know: the page is asked" '8080 /page' \
	'n["portal"] == "free"'
# What it says is nobody's who cannot prove to be it.
stop outer
api_of other-ca
web_server outer cafe /run/lab
says_captive true
looks "an API that proves nothing" '8080 /page' 'n["portal"] == "free"'
[ "$(requests outer '8443')" = 0 ] || fail "it was asked all the same"

# --- not while the tunnel is up ---

expect 0 connect page --wait
until_says "the tunnel is up" 's["state"] == "up" and
	n.get("portal") in (None, "unknown")'
asks_nobody "while the tunnel is up" 'failed|80|84'
expect 0 disconnect
looks "and again when it is down" '8080 /page' 'n["portal"] == "free"'

# Nobody else was asked, in clear or at all: the cafe's two ports, and UDP to
# the gateway.
lab_capture_end wire.pcap
[ "$(lab_packets wire.pcap 'src host 192.0.2.10 and tcp port 8080')" -gt 0 ] ||
	fail "the capture saw nothing"
others=$(lab_packets wire.pcap '(src host 192.0.2.10 or src net 2001:db8::/32)
	and (tcp or udp) and not (dst host 203.0.113.1 and tcp dst port 8080)
	and not (dst host 192.0.2.1 and tcp dst port 8443)
	and not (dst host 192.0.2.1 and udp dst port 53)
	and not (dst host 192.0.2.2 and udp dst port 443)
	and not src host 192.0.2.2 and not src host 2001:db8:1::2')
[ "$others" = 0 ] || fail "$others packets to somebody else"
checks=$((checks + 1))

# --- a full tunnel that cannot come up ---

router_says https:// # none
on laptop adit profile remove page >/dev/null || fail "page stays"
on gateway nft -f - <<'NFT' || fail "the gateway is not silent"
table inet silent {
	chain in {
		type filter hook input priority 0;
		udp dport 443 drop
	}
}
NFT
variant full 'p["VendorConfig"]["PortalURL"] = "'$page'"'
add_profiles full
expect 0 connect full
until_says "it is connecting" 's["state"] == "connecting"'
looks "asked while a full tunnel connects" '8080 /page' \
	'n["portal"] == "free" and s["state"] != "up"'
[ "$(counted unmarked)" = 0 ] || fail "$(counted unmarked) without our mark"
checks=$((checks + 1))
expect 0 disconnect
on gateway nft delete table inet silent
on laptop adit profile remove full >/dev/null || fail "full stays"

# --- R40: a rule's probe while a full tunnel is up ---

answer probe "404 Not Found"
answer page "204 No Content"
add_profiles probing
until_says "the probe fails, and the tunnel is up [R40]" 's["state"] == "up"'
[ "$(requests outer '8080 /probe')" -gt 0 ] || fail "nobody was asked"
# Traffic of this host is in the tunnel, and would find the office's server.
on laptop python3 -c 'import socket
socket.create_connection(("203.0.113.1", 8080), 10).sendall(
	b"GET /inside HTTP/1.0\r\n\r\n")' || fail "the tunnel does not carry"
until_true 10 grep -q '^8080 /inside' "$lab/inner.log" ||
	fail "the tunnel is not full"
before=$(requests outer '8080 /probe') pages=$(requests outer '8080 /page')
moved
until_true 15 asked_again '8080 /probe' "$before" ||
	fail "the probe does not go out while the tunnel is up [R40]"
until_says "it stays up [R40]" 's["state"] == "up" and s["rule"]["index"] == 1'
answer probe "200 OK"
moved
until_says "the probe takes it down [R40]" \
	's["state"] == "down" and s["rule"]["index"] == 0'
[ "$(requests inner '8080 /(probe|page)')" = 0 ] ||
	fail "a probe was inside the tunnel: $(cat "$lab/inner.log")"
echo "note: $(requests outer '8080 /probe') probes and" \
	"$(requests outer '8080 /page') questions for a page, $(counted marked)" \
	"connections with our mark"
echo "note: $checks checks"
