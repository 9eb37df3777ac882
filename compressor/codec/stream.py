"""The codec loop: model and coder joined by predict and perceive, blocks in bounded memory, bytes and file-object forms."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from coding import container
from coding.container import Block, Header, Kind
from coding.errors import Damaged
from compressor.codec import model as registry
from compressor.codec import weights_store
from compressor.codec.blocks import Coded, Progress, decode_block, encode_block
from data.lanes import lane_count

DENSE_BITS = 7.95
"""A granule whose order-0 entropy is above this (bits a byte: noise, archives, media) is stored raw without trying."""
GRANULE = 1 << 23
"""Bytes that are looked at together before a block's type is chosen."""
Find = Callable[[bytes], Coded]
"""The model of an identity; raises ``coding.errors.UnknownWeights``."""


def _entropy(data: np.ndarray) -> float:
    """Order-0 entropy in bits a byte."""
    share = np.bincount(data, minlength=256) / data.size
    return float(-np.sum(share * np.log2(np.maximum(share, 1e-300))))


def kind_of(raw: bytes) -> Kind:
    """The block type that suits a granule by its look."""
    data = np.frombuffer(raw, np.uint8)
    if raw.count(raw[:1]) == len(raw):
        return Kind.RUN
    return Kind.RAW if data.size >= 256 and _entropy(data) > DENSE_BITS else Kind.MODEL


def _pieces(source: BinaryIO) -> Iterator[tuple[Kind, bytes]]:
    """What goes into one block each, and its type: neighbouring granules that suit one, so that noise beside text stays raw."""
    held: list[bytes] = []
    held_kind = Kind.END
    while raw := container.read_up_to(source, min(GRANULE, container.MAX_BLOCK)):
        kind = kind_of(raw)
        if held and (
            kind != held_kind
            or kind == Kind.RUN
            or sum(len(part) for part in held) + len(raw) > container.MAX_BLOCK
        ):
            yield held_kind, b"".join(held)
            held = []
        held.append(raw)
        held_kind = kind
    if held:
        yield held_kind, b"".join(held)


def make_block(model: Coded, kind: Kind, raw: bytes, progress: Progress) -> Block:
    """A block of the type that suits these bytes (1 to MAX_BLOCK of them); raw where the model would not shrink them."""
    if kind != Kind.MODEL:
        progress(len(raw))
        return Block(kind, len(raw), raw[:1] if kind == Kind.RUN else raw)
    lanes = lane_count(len(raw))
    stream = encode_block(model.engine(lanes), np.frombuffer(raw, np.uint8), lanes, progress)
    if len(stream) >= len(raw):
        return Block(Kind.RAW, len(raw), raw)
    return Block(Kind.MODEL, len(raw), stream, lanes)


def open_block(
    header: Header, block: Block, progress: Progress, find: Find = registry.by_identity
) -> bytes:
    """The original bytes of a block of a container with this header."""
    if block.kind == Kind.MODEL:
        engine = find(header.weights_id).engine(block.lanes)
        return decode_block(
            engine, block.payload, block.length, block.lanes, progress, header.version
        ).tobytes()
    progress(block.length)
    return block.payload if block.kind == Kind.RAW else block.payload * block.length


def compress_stream(
    source: BinaryIO,
    target: BinaryIO,
    model: str | Coded = weights_store.DEFAULT_MODEL,
    progress: Progress = lambda _: None,
) -> container.Digest:
    """Reads source to its end and writes a container to target; returns length and checksum of the original.

    Memory is bounded by the block size (128 MiB), whatever the length; neither side needs to be seekable.
    """
    model = registry.by_name(model) if isinstance(model, str) else model
    target.write(container.header_bytes(Header(model.identity)))
    digest = container.Digest()
    for kind, raw in _pieces(source):
        digest.update(raw)
        target.write(container.block_bytes(make_block(model, kind, raw, progress)))
    target.write(container.end_bytes(digest))
    return digest


def decompress_stream(
    source: BinaryIO,
    target: BinaryIO,
    progress: Progress = lambda _: None,
    find: Find = registry.by_identity,
) -> container.Digest:
    """Reads one container from source and writes the original to target; returns its length and checksum.

    ``find`` gives the model of an identity; baselines that are coded by the same loop bring their own.

    Raises a ``coding.errors.FormatError`` for anything that cannot be decoded. Bytes may have reached target by then:
    only a normal return vouches for them.
    """
    header = container.read_header(source)
    digest = container.Digest()
    for block in container.read_blocks(source, header.version):
        if block.kind == Kind.END:
            if (block.length, block.payload) != (digest.length, digest.value()):
                raise Damaged(
                    "the decoded bytes do not have the original's checksum: the file is damaged, fetch it again"
                )
            return digest
        raw = open_block(header, block, progress, find)
        digest.update(raw)
        target.write(raw)
    raise AssertionError("read_blocks ends with an END block or raises")


def compress(data: bytes, model: str | registry.Model = weights_store.DEFAULT_MODEL) -> bytes:
    """A container that holds data. Raises ``compressor.errors.UnknownModel``."""
    target = io.BytesIO()
    compress_stream(io.BytesIO(data), target, model)
    return target.getvalue()


def decompress(data: bytes) -> bytes:
    """The original of a container. Raises ``coding.errors.FormatError``."""
    target = io.BytesIO()
    decompress_stream(io.BytesIO(data), target)
    return target.getvalue()
