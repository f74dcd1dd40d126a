"""The pictures are made small without changing what they show."""

import random
import struct
import zlib

import pytest

from deploy.png import SIGNATURE, small

Pixels = list[list[tuple[int, ...]]]


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def written(pixels: Pixels, kind: int, depth: int = 8) -> bytes:
    """A PNG whose rows go through all five filters in turn, in two pieces."""
    size = len(pixels[0][0])
    raw, above = b"", bytes(len(pixels[0]) * size)
    for y, row in enumerate(pixels):
        line = bytes(part for pixel in row for part in pixel)
        raw += bytes([y % 5]) + bytes(
            (line[x] - guess(y % 5, line[x - size] if x >= size else 0, above[x], above[x - size] if x >= size else 0))
            & 255
            for x in range(len(line))
        )
        above = line
    packed = zlib.compress(raw)
    head = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), depth, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", packed[:9]), chunk(b"IDAT", packed[9:]), chunk(b"IEND", b"")
    return SIGNATURE + b"".join(parts)


def guess(how: int, left: int, above: int, corner: int) -> int:
    if how == 4:
        near = left + above - corner
        return min((left, above, corner), key=lambda one: abs(near - one))
    return [0, left, above, (left + above) // 2][how]


def shown(data: bytes) -> Pixels:
    """The pixels of a picture with a palette and unfiltered rows."""
    parts, at = {}, len(SIGNATURE)
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert data[at + 8 + length : at + 12 + length] == struct.pack(">I", zlib.crc32(name + body))
        parts[name], at = body, at + 12 + length
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    palette = [tuple(parts[b"PLTE"][n : n + 3]) for n in range(0, len(parts[b"PLTE"]), 3)]
    raw = zlib.decompress(parts[b"IDAT"])
    rows = [raw[y * (width + 1) : (y + 1) * (width + 1)] for y in range(height)]
    assert {row[0] for row in rows} == {0}
    return [[palette[place] for place in row[1:]] for row in rows]


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (6, 4)])
def test_a_picture_of_few_colours_stays_as_it_is(kind: int, channels: int) -> None:
    chance = random.Random(kind)
    colours = [tuple(chance.randrange(256) for _ in range(3)) for _ in range(200)]
    pixels = [[(*chance.choice(colours), 255)[:channels] for _ in range(23)] for _ in range(17)]
    assert shown(small(written(pixels, kind))) == [[pixel[:3] for pixel in row] for row in pixels]


def test_of_many_colours_the_nearest_kept_ones_are_shown() -> None:
    pixels: Pixels = [[(10 * x % 256, y, 0) for x in range(40)] for y in range(20)]
    result = shown(small(written(pixels, 2)))
    far = [abs(a - b) for row, other in zip(pixels, result, strict=True) for p, q in zip(row, other, strict=True)
           for a, b in zip(p, q, strict=True)]  # fmt: skip
    assert len({pixel for row in result for pixel in row}) == 256
    assert 0 < max(far) < 20


@pytest.mark.parametrize("data", [b"GIF89a", written([[(1, 2, 3)]], 2, depth=16), written([[(1,)]], 0)])
def test_what_it_cannot_read_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a"):
        small(data)
