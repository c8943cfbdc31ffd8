# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of rules on demand share: a laptop with two wires, the cafe's
# (up0) and home's (up1), which differ in everything that a rule may ask for but
# Wi-Fi. Sourced, instead of lib.sh.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2034 # for who sources this
rules='[{"Action": "Disconnect", "InterfaceTypeMatch": "Ethernet",
	 "DNSDomainMatch": ["home.example"]},
	{"Action": "Connect", "DNSServerAddressMatch": ["192.0.2.*"]},
	{"Action": "Ignore"}]'

demand_begin() { # TOOL...
	programs_begin python3 "$@"
	lab_cable laptop up1 cafe to-home &&
		lab_address cafe to-home 10.9.0.1/24 &&
		lab_address laptop up1 10.9.0.10/24 || fail "no second wire"
	on cafe sysctl -qw net.ipv4.ip_forward=1
	on gateway ip route add 10.9.0.0/24 via 192.0.2.1
	go_to nowhere
}

resolver() { # SERVER DOMAIN
	on laptop sh -c "printf 'nameserver %s\nsearch %s\n' $1 $2 \
		>/etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf"
}

go_to() { # cafe | home | nowhere
	on laptop ip link set up0 down
	on laptop ip link set up1 down
	case $1 in
	cafe)
		resolver 192.0.2.1 cafe.example
		on laptop ip link set up0 up
		on laptop ip route add default via 192.0.2.1 || fail "no cafe"
		;;
	home)
		resolver 10.9.0.1 home.example
		on laptop ip link set up1 up
		on laptop ip route add default via 10.9.0.1 || fail "no home"
		;;
	esac
	began=$(now_ms)
}

# What `adit status --json` says, as s.
says() { # EXPRESSION
	on laptop adit status --json | python3 -c "
import json, sys
s = json.load(sys.stdin)
sys.exit(not ($1))"
}

until_says() { # WHAT EXPRESSION
	until_true 10 says "$2" || fail "$1: $(on laptop adit status --json |
		python3 -c 'import json, sys
s = json.load(sys.stdin)
print({k: s.get(k) for k in
	("state", "reason", "rule", "want", "hold", "network", "on_demand")})')"
	echo "note: $1: after $(($(now_ms) - began)) ms"
	checks=$((checks + 1))
}

stays() { # WHAT EXPRESSION
	local i
	for ((i = 0; i < 8; i++)); do
		says "$2" || fail "$1: $(on laptop adit status)"
		sleep 0.2
	done
	checks=$((checks + 1))
}

restart() {
	stop aditd "$1"
	start_aditd
	began=$(now_ms)
}

replace() { # NAME
	on laptop adit profile add --replace "/run/lab/$1.json" \
		>>"$lab/add.log" 2>&1 || fail "adit profile add --replace $1"
	began=$(now_ms)
}

with_rules() { # NAME RULES [EDIT]: a variant of the profile
	variant "$1" 'p["OnDemand"] = {"Enabled": True,
		"Rules": json.loads("""'"$2"'""")}
'"${3-}"
}
