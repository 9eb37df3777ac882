"""The seams of the codec as types: what a model and a coder are to the loop that joins them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

Progress = Callable[[int], None]
"""Is called with the number of original bytes done since the last call."""


def ignore_progress(_: int) -> None:
    """The progress of work that nobody watches."""


class Predictor(Protocol):
    """A network over lanes: predicts the next byte of each, then perceives what came."""

    def predict(self) -> np.ndarray:
        """Evidence for the next byte of every lane: (lanes, 256) int32, positive, sums < 2^31."""

    def perceive(self, byte: np.ndarray) -> None:
        """Takes in the byte that came in every lane, (lanes,) uint8."""


class Coded(Protocol):
    """A model that files are coded with."""

    @property
    def identity(self) -> bytes:
        """The 8 bytes by which a file's header names the weights."""

    def engine(self, lanes: int) -> Predictor:
        """The network with every lane in its initial state."""


class BitCoder(Protocol):
    """The seam between the codec's loop and the range coder: one decision a lane."""

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Codes a decision of every lane, given the counts of 2^24 for a 0.

        Returns the bits: an encoder those it was given, a decoder those it read.
        """
