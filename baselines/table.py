"""The codecs that a leaderboard can run on this machine, and those that it could run."""

from __future__ import annotations

from baselines.classical import CLASSICAL
from baselines.codec import FAMILIES, Codec, UnknownCodec
from baselines.external import PROGRAMS
from baselines.wheels import absent_wheels, wheels


def codecs() -> tuple[Codec, ...]:
    """Every codec that can run here, the weakest family first, with the programs now on PATH."""
    programs = [program for program in PROGRAMS if program.path]
    return tuple(
        sorted([*CLASSICAL, *wheels(), *programs], key=lambda codec: FAMILIES.index(codec.family))
    )


def by_name(name: str) -> Codec:
    """The codec of this name. Raises UnknownCodec, whose message lists the names."""
    known = {codec.name: codec for codec in codecs()}
    if name in known:
        return known[name]
    remedies = [line for line in absent() if line.startswith(f"{name}: ")]
    if remedies:
        raise UnknownCodec(f"not on this machine: {remedies[0]}")
    raise UnknownCodec(f"no codec is called {name!r}: choose from {', '.join(map(repr, known))}")


def absent() -> tuple[str, ...]:
    """The codecs that cannot run here, each as 'name: how to get it'."""
    missing = [f"{program.name}: {program.how_to_get}" for program in PROGRAMS if not program.path]
    return (*absent_wheels(), *missing)
