"""Kept runs of the ladder: what is one, and what is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.store import MalformedResult
from compressor.ladder.rows import CONTROLS, FIELDS, RUNGS, kept_runs, millions, place

WHOLE: dict[str, Any] = {
    **dict.fromkeys(FIELDS, "text"),
    **dict.fromkeys(("seed", "valid_bytes", "parameters", "table_parameters", "cores"), 1),
    **dict.fromkeys(("inner_parameters", "bytes", "file_bytes"), 1),
    **dict.fromkeys(("multiply_adds", "backbone_steps", "bits_per_char", "seconds"), 1.5),
    **dict.fromkeys(("mixture_bits_per_char", "step_ms", "kb_per_s"), 1.5),
    **dict.fromkeys(("file_bits_per_char", "compress_kb_per_s", "decompress_kb_per_s"), 1.5),
    "kind": "ladder",
    "scale": "0.3M",
    "setting": {"total_bytes": 1, "lanes": 1, "window": 1, "learning_rate": 0.1},
    "model": {},
    "train_config": {},
    "reason": None,
}
DIVERGED = {
    **dict.fromkeys(("bits_per_char", "mixture_bits_per_char", "mixture_design"), None),
    **dict.fromkeys(("multiply_adds", "backbone_steps", "step_ms", "kb_per_s"), None),
    **dict.fromkeys(("file_bytes", "file_bits_per_char"), None),
    **dict.fromkeys(("compress_kb_per_s", "decompress_kb_per_s"), None),
    "reason": "the loss is not finite",
}


def kept(raw: Path, **facts: Any) -> list[dict[str, Any]]:
    (raw / "ladder-x.json").write_text(json.dumps({**WHOLE, **facts}))
    return kept_runs(raw)


def test_a_run_is_read_whole_with_the_name_of_its_file(raw: Path) -> None:
    (raw / "row-other.json").write_text("{")
    assert kept(raw) == [{**WHOLE, "file": "ladder-x.json"}]


def test_a_run_that_diverged_states_why_and_no_figure(raw: Path) -> None:
    assert kept(raw, **DIVERGED)[0]["reason"] == "the loss is not finite"


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"kind": "ablation"}, "not a run of the ladder"),
        ({"scale": "small"}, "'scale' is 'small'"),
        ({"scale": "0M"}, "'scale' is '0M'"),
        ({"setting": {"lanes": 1}}, "without total_bytes, window, learning_rate"),
        ({"bits_per_char": None}, "'reason'"),
        ({"reason": "no reason"}, "'reason'"),
        ({"bits_per_char": 0}, "bits_per_char: nothing, or 0"),
        ({"multiply_adds": None}, "multiply_adds: nothing, or 0"),
        ({"inner_parameters": 0}, "inner_parameters: nothing, or 0"),
        ({"file_bytes": None}, "of a file, .* without the rest"),
        ({"seed": -1}, "'seed' is -1"),
        ({"rung": None}, "'rung' is None"),
        ({"mixture_bits_per_char": "2"}, "'mixture_bits_per_char' is '2'"),
        ({"mixture_bits_per_char": float("nan")}, "'mixture_bits_per_char' is nan"),
    ],
)
def test_what_is_no_run_is_named_with_what_is_wrong(
    raw: Path, facts: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(MalformedResult, match=rf"ladder-x\.json: .*{wrong}.*: restore"):
        kept(raw, **facts)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_must_be_there(raw: Path, name: str) -> None:
    facts = {field: value for field, value in WHOLE.items() if field != name}
    (raw / "ladder-x.json").write_text(json.dumps(facts))
    with pytest.raises(MalformedResult, match=r"ladder-x\.json: (a run without|not a run)"):
        kept_runs(raw)


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_what_is_no_object_is_named(raw: Path, text: str) -> None:
    (raw / "ladder-x.json").write_text(text)
    with pytest.raises(MalformedResult, match=r"ladder-x\.json"):
        kept_runs(raw)


def test_rungs_and_scales_have_an_order() -> None:
    assert len(set(RUNGS)) == len(RUNGS)
    assert RUNGS[: len(CONTROLS)] == CONTROLS
    assert sorted(["zoo", "bpe-4k", "ant", "ar"], key=place) == ["ar", "bpe-4k", "ant", "zoo"]
    assert sorted(["16M", "4M", "0.3M"], key=millions) == ["0.3M", "4M", "16M"]
