#!/usr/bin/env python3
"""holes.py - N: N connections of raw IPv4 as pcap on stdout, each with one byte behind a hole in both directions.

The dearest thing to hold: what a connection waits for costs its bookkeeping twice and brings two bytes.
"""
import struct
import sys

SYN, ACK, PSH = 2, 16, 8
START = 1_767_225_600
SERVER = bytes([10, 9, 0, 1])


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(client, port, from_client, sequence, ack, flags, payload=b""):
    source, target = (client, SERVER) if from_client else (SERVER, client)
    ports = (port, 80) if from_client else (80, port)
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence, ack, 0x50, flags, 64_000, 0, 0) + payload
    padded = tcp + b"\0" * (len(tcp) % 2)
    sum_ = checksum(source + target + struct.pack("!HH", 6, len(tcp)) + padded)
    tcp = tcp[:16] + struct.pack("!H", sum_) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + source + target
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def main():
    count = int(sys.argv[2])
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101))
    written = 0
    for number in range(count):
        client, port = struct.pack("!I", (11 << 24) + number // 4), 1024 + number % 60_000
        for from_client, sequence, ack, flags, payload in [
            (True, 100, 0, SYN, b""), (False, 900, 101, SYN | ACK, b""), (True, 101, 901, ACK, b""),
            (True, 201, 901, ACK | PSH, b"x"), (False, 1001, 101, ACK | PSH, b"y"),
        ]:
            data = packet(client, port, from_client, sequence, ack, flags, payload)
            out.write(struct.pack("<IIII", START + written // 50_000, written % 50_000 * 20, len(data), len(data)) + data)
            written += 1


if __name__ == "__main__":
    main()
