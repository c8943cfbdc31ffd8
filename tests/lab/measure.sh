# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What tests measure, on a machine that others use, too.
#
# How long something took: a loop beside the
# test wakes up every 20 ms and notes when it could not: then the machine stood
# still, and what it did not do meanwhile is nobody's fault. What a program of
# ours does too slowly, the loop does not notice. Sourced, by lab.sh as well.
#
#   clock_begin FOLDER; began=$(now_ms); ...; took=$(took_ms "$began"); clock_end

now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

clock_begin() { # FOLDER
	clock_stalls=$1/stalls
	: >"$clock_stalls"
	mkfifo "$1/never"
	clock_watch "$1/never" >>"$clock_stalls" 2>&1 </dev/null 3>&- 4>&- &
	clock_pid=$!
}

# Lines of "when it was over, for how long", in ms. Ends with the shell.
clock_watch() { # FIFO
	local never now last=${EPOCHREALTIME/[.,]/} tick_us=20000
	exec {never}<>"$1"
	while kill -0 $$; do
		read -rt 0.02 -u "$never" || true
		now=${EPOCHREALTIME/[.,]/}
		[ $((now - last)) -lt $((3 * tick_us)) ] ||
			echo $((now / 1000)) $(((now - last - tick_us) / 1000))
		last=$now
	done
}

# Since a moment, without what the machine stood still.
took_ms() { # BEGAN
	local now
	now=$(now_ms)
	# Whatever is worth a look at the stalls; the last one is noted by then.
	[ $((now - $1)) -lt 100 ] || sleep 0.1
	awk -v from="$1" -v to="$now" '{
		start = $1 - $2 > from ? $1 - $2 : from
		end = $1 < to ? $1 : to
		stood += end > start ? end - start : 0
	}
	END { print to - from - stood }' "$clock_stalls"
}

clock_end() {
	[ -z "${clock_pid-}" ] || kill "$clock_pid" 2>/dev/null || true
	clock_pid=
}

# Do more processes want a CPU than there are CPUs? Then nothing is fast.
crowded() {
	local i _ tasks running=0
	for ((i = 0; i < 20; i++)); do
		read -r _ _ _ tasks _ </proc/loadavg
		running=$((running + ${tasks%/*} - 1)) # without this shell
		read -rt 0.01 <> <(:) || true
	done
	[ $((running / 20)) -ge "$(nproc)" ]
}

# In a crowd a promise of so many milliseconds is one of ten times as many.
in_time() { # TOOK LIMIT
	[ "$1" -lt "$2" ] || { [ "$1" -lt $((10 * $2)) ] && crowded; }
}

# CPU time of a process's threads until now.
cpu_us() { # PID
	awk '{ ns += $1 } END { printf "%.0f\n", ns / 1000 }' \
		/proc/"$1"/task/*/schedstat
}

# Of a ping's output, those that did not come back before the last one that
# did. Those behind it were still under way when the ping was ended.
pings_lost() { # FILE
	sed -n 's/.*bytes from .*icmp_seq=\([0-9]*\) .*/\1/p' "$1" | sort -nu |
		awk '{ last = $1 } END { print NR ? last - NR : 1 }'
}

pings_came() { # FILE
	grep -c 'bytes from .*icmp_seq=' "$1"
}
