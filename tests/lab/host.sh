#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# host.sh NAME DIR PROGRAMS: the first process of a simulated host (lab.sh).
#
# Runs in new network, mount, process and host-name namespaces, gives them
# their own /dev, /etc, /run, /var/lib, /proc and /sys, and then waits for the end of
# its standard input; everything else in the host ends with it. The machine's
# own files are seen, and none of them can be changed through these folders.
set -eu
name=$1 dir=$2 programs=$3 lab=${2%/*}

# A copy of "ip netns"'s mounts would keep other people's networks alive.
umount -a -t nsfs
mount -t proc proc /proc
mount -t sysfs sysfs /sys
echo "$name" >/proc/sys/kernel/hostname

# Addresses are there at once, without duplicate address detection.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
ip link set lo up

mount -t tmpfs -o mode=0755 tmpfs "$dir"
mkdir -p "$dir"/{dev/net,dev/pts,dev/shm,etc,run/bin,run/lab,lib/adit}
cp -a /etc/. "$dir/etc"
rm -rf "$dir/etc/resolv.conf" "$dir/etc/adit"
mkdir -m 0755 "$dir/etc/adit"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$dir/etc/hosts"
printf '# of %s\nnameserver 192.0.2.1\n' "$name" >"$dir/etc/resolv.conf"

# A clone below /run or /var/lib is reached as /run/bin, too.
mount --bind "$programs" "$dir/run/bin"
mount --bind "$lab" "$dir/run/lab"
mount --bind "$dir/etc" /etc
mount --rbind "$dir/lib" /var/lib
mount --rbind "$dir/run" /run

# Devices of its own: what a test does to them, it does to nobody else's.
for device in null zero full random urandom tty net/tun; do
	cp -a "/dev/$device" "$dir/dev/$device"
done
ln -s pts/ptmx "$dir/dev/ptmx"
ln -s /proc/self/fd "$dir/dev/fd"
mount --bind /dev/pts "$dir/dev/pts"
mount --rbind "$dir/dev" /dev

: >/run/lab/"$name".ready
read -r _ || true
