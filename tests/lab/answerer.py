#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""answerer.py [--rules FILE] [--ttl SECONDS] ANSWER LOG ADDRESS:PORT...

A name server for tests, of UDP: ANSWER for every A, 127.0.0.1 where the first
label begins with "canary", "no such name" for everything else under
"lan.example" and for single labels, no data for other types. ANSWER may be two
addresses, "192.0.2.1,2001:db8::1": then AAAA and HTTPS have answers, too. Each
name goes into LOG.

With rules LOG has lines "MONOTONIC-TIME TYPE NAME", and FILE, which is read
again when it is another, lines "NAME WORD": for NAME and all below it ("." is
everything, and single labels), the first that fits. WORD is nx, nodata,
servfail, refused, drop, or another ANSWER.
"""
import argparse
import os
import selectors
import socket
import struct
import time

TYPES = {1: "A", 2: "NS", 6: "SOA", 12: "PTR", 28: "AAAA", 65: "HTTPS"}
CODES = {"servfail": 2, "nx": 3, "refused": 5}


class Rules:
    def __init__(self, path):
        self.path, self.seen, self.rows = path, None, []

    def word(self, labels):
        """None: no rule says anything."""
        st = os.stat(self.path)
        now = st.st_mtime_ns, st.st_size, st.st_ino
        if now != self.seen:
            with open(self.path) as f:
                self.rows = [line.split() for line in f if line.strip()]
            self.seen = now
        for name, word in self.rows:
            zone = [part for part in name.split(".") if part]
            if not zone or labels[-len(zone):] == zone:
                return word
        return None


def question(message):
    labels, at = [], 12
    while message[at]:
        size = message[at]
        labels.append(message[at + 1:at + 1 + size].decode("latin1").lower())
        at += 1 + size
    return labels, struct.unpack_from(">H", message, at + 1)[0], at + 5


def data(sort, answer):
    v4, _, v6 = answer.partition(",")
    if sort == 1:
        return socket.inet_aton(v4)
    if sort == 28 and v6:
        return socket.inet_pton(socket.AF_INET6, v6)
    if sort == 65 and v6:
        return b"\0\1\0\0\1\0\3\2h2"  # 1 . alpn=h2
    return None


def reply(message, answer, word, ttl):
    """None: silence."""
    labels, sort, end = question(message)
    if word is None and (len(labels) < 2 or
                         labels[-2:] == ["lan", "example"]):
        word = "nx"
    code, rdata = CODES.get(word, 0), None
    if word == "drop":
        return None
    if word is None or "." in word:
        rdata = data(sort, word or answer)
        if sort == 1 and labels[0].startswith("canary"):
            rdata = b"\x7f\0\0\1"
    records = b""
    if rdata:
        records = struct.pack(">HHHIH", 0xC00C, sort, 1, ttl, len(rdata))
        records += rdata
    flags = 0x8480 | (message[2] & 1) << 8 | code
    header = message[:2] + struct.pack(">5H", flags, 1, bool(records), 0, 0)
    return header + message[12:end] + records


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rules")
    parser.add_argument("--ttl", type=int, default=1)
    parser.add_argument("answer")
    parser.add_argument("log")
    parser.add_argument("places", nargs="+")
    o = parser.parse_args()
    rules = Rules(o.rules) if o.rules else None
    # Line by line, so that who empties the file is not overwritten.
    log = open(o.log, "a", buffering=1)
    poll = selectors.DefaultSelector()
    for place in o.places:
        address, port = place.rsplit(":", 1)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, int(port)))
        poll.register(s, selectors.EVENT_READ)
    print("ready", file=log)
    while True:
        for key, _ in poll.select():
            message, peer = key.fileobj.recvfrom(4096)
            try:
                labels, sort, _ = question(message)
                word = rules.word(labels) if rules else None
                bytes_ = reply(message, o.answer, word, o.ttl)
            except (IndexError, struct.error):
                continue
            name = ".".join(labels) or "."
            if rules:
                name = "%.6f %s %s" % (time.monotonic(),
                                       TYPES.get(sort, sort), name)
            print(name, file=log)
            if bytes_:
                key.fileobj.sendto(bytes_, peer)


main()
