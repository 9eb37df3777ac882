"""The match points behind the longest repetition, and its places fit their type."""

from __future__ import annotations

import numpy as np

from coding.container import MAX_BLOCK, MAX_LANES_LOG2
from models.integer.ngram import context_hash, push
from models.memory.expected import NONE
from models.memory.match import Match


def test_a_match_points_behind_the_longest_repetition() -> None:
    text = np.frombuffer(b"the cat sat on the mat; the cat sat up", np.uint8)[:, None]
    match = Match(text)
    low = high = np.zeros(1, np.uint32)
    lengths = []
    for row in text:
        expected, cell = match.lookup(1)
        lengths.append(int(cell[0]) if expected[0] == row[0] else NONE)
        low, high = push(low, high, row.astype(np.uint32))
        match.update(row, context_hash(low, high, 5))
    again = bytes(text[:, 0]).rindex(b"the cat")
    assert lengths[again + 5 : again + 13] == [*range(7), NONE], (
        "from behind 'the c' to the end of ' sat '"
    )
    assert set(lengths[:19]) == {NONE}


def test_every_place_of_the_largest_block_fits_int32() -> None:
    lanes = 1 << MAX_LANES_LOG2
    rectangle = MAX_BLOCK + lanes - 1
    assert rectangle + lanes <= np.iinfo(np.int32).max
