#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians, spreads and ratios of what bench.sh has measured.

report.py RESULTS --again         the rows in which some rounds differ too much
report.py RESULTS --write DIR     prints the table; DIR/bench.json, bench.svg
report.py RESULTS --readme FILE   puts table and chart into FILE, a README.md

A ratio is of two medians of one run, and there is none where the rounds of
either differ by more than a quarter: such a figure says nothing.
"""
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys

SPREAD_MAX = 0.25
TUNNELS = {"adit": "adit", "limit": "limit", "wireguard": "wireguard-go",
           "openvpn": "OpenVPN"}
README_FROM, README_TO = "<!-- make bench -->", "<!-- make bench: end -->"


def gigabits(m):
    result = m["result"]
    if "end" in result:
        return result["end"]["sum_received"]["bits_per_second"] / 1e9
    return result["bits_per_second"] / 1e9


def gigabytes(m):
    return m["result"]["end"]["sum_received"]["bytes"] / 1e9


def cpu(m):
    return (m["cpu"][1] - m["cpu"][0]) / gigabytes(m)


def counted(m, end, name):
    """What an end counted in the measurement; None: it does not count."""
    if not m.get("before"):
        return None
    return (m["after"][end]["counters"][name] -
            m["before"][end]["counters"][name])


def calls(m):
    if not m.get("before"):
        return None
    return sum(counted(m, end, "system_calls")
               for end in ("client", "gateway")) / gigabytes(m) / 1e3


def rate(m):
    return m["result"]["rate"] / 1e3


class Row:
    """A row of the table: what it is, where from, and what adit must reach.

    bars: {peer: factor}; "own" is adit's own stream of TCP over IPv4, which
    is measured again just before.
    aim: the factor of limit that is wanted beyond the bar."""

    def __init__(self, title, source, value, digits, bars=None, low=False,
                 aim=None):
        self.title, self.source, self.value = title, source, value
        self.digits, self.bars, self.low = digits, bars or {}, low
        self.aim = aim

    def bar_text(self, name):
        sign = "≤" if self.low else "≥"
        text = "bar %s %g" % (sign, self.bars[name])
        if name == "limit" and self.aim:
            text += ", aim %s %g" % (sign, self.aim)
        return text


TCP = {"limit": 0.9, "wireguard": 2.7, "openvpn": 12}
CPU = {"limit": 1.15, "wireguard": 0.25}
WIDE = {"limit": 0.9, "wireguard": 3}
ROWS = [
    Row("one TCP stream up, Gbit/s", "up", gigabits, 2, TCP, aim=1),
    Row("one TCP stream down, Gbit/s", "down", gigabits, 2, TCP, aim=1),
    Row("four TCP streams, Gbit/s", "four", gigabits, 2, WIDE),
    Row("CPU seconds a GB up, both ends", "up", cpu, 2, CPU, True, 1),
    Row("CPU seconds a GB down, both ends", "down", cpu, 2, CPU, True, 1),
    Row("200-byte UDP received, thousand/s", "small", rate, 1, WIDE, aim=1.5),
    Row("TCP over IPv6 inside, Gbit/s", "inner6", gigabits, 2, {"own": 0.9}),
    Row("TCP over an IPv6 uplink, Gbit/s", "uplink6", gigabits, 2,
        {"own": 0.9}),
    Row("QUIC-like UDP, Gbit/s", "quic", gigabits, 2, {"own": 0.7}),
    Row("with wolfCrypt alone: TCP up, Gbit/s", "wolf-up", gigabits, 2,
        {"limit": 0.9}),
    Row("with wolfCrypt alone: TCP down, Gbit/s", "wolf-down", gigabits, 2,
        {"limit": 0.9}),
    Row("system calls a GB up, both ends, thousand", "up", calls, 1,
        low=True),
    Row("system calls a GB down, both ends, thousand", "down", calls, 1,
        low=True),
]
VERDICT = {None: "none", True: "met", False: "missed"}
BATCHES = {"up": "TCP up", "down": "TCP down", "small": "small UDP",
           "quic": "QUIC-like"}


class Results:
    """The lines of the file; of each row the last attempt alone."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.lines = [json.loads(line) for line in f if line.strip()]
        self.last = {}
        for m in self.lines:
            self.last[m["row"]] = max(self.last.get(m["row"], 0),
                                      m.get("attempt", 0))

    def of(self, row, tunnel=None):
        return [m for m in self.lines if m["row"] == row and
                m.get("attempt", 0) == self.last[row] and
                tunnel in (None, m.get("tunnel"))]

    def values(self, row, tunnel):
        values = [row.value(m) for m in self.of(row.source, tunnel)]
        return [] if None in values else values

    def added(self, tunnel):
        """Microseconds that a tunnel adds to a round trip, by round."""
        none, times = self.round_trips("none"), self.round_trips(tunnel)
        return [1e3 * (statistics.median(times[r]) -
                       statistics.median(none[r])) for r in times]

    def round_trips(self, tunnel):
        """All times of a round, by round."""
        times = {}
        for m in self.of("rtt", tunnel):
            times.setdefault(m["round"], []).extend(m["result"]["times"])
        return times

    def memory(self, when, tunnel):
        return [m["kib"] / 1024 for m in self.of("memory-" + when, tunnel)]


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


class Ratio:
    """adit's median over a peer's, and whether that is enough."""

    def __init__(self, row, adit, peer, name):
        self.value = self.met = self.why = None
        if not adit or not peer:
            return
        for values, whose in (adit, "adit"), (peer, TUNNELS.get(name, "adit")):
            if statistics.median(values) <= 0:
                self.why = "%s: none arrived" % whose
                return
            if spread(values) > SPREAD_MAX:
                self.why = "%s's rounds differ by %.0f %%" % (
                    whose, 100 * spread(values))
                return
        self.value = statistics.median(adit) / statistics.median(peer)
        bar = row.bars.get(name)
        if bar is not None:
            self.met = self.value <= bar if row.low else self.value >= bar


def ratios(results, row):
    adit = results.values(row, "adit")
    own = [gigabits(m) for m in results.of("own-" + row.source, "adit")] \
        if "own" in row.bars else []
    r = {name: Ratio(row, adit, results.values(row, name), name)
         for name in TUNNELS if name != "adit"}
    r["own"] = Ratio(row, adit, own, "own")
    return r


def again(results):
    rows = {row.source: None for row in ROWS
            if not row.source.startswith("wolf") and
            row.source in results.last and
            any(len(v) > 1 and spread(v) > SPREAD_MAX
                for v in (results.values(row, t) for t in TUNNELS))}
    print(" ".join(rows))


def machine():
    names = [line.split(":", 1)[1].strip()
             for line in open("/proc/cpuinfo", encoding="utf-8")
             if line.startswith("model name")]
    return "%d cores of %s, kernel %s" % (
        os.cpu_count(), names[0] if names else platform.machine(),
        platform.release())


# --- what is shown --------------------------------------------------------

def cell(row, values):
    return "%.*f" % (row.digits, statistics.median(values)) if values else ""


def number(ratio):
    return ("%.1f" if ratio >= 10 else "%.2f") % ratio


def ratio_cell(ratio):
    if ratio.why:
        return "none"
    if ratio.value is None:
        return ""
    mark = "" if ratio.met is None else " " + VERDICT[ratio.met]
    return number(ratio.value) + mark


def table(results):
    """Rows of cells, the first of them the titles."""
    yield ["medians of %d rounds" % results.of("about")[0]["rounds"],
           *TUNNELS.values(), "to limit", "to wireguard-go", "to OpenVPN",
           "to own TCP"]
    for row in ROWS:
        if row.source in results.last:
            r = ratios(results, row)
            yield [row.title,
                   *(cell(row, results.values(row, t)) for t in TUNNELS),
                   *(ratio_cell(r[n]) for n in
                     ("limit", "wireguard", "openvpn", "own"))]
    yield ["idle round trip added, µs",
           *("%.0f" % statistics.median(results.added(t)) for t in TUNNELS),
           "", "", "", ""]
    for when, title in (("idle", "daemon's memory, connected and idle, MiB"),
                        ("loaded", "daemon's memory, its highest, MiB")):
        yield [title, *("%.1f" % results.memory(when, t)[0] for t in TUNNELS),
               "", "", "", ""]


def print_table(rows):
    rows = list(rows)
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        print("  " + r[0].ljust(widths[0]) + "".join(
            "  " + c.rjust(w) for c, w in zip(r[1:], widths[1:])).rstrip())


def absolute_bars(results):
    """What is no ratio: (what, value, bar, met)."""
    added = {t: statistics.median(results.added(t)) for t in TUNNELS}
    order = [m["result"] for m in results.of("order")]
    late = sum(r["late"] + r["back_late"] for r in order)
    seen = sum(r["received"] + r["back"] for r in order)
    mixed = sum(m["result"]["late"] for m in results.of("shuffled"))
    idle = results.memory("idle", "adit")[0]
    loaded = results.memory("loaded", "adit")[0]
    trip = "idle round trip added, µs"
    return [
        (trip, "%.0f" % added["adit"],
         "bar ≤ limit's %.0f + 20" % added["limit"],
         added["adit"] <= added["limit"] + 20),
        (trip, "%.0f" % added["adit"],
         "bar ≤ wireguard-go's %.0f" % added["wireguard"],
         added["adit"] <= added["wireguard"]),
        ("late packets in 16 flows, one and four lanes", "%d of %d" % (late, seen), "bar 0",
         late == 0 and seen > 0),
        ("the same, from a sender that shuffles", "%d" % mixed, "bar > 0",
         mixed > 0),
        ("daemon's memory idle, MiB", "%.1f" % idle, "bar < 10", idle < 10),
        ("daemon's memory at its highest, MiB", "%.1f" % loaded, "bar < 24",
         loaded < 24),
    ]


def all_bars(results):
    """(what, value, bar, met): of each row to each peer with a bar, and what
    is no ratio. Without a ratio the bar's text says why."""
    for row in ROWS:
        if row.source not in results.last:
            continue
        for name, r in ratios(results, row).items():
            if name not in row.bars or not (r.why or r.value is not None):
                continue
            bar = row.bar_text(name) + (": " + r.why if r.why else "")
            value = "%s × %s" % ("?" if r.why else number(r.value),
                                 TUNNELS.get(name, "own TCP"))
            yield row.title, value, bar, r.met
    yield from absolute_bars(results)


def print_bars(results):
    print("\nBars:")
    count = dict.fromkeys(VERDICT, 0)
    for what, value, bar, met in all_bars(results):
        print("  %-6s  %-44s  %-20s  %s" % (VERDICT[met], what, value, bar))
        count[met] += 1
    print("  %d met, %d missed; %d without a ratio, since rounds differ" % (
        count[True], count[False], count[None]))


def print_rounds(results):
    print("\nEach round:")
    for row in ROWS:
        for tunnel, name in TUNNELS.items():
            values = results.values(row, tunnel) \
                if row.source in results.last else []
            if values:
                print("  %-44s %-13s %s" % (row.title, name, "  ".join(
                    "%.*f" % (row.digits, v) for v in values)))
    for tunnel, name in TUNNELS.items():
        print("  %-44s %-13s %s" % (
            "idle round trip added, µs", name,
            "  ".join("%.0f" % v for v in results.added(tunnel))))


def batches(results, row, tunnel):
    """{"sent": {up_to: share of calls}, "received": ...} where it left from,
    and where it came to."""
    ends = ("gateway", "client") if row == "down" else ("client", "gateway")
    shares = {}
    for what, end in zip(("sent", "received"), ends):
        sums = {}
        for m in results.of(row, tunnel):
            before = m["before"][end]["counters"]["records_" + what]
            after = m["after"][end]["counters"]["records_" + what]
            for b, a in zip(before, after):
                sums[a["up_to"]] = sums.get(a["up_to"], 0) + \
                    a["count"] - b["count"]
        total = sum(sums.values()) or 1
        shares[what] = {k: v / total for k, v in sums.items() if v}
    return shares


def all_batches(results):
    return {tunnel: {row: batches(results, row, tunnel)
                     for row in BATCHES if row in results.last}
            for tunnel in ("adit", "limit")}


def print_batches(results):
    print("\nRecords in one system call, per cent of the calls:")
    every = [2 ** i for i in range(10)]
    print("  %-33s" % "up to" + "".join("%6d" % n for n in every))
    for tunnel, rows in all_batches(results).items():
        for row, shares in rows.items():
            for what, of in shares.items():
                print("  %-6s %-10s %-13s  " % (
                    tunnel, BATCHES[row], "each send" if what == "sent" else
                    "each receive") + "".join(
                        "%6s" % ("%.1f" % (100 * of[n]) if n in of else "-")
                        for n in every))


def print_strace(results):
    for m in results.of("strace") if "strace" in results.last else []:
        print("\nCross-check of one second: adit's client counted %d system "
              "calls, strace %d." % (counted(m, "client", "system_calls"),
                                     m["calls"]))


def introduction(results):
    about = results.of("about")[0]
    status = results.of("up", "adit")[0]["before"]["client"]
    cipher = status["cipher"]
    if "cipher_library" in status:  # not in every build
        cipher += " of " + status["cipher_library"]
    return "%s, %s; %s; %s and %s; %d rounds of %d s" % (
        about["date"], machine(), cipher,
        about["wireguard"].removesuffix(".deb"),
        about["openvpn"].removesuffix(".deb"), about["rounds"],
        about["seconds"])


def as_json(results):
    rows = {}
    for row in ROWS:
        if row.source not in results.last:
            continue
        rows[row.title] = {
            "rounds": {t: results.values(row, t) for t in TUNNELS
                       if results.values(row, t)},
            "median": {t: statistics.median(results.values(row, t))
                       for t in TUNNELS if results.values(row, t)},
            "attempts": results.last[row.source],
            "ratio": {n: {"value": r.value, "bar": row.bars.get(n),
                          "met": r.met, "none_because": r.why}
                      for n, r in ratios(results, row).items()
                      if r.value is not None or r.why},
        }
    return {
        "about": {**results.of("about")[0], "machine": machine()},
        "rows": rows,
        "round_trip_added_us": {t: results.added(t) for t in TUNNELS},
        "memory_mib": {when: {t: results.memory(when, t) for t in TUNNELS}
                       for when in ("idle", "loaded")},
        "bars": [{"what": what, "value": value, "bar": bar, "met": met}
                 for what, value, bar, met in all_bars(results)],
        "records_in_one_call": all_batches(results),
    }


# --- the chart --------------------------------------------------------------

PLOT = """
set terminal svg size 900,300 background "#ffffff" font "sans-serif,12"
set output "{svg}"
set style data histograms
set style fill solid 0.9 noborder
set boxwidth 0.9
set border 3 lc rgb "#888888"
set tics nomirror scale 0.4
set grid ytics lc rgb "#dddddd"
set yrange [0:*]
set linetype 1 lc rgb "#1b6ca8"
set linetype 2 lc rgb "#9aa5b1"
set linetype 3 lc rgb "#e07a3f"
set linetype 4 lc rgb "#6a9955"
set multiplot layout 1,3
set key off
{panels}
unset multiplot
"""
PANELS = (("TCP, Gbit/s", {"up": 0, "down": 1, "4 ×": 2}),
          ("CPU seconds a GB, both ends", {"up": 3, "down": 4}),
          ("200-byte UDP, thousand/s", {"received": 5}))


def chart(results, svg):
    if shutil.which("gnuplot") is None:
        print("\nNo chart: gnuplot is not here (config/deps.sh bench)")
        return
    panels = ""
    for i, (title, groups) in enumerate(PANELS):
        panels += "$panel%d << END\n- %s\n" % (i, " ".join(
            '"%s"' % n for n in TUNNELS.values()))
        for name, at in groups.items():
            panels += '"%s" %s\n' % (name, " ".join(
                "%.4f" % statistics.median(results.values(ROWS[at], t))
                for t in TUNNELS))
        panels += 'END\nset title "%s"\n' % title
        if len(groups) == 1:  # room for the key beside it
            panels += "set xrange [-0.6:1.6]\n" \
                "set key top right Left reverse samplen 1\n"
        panels += "plot for [i=2:5] $panel%d using i:xtic(1) " \
            "title columnheader lt i-1\n" % i
    subprocess.run(["gnuplot"], check=True, text=True,
                   input=PLOT.format(svg=svg, panels=panels))


def write(results, folder):
    print("\n" + introduction(results) + "\n")
    print_table(table(results))
    print_bars(results)
    print_rounds(results)
    print_batches(results)
    print_strace(results)
    load = results.of("about")[0]["load"]
    if load > 0.5:
        print("\nThe machine was busy (load %.1f before this began): take "
              "nothing but ratios from here, and those with care." % load)
    path = os.path.join(folder, "bench.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(as_json(results), f, indent=2, ensure_ascii=False)
        f.write("\n")
    chart(results, os.path.join(folder, "bench.svg"))
    print("\nAll of it is in %s." % os.path.relpath(folder))
    order = results.of("order"), results.of("shuffled")
    if any(m["result"]["late"] + m["result"]["back_late"] for m in order[0]) or \
            not any(m["result"]["late"] for m in order[1]):
        sys.exit(1)


def readme(results, path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    before, rest = text.split(README_FROM, 1)
    after = rest.split(README_TO, 1)[1]
    rows = list(table(results))
    lines = ["| " + " | ".join(r) + " |" for r in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    svg = "tests/bench/bench.svg"
    chart(results, os.path.join(os.path.dirname(os.path.abspath(path)), svg))
    block = "\n%s.\n\n![TCP, CPU time and small packets](%s)\n\n%s\n" % (
        introduction(results), svg, "\n".join(lines))
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + README_FROM + block + README_TO + after)


def main(arguments):
    if len(arguments) < 2 or arguments[1] not in (
            "--again", "--write", "--readme"):
        sys.exit(__doc__)
    results = Results(arguments[0])
    if arguments[1] == "--again":
        again(results)
    elif arguments[1] == "--write":
        write(results, arguments[2])
    else:
        readme(results, arguments[2])


if __name__ == "__main__":
    main(sys.argv[1:])
