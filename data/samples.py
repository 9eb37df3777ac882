"""The sample of real text that ships with the package, so that demo and tests need no download.

It lies inside enwik8's test range, so no training has seen it. ``data/sample/README.md`` states its
origin and its licence.
"""

from __future__ import annotations

import hashlib
import lzma
from importlib import resources

from data.corpora import CorpusError

SAMPLE_OFFSET = 97_000_000
"""Where the sample starts in enwik8: a round number in the test range, not chosen by results."""

SAMPLE_LENGTH = 262_144
SAMPLE_SHA256 = "bdd7c6f55fd51bed8d235e96dbdd3ce0d48d4edbfed8619ed9dbc94a453ed223"


class SampleDamaged(CorpusError):
    """The sample shipped with the package is missing or changed."""


def sample() -> bytes:
    """The 262,144 bytes of the sample, checked against their SHA-256. Raises SampleDamaged."""
    remedy = "install kolmozip again"
    try:
        content = lzma.decompress(
            resources.files("data").joinpath("sample", "sample.xz").read_bytes()
        )
    except (OSError, lzma.LZMAError) as error:
        raise SampleDamaged(f"the shipped sample cannot be read ({error}): {remedy}") from error
    if hashlib.sha256(content).hexdigest() != SAMPLE_SHA256:
        raise SampleDamaged(f"the shipped sample has the wrong SHA-256: {remedy}")
    return content
