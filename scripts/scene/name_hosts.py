#!/usr/bin/env python3
"""Writes names of hosts into a pcapng file, as its first block behind the header. Usage: name_hosts.py IN OUT ADDRESS=NAME ..."""

import ipaddress
import struct
import sys


def record(argument: str) -> bytes:
    address, name = argument.rsplit("=", 1)
    address = ipaddress.ip_address(address)
    value = address.packed + name.encode() + b"\0"
    kind = 1 if address.version == 4 else 2
    return struct.pack("<HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


with open(sys.argv[1], "rb") as file:
    capture = file.read()
magic, length, order = struct.unpack("<III", capture[:12])
if magic != 0x0A0D0D0A or order != 0x1A2B3C4D:
    sys.exit(f"{sys.argv[1]} is no little-endian pcapng file")
records = b"".join(record(argument) for argument in sys.argv[3:]) + struct.pack("<HH", 0, 0)
size = struct.pack("<I", len(records) + 12)
with open(sys.argv[2], "wb") as file:
    file.write(capture[:length] + struct.pack("<I", 4) + size + records + size + capture[length:])
