"""The native engine computes the integers of the NumPy definition, whatever it is given.

Every instruction set that this processor has is tested, and each test says which one ran.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import shutil
import signal
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coding import container, transforms
from coding.container import NO_WEIGHTS, Design, Transform
from coding.errors import Damaged
from compressor.codec import native, weights_file, weights_store
from compressor.codec.blocks import MemoryAlone, SteppedModel
from compressor.codec.native import NativeCodec
from compressor.codec.seams import Recipe, ignore_progress
from compressor.codec.selftest import Definition
from compressor.errors import NoEngine, StaleEngine, UnusableWeights
from data.samples import sample
from models.integer import weights as wt
from models.integer.config import ModelConfig

module = pytest.importorskip("compressor.codec._native", reason="the native engine is not built")

ROOT = Path(__file__).resolve().parents[3]
SETS = native.instruction_sets()
ISA = pytest.mark.parametrize("instructions", SETS)
TEXT = sample()
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=int(os.environ.get("KOLMOZIP_FUZZ_EXAMPLES", "600")) // 3)
"""Examples that the engine alone runs; ``make fuzz`` asks for more."""
CHANGES = st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), min_size=1, max_size=4)


def full(lanes: int, tables: int = 1) -> Recipe:
    return Recipe(lanes, Design.FULL, tables)


def definition(weights: wt.IntegerWeights | None) -> SteppedModel:
    """Weights run by the NumPy definition, or its memory alone."""
    return Definition(weights, b"whatever") if weights else MemoryAlone()


def made(seed: int, extreme: bool = False, **changes: object) -> wt.IntegerWeights:
    """Weights of a small shape, random within the bounds of the format, or all at the bounds."""
    shape = {"width": 12, "layers": 1, "state": 8, "hidden": 10, "taps": 2, "table_dim": 3}
    config = ModelConfig.from_dict({**shape, "tables": [[2, 8], [3, 9]], **changes})
    arrays, rng = {}, np.random.default_rng(seed)
    for name, dtype, size in wt.layout(config):
        limit = wt.LIMITS.get(wt.kind_of(name), 127)
        if name.endswith(".exponent"):
            arrays[name] = rng.integers(-9, -2, size).astype(dtype)
        elif extreme:
            arrays[name] = (limit * rng.choice([-1, 1], size)).astype(dtype)
        else:
            arrays[name] = np.rint(rng.normal(size=size) * limit / 5).clip(-limit, limit)
            arrays[name] = arrays[name].astype(dtype)
    return wt.check(wt.IntegerWeights(config, arrays))


def codec(
    weights: wt.IntegerWeights | None, instructions: str = "", threads: int = 1
) -> NativeCodec:
    """The weights in the native engine, which surely computes with these instructions."""
    instructions = instructions or SETS[-1]
    if weights is None:
        return NativeCodec(NO_WEIGHTS, None, threads, instructions)
    network = module.Network(weights_file.pack(weights), instructions)
    assert network.instruction_set == instructions
    return NativeCodec(b"whatever", network, threads, instructions)


WEIGHTS_FILE = weights_file.pack(made(0, tables=[[2, 8]]))


def decoded(codec: NativeCodec, payload: bytes, length: int, recipe: Recipe) -> bytes | None:
    """What a payload decodes to in the native engine; None where it is refused."""
    try:
        return codec.decode_block(payload, length, recipe, ignore_progress)
    except Damaged:
        return None


def agrees(
    weights: wt.IntegerWeights | None, data: bytes, recipe: Recipe, threads: int = 1
) -> None:
    """Both write the same payload, and each instruction set restores it."""
    payload = definition(weights).encode_block(data, recipe, ignore_progress)
    for instructions in SETS:
        engine = codec(weights, instructions, threads)
        print(f"{instructions}, {threads} threads: {len(data)} bytes, {recipe}")
        assert engine.encode_block(data, recipe, ignore_progress) == payload
        assert engine.decode_block(payload, len(data), recipe, ignore_progress) == data


def test_every_processor_has_the_portable_set_and_the_last_one_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    print("instruction sets of this processor:", *SETS)
    assert SETS[0] == "portable"
    assert len(set(SETS)) == len(SETS)
    monkeypatch.delenv(native.ISA_VARIABLE, raising=False)
    assert native.instruction_set() == SETS[-1]


@ISA
def test_the_variable_forces_an_instruction_set(
    instructions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.ISA_VARIABLE, instructions)
    path = weights_store.path_by_name("tiny")
    loaded = native.load(path, weights_store.identity_of(path))
    assert loaded.network is not None
    assert native.instruction_set() == loaded.network.instruction_set == instructions
    assert loaded.instructions == native.without_network().instructions == instructions


def test_an_instruction_set_that_is_not_here_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(native.ISA_VARIABLE, "mmx")
    with pytest.raises(NoEngine, match=f"mmx.*portable.*unset {native.ISA_VARIABLE}"):
        native.instruction_set()


SHAPES = st.fixed_dictionaries(
    {
        "width": st.integers(1, 40),
        "layers": st.integers(1, 3),
        "state": st.integers(1, 40),
        "hidden": st.integers(1, 40),
        "taps": st.integers(1, 4),
        "table_dim": st.integers(1, 9),
        "tables": st.lists(
            st.tuples(st.integers(2, 8), st.integers(8, 10)).map(list),
            min_size=1,
            max_size=3,
            unique_by=lambda table: table[0],
        ),
        "mlp": st.sampled_from(["kan_glu", "kan"]),
    }
)


@pytest.mark.slow
@FEW
@given(SHAPES, st.integers(0, 999), st.booleans(), st.integers(1, 60), st.integers(1, 40))
def test_any_shape_codes_as_the_definition_does(
    shape: dict[str, object], seed: int, extreme: bool, length: int, lanes: int
) -> None:
    """Widths that are no multiple of anything among them, and weights at their bounds."""
    at, design = 997 * seed % 100_000, list(Design)[seed % 2]
    recipe = Recipe(min(lanes, length), design, 1)
    agrees(made(seed, extreme, **shape), TEXT[at : at + length], recipe)


@pytest.mark.parametrize(
    ("length", "lanes"), [(1, 1), (20, 1), (70, 15), (64, 16), (65, 16), (50, 17), (1500, 512)]
)
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_lanes_and_threads(length: int, lanes: int, threads: int) -> None:
    agrees(made(4), TEXT[5000 : 5000 + length], full(lanes), threads)


@pytest.mark.parametrize("design", Design)
@pytest.mark.parametrize("tables", [1, 3, 64])
@pytest.mark.parametrize("lanes", [1, 5])
def test_the_memory_alone_codes_as_the_definition_does(
    design: Design, tables: int, lanes: int
) -> None:
    agrees(None, TEXT[9000:9060], Recipe(lanes, design, tables), threads=2)


@pytest.mark.slow
@pytest.mark.parametrize("data", [bytes(40), b"\xff" * 40, bytes(range(256)), b"ab" * 30], ids=len)
def test_weights_and_texts_at_their_extremes(data: bytes) -> None:
    """All weights are 127 or -127, and the widest sum of products is taken."""
    for seed in range(2):
        weights = made(seed, extreme=True, width=1024, state=33, hidden=31)
        agrees(weights, data, full(2 if len(data) < 100 else 16))


@pytest.mark.slow
@ISA
@pytest.mark.parametrize("model", ["tiny", "small", "base"])
def test_shipped_weights_code_as_the_definition_does(model: str, instructions: str) -> None:
    path = weights_store.path_by_name(model)
    weights = weights_file.unpack(path.read_bytes())
    payload = definition(weights).encode_block(TEXT[:96], full(8), ignore_progress)
    network = module.Network(path.read_bytes(), instructions)
    assert network.instruction_set == instructions
    engine = NativeCodec(b"whatever", network, 1, instructions)
    assert engine.encode_block(TEXT[:96], full(8), ignore_progress) == payload


@pytest.mark.slow
@FEW
@given(
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=3),
    st.sampled_from(["set", "cut", "append"]),
)
def test_a_spoilt_payload_is_refused_or_gives_the_bytes_of_the_definition(
    seed: int, changes: list[tuple[int, int]], kind: str
) -> None:
    weights, recipe = made(seed) if seed else None, full(6)
    slow = definition(weights)
    payload = bytearray(slow.encode_block(TEXT[300 * seed :][:60], recipe, ignore_progress))
    for at, value in changes:
        if kind == "set" and payload:
            payload[at % len(payload)] = value
        elif kind == "cut":
            del payload[at % (len(payload) + 1) // 4 * 4 :]
        else:
            payload += bytes([value] * 4)
    try:
        wanted = slow.decode_block(bytes(payload), 60, recipe, ignore_progress)
    except Damaged:
        wanted = None
    for instructions in SETS:
        assert decoded(codec(weights, instructions), bytes(payload), 60, recipe) == wanted


@FEW
@given(
    st.integers(0, 1),
    st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), min_size=1, max_size=3),
    st.booleans(),
)
def test_a_spoilt_weights_file_is_refused_by_both_or_read_alike_by_both(
    seed: int, changes: list[tuple[int, int]], sealed: bool
) -> None:
    spoilt = bytearray(weights_file.pack(made(seed, tables=[[2, 8]])))
    for at, value in changes:
        spoilt[at % len(spoilt)] = value
    if sealed:
        spoilt[-4:] = struct.pack("<I", zlib.crc32(spoilt[:-4]))
    try:
        weights = weights_file.unpack(bytes(spoilt))
    except wt.WeightsError:
        with pytest.raises(ValueError, match=": "):
            module.Network(bytes(spoilt))
    else:
        engine = NativeCodec(b"whatever", module.Network(bytes(spoilt)), 1, SETS[-1])
        payload = definition(weights).encode_block(TEXT[:20], full(10), ignore_progress)
        assert engine.encode_block(TEXT[:20], full(10), ignore_progress) == payload


@functools.cache
def engines(seed: int) -> list[NativeCodec]:
    """The weights of a seed, for 0 the memory alone, by every instruction set."""
    return [codec(made(seed) if seed else None, instructions) for instructions in SETS]


@pytest.mark.slow
@MANY
@given(st.integers(0, 3), CHANGES, st.integers(0, 80), st.integers(1, 80), st.integers(1, 20))
def test_of_a_spoilt_payload_all_instruction_sets_make_the_same(
    seed: int, changes: list[tuple[int, int]], cut: int, length: int, lanes: int
) -> None:
    """Also where length and lanes are other ones than those that were coded."""
    payload = bytearray(engines(seed)[-1].encode_block(TEXT[:60], full(4), ignore_progress))
    for at, value in changes:
        payload[at % len(payload)] = value
    del payload[cut:]
    recipe = full(min(lanes, length))
    first, *others = [decoded(each, bytes(payload), length, recipe) for each in engines(seed)]
    assert first is None or len(first) == length
    assert all(other == first for other in others)


@MANY
@given(CHANGES, st.booleans())
def test_a_spoilt_weights_file_is_refused_or_codes(
    changes: list[tuple[int, int]], sealed: bool
) -> None:
    spoilt = bytearray(WEIGHTS_FILE)
    for at, value in changes:
        spoilt[at % len(spoilt)] = value
    if sealed:
        spoilt[-4:] = struct.pack("<I", zlib.crc32(spoilt[:-4]))
    try:
        network = module.Network(bytes(spoilt))
    except ValueError:
        return
    engine = NativeCodec(b"whatever", network, 1, SETS[-1])
    payload = engine.encode_block(TEXT[:20], full(1), ignore_progress)
    assert decoded(engine, payload, 20, full(1)) == TEXT[:20]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda data: b"x" + data[1:], "wrong magic"),
        (lambda data: data[:6], "cut short"),
        (lambda data: data[:4] + b"\x09" + data[5:], "version 9, this program reads 2"),
        (lambda data: data[:20] + b"\x00" + data[21:], "no usable shape"),
        (lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], "checksum"),
        (lambda data: data[:-4], "checksum"),
    ],
    ids=["magic", "head", "version", "shape", "bit", "end"],
)
def test_weights_that_cannot_be_used_are_refused_by_name(
    spoil: object, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "spoilt.kzw"
    path.write_bytes(spoil(weights_file.pack(made(1))))
    with pytest.raises(UnusableWeights, match=rf"spoilt\.kzw: .*{text}.*: \w+") as ours:
        native.load(path, bytes(8))
    with pytest.raises(wt.WeightsError, match=text):
        weights_file.unpack(path.read_bytes())
    assert "\n" not in str(ours.value)


@pytest.mark.parametrize(
    ("length", "recipe", "what"),
    [
        (0, full(0), "lanes"),
        (0, full(1), "lanes"),
        (5, full(0), "lanes"),
        (5, full(6), "lanes"),
        ((1 << 27) + 1, full(1), "at most"),
        (5, full(1, tables=0), "1 to 4096 MiB"),
        (5, full(1, tables=4097), "1 to 4096 MiB"),
        (5, Recipe(1, 0, 1), "no memory has the number 0"),  # type: ignore[arg-type]
        (5, Recipe(1, 8, 1), "no memory has the number 8"),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("network", [False, True])
def test_what_no_block_can_be_is_refused(
    length: int, recipe: Recipe, what: str, network: bool
) -> None:
    engine = codec(made(1) if network else None)
    with pytest.raises(ValueError, match=what):
        engine.decode_block(b"", length, recipe, ignore_progress)
    if length < 10:
        with pytest.raises(ValueError, match=what):
            engine.encode_block(bytes(length), recipe, ignore_progress)
    assert container.MAX_BLOCK == 1 << 27


@pytest.mark.parametrize("network", [False, True])
def test_what_repeats_beyond_measure_is_filled_up_to_the_least_payload(network: bool) -> None:
    """A payload has 1 / 8192 of the block's bytes at least, in whole words, zeros at the end."""
    weights = weights_file.unpack((ROOT / "tests" / "golden" / "nano.kzw").read_bytes())
    engine, length = codec(weights if network else None), 200_000
    recipe = Recipe(1, Design.LIGHT, 1)
    payload = engine.encode_block(b"ab" * (length // 2), recipe, ignore_progress)
    least = -(-length // container.MAX_EXPANSION)
    assert least <= len(payload) < least + 4
    assert payload.endswith(bytes(8)), "the coder's own words end before"
    assert decoded(engine, payload, length, recipe) == b"ab" * (length // 2)


@pytest.mark.parametrize("network", [False, True])
def test_damage_has_the_same_name_by_both_engines(network: bool) -> None:
    weights = made(1) if network else None
    for each in (codec(weights, "portable"), definition(weights)):
        with pytest.raises(Damaged, match=r"no encoder writes: .* fetch it again"):
            each.decode_block(b"\xff" * 40, 100, full(4), ignore_progress)


def test_progress_tells_of_every_byte_once() -> None:
    for weights in (made(1), None):
        told: list[int] = []
        engine = codec(weights, threads=2)
        payload = engine.encode_block(TEXT[:9001], full(8), told.append)
        assert sum(told) == 9001
        engine.decode_block(payload, 9001, full(8), told.append)
        assert sum(told) == 18002


@pytest.mark.parametrize("length", [0, 4, 5, 3000])
def test_transforms_are_those_of_the_definition(length: int) -> None:
    random = np.random.default_rng(length)
    values = np.array([0xE8, 0xE9, 0, 0xFF, 0x90, 1], np.uint8)
    for _ in range(50):
        block = random.choice(values, length).tobytes()
        for transform in Transform:
            assert native.apply(transform, block) == transforms.apply(transform, block)
            assert native.undo(transform, block) == transforms.undo(transform, block)


class Stop(Exception):
    """What a progress raises here."""


@pytest.mark.slow
@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit])
def test_what_the_progress_raises_ends_the_work_and_passes(error: type[BaseException]) -> None:
    def stop(_: int) -> None:
        raise error

    engine = codec(made(1), threads=2)
    with pytest.raises(error):
        engine.decode_block(b"", 1 << 27, full(512), stop)
    assert engine.encode_block(b"a" * 40, full(1), ignore_progress)


def test_a_signal_stops_the_work(interrupts: None) -> None:
    """SIGINT is sent once the work has begun; to the end it would take many minutes."""
    engine, begun = codec(made(1), threads=2), threading.Event()

    def interrupt() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        engine.decode_block(b"", 1 << 27, full(512), lambda _: begun.set())
    thread.join()


def test_blocks_are_coded_at_the_same_time_by_one_network() -> None:
    engine = codec(made(1))
    texts = [TEXT[at : at + 2000] for at in range(0, 16_000, 2000)]

    def pack(text: bytes) -> bytes:
        return engine.encode_block(text, full(4), ignore_progress)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(pack, texts)) == [pack(text) for text in texts]


def test_the_build_is_that_of_these_sources() -> None:
    assert native.absent() is None
    assert module.build_id() == f"{native.sources_id()}-{container.VERSION}"


def test_a_build_of_other_sources_or_of_another_format_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "WORKSPACE", tmp_path / "native")
    native.check_build(f"00000000-{container.VERSION}")  # installed: no sources are here
    ignored = shutil.ignore_patterns("target")
    shutil.copytree(ROOT / "native", tmp_path / "native", ignore=ignored)
    native.check_build(module.build_id())
    with pytest.raises(StaleEngine, match=r"codes format 99.*rebuild with make"):
        native.check_build(f"{native.sources_id()}-99")
    source = tmp_path / "native" / "core" / "src" / "lib.rs"
    source.write_text(source.read_text() + "\n")
    with pytest.raises(StaleEngine, match="other sources than these: rebuild with make"):
        native.check_build(module.build_id())
    source.rename(source.with_name("other.rs"))
    with pytest.raises(StaleEngine):
        native.check_build(module.build_id())


def test_the_crate_names_the_same_sources() -> None:
    text = (ROOT / "native" / "python" / "build.rs").read_text("utf-8")
    (listed,) = re.findall(r"const SOURCES: \[&str; \d+\] =\s*(\[.*?\]);", text, flags=re.S)
    assert tuple(ast.literal_eval(listed)) == native.SOURCES
