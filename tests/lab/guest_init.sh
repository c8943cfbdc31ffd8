#!/bin/busybox sh
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# /init of the guest (guest.sh): makes a root of the machine's own files, those
# of build/deps/wifi above them, and a tmpfs above both, and enters it.
b=/bin/busybox
set -a
. /settings

die() {
	echo "guest: $*"
	$b poweroff -f
}

$b mount -t proc proc /proc
$b mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do
	$b insmod "$module" || die "no $module"
done

p9=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o $p9,ro,cache=loose root /host || die "no root"
$b mount -t 9p -o $p9,ro,cache=loose layer /layer || die "no layer"
$b mount -t tmpfs -o mode=0755,size=75% tmpfs /write
$b mkdir /write/upper /write/work
$b mount -t overlay -o lowerdir=/layer:/host,upperdir=/write/upper,workdir=/write/work \
	overlay /new || die "no overlay"
$b mkdir -p /new/guest
$b mount -t 9p -o $p9,cache=none share /new/guest || die "no share"
$b mount --move /dev /new/dev
$b mount --move /proc /new/proc
exec $b switch_root /new /bin/sh /guest/root.sh
