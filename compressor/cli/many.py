"""Many inputs: whether they may be at work side by side, and what each of them needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from coding import rebuilt
from coding.container import MAX_BLOCK, NO_WEIGHTS, Reader
from coding.errors import KolmozipError
from compressor.cli.options import Settings
from compressor.codec import engines, levels, needs
from compressor.codec.shares import Means, Need
from compressor.codec.side_by_side import LANES_OF_A_THREAD, SHARE
from compressor.system import files, resources

if TYPE_CHECKING:
    from compressor.codec.prepared import Coder


ENDLESS = 1 << 50
"""Bytes and blocks of a pipe, of which nobody knows how much comes."""
PACKED = (b"%PDF", b"PK\3\4", b"\x1f\x8b", b"\x89PNG")
"""How files begin that hold what deflate packed."""
UNPACKING = 8
"""So many times as long they are taken to be once it is unpacked."""
LARGEST = 2_000_000_000
"""Bytes of memory that a block of unknown kind takes, with the largest tables of a level."""


def apart(targets: Mapping[str, str | None], inputs: Iterable[str]) -> bool:
    """Whether inputs and their outputs are all different files, so that their order is free.

    A pipe has an order. ``targets`` are outputs by the inputs' names.
    """
    names = [name for one in inputs for name in (one, targets[one]) if name is not None]
    return files.PIPE not in names and len(set(map(os.path.realpath, names))) == len(names)


def means(settings: Settings) -> Means:
    """The cores that inputs share, and the memory that inputs nobody asked for take together.

    One core stands for one input after the other: where memory is bounded, and with JAX.
    """
    try:
        native = engines.chosen(settings.engine) == "native"
    except KolmozipError:  # which each input that needs an engine is then refused for
        native = False
    cores = settings.threads or resources.cores()
    if settings.max_memory is not None or not native:
        cores = 1
    return Means(cores, resources.memory() // SHARE)


def blocks_of(sizes: Iterable[int | None]) -> int:
    """About how many blocks inputs of these sizes have; 0 where one of them is not known."""
    known = list(sizes)
    return 0 if None in known else sum(max(-(-(size or 0) // MAX_BLOCK), 1) for size in known)


def size_of(name: str) -> int | None:
    """Bytes of a regular file; None where it is none."""
    try:
        return Path(name).stat().st_size if name != files.PIPE and Path(name).is_file() else None
    except OSError:
        return None


def total(names: Iterable[str], sizes: Iterable[int | None]) -> int | None:
    """Bytes of all inputs together; None where a pipe or a device is among them.

    What is refused because it is not there, or too short, has no bytes.
    """
    pairs = list(zip(names, sizes, strict=True))
    if any(size is None and _endless(name) for name, size in pairs):
        return None
    return sum(size or 0 for _, size in pairs)


def _endless(name: str) -> bool:
    return name == files.PIPE or (os.path.exists(name) and size_of(name) is None)


def to_compress(name: str, settings: Settings, prepared: Coder | None) -> Need:
    """What compressing a file needs."""
    level = levels.LEVELS[settings.level].in_lanes(settings.lanes)
    size = max(size_of(name) or (ENDLESS if _endless(name) else 0), 1)
    length = min(size, level.block_bytes)
    blocks = -(-size // length)
    if prepared is not None:
        return _after(prepared, length)
    networks = 1 if settings.model else len(level.models)
    coded = min(UNPACKING * length, MAX_BLOCK) if settings.unpack and _packed(name) else length
    recipe = level.recipe(coded)
    return Need(blocks, _threads(recipe.lanes), needs.encoding(coded, recipe, networks))


def _packed(name: str) -> bool:
    """Whether a regular file begins as one that holds what deflate packed."""
    if size_of(name) is None:
        return False
    try:
        with Path(name).open("rb") as source:
            return source.read(4).startswith(PACKED)
    except OSError:
        return False


def to_restore(name: str, length: int, prepared: Coder | None) -> Need:
    """What restoring a container of ``length`` bytes of original needs, by its first block.

    What cannot be read is refused in its turn, and needs nothing.
    """
    if _endless(name):
        return Need(ENDLESS, 1, LARGEST)
    try:
        with files.named_errors(name), Path(name).open("rb") as source:
            block = next(Reader(source).blocks(), None)
            if block is None:
                return Need(1, 1, needs.PROCESS_BYTES)
            if prepared is not None:
                return _after(prepared, block.head.length)
            lanes = max((head.lanes for head in rebuilt.mixed_heads(block)), default=1)
            blocks = max(-(-length // block.head.length), 1)
            return Need(blocks, _threads(lanes), needs.decoding(block))
    except KolmozipError:
        return Need(1, 1, needs.PROCESS_BYTES)


def _threads(lanes: int) -> int:
    return -(-lanes // LANES_OF_A_THREAD)


def _after(prepared: Coder, length: int) -> Need:
    """Blocks after a prepared memory go one at a time, in one lane."""
    memory = prepared.memory
    network = memory.weights_id != NO_WEIGHTS
    return Need(1, 1, needs.encoding(memory.text_bytes + length, memory.recipe, network))
