"""A deflate stream taken apart: its blocks, their tokens, and its text. RFC 1951."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from coding.deflate import codes
from coding.deflate.bits import Reader, low_first
from coding.deflate.codes import Codes
from coding.deflate.tokens import LONGEST, LOW, SHIFT, match
from coding.errors import Damaged

MATCH_BITS = 48
"""What a match takes at most."""
TAKEN = 6
"""Bytes that are read at once."""


@dataclass(frozen=True)
class Block:
    """A deflate block as it was found."""

    kind: int
    size: int
    """Bytes of text."""
    tokens: Sequence[int] = ()
    """None where it is stored."""
    description: str = ""
    """Of its codes, where it is dynamic."""


@dataclass
class Stream:
    """A deflate stream as it was found."""

    start: int
    end: int = 0
    """Where its bytes begin and where they end."""
    blocks: list[Block] = field(default_factory=list)
    text: bytes = b""

    @property
    def packed(self) -> int:
        """Bytes of the stream."""
        return self.end - self.start


def parse(content: bytes, start: int, most: int) -> Stream:
    """The sound stream that begins at a byte. Raises Damaged if there is none of ``most`` bytes."""
    reader, text, stream = Reader(content, start), bytearray(), Stream(start)
    last = 0
    while not last:
        last, kind = reader.take(1), reader.take(2)
        stream.blocks.append(_block(reader, kind, text, most))
        reader.check()
        _bound(text, most)
    stream.end, stream.text = reader.align(), bytes(text)
    return stream


def _bound(text: bytearray, most: int) -> None:
    if len(text) > most:
        raise Damaged("a deflate stream stands for too many bytes: get the file anew")


def _block(reader: Reader, kind: int, text: bytearray, most: int) -> Block:
    """The next block; its text is appended."""
    start = len(text)
    if kind == codes.STORED:
        text += _stored(reader)
        return Block(kind, len(text) - start)
    if kind == codes.FIXED:
        tokens = _compressed(reader, _fixed(), text, most)
        return Block(kind, len(text) - start, tokens)
    if kind != codes.DYNAMIC:
        raise Damaged("a deflate block has an unknown type: get the file anew")
    before = reader.position
    described = codes.read_description(reader)
    description = _again(reader, before)
    tokens = _compressed(reader, _decoders(described), text, most)
    return Block(kind, len(text) - start, tokens, description)


def _stored(reader: Reader) -> bytes:
    reader.align()
    size, complement = reader.take(16), reader.take(16)
    if size ^ complement != codes.STORED_TOP - 1:
        raise Damaged("the length of a stored deflate block is wrong: get the file anew")
    start = reader.position // 8
    reader.align(start + size)
    reader.check()
    return reader.content[start : start + size]


def _again(reader: Reader, before: int) -> str:
    """The bits since a position."""
    first, bits = before // 8, reader.position - before
    number = int.from_bytes(reader.content[first : -(-reader.position // 8)], "little")
    return low_first((number >> before % 8) & ((1 << bits) - 1), bits)


Decoders = tuple[tuple[list[int], int], tuple[list[int], int]]
"""Those of literals and lengths and of distances."""


def _decoders(described: Codes) -> Decoders:
    return codes.decoder(described.literals), codes.decoder(described.distances, spare=True)


@cache
def _fixed() -> Decoders:
    return _decoders(codes.FIXED_CODES)


def _compressed(reader: Reader, decoders: Decoders, text: bytearray, most: int) -> array[int]:
    """The tokens of a block up to its end; their text is appended."""
    (literals, _), (distances, _) = decoders
    mask, tokens = len(literals) - 1, array("I")
    buffer, count, at, content = reader.buffer, reader.count, reader.at, reader.content
    while True:
        if count < MATCH_BITS:
            if at > len(content) + TAKEN or len(text) > most:
                break  # a check that follows refuses it
            buffer |= int.from_bytes(content[at : at + TAKEN], "little") << count
            at += TAKEN
            count += 8 * TAKEN
        entry = literals[buffer & mask]
        bits, symbol = entry & 15, entry >> 4
        buffer >>= bits
        count -= bits
        if symbol < codes.END:
            text.append(symbol)
            tokens.append(0)
        elif symbol == codes.END:
            break
        else:
            token, bits = _match(symbol - codes.END - 1, buffer, distances)
            buffer >>= bits
            count -= bits
            _copy(text, token >> SHIFT, token & LOW)
            tokens.append(token)
    reader.buffer, reader.count, reader.at = buffer, count, at
    return tokens


def _match(symbol: int, buffer: int, distances: list[int]) -> tuple[int, int]:
    """The match of a symbol of lengths and of the bits that follow it, and how many it takes."""
    if symbol >= len(codes.LENGTH_EXTRA):
        raise Damaged("a deflate stream has a length that does not exist: get the file anew")
    bits = codes.LENGTH_EXTRA[symbol]
    length = codes.LENGTH_FIRST[symbol] + (buffer & ((1 << bits) - 1))
    if length == LONGEST and bits:
        raise Damaged("a deflate stream has a length that zlib writes otherwise: get the file anew")
    entry = distances[buffer >> bits & len(distances) - 1]
    bits += entry & 15
    symbol = entry >> 4
    if not entry or symbol >= len(codes.DISTANCE_EXTRA):
        raise Damaged("a deflate stream has a distance that does not exist: get the file anew")
    extra = codes.DISTANCE_EXTRA[symbol]
    distance = codes.DISTANCE_FIRST[symbol] + (buffer >> bits & ((1 << extra) - 1))
    return match(length, distance), bits + extra


def _copy(text: bytearray, length: int, distance: int) -> None:
    """Appends what a match stands for."""
    start = len(text) - distance
    if start < 0:
        raise Damaged("a deflate stream refers to before its start: get the file anew")
    if distance >= length:
        text += text[start : start + length]
    else:
        period = text[start:]
        text += (period * (length // distance + 1))[:length]
