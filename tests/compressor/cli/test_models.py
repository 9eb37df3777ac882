"""What comes with the program: the models at hand, and the demonstration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import Result

from compressor.codec import weights_store

if TYPE_CHECKING:
    from compressor.codec.model import Model

Run = Callable[..., Result]


def test_models_lists_what_is_at_hand(cli: Run, nano: Model) -> None:
    heading, *lines = cli("models").stdout.splitlines()
    assert heading.startswith("name")
    names = {line.split()[0]: line.split()[1] for line in lines}
    assert names["nano"] == nano.identity.hex()
    assert weights_store.DEFAULT_MODEL in names


def test_models_as_json_are_one_object_a_line(
    cli: Run, nano: Model, facts: Callable[[str], list[dict]]
) -> None:
    models = {told["name"]: told for told in facts(cli("models", "--json").stdout)}
    assert models["nano"]["schema"] == 1
    assert models["nano"]["identity"] == nano.identity.hex()
    assert models["nano"]["bytes"] == nano.file_bytes
    assert models[weights_store.DEFAULT_MODEL]["test5m_bits_per_char"] > 1


def row(restored: bool) -> dict:
    names = ("bytes", "seconds_compress", "seconds_decompress")
    figures = dict.fromkeys(names, 1)
    return {"codec": "toy", "bits_per_char": 1.23456789, "restored": restored, **figures}


def test_the_demonstration_prints_its_rows(
    cli: Run, facts: Callable[[str], list[dict]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compressor.bench.demo.rows", lambda quiet: [row(True)])
    assert "toy" in cli("demo").stdout
    (told,) = facts(cli("demo", "--json").stdout)
    assert (told["schema"], told["codec"], told["bits_per_char"]) == (1, "toy", 1.2346)


def test_a_demonstration_that_does_not_restore_fails(
    cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compressor.bench.demo.rows", lambda quiet: [row(True), row(False)])
    result = cli("demo")
    assert (result.exit_code, "did not restore the sample" in result.stderr) == (1, True)
