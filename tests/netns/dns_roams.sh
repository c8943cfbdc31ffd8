#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dns_roams.sh [OWNER...]
#
# The uplink's servers become others while the tunnel is up, as they do in the
# next network: whoever owns the laptop's DNS, names outside are asked of the
# new ones within seconds, and those of the tunnel stay where they are. In the
# end the laptop has its new servers.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
# shellcheck source=tests/netns/lib_owners.sh
. "$(dirname "$0")/lib_owners.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example)
# shellcheck disable=SC2034 # for fail()
lab_logs="aditd daemon-laptop"
second=203.0.113.83

dns_cannot kdig openssl
if why=$(owners_cannot); then
	echo "$why"
	exit 77
fi
if [ $# -ne 1 ]; then
	unpack_owners
	[ $# -gt 0 ] || set -- resolved openresolv resolvconf networkmanager dnsmasq
	for owner in "$@"; do
		"$0" "$owner" || exit
	done
	exit 0
fi

# --- each: begin_OWNER, and what a DHCP client would tell it ---

begin_resolved() {
	owner_files laptop resolved
	on laptop sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf
	bus laptop
	start_resolved laptop
	resolved_uplink laptop
}

tell_resolved() { # SERVER
	on laptop resolvectl dns up0 "$1"
}

begin_openresolv() {
	owner_files laptop openresolv
	on laptop mkdir -p /run/resolvconf
	uplink_record laptop
}

tell_openresolv() {
	uplink_record laptop "$1"
}

begin_resolvconf() {
	owner_files laptop resolvconf
	start_resolvconf laptop
}

tell_resolvconf() {
	uplink_record laptop "$1"
}

begin_nm() { # DNS-MODE
	owner_files laptop networkmanager
	bus laptop
	start_nm laptop "dns=$1" rc-manager=file
	on laptop ip -6 addr add 2001:db8:1::10/64 dev up0 nodad 2>/dev/null
}

begin_networkmanager() {
	begin_nm default
}

tell_networkmanager() {
	on laptop nmcli connection modify up0 ipv4.dns "$1" >/dev/null &&
		on laptop nmcli device reapply up0 >/dev/null
}

begin_dnsmasq() {
	begin_nm dnsmasq
}

# Here a "reapply" leaves no trace but on the bus: that is for the look in time.
tell_dnsmasq() {
	on laptop nmcli connection modify up0 ipv4.dns "$1" >/dev/null &&
		on laptop nmcli connection up up0 >/dev/null
}

# --- the same for all ---

# As the laptop's programs ask: a name that is in no cache.
outside_is() { # ADDRESS
	local found
	found=$(on laptop timeout 10 getent ahostsv4 \
		"h$RANDOM-$RANDOM.outside.example" | sed -n '1s/ .*//p')
	[ "$found" = "$1" ]
}

inside_is_well() {
	[ "$(on laptop timeout 10 getent ahostsv4 "h$RANDOM.corp.example" |
		sed -n '1s/ .*//p')" = "$inner4" ] || fail "$owner: no inner answer"
	checks=$((checks + 1))
}

moves() { # SERVER ADDRESS
	local began
	began=$(now_ms)
	"tell_$owner" "$1" || fail "$owner is not told"
	until_true 15 outside_is "$2" ||
		fail "$owner: outside names are not asked of $1 after 15 s:" \
			"$(on laptop adit status --json)"
	echo "note: $owner: another server of the uplink is asked after" \
		"$(($(now_ms) - began)) ms"
	until_true 15 dns_applied || fail "$owner: not applied"
	inside_is_well
	checks=$((checks + 1))
}

# --- resolved tells more of its servers ---

also_resolved() {
	local address
	# A link-local one is its link's.
	address=$(on cafe ip -6 -o addr show dev br0 scope link |
		sed 's:.*inet6 \([^/]*\).*:\1:;q')
	answerer local6 cafe 203.0.113.86 "[$address%br0]"
	expect 0 connect all --wait=20
	moves "$address" 203.0.113.86
	uplink_is "$address" || fail "$(on laptop adit status --json)"
	# What was asked over TLS is not asked in clear text.
	make_ca ours
	make_certificate ours dns.lan.example 2
	on laptop sh -c 'mkdir -p /etc/ssl/certs
		cat /run/lab/ours.pem >>/etc/ssl/certs/ca-certificates.crt'
	: >"$lab/tls.names"
	start tls cafe python3 /run/lab/answerer.py --ttl 0 \
		--tls /run/lab/server.pem,/run/lab/server.key \
		203.0.113.85 /run/lab/tls.names 192.0.2.1:853
	until_true 5 grep -q ready "$lab/tls.names" || fail "no TLS server"
	on laptop resolvectl dnsovertls up0 yes
	moves 192.0.2.1#dns.lan.example 203.0.113.85
	uplink_is "192.0.2.1 over TLS as dns.lan.example" ||
		fail "$(on laptop adit status --json)"
	on laptop resolvectl dnsovertls up0 no
	# Another tunnel's server is for its own names.
	on laptop sh -c 'ip link add tun7 type veth peer name tun7p
		ip addr add 10.7.0.1/24 dev tun7
		ip link set tun7 up; ip link set tun7p up
		resolvectl default-route tun7 no
		resolvectl domain tun7 "~seven.example"
		resolvectl dns tun7 10.7.0.53'
	moves 192.0.2.3 $second
	until_true 15 uplink_is 192.0.2.3 || fail "$(on laptop adit status --json)"
	expect 0 disconnect
	on laptop ip link del tun7
	tell_resolved 192.0.2.1
	checks=$((checks + 3))
}

owner=$1
programs_begin
variant all 'p["VendorConfig"]["RebindingProtection"] = True'
start_answerers
on cafe ip addr add 192.0.2.3/24 dev br0 || fail "a second server's address"
answerer second cafe $second 192.0.2.3
"begin_$owner"
outside_is $outer4 || fail "$owner: no outer answer before"
start_gateway
start_aditd
add_profiles laptop all
for profile in laptop all; do
	expect 0 connect $profile --wait=20
	dns_applied || fail "$owner: not applied: $(on laptop adit status)"
	inside_is_well
	moves 192.0.2.3 $second
	moves 192.0.2.1 $outer4
	moves 192.0.2.3 $second
	expect 0 disconnect
	until_true 5 outside_is $second || fail "$owner: not the new server at the end"
	"tell_$owner" 192.0.2.1
	until_true 5 outside_is $outer4 || fail "$owner: not as before"
done
[ "$owner" != resolved ] || also_resolved
stop aditd TERM || fail "aditd does not end well"
echo "note: $owner: $checks checks"
