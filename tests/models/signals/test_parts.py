"""Parts of the model of numbers against the page's words in plain Python."""

from __future__ import annotations

import random

import numpy as np
import pytest

from models.integer.logarithm import log2
from models.memory.logistic import SQUASH, STRETCH_LIMIT
from models.signals.chains import Chain
from models.signals.cuts import MOST_INPUT, ONE, Range, Shares
from models.signals.means import Means
from models.signals.situation import level
from models.signals.squares import LeastSquares


def clip(value: int, most: int) -> int:
    return max(-most, min(value, most))


def walk(number: int, range_: Range) -> str:
    bits = ""
    while range_.low < range_.high:
        cut = range_.cut()
        assert range_.low <= cut < range_.high
        bits += str(int(number > cut))
        if number > cut:
            range_.low = cut + 1
        else:
            range_.high = cut
    assert range_.low == number
    return bits


@pytest.mark.parametrize("least", [0, -1, -2, -7, -100])
@pytest.mark.parametrize("most", [0, 1, 3, 5, 155])
def test_each_number_of_a_range_has_its_bits(least: int, most: int) -> None:
    walks = [walk(number, Range(least, most)) for number in range(least, most + 1)]
    assert walks == sorted(walks), "bits are in the order of numbers"
    assert sum(2.0 ** -len(bits) for bits in walks) == 1, "no bits stand for nothing"


def test_cuts_are_near_first_and_reach_far() -> None:
    assert [walk(number, Range(-9, 9)) for number in (-3, -2, -1, 0, 1, 2, 3)] == (
        ["0001", "001", "01", "10", "110", "1110", "111100"]
    )
    for number in (-(1 << 15), (1 << 15) - 1, 20_000):
        assert len(walk(number, Range(-(1 << 15), (1 << 15) - 1))) < 34


@pytest.mark.parametrize(("length", "rate", "size"), [(256, 10, 1 << 20), (16, 30, 1 << 22)])
def test_a_chain_is_that_of_the_page(length: int, rate: int, size: int) -> None:
    source = random.Random(length)
    chain, heard, weights = Chain(length, rate), [0] * length, [0] * length
    chain._at = 40  # so that what is remembered is moved on the way
    for _ in range(80):
        total = sum(g * v for g, v in zip(weights, heard, strict=True))
        said = clip((total + (1 << 23)) >> 24, 1 << 21)
        assert chain.expected() == said
        came = source.choice([size, -size, source.randrange(-size, size), 0])
        step = ((came - said) * rate << 24) // (256 * (length + 1) + sum(v * v for v in heard))
        weights = [
            clip(g + ((step * v + 512) >> 10), 1 << 27) for g, v in zip(weights, heard, strict=True)
        ]
        chain.learn(came, said)
        heard = [clip(came, 1 << 21), *heard[:-1]]
    assert any(weights)


def test_least_squares_find_what_numbers_follow_from() -> None:
    squares, numbers = LeastSquares(8, 2), [30, 20]
    for at in range(200):
        came = (numbers[-1] * 3 - numbers[-2] * 2) // 2 + (at * 37) % 11 - 5
        squares.learn(numbers[:-3:-1], came)
        numbers.append(came)
    for before in ([100, 0], [0, 100]):
        expected = 16 * (150 if before[0] else -100)
        assert abs(squares.expected(before) - expected) < 80


def test_means_learn_as_the_page_says_and_fresh_ones_take_the_last_kind() -> None:
    source, means = random.Random(1), Means(2, 3, 128)
    known = dict[tuple[int, int, int, int], tuple[int, int]]()
    for _ in range(120):
        channel = source.randrange(2)
        situations = [source.choice([0, 7, 1023]) for _ in range(3)] + [0]
        slopes = means.slopes(channel, situations)
        off = [source.choice([0, 3, 900, 1 << 21]) for _ in range(3)]
        for i in range(3):
            for k, situation in enumerate(situations):
                p, n = known.get((i, k, channel, situation), (256, 0))
                if n == 0:
                    p, _ = known.get((i, 3, channel, 0), (256, 0))
                assert slopes[i, k] == (2900 * 2**16) // max(p, 4)
        for i in range(3):
            for k, situation in enumerate(situations):
                p, n = known.get((i, k, channel, situation), (256, 0))
                o = min(4 * off[i], 2**22 - 1)
                p += ((o - p) * (2**17 // (2 * n + 3)) + 2**15) >> 16
                known[i, k, channel, situation] = p, min(n + 1, 20)
        means.learn(np.array(off))


@pytest.mark.parametrize(("half", "unit"), [(128, 64), (1 << 15, 1)])
def test_inputs_are_those_of_the_page(half: int, unit: int) -> None:
    source = random.Random(unit)
    for _ in range(30):
        r = source.randrange(-half, half)
        lo, hi = low, high = -half - r, half - 1 - r
        expected = [source.randrange(-16 * half, 16 * half - 15) for _ in range(3)]
        slope = [[source.choice([1, 900, 47_513_600]) for _ in range(2)] for _ in range(3)]
        distance = 16 * r + 8 - np.array(expected)[:, None]
        range_ = Range(low, high)
        shares = Shares(distance, np.array(slope), range_, unit)

        def g(e: int, i: int, k: int) -> int:
            if e in (low - 1, high):  # noqa: B023
                return 0 if e < low else ONE  # noqa: B023
            steep = ((16 * (e + r) + 8 - expected[i]) * slope[i][k]) >> 16  # noqa: B023
            return int(SQUASH[clip(steep, STRETCH_LIMIT) + STRETCH_LIMIT])

        while lo < hi:
            cut = range_.cut()
            inputs = shares.inputs(cut)
            for i in range(3):
                for k in range(2):
                    above = 2**7 * (g(hi, i, k) - g(cut, i, k)) + unit * (hi - cut)
                    below = 2**7 * (g(cut, i, k) - g(lo - 1, i, k)) + unit * (cut - lo + 1)
                    assert inputs[2 * i + k] == clip(log2(above) - log2(below), MOST_INPUT)
            bit = source.randrange(2)
            shares.took(bit, cut)
            lo, hi = (cut + 1, hi) if bit else (lo, cut)
            assert (range_.low, range_.high) == (lo, hi)


def test_levels_are_two_for_a_doubling() -> None:
    assert [level(off) for off in (0, 1, 2, 4, 8, 12, 28)] == [0, 0, 1, 2, 3, 4, 6]
    for off in (8187, 8188, 8189, 100_000, 1 << 20, (1 << 22) + 5):
        assert level(off) == min((log2(off + 4) - 512) >> 7, 31)
