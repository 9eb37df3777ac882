"""Files as blocks: what type each block takes, and the codec's streaming and in-memory forms.

To decode, the engine is loaded when the first model block is met, so that a refused file, a run or
noise need none.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from coding import container, rebuilt
from coding.container import (
    HOLDING_BLOCKS,
    NO_MEMORY,
    Block,
    Digest,
    Head,
    Kind,
    Mixed,
    Reader,
    Sink,
    Source,
    Transform,
)
from coding.errors import LimitExceeded
from compressor.codec import levels, needs, registry, side_by_side, trials
from compressor.codec.levels import Level
from compressor.codec.needs import PIECE, Room
from compressor.codec.pieces import LEAST_PARTS, Piece, Unpacker, in_granules
from compressor.codec.registry import Coders
from compressor.codec.seams import BlockCodec, Progress, Recipe, ignore_progress

if TYPE_CHECKING:
    from compressor.codec.prepared import Coder, Memory

Find = Callable[[bytes], BlockCodec]
"""The model of an identity; raises ``coding.errors.UnknownWeights``."""


class Elsewhere(Protocol):
    """What makes and opens blocks in the place of this process, as the functions below do."""

    @property
    def at_once(self) -> int:
        """Blocks of a file that are given to it at a time."""

    def make_block(
        self,
        coders: Coders,
        level: Level,
        kind: Kind,
        raw: bytes,
        recipe: Recipe,
        progress: Progress,
    ) -> Block:
        """As ``make_block``, in a thread that waits for it."""

    def open_block(self, block: Block, progress: Progress) -> list[bytes]:
        """As ``open_block``, for a mixed block."""


class _Share:
    """Progress with the parts of a block, told as bytes of its original."""

    def __init__(self, progress: Progress, parts: int, length: int) -> None:
        self._progress, self._parts, self._length = progress, parts, length
        self._done = self._told = 0

    def __call__(self, count: int) -> None:
        self._done += count
        now = self._done * self._length // self._parts
        self._progress(now - self._told)
        self._told = now


def make_block(
    coders: Coders, level: Level, kind: Kind, raw: bytes, recipe: Recipe, progress: Progress
) -> Block:
    """A block of this type (1 to MAX_BLOCK bytes), but raw where mixing would not shrink it.

    ``recipe`` is that of a mixed block with a network, where there is one.
    """
    if kind != Kind.MIXED:
        return _plain(kind, raw, progress)
    alone = level.without_network(recipe)
    transform, text = trials.transformed(raw, coders.alone, alone.design)
    codec = trials.codec_for(text, coders, recipe.design, alone.design)
    how = alone if codec is coders.alone else recipe
    return _mixed(codec, transform, raw, text, how, progress)


def block_after(prepared: Coder, kind: Kind, raw: bytes, progress: Progress) -> Block:
    """As ``make_block``, for a block that begins with a prepared memory."""
    if kind != Kind.MIXED:
        return _plain(kind, raw, progress)
    codec, recipe = prepared.codec, prepared.memory.recipe
    return _mixed(codec, Transform.NONE, raw, raw, recipe, progress)


def _plain(kind: Kind, raw: bytes, progress: Progress) -> Block:
    """A run or a raw block."""
    progress(len(raw))
    payload = raw[:1] if kind == Kind.RUN else raw
    return Block(Head(kind, len(raw), len(payload)), payload)


def _mixed(
    codec: BlockCodec,
    transform: Transform,
    raw: bytes,
    text: bytes,
    recipe: Recipe,
    progress: Progress,
) -> Block:
    """A mixed block of ``text``, which a transform made of ``raw``; raw where that is no longer."""
    payload = codec.encode_block(text, recipe, progress)
    if len(payload) >= len(raw):
        return Block(Head(Kind.RAW, len(raw), len(raw)), raw)
    how = (recipe.lanes, recipe.design, transform, recipe.tables, codec.identity)
    return Block(Mixed(len(raw), len(payload), *how), payload)


def _of_parts(
    piece: Piece,
    make: Callable[[Kind, bytes, Progress], Block],
    most: int,
    progress: Progress,
) -> Block | None:
    """A block whose parts ``make`` codes, in blocks of ``most`` bytes.

    None where it has no parts, or is no smaller than its original.
    """
    if not piece.parts:
        return None
    length = len(piece.raw)
    share = _Share(progress, sum(map(len, piece.parts)) + len(piece.streams), length)
    deeper = _of_parts(piece.deeper, make, most, share) if piece.deeper else None
    if deeper is not None:
        inner = [deeper]
    else:
        tell = share if piece.deeper is None else ignore_progress
        pieces = (one for part in piece.parts for one in in_granules(io.BytesIO(part), most))
        inner = [make(kind, part, tell) for kind, part in pieces]
        inner += [_plain(Kind.RAW, piece.streams, share)] if piece.streams else []
    block = rebuilt.block_of(length, inner, piece.holder)
    return block if block.head.size < length else None


def _restored(
    block: Block, progress: Progress, opened: Callable[[Block, Progress], Iterable[bytes]]
) -> bytes:
    """The original of a block whose parts lie in blocks that ``opened`` opens."""
    inner, length = rebuilt.inner_blocks(block), block.head.length
    share = _Share(progress, sum(one.head.length for one in inner) or 1, length)
    parts = b"".join(part for one in inner for part in opened(one, share))
    return trials.block_from(block.head.kind, parts, length)


def open_block(block: Block, progress: Progress, find: Find) -> Iterator[bytes]:
    """The original bytes of a block, in pieces."""
    head = block.head
    if head.kind in HOLDING_BLOCKS:
        yield _restored(block, progress, lambda one, share: open_block(one, share, find))
        return
    if isinstance(head, Mixed):
        codec = find(head.weights_id)
        recipe = Recipe.of(head)
        text = codec.decode_block(block.payload, head.length, recipe, progress)
        yield trials.undo(head.transform, text)
        return
    for start in range(0, head.length, PIECE):
        size = min(PIECE, head.length - start)
        raw = head.kind == Kind.RAW
        yield block.payload[start : start + size] if raw else block.payload * size
        progress(size)


def compress_stream(
    source: Source,
    target: Sink,
    level: int = levels.DEFAULT,
    progress: Progress = ignore_progress,
    *,
    model: str | BlockCodec | None = None,
    coders: Coders | None = None,
    lanes: int | None = None,
    max_memory: int | None = None,
    prepared: Coder | None = None,
    elsewhere: Elsewhere | None = None,
    unpack: bool = True,
) -> Digest:
    """Reads source to its end and writes a container; returns length and checksum of the original.

    An original of one short block gets a container in the short form, where that is smaller.

    ``model`` takes the place of the level's own ones; ``coders`` bring an engine, where it is not
    the one that is chosen by default. ``lanes`` are used as far as a block has bytes for them.
    Where blocks begin with a ``prepared`` memory, that says how they are coded; the level bounds
    them. Others are made ``elsewhere``, where that is given. What was packed with deflate, as PDF
    and zip hold it, or written in base64, as mail is, is unpacked first, so that it can be told
    again, sound and pictures are predicted, tables lie column by column, and strings apart from the
    pages of PDF that show them, unless ``unpack`` is False or blocks begin with a prepared memory.

    Memory is bounded by the level, whatever the length, for each block that is coded at a time
    (``side_by_side.at_once``). ``max_memory``, in bytes, bounds it further by smaller tables and
    shorter blocks, one at a time; it is an estimate of the whole process's peak. Neither side needs
    to be seekable. Raises UnknownModel, AmbiguousModel, UnusableWeights, NoEngine, LimitExceeded.
    """
    how = levels.LEVELS[level].in_lanes(lanes)
    if prepared is not None:
        coders = registry.Coders(prepared.codec)
    coders = coders or registry.of_level(how, model)
    room = Room(how, len(coders.networks), max_memory)
    writer = container.Writer(target, prepared.memory.identity if prepared else NO_MEMORY)
    room_for = room.block_bytes if max_memory else max(room.block_bytes, LEAST_PARTS)
    unpacker, digest = Unpacker(how, coders, room, room_for), Digest()

    def pieces() -> Iterator[Piece]:
        for kind, raw in in_granules(source, room.block_bytes):
            digest.update(raw)
            yield unpacker.piece(kind, raw) if unpack and prepared is None else Piece(kind, raw)
            del raw  # or it would lie beside the one that is read next

    def ordinary(kind: Kind, raw: bytes, progress: Progress) -> Block:
        made = elsewhere.make_block if elsewhere else make_block
        return made(coders, how, kind, raw, room.recipe(len(raw)), progress)

    def make(piece: Piece, progress: Progress) -> tuple[Block, bytes]:
        kind, raw = piece.kind, piece.raw
        if prepared is not None:
            prepared.refuse_beyond(len(raw), max_memory)
            block = block_after(prepared, kind, raw, progress)
        else:
            block = _of_parts(piece, ordinary, room.block_bytes, progress) or ordinary(
                kind, raw, ignore_progress if piece.parts else progress
            )
        return block, raw if len(raw) <= container.SHORT_MOST else b""

    def limit(piece: Piece) -> int:
        if elsewhere is not None:
            return elsewhere.at_once
        if max_memory is not None or prepared is not None:
            return 1
        length = min(piece.coded, room.block_bytes)
        recipe = room.recipe(length)
        needed = piece.coded + needs.encoding(length, recipe, len(coders.networks))
        return side_by_side.at_once(coders.first, recipe, needed)

    for block, raw in side_by_side.in_order(make, pieces(), limit, progress):
        writer.add(block, raw)
        del block  # as above
    writer.end(digest)
    return digest


def decompress_stream(
    source: Source,
    target: Sink,
    progress: Progress = ignore_progress,
    find: Find = registry.by_identity,
    *,
    max_output: int | None = None,
    max_memory: int | None = None,
    prepared: Coder | None = None,
    elsewhere: Elsewhere | None = None,
) -> Digest:
    """Reads one container and writes the original; returns length and checksum of it.

    ``find`` gives the codec of an identity; baselines that are coded by the same loop bring their
    own. ``prepared`` is the memory that blocks begin with, where the container names one. Others
    are opened ``elsewhere``, where that is given.
    ``max_output`` and ``max_memory`` are bytes: what would exceed them raises LimitExceeded before
    the block is decoded. Memory is an estimate of the whole process's peak.

    Raises a ``coding.errors.FormatError`` for anything that cannot be decoded. Bytes may have
    reached target by then: only a normal return vouches for them.
    """
    reader = Reader(source)
    digest = Digest()
    after: Coder | None = None
    if reader.memory_id != NO_MEMORY:
        from compressor.codec.prepared import required

        after = required(reader.memory_id, prepared)

    def completed(block: Block) -> Block:
        if after is None or block.head.kind != Kind.MIXED:
            return block
        after.refuse_beyond(block.head.length, max_memory)
        return after.completed(block)

    def blocks() -> Iterator[Block]:
        length = 0
        for block in map(completed, reader.blocks()):
            _keep_limits(block, length, max_output, max_memory)
            length += block.head.length
            yield block
            del block  # or it would lie beside the one that is read next

    def opened(block: Block, tell: Progress) -> Iterable[bytes]:
        if isinstance(block.head, Mixed) and elsewhere is not None and after is None:
            return elsewhere.open_block(block, tell)
        return open_block(block, tell, (lambda _: after.codec) if after else find)

    def restore(block: Block, tell: Progress) -> Iterable[bytes]:
        if block.head.kind in HOLDING_BLOCKS:
            return [_restored(block, tell, opened)]
        if isinstance(block.head, Mixed):
            return list(opened(block, tell))
        return open_block(block, progress, find)  # piece by piece, as it is written

    def limit(block: Block) -> int:
        if elsewhere is not None:
            return elsewhere.at_once
        if max_memory is not None or after is not None:
            return 1
        needed = needs.decoding(block)
        heads = rebuilt.mixed_heads(block)
        return min((_at_once(head, needed, find) for head in heads), default=1)

    for pieces in side_by_side.in_order(restore, blocks(), limit, progress):
        for piece in pieces:
            digest.update(piece)
            target.write(piece)
        del pieces
    reader.compare(digest)
    return digest


def _at_once(head: Mixed, needed: int, find: Find) -> int:
    """How many blocks to decode at a time that are like one of this head and take so many bytes."""
    return side_by_side.at_once(find(head.weights_id), Recipe.of(head), needed)


def _keep_limits(block: Block, done: int, max_output: int | None, max_memory: int | None) -> None:
    """Raises LimitExceeded where decoding the block would exceed what the caller allows."""
    if max_output is not None and done + block.head.length > max_output:
        raise LimitExceeded(
            f"the file holds more than {max_output:,} bytes: allow more with --max-output"
        )
    needs.refuse_beyond(block, max_memory)


def compress(
    data: bytes,
    level: int = levels.DEFAULT,
    *,
    model: str | BlockCodec | None = None,
    max_memory: int | None = None,
    memory: Memory | None = None,
) -> bytes:
    """A container that holds data; ``model`` and ``max_memory`` as for ``compress_stream``.

    Where it begins with a prepared ``memory``, restoring it needs that too. Raises UnknownModel,
    AmbiguousModel, UnusableWeights, NoEngine, LimitExceeded, UnusableMemory.
    """
    target = io.BytesIO()
    compress_stream(
        io.BytesIO(data),
        target,
        level,
        model=model,
        max_memory=max_memory,
        prepared=memory.coder() if memory else None,
    )
    return target.getvalue()


def decompress(
    data: bytes,
    *,
    max_output: int | None = None,
    max_memory: int | None = None,
    memory: Memory | None = None,
) -> bytes:
    """The original of a container; limits in bytes as for ``decompress_stream``.

    ``memory`` is the one that it begins with, if any. Raises ``coding.errors.FormatError``,
    LimitExceeded, UnusableMemory.
    """
    target = io.BytesIO()
    decompress_stream(
        io.BytesIO(data),
        target,
        max_output=max_output,
        max_memory=max_memory,
        prepared=memory.coder() if memory else None,
    )
    return target.getvalue()
