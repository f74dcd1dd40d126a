"""Makes a screenshot small: 256 colours at most, compressed as hard as it goes. Plain 8-bit RGB and RGBA only."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {2: 3, 6: 4}  # PNG's colour type -> bytes a pixel
COLOURS = 256
Colour = tuple[int, int, int]


def small(data: bytes) -> bytes:
    """The same picture with a palette. Raises ValueError for a PNG of another kind."""
    chunks = list(_chunks(data))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in CHANNELS or interlaced:
        raise ValueError("not a plain 8-bit RGB or RGBA picture")
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    rows = list(_rows(zlib.decompress(packed), width, height, CHANNELS[kind]))
    palette, place = _palette(Counter(colour for row in rows for colour in row))
    lines = b"".join(b"\0" + bytes(place[colour] for colour in row) for row in rows)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(bytes(colour) for colour in palette)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise ValueError("not a PNG")
    at = len(SIGNATURE)
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        yield name, data[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _rows(raw: bytes, width: int, height: int, size: int) -> Iterator[list[Colour]]:
    """The pixels, row by row, with PNG's filters taken off; transparency is left out."""
    before = bytearray(width * size)
    for y in range(height):
        start = y * (width * size + 1)
        line = bytearray(raw[start + 1 : start + 1 + width * size])
        _unfilter(raw[start], line, before, size)
        yield list(zip(line[0::size], line[1::size], line[2::size], strict=True))
        before = line


def _unfilter(how: int, line: bytearray, above: bytearray, size: int) -> None:
    for at in range(len(line)) if how else ():
        left = line[at - size] if at >= size else 0
        corner = above[at - size] if at >= size else 0
        guess = (0, left, above[at], (left + above[at]) // 2, 0)[how] if how < 4 else _paeth(left, above[at], corner)
        line[at] = (line[at] + guess) & 255


def _paeth(left: int, above: int, corner: int) -> int:
    """The neighbour nearest to left + above - corner, as the PNG specification has it."""
    far = (abs(above - corner), abs(left - corner), abs(left + above - 2 * corner))
    return (left, above, corner)[far.index(min(far))]


def _palette(found: Counter[Colour]) -> tuple[list[Colour], dict[Colour, int]]:
    """The colours seen most, and for every colour the place of the nearest of them."""
    kept = [colour for colour, _ in found.most_common(COLOURS)]
    place = {colour: at for at, colour in enumerate(kept)}
    for colour in found:
        if colour not in place:
            place[colour] = min(range(len(kept)), key=lambda at: _distance(kept[at], colour))
    return kept, place


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
