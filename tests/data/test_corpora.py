"""Corpora are found where they should be, unpacked by their ending, and checked before their use.

A small made-up corpus stands in for the real ones. pooch is replaced, so that no test can reach the
network.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pytest
import requests

from data import corpora
from data.corpora import Corpus

CONTENT = b"In the beginning was the byte, and the byte was with the coder. " * 40
HOME = "http://corpora.invalid/fable.zip"


def pack_zip(path: Path, content: bytes, member: str = "fable") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)


PACKERS: dict[str, Callable[[Path, bytes], object]] = {
    "fable": Path.write_bytes,
    "fable.xz": lambda path, content: path.write_bytes(lzma.compress(content)),
    "fable.zip": pack_zip,
    "fable.gz": lambda path, content: path.write_bytes(gzip.compress(content)),
}
ARCHIVES = [name for name in PACKERS if name != "fable"]


def no_network(*args: object, **kwargs: object) -> str:
    raise AssertionError("a download was tried where none was due")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Registers a small corpus and keeps tests from the user's cache, the variable and the network.

    Returns the folder of the cache, which does not exist yet.
    """
    fable = Corpus(
        name="fable",
        length=len(CONTENT),
        md5=hashlib.md5(CONTENT).hexdigest(),
        sha1=hashlib.sha1(CONTENT).hexdigest(),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        url=HOME,
        licence="public domain",
        description="made up for this test",
    )
    monkeypatch.setitem(corpora.CORPORA, "fable", fable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(corpora.VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "retrieve", no_network)
    return tmp_path / "cache" / "kolmozip" / "corpora"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the variable names."""
    folder = tmp_path / "corpora"
    folder.mkdir()
    monkeypatch.setenv(corpora.VARIABLE, str(folder))
    return folder


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[dict[str, Any]]:
    """Lets the public home serve a zip of the content; returns the list of calls it gets."""
    calls: list[dict[str, Any]] = []

    def retrieve(url: str, **options: Any) -> str:
        calls.append({"url": url, **options})
        path = Path(options["path"]) / options["fname"]
        path.parent.mkdir(parents=True, exist_ok=True)
        pack_zip(path, content)
        return str(path)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return calls


@pytest.mark.parametrize("name", PACKERS)
def test_every_packing_is_found_in_the_folder_the_variable_names(folder: Path, name: str) -> None:
    PACKERS[name](folder / name, CONTENT)
    loaded = corpora.load("fable")
    assert loaded.dtype == np.uint8
    assert loaded.shape == (len(CONTENT),)
    assert loaded.tobytes() == CONTENT


@pytest.mark.parametrize("name", PACKERS)
def test_the_variable_may_name_the_file_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    PACKERS[name](tmp_path / name, CONTENT)
    monkeypatch.setenv(corpora.VARIABLE, str(tmp_path / name))
    assert corpora.load("fable").tobytes() == CONTENT


def test_the_cache_is_used_when_the_variable_is_unset_or_has_no_such_corpus(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    (cache / "fable").write_bytes(CONTENT)
    assert corpora.load("fable").tobytes() == CONTENT
    (tmp_path / "other.xz").write_bytes(b"not a corpus")
    for place in (tmp_path, tmp_path / "other.xz"):
        monkeypatch.setenv(corpora.VARIABLE, str(place))
        assert corpora.load("fable").tobytes() == CONTENT


def test_the_variable_comes_before_the_cache(cache: Path, folder: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "fable").write_bytes(b"stale")
    (folder / "fable").write_bytes(CONTENT)
    assert corpora.load("fable").tobytes() == CONTENT


def test_a_variable_that_names_nothing_is_refused_without_a_download(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(corpora.VARIABLE, "/no/such/place")
    with pytest.raises(corpora.CorpusUnavailable, match=r"KOLMOZIP_CORPORA names /no/such/place"):
        corpora.load("fable")


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert corpora.cache_folder() == tmp_path / ".cache" / "kolmozip" / "corpora"


def test_loaded_bytes_cannot_be_written_to(folder: Path) -> None:
    (folder / "fable").write_bytes(CONTENT)
    with pytest.raises(ValueError, match="read-only"):
        corpora.load("fable")[0] = 0


@pytest.mark.parametrize("name", PACKERS)
def test_a_wrong_hash_is_refused_by_name(folder: Path, name: str) -> None:
    wrong = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    PACKERS[name](folder / name, wrong)
    with pytest.raises(corpora.CorpusHashError) as refusal:
        corpora.load("fable")
    message = str(refusal.value)
    assert str(folder / name) in message
    assert hashlib.sha256(wrong).hexdigest() in message
    assert hashlib.sha256(CONTENT).hexdigest() in message
    assert "delete it" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize(
    ("content", "size"), [(CONTENT[:-1], "2559 bytes"), (CONTENT + b"!", "more than 2560 bytes")]
)
def test_a_wrong_length_is_refused_by_name(
    folder: Path, name: str, content: bytes, size: str
) -> None:
    PACKERS[name](folder / name, content)
    with pytest.raises(corpora.CorpusLengthError, match=f"holds {size} where fable has 2560"):
        corpora.load("fable")


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.95])
def test_a_truncated_archive_is_refused_by_name(folder: Path, name: str, keep: float) -> None:
    PACKERS[name](folder / name, CONTENT)
    packed = (folder / name).read_bytes()
    (folder / name).write_bytes(packed[: int(len(packed) * keep)])
    # An empty gzip or xz file is a valid stream of no bytes to the library: its length is wrong.
    with pytest.raises((corpora.CorpusDamaged, corpora.CorpusLengthError), match=name):
        corpora.load("fable")


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_damaged_archive_is_refused_with_the_remedy(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"<html>sign in to this wireless network</html>")
    with pytest.raises(
        corpora.CorpusDamaged, match=f"{name} cannot be read .*fetch it again from {HOME}"
    ):
        corpora.load("fable")


def test_a_zip_without_the_member_is_refused(folder: Path) -> None:
    pack_zip(folder / "fable.zip", CONTENT, member="readme.txt")
    with pytest.raises(corpora.CorpusDamaged, match=r"There is no item named .?'fable"):
        corpora.load("fable")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(corpora.UnknownCorpus, match=r"'enwik7': choose from enwik8, fable"):
        corpora.load("enwik7")


def test_what_is_not_at_hand_is_downloaded_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = serve(monkeypatch, CONTENT)
    assert corpora.load("fable").tobytes() == CONTENT
    assert corpora.load("fable").tobytes() == CONTENT
    assert len(calls) == 1
    assert calls[0]["url"] == HOME
    assert calls[0]["progressbar"] is True
    assert (cache / "fable.zip").is_file()


def test_a_download_with_the_wrong_bytes_is_refused_and_not_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, CONTENT[::-1])
    with pytest.raises(corpora.CorpusHashError):
        corpora.load("fable")
    assert list(cache.iterdir()) == []
    serve(monkeypatch, CONTENT)
    assert corpora.load("fable").tobytes() == CONTENT


@pytest.mark.parametrize(
    "failure", [ConnectionError("no route"), TimeoutError(), ValueError("bad address")]
)
def test_a_failed_download_names_the_variable_and_the_home(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def offline(*args: object, **kwargs: object) -> str:
        raise failure

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(corpora.CorpusUnavailable) as refusal:
        corpora.load("fable")
    assert corpora.VARIABLE in str(refusal.value)
    assert HOME in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_download_without_pooch_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(corpora.DownloaderMissing) as refusal:
        corpora.load("fable")
    message = str(refusal.value)
    assert "needs pooch: pip install 'kolmozip[corpora]'" in message
    assert corpora.VARIABLE in message
    assert "\n" not in message


def test_a_corpus_at_hand_needs_no_pooch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    (folder / "fable").write_bytes(CONTENT)
    assert corpora.load("fable").tobytes() == CONTENT


def test_errors_of_the_downloader_are_among_those_caught() -> None:
    assert issubclass(requests.exceptions.RequestException, OSError)


def test_enwik8_is_registered_as_the_benchmark_states_it() -> None:
    enwik8 = corpora.CORPORA["enwik8"]
    assert enwik8.length == 10**8
    assert enwik8.md5 == "a1fa5ffddb56f4953e226637dabbb36a"
    assert enwik8.url == "http://mattmahoney.net/dc/enwik8.zip"
    assert [len(digest) for digest in (enwik8.md5, enwik8.sha1, enwik8.sha256)] == [32, 40, 64]


def test_every_error_is_a_corpus_error() -> None:
    for name in (
        "UnknownCorpus",
        "CorpusUnavailable",
        "DownloaderMissing",
        "CorpusDamaged",
        "CorpusLengthError",
        "CorpusHashError",
    ):
        assert issubclass(getattr(corpora, name), corpora.CorpusError)


def test_a_folder_beside_the_corpora_is_found_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(corpora.VARIABLE, raising=False)
    assert corpora.folder_named("files") is None
    cached = tmp_path / "cache" / "kolmozip" / "corpora" / "files"
    cached.mkdir(parents=True)
    assert corpora.folder_named("files") == cached
    monkeypatch.setenv(corpora.VARIABLE, str(tmp_path / "mine"))
    assert corpora.folder_named("files") == cached
    (tmp_path / "mine" / "files").mkdir(parents=True)
    assert corpora.folder_named("files") == tmp_path / "mine" / "files"
