#!/usr/bin/env python3
"""A wire with distance: frames between two network devices arrive late, and some TCP segments do not.

Does what `tc netem` does, on kernels that come without it, and knows addresses: each client has its own distance.

    wide_area.py DEVICE DEVICE SEED ADDRESS=MILLISECONDS:LOSS ...

MILLISECONDS is one way, LOSS the share of segments with that address that get lost. Other frames pass at once. Runs until
it is killed. Needs CAP_NET_RAW, and devices with offloads off.
"""

import heapq
import ipaddress
import random
import select
import socket
import sys
import time


def main() -> None:
    names, seed = sys.argv[1:3], int(sys.argv[3])
    distances = {}
    for argument in sys.argv[4:]:
        address, rest = argument.rsplit("=", 1)
        late, loss = rest.split(":")
        distances[ipaddress.ip_address(address).packed] = (float(late) / 1000, float(loss))
    chance = random.Random(seed)
    ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in names]
    for end, name in zip(ends, names):
        end.bind((name, 0))
    waiting, number = [], 0
    while True:
        late = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select(ends, [], [], late)
        for end in ready:
            frame, facts = end.recvfrom(65536)
            if facts[2] == socket.PACKET_OUTGOING:
                continue
            late, loss = distance(frame, distances)
            if chance.random() >= loss:
                number += 1
                heapq.heappush(waiting, (time.monotonic() + late, number, ends[1 - ends.index(end)], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, end, frame = heapq.heappop(waiting)
            end.send(frame)


def distance(frame: bytes, distances: dict) -> tuple:
    """Seconds and share of loss of a frame; only TCP gets lost, since neighbours that are not found help nobody."""
    if frame[12:14] == b"\x08\x00":
        tcp, places = frame[23] == 6, (frame[26:30], frame[30:34])
    elif frame[12:14] == b"\x86\xdd":
        tcp, places = frame[20] == 6, (frame[22:38], frame[38:54])
    else:
        return 0.0, 0.0
    late, loss = distances.get(places[0]) or distances.get(places[1]) or (0.0, 0.0)
    return late, loss if tcp else 0.0


main()
