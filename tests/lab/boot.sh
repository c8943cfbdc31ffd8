#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# boot.sh DIR TREE: systemd as the first process of a host of lab.sh.
#
# Runs in new mount, process and cgroup namespaces inside such a host, whose
# network it has. The root is the machine's, below an overlay that is lost at
# the end, with TREE copied over it; of the machine's services none is started,
# and its devices and kernel settings are out of reach but for /dev/net/tun and
# /proc/sys/net.
set -eu
dir=$1 tree=$2

mount -t tmpfs tmpfs "$dir"
mkdir "$dir/up" "$dir/work" "$dir/root"
mount -t overlay -o "lowerdir=/,upperdir=$dir/up,workdir=$dir/work" overlay \
	"$dir/root"
cp -a /etc/hosts /etc/resolv.conf "$dir/root/etc"
cp -a "$tree/." "$dir/root"
cd "$dir/root"
rm -rf etc/systemd/system/*.wants usr/lib/systemd/system/*.wants etc/fstab \
	etc/adit var/lib/adit
: >etc/machine-id
printf '[Unit]\nAllowIsolate=yes\n' >etc/systemd/system/lab.target

mount -t proc proc proc
mount --bind proc/sys/net proc/sys/net
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mkdir run/lab
mount --bind /run/lab run/lab
mount -t tmpfs -o mode=0755 tmpfs dev
mkdir dev/net dev/pts dev/shm
for device in null zero full random urandom tty net/tun; do
	cp -a "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd

mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/usr/lib/systemd/systemd --unit=lab.target --log-target=console \
	--show-status=no
