"""Each classical codec restores its input, packs to the same bytes every time, and does so at its best setting."""

from __future__ import annotations

import gzip
import time

import pytest

from baselines.classical import CLASSICAL, Bzip2, Codec, Gzip, Xz
from data.samples import sample

BY_NAME = {codec.name: codec for codec in CLASSICAL}
EVERY = pytest.mark.parametrize("codec", CLASSICAL, ids=list(BY_NAME))


@pytest.fixture(scope="module")
def text() -> bytes:
    return sample()


@EVERY
def test_the_sample_comes_back(codec: Codec, text: bytes) -> None:
    packed = codec.compress(text)
    assert len(packed) < len(text) / 2
    assert codec.decompress(packed) == text


@EVERY
@pytest.mark.parametrize("data", [b"", b"\0", bytes(range(256)), b"a" * 100_000], ids=["none", "one", "all", "run"])
def test_odd_inputs_come_back(codec: Codec, data: bytes) -> None:
    assert codec.decompress(codec.compress(data)) == data


@EVERY
def test_packing_twice_gives_the_same_bytes(codec: Codec, text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    first = codec.compress(text[:20_000])
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)  # a header that held the time would differ now
    assert codec.compress(text[:20_000]) == first


@EVERY
def test_each_has_a_name_and_a_version_with_digits(codec: Codec) -> None:
    assert codec.name
    assert any(character.isdigit() for character in codec.version)


def test_each_writes_its_tools_own_format(text: bytes) -> None:
    magics = {Gzip(): b"\x1f\x8b\x08", Bzip2(): b"BZh9", Xz(): b"\xfd7zXZ\0"}
    for codec, magic in magics.items():
        assert codec.compress(text[:1000]).startswith(magic)


def test_gzip_bears_no_time() -> None:
    assert Gzip().compress(b"text")[4:8] == bytes(4)


def test_the_settings_are_the_strongest(text: bytes) -> None:
    sizes = {name: len(codec.compress(text)) for name, codec in BY_NAME.items()}
    assert sizes["gzip -9"] < len(gzip.compress(text, compresslevel=6, mtime=0))
    assert sizes["xz -9e"] < sizes["gzip -9"]
    assert sizes["bzip2 -9"] < sizes["gzip -9"]
