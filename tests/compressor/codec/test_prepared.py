"""Prepared memories as files: what is kept, what is refused, and what blocks gain by them."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

import compressor
from coding.container import HEADER_BYTES, Kind, Reader
from coding.errors import LimitExceeded
from compressor.codec import native, passages, stream
from compressor.codec.prepared import Memory
from compressor.errors import InputMissing, MissingExtra, OutputExists, UnusableMemory
from data.samples import sample

NATIVE = pytest.mark.skipif(native.absent() is not None, reason="reads a text in minutes without")
TEXT = sample()[:4000]


def build(path: Path, text: bytes = TEXT, **how: object) -> Memory:
    sources = {"one.txt": text[: len(text) // 2], "two.txt": text[len(text) // 2 :]}
    return Memory.build(path, sources, 1, tables=1, **how)


@NATIVE
def test_a_block_costs_less_behind_a_text_like_it(tmp_path: Path) -> None:
    memory = build(tmp_path / "a.kzm")
    for data in (b"", b"a", TEXT[1000:3000], sample()[4000:9000], bytes(9000), TEXT[:100] * 90):
        packed = compressor.compress(data, 1, memory=memory)
        assert compressor.decompress(packed, memory=memory) == data
        assert len(packed) <= len(compressor.compress(data, 1)) + 4
    again = compressor.compress(TEXT[1000:3000], 1, memory=memory)
    assert 10 * len(again) < len(compressor.compress(TEXT[1000:3000], 1))


@NATIVE
def test_every_block_begins_with_it(tmp_path: Path) -> None:
    """Blocks do not depend on each other, and coding one leaves the memory as it was."""
    memory = build(tmp_path / "a.kzm")
    data = TEXT[:2000] * 3
    target = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("compressor.codec.levels.Level.block_bytes", 2000)
        stream.compress_stream(io.BytesIO(data), target, 1, prepared=memory.coder())
    blocks = list(Reader(io.BytesIO(target.getvalue())).blocks())
    assert [block.head.length for block in blocks] == [2000] * 3
    assert len({block.payload for block in blocks}) == 1
    assert compressor.decompress(target.getvalue(), memory=memory) == data


@NATIVE
def test_noise_and_runs_are_as_everywhere(tmp_path: Path) -> None:
    import random

    memory = build(tmp_path / "a.kzm")
    coder = memory.coder()
    noise = random.Random(1).randbytes(5000)
    assert stream.block_after(coder, Kind.RAW, noise, lambda _: None).payload == noise
    assert stream.block_after(coder, Kind.MIXED, noise, lambda _: None).head.kind == Kind.RAW
    assert stream.block_after(coder, Kind.RUN, b"x" * 5000, lambda _: None).payload == b"x"


@NATIVE
def test_what_was_learned_may_be_left_out(tmp_path: Path) -> None:
    whole = build(tmp_path / "whole.kzm")
    slim = build(tmp_path / "slim.kzm", text_only=True)
    assert len(whole.state) > 1 << 20
    assert slim.path.stat().st_size < len(TEXT) + 200
    assert whole.identity == slim.identity
    packed = stream.compress(TEXT[:999], 1, memory=whole)
    assert packed == stream.compress(TEXT[:999], 1, memory=slim)
    assert stream.decompress(packed, memory=slim) == TEXT[:999]
    refreshed = slim.refresh()
    refreshed.check()
    assert refreshed.path.read_bytes() == whole.path.read_bytes()


def test_the_identity_is_that_of_text_and_recipe(tmp_path: Path) -> None:
    one = build(tmp_path / "1.kzm", text_only=True)
    assert build(tmp_path / "2.kzm", text_only=True).identity == one.identity
    assert build(tmp_path / "3.kzm", TEXT[:-1], text_only=True).identity != one.identity
    other = Memory.build(tmp_path / "4.kzm", {"": TEXT}, 1, tables=2, text_only=True)
    assert other.identity != one.identity
    other = Memory.build(tmp_path / "5.kzm", {"": TEXT}, 1, tables=1, text_only=True)
    assert other.identity == one.identity  # names of sources change nothing
    assert dict(one.parts()) == {"one.txt": TEXT[:2000], "two.txt": TEXT[2000:]}


@pytest.mark.parametrize("text", [b"", b"x" * ((1 << 27) + 1)], ids=["empty", "too long"])
def test_texts_have_a_length(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnusableMemory, match="choose other files"):
        Memory.build(tmp_path / "a.kzm", {"a": text}, 1)
    assert not list(tmp_path.iterdir())


def test_what_is_no_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        Memory.open(tmp_path / "none.kzm")
    memory = build(tmp_path / "a.kzm", text_only=True)
    data = memory.path.read_bytes()
    with pytest.raises(OutputExists):
        build(tmp_path / "a.kzm", text_only=True)
    spoilt = {
        "no prepared memory": b"plain text" * 9,
        "no prepared memory:": data[:40],
        "damaged head": data[:9] + b"\xff" + data[10:],
        "damaged": data[:-1],
        "is damaged": data[:-1] + b"?",
    }
    for reason, bad in spoilt.items():
        memory.path.write_bytes(bad)
        with pytest.raises(UnusableMemory, match=reason):
            Memory.open(memory.path)


@NATIVE
def test_damage_to_what_was_learned_is_refused(tmp_path: Path) -> None:
    memory = build(tmp_path / "a.kzm")
    packed = stream.compress(TEXT, 1, memory=memory)
    whole = memory.path.read_bytes()
    at = memory.state.start + 100_000
    for spoilt in (whole[:at] + b"?" + whole[at + 1 :], whole[:at], whole[: memory.state.start]):
        memory.path.write_bytes(spoilt)
        opened = Memory.open(memory.path)
        for code in (opened.check, opened.coder):
            with pytest.raises(UnusableMemory, match="is damaged"):
                code()
        with pytest.raises(UnusableMemory, match="is damaged"):
            stream.decompress(packed, memory=opened)


@NATIVE
def test_memory_is_bounded(tmp_path: Path) -> None:
    memory = build(tmp_path / "a.kzm")
    packed = stream.compress(TEXT, 1, memory=memory)
    for code in (
        lambda: stream.compress(TEXT, 1, memory=memory, max_memory=52_000_000),
        lambda: stream.decompress(packed, memory=memory, max_memory=10_000_000),
    ):
        with pytest.raises(LimitExceeded, match="allow more"):
            code()


def test_a_container_without_a_memory_needs_none(tmp_path: Path) -> None:
    memory = build(tmp_path / "a.kzm", text_only=True)
    packed = stream.compress(b"x" * 1000, 1)
    assert packed[8 : HEADER_BYTES - 4] == bytes(8)
    assert stream.decompress(packed, memory=memory) == b"x" * 1000


def test_passages_are_whole_and_found(tmp_path: Path) -> None:
    text = b"\n".join(b"line %d of the text" % i for i in range(200)) + b"\n" + b"z" * 900
    memory = build(tmp_path / "a.kzm", text, text_only=True)
    found = list(passages.passages(memory))
    assert "".join(passage.text for passage in found).encode() == text
    assert {passage.source for passage in found} == {"one.txt", "two.txt"}
    sources = dict(memory.parts())
    for passage in found:
        data = passage.text.encode()
        assert sources[passage.source][passage.offset :].startswith(data)
        assert len(data) <= passages.LENGTH
    pytest.importorskip("tantivy")
    best, *_ = passages.search(memory, "137", 3)
    assert "line 137 of" in best.text
    assert best.score > 0
    assert passages.search(memory, "nowhere") == []
    assert passages.search(memory, '"unfinished') == []


def test_without_the_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tantivy", None)
    memory = build(tmp_path / "a.kzm", text_only=True)
    with pytest.raises(MissingExtra, match=r"kolmozip\[search\]"):
        passages.search(memory, "line")


def test_facts_of_a_memory_are_frozen(tmp_path: Path) -> None:
    memory = build(tmp_path / "a.kzm", text_only=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        memory.identity = b""  # type: ignore[misc]
