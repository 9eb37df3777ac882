"""Training windows: lanes that each read their own stretch of the text, so that state carries from window to window."""

from __future__ import annotations

import numpy as np


def window(text: np.ndarray, lanes: int, length: int, step: int) -> np.ndarray:
    """The step-th window: shape (length + 1, lanes) uint8; row t + 1 holds the bytes that follow row t.

    Lane i starts at i / lanes of the text and reads on, round the end, so the window is a function of the step alone:
    a resumed run sees the same bytes. Raises ValueError where the text is shorter than a window for each lane.
    """
    if text.size < lanes * (length + 1):
        raise ValueError(
            f"text of {text.size} bytes is too short for {lanes} lanes of {length + 1}: use fewer lanes"
        )
    starts = np.arange(lanes, dtype=np.int64) * (text.size // lanes) + step * length
    return text[(starts[None, :] + np.arange(length + 1)[:, None]) % text.size]
