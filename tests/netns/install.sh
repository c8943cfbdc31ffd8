#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make install and make uninstall, for a package and for this machine (below
# mounts of its own): what comes, with which modes, and that all of it goes and
# nothing else. What the units are worth is service.sh's question.
set -u
cd "$(dirname "$0")/../.." || exit 2
unset MAKEFLAGS MAKELEVEL # of the make that runs the tests
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
for tool in python3 setpriv unshare; do
	command -v $tool >/dev/null ||
		{ echo "needs $tool (make deps-test)" && exit 77; }
done
unshare -m true 2>/dev/null || { echo "may not make namespaces here"; exit 77; }
tmp=$(mktemp -d) checks=0
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAIL: $*"
	exit 1
}

list() { # FOLDER
	(cd "$1" && find . -printf '%y %m %p\n' | sort -k3)
}

# All that is installed, for a prefix and its folder of programs for root.
wanted() { # PREFIX SBINDIR UNITDIR
	printf 'f %s\n' "755 .$1/bin/adit" "755 .$2/adit-gateway" \
		"755 .$2/aditd" "644 .$1/lib/sysusers.d/adit.conf" \
		"644 .$3/adit-gateway.service" \
		"644 .$3/adit-gateway@.service" "644 .$3/aditd.service" |
		sort -k3
}

quietly() { # COMMAND...: nothing is built, and nothing said
	local said
	said=$("$@" 2>&1) || fail "$*: $said"
	[ -z "$said" ] || fail "$* says: $said"
	checks=$((checks + 1))
}

# Into a root that has files of others where ours go.
for_a_package() { # PREFIX SBINDIR UNITDIR KNOBS...
	local root="$tmp/a root" f
	local knobs=(DESTDIR="$root" PREFIX="$1" "${@:4}")
	mkdir -p "$root$1/bin" "$root$1/lib" "$root$2" "$root$3" "$root/etc/adit/profiles"
	touch "$root/etc/adit/profiles/mine.json" "$root$3/adit-mine.service" \
		"$root$1/bin/adit-mine"
	list "$root" >"$tmp/before"
	quietly make --no-print-directory install "${knobs[@]}"
	list "$root" | grep -vxFf "$tmp/before" | grep '^f' >"$tmp/came"
	wanted "$1" "$2" "$3" | diff - "$tmp/came" || fail "installed for $1"
	grep -rn '@[A-Z]*@' "$root$3" && fail "a placeholder is left"
	for f in aditd adit-gateway adit-gateway@; do
		grep -q "^ExecStart=$2/${f%@} \?" "$root$3/$f.service" ||
			fail "$f.service starts another program"
	done
	"$root$2/aditd" --version >"$tmp/version" &&
		"$root$1/bin/adit" version >"$tmp/version" &&
		"$root$2/adit-gateway" version >"$tmp/version" ||
		fail "an installed program does not run"
	quietly make --no-print-directory install "${knobs[@]}" # over itself
	quietly make --no-print-directory uninstall "${knobs[@]}"
	list "$root" | diff "$tmp/before" - || fail "uninstall for $1"
	quietly make --no-print-directory uninstall "${knobs[@]}" # nothing there
	rm -rf "$root"
}

# Nobody's: no root is needed, and no build folder that can be written.
without_root() {
	mkdir "$tmp/nobody" && chown 65534:65534 "$tmp/nobody" &&
		chmod 711 "$tmp"
	setpriv --reuid 65534 --regid 65534 --clear-groups test -r Makefile || {
		echo "note: not tried without root: $PWD is not theirs to read"
		return
	}
	quietly setpriv --reuid 65534 --regid 65534 --clear-groups \
		make --no-print-directory install DESTDIR="$tmp/nobody/root"
	[ -z "$(find "$tmp/nobody/root" ! -uid 65534)" ] || fail "not nobody's"
	rm -rf "$tmp/nobody"
}

here() { # TARGET PATTERN: it says so
	make --no-print-directory "$1" >"$tmp/said" 2>&1
	local code=$?
	grep -q "$2" "$tmp/said" || fail "make $1 says: $(cat "$tmp/said")"
	checks=$((checks + 1))
	return $code
}

# In a mount namespace: /usr/local and /etc/systemd/system are not the
# machine's.
for_this_machine() {
	local wants=/etc/systemd/system/multi-user.target.wants
	mount -t tmpfs tmpfs /usr/local && mount -t tmpfs tmpfs \
		/etc/systemd/system || fail "mount"
	mkdir -p $wants /usr/local/bin /usr/local/sbin /usr/local/lib
	list /usr/local >"$tmp/before"
	here install 'systemctl enable --now aditd' || fail "make install"
	ln -s /usr/local/lib/systemd/system/aditd.service $wants
	here uninstall 'systemctl disable --now aditd.service' &&
		fail "a service that is enabled is removed"
	[ -x /usr/local/sbin/aditd ] || fail "half of it was removed"
	rm $wants/aditd.service
	here uninstall 'stays: /etc/adit' || fail "make uninstall"
	list /usr/local | diff "$tmp/before" - || fail "make uninstall left more"
}

# launchd's file has the program's path, and nothing of systemd comes along.
for_launchd() {
	quietly make --no-print-directory install-darwin PLATFORM=darwin \
		DESTDIR="$tmp/mac" PREFIX=/opt/adit
	python3 - "$tmp/mac/Library/LaunchDaemons/org.adit.aditd.plist" <<-'PY' ||
		import plistlib, sys
		p = plistlib.load(open(sys.argv[1], "rb"))
		assert p["Label"] == "org.adit.aditd", p
		assert p["ProgramArguments"] == ["/opt/adit/sbin/aditd"], p
		assert p["RunAtLoad"] and p["KeepAlive"] == {"SuccessfulExit": False}
	PY
		fail "the plist"
	quietly make --no-print-directory uninstall PLATFORM=darwin \
		DESTDIR="$tmp/mac" PREFIX=/opt/adit
	[ -z "$(find "$tmp/mac" -type f)" ] || fail "uninstall left the plist"
}

if [ "${1-}" = in-namespace ]; then
	for_this_machine
	exit
fi
[ -x build/bin/aditd ] || fail "build/bin/aditd is missing: run make"
for_a_package /usr/local /usr/local/sbin /usr/local/lib/systemd/system
for_a_package /usr /usr/bin /lib/systemd/system \
	SBINDIR=/usr/bin UNITDIR=/lib/systemd/system
without_root
for_launchd
unshare -m --propagation private "$0" in-namespace || exit
echo "note: $checks installs and removals compared"
