"""Labels: inside the axes, beside their points, and on top of nothing."""

from __future__ import annotations

import itertools

from matplotlib.text import Annotation, Text

from compressor.report.plots.labels import MARKER, place_labels
from compressor.report.plots.style import new_axes

POINTS = [(1.0, 1.0), (1.02, 1.01), (1.03, 0.99), (5.0, 2.0), (9.9, 3.9), (9.8, 3.95)]
NAMES = ["first", "second of them", "third", "in the middle", "at the edge --ultra", "corner"]


def test_labels_cover_neither_points_nor_each_other() -> None:
    figure, axes = new_axes(5)
    axes.set(xlim=(0, 10), ylim=(0, 4))
    place_labels(figure, axes, NAMES, POINTS, [POINTS[0], POINTS[3]])
    texts = [text for text in axes.texts if isinstance(text, Annotation)]
    assert sorted(text.get_text() for text in texts) == sorted(NAMES)
    boxes = []
    for text in texts:
        text.update_positions(figure.canvas.get_renderer())
        boxes.append(Text.get_window_extent(text))
    frame = axes.get_window_extent()
    for box in boxes:
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
        for x, y in axes.transData.transform(POINTS):
            assert not (
                box.x0 < x + MARKER - 1
                and x - MARKER + 1 < box.x1
                and box.y0 < y + MARKER - 1
                and y - MARKER + 1 < box.y1
            )
    for one, other in itertools.combinations(boxes, 2):
        assert not one.padded(-1).overlaps(other.padded(-1))
