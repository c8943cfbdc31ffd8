#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter of dns/blocklist.h, from that text alone: names on standard
input, one a line, in small letters, each once; the filter's bytes on standard
output."""
import sys

M64 = (1 << 64) - 1
C1, C2 = 0x87C37B91114253D5, 0x4CF5AD432745937F

def fnv1a(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & M64
    return h

def rotate(v, by):
    return (v << by | v >> 64 - by) & M64

def finish(h):
    for c in 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53:
        h = (h ^ h >> 33) * c & M64
    return h ^ h >> 33

def murmur3(data):
    """The first half of MurmurHash3_x64_128, seed 0."""
    a = b = 0
    for i in range(0, len(data) + 1, 16):
        x, y = (int.from_bytes(data[j:j + 8], "little") for j in (i, i + 8))
        a ^= rotate(x * C1 & M64, 31) * C2 & M64
        whole = i + 16 <= len(data)
        if whole:
            a = ((rotate(a, 27) + b) * 5 + 0x52DCE729) & M64
        b ^= rotate(y * C2 & M64, 33) * C1 & M64
        if whole:
            b = ((rotate(b, 31) + a) * 5 + 0x38495AB5) & M64
    a, b = a ^ len(data), b ^ len(data)
    a = (a + b) & M64
    b = (a + b) & M64
    return (finish(a) + finish(b)) & M64

names = sys.stdin.buffer.read().split()
m = max(64, -(-len(names) * 10 // 64) * 64)
bits = bytearray(m // 8)
for name in names:
    for i in range(7):
        bit = (fnv1a(name) + i * (murmur3(name) | 1) & M64) % m
        bits[bit // 8] |= 1 << bit % 8
sys.stdout.buffer.write(bits)
