#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of a resolver, for tests.

dns_client.py many COUNT DOMAIN    COUNT new names below DOMAIN, one after the
    other: how many were answered, the median and the longest, in ms
dns_client.py browser NAME         A, AAAA and HTTPS at once, from one socket
dns_client.py flip FLIPS NAME INNER OUTER STUB    50 clients ask for NAME again
    and again, half of them at STUB and half by resolv.conf, while a tunnel
    comes and goes: no answer of the side that was left
dns_client.py flood COUNT DOMAIN STUB    COUNT names at once, of which none gets
    an answer of a server: each gets an error all the same

They ask the first server in /etc/resolv.conf.
"""
import os
import random
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import time

A, AAAA, HTTPS = 1, 28, 65


def server():
    with open("/etc/resolv.conf") as f:
        for line in f:
            if line.startswith("nameserver "):
                return line.split()[1]
    return None


def query(number, name, sort):
    wire = b"".join(bytes([len(part)]) + part.encode()
                    for part in name.split("."))
    return (struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + wire + b"\0" +
            struct.pack(">2H", sort, 1))


def skip_name(message, at):
    while message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1


def answers(message):
    """The code, and (type, data) of each record of the answer."""
    records = []
    number, flags, questions, count = struct.unpack_from(">4H", message)
    at = 12
    for _ in range(questions):
        at = skip_name(message, at) + 4
    for _ in range(count):
        at = skip_name(message, at)
        sort, _, _, size = struct.unpack_from(">HHIH", message, at)
        at += 10
        records.append((sort, message[at:at + size]))
        at += size
    return number, flags & 15, records


def text(sort, data):
    if sort == A:
        return socket.inet_ntoa(data)
    if sort == AAAA:
        return socket.inet_ntop(socket.AF_INET6, data)
    return data.hex()


def many(count, domain):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    took, answered = [], 0
    for i in range(int(count)):
        name = "n%d-%d.%s" % (os.getpid(), i, domain)
        began = time.monotonic()
        s.sendto(query(i, name, A), (server(), 53))
        try:
            number, code, records = answers(s.recv(4096))
        except TimeoutError:
            continue
        took.append((time.monotonic() - began) * 1000)
        answered += number == i and code == 0 and len(records) > 0
    if took:
        print("%d answered, median %.2f ms, at most %.2f ms" % (
            answered, statistics.median(took), max(took)))


def browser(name):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    sorts = {1: A, 2: AAAA, 3: HTTPS}
    for number, sort in sorts.items():
        s.sendto(query(number, name, sort), (server(), 53))
    found = {}
    for _ in sorts:
        number, code, records = answers(s.recv(4096))
        sort = sorts[number]
        found[sort] = [text(k, d) for k, d in records if k == sort] or [
            "code %d" % code]
    for sort in A, AAAA, HTTPS:
        print(" ".join(found[sort]))


class Flip:
    """One client: a question at a time, on a socket of its own."""

    def __init__(self, place):
        self.place = place  # None: by resolv.conf
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.number = random.randrange(65536)
        self.sent = 0

    def ask(self, name, now):
        self.number = (self.number + 1) & 0xFFFF
        self.sent = now
        where = self.place or server()
        if where is None:
            return  # between two files; again when it is late
        try:
            self.socket.sendto(query(self.number, name, A), (where, 53))
        except OSError:
            pass  # so is a refusal

    def answer(self):
        """None: not of this question."""
        try:
            number, code, records = answers(self.socket.recv(4096))
        except OSError:
            return None
        if number != self.number:
            return None
        found = [text(k, d) for k, d in records if k == A]
        return found[0] if found else "code %d" % code


def flip_clients(name, stub, until):
    """(sent, received, answer), until a file is there."""
    clients = [Flip(stub if i % 2 else None) for i in range(50)]
    poll, seen, due = selectors.DefaultSelector(), [], []
    for c in clients:
        poll.register(c.socket, selectors.EVENT_READ, c)
        c.ask(name, time.monotonic())
    while not os.path.exists(until):
        for key, _ in poll.select(0.002):
            answer = key.data.answer()
            if answer is not None:
                seen.append((key.data.sent, time.monotonic(), answer))
                due.append(key.data)
        now = time.monotonic()
        for c in due:
            c.ask(name, now)
        due = [c for c in clients if now - c.sent > 0.5]
    return seen


def flip_tunnel(flips, done):
    """(command began, command returned, is up)."""
    edges = []
    for _ in range(flips):
        for up, command in ((True, ["adit", "connect", "--wait=10"]),
                            (False, ["adit", "disconnect"])):
            began = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            edges.append((began, time.monotonic(), up))
            time.sleep(0.02)  # what the clients are asked to judge
    open(done, "w").close()
    return edges


def judge(edges, seen, inner, outer):
    sides = {True: inner, False: outer}
    wrong = judged = i = 0
    for sent, received, answer in sorted(seen):
        while i + 1 < len(edges) and edges[i + 1][1] <= sent:
            i += 1
        _, returned, up = edges[i]
        ends = edges[i + 1][0] if i + 1 < len(edges) else float("inf")
        if sent < returned or received > ends:
            continue
        judged += 1
        if answer != sides[up]:
            wrong += 1
            if wrong < 10:
                print("%.1f ms after %s: %s" % (
                    (sent - returned) * 1000, "up" if up else "down", answer))
    return judged, wrong


def flip(flips, name, inner, outer, stub):
    import multiprocessing
    done = "/tmp/flip-done.%d" % os.getpid()
    began = time.monotonic()
    with multiprocessing.Pool(1) as pool:
        clients = pool.apply_async(flip_clients, (name, stub, done))
        edges = flip_tunnel(int(flips), done)
        seen = clients.get(10)
    os.unlink(done)
    judged, wrong = judge(edges, seen, inner, outer)
    print("%d flips in %.0f s, %d answers, %d of them between two edges, "
          "%d of the wrong side" % (len(edges), time.monotonic() - began,
                                    len(seen), judged, wrong))
    return wrong > 0 or judged < 10 * int(flips)


class Flood:
    """A socket with up to 1000 questions, which have the numbers from 1 on."""

    def __init__(self, stub, codes):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        # Room for all the answers at once: SO_RCVBUFFORCE.
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
        self.socket.connect((stub, 53))
        self.waiting, self.codes = set(), codes

    def take(self):
        """The number of what is answered next; an error after a while."""
        number, code, _ = answers(self.socket.recv(4096))
        if number in self.waiting:
            self.waiting.remove(number)
            self.codes[code] = self.codes.get(code, 0) + 1
        return number

    def ask(self, names):
        """One "localhost" behind them says that the stub has read them."""
        for name in names:
            number = len(self.waiting) + 1
            while number in self.waiting:
                number += 1
            self.waiting.add(number)
            self.socket.send(query(number, name, A))
        self.socket.send(query(0, "localhost", A))
        while self.take():
            pass


def flood(count, domain, stub):
    codes, sockets, few = {}, [], 32
    began = time.monotonic()
    for i in range(0, int(count), few):
        if i % 960 == 0:
            sockets.append(Flood(stub, codes))
        sockets[-1].ask("f%d.%s" % (k, domain) for k in range(i, i + few))
    sent, early = time.monotonic() - began, sum(codes.values())
    for s in sockets:
        while s.waiting:
            s.take()
    print("%d questions in %.1f s, %d refused meanwhile, the last after "
          "%.1f s, codes %s" % (sum(codes.values()), sent, early,
                                time.monotonic() - began, codes))
    return list(codes) != [2]


def main():
    commands = {"many": many, "browser": browser, "flip": flip,
                "flood": flood}
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]) or 0)


main()
