"""Corpora by name: length, hashes and public home; found in a folder, in the user's cache, or downloaded, then checked.

Nothing leaves this module unchecked: `load` hands out bytes only when their length and SHA-256 are the registered ones.
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
"""Environment variable: a folder that holds corpora (plain or packed), or the path of one such file."""

PACKINGS = ("", ".xz", ".zip", ".gz")
"""Endings a corpus is looked for under, in this order: the plain file costs no unpacking."""

UNREADABLE = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the unpackers raise on damage. KeyError: a zip without the member; RuntimeError: an encrypted one, and, by its
child NotImplementedError, one packed by an odd method."""


class Readable(Protocol):
    """All that is asked of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; fewer only at the end."""


class CorpusError(Exception):
    """Parent of every refusal of this module; the message is one line and ends with the remedy."""


class UnknownCorpus(CorpusError):
    """No corpus of that name is registered."""


class CorpusUnavailable(CorpusError):
    """The corpus is neither at hand nor to be had from its public home."""


class CorpusDamaged(CorpusError):
    """A file that should hold a corpus cannot be read or unpacked."""


class CorpusLengthError(CorpusError):
    """The unpacked bytes are too few or too many."""


class CorpusHashError(CorpusError):
    """The unpacked bytes have the right length and the wrong SHA-256."""


@dataclass(frozen=True)
class Corpus:
    """What is known of a corpus before seeing it: length in bytes; hashes of the plain bytes, in lower-case hex."""

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
        description="First 10^8 bytes of the English Wikipedia dump of 2006-03-03 (Large Text Compression Benchmark)",
    ),
}


def load(name: str) -> np.ndarray:
    """The corpus's bytes, checked: read-only uint8 array of shape (length,). Downloads it where it is not at hand.

    Raises UnknownCorpus, CorpusUnavailable, CorpusDamaged, CorpusLengthError or CorpusHashError.
    """
    corpus = registered(name)
    path = locate(corpus)
    content = download(corpus) if path is None else read_checked(path, corpus)
    return np.frombuffer(content, dtype=np.uint8)


def registered(name: str) -> Corpus:
    """The registry's entry for the name; raises UnknownCorpus, which lists the names there are."""
    if name not in CORPORA:
        raise UnknownCorpus(
            f"no corpus is called {name!r}: choose from {', '.join(sorted(CORPORA))}"
        )
    return CORPORA[name]


def locate(corpus: Corpus) -> Path | None:
    """The file that holds the corpus: where KOLMOZIP_CORPORA points, else in the user's cache; None if in neither.

    Raises CorpusUnavailable where the variable names a path that does not exist: better said than met with a download.
    """
    told = os.environ.get(VARIABLE)
    if not told:
        return find_in(cache_folder(), corpus)
    place = Path(told).expanduser()
    if not place.exists():
        raise CorpusUnavailable(
            f"{VARIABLE} names {place}, which does not exist: correct it or unset it"
        )
    if place.is_dir():
        return find_in(place, corpus) or find_in(cache_folder(), corpus)
    return place if place.name in file_names(corpus) else find_in(cache_folder(), corpus)


def file_names(corpus: Corpus) -> list[str]:
    """Names under which the corpus is looked for: `enwik8`, `enwik8.xz`, and so on."""
    return [corpus.name + packing for packing in PACKINGS]


def find_in(folder: Path, corpus: Corpus) -> Path | None:
    """The first file of the folder that bears one of the corpus's names, or None."""
    return next((folder / name for name in file_names(corpus) if (folder / name).is_file()), None)


def cache_folder() -> Path:
    """The user's cache for corpora; need not exist. A relative XDG_CACHE_HOME is ignored, as its specification asks."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(told) if os.path.isabs(told) else Path.home() / ".cache"
    return base / "kolmozip" / "corpora"


def read_checked(path: Path, corpus: Corpus) -> bytes:
    """Unpack the file and check what it holds; raises CorpusDamaged, CorpusLengthError or CorpusHashError."""
    # One byte more than wanted shows that a file is too long without unpacking the rest of it, however large.
    content = unpack(path, corpus, limit=corpus.length + 1)
    check(content, path, corpus)
    return content


def unpack(path: Path, corpus: Corpus, limit: int) -> bytes:
    """At most `limit` bytes of what the file holds, by its ending; raises CorpusDamaged where it cannot be read."""
    try:
        with path.open("rb") as file:
            return plain_stream(file, path.suffix, corpus.name).read(limit)
    except UNREADABLE as error:
        reason = str(error) or type(error).__name__
        raise CorpusDamaged(
            f"{path} cannot be read ({reason}): fetch it again from {corpus.url}"
        ) from error


def plain_stream(file: IO[bytes], packing: str, member: str) -> Readable:
    """A stream of the bytes packed in an open file; `member` is the name sought in a zip."""
    if packing == ".xz":
        return lzma.LZMAFile(file)
    if packing == ".gz":
        return gzip.GzipFile(fileobj=file)
    if packing == ".zip":
        return zipfile.ZipFile(file).open(member)
    return file


def check(content: bytes, path: Path, corpus: Corpus) -> None:
    """Raise CorpusLengthError or CorpusHashError unless the bytes are the corpus; `path` is named in the message."""
    if len(content) != corpus.length:
        found = f"more than {corpus.length}" if len(content) > corpus.length else str(len(content))
        raise CorpusLengthError(
            f"{path} holds {found} bytes where {corpus.name} has {corpus.length}: delete it or point {VARIABLE} elsewhere"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != corpus.sha256:
        raise CorpusHashError(
            f"{path} has SHA-256 {digest} where {corpus.name} has {corpus.sha256}: delete it or point {VARIABLE} elsewhere"
        )


def download(corpus: Corpus) -> bytes:
    """Fetch the corpus into the user's cache, with a progress bar on stderr, and return its checked bytes.

    Raises CorpusUnavailable where the public home cannot be reached, and what `read_checked` raises where it served
    something else; such a file is not kept.
    """
    path = fetch(corpus)
    try:
        return read_checked(path, corpus)
    except CorpusError:
        path.unlink(
            missing_ok=True
        )  # else the next call would find it and fail without trying again
        raise


def fetch(corpus: Corpus) -> Path:
    """Download the corpus's archive into the cache and return its path; raises CorpusUnavailable."""
    import pooch  # here, because nothing but a download needs it

    pooch.get_logger().setLevel(
        "WARNING"
    )  # it would advise on hashes; ours is of the plain bytes, and checked
    archive = corpus.name + Path(corpus.url).suffix
    try:
        got = pooch.retrieve(
            corpus.url, known_hash=None, fname=archive, path=cache_folder(), progressbar=True
        )
    except (
        OSError,
        ValueError,
    ) as error:  # requests' errors are OSErrors; pooch's own are ValueErrors
        raise CorpusUnavailable(
            f"{corpus.name} is not at hand and could not be downloaded from {corpus.url} ({type(error).__name__}): "
            f"get it from there and set {VARIABLE} to the folder that holds it"
        ) from error
    return Path(got)
