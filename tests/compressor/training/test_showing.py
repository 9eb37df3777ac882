"""What a person sees of a run in a terminal."""

from __future__ import annotations

import io
import re
import sys

import click
import numpy as np
import pytest

from compressor.training import showing
from compressor.training.evaluation import evaluate
from compressor.training.presets import shape
from data.samples import sample
from models.network.lm import initialise


def test_bits_of_bytes_are_those_of_the_evaluation() -> None:
    model = shape("nano")
    params = initialise(model, 0)
    text = np.frombuffer(sample()[:257], np.uint8)
    bits = showing.byte_bits(model, params, text)
    assert bits.shape == (256,)
    whole = evaluate(model, params, text, lanes=1)
    assert bits.mean() == pytest.approx(whole, rel=1e-4)


def test_dear_bytes_are_red_and_lines_stay_lines() -> None:
    text = showing.coloured(b"a\n\xffz", [0.0, 8.0, 20.0, 4.0])
    assert click.unstyle(text) == "a\N{MIDDLE DOT}\N{MIDDLE DOT}z"
    colours = re.findall(r"38;2;(\d+);(\d+);(\d+)m", text)
    assert colours[0] == tuple(map(str, showing.CHEAP))
    assert colours[1] == colours[2] == tuple(map(str, showing.DEAR))


def test_a_curve_falls_as_its_values_do() -> None:
    assert showing.curve([]) == ""
    assert showing.curve([2.0]) == showing.curve([2.0, 2.0])[0] == "\u2581"
    assert showing.curve([8, 7, 6, 5, 4, 3, 2, 1]) == showing.BLOCKS[::-1]
    many = showing.curve([1 / step for step in range(1, 1000)])
    assert len(many) == showing.CURVE
    assert many[0] == "\u2588"
    assert many[-1] == "\u2581"


def test_the_lines_have_figures_and_text() -> None:
    model = shape("nano")
    valid = np.frombuffer(sample()[:2000], np.uint8)
    figures, text = showing.lines(model, initialise(model, 0), valid, 1000, 2.5, [3.0, 2.0])
    assert figures.startswith("step 1,000: 2.5000 bits/char on validation text; training \u2588")
    shown = valid[showing.BEFORE : showing.BEFORE + showing.SHOWN].tobytes()
    assert len(click.unstyle(text)) == len(shown)
    short = valid[:5]
    _, text = showing.lines(model, initialise(model, 0), short, 1, 2.5, [])
    assert len(click.unstyle(text)) == 4


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not showing.is_wanted(quiet=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert showing.is_wanted(quiet=False)
    assert not showing.is_wanted(quiet=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not showing.is_wanted(quiet=False)
