#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second decoder of adit's records, written from crypto/PROTOCOL.md alone.

open_record.py FILE: each line of FILE is
    SECRET ALGORITHM DIRECTION RECORD
(hexadecimal, "AES-256-GCM" or "ChaCha20-Poly1305", 0 or 1, hexadecimal).
Prints for each record its lane, flags, index, counter and plaintext, and for
the control lane its messages. Exit status 1 if one does not open.
"""
import hashlib
import hmac
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

EPOCH_SHIFT = 24
NAMES = {1: "HELLO", 2: "LEASE", 3: "REFUSE", 4: "BYE", 5: "ECHO", 6: "ECHO REPLY",
         11: "REPORT"}


def expand(secret, info, length):
    """HKDF-Expand, RFC 5869, SHA-256."""
    out = block = b""
    for i in range(1, -(-length // 32) + 1):
        block = hmac.new(secret, block + info + bytes([i]), hashlib.sha256).digest()
        out += block
    return out[:length]


def lane_keys(secret, direction, lane, epoch):
    """Section 4: key and iv."""
    chain = expand(secret, b"adit1 lane" + bytes([direction, lane]), 32)
    for _ in range(epoch):
        chain = expand(chain, b"adit1 next", 32)
    return expand(chain, b"adit1 key", 32), expand(chain, b"adit1 iv", 12)


def open_record(secret, algorithm, direction, record):
    """Section 5: header fields and plaintext. Raises what is wrong."""
    if len(record) < 32:
        raise ValueError("shorter than an empty record")
    header = record[:16]
    first, lane, flags, zero, index, counter = struct.unpack(">BBBBIQ", header)
    if first != 0xA1 or zero != 0:
        raise ValueError("not a record")
    key, iv = lane_keys(secret, direction, lane, counter >> EPOCH_SHIFT)
    mask = bytes(4) + struct.pack(">Q", counter)
    nonce = bytes(a ^ b for a, b in zip(iv, mask))
    aead = AESGCM if algorithm == "AES-256-GCM" else ChaCha20Poly1305
    plaintext = aead(key).decrypt(nonce, record[16:], header)
    return lane, flags, index, counter, plaintext


def messages(run):
    """Section 6: (name, body) of each message."""
    while run and run[0] != 0:
        kind, length = run[0], struct.unpack(">H", run[1:3])[0]
        if len(run) < 3 + length:
            raise ValueError("a message longer than its record")
        yield NAMES.get(kind, str(kind)), run[3 : 3 + length]
        run = run[3 + length :]


def main():
    failed = 0
    with open(sys.argv[1], encoding="ascii") as lines:
        for line in lines:
            secret, algorithm, direction, record = line.split()
            try:
                lane, flags, index, counter, plaintext = open_record(
                    bytes.fromhex(secret), algorithm, int(direction), bytes.fromhex(record))
                text = plaintext.hex()
                if lane == 255:
                    text = " ".join(f"{n}:{b.hex()}" for n, b in messages(plaintext))
                print(f"lane={lane} flags={flags} index={index:08x} counter={counter} {text}")
            except (ValueError, InvalidTag) as error:
                print(f"not opened: {error!r}")
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
