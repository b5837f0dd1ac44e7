#!/usr/bin/env python3
"""Draws the pictures of the shop: balls of yarn, 96 x 96, as PNG. Usage: images.py FOLDER COUNT"""

import math
import struct
import sys
import zlib

COLOURS = [(72, 87, 158), (176, 66, 52), (112, 82, 60), (226, 168, 44), (104, 128, 74), (96, 108, 122), (214, 120, 138), (226, 222, 208)]
SIZE = 96


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pixel(x: int, y: int, colour: tuple, turn: float) -> bytes:
    dx, dy = (x - SIZE / 2) / 42, (y - SIZE / 2) / 42
    away = math.hypot(dx, dy)
    if away > 1:
        return bytes((248, 246, 241))
    # Threads run along bands that are turned against each other.
    band = math.sin(18 * (dx * math.cos(turn) + dy * math.sin(turn)) + 3 * math.sin(4 * dy))
    light = (1.05 - 0.45 * away * away) * (0.86 + 0.14 * band)
    return bytes(min(255, max(0, int(part * light))) for part in colour)


def draw(number: int) -> bytes:
    colour, turn = COLOURS[(number * 5) % len(COLOURS)], number * 0.7
    rows = b"".join(b"\0" + b"".join(pixel(x, y, colour, turn) for x in range(SIZE)) for y in range(SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


for number in range(1, int(sys.argv[2]) + 1):
    with open(f"{sys.argv[1]}/{number}.png", "wb") as file:
        file.write(draw(number))
