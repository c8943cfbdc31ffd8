#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""answerer.py ANSWER LOG ADDRESS:PORT...

A name server for tests, of UDP: ANSWER for every A, 127.0.0.1 where the first
label begins with "canary", "no such name" for everything else under ".local"
and for single labels, no data for other types. Each name goes into LOG.
"""
import selectors
import socket
import struct
import sys


def question(message):
    labels, at = [], 12
    while message[at]:
        size = message[at]
        labels.append(message[at + 1:at + 1 + size].decode("latin1").lower())
        at += 1 + size
    return labels, struct.unpack_from(">H", message, at + 1)[0], at + 5


def reply(message, answer):
    labels, sort, end = question(message)
    records, code = b"", 0
    if len(labels) < 2 or labels[-2:] == ["lan", "example"]:
        code = 3
    elif sort == 1:
        address = "127.0.0.1" if labels[0].startswith("canary") else answer
        records = struct.pack(">HHHIH", 0xC00C, 1, 1, 1, 4)
        records += socket.inet_aton(address)
    flags = 0x8480 | (message[2] & 1) << 8 | code
    header = message[:2] + struct.pack(">5H", flags, 1, bool(records), 0, 0)
    return header + message[12:end] + records, ".".join(labels)


def main():
    answer, log, places = sys.argv[1], open(sys.argv[2], "a"), sys.argv[3:]
    poll = selectors.DefaultSelector()
    for place in places:
        address, port = place.split(":")
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, int(port)))
        poll.register(s, selectors.EVENT_READ)
    print("ready", file=log, flush=True)
    while True:
        for key, _ in poll.select():
            message, peer = key.fileobj.recvfrom(4096)
            try:
                bytes_, name = reply(message, answer)
            except (IndexError, struct.error):
                continue
            print(name, file=log, flush=True)
            key.fileobj.sendto(bytes_, peer)


main()
