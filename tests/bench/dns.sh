#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dns.sh [ROUNDS [SECONDS]]: our resolver beside dnsmasq and unbound, in turn, in
# one run, each on one core and forwarding to the same nsd; dnsperf asks from
# the other core. Cached: one name again and again; forwarded: names that
# nobody asked before. All of it in a network namespace of its own. PEERS is
# where the packages are unpacked (build/deps/peers).
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
peers=${PEERS-$root/build/deps/peers}
rounds=${1-3}
seconds=${2-3}
stub=$root/build/linux/lab/dns_stub
export LD_LIBRARY_PATH=$peers/usr/lib/x86_64-linux-gnu
PATH=$peers/usr/bin:$peers/usr/sbin:$PATH

[ "$(id -u)" = 0 ] || { echo "bench: needs root"; exit 77; }
for p in dnsperf dnsmasq unbound nsd "$stub"; do
	command -v "$p" >/dev/null || { echo "bench: no $p"; exit 77; }
done
[ -n "${ADIT_BENCH-}" ] || exec env ADIT_BENCH=1 unshare --net --mount \
	--propagation private "$0" "$@"

ip link set lo up
work=$(mktemp -d)
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

run() { # CORE COMMAND...
	local core=$1
	shift
	taskset -c "$core" "$@" >>"$work/log" 2>&1 &
	pids="$pids $!"
}

cat >"$work/zone" <<-END
	\$ORIGIN example.
	\$TTL 3600
	@ SOA ns hostmaster 1 3600 600 86400 3600
	@ NS ns
	ns A 192.0.2.1
	* A 192.0.2.2
END
cat >"$work/nsd.conf" <<-END
	server:
	  ip-address: 127.0.0.1@5300
	  zonesdir: $work
	  username: ""
	  database: ""
	  pidfile: ""
	  xfrdfile: ""
	  zonelistfile: ""
	  xfrdir: $work
	  rrl-ratelimit: 0
	  rrl-whitelist-ratelimit: 0
	remote-control:
	  control-enable: no
	zone:
	  name: example
	  zonefile: zone
END
cat >"$work/unbound.conf" <<-END
	server:
	  interface: 127.0.0.1@5303
	  module-config: "iterator"
	  do-not-query-localhost: no
	  num-threads: 1
	  username: ""
	  chroot: ""
	  directory: "$work"
	  pidfile: ""
	  use-syslog: no
	  use-caps-for-id: yes
	  minimal-responses: yes
	  ratelimit: 0
	  ip-ratelimit: 0
	  num-queries-per-thread: 10000
	  outgoing-range: 900
	remote-control:
	  control-enable: no
	forward-zone:
	  name: "."
	  forward-addr: 127.0.0.1@5300
END
run 1 nsd -d -c "$work/nsd.conf"
run 0 "$stub" 127.0.0.1:5301 mode=off uplink=127.0.0.1:5300
run 0 dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
	--port=5302 --listen-address=127.0.0.1 --bind-interfaces --user=root \
	--server=127.0.0.1#5300 --dns-forward-max=10000 --cache-size=10000 \
	--pid-file=
run 0 unbound -d -c "$work/unbound.conf"

echo "www.example A" >"$work/cached"
answers() { # PORT
	local i
	for ((i = 0; i < 100; i++)); do
		dnsperf -s 127.0.0.1 -p "$1" -d "$work/cached" -n 1 -t 0.1 \
			2>/dev/null | grep -q 'completed: *1 ' && return
	done
	cat "$work/log" >&2
	exit 1
}
for port in 5300 5301 5302 5303; do answers $port; done

serial=0
fresh() {
	serial=$((serial + 1))
	seq -f "n${serial}x%.0f.example A" 400000 >"$work/fresh"
}
perf() { # PORT FILE CLIENTS
	taskset -c 1 dnsperf -s 127.0.0.1 -p "$1" -d "$2" -l "$seconds" -c "$3" \
		-q "$3" -S 0 2>/dev/null >"$work/out" || true
	awk '/Queries per second/ { q = $4 } /Queries lost/ { l = $3 }
		/Average Latency/ { a = $4 }
		END { printf "%d %.3f %d\n", q, a * 1000, l }' "$work/out"
}

printf '%-10s %-8s %10s %10s %6s\n' kind server "per s" "mean ms" lost
for kind in cached fresh; do
	for ((i = 0; i < rounds; i++)); do
		for peer in adit:5301 dnsmasq:5302 unbound:5303; do
			[ $kind = cached ] || fresh
			read -r qps mean lost < <(perf "${peer#*:}" "$work/$kind" 64)
			printf '%-10s %-8s %10s %10s %6s\n' $kind "${peer%:*}" \
				"$qps" "$mean" "$lost"
		done
	done
done
taskset -c 1 python3 tests/bench/dns_latency.py 5300 5301
[ -z "${VERBOSE-}" ] || cat "$work/log"
