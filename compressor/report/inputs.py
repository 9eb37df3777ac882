"""What the inputs of measurements are, and what they are called in pages and names of files."""

from __future__ import annotations

from collections.abc import Iterable

from compressor.bench.records import Input
from compressor.bench.store import slug
from data.splits import SLICES

UNSEEN = "Our models are never trained, tuned or selected on them."
LAST = "A slice: enwik8's last 5,000,000 bytes as a file of their own."
ABOUT = {
    "enwik8": "All of enwik8: the first 100,000,000 bytes of an English Wikipedia dump, as one "
    "file.",
    "test5m": f"{LAST} {UNSEEN}",
    "test": f"{LAST} {UNSEEN}",
    "test1m": f"A slice: the first 1,000,000 bytes of test5m as a file of their own. {UNSEEN}",
    "tail256k": f"A slice: enwik8's last 262,144 bytes as a file of their own. {UNSEEN}",
    "valid": "A slice: bytes 90,000,000 to 95,000,000 of enwik8 as a file of their own. Our models "
    "are not trained on them, but settings were chosen on them.",
    "head1m": "A slice: enwik8's first 1,000,000 bytes as a file of their own. They are training "
    "bytes of our models.",
    "train": "A slice: enwik8's first 90,000,000 bytes as a file of their own. They are training "
    "bytes of our models.",
}
"""Name of an input -> what it is. Holds only where the length is that of the slice too."""


def is_slice(subject: Input) -> bool:
    """Whether an input is the part of enwik8 that its name says, not just any file called so."""
    start, stop = SLICES.get(subject.name, (0, -1))
    return stop - start == subject.size


def description(subject: Input) -> str:
    """What an input is, with its length and hash."""
    if is_slice(subject):
        text = ABOUT[subject.name]
    elif subject.name.endswith("-text8"):
        text = (
            f"A cleaned slice: {subject.name.removesuffix('-text8')} reduced to letters and spaces "
            "in the manner of text8. Not comparable with the slice it comes from."
        )
    elif subject.name in SLICES:
        text = (
            f"A file called {subject.name} that is not enwik8's slice of that name: another length."
        )
    else:
        text = "A file of the user's."
    return f"{text} {subject.size:,} bytes, SHA-256 `{subject.sha256}`."


def slugs(inputs: Iterable[Input]) -> dict[Input, str]:
    """The part of a file's name that stands for each input.

    Inputs of one name are told apart by the beginning of their hash.
    """
    plain = {subject: slug(subject.name) for subject in inputs}
    names = list(plain.values())
    return {
        subject: name if names.count(name) == 1 else f"{name}-{subject.sha256[:8]}"
        for subject, name in plain.items()
    }
