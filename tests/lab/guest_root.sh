#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The guest's first process once its root is there (guest_init.sh): mounts and
# devices that an init and udev would make, radios, then the script, then off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root

mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm /dev/net
mount -t devpts -o ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs /etc
tar -C / -xf /guest/etc.tar
mkdir -p /run/lock /run/netns
ln -s /proc/self/fd /dev/fd
for fd in stdin:0 stdout:1 stderr:2; do
	ln -s "fd/${fd#*:}" "/dev/${fd%:*}"
done
# The module loads when it is opened.
[ -e /dev/net/tun ] || mknod -m 666 /dev/net/tun c 10 200

hostname guest
ip link set lo up
modprobe mac80211_hwsim radios="${guest_radios:?}"
cd "${guest_folder:?}" || exit
setsid sh -c "exec ${guest_command:?}" </dev/null >"$(echo /dev/vport*p1)" 2>&1
echo $? >/guest/code
sync
exec busybox reboot -f
