#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# guest.sh SCRIPT [ARG...]: run a script as root in a kernel with Wi-Fi.
#
# The kernel and QEMU are those of `config/deps.sh wifi`. The guest sees this
# machine's files at the same paths, with those of build/deps/wifi as if they
# were installed; what it writes is lost, except in /guest, which is
# $guest_share here. Its radios are mac80211_hwsim's: what one sends, the
# others on its channel hear. Output streams; the exit code is the script's,
# 77 where there can be no guest, 124 if it took too long, 125 if it died.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
deps=$root/build/deps/wifi
radios=${guest_radios:-5} seconds=${guest_seconds:-600}

cannot() {
	echo "$*"
	exit 77
}

[ "$(uname -sm)" = "Linux x86_64" ] || cannot "the guest is for Linux on x86-64"
[ -e "$deps/.complete" ] ||
	cannot "no QEMU, kernel and hostapd here (config/deps.sh wifi)"
deps=$(readlink -f "$deps")
release=$(basename "$deps"/usr/lib/modules/*)

work=$(mktemp -d "${TMPDIR:-/tmp}/adit-guest.XXXXXX") || exit
guest_pid=
trap 'kill $guest_pid 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
share=${guest_share:-$work/share}
mkdir -p "$work/initrd"/{bin,dev,host,layer,modules,new,proc,write} "$share"
rm -f "$share/code"

# --- what is up before the root is: busybox, virtio, 9p, overlay ---

modules_of() { # MODULE...: with all they need, each once
	local module
	for module in "$@"; do
		modprobe -d "$deps/usr" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

command=$(printf ' %q' "$(readlink -f "$1")" "${@:2}")
cp "$deps/usr/bin/busybox" "$work/initrd/bin/" &&
	cp "$root/tests/lab/guest_init.sh" "$work/initrd/init" &&
	cp "$root/tests/lab/guest_root.sh" "$share/root.sh" || exit 125
# Every simulated host copies /etc: file by file over 9p that takes half a minute.
tar -C / --exclude=etc/ssl --exclude=etc/fonts \
	--exclude="etc/alternatives/*.gz" -cf "$share/etc.tar" etc \
	2>"$work/tar.log" &&
	tar -C "$deps" -rf "$share/etc.tar" etc || exit 125
n=100 # their names then sort in the order in which they load
while read -r module; do
	cp "$module" "$work/initrd/modules/$((n++)).ko" || exit 125
done < <(modules_of virtio_pci virtio_console 9pnet_virtio 9p overlay)
printf 'guest_%s=%q\n' radios "$radios" folder "$PWD" \
	command "$command" >"$work/initrd/settings"
(cd "$work/initrd" && find . | ./bin/busybox cpio -o -H newc) \
	>"$work/initrd.cpio" 2>"$work/cpio.log" || exit 125

# Unpacked, the kernel need not do it, which takes it seconds in emulation.
# Documentation/x86/boot.rst says where it lies.
kernel=$deps/boot/vmlinuz-$release
field() { # OFFSET BYTES
	od -An -tu"$2" -j "$1" -N "$2" "$kernel" | tr -d ' '
}
tail -c "+$((($(field 497 1) + 1) * 512 + $(field 584 4) + 1))" "$kernel" |
	head -c "$(field 588 4)" |
	xz -dc --single-stream >"$work/vmlinux" 2>"$work/xz.log" &&
	kernel=$work/vmlinux

# --- the machine ---

# Emulated even where /dev/kvm is: a nested one may start, and then stand still.
# The clock is the HPET: a busy machine's guest measures its TSC wrongly, and all
# its seconds were half as long. The translated code's room is so large that none is thrown away.
machine=(-M "pc,usb=off,vmport=off" -cpu max -smp 2 -m 1024
	-accel "tcg,thread=multi,tb-size=512"
	-nodefaults -no-user-config -display none -no-reboot
	-L "$deps/usr/share/qemu" -L "$deps/usr/share/seabios"
	-serial "file:$work/console")
[ "$kernel" != "$work/vmlinux" ] || machine+=(-bios qboot.rom)
mkfifo "$work/out"
cat "$work/out" &
LD_LIBRARY_PATH=$deps/usr/lib/x86_64-linux-gnu nice -n -10 timeout -k 5 "$seconds" \
	"$deps/usr/bin/qemu-system-x86_64" "${machine[@]}" \
	-kernel "$kernel" -initrd "$work/initrd.cpio" \
	-append "console=ttyS0 quiet reboot=t panic=-1 mitigations=off \
		clocksource=hpet no_timer_check random.trust_cpu=on \
		cryptomgr.notests audit=0" \
	-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
	-device virtio-9p-pci,fsdev=root,mount_tag=root \
	-fsdev local,id=layer,path="$deps",security_model=none,readonly=on \
	-device virtio-9p-pci,fsdev=layer,mount_tag=layer \
	-fsdev local,id=share,path="$share",security_model=none,multidevs=remap \
	-device virtio-9p-pci,fsdev=share,mount_tag=share \
	-device virtio-serial-pci -chardev file,id=out,path=/proc/self/fd/1,append=on \
	-device virtserialport,chardev=out </dev/null >"$work/out" &
guest_pid=$!
wait $guest_pid
code=$?
guest_pid=
wait
if [ "$code" = 124 ] || [ "$code" = 137 ]; then
	echo "the guest was not done after $seconds s"
	exit 124
fi
[ -s "$share/code" ] || {
	echo "the guest died (QEMU's code $code); its console said last:"
	tail -n 20 "$work/console"
	exit 125
}
exit "$(cat "$share/code")"
