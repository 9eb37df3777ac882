"""Training windows: each lane reads a stretch of its own, and its state carries over."""

from __future__ import annotations

import numpy as np


class TextTooShort(ValueError):
    """The text has fewer bytes than one window takes; the message says how many that is."""


def window(text: np.ndarray, lanes: int, length: int, step: int) -> np.ndarray:
    """The step-th window: shape (length + 1, lanes) uint8; row t + 1 holds the bytes after row t.

    A text of tokens, uint16, makes windows of tokens.

    Lane i starts at i / lanes of the text and reads on, round the end, so the window is a function
    of the step alone: a resumed run sees the same bytes. Raises TextTooShort where the text is
    shorter than a window for each lane.
    """
    if text.size < lanes * (length + 1):
        raise TextTooShort(
            f"a text of {text.size:,} bytes is too short for {lanes} lanes of {length + 1} bytes, "
            f"which take {lanes * (length + 1):,}: use fewer lanes or a shorter window"
        )
    starts = np.arange(lanes, dtype=np.int64) * (text.size // lanes) + step * length
    return text[(starts[None, :] + np.arange(length + 1)[:, None]) % text.size]
