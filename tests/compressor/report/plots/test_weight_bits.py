"""The figure of the bits of the weights."""

from __future__ import annotations

import pandas as pd

from compressor.report.plots import weight_bits as plots


def test_precisions_are_named_and_equal_totals_joined() -> None:
    points = pd.DataFrame(
        {
            "checkpoint": ["big", "big", "little"],
            "bits": [8.0, 4.0, 3.5],
            "file_bytes": [8_000_000, 4_000_000, 1_500_000],
            "bits_per_char_estimate": [1.2, 1.3, 1.5],
            "best": [0, 1, 1],
        }
    )
    figure = plots.curves(points)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:3] == ["8", "4", "3.5"]
    totals = [float(text) for text in texts[3:]]
    assert 2 <= len(totals) <= plots.MOST_LINES
    assert totals == sorted(totals)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:2] == ["big", "little"]
