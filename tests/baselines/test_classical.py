"""The standard library's codecs write their tools' own formats, and these exact sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from baselines.classical import CLASSICAL
from baselines.codec import Codec
from data.samples import sample

MAGIC = {"gzip -9 (library)": b"\x1f\x8b\x08", "bzip2 -9": b"BZh9", "xz -9e": b"\xfd7zXZ\0"}
SIZES = {"gzip -9 (library)": 97_948, "bzip2 -9": 83_397, "xz -9e": 86_484}
"""Of the sample, 262,144 bytes.

zlib's may move a little with a fork of zlib; the other two are what their programs write.
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("classical")
    (folder / "sample").write_bytes(sample())
    return {codec.name: pack(codec, folder) for codec in CLASSICAL}


def pack(codec: Codec, folder: Path) -> bytes:
    codec.compress(folder / "sample", folder / "packed")
    return (folder / "packed").read_bytes()


def test_these_three_are_all(written: dict[str, bytes]) -> None:
    assert list(written) == list(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_each_writes_its_tool_s_own_format_and_the_known_size(
    name: str, written: dict[str, bytes]
) -> None:
    assert written[name].startswith(MAGIC[name])
    allowed = 400 if "gzip" in name else 0
    assert abs(len(written[name]) - SIZES[name]) <= allowed


def test_gzip_bears_no_time(written: dict[str, bytes]) -> None:
    assert written["gzip -9 (library)"][4:8] == bytes(4)
