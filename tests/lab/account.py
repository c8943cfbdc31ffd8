#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""account.py FOLDER BEFORE AFTER [RELAY]

Where every data record went between two moments at which none was under way.
FOLDER/MOMENT.status is `adit status --json`, MOMENT.metrics the gateway's, and
MOMENT.HOST what the kernel of laptop, cafe and gateway counted (snmp and dev of
/proc/net, one behind the other); RELAY is what tests/lab/rough.c printed.

What one end sent is: what the other end took, in a named drop counter of
either end, lost by the relay, or among what the kernel says it dropped on that
leg. Between the two ends the kernel counts a run of up to 64 records as one, so
what it dropped there only bounds what is missing; the relay takes and sends
them one by one. Prints a line for each direction; exit code 1 if records are
missing, or are too many.
"""

import json
import re
import sys

RUN_MAX = 64

# What is read from the device, counted as a packet, and then not sent.
CLIENT_TX = "used_up no_socket unreachable too_big full send".split()
GATEWAY_TX = ("keys_used_up no_socket unreachable too_big queue_full "
              "send_failed").split()
# What arrived, and is not counted as a packet.
CLIENT_RX = ("short lane inbox memory index epoch forged old replayed inner "
             "source").split()
GATEWAY_RX_DATAGRAMS = ("short unknown_session wrong_lane lane_busy "
                        "no_memory counter_far_ahead "
                        "not_authentic too_old replayed").split()
GATEWAY_RX_PACKETS = "malformed foreign_source".split()
# The devices that datagrams pass on their way.
DEVICES = {"laptop": ["up0"], "gateway": ["up0"],
           "cafe": ["to-laptop", "br0", "to-gateway"]}
FAR_END = {"up": "gateway", "down": "laptop"}


def client(path):
    with open(path) as f:
        status = json.load(f)
    drops = {d["cause"]: d["count"] for d in status.get("drops", [])}
    counters = status.get("counters", {})
    end = {"sent": counters.get("tx_packets", 0),
           "came": counters.get("rx_packets", 0)}
    for cause in CLIENT_TX:
        end["unsent " + cause] = drops.get("drop_" + cause, 0)
    for cause in CLIENT_RX:
        end["refused " + cause] = drops.get("drop_" + cause, 0)
    return end


def gateway(path):
    metrics = {}
    with open(path) as f:
        for line in f:
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                metrics[name.replace("adit_gateway_", "")] = float(value)

    def get(name, **labels):
        text = ",".join('%s="%s"' % i for i in labels.items())
        return int(metrics["%s{%s}" % (name, text)])

    end = {"sent": get("packets_total", direction="tx"),
           "came": get("packets_total", direction="rx")}
    for cause in GATEWAY_TX:
        end["unsent " + cause] = get("packets_dropped_total", direction="tx",
                                     cause=cause)
    for cause in GATEWAY_RX_DATAGRAMS:
        end["refused " + cause] = get("datagrams_dropped_total", kind="data",
                                      cause=cause)
    for cause in GATEWAY_RX_PACKETS:
        end["refused " + cause] = get("packets_dropped_total", direction="rx",
                                      cause=cause)
    return end


def kernel(path, devices):
    """What a host's UDP sockets and devices dropped, by where."""
    dropped, names = {}, None
    with open(path) as f:
        lines = f.read().splitlines()
    for line in lines:
        kind, _, rest = line.strip().partition(":")
        words = rest.split()
        if kind == "Udp" and words[0] == "InDatagrams":
            names = words
        elif kind == "Udp" and names:
            counts = dict(zip(names, map(int, words)))
            dropped["udp"] = counts["InErrors"] + counts["SndbufErrors"]
        elif kind in devices:
            # Errors and drops, received and sent.
            dropped[kind] = sum(int(words[i]) for i in (2, 3, 10, 11))
    return dropped


def difference(before, after):
    return {k: v - before.get(k, 0) for k, v in after.items()}


def relay(path):
    """direction: counts of its data records, as printed last.

    No end counts those without a packet, but for the second copies, refused.
    """
    counts, empty = {}, {}
    with open(path) as f:
        for line in f:
            w = line.split()
            if len(w) > 2 and w[1] in ("data", "empty"):
                to = counts if w[1] == "data" else empty
                to[w[0]] = {k: int(v) for k, v in zip(w[2::2], w[3::2])}
    for direction, of in counts.items():
        of["empty twice"] = empty[direction]["twice"]
    return counts


def of_kind(end, kind):
    return {k.split()[1]: v for k, v in end.items()
            if k.startswith(kind + " ") and v}


class Way:
    """One direction, leg by leg."""

    def __init__(self, name):
        self.name, self.parts, self.bad = name, [], False

    def say(self, count, what):
        if count:
            self.parts.append("%d %s" % (count, what))

    def leg(self, sent, came, most, where):
        """What is not there has to be among what the kernel dropped."""
        missing = sent - came
        self.say(missing, "lost by the kernel %s, which counted up to %d"
                 % (where, most))
        if missing < 0 or missing > most:
            self.bad = True
            self.parts.append("UNEXPLAINED: %d came %s" % (came, where))

    def through(self, r):
        """What the relay did."""
        self.say(r["lost"], "lost by the relay")
        self.say(r["twice"], "doubled")
        self.say(r["held"], "held back")
        self.say(r["unsent"], "refused by the relay's kernel")
        if r["came"] - r["lost"] + r["twice"] != r["sent"] + r["unsent"]:
            self.bad = True
            self.parts.append("UNEXPLAINED in the relay: %r" % r)

    def show(self):
        print("%s: %s" % (self.name, ", ".join(self.parts)))


def account(name, sender, receiver, dropped, relayed):
    way = Way(name)
    unsent = of_kind(sender, "unsent")
    refused = of_kind(receiver, "refused")
    sent = sender["sent"] - sum(unsent.values())
    came = receiver["came"] + sum(refused.values())
    end = dropped[FAR_END[name]]
    devices = sum(n for drops in dropped.values()
                  for where, n in drops.items() if where != "udp")
    most = RUN_MAX * (end["udp"] + devices)
    way.say(sent, "sent")
    if relayed:
        way.leg(sent, relayed["came"],
                dropped["cafe"]["udp"] + RUN_MAX * devices, "before the relay")
        way.through(relayed)
        sent, most = relayed["sent"], end["udp"] + devices
        came -= relayed["empty twice"]
    way.leg(sent, came, most, "before the far end")
    way.say(receiver["came"], "taken")
    for kind, drops in ("not sent", unsent), ("refused", refused):
        for cause, count in drops.items():
            way.say(count, "%s: %s" % (kind, cause))
    way.show()
    return not way.bad


def main():
    folder, before, after = sys.argv[1:4]

    def moved(read, what, *more):
        return difference(read("%s/%s.%s" % (folder, before, what), *more),
                          read("%s/%s.%s" % (folder, after, what), *more))

    c, g = moved(client, "status"), moved(gateway, "metrics")
    dropped = {host: moved(kernel, host, devices)
               for host, devices in DEVICES.items()}
    relayed = relay(sys.argv[4]) if len(sys.argv) > 4 else {}
    up = account("up", c, g, dropped, relayed.get("gateway"))
    down = account("down", g, c, dropped, relayed.get("client"))
    sys.exit(0 if up and down else 1)


main()
