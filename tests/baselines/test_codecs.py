"""Each codec that can run here restores its input and packs to the same bytes every time.

Nor does it pass off damage as the text, where its format has a checksum.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

from baselines.codec import (
    FAMILIES,
    MIB,
    Codec,
    CodecError,
    Library,
    Traced,
    UnknownCodec,
    appearing,
    loaded_part,
)
from baselines.table import absent, by_name, codecs
from baselines.wheels import Brotli, Bzip3, Ppmd, Zstd
from data.samples import sample

ALL = codecs()
EVERY = pytest.mark.parametrize("codec", ALL, ids=[codec.name for codec in ALL])
NO_CHECKSUM = {
    *("brotli -q 11 -w 24", "mcm -x10", "mcm -x11", "lpaq1 9", "paq8px -8", "cmix -c"),
}
"""Those whose format cannot tell damage."""
CHECKED = [codec for codec in ALL if codec.name not in NO_CHECKSUM]
NOT_EMPTY = {"mcm -x10", "mcm -x11"}
"""Those that restore no file from the archive of an empty one."""

ODD = {"none": b"", "one": b"\0", "noise": random.Random(8).randbytes(1024), "run": b"a" * 5000}


@pytest.fixture(scope="module")
def text() -> bytes:
    return sample()[:20_000]


@pytest.fixture
def source(tmp_path: Path, text: bytes) -> Path:
    (tmp_path / "text").write_bytes(text)
    return tmp_path / "text"


def packed(codec: Codec, source: Path) -> Path:
    target = source.with_name("packed")
    codec.compress(source, target)
    return target


def restored(codec: Codec, packed: Path) -> bytes:
    target = packed.with_name("restored")
    codec.decompress(packed, target)
    return target.read_bytes()


@EVERY
def test_text_comes_back_and_nothing_else_is_left(codec: Codec, source: Path, text: bytes) -> None:
    assert packed(codec, source).stat().st_size < len(text) / 2
    assert restored(codec, source.with_name("packed")) == text
    assert sorted(path.name for path in source.parent.iterdir()) == ["packed", "restored", "text"]
    assert source.read_bytes() == text


@EVERY
@pytest.mark.parametrize("data", ODD.values(), ids=list(ODD))
def test_odd_inputs_come_back(codec: Codec, data: bytes, tmp_path: Path) -> None:
    if not data and codec.name in NOT_EMPTY:
        pytest.skip("it restores no file from the archive of an empty one")
    (tmp_path / "odd input").write_bytes(data)
    assert restored(codec, packed(codec, tmp_path / "odd input")) == data


@EVERY
def test_packing_twice_gives_the_same_bytes(
    codec: Codec, source: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    first = packed(codec, source).read_bytes()
    source.touch()
    source.chmod(0o600)
    if isinstance(codec, Library):
        monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    elif codec.name == "zpaq -m5":
        time.sleep(1.1)  # it would hold the second it ran in
    assert packed(codec, source).read_bytes() == first


@EVERY
def test_each_says_what_it_is(codec: Codec) -> None:
    assert codec.family in FAMILIES
    assert any(character.isdigit() for character in codec.version)
    assert "unknown" not in codec.version
    assert "FILE" in codec.command


@pytest.mark.slow
@EVERY
def test_the_program_s_size_is_known_or_said_to_be_unknown(codec: Codec) -> None:
    size = codec.program_bytes
    assert size is None or 5_000 < size < 5_000_000


@pytest.mark.parametrize("codec", CHECKED, ids=[codec.name for codec in CHECKED])
def test_a_flipped_bit_is_never_passed_off_as_the_text(
    codec: Codec, source: Path, text: bytes
) -> None:
    path = packed(codec, source)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4  # in the compressed text, whatever the format's head and tail
    path.write_bytes(data)
    with pytest.raises(CodecError, match="could not restore") as caught:
        restored(codec, path)
    assert "\n" not in str(caught.value)
    assert sorted(found.name for found in source.parent.iterdir()) == ["packed", "text"]


@pytest.mark.parametrize(
    "codec", [codec for codec in ALL if isinstance(codec, Library)], ids=lambda codec: codec.name
)
def test_a_file_cut_short_is_refused(codec: Library, source: Path) -> None:
    path = packed(codec, source)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(CodecError, match="check that the file is whole"):
        restored(codec, path)


@EVERY
def test_the_trace_ends_at_both_lengths(codec: Codec, source: Path) -> None:
    seen: list[tuple[int, int]] = []
    target = source.with_name("packed")
    codec.compress(source, target, lambda consumed, written: seen.append((consumed, written)))
    assert seen == sorted(seen)
    assert seen[-1] == (source.stat().st_size, target.stat().st_size)


def test_the_trace_comes_once_a_piece(tmp_path: Path) -> None:
    seen: list[int] = []
    (tmp_path / "text").write_bytes(bytes(3 * MIB + 5))
    by_name("gzip -9 (library)").compress(
        tmp_path / "text", tmp_path / "packed", lambda consumed, _: seen.append(consumed)
    )
    assert seen[:3] == [MIB, 2 * MIB, 3 * MIB]
    assert seen[-1] == 3 * MIB + 5


def test_ppmd_restores_pieces_larger_than_its_own(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(sample() + b"b" * (3 * MIB))
    assert restored(Ppmd(), packed(Ppmd(), tmp_path / "text")) == (tmp_path / "text").read_bytes()


def test_a_missing_input_is_named_by_the_system_and_leaves_nothing(tmp_path: Path) -> None:
    for codec in ALL:
        with pytest.raises(FileNotFoundError):
            codec.compress(tmp_path / "nothing", tmp_path / "packed")
    assert list(tmp_path.iterdir()) == []


def test_an_output_appears_whole_or_keeps_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("before")
    with pytest.raises(KeyError), appearing(target) as part:
        part.write_text("half")
        raise KeyError
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_only_what_is_loaded_of_a_program_counts() -> None:
    segments = [(1, 0, 300, 0, 0, 4), (2, 0, 0, 0, 0, 300), (1, 0, 310, 0, 0, 3)]
    data = bytearray(b"\x7fELF\x02\x01".ljust(400, b"\0"))
    data[32:40] = (64).to_bytes(8, "little")
    data[54:58] = bytes([56, 0, len(segments), 0])
    for number, (kind, flags, *rest) in enumerate(segments):
        head = (
            kind.to_bytes(4, "little")
            + flags.to_bytes(4, "little")
            + b"".join(value.to_bytes(8, "little") for value in rest)
        )
        data[64 + 56 * number : 64 + 56 * number + len(head)] = head
    data[300:304], data[310:313] = b"code", b"way"
    assert loaded_part(bytes(data)) == b"codeway"
    assert loaded_part(b"#!/bin/sh\nexec true") is None


def test_names_are_unique_and_families_in_order() -> None:
    assert len({codec.name for codec in ALL}) == len(ALL)
    ranks = [FAMILIES.index(codec.family) for codec in ALL]
    assert ranks == sorted(ranks)
    assert {"LZ77", "BWT", "PPM"} <= {codec.family for codec in ALL}


def test_a_codec_is_found_by_name_and_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for codec in ALL:
        assert by_name(codec.name).version == codec.version
    with pytest.raises(CodecError, match=r"choose from .*'xz -9e'"):
        by_name("arj")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CodecError, match=r"not on this machine: zpaq -m5: install"):
        by_name("zpaq -m5")


def test_what_is_absent_is_what_is_not_here_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = {codec.name for codec in ALL}
    assert not here & {line.split(": ")[0] for line in absent()}
    monkeypatch.setenv("PATH", "")
    lines = absent()
    assert len(codecs()) + len(lines) >= len(ALL)
    assert all(": " in line and line.split(": ")[1] for line in lines)
    assert {"gzip -9", "zpaq -m5", "cmix -c"} <= {line.split(": ")[0] for line in lines}


@pytest.mark.parametrize(
    ("package", "kind", "extra"),
    [
        ("brotli", Brotli, "bench"),
        ("zstandard", Zstd, "bench"),
        ("bz3", Bzip3, "bzip3"),
        ("pyppmd", Ppmd, "bench"),
    ],
)
def test_without_its_wheel_a_codec_is_absent_and_no_other(
    monkeypatch: pytest.MonkeyPatch, package: str, kind: type[Library], extra: str
) -> None:
    before = {codec.name for codec in codecs()}
    monkeypatch.setitem(sys.modules, package, None)
    assert {codec.name for codec in codecs()} == before - {kind.name}
    assert f"{kind.name}: pip install 'kolmozip[{extra}]'" in absent()
    with pytest.raises(UnknownCodec, match=rf"pip install 'kolmozip\[{extra}\]'"):
        by_name(kind.name)


def test_a_traced_input_cannot_be_written_to(source: Path) -> None:
    with source.open("rb") as file, pytest.raises(OSError, match="not written"):
        Traced(file, file, lambda *_: None).write(b"x")
