"""What came before a place: numbers, or how far the expectations of them were off."""

from __future__ import annotations

from collections.abc import Sequence


def back(values: Sequence[int], places: int) -> int:
    """The value so many places before the next one, 0 where there is none (X and D of the page).

    A row that is short can ask for places that lie ahead, below 1: there is none either.
    """
    return values[-places] if 1 <= places <= len(values) else 0


def held(value: int, least: int, most: int) -> int:
    """The value, or the bound that it lies beyond."""
    return max(least, min(value, most))
