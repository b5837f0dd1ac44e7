#!/usr/bin/env python3
"""Merges two little-endian pcap files by time, as one capture on stdout: ordinary traffic in the middle of a flood.

    merge_pcap.py FLOOD ORDINARY >OUT

Both begin at the instant of FLOOD's first packet, and ORDINARY's times are stretched or squeezed to last as long as FLOOD.
"""
import heapq
import struct
import sys

HEADER = struct.Struct("<IIII")
UNITS = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}


def records(path):
    """(nanoseconds, captured bytes, original length) of each packet."""
    with open(path, "rb", buffering=1 << 20) as file:
        unit = UNITS[struct.unpack("<I20x", file.read(24))[0]]
        while len(header := file.read(16)) == 16:
            seconds, fraction, length, original = HEADER.unpack(header)
            yield seconds * 1_000_000_000 + fraction * unit, file.read(length), original


def span(path):
    """Times of the first and the last packet."""
    first = last = None
    for at, _, _ in records(path):
        first = at if first is None else first
        last = at
    return first, last


def main():
    flood, ordinary = sys.argv[1:]
    start, end = span(flood)
    from_, to = span(ordinary)
    moved = ((start + (at - from_) * (end - start) // (to - from_), data, n) for at, data, n in records(ordinary))
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
    for at, data, original in heapq.merge(records(flood), moved, key=lambda record: record[0]):
        out.write(HEADER.pack(at // 1_000_000_000, at % 1_000_000_000, len(data), original) + data)


if __name__ == "__main__":
    main()
