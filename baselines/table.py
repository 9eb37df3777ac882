"""The codecs a leaderboard can run on this machine, and those it could."""

from __future__ import annotations

from baselines.classical import CLASSICAL
from baselines.codec import FAMILIES, Codec, UnknownCodec
from baselines.external import PROGRAMS
from baselines.wheels import WHEELS, Bzip3, bzip3


def codecs() -> tuple[Codec, ...]:
    """Every codec that can run here, the weakest family first. Looks at PATH anew each time."""
    programs = [program for program in PROGRAMS if program.path]
    return tuple(
        sorted([*CLASSICAL, *WHEELS, *programs], key=lambda codec: FAMILIES.index(codec.family))
    )


def by_name(name: str) -> Codec:
    """The codec of this name. Raises UnknownCodec, whose text lists what there is."""
    found = {codec.name: codec for codec in codecs()}
    if name in found:
        return found[name]
    remedies = [line for line in absent() if line.startswith(f"{name}: ")]
    if remedies:
        raise UnknownCodec(f"not on this machine: {remedies[0]}")
    raise UnknownCodec(f"no codec is called {name!r}: choose from {', '.join(map(repr, found))}")


def absent() -> tuple[str, ...]:
    """Known codecs that cannot run here, each as 'name: how to get it'."""
    missing = [f"{program.name}: {program.how_to_get}" for program in PROGRAMS if not program.path]
    wheels = [] if bzip3() else [f"{Bzip3.name}: pip install 'kolmozip[bzip3]'"]
    return (*wheels, *missing)
