"""From archives to the documents of a part: treated, thinned, without repeats and leaks, capped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from data.general.documents import (
    SHORTEST,
    Caps,
    Document,
    chance,
    cut,
    documents,
    own_lines,
    whole,
)
from data.general.duplicates import Known, OwnLines, line_hashes
from data.general.headers import Headers
from data.general.leaks import HeldOut
from data.general.manifest import Manifest, Package, Part

Progress = Callable[[int], None]
"""Takes the number of bytes of archives gone through since its last call."""

Obtained = Sequence[tuple[Package, Path]]
"""Packages with their checked archives, in the order of the manifest."""

QUIET = ("cap", "short")
"""Reasons whose files are counted and not listed: there are too many of them."""


@dataclass
class Fallen:
    """What fell out of a part: by reason and package, and file by file where that says something.

    `totals` holds files and bytes by reason and package. `rows` holds reason, package, path, bytes.
    """

    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    sizes: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: list[tuple[str, str, str, int]] = field(default_factory=list)

    def note(self, reason: str, package: str, path: str, size: int) -> None:
        """Takes note of one file, or window of one."""
        self.totals[reason, package] += 1
        self.sizes[reason, package] += size
        if reason not in QUIET:
            self.rows.append((reason, package, path, size))


def as_found(obtained: Obtained, seed: int, note: Callable[..., None]) -> Iterator[Document]:
    """The documents of packages as they stand there, package after package.

    Raises CorpusDamaged.
    """
    own = own_lines(obtained)
    for package, archive in obtained:
        yield from documents(package, archive, seed, note, own)


def held_out(obtained: Obtained, seed: int, benchmarks: Iterable[bytes]) -> HeldOut:
    """The windows that no training text may hold: those of the packages and of the benchmarks.

    Of packages that are benchmarks whole files are held out, of others what is taken. Raises
    CorpusDamaged.
    """
    parts = [item for item in obtained if item[0].part != "benchmark"]
    texts = [
        (document.package.family, document.content)
        for document in as_found(parts, seed, lambda *_: None)
    ]
    texts += [
        (package.family, document.content)
        for package, archive in obtained
        if package.part == "benchmark"
        for _, document in whole(package, archive, seed, lambda *_: None, {})
    ]
    texts += [(f"benchmark {number}", text) for number, text in enumerate(benchmarks)]
    return HeldOut(texts)


def build(
    manifest: Manifest,
    obtained: Obtained,
    leaks: HeldOut | None,
    fallen: Fallen,
    progress: Progress = lambda _: None,
) -> list[Document]:
    """The documents of one part, in the order of chance.

    Packages come in the order of the manifest, files of each in the order of chance: headers are
    thinned, long files cut, files that are known for the most part left out, and those that hold
    what `leaks` holds out. Where there is such a thing, all is gone through twice: first to learn
    which windows are common. Raises CorpusDamaged.
    """
    own = own_lines(obtained)
    if leaks is not None:
        for document in _chosen(manifest.seed, obtained, own, None, Fallen(), progress):
            leaks.observe(document.package.family, document.content)
        leaks.close()
    kept = list(_chosen(manifest.seed, obtained, own, leaks, fallen, progress))
    kept.sort(key=lambda document: chance(manifest.seed, document.package.name, document.path))
    return kept


def _chosen(
    seed: int,
    obtained: Obtained,
    own: Mapping[str, OwnLines],
    leaks: HeldOut | None,
    fallen: Fallen,
    progress: Progress,
) -> Iterator[Document]:
    """The documents that are new, not held out, and fit under the caps."""
    headers, known = Headers(), Known()
    for package, archive in obtained:
        caps = Caps(fallen.note)
        for take, found in whole(package, archive, seed, fallen.note, own):
            for piece in cut(replace(found, content=headers.thinned(found.content))):
                if len(piece.content) < SHORTEST or not caps.fits(take, piece):
                    continue
                lines = line_hashes(piece.content)
                reason = known.reason(piece.content, lines)
                if reason is None and leaks is not None and leaks.holds(piece.content):
                    reason = "held out"
                if reason is not None:
                    fallen.note(reason, package.name, piece.path, len(piece.content))
                    continue
                known.add(piece.content, lines)
                yield caps.take(take, piece)
        progress(package.size)


HELD_OUT: dict[Part, tuple[Part, ...]] = {
    "train": ("development", "test", "benchmark"),
    "development": (),
    "test": (),
}
"""Parts whose text must not be in a part."""
