# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests share that have a real owner of the host's DNS: unpacked over
# a lab host's /usr, never installed, with a bus of its own. Sourced, after or
# instead of lib.sh.
if [ -z "${lab_root-}" ]; then
	# shellcheck source=tests/netns/lib.sh
	. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
fi

owners=$lab_root/build/deps/owners

# Prints why there are none here, if so.
owners_cannot() {
	command -v apt-get >/dev/null && return 1
	echo "needs apt-get for the owners of DNS"
}

unpack_owners() {
	"$lab_root/config/deps.sh" owners || {
		echo "FAIL: the owners of DNS cannot be had"
		exit 1
	}
}

# What was unpacked of some packages over a host's /usr, and what they need.
owner_files() { # HOST [PACKAGE...]
	local host=$1
	shift
	on "$host" sh -c 'echo 0123456789abcdef0123456789abcdef >/etc/machine-id
		mkdir -p -m 0755 /run/dbus /run/lock /var/lib/adit
		chmod 700 /var/lib/adit
		mount -o remount,ro /sys
		for u in messagebus systemd-resolve dnsmasq; do
			grep -q "^$u:" /etc/passwd && continue
			echo "$u:x:994:994::/:/bin/false" >>/etc/passwd
			echo "$u:x:994:" >>/etc/group
		done'
	[ $# -eq 0 ] && return
	mkdir "$lab/$host-root"
	while [ $# -gt 0 ]; do
		cp -a "$owners/$1/." "$lab/$host-root/" || fail "no package $1"
		shift
	done
	on "$host" sh -c "cp -a /run/lab/$host-root/etc/. /etc/ 2>/dev/null
		mount -t overlay -o lowerdir=/run/lab/$host-root/usr:/usr none /usr" ||
		fail "no overlay for $host"
}

bus() { # HOST
	on "$1" dbus-daemon --system --fork --nopidfile || fail "no bus on $1"
}

start_resolved() { # HOST
	on "$1" sh -c 'mkdir -p /run/systemd/resolve
		chown systemd-resolve: /run/systemd/resolve
		ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf'
	start "daemon-$1" "$1" /usr/lib/systemd/systemd-resolved
	until_true 5 on "$1" resolvectl status || fail "no resolved on $1"
}

# The cafe's server for all names, as DHCP would have told it.
resolved_uplink() { # HOST
	on "$1" resolvectl dns up0 192.0.2.1 &&
		on "$1" resolvectl domain up0 lan.example &&
		on "$1" resolvectl default-route up0 yes ||
		fail "resolved has no uplink"
}

# Which server is the current one is no setting.
resolved_state() { # HOST
	on "$1" resolvectl status |
		sed 's/^ *//; s/^Link [0-9]*/Link/; /^Current DNS Server/d'
}

# With a connection for up0, of 192.0.2.$number (or 10).
start_nm() { # HOST LINE...
	local host=$1
	shift
	on "$host" sh -c 'mkdir -p /run/NetworkManager /var/lib/NetworkManager \
		/etc/NetworkManager/system-connections
		rm -f /etc/NetworkManager/conf.d/*'
	on "$host" sh -c 'cat >/etc/NetworkManager/NetworkManager.conf' <<-E
		[main]
		plugins=keyfile
		auth-polkit=false
		$(printf '%s\n' "$@")
		[keyfile]
		unmanaged-devices=
	E
	on "$host" sh -c '
		cd /etc/NetworkManager/system-connections
		cat >up0.nmconnection; chmod 600 up0.nmconnection' <<-E
		[connection]
		id=up0
		uuid=11111111-2222-3333-4444-555555555555
		type=ethernet
		interface-name=up0
		[ipv4]
		method=manual
		address1=192.0.2.${number:-10}/24,192.0.2.1
		dns=192.0.2.1;
		dns-search=lan.example;
		[ipv6]
		method=disabled
	E
	# What has addresses already it would take as somebody else's.
	on "$host" ip addr flush dev up0
	start "daemon-$host" "$host" NetworkManager --no-daemon
	until_true 15 on "$host" sh -c \
		'nmcli -t -f GENERAL.STATE device show up0 | grep -q "^GENERAL.STATE:100 (connected)$"' ||
		lab_logs=daemon-$host fail "NetworkManager does not start"
}

# A record of the uplink for whichever resolvconf it is.
start_resolvconf() { # HOST
	on "$1" sh -c 'mkdir -p /run/resolvconf/interface
		: >/run/resolvconf/enable-updates
		ln -sf /run/resolvconf/resolv.conf /etc/resolv.conf'
	uplink_record "$1"
}

uplink_record() { # HOST [SERVER]
	on "$1" sh -c 'printf "nameserver %s\nsearch lan.example\n" "$1" |
		resolvconf -a up0' - "${2-192.0.2.1}" || fail "resolvconf on $1"
}
