#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""answerer.py [--rules FILE] [--ttl SECONDS] [--tls CERTIFICATE,KEY]
	ANSWER LOG ADDRESS:PORT...

A name server for tests, of UDP ("[fe80::1%eth0]:53"), or with --tls of DNS over
TLS alone: ANSWER for every A, 127.0.0.1 where the first
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
import ssl
import struct
import threading
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


def listen(place, sort):
    address, port = place.rsplit(":", 1)
    family, _, _, _, at = socket.getaddrinfo(address.strip("[]"), port)[0]
    s = socket.socket(family, sort)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(at)
    return s


def exactly(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def talk(s, context, answer):
    """One connection, until the other side ends it."""
    try:
        with context.wrap_socket(s, server_side=True) as t:
            while True:
                size, = struct.unpack(">H", exactly(t, 2))
                bytes_ = answer(exactly(t, size))
                if bytes_:
                    t.sendall(struct.pack(">H", len(bytes_)) + bytes_)
    except (EOFError, OSError):
        pass


def accept(place, context, answer):
    s = listen(place, socket.SOCK_STREAM)
    s.listen()
    while True:
        threading.Thread(target=talk, args=(s.accept()[0], context, answer),
                         daemon=True).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rules")
    parser.add_argument("--ttl", type=int, default=1)
    parser.add_argument("--tls")
    parser.add_argument("answer")
    parser.add_argument("log")
    parser.add_argument("places", nargs="+")
    o = parser.parse_args()
    rules = Rules(o.rules) if o.rules else None
    # Line by line, so that who empties the file is not overwritten.
    log = open(o.log, "a", buffering=1)

    def answer(message):
        try:
            labels, sort, _ = question(message)
            word = rules.word(labels) if rules else None
            bytes_ = reply(message, o.answer, word, o.ttl)
        except (IndexError, struct.error):
            return None
        name = ".".join(labels) or "."
        if rules:
            name = "%.6f %s %s" % (time.monotonic(),
                                   TYPES.get(sort, sort), name)
        print(name, file=log)
        return bytes_

    if o.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*o.tls.split(","))
        for place in o.places:
            threading.Thread(target=accept, args=(place, context, answer),
                             daemon=True).start()
        print("ready", file=log)
        threading.Event().wait()
    poll = selectors.DefaultSelector()
    for place in o.places:
        poll.register(listen(place, socket.SOCK_DGRAM), selectors.EVENT_READ)
    print("ready", file=log)
    while True:
        for key, _ in poll.select():
            message, peer = key.fileobj.recvfrom(4096)
            bytes_ = answer(message)
            if bytes_:
                key.fileobj.sendto(bytes_, peer)


main()
