#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""dns_latency.py SERVER-PORT STUB-PORT: one question after the other, of a
server and of a stub in front of it, on 127.0.0.1; milliseconds."""
import socket
import struct
import sys
import time

COUNT = 3000


def ask(s, port, name):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    query = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + \
        b"\0" + struct.pack(">2H", 1, 1)
    began = time.perf_counter_ns()
    s.sendto(query, ("127.0.0.1", port))
    s.recv(4096)
    return (time.perf_counter_ns() - began) / 1e6


def row(what, port, names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        took = sorted(ask(s, port, n) for n in names)
    print("%-10s %-22s p50 %.3f ms, p99 %.3f ms" %
          ("latency", what, took[COUNT // 2], took[COUNT * 99 // 100]))


def main():
    server, stub = int(sys.argv[1]), int(sys.argv[2])
    row("the server itself", server,
        ("d%d.example" % i for i in range(COUNT)))
    row("through adit", stub, ("s%d.example" % i for i in range(COUNT)))
    row("kept by adit", stub, ("www.example" for _ in range(COUNT)))


main()
