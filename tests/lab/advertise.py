# SPDX-License-Identifier: GPL-3.0-or-later
"""advertise.py DEVICE [URL]: one router's advertisement (RFC 4861, 4.2)."""
import socket
import struct
import sys

s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
# Router lifetime 0: it is nobody's default router.
advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 0, 0, 0)
if len(sys.argv) > 2:
    url = sys.argv[2].encode()
    units = (2 + len(url) + 7) // 8
    advertisement += bytes([37, units]) + url.ljust(8 * units - 2, b"\0")
s.sendto(advertisement, ("ff02::1", 0, 0, socket.if_nametoindex(sys.argv[1])))
