"""The page of an explanation: one file of HTML that opens from disk and needs no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor.explain.figures import LIKELY, Explanation
from compressor.system.html_page import filled
from models.memory.readers import DIGITS, HIGH, LOWER, UPPER

BUCKETS = 400
"""Points of the curve along the file."""
LINES = 10
"""Lines that are shown as the dearest, and as the cheapest."""
LEAST_LINE = 12
"""A shorter line, in bytes, is neither."""
TOLD = 4
"""Sources that are shown for a byte, the strongest ones."""
CURVE_WIDTH, CURVE_HEIGHT = 800, 160
KINDS = (
    ("small letters", LOWER),
    ("great letters", UPPER),
    ("digits", DIGITS),
    ("spaces and tabs", b" \t"),
    ("ends of line", b"\r\n"),
    ("other ASCII", bytes(set(range(33, 127)) - set(LOWER + UPPER + DIGITS))),
    ("bytes above 127", HIGH),
    ("control bytes", bytes((set(range(32)) | {127}) - set(b"\t\r\n"))),
)
"""Kinds of characters, by their bytes."""


def page(name: str, explained: Sequence[Explanation]) -> str:
    """The page of one text by one model or level, or by two of them.

    Raises ValueError where they are not of the same bytes of the same text.
    """
    one, *others = explained
    for other in others:
        if (other.text, other.first, len(other.likely)) != (one.text, one.first, len(one.likely)):
            raise ValueError("only explanations of the same text stand side by side")
    data = {
        "first": one.first,
        "likely": LIKELY,
        "told": TOLD,
        "cells": _cells(one.text[one.first : one.first + len(one.likely)]),
        "by": [_figures(explanation) for explanation in explained],
    }
    return filled(
        "compressor.explain",
        "page",
        data,
        title=html.escape(name),
        summary=_summary(explained),
        curve=_curve(explained),
        kinds=_kinds(explained),
        lines=_lines(explained),
    )


def _cells(window: bytes) -> list[list[Any]]:
    """What stands for each character: how many bytes it has, and how it is shown."""
    cells: list[list[Any]] = []
    at = 0
    while at < len(window):
        for size in (1, 2, 3, 4):
            try:
                shown = window[at : at + size].decode("utf-8")
            except UnicodeDecodeError:
                continue
            if shown.isprintable() or shown in "\n\t":
                break
        else:
            size, shown = 1, f"\\x{window[at]:02x}"
        cells.append([size, shown])
        at += size
    return cells


def _packed(values: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode()


def _figures(of: Explanation) -> dict[str, Any]:
    """The window's figures: bits in 1/256, probabilities in 2^-16, the strongest sources in 1/8."""
    count = len(of.likely)
    strongest = np.argsort(-np.abs(of.shares), axis=1, kind="stable")[:, :TOLD]
    shares = np.take_along_axis(of.shares, strongest, axis=1)
    window = of.bits[of.first : of.first + count]
    return {
        "coder": of.coder,
        "sources": list(of.sources),
        "bits": _packed(np.minimum(np.round(window * 256), 65535), "<u2"),
        "likely": _packed(of.likely, "u1"),
        "probabilities": _packed(np.round(of.probabilities * 65535), "<u2"),
        "strongest": _packed(strongest, "u1"),
        "shares": _packed(np.clip(np.round(shares * 8), -32767, 32767), "<i2"),
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells are HTML already; all columns but the first one are numbers."""

    def cells(row: Sequence[str], tag: str) -> str:
        first, *numbers = row
        told = (f'<{tag} class="number">{number}</{tag}>' for number in numbers)
        return f"<{tag}>{first}</{tag}>{''.join(told)}"

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{cells(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def _summary(explained: Sequence[Explanation]) -> str:
    rows = []
    for of in explained:
        length = len(of.text)
        rate = f"{8 * of.compressed / length:.3f}" if length else "-"
        rows.append([html.escape(of.coder), f"{length:,}", f"{of.compressed:,}", rate])
    return _table(["coded by", "bytes", "compressed", "bits/char"], rows)


def _curve(explained: Sequence[Explanation]) -> str:
    """Bits a byte along the whole text, a line each; the window is marked."""
    one = explained[0]
    length = len(one.text)
    if not length:
        return ""
    edges = np.unique(np.linspace(0, length, min(BUCKETS, length) + 1).astype(int))
    means = [np.add.reduceat(of.bits, edges[:-1]) / np.diff(edges) for of in explained]
    top = max(float(np.max(mean)) for mean in means) or 1.0
    middle = (edges[:-1] + edges[1:]) / 2 / length * CURVE_WIDTH
    lines = []
    for number, mean in enumerate(means):
        points = " ".join(
            f"{x:.1f},{CURVE_HEIGHT * (1 - y / top):.1f}" for x, y in zip(middle, mean, strict=True)
        )
        lines.append(f'<polyline class="curve by{number}" points="{points}"/>')
    key = ""
    if len(explained) > 1:
        named = (
            f'<span class="by{at}">{html.escape(of.coder)}</span>'
            for at, of in enumerate(explained)
        )
        key = f" {' and '.join(named)}."
    left = one.first / length * CURVE_WIDTH
    width = max(len(one.likely) / length * CURVE_WIDTH, 1)
    return (
        f'<svg viewBox="0 0 {CURVE_WIDTH} {CURVE_HEIGHT}" role="img" preserveAspectRatio="none" '
        f'aria-label="Bits a byte along the file, from 0 to {top:.2f}">'
        f'<rect class="window" x="{left:.1f}" y="0" width="{width:.1f}" height="{CURVE_HEIGHT}"/>'
        f"{''.join(lines)}</svg>"
        f"<p>From 0 to {top:.2f} bits a byte, over {length:,} bytes; what is shown below is marked."
        f"{key}</p>"
    )


def _kinds(explained: Sequence[Explanation]) -> str:
    """Totals by kind of character."""
    values = np.frombuffer(explained[0].text, np.uint8)
    counts = np.bincount(values, minlength=256)
    sums = [np.bincount(values, of.bits, minlength=256) for of in explained]
    rows = []
    for kind, members in KINDS:
        at = np.frombuffer(members, np.uint8)
        count = int(counts[at].sum())
        if count:
            totals = [float(of_byte[at].sum()) for of_byte in sums]
            rates = [f"{total / count:.3f}" for total in totals]
            rows.append([kind, f"{count:,}", *(f"{total / 8:,.0f}" for total in totals), *rates])
    coders = [html.escape(of.coder) for of in explained]
    head = ["kind", "bytes", *(f"coded bytes, {coder}" for coder in coders)]
    return _table([*head, *(f"bits/char, {coder}" for coder in coders)], rows)


def _lines(explained: Sequence[Explanation]) -> str:
    """The dearest and the cheapest lines by the first coder."""
    text = explained[0].text
    starts, at = [0], text.find(b"\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find(b"\n", at + 1)
    edges = np.array([*starts, len(text)])
    lengths = np.diff(edges)
    sums = [np.concatenate([[0], np.cumsum(of.bits, dtype=np.float64)]) for of in explained]
    long = np.flatnonzero(lengths >= LEAST_LINE)
    if not long.size:
        return "<p>There are no lines.</p>"
    costs = [(total[edges[1:]] - total[edges[:-1]])[long] / lengths[long] for total in sums]
    order = np.argsort(-costs[0], kind="stable")
    pieces = []
    for title, chosen in (("Dearest", order[:LINES]), ("Cheapest", order[::-1][:LINES])):
        rows = []
        for number in chosen:
            start, end = edges[long[number]], edges[long[number] + 1]
            line = text[start : min(end, start + 160)].decode("utf-8", "replace").rstrip("\r\n")
            shown = html.escape("".join(c if c.isprintable() else "\N{MIDDLE DOT}" for c in line))
            rows.append(
                [f"<code>{shown}</code>", f"{start:,}", *(f"{c[number]:.2f}" for c in costs)]
            )
        head = ["line", "offset", *(f"bits/char, {html.escape(of.coder)}" for of in explained)]
        pieces.append(f"<h3>{title}</h3>{_table(head, rows)}")
    return "".join(pieces)
