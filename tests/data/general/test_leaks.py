"""Held-out text is found wherever it stands, and what is nobody's own does not count."""

from __future__ import annotations

import random

import numpy as np
import pytest

from data.general.leaks import FORMS, STEP, WINDOW, HeldOut, window_hashes

RUN = WINDOW + STEP - 1
"""Bytes of a common run that is always found."""


def text(seed: int, size: int = 2000) -> bytes:
    """Words by chance, so that no window occurs twice."""
    words = random.Random(seed)
    return b" ".join(b"%x" % words.getrandbits(40) for _ in range(size // 8))


def held(*texts: tuple[str, bytes]) -> HeldOut:
    found = HeldOut(texts)
    found.close()
    return found


def test_the_hash_is_the_polynomial_of_the_window() -> None:
    content = text(1, 600)[:200]
    hashes = window_hashes(content)
    base = 0x9E3779B97F4A7C15
    assert (hashes.dtype, len(hashes)) == (np.uint64, 200 - WINDOW + 1)
    for at in (0, 7, len(hashes) - 1):
        plain = 0
        for byte in content[at : at + WINDOW]:
            plain = (plain * base + byte + 1) % 2**64
        assert int(hashes[at]) == plain ^ (plain >> 29)
    assert len(window_hashes(bytes(WINDOW - 1))) == 0
    assert len(window_hashes(bytes(WINDOW))) == 1


@pytest.mark.parametrize("place", range(0, 64, 5))
def test_a_run_is_found_at_every_place(place: int) -> None:
    secret, document = text(1), text(2, 4000)
    leaks = held(("held", secret))
    copied = document[: 100 + place] + secret[200 + place : 200 + place + RUN] + document[100:]
    assert not leaks.holds(document)
    assert leaks.holds(copied)


def test_a_shorter_run_is_no_leak() -> None:
    secret, document = text(1), text(2, 4000)
    assert not held(("held", secret)).holds(document[:99] + secret[200 : 199 + WINDOW] + document)


def test_what_several_families_share_is_common() -> None:
    phrase = b"Permission is hereby granted, free of charge, to any person obtaining a copy of it. "
    texts = [(f"held {number}", text(number) + phrase + text(9)) for number in range(2)]
    document = text(20, 8000) + phrase
    leaks = HeldOut(texts)
    leaks.observe("train", document)
    leaks.close()
    assert not leaks.holds(document)
    assert held(*texts).holds(document)  # nobody else has shown it


def test_a_form_that_was_filled_in_often_is_nobodys_own() -> None:
    form = (
        b'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="a.css">'
    )
    secret = text(1)
    leaks = HeldOut([("held", form + secret)])
    pages = [form + text(seed, 4000) for seed in range(100, 100 + FORMS)]
    for page in pages:
        leaks.observe("train", page)
    leaks.close()
    assert not leaks.holds(pages[0])
    assert leaks.holds(pages[0] + secret[300:600])


def test_a_family_counts_once() -> None:
    secret = text(1)
    leaks = HeldOut([("held", secret), ("held", b"x" + secret)])
    for _ in range(3):
        leaks.observe("train", secret[100:400])
    leaks.close()
    assert leaks.holds(text(2, 9000) + secret[100:400])


def test_a_copy_that_many_made_is_found_by_its_share() -> None:
    vendored = text(1)
    leaks = HeldOut([("held", vendored)])
    for family in "abc":
        leaks.observe(family, vendored)
    leaks.close()
    assert leaks.holds(vendored[:1500] + text(2, 2000))
    assert not leaks.holds(vendored[:200] + text(2, 20_000))


def test_rules_and_headers_say_nothing() -> None:
    header = b"/*\n" + text(3, 400).replace(b" ", b"\n * ") + b"\n */\n"
    leaks = held(("held", header + text(1) + b"-" * 500))
    assert not leaks.holds(b"-" * 500)
    assert not leaks.holds(header)
    assert leaks.holds(text(1))


def test_nothing_is_held_out() -> None:
    leaks = held()
    assert len(leaks) == 0
    assert not leaks.holds(text(1)) and not leaks.holds(b"")
