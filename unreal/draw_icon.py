"""Draws Sinew/Resources/Icon128.png: servers of a cluster and the sinews between them.

    draw_icon.py OUT_FILE
"""

import math
import struct
import sys
import zlib

SIZE = 128
BACKGROUND, EDGE, LINK, NODE = (24, 32, 48), (38, 52, 78), (96, 196, 176), (236, 244, 240)
NODES = [(64, 34, 13), (32, 88, 11), (96, 88, 11), (64, 70, 7)]
LINKS = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


def cover(distance):
    """How much of a pixel lies inside, from the distance of its middle to the edge."""
    return min(max(0.5 - distance, 0.0), 1.0)


def mix(below, above, share):
    return tuple(round(a + (b - a) * share) for a, b in zip(below, above))


def to_line(x, y, a, b):
    (ax, ay, _), (bx, by, _) = a, b
    along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
    along = min(max(along, 0.0), 1.0)
    return math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))


def to_rounded_square(x, y, inset, radius):
    dx, dy = (max(abs(v - SIZE / 2) - (SIZE / 2 - inset - radius), 0.0) for v in (x, y))
    return math.hypot(dx, dy) - radius


def pixel(x, y):
    colour = mix(EDGE, BACKGROUND, cover(to_rounded_square(x, y, 6, 20)))
    for a, b in LINKS:
        colour = mix(colour, LINK, cover(to_line(x, y, NODES[a], NODES[b]) - 2.2))
    for nx, ny, radius in NODES:
        distance = math.hypot(x - nx, y - ny)
        colour = mix(colour, BACKGROUND, cover(distance - radius - 3))
        colour = mix(colour, NODE, cover(distance - radius))
    return bytes((*colour, round(255 * cover(to_rounded_square(x, y, 2, 24)))))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main(out):
    rows = b"".join(b"\0" + b"".join(pixel(x + 0.5, y + 0.5) for x in range(SIZE)) for y in range(SIZE))
    with open(out, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(rows, 9)))
        file.write(chunk(b"IEND", b""))


if __name__ == "__main__":
    main(*sys.argv[1:])
