"""Corpora by name: their length, hashes and public home, and how their bytes are got.

A corpus is looked for in a folder that the user names, then in the user's cache, and is downloaded
where it is in neither. `load` returns bytes only when their length and their SHA-256 are the
registered ones.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np

VARIABLE = "KOLMOZIP_CORPORA"
"""Environment variable: a folder of corpora, plain or packed, or the path of one of them."""

PACKINGS = ("", ".xz", ".zip", ".gz")
"""Endings of a corpus's file, tried in this order: the plain file comes first, as the quickest."""

UNREADABLE = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the unpackers raise on damage.

KeyError stands for a zip without the member, RuntimeError for an encrypted zip, and its subclass
NotImplementedError for a zip packed by a method that Python does not know.
"""


class Readable(Protocol):
    """A stream that can be read from."""

    def read(self, size: int, /) -> bytes:
        """Returns `size` bytes, and fewer only at the end."""


class CorpusError(Exception):
    """Base of this module's errors; the message is one line that ends with the remedy."""


class UnknownCorpus(CorpusError):
    """No corpus of that name is registered."""


class CorpusUnavailable(CorpusError):
    """The corpus is neither at hand nor to be had from its public home."""


class DownloaderMissing(CorpusUnavailable):
    """The corpus must be downloaded, and the package that downloads is not installed."""


class CorpusDamaged(CorpusError):
    """A file that should hold a corpus cannot be read or unpacked."""


class CorpusLengthError(CorpusError):
    """The unpacked bytes are too few or too many."""


class CorpusHashError(CorpusError):
    """The unpacked bytes have the right length and the wrong SHA-256."""


@dataclass(frozen=True)
class Corpus:
    """Length in bytes, hashes of the plain bytes in lower-case hex, and public home of a corpus."""

    name: str
    length: int
    md5: str
    sha1: str
    sha256: str
    url: str
    licence: str
    description: str


CORPORA: dict[str, Corpus] = {
    "enwik8": Corpus(
        name="enwik8",
        length=100_000_000,
        md5="a1fa5ffddb56f4953e226637dabbb36a",
        sha1="57b8363b814821dc9d47aa4d41f58733519076b2",
        sha256="2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8",
        url="http://mattmahoney.net/dc/enwik8.zip",
        licence="GFDL (Wikipedia contributors)",
        description="First 10^8 bytes of the English Wikipedia dump of 2006-03-03 "
        "(Large Text Compression Benchmark)",
    ),
}


def load(name: str) -> np.ndarray:
    """The checked bytes of a corpus: a read-only uint8 array of shape (length,).

    Downloads the corpus where it is not at hand. Raises UnknownCorpus, CorpusUnavailable,
    DownloaderMissing, CorpusDamaged, CorpusLengthError or CorpusHashError.
    """
    corpus = registered(name)
    path = locate(corpus)
    content = download(corpus) if path is None else read_checked(path, corpus)
    return np.frombuffer(content, dtype=np.uint8)


def registered(name: str) -> Corpus:
    """The corpus of this name. Raises UnknownCorpus, whose message lists the known names."""
    if name not in CORPORA:
        raise UnknownCorpus(
            f"no corpus is called {name!r}: choose from {', '.join(sorted(CORPORA))}"
        )
    return CORPORA[name]


def locate(corpus: Corpus) -> Path | None:
    """The file that holds the corpus, named by KOLMOZIP_CORPORA or in the user's cache, or None.

    Raises CorpusUnavailable where the variable names a path that does not exist: its user should
    learn that rather than wait for a download.
    """
    value = os.environ.get(VARIABLE)
    if not value:
        return find_in(cache_folder(), corpus)
    path = Path(value).expanduser()
    if not path.exists():
        raise CorpusUnavailable(
            f"{VARIABLE} names {path}, which does not exist: correct it or unset it"
        )
    if path.is_dir():
        return find_in(path, corpus) or find_in(cache_folder(), corpus)
    return path if path.name in file_names(corpus) else find_in(cache_folder(), corpus)


def folder_named(name: str) -> Path | None:
    """The folder of this name beside the corpora: in the one that KOLMOZIP_CORPORA names, or in the
    user's cache; None where it is in neither."""
    value = os.environ.get(VARIABLE)
    homes = [Path(value).expanduser()] if value else []
    return next((path / name for path in [*homes, cache_folder()] if (path / name).is_dir()), None)


def file_names(corpus: Corpus) -> list[str]:
    """The names that the corpus's file may have: `enwik8`, `enwik8.xz`, and so on."""
    return [corpus.name + packing for packing in PACKINGS]


def find_in(folder: Path, corpus: Corpus) -> Path | None:
    """The folder's file with the first of the corpus's names that there is, or None."""
    return next((folder / name for name in file_names(corpus) if (folder / name).is_file()), None)


def cache_folder() -> Path:
    """The folder of the user's cache for corpora, which need not exist.

    A relative XDG_CACHE_HOME is ignored, as its specification asks.
    """
    value = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(value) if os.path.isabs(value) else Path.home() / ".cache"
    return base / "kolmozip" / "corpora"


def read_checked(path: Path, corpus: Corpus) -> bytes:
    """The checked bytes of the file. Raises CorpusDamaged, CorpusLengthError or CorpusHashError."""
    # One byte more than expected shows that a file is too long, without unpacking all of it.
    content = unpack(path, corpus, limit=corpus.length + 1)
    check(content, path, corpus)
    return content


def unpack(path: Path, corpus: Corpus, limit: int) -> bytes:
    """At most the first `limit` bytes of the file, unpacked as its ending says.

    Raises CorpusDamaged where the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return plain_stream(file, path.suffix, corpus.name).read(limit)
    except UNREADABLE as error:
        reason = str(error) or type(error).__name__
        raise CorpusDamaged(
            f"{path} cannot be read ({reason}): fetch it again from {corpus.url}"
        ) from error


def plain_stream(file: IO[bytes], packing: str, member: str) -> Readable:
    """A stream of the bytes packed in an open file; `member` is the name of the file in a zip."""
    if packing == ".xz":
        return lzma.LZMAFile(file)
    if packing == ".gz":
        return gzip.GzipFile(fileobj=file)
    if packing == ".zip":
        return zipfile.ZipFile(file).open(member)
    return file


def check(content: bytes, path: Path, corpus: Corpus) -> None:
    """Raises CorpusLengthError or CorpusHashError unless the bytes of the file are the corpus."""
    remedy = f"delete it or point {VARIABLE} elsewhere"
    if len(content) != corpus.length:
        size = f"more than {corpus.length}" if len(content) > corpus.length else str(len(content))
        raise CorpusLengthError(
            f"{path} holds {size} bytes where {corpus.name} has {corpus.length}: {remedy}"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != corpus.sha256:
        raise CorpusHashError(
            f"{path} has SHA-256 {digest} where {corpus.name} has {corpus.sha256}: {remedy}"
        )


def download(corpus: Corpus) -> bytes:
    """Downloads the corpus into the user's cache and returns its checked bytes.

    Raises what `fetch` raises, and what `read_checked` raises where the public home serves
    something else. Such a file is not kept.
    """
    path = fetch(corpus)
    try:
        return read_checked(path, corpus)
    except CorpusError:
        # A file that is left would be found by the next call, which would fail without a download.
        path.unlink(missing_ok=True)
        raise


def fetch(corpus: Corpus) -> Path:
    """Downloads the corpus's archive into the user's cache and returns its path.

    Shows a progress bar on stderr. Raises DownloaderMissing where pooch is not installed, and
    CorpusUnavailable where the public home cannot be reached.
    """
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise DownloaderMissing(
            f"{corpus.name} is not at hand, and downloading it needs {error.name}: "
            f"pip install 'kolmozip[corpora]', or set {VARIABLE} to a folder that holds it"
        ) from error

    # pooch would advise its caller to give a hash; ours is of the plain bytes, and is checked.
    pooch.get_logger().setLevel("WARNING")
    archive = corpus.name + Path(corpus.url).suffix
    try:
        path = pooch.retrieve(
            corpus.url, known_hash=None, fname=archive, path=cache_folder(), progressbar=True
        )
    except (OSError, ValueError) as error:  # errors of requests are OSErrors, of pooch ValueErrors
        raise CorpusUnavailable(
            f"{corpus.name} is not at hand and could not be downloaded from {corpus.url} "
            f"({type(error).__name__}): get it from there and set {VARIABLE} to the folder that "
            "holds it"
        ) from error
    return Path(path)
