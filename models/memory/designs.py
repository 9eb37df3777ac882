"""What a memory consists of, and the designs that the format knows."""

from __future__ import annotations

from typing import NamedTuple

from models.memory.choosers import Chooser
from models.memory.contexts import Context, Kind
from models.memory.mixer import Pace


class Design(NamedTuple):
    """The contexts, mixer rows and matches of a memory."""

    contexts: tuple[Context, ...]
    part: int
    """So many contexts share a hash table: the first ones, the ones after them and so on."""
    choosers: tuple[Chooser, ...]
    """One set of mixer weights for each, of which it chooses a row."""
    pace: Pace
    """How fast rows learn."""
    matches: tuple[int, ...]
    """Least lengths of matches in bytes, ascending."""


def shared(kind: Kind, number: int = 0) -> Context:
    """A context that all lanes share."""
    return Context(kind, number)


def own(kind: Kind, number: int = 0) -> Context:
    """A context that each lane has for itself."""
    return Context(kind, number, own=True)


FULL = Design(
    contexts=(
        *(shared(Kind.ORDER, number) for number in (1, 2, 3, 4, 5, 6, 8)),
        shared(Kind.WORD),
        shared(Kind.PAIR),
        shared(Kind.SKIP),
        shared(Kind.TRIPLE),
        *(own(Kind.ORDER, number) for number in (2, 3, 4, 5)),
        own(Kind.WORD),
        own(Kind.PAIR),
        *(shared(Kind.SPARSE, mask) for mask in (0b110, 0b101, 0b1100)),
        shared(Kind.INDENT),
        shared(Kind.SPECIALS),
        shared(Kind.FORMAT),
        shared(Kind.FIELD),
        shared(Kind.ABOVE),
        shared(Kind.ABOVE_WORD),
        shared(Kind.RECORD),
        shared(Kind.RECORD_PAIR),
        shared(Kind.INDIRECT),
        shared(Kind.INDIRECT_PAIR),
        shared(Kind.NEST),
        shared(Kind.NEST_WORD),
    ),
    part=8,
    choosers=(
        Chooser.NONE,
        Chooser.NODE,
        Chooser.LAST,
        Chooser.MATCH,
        Chooser.CLASSES,
        Chooser.KNOWN,
        Chooser.FIELDS,
        Chooser.TWO,
    ),
    pace=Pace(least=91, more=3634, half=500),
    matches=(5, 10, 20),
)
"""The first design for networks, which files that were written before LAYOUT name."""

TOLD_LEAST = (
    shared(Kind.ORDER, 5),
    own(Kind.ORDER, 4),
    own(Kind.PAIR),
    shared(Kind.FIELD),
    shared(Kind.RECORD_PAIR),
)
LAYOUT = FULL._replace(
    contexts=(
        *(context for context in FULL.contexts if context not in TOLD_LEAST),
        shared(Kind.COLUMN),
        shared(Kind.COLUMN_ABOVE),
        shared(Kind.SHAPE),
        shared(Kind.SPECIALS_FORMAT),
        shared(Kind.FIELD_TRIPLE),
    ),
)
"""FULL, but that five contexts that told least have made room for the columns of a line and the
shape of what was last. For networks, and for files that may take time."""

TELLS_NOTHING_BESIDE = (
    shared(Kind.ORDER, 6),
    *(shared(Kind.SPARSE, mask) for mask in (0b110, 0b101, 0b1100)),
    shared(Kind.SPECIALS),
    shared(Kind.FORMAT),
    shared(Kind.RECORD),
    shared(Kind.NEST),
)
BESIDE = LAYOUT._replace(
    contexts=tuple(c for c in LAYOUT.contexts if c not in TELLS_NOTHING_BESIDE)
)
"""LAYOUT without what tells nothing of text beside a network that knows its kind."""

ALONE = FULL._replace(
    contexts=(
        *(shared(Kind.ORDER, number) for number in (1, 2)),
        shared(Kind.FAR),
        *(shared(Kind.ORDER, number) for number in (4, 6)),
        shared(Kind.SPARSE, 0b10),
        shared(Kind.PLACE),
        shared(Kind.TREND),
        *(shared(kind) for kind in (Kind.WORD, Kind.PAIR, Kind.SKIP, Kind.TRIPLE)),
        shared(Kind.SPARSE, 0b110),
        *(shared(kind) for kind in (Kind.PAIR_FOLLOWED, Kind.EVEN, Kind.HALVES)),
        shared(Kind.SPARSE, 0b1100),
        *(shared(kind) for kind in (Kind.INDENT, Kind.FORMAT, Kind.ABOVE_WORD, Kind.RECORD)),
        *(shared(kind) for kind in (Kind.INDIRECT, Kind.SIXTEENTH)),
        shared(Kind.FOLLOWED, 3),
        *(shared(kind) for kind in (Kind.NEST, Kind.THREE_ABOVE, Kind.COLUMN, Kind.COLUMN_ABOVE)),
        *(shared(kind) for kind in (Kind.SHAPE, Kind.SPECIALS_FORMAT, Kind.FIELD_TRIPLE)),
        shared(Kind.FOLLOWED, 5),
    ),
    choosers=(Chooser.PLACE, *FULL.choosers[1:]),
)
"""For one lane without a network, which most often reads bytes of programs and numbers: contexts of
a lane's own, which are shared ones there, and others of LAYOUT that told least have made room for
records, far bytes and what followed, and the one row of mixer weights for rows by place."""

WIDE = ALONE._replace(
    contexts=(
        *ALONE.contexts,
        *(shared(kind) for kind in (Kind.NOTHING, Kind.TOPS, Kind.LETTERS, Kind.LETTERS_THEN)),
        *(shared(kind) for kind in (Kind.SIDE, Kind.OTHER_SIDE, Kind.NEST_WORD, Kind.SPECIALS)),
    ),
    choosers=(
        *ALONE.choosers,
        Chooser.SIXTEENTH,
        Chooser.CLASSES_FOURTH,
        Chooser.TOPS,
        Chooser.SECOND,
        Chooser.THIRD,
        Chooser.READING,
        Chooser.BIT,
        Chooser.NONE,
    ),
    pace=FULL.pace._replace(least=200),
)
"""ALONE with more contexts and twice as many sets, which learn faster, for the last level."""

MADE_ROOM = {
    shared(Kind.TREND): shared(Kind.PERIOD_TREND),
    shared(Kind.THREE_ABOVE): shared(Kind.FOUR_ABOVE),
    shared(Kind.LETTERS): shared(Kind.STRING_WORD),
    shared(Kind.SIDE): shared(Kind.CHARACTERS, 2),
    shared(Kind.OTHER_SIDE): shared(Kind.CHARACTERS, 5),
    shared(Kind.NEST_WORD): shared(Kind.LAG_ROW),
    shared(Kind.SPECIALS): shared(Kind.LAG_CORNER),
}
LAGS = WIDE._replace(
    contexts=(
        *(MADE_ROOM.get(context, context) for context in WIDE.contexts),
        *(shared(kind) for kind in (Kind.CORNER, Kind.LAG_TREND)),
        *(shared(Kind.LAG, number) for number in (0, 1)),
        *(shared(kind) for kind in (Kind.LAG_PLACE, Kind.STRING_PAIR, Kind.OUTSIDE)),
        shared(Kind.FOUR_PERIODS),
    ),
    choosers=tuple(
        Chooser.PERIOD if chooser == Chooser.BIT else chooser for chooser in WIDE.choosers
    ),
)
"""WIDE for what no network codes: what differs little at some lag, as rows of tables do, and what
strings say that numbers part, as pages do."""

LIGHT = Design(
    contexts=(
        *(shared(Kind.ORDER, number) for number in (1, 2, 3, 4, 6)),
        shared(Kind.WORD),
        shared(Kind.PAIR),
        shared(Kind.NEST),
    ),
    part=8,
    choosers=(Chooser.MATCH, Chooser.LAST, Chooser.NODE, Chooser.CLASSES),
    pace=FULL.pace,
    matches=(5, 12),
)
"""For the fastest level: no network, one lane."""

DESIGNS = {1: LIGHT, 2: FULL, 3: LAYOUT, 4: BESIDE, 5: ALONE, 6: WIDE, 7: LAGS}
"""By the number that a block names."""
