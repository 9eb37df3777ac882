"""Context mixing: the memory that all lanes of a block share, and the network, mixed bit by bit.

After the PAQ family (Mahoney 2005, sections 2 and 3). What contexts, matches and the network say of
a bit goes as *stretches* through mixers and a last stage and becomes the probability that the bit
is coded with. Plain NumPy is both the definition and the engine where there is no native one;
everything is in integers.

In every bit all lanes are predicted from what was learned before that bit; then all learn, one lane
after the other. Probabilities are of a 1; a stretch is log2(p / (1 - p)) in 1/256 bit.
"""

from __future__ import annotations

import numpy as np

from models.integer.fixed_point import clip
from models.memory.contexts import LAGS, LOOK_FAR, STRINGS, Kind, hashes
from models.memory.designs import Design
from models.memory.last import Last
from models.memory.logistic import STRETCH_LIMIT, log2
from models.memory.maps import Cells
from models.memory.matches import Matches
from models.memory.mixer import WEIGHT_BITS, Mixer
from models.memory.part import Parts
from models.memory.readers import Readers

NETWORK_WEIGHT, HISTORY_WEIGHT, RUN_WEIGHT, MATCH_WEIGHT = 900, 80, 50, 100
"""First weights in thousandths."""
BIAS = 111
"""The mixers' constant input: 0.3 nat."""


class Memory:
    """What all lanes of one block share.

    For each bit: ``predict`` it in every lane that has a byte at this step, then ``update``. Lane i
    of L holds ``length // L`` bytes, and one more if i < ``length`` % L; so in the last step there
    may be fewer *active* lanes, the first ones. Nothing is asked after that step.
    """

    def __init__(
        self,
        design: Design,
        table_bytes: int,
        length: int,
        lanes: int,
        network: bool,
        sized_for: int | None = None,
    ) -> None:
        """A fresh memory for a block of ``length`` bytes in ``lanes`` lanes, 1 to ``length``.

        ``table_bytes`` is what the contexts' hash tables may take, ``network`` whether there is a
        network beside the memory. Tables of matches are those of a block of ``sized_for`` bytes,
        ``length`` where that is not given.
        """
        short, extra = divmod(length, lanes)
        lane = np.arange(lanes)
        self.text = np.zeros(length, np.uint8)
        """The block as far as it is known, and zeros."""
        followed = [number for kind, number, _ in design.contexts if kind == Kind.FOLLOWED]
        starts = lane * short + np.minimum(lane, extra)
        kinds = {context.kind for context in design.contexts}
        self._readers = Readers(
            self.text,
            starts,
            followed,
            sides=bool(kinds & LOOK_FAR),
            strings=bool(kinds & STRINGS),
            lags=bool(kinds & LAGS),
        )
        self._design = design
        self._cells = Cells()
        self._parts = Parts(len(design.contexts), design.part, table_bytes, self._cells)
        sized_for = sized_for or length
        self._matches = Matches(design.matches, table_bytes, sized_for, lanes, self._cells)
        rows = [chooser.rows for chooser in design.choosers]
        self._sets = Mixer(rows, _first_weights(design, network), design.pace)
        self._last = Last(np.full(len(rows), _weight(1000 // len(rows))), self._cells)
        self._node = np.ones(min(lanes, length), np.int64)
        """By active lane: 1 followed by the bits known of its byte."""
        self._k = 0
        """The bit that is predicted, 0 being the most significant."""

    def predict(self, zero: np.ndarray | None) -> np.ndarray:
        """Counts of a 0 for the next bit of every active lane, of 2^24, (active,) int64.

        They are within [1, 2^24 - 1]. ``zero``, of the same kind, are the network's, or None where
        there is no network.
        """
        k, node = self._k, self._node
        if k == 0:
            self._begin(node.size)
        said = self._parts.predict(k, node)
        expected = self._matches.predict(k, node)
        row = self._row.copy()
        for number, chooser in enumerate(self._design.choosers):
            row[number] += chooser.of_bit(k, node, said, expected.cell)
        network = 0 if zero is None else clip(log2((1 << 24) - zero) - log2(zero), STRETCH_LIMIT)
        inputs = np.empty((self._sets.weights.shape[1], node.size), np.int32)
        inputs[0], inputs[1] = BIAS, network
        at = 2
        for some in (*expected.inputs, *said.stretches):
            inputs[at : at + len(some)] = some
            at += len(some)
        stretches = self._sets.mix(row, np.ascontiguousarray(inputs.T))
        return self._last.predict(stretches, node)

    def _begin(self, active: int) -> None:
        """Looks up what the next byte of the first lanes may be like."""
        self._parts.begin(hashes(self._design.contexts, self._readers)[:, :active])
        self._last.begin(self._readers.recent[:active].astype(np.int64) & 0xFFFFFF)
        self._row = np.zeros((len(self._design.choosers), active), np.int64)
        for number, chooser in enumerate(self._design.choosers):
            self._row[number] = chooser.of_byte(self._readers, active)

    def update(self, bit: np.ndarray) -> None:
        """Learns the bits that came, (active,) int64 or int32 in {0, 1}."""
        bit = bit.astype(np.int64)
        node = 2 * self._node + bit
        self._parts.learn(self._k, node)
        self._matches.learn(bit)
        self._sets.learn(bit)
        self._last.learn(bit)
        self._cells.learn()
        self._k, self._node = (self._k + 1) & 7, node
        if self._k == 0:
            self._take(node & 255)

    def _take(self, byte: np.ndarray) -> None:
        """Takes a whole byte of every active lane."""
        readers = self._readers
        self.text[readers.next[: byte.size]] = byte
        if byte.size == readers.starts.size:
            readers.take(byte)
            self._matches.step(readers)
            left = self.text.size - readers.length * byte.size
            self._node = np.ones(min(byte.size, left), np.int64)


def _weight(thousandths: int) -> int:
    """A weight of the mixers, in 2^-14."""
    return (thousandths << WEIGHT_BITS) // 1000


def _first_weights(design: Design, network: bool) -> np.ndarray:
    """The weight of each input before any experience: constant, network, matches, contexts.

    The inputs of matches are their stretches, then their probabilities; those of contexts are the
    stretches of histories, then of runs.
    """
    matches, contexts = len(design.matches), len(design.contexts)
    thousandths = [0, NETWORK_WEIGHT if network else 0]
    thousandths += [MATCH_WEIGHT] * matches + [0] * matches
    thousandths += [HISTORY_WEIGHT] * contexts + [RUN_WEIGHT] * contexts
    return np.array([_weight(each) for each in thousandths])
