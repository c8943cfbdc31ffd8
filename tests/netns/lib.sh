# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of the three programs share: the lab of tests/lab/lab.sh with
# a gateway in it, and a laptop that is compared with itself. Sourced.
# shellcheck source=tests/lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lab/lab.sh"

lab_logs="aditd gateway" # that fail() shows
gateway_name=${gateway_name:-vpn.example.com}
checks=0

programs_begin() { # TOOL...
	local program why
	if why=$(lab_cannot "$@"); then
		echo "$why"
		exit 77
	fi
	for program in aditd adit adit-gateway; do
		[ -x "$lab_root/build/bin/$program" ] || {
			echo "FAIL: build/bin/$program is missing: run make"
			exit 1
		}
	done
	lab_begin
	lab_office
	on laptop sh -c 'echo "192.0.2.2 $1" >>/etc/hosts' - "$gateway_name"
	on gateway adit-gateway init /etc/gw --name "$gateway_name" \
		--pool "${pool:-10.77.0.0/16}" --pool6 fd77:ad17::/64 "${routes[@]}" \
		>"$lab/init.log" || fail "adit-gateway init"
	add_client laptop
	lab_snapshot laptop >"$lab/laptop.before"
}

routes=(--route 198.51.100.0/24 --route 2001:db8:2::/64)

add_client() { # NAME: $lab/NAME.json
	on gateway adit-gateway add /etc/gw "$1" --output "/run/lab/$1.json" \
		>"$lab/add.log" || fail "adit-gateway add $1"
}

# A profile that differs from laptop.json: EDIT is Python about p, its payload.
variant() { # NAME EDIT
	on laptop python3 -c 'import json, sys
d = json.load(open("/run/lab/laptop.json"))
p = d["Payload"]
d["Identifier"] += "." + sys.argv[1]
p["VisibleName"] = sys.argv[1]
exec(sys.argv[2])
json.dump(d, open("/run/lab/%s.json" % sys.argv[1], "w"))' "$1" "$2" ||
		fail "no profile $1"
}

# A variant whose identity is in an asset, as device management delivers one:
# the declaration is $lab/asset.json, and its data $lab/identity.json.
asset_variant() { # NAME [EDIT]
	variant "$1" "${2-}
import hashlib, os
i = p['VendorConfig'].pop('Identity')
p['Authentication']['IdentityAssetReference'] = 'com.example.laptop'
data = json.dumps({'Password': i['Password'], 'Identity': i['PKCS12']}).encode()
with open('/run/lab/identity.json', 'wb') as f:
    f.write(data)
os.chmod('/run/lab/identity.json', 0o600)
json.dump({'Type': 'com.apple.asset.credential.identity',
           'Identifier': 'com.example.laptop',
           'Payload': {'Reference': {
               'DataURL': 'file:///run/lab/identity.json',
               'ContentType': 'application/json', 'Size': len(data),
               'Hash-SHA-256': hashlib.sha256(data).hexdigest()}}},
          open('/run/lab/asset.json', 'w'))"
}

start_gateway() {
	start gateway gateway adit-gateway run /etc/gw
	until_true 5 on gateway sh -c 'ss -Hlun sport = :443 | grep -q .' ||
		fail "the gateway does not start"
}

start_aditd() {
	start aditd laptop aditd
	until_true 5 on laptop adit status || fail "aditd does not start"
}

add_profiles() { # NAME...
	local name
	for name in "$@"; do
		on laptop adit profile add "/run/lab/$name.json" \
			>>"$lab/add.log" 2>&1 || fail "adit profile add $name"
	done
}

# adit ARGUMENTS... on the laptop must end with this code.
expect() { # CODE ARGUMENTS...
	local code=$1 got
	shift
	on laptop adit "$@" >"$lab/adit.out" 2>"$lab/adit.err"
	got=$?
	[ $got -eq "$code" ] || fail "adit $* ended with $got, not $code:" \
		"$(cat "$lab/adit.out" "$lab/adit.err")"
	[ "$code" -eq 0 ] || [ "$(wc -l <"$lab/adit.err")" -eq 1 ] ||
		fail "adit $*: the error is not one line: $(cat "$lab/adit.err")"
	checks=$((checks + 1))
}

state_is() { # STATE
	# The session's, not what is wanted of it.
	on laptop adit status --json |
		grep -q $'^\t"state":[[:space:]]*"'"$1\""
}

until_state() { # SECONDS STATE
	until_true "$1" state_is "$2" ||
		fail "not $2 in $1 s: $(on laptop adit status)"
}

reaches() { # ADDRESS...: every ping of a few comes back
	local address
	for address in "$@"; do
		on laptop ping -c 3 -i 0.01 -w 10 "$address" \
			>"$lab/reach" 2>&1 &&
			[ "$(pings_lost "$lab/reach")" = 0 ] ||
			fail "ping $address: $(cat "$lab/reach")"
	done
}

# The laptop is as it was before the first tunnel.
as_before() { # AFTER-WHAT
	lab_snapshot laptop >"$lab/laptop.after"
	diff "$lab/laptop.before" "$lab/laptop.after" >&3 ||
		fail "the laptop is not as it was after $1"
	checks=$((checks + 1))
}

# What the laptop lost when its link was set down.
link_back() {
	on laptop ip link set up0 up &&
		on laptop ip route add default via 192.0.2.1 &&
		lab_address laptop up0 2001:db8:1::10/64 &&
		on laptop ip route add default via 2001:db8:1::1 ||
		fail "the link does not come back"
}

# aditd ends in a second, with code 0, and leaves nothing.
end_aditd() { # IN-WHICH-STATE
	local began took code
	began=$(now_ms)
	stop aditd TERM
	code=$?
	took=$(took_ms "$began")
	[ $code -eq 0 ] || fail "aditd ended with $code ($1)"
	in_time "$took" 1000 || fail "aditd took $took ms to end ($1)"
	[ "$took" -gt "${slowest_end:-0}" ] && slowest_end=$took
	as_before "SIGTERM ($1)"
}

ping_last() {
	sed -n 's/.*bytes from .*icmp_seq=\([0-9]*\) .*/\1/p' "$lab/ping.log" |
		tail -n 1
}

ping_is_past() { # NUMBER
	local last
	last=$(ping_last)
	[ "${last:-0}" -gt "$1" ]
}

# A ping on the uplink, from a while before what follows until a while after.
ping_begin() {
	start ping laptop ping -i 0.005 192.0.2.1
	until_true 5 grep -q 'icmp_seq=40 ' "$lab/ping.log" ||
		fail "the ping does not begin"
}

ping_must_be_whole() { # WHILE-WHAT
	local last lost
	last=$(ping_last)
	until_true 5 ping_is_past $((last + 40)) ||
		fail "the ping does not go on while $1"
	stop ping INT
	lost=$(pings_lost "$lab/ping.log")
	[ "$lost" = 0 ] || fail "$lost pings lost while $1"
	pings=$((${pings:-0} + $(ping_last)))
}

# For servers that speak TLS, by the openssl program.
make_ca() { # NAME: $lab/NAME.pem
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign \
		-keyout "$lab/$1.key" -out "$lab/$1.pem" 2>"$lab/openssl.log" ||
		fail "$(cat "$lab/openssl.log")"
}

make_certificate() { # CA NAME DAYS [ALTERNATIVE]: $lab/server.pem
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj "/CN=$2" -addext "subjectAltName=${4-DNS:$2}" \
		-keyout "$lab/server.key" -out "$lab/server.csr" \
		2>"$lab/openssl.log" &&
		openssl x509 -req -in "$lab/server.csr" -CA "$lab/$1.pem" \
			-CAkey "$lab/$1.key" -CAcreateserial -days "$3" \
			-copy_extensions copy -out "$lab/server.pem" \
			2>"$lab/openssl.log" ||
		fail "$(cat "$lab/openssl.log")"
}
