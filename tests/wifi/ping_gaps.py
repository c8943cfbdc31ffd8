#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ping_gaps.py PINGS WATCH AWAY

PINGS is what `ping -D` printed, WATCH what `adit status --watch --json` did,
AWAY lines "BEGIN-MS END-MS WHY" of times without a network. Prints each gap in
the sequence numbers with the states of adit during it. The exit code is 1 if
one of them has no time without a network to explain it.
"""
import json
import re
import sys
import time

REPLY = re.compile(r"\[(\d+)\.(\d{3})\d*\] .* icmp_seq=(\d+) ttl=")


def read(path, each):
    with open(path) as f:
        return [row for row in map(each, f) if row]


def reply(line):
    m = REPLY.match(line)
    return m and (int(m[3]), int(m[1] + m[2]))


def state(line):
    row = json.loads(line)
    return row["at_ms"], row["state"]


def away(line):
    begin, end, why = line.split(None, 2)
    return int(begin), int(end), why.strip()


def states_during(states, begin, end):
    before = [s for at, s in states if at <= begin][-1:]
    return before + [s for at, s in states if begin < at <= end]


def main():
    seen, came = {}, []
    for number, at in read(sys.argv[1], reply):
        if number not in seen:
            seen[number] = at
    states = read(sys.argv[2], state)
    aways = read(sys.argv[3], away)
    came = sorted(seen)
    gaps = [(a, b) for a, b in zip(came, came[1:]) if b > a + 1]
    unexplained = 0
    for a, b in gaps:
        begin, end = seen[a], seen[b]
        why = [w for b0, e0, w in aways if begin <= e0 and end >= b0]
        unexplained += not why
        print("gap: %d pings in %d ms from %s.%03d on, %s; adit was %s" % (
            b - a - 1, end - begin,
            time.strftime("%H:%M:%S", time.localtime(begin // 1000)),
            begin % 1000, ", ".join(why) or "FOR NO REASON",
            ", then ".join(states_during(states, begin, end)) or "unknown"))
    if not came:
        print("no ping came back")
        return 1
    print("note: %d pings at 100 a second, %d lost in %d gaps, %d of them "
          "while there was a network" % (
              came[-1], came[-1] - len(came), len(gaps), unexplained))
    return unexplained > 0


sys.exit(main())
