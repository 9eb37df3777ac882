"""Labels beside the points of a figure, where they cover neither points nor each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor.system.extras import need

with need("report"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in pixels."""

REACHES = (8, 14, 24, 38, 54, 72, 96, 130)
"""Distances between a label and its point that are tried, in points of 1/72 inch."""
NEAR = 8
"""Beyond this distance a line leads from the label to its point."""
SIDES = (
    *((1, 0, 1, 0), (-1, 0, -1, 0), (0, 1, 0, 1), (0, -1, 0, -1)),
    *((0.8, 0.8, 1, 1), (-0.8, 0.8, -1, 1), (0.8, -0.8, 1, -1), (-0.8, -0.8, -1, -1)),
    *((0, 1, -0.8, 1), (0, 1, 0.8, 1), (0, -1, -0.8, -1), (0, -1, 0.8, -1)),
)
"""Right, left, above and below; the corners; above and below, to one side.

The first two numbers times the distance, and the last two times half the size of the letters, lead
from the point to the middle of its label.
"""
MARKER = 8
"""Half the width of a marker and of the clear space around it, in pixels."""
DOTS = 50
"""Dots that stand for a line where it is asked what the line touches."""
LETTERS: dict[str, Any] = {"fontsize": 9, "zorder": 4}


def place_labels(
    figure: Figure,
    axes: Axes,
    labels: Sequence[str],
    points: Sequence[Point],
    edge: Sequence[Point],
) -> None:
    """Writes each label at the first place where it covers nothing, or else where it covers least.

    ``points`` are in the units of the axes, one a label. ``edge`` is a line of steps, in the same
    units, that labels keep clear of too. Called last: from then on the layout stands.
    """
    figure.draw_without_rendering()  # places in pixels are known only once the layout is
    figure.set_layout_engine("none")
    centres = axes.transData.transform(points)
    taken = [(x - MARKER, y - MARKER, x + MARKER, y + MARKER) for x, y in centres]
    taken += _steps(axes.transData.transform(edge))
    for at in sorted(range(len(points)), key=lambda at: (points[at], labels[at])):
        _place(axes, labels[at], points[at], centres[at], taken)


def _steps(corners: np.ndarray) -> list[Box]:
    """The upright and the level part of each step of a line, one pixel to either side."""
    boxes = []
    for (x, y), (right, up) in itertools.pairwise(corners):
        boxes += [(x - 1, y, x + 1, up), (x, up - 1, right, up + 1)]
    return boxes


def _place(axes: Axes, label: str, point: Point, centre: np.ndarray, taken: list[Box]) -> None:
    """Writes one label, and adds to ``taken`` where its letters and its line are."""
    scale, frame = axes.figure.dpi / 72, axes.get_window_extent()
    measured = axes.text(*point, label, **LETTERS)
    half = np.array([measured.get_window_extent().width, measured.get_window_extent().height]) / 2
    measured.remove()
    tries = []
    for reach, side in itertools.product(REACHES, SIDES):
        middle = centre + scale * reach * np.array(side[:2]) + half * side[2:]
        box = (*(middle - half), *(middle + half))
        if frame.x0 <= box[0] and frame.y0 <= box[1] and box[2] <= frame.x1 and box[3] <= frame.y1:
            tries.append((_covered(centre, middle, box, taken), reach, middle, box))
    _, reach, middle, box = min(tries, key=lambda attempt: attempt[0])
    line = {"arrowstyle": "-", "color": "#999999", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3}
    axes.annotate(
        label,
        point,
        tuple((middle - centre) / scale),
        textcoords="offset points",
        ha="center",
        va="center",
        arrowprops=line if reach > NEAR else None,
        path_effects=[withStroke(linewidth=2, foreground="white")],
        **LETTERS,
    )
    taken.append(box)
    if reach > NEAR:
        taken += [(x - 1, y - 1, x + 1, y + 1) for x, y in np.linspace(centre, middle, DOTS)]


def _covered(centre: np.ndarray, middle: np.ndarray, box: Box, taken: list[Box]) -> int:
    """How many boxes are under the letters or under the line from the point to their middle.

    The boxes that the point itself lies in are no matter for the line.
    """
    left, bottom, right, top = np.array(taken).T
    under = (left < box[2]) & (box[0] < right) & (bottom < box[3]) & (box[1] < top)
    x, y = np.linspace(centre, middle, DOTS).T[:, :, np.newaxis]
    inside = (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
    return int(np.sum(under | (inside.any(axis=0) & ~inside[0])))
