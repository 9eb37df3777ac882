"""Decoders that draft give the same bytes, and KOLMOZIP_SPECULATION says what they draft with."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest

from coding.container import Design
from compressor.codec import native, weights_store
from compressor.codec.native import NativeCodec, Speculation, Tally
from compressor.codec.seams import Recipe, ignore_progress
from compressor.errors import NoEngine, UnknownModel
from data.samples import sample

pytest.importorskip("compressor.codec._native", reason="the native engine is not built")

NANO = Path(__file__).resolve().parents[2] / "golden" / "nano.kzw"


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> NativeCodec:
    monkeypatch.delenv(native.SPECULATION_VARIABLE, raising=False)
    return native.load(NANO, weights_store.identity_of(NANO), threads=1)


def test_every_draft_restores_the_text_and_says_what_it_did(codec: NativeCodec) -> None:
    texts = {"text": sample()[:900], "again": b"a" * 900, "one": b"k"}
    drafters = {"match": None, "memory": None, "network": codec.network}
    for (name, text), lanes in itertools.product(texts.items(), (1, 2, 3, 4)):
        recipe = Recipe(min(lanes, len(text)), Design.LIGHT, 1)
        payload = codec.encode_block(text, recipe, ignore_progress)
        for (draft, drafter), width in itertools.product(drafters.items(), (1, 4, 16)):
            drafts = dataclasses.replace(codec, speculation=Speculation(draft, width, drafter))
            restored, tally = drafts.tallied_block(payload, len(text), recipe, ignore_progress)
            about = f"{name} in {lanes} lanes, {draft} {width} ahead: {tally}"
            assert restored == text, about
            assert 0 < tally.passes <= tally.steps == -(-len(text) // recipe.lanes), about
            assert tally.hits <= tally.drafted <= tally.rows, about
        for draft in ("", "never"):
            drafts = dataclasses.replace(codec, speculation=Speculation(draft))
            restored, tally = drafts.tallied_block(payload, len(text), recipe, ignore_progress)
            assert restored == text
            assert draft == "" or tally == Tally(0, 0, 0, 0, 0)


def test_what_is_no_draft_is_refused(codec: NativeCodec) -> None:
    recipe = Recipe(1, Design.LIGHT, 1)
    for wrong in (Speculation("network", 4), Speculation("match", 0), Speculation("match", 17)):
        with pytest.raises(ValueError, match=r"drafts by the name|bytes are drafted"):
            dataclasses.replace(codec, speculation=wrong).decode_block(
                b"", 1, recipe, ignore_progress
            )


def test_the_variable_says_what_drafts(codec: NativeCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    assert codec.speculation == Speculation()

    def asked(value: str) -> Speculation:
        monkeypatch.setenv(native.SPECULATION_VARIABLE, value)
        return native.load(NANO, weights_store.identity_of(NANO)).speculation

    assert asked("") == Speculation()
    assert asked("never") == Speculation("never")
    assert asked("match:4") == Speculation("match", 4)
    assert asked("memory:16") == Speculation("memory", 16)
    tiny = weights_store.path_by_name("tiny")
    network = native.load(tiny, weights_store.identity_of(tiny)).network
    assert network is not None
    assert asked("tiny:2") == Speculation("network", 2, network)
    for wrong in ("match", "match:", "match:0", "match:17", "memory:four", ":3"):
        with pytest.raises((NoEngine, UnknownModel)):
            asked(wrong)
    with pytest.raises(NoEngine, match="memory:4"):
        asked("match")
    with pytest.raises(UnknownModel):
        asked("nobody:4")
