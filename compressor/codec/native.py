"""The native engine as a codec of blocks; the only importer of the compiled module.

It is called once a block. ``native/`` holds its Rust sources, from which ``make`` builds it.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from coding.container import NO_WEIGHTS, VERSION, Transform
from coding.errors import Damaged
from compressor.codec import weights_store
from compressor.codec.seams import Progress, Recipe
from compressor.errors import NoEngine, StaleEngine, UnusableWeights

if TYPE_CHECKING:
    from coding.prediction import Signal
    from compressor.codec._native import Network, Prepared

ISA_VARIABLE = "KOLMOZIP_ISA"
"""Names the instruction set to compute with, for tests and measurements."""

SPECULATION_VARIABLE = "KOLMOZIP_SPECULATION"
"""Says what a decoder of few lanes drafts with, for tests and measurements: "never", or a draft and
bytes ahead, as in match:4, memory:8, or, for shipped or own weights that draft, tiny:2."""

WORKSPACE = Path(__file__).resolve().parents[2] / "native"
"""The Rust sources in a checkout; an installed package has none."""
SOURCES = (
    *("Cargo.lock", "Cargo.toml", "core/Cargo.toml", "core/src"),
    *("python/Cargo.toml", "python/build.rs", "python/src"),
)
"""Files, and folders of Rust files, that the module is compiled from; its build.rs has the same."""

MAX_WIDTH = 16
"""Bytes that may be drafted; speculation.rs has the same."""

REBUILD = "rebuild with make, or choose --engine jax"


@functools.cache
def absent() -> str | None:
    """Why the compiled module is not here; None where it can be used. Raises StaleEngine."""
    try:
        import compressor.codec._native as module
    except ModuleNotFoundError:
        return "it was not built"
    except ImportError as error:
        return " ".join(str(error).split())
    check_build(module.build_id())
    return None


def check_build(build: str) -> None:
    """Raises StaleEngine where a build is not of this checkout's sources, or of another format."""
    sources, _, version = build.partition("-")
    if version != str(VERSION):
        raise StaleEngine(
            f"the native engine codes format {version}, this program {VERSION}: {REBUILD}"
        )
    if (WORKSPACE / "Cargo.lock").is_file() and sources != sources_id():
        raise StaleEngine(f"the native engine was built from other sources than these: {REBUILD}")


def build() -> str:
    """Which sources the compiled module was built from, and for which format."""
    import compressor.codec._native as module

    return module.build_id()


def sources_id() -> str:
    """CRC-32 of the names and contents of the Rust sources in this checkout."""
    files: list[Path] = []
    for path in (WORKSPACE / name for name in SOURCES):
        files += path.rglob("*.rs") if path.is_dir() else [path]
    crc = 0
    for name, path in sorted((path.relative_to(WORKSPACE).as_posix(), path) for path in files):
        crc = zlib.crc32(b"%s\0%s\0" % (name.encode(), path.read_bytes()), crc)
    return f"{crc:08x}"


def instruction_sets() -> list[str]:
    """Names of the instruction sets that this processor has kernels for, the slowest first."""
    import compressor.codec._native as module

    return module.instruction_sets()


def instruction_set() -> str:
    """The instruction set in use: the fastest one, or what KOLMOZIP_ISA names. Raises NoEngine."""
    import compressor.codec._native as module

    try:
        return module.instruction_set(os.environ.get(ISA_VARIABLE, ""))
    except ValueError as error:
        raise NoEngine(f"{error}: unset {ISA_VARIABLE} or change it") from error


@dataclasses.dataclass(frozen=True)
class Speculation:
    """What a decoder drafts with, so that the network reads bytes that have not come yet.

    It changes nothing but the time, and only decoders that compute in one thread draft.
    """

    draft: str = ""
    """"never", "match", "memory" or "network"; "" is what was measured to be fastest."""
    width: int = 1
    """Bytes ahead at most."""
    drafter: Network | None = None
    """The network that drafts."""


def speculation() -> Speculation:
    """What KOLMOZIP_SPECULATION asks for. Raises NoEngine, UnknownModel, UnusableWeights."""
    asked = os.environ.get(SPECULATION_VARIABLE, "")
    draft, _, width = asked.partition(":")
    if asked in ("", "never"):
        return Speculation("never" if asked else "")
    if not width.isdecimal() or not 1 <= int(width) <= MAX_WIDTH:
        raise NoEngine(
            f"{asked!r} is no draft and 1 to {MAX_WIDTH} bytes: unset {SPECULATION_VARIABLE} or "
            "change it to something like memory:4"
        )
    if draft in ("match", "memory"):
        return Speculation(draft, int(width))
    return drafted_by(draft, int(width))


def drafted_by(name: str, width: int) -> Speculation:
    """Drafts of a network, by the name of its weights. Raises as ``load``, and UnknownModel."""
    path = weights_store.path_by_name(name)
    with _LOADING:
        network = _network(path, weights_store.identity_of(path), instruction_set())
    return Speculation("network", width, network)


@dataclasses.dataclass(frozen=True)
class Tally:
    """What the network of a decoder that drafts has done; zeros where it does not."""

    steps: int
    """Bytes of the longest lane."""
    passes: int
    """Evaluations of the network, of one or more bytes at once."""
    rows: int
    """Bytes that were evaluated."""
    drafted: int
    """Those of them that were drafted, and how many of these came."""
    hits: int


@dataclasses.dataclass(frozen=True)
class _Call:
    """A recipe as the compiled module takes it."""

    lanes: int
    design: int
    tables: int
    threads: int
    instruction_set: str
    draft: str = ""
    width: int = 1
    drafter: Network | None = None


@dataclasses.dataclass(frozen=True)
class NativeCodec:
    """The memory, with a network or without, in the native engine: a BlockCodec."""

    identity: bytes
    network: Network | None
    threads: int
    """Threads that a block is computed with; 0 is one a core."""
    instructions: str
    prepared: Prepared | None = None
    """What blocks of one lane begin with."""
    speculation: Speculation = Speculation()

    def _call(self, recipe: Recipe) -> _Call:
        threads, instructions = self.threads, self.instructions
        call = _Call(recipe.lanes, recipe.design, recipe.tables, threads, instructions)
        drafts = self.speculation
        return dataclasses.replace(
            call, draft=drafts.draft, width=drafts.width, drafter=drafts.drafter
        )

    def encode_block(self, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        """The payload of a mixed block of ``data``, which has a byte for each lane at least."""
        import compressor.codec._native as module

        call = self._call(recipe)
        return module.encode_block(self.network, call, data, progress, self.prepared)

    def decode_block(
        self, payload: bytes, length: int, recipe: Recipe, progress: Progress
    ) -> bytes:
        """The inverse of ``encode_block`` for a block of ``length`` bytes. Raises Damaged."""
        return self.tallied_block(payload, length, recipe, progress)[0]

    def tallied_block(
        self, payload: bytes, length: int, recipe: Recipe, progress: Progress
    ) -> tuple[bytes, Tally]:
        """As ``decode_block``, and what the network has done."""
        import compressor.codec._native as module

        call = self._call(recipe)
        try:
            data, tally = module.decode_block(
                self.network, call, payload, length, progress, self.prepared
            )
            return data, Tally(*tally)
        except module.Damaged as error:
            raise Damaged(
                "a stream holds what no encoder writes: the file is damaged, fetch it again"
            ) from error

    def prepare(self, text: bytes, recipe: Recipe, progress: Progress) -> bytes:
        """What is learned of a text of at least one byte, read in one lane; for ``following``."""
        import compressor.codec._native as module

        return module.prepare(self.network, self._call(recipe), text, progress)

    def following(self, path: Path, text: range, state: int) -> NativeCodec:
        """This codec for blocks that begin with what was learned of a text.

        The file holds the text at these bytes and from ``state`` on what ``prepare`` returned.
        Raises OSError.
        """
        import compressor.codec._native as module

        prepared = module.Prepared(path, text.start, text.stop, state)
        return dataclasses.replace(self, prepared=prepared)

    def explain_block(
        self, data: bytes, recipe: Recipe, wanted: range, progress: Progress
    ) -> tuple[bytes, list[bytes]]:
        """As ``encode_block``, and with the payload why bytes cost what they did.

        That is the bits of each byte, and of the wanted ones, in order: the five likeliest bytes,
        their probabilities, and the bits of stretch by which each source spoke for what came (the
        network, the matches, the contexts); all but the bytes are little-endian float32.
        """
        import compressor.codec._native as module

        call = self._call(recipe)
        first, last = wanted.start, wanted.stop
        return module.explain_block(self.network, call, data, first, last, progress)


_LOADING = threading.Lock()
"""Held by the thread that loads a network, so that inputs side by side share one."""


@functools.lru_cache(maxsize=4)
def _network(path: Path, _identity: bytes, instructions: str) -> Network:
    """The network of a weights file; read once as long as its identity does not change."""
    import compressor.codec._native as module

    try:
        return module.Network(path.read_bytes(), instructions)
    except ValueError as error:
        raise UnusableWeights(f"{path}: {error}") from error


def load(path: Path, identity: bytes, threads: int = 0) -> NativeCodec:
    """The weights file of this identity, ready to code with. Raises UnusableWeights, NoEngine."""
    instructions = instruction_set()
    with _LOADING:
        network = _network(path, identity, instructions)
    return NativeCodec(identity, network, threads, instructions, speculation=speculation())


def without_network(threads: int = 0) -> NativeCodec:
    """The memory alone, ready to code with. Raises NoEngine."""
    return NativeCodec(NO_WEIGHTS, None, threads, instruction_set())


def record_block(
    data: bytes,
    recipe: Recipe,
    said: Callable[[], bytes],
    take: Callable[[int, bytes, bytes], object],
) -> bytes:
    """The payload of a mixed block of ``data`` beside a network elsewhere, and how it is mixed.

    ``said`` returns what the network says of the next steps, of one at least: stretches of a 1 in
    1/256 bit, little-endian int16 (steps, 8, lanes). ``take`` gets the bytes done since its last
    call, and of their bits the memory's part of the mixer's logit, in the same form, and the weight
    of the network's in 1/64, uint8 of the same shape. Raises NoEngine.
    """
    import compressor.codec._native as module

    call = _Call(recipe.lanes, recipe.design, recipe.tables, 0, instruction_set())
    return module.record_block(call, data, said, take)


def state_version() -> int:
    """The number of what ``prepare`` returns; what has another one is of no use here."""
    import compressor.codec._native as module

    return module.state_version()


def at_hand() -> bool:
    """Whether the native engine can be used."""
    try:
        return absent() is None
    except StaleEngine:
        return False


def counts(data: bytes) -> list[int]:
    """How often each of the 256 values occurs in the bytes."""
    import compressor.codec._native as module

    return module.counts(data)


def repeats(data: bytes) -> int:
    """As ``kinds.repeats``."""
    import compressor.codec._native as module

    return module.repeats(data)


def apply(transform: Transform, block: bytes) -> bytes:
    """As ``coding.transforms.apply``."""
    import compressor.codec._native as module

    return module.apply(transform, block)


def undo(transform: Transform, block: bytes) -> bytes:
    """As ``coding.transforms.undo``."""
    import compressor.codec._native as module

    return module.undo(transform, block)


def unpack(block: bytes, most: int) -> bytes | None:
    """The parts of a block, at most so many bytes, in which its deflate streams are unpacked.

    None where it has none that zlib could have made. FORMAT.md, section 7, says what parts are.
    """
    import compressor.codec._native as module

    return module.unpack(block, most)


def rebuild(parts: bytes, length: int) -> bytes:
    """The inverse of ``unpack`` for a block of ``length`` bytes. Raises Damaged."""
    import compressor.codec._native as module

    try:
        return module.rebuild(parts, length)
    except module.Damaged as error:
        raise Damaged(
            "what a rebuilt block holds makes no block: the file is damaged, fetch it again"
        ) from error


def encode_signal(stretch: bytes, signal: Signal) -> bytes:
    """As ``compressor.codec.signals.encoded``, for a signal without colours."""
    import compressor.codec._native as module

    return module.encode_signal(stretch, signal, instruction_set())


def decode_signal(stream: bytes, size: int, signal: Signal) -> bytes:
    """The inverse of ``encode_signal`` for a stretch of ``size`` bytes. Raises Damaged."""
    import compressor.codec._native as module

    try:
        return module.decode_signal(stream, size, signal, instruction_set())
    except module.Damaged as error:
        raise Damaged(
            "a stream of numbers holds what no encoder writes: the file is damaged, fetch it again"
        ) from error
