#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# deps.sh [PACKAGE-SET...]: get what adit is built, tested and shown with.
#
#   build   compiler, libuv, cJSON, libmnl, sd-bus, check, and wolfSSL; and
#           IPsec-MB where there is one, which is an option
#   lab     what the demo and the namespace tests run (iproute2, nft, ...)
#   lint    clang-format, cppcheck, shellcheck, python3
#   fuzz    clang with libFuzzer
#   count   valgrind, for `make bench-instructions`
#   bench   what `make bench` draws and counts with (gnuplot, strace)
#   peers   what it compares with, unpacked into build/deps/peers
#   owners  the programs that own a host's DNS, unpacked into build/deps/owners
#   resolvers  the same for `make bench-dns`
#   wifi    a machine with Wi-Fi for tests/wifi: QEMU, a stock kernel, hostapd,
#           wpa_supplicant, iwd, unpacked into build/deps/wifi
#
# Safe to run again: it says nothing when there is nothing to do. wolfSSL is
# taken from the machine when that one has every feature (a probe is compiled
# and run; the version number alone proves little), else built once from the
# distribution's own source into build/deps/. Mirrors come from the machine's
# settings; none is written here.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
deps=$root/build/deps
log=$deps/log
jobs=$(nproc 2>/dev/null || echo 2)

say() { printf '%s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }

packages_of() {
	case $1 in
	build) say gcc libc6-dev make pkg-config libuv1-dev libcjson-dev \
		libmnl-dev libsystemd-dev check autoconf automake libtool xz-utils \
		ca-certificates ;;
	lab) say iproute2 nftables iputils-ping iperf3 tcpdump curl procps \
		python3 python3-cryptography python3-jsonschema openssl socat \
		util-linux kmod systemd knot-dnsutils bind9-dnsutils busybox \
		musl-tools dbus-daemon dbus-system-bus-common ;;
	lint) say clang-format cppcheck shellcheck git python3 ;;
	fuzz) say clang libclang-rt-dev ;;
	count) say valgrind ;;
	bench) say gnuplot-nox strace ;;
	peers | owners | resolvers | wifi) ;; # not installed: ensure_peers, ...
	*) die "unknown package set \"$1\" (build, lab, lint, fuzz, count, bench, peers, owners, resolvers, wifi)" ;;
	esac
}

# Debian: which of the packages are not installed? `dpkg-query` knows, and
# needs neither root nor the network.
missing_packages() {
	for p in "$@"; do
		dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null |
			grep -q '^install ok installed$' || printf '%s ' "$p"
	done
}

install_packages() {
	command -v dpkg-query >/dev/null 2>&1 || {
		say "deps: not a Debian system, so packages are yours to install:" \
			"$*" >&2
		return 0
	}
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	say "Installing Debian packages: $missing"
	[ "$(id -u)" = 0 ] || die "this needs root. Run as root: apt-get install $missing"
	export DEBIAN_FRONTEND=noninteractive
	mkdir -p "$deps"
	# shellcheck disable=SC2086
	if ! { apt-get -q update && apt-get -q -y --no-install-recommends \
		install $missing; } >"$log.apt" 2>&1 </dev/null; then
		tail -n 5 "$log.apt" >&2
		die "apt-get failed; all of it is in $log.apt"
	fi
}

# probe FLAGS...: compile and run crypto/wolfssl_probe.c with these flags.
probe() {
	mkdir -p "$deps"
	${CC:-cc} -o "$deps/probe" "$root/crypto/wolfssl_probe.c" "$@" \
		-lm -lpthread >"$log.probe" 2>&1 && "$deps/probe" >>"$log.probe" 2>&1
}

# The flags of the wolfSSL in use go into build/deps/wolfssl.mk, which the
# Makefile includes.
write_flags() {
	printf 'WOLFSSL_CFLAGS := %s\nWOLFSSL_LIBS := %s\n' "$1" "$2" >"$deps/wolfssl.mk.new"
	mv "$deps/wolfssl.mk.new" "$deps/wolfssl.mk"
}

flags_still_work() {
	[ -f "$deps/wolfssl.mk" ] || return 1
	# shellcheck disable=SC2046
	probe $(sed -n 's/^[A-Z_]* := //p' "$deps/wolfssl.mk")
}

# private_apt_for deb|deb-src: defines private_apt, which looks at the suite
# that has what we need, without touching the machine's own lists.
private_apt_for() {
	# The base archive, not an update or security suite of it.
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' \
		'Created-By: Packages' | awk '$2 !~ /-/ { print $1; exit }')
	[ -n "$mirror" ] || die "apt names no archive to take it from"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -f "$keyring" ] || die "no $keyring (package debian-archive-keyring)"
	apt=$deps/apt-$1
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	printf '%s [signed-by=%s] %s sid main\n' "$1" "$keyring" "$mirror" \
		>"$apt/sources.list"
	private_apt() {
		apt-get -q -o Dir::Etc::SourceList="$apt/sources.list" \
			-o Dir::Etc::SourceParts=/dev/null \
			-o Dir::State::Lists="$apt/lists" \
			-o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
			-o APT::Get::List-Cleanup=false "$@"
	}
}

fetch_source() {
	private_apt_for deb-src
	say "Fetching wolfSSL's source from the distribution (signed index)"
	if ! { private_apt update && cd "$deps" &&
		private_apt source --tar-only wolfssl; } >"$log.source" 2>&1; then
		tail -n 5 "$log.source" >&2
		die "cannot get wolfSSL's source; all of it is in $log.source"
	fi
	cd "$root"
}

# Programs to compare with, unpacked and never installed: build/deps/peers/usr.
ensure_peers() {
	peers=$deps/peers
	mkdir -p "$peers/openvpn"
	if [ ! -x "$peers/usr/bin/wireguard-go" ]; then
		private_apt_for deb
		say "Fetching wireguard-go to compare with (unpacked, not installed)"
		if ! { private_apt update && cd "$peers" &&
			private_apt download wireguard-go &&
			for deb in ./*.deb; do dpkg-deb -x "$deb" .; done; } \
			>"$log.peers" 2>&1; then
			tail -n 5 "$log.peers" >&2
			die "cannot get wireguard-go; all of it is in $log.peers"
		fi
	fi
	if [ ! -x "$peers/usr/sbin/openvpn" ]; then
		say "Fetching OpenVPN to compare with (unpacked, not installed)"
		# With what of its dependencies the machine has not.
		# shellcheck disable=SC2046
		if ! { cd "$peers/openvpn" &&
			apt-get -q -o APT::Sandbox::User=root download openvpn \
				$(apt-get -s --no-install-recommends install \
					openvpn | awk '$1 == "Inst" &&
					$2 != "openvpn" && $3 ~ /^\(/ { print $2 }') &&
			for deb in ./*.deb; do dpkg-deb -x "$deb" ..; done &&
			if [ -d ../lib ]; then
				cp -a ../lib/. ../usr/lib/ && rm -r ../lib
			fi; } \
			>"$log.peers" 2>&1; then
			tail -n 5 "$log.peers" >&2
			die "cannot get OpenVPN; all of it is in $log.peers"
		fi
	fi
	cd "$root"
}

# An option, for x86-64: a second AES-256-GCM (crypto/aead_ipsec_mb.c, which is
# its own probe). It is installed when that needs no asking, at the first run.
ensure_ipsec_mb() {
	libs=
	mk=$deps/ipsec_mb.mk
	if [ ! -f "$mk" ] && [ "$(uname -m)" = x86_64 ] &&
		[ "$(id -u)" = 0 ] && command -v dpkg-query >/dev/null 2>&1 &&
		[ -n "$(missing_packages libipsec-mb-dev)" ] &&
		apt-cache show libipsec-mb-dev >/dev/null 2>&1; then
		say "Installing Debian package libipsec-mb-dev (an option)"
		{ apt-get -q update && apt-get -q -y --no-install-recommends \
			install libipsec-mb-dev; } >"$log.ipsec_mb" 2>&1 \
			</dev/null || say "deps: it cannot be had; going on without it"
	fi
	if ${CC:-cc} -std=gnu11 -shared -fPIC -I"$root" -o "$deps/probe.so" \
		-Werror=implicit-function-declaration \
		"$root/crypto/aead_ipsec_mb.c" -lIPSec_MB >"$log.ipsec_mb.probe" 2>&1; then
		libs='-Wl,--as-needed -lIPSec_MB'
	fi
	printf 'IPSEC_MB_LIBS := %s\n' "$libs" >"$mk.new"
	if cmp -s "$mk.new" "$mk"; then
		rm "$mk.new"
	else
		mv "$mk.new" "$mk"
	fi
}

# needed_by PACKAGE...: what of their dependencies the machine has not.
needed_by() {
	apt-get -s --no-install-recommends install "$@" |
		awk '$1 == "Inst" && $3 ~ /^\(/ { print $2 }'
}

# unpack_owner NAME PACKAGE...: with all they need, into build/deps/owners/NAME.
unpack_owner() {
	owner=$deps/owners/$1; shift
	# shellcheck disable=SC2046
	unpack "$owner" "$@" $(needed_by "$@")
}

# unpack FOLDER PACKAGE...: once. A package's own lib/ or sbin/ is folded into
# usr/, for it would hide the root's link of that name.
unpack() {
	[ -e "$1/.complete" ] && return 0
	rm -rf "$1" && mkdir -p "$1/usr" && cd "$1" && shift || return 1
	apt-get -q -o APT::Sandbox::User=root download "$@" || return 1
	for deb in ./*.deb; do
		dpkg-deb -x "$deb" . || return 1
	done
	for dir in bin sbin lib lib64; do
		[ -d "$dir" ] || continue
		mkdir -p "usr/$dir"
		cp -a "$dir/." "usr/$dir/" && rm -r "$dir" || return 1
	done
	rm -rf ./*.deb usr/share/man usr/share/doc usr/share/locale
	: >.complete
}

# They would take the machine's own DNS if they were installed; two of them
# exclude each other.
ensure_owners() {
	for name in resolved networkmanager openresolv resolvconf; do
		[ -e "$deps/owners/$name/.complete" ] || missing_owner=$name
	done
	[ "${missing_owner-}" ] || return 0
	say "Fetching the owners of a host's DNS (unpacked, not installed)"
	if ! { { apt-get -q update || [ "$(id -u)" != 0 ]; } &&
		unpack_owner resolved systemd-resolved systemd \
			libsystemd-shared dbus &&
		unpack_owner networkmanager network-manager dnsmasq-base dbus &&
		unpack_owner openresolv openresolv &&
		unpack_owner resolvconf resolvconf; } >"$log.owners" 2>&1; then
		tail -n 5 "$log.owners" >&2
		die "cannot get them; all of it is in $log.owners"
	fi
	cd "$root"
}

ensure_resolvers() {
	peers=$deps/peers
	[ -x "$peers/usr/bin/dnsperf" ] && return 0
	mkdir -p "$peers/resolvers"
	say "Fetching dnsperf, dnsmasq, unbound and nsd (unpacked, not installed)"
	if ! { cd "$peers/resolvers" && apt-get -q -o APT::Sandbox::User=root \
		download dnsperf dnsmasq-base unbound nsd libck0 libldns3 \
		libevent-2.1-7 libprotobuf-c1 libfstrm0 \
		libnetfilter-conntrack3 libnfnetlink0 &&
		for deb in ./*.deb; do dpkg-deb -x "$deb" ..; done; } \
		>"$log.resolvers" 2>&1; then
		tail -n 5 "$log.resolvers" >&2
		die "cannot get the resolvers; all of it is in $log.resolvers"
	fi
	cd "$root"
}

# The kernel's name is in the package that depends on the newest. busybox is
# the static one: it is the whole user space before the root is mounted.
unpack_wifi() {
	kernel=$(apt-cache depends "linux-image-$(dpkg --print-architecture)" |
		awk '$1 == "Depends:" { print $2; exit }')
	set -- qemu-system-x86 hostapd wpasupplicant iwd iw dnsmasq-base dbus
	[ -n "$kernel" ] || return 1
	# shellcheck disable=SC2046
	unpack "$deps/wifi" $(needed_by "$@") busybox-static "$kernel" &&
		depmod -b "$deps/wifi/usr" "${kernel#linux-image-}"
}

# A test that needs them says so by name; that is no failure of the build.
ensure_wifi() {
	[ ! -e "$deps/wifi/.complete" ] || return 0
	[ "$(uname -m)" = x86_64 ] || return 0
	say "Fetching a machine with Wi-Fi: QEMU, a kernel, hostapd (unpacked, not installed)"
	if ! { { apt-get -q update || [ "$(id -u)" != 0 ]; } &&
		unpack_wifi; } >"$log.wifi" 2>&1; then
		tail -n 5 "$log.wifi" >&2
		say "deps: no Wi-Fi here; all of it is in $log.wifi" >&2
	fi
	cd "$root"
}

# step NAME COMMAND...: one line for a long step, with its time.
step() {
	name=$1; shift
	printf '  %-34s' "$name"
	began=$(date +%s)
	if ! "$@" >>"$log.wolfssl" 2>&1; then
		printf 'failed\n'
		tail -n 5 "$log.wolfssl" >&2
		die "building wolfSSL failed; all of it is in $log.wolfssl"
	fi
	printf '%4s s\n' $(($(date +%s) - began))
}

build_wolfssl() {
	# shellcheck disable=SC2012
	tarball=$(ls -v "$deps"/wolfssl_*.orig.tar.* 2>/dev/null | tail -n 1)
	[ -n "$tarball" ] || { fetch_source
		# shellcheck disable=SC2012
		tarball=$(ls -v "$deps"/wolfssl_*.orig.tar.* | tail -n 1); }
	say "Building wolfSSL once into build/deps (about three minutes)"
	: >"$log.wolfssl"
	src=$deps/wolfssl-src
	rm -rf "$src" && mkdir -p "$src"
	step "unpacking" tar -xf "$tarball" -C "$src" --strip-components=1
	cd "$src"
	case $(uname -m) in
	x86_64) asm="--enable-intelasm --enable-sp-asm" ;;
	aarch64) asm="--enable-armasm --enable-sp-asm" ;;
	*) asm= ;;
	esac
	step "preparing (autoconf)" ./autogen.sh
	# shellcheck disable=SC2086
	step "configuring" ./configure --prefix="$deps/wolfssl" \
		--disable-shared --enable-static $asm --enable-sp=yes,asm \
		--enable-dtls --enable-dtls13 --enable-dtlscid \
		--enable-dtls-frag-ch --enable-dtls-mtu \
		--enable-mlkem --enable-pqc-hybrids --enable-mldsa \
		--enable-keying-material --enable-curve25519 --enable-ed25519 \
		--enable-hkdf --enable-certgen --enable-certext \
		--enable-certreq --enable-keygen --enable-pkcs7 --enable-des3 \
		--enable-rc2 --enable-ocsp --enable-crl \
		--enable-session-ticket --enable-sni --enable-alpn \
		--enable-aesgcm-stream --disable-oldtls --disable-examples \
		--disable-crypttests --enable-siphash \
		CFLAGS="-O2 -DDTLS13_MIN_RTX_INTERVAL=100 -DKEEP_PEER_CERT -DWOLFSSL_ALWAYS_VERIFY_CB -DWOLFSSL_IP_ALT_NAME"
	step "compiling" make -j"$jobs"
	step "installing into build/deps" make install
	cd "$root"
	rm -rf "$src"
}

ensure_wolfssl() {
	flags_still_work && return 0
	if pkg-config --exists wolfssl 2>/dev/null; then
		cflags=$(pkg-config --cflags wolfssl)
		libs=$(pkg-config --libs wolfssl)
		# shellcheck disable=SC2086
		if probe $cflags $libs; then
			write_flags "$cflags" "$libs"
			return 0
		fi
	fi
	own_cflags="-isystem $deps/wolfssl/include"
	own_libs="$deps/wolfssl/lib/libwolfssl.a"
	# shellcheck disable=SC2086
	if ! { [ -f "$own_libs" ] && probe $own_cflags $own_libs; }; then
		build_wolfssl
		# shellcheck disable=SC2086
		probe $own_cflags $own_libs || {
			cat "$log.probe" >&2
			die "the wolfSSL just built lacks a feature (above)"
		}
	fi
	write_flags "$own_cflags" "$own_libs"
}

# Two at once, as tests that run side by side, would unpack over each other.
take_turns() {
	mkdir -p "$deps"
	command -v flock >/dev/null 2>&1 || return 0
	exec 9>"$deps/lock"
	flock 9
}

[ $# -gt 0 ] || set -- build
take_turns
wanted=
for set in "$@"; do
	wanted="$wanted $(packages_of "$set")"
done
# shellcheck disable=SC2086
install_packages $wanted
case " $* " in
*" build "*)
	ensure_wolfssl
	ensure_ipsec_mb
	;;
esac
case " $* " in
*" peers "*) ensure_peers ;;
esac
case " $* " in
*" owners "*) ensure_owners ;;
esac
case " $* " in
*" resolvers "*) ensure_resolvers ;;
esac
case " $* " in
*" wifi "*) ensure_wifi ;;
esac
