"""Prepared memories: what has been learned of some texts, kept in a file for blocks to begin with.

A file of a kind that many others resemble (records, mails, log lines) is small on its own and says
little; behind a text of its kind it costs what is new in it. FORMAT.md, section 6, says what a
prepared memory is and how its file lies.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import struct
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from coding.container import MAX_BLOCK, MAX_TABLES, NO_WEIGHTS, Block, Design, Mixed, Transform
from coding.errors import Damaged, LimitExceeded, UnknownMemory
from compressor.codec import native, needs, registry, trials
from compressor.codec.levels import DEFAULT, LEVELS, MIB
from compressor.codec.native import NativeCodec
from compressor.codec.seams import BlockCodec, Progress, Recipe, ignore_progress
from compressor.errors import UnusableMemory
from compressor.system import files

if TYPE_CHECKING:
    from compressor.codec.blocks import SteppedModel

SUFFIX = ".kzm"
MAGIC = b"\x89KZM\r\n"
VERSION = 1
TABLE_BYTES = 32
"""Bytes of hash tables for each byte of text, where nobody says how many there are to be."""
PIECE = 1 << 20

_HEADER = struct.Struct("<6sBBHH8sIIIQQIII")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size
_NAME = b"kolmozip memory\0"


@dataclasses.dataclass(frozen=True)
class Memory:
    """A prepared memory in its file; ``open`` and ``build`` make one."""

    path: Path
    recipe: Recipe
    """How the text was read, and blocks are coded: always in one lane."""
    weights_id: bytes
    sources: tuple[tuple[str, int], ...]
    """Name and length of each part of the text, in order."""
    text_at: int
    state_version: int
    """The native engine's number of what it has learned, or 0 where that is not in the file."""
    state: range
    """Where it lies."""
    checks: tuple[int, int]
    """CRC of sources and text, and of what was learned."""
    identity: bytes

    @property
    def text_bytes(self) -> int:
        """Length of the text."""
        return sum(length for _, length in self.sources)

    @classmethod
    def open(cls, path: Path | str) -> Memory:
        """Reads head and text of a file; what was learned is read for each block.

        Raises UnusableMemory, and the refusals of ``files.open_input``.
        """
        name = str(path)
        with files.open_input(name) as source:
            data = source.read(HEADER_BYTES)
            if data[: len(MAGIC)] != MAGIC or len(data) < HEADER_BYTES:
                raise UnusableMemory(
                    f"{name} is no prepared memory: make one with `kolmozip memory build`"
                )
            if _crc(data[:-4]) != data[-4:]:
                raise UnusableMemory(f"{name} has a damaged head: fetch it again or rebuild it")
            fields = _HEADER.unpack(data[:-4])
            _, version, design, tables, _, weights, text_bytes, listed = fields[:8]
            state_version, state_at, state_bytes, *checks, _ = fields[8:]
            if version != VERSION or design not in list(Design):
                raise UnusableMemory(f"{name} is newer than this program: update kolmozip")
            sources = source.read(listed)
        try:
            named = tuple((str(part), int(length)) for part, length in json.loads(sources))
        except ValueError as error:
            raise UnusableMemory(
                f"{name} names no sources: fetch it again or rebuild it"
            ) from error
        if sum(length for _, length in named) != text_bytes or not 1 <= text_bytes <= MAX_BLOCK:
            raise UnusableMemory(f"{name} does not agree with itself: fetch it again or rebuild it")
        recipe, text_at = Recipe(1, Design(design), tables), HEADER_BYTES + listed
        state = range(state_at, state_at + state_bytes)
        where = (Path(path), recipe, weights, named, text_at, state_version, state)
        memory = cls(*where, (checks[0], checks[1]), b"")
        return dataclasses.replace(memory, identity=_identity(recipe, weights, memory.text()))

    @classmethod
    def build(
        cls,
        path: Path | str,
        sources: Mapping[str, bytes],
        level: int = DEFAULT,
        *,
        model: str | None = None,
        tables: int | None = None,
        text_only: bool = False,
        engine: str | None = None,
        force: bool = False,
        progress: Progress = ignore_progress,
    ) -> Memory:
        """Reads texts in the given order and writes what was learned of them.

        The level says which memory and which networks, of which a trial finds the best, or that
        none is a help. ``tables`` are MiB of hash tables. With ``text_only``, and where there
        is no native engine, what was learned is not written: whoever opens the file reads the text
        anew, the native engine once and others for each block. Raises UnusableMemory for texts
        that are too short or too long, UnknownModel, AmbiguousModel, UnusableWeights, NoEngine and
        the refusals of ``files.open_output``.
        """
        text = b"".join(sources.values())
        if not 1 <= len(text) <= MAX_BLOCK:
            raise UnusableMemory(
                f"a prepared memory reads 1 to {MAX_BLOCK:,} bytes, these are {len(text):,}: "
                "choose other files"
            )
        how = LEVELS[level]
        design = how.without_network(how.recipe(len(text))).design
        coders = registry.of_level(how, model or None, engine)
        codec = trials.codec_for(text, coders, design, design)
        wanted = tables or -(-len(text) * TABLE_BYTES // MIB)
        recipe = Recipe(1, design, min(wanted, MAX_TABLES if tables else how.tables_mib))
        named = [(name, len(data)) for name, data in sources.items()]
        _write(
            path, recipe, None if text_only else codec, codec.identity, named, text, force, progress
        )
        return cls.open(path)

    def refresh(self, engine: str | None = None, progress: Progress = ignore_progress) -> Memory:
        """Learns of the text once more, for a native engine of another version, and writes it."""
        codec = registry.by_identity(self.weights_id, engine)
        text = self.text()
        how = (self.recipe, codec, codec.identity, list(self.sources))
        _write(self.path, *how, text, True, progress)
        return self.open(self.path)

    def text(self) -> bytes:
        """The texts as one. Raises UnusableMemory where the file does not hold them."""
        with files.named_errors(str(self.path)), self.path.open("rb") as source:
            listed = source.read(self.text_at)[HEADER_BYTES:]
            text = source.read(self.text_bytes)
        if zlib.crc32(text, zlib.crc32(listed)) != self.checks[0]:
            raise UnusableMemory(f"{self.path} is damaged: fetch it again or rebuild it")
        return text

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """Name and text of each source."""
        text, at = self.text(), 0
        for name, length in self.sources:
            yield name, text[at : at + length]
            at += length

    def check(self) -> None:
        """Compares what was learned with its checksum. Raises UnusableMemory."""
        crc, left = 0, len(self.state)
        with files.named_errors(str(self.path)), self.path.open("rb") as source:
            source.seek(self.state.start)
            while left and (piece := source.read(min(left, PIECE))):
                crc, left = zlib.crc32(piece, crc), left - len(piece)
        if crc != self.checks[1]:
            raise UnusableMemory(f"{self.path} is damaged: fetch it again or rebuild it")

    @functools.cached_property
    def _sound(self) -> bool:
        """That what was learned has its checksum."""
        self.check()
        return True

    def coder(self, engine: str | None = None, threads: int = 0) -> Coder:
        """What codes blocks that begin with this memory.

        Raises UnknownWeights, UnusableWeights, UnusableMemory, NoEngine, StaleEngine.
        """
        codec = registry.by_identity(self.weights_id, engine, threads)
        if isinstance(codec, NativeCodec):
            return Coder(self, self._native(codec))
        from compressor.codec.blocks import Following

        model = cast("SteppedModel", codec)
        return Coder(self, Following(model, self.text(), self.weights_id))

    def _native(self, codec: NativeCodec) -> NativeCodec:
        text = range(self.text_at, self.text_at + self.text_bytes)
        with files.named_errors(str(self.path)):
            if self.state_version == native.state_version():
                self._sound  # noqa: B018 - what is damaged is refused here, once
                return codec.following(self.path, text, self.state.start)
            # The engine keeps the file open, which needs no name from then on.
            with tempfile.NamedTemporaryFile(suffix=SUFFIX) as kept:
                known = self.text()
                kept.write(known + codec.prepare(known, self.recipe, ignore_progress))
                kept.flush()
                return codec.following(Path(kept.name), range(len(known)), len(known))


@dataclasses.dataclass(frozen=True)
class Coder:
    """A prepared memory ready to code with."""

    memory: Memory
    codec: BlockCodec

    def refuse_beyond(self, length: int, max_memory: int | None) -> None:
        """Raises LimitExceeded where a block of so many bytes takes more memory than that."""
        network = self.memory.weights_id != NO_WEIGHTS
        needed = needs.encoding(self.memory.text_bytes + length, self.memory.recipe, network)
        if max_memory is not None and needed > max_memory:
            raise LimitExceeded(
                f"a block after the prepared memory takes about {needed:,} bytes of memory, "
                f"{max_memory:,} are allowed: allow more with --max-memory"
            )

    def completed(self, block: Block) -> Block:
        """A mixed block with a whole head, which in the short form leaves the rest to this memory.

        Raises Damaged where it was not coded after this memory.
        """
        memory, head = self.memory, block.head
        recipe, transform = memory.recipe, Transform.NONE
        how = (recipe.lanes, recipe.design, transform, recipe.tables, memory.weights_id)
        whole = Mixed(head.length, head.size, *how)
        if not isinstance(head, Mixed):
            return Block(whole, block.payload)
        if dataclasses.replace(head, transform=transform) != whole:
            raise Damaged(
                "a block does not agree with the prepared memory: the file is damaged, "
                "fetch it again"
            )
        return block


def required(memory_id: bytes, coder: Coder | None) -> Coder:
    """The coder of the memory that a container names, by the first bytes of its identity at least.

    Raises UnknownMemory.
    """
    if coder is None or not coder.memory.identity.startswith(memory_id):
        given = f"; {coder.memory.path} is another, {coder.memory.identity.hex()}" if coder else ""
        raise UnknownMemory(
            f"the file needs the prepared memory {memory_id.hex()}{given}: name its .kzm with -D"
        )
    return coder


def _identity(recipe: Recipe, weights_id: bytes, text: bytes) -> bytes:
    how = struct.pack("<BH8sI", recipe.design, recipe.tables, weights_id, len(text))
    return hashlib.sha256(_NAME + how + text).digest()[:8]


def _crc(data: bytes) -> bytes:
    return _CRC.pack(zlib.crc32(data))


def _write(
    path: Path | str,
    recipe: Recipe,
    codec: BlockCodec | None,
    weights_id: bytes,
    sources: list[tuple[str, int]],
    text: bytes,
    force: bool,
    progress: Progress,
) -> None:
    """Writes a file by atomic rename, with what a native ``codec`` learns, where it is one."""
    files.check_output(str(path), force)
    version, state = 0, b""
    if isinstance(codec, NativeCodec):
        version, state = native.state_version(), codec.prepare(text, recipe, progress)
    listed = json.dumps(sources, ensure_ascii=False, separators=(",", ":")).encode()
    state_at = HEADER_BYTES + len(listed) + len(text)
    checks = (zlib.crc32(text, zlib.crc32(listed)), zlib.crc32(state))
    sizes = (len(text), len(listed), version, state_at, len(state))
    how = (VERSION, recipe.design, recipe.tables, 0, weights_id)
    head = _HEADER.pack(MAGIC, *how, *sizes, *checks, 0)
    with files.open_output(str(path), force) as target:
        for part in (head + _crc(head), listed, text, state):
            target.write(part)
