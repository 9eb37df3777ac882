"""Where pages of PDF show strings in a block, and how these are written: told from the bytes."""

from __future__ import annotations

import itertools
import re
from collections import Counter

from coding import strings
from coding.strings import OCTAL, PLAIN, UPPER, Form, Stretch

NEAR = 1 << 10
"""Bytes between two operators of one stretch at most."""
LEAST_OPERATORS = 32
"""Operators of a stretch at least."""
LOOKED_AT = 1 << 13
"""Operators of a block by which it is told how strings are written."""
FREQUENT = b"aeinorst"
"""Letters that most texts have more of than of others."""

_IN_OCTAL = re.compile(rb"\\(?:05[01]|134)")
_ANY_OCTAL = re.compile(rb"\\[0-7]{3}")
_BEHIND_SLASH = re.compile(rb"\\[()\\]")
_NO_ASCII = re.compile(rb"[^ -~]")


def stretches(block: bytes) -> list[Stretch]:
    """Where operators that show strings are close together, in order and apart."""
    found = list[Stretch]()
    if block.count(b"TJ") + block.count(b"Tj") < LEAST_OPERATORS:
        return found
    start, end, count = 0, -NEAR - 1, 0
    for at, size in strings.operators(block):
        if at > end + NEAR:
            if count >= LEAST_OPERATORS:
                found.append(Stretch(start, end - start))
            start, count = at, 0
        end, count = at + size, count + 1
    if count >= LEAST_OPERATORS:
        found.append(Stretch(start, end - start))
    return found[: strings.MOST_STRETCHES]


def form_of(block: bytes) -> Form:
    """How most strings of a block's first operators are written."""
    votes, glyphs = Counter[int](), Counter[int]()
    for shown in itertools.islice(strings.operators(block), LOOKED_AT):
        for letters, digits in strings.contents(block, shown):
            if digits is not None:
                glyphs.update(bytes.fromhex(digits.decode())[1::2])
                votes[UPPER] += (digits != digits.lower()) - (digits != digits.upper())
            elif letters is not None:
                in_octal = len(_IN_OCTAL.findall(letters))
                votes[OCTAL] += in_octal - len(_BEHIND_SLASH.findall(letters))
                others = len(_ANY_OCTAL.findall(letters)) - in_octal
                votes[PLAIN] += len(_NO_ASCII.findall(letters)) - others
    shifts = {
        shift: sum(glyphs[(letter - shift) % 256] for letter in FREQUENT) for shift in range(256)
    }
    flags = sum(flag for flag, vote in votes.items() if vote > 0)
    return Form(flags, max(shifts, key=lambda shift: shifts[shift]))
