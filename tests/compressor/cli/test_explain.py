"""The command that explains: a page beside the input, figures as JSON, and refusals that help."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from compressor.codec import engines, native
from compressor.errors import NoEngine
from data.samples import sample

TEXT = sample()[:6000]
NATIVE = pytest.mark.skipif(native.absent() is not None, reason="needs the native engine")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_bytes(TEXT)


@NATIVE
def test_a_page_is_written_beside_the_input_and_not_over_another(
    cli: Callable, refusal: Callable
) -> None:
    result = cli("explain", "a.txt", "-1", "--offset", "1K", "--bytes", "500")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "a.txt.html: written\n"
    page = Path("a.txt.html").read_text("utf-8")
    assert "<h1>a.txt</h1>" in page
    assert "level 1" in page
    assert refusal(cli("explain", "a.txt", "-1"), "OutputExists").startswith("kolmozip: a.txt.html")
    assert Path("a.txt.html").read_text("utf-8") == page
    assert cli("explain", "a.txt", "-2", "--force", "-q").stderr == ""
    assert "level 2" in Path("a.txt.html").read_text("utf-8")
    assert sorted(os.listdir()) == ["a.txt", "a.txt.html"]


@NATIVE
def test_two_coders_stand_side_by_side(cli: Callable) -> None:
    result = cli("explain", "a.txt", "-1", "--against", "3", "-o", "-")
    assert result.exit_code == 0
    assert ">level 1<" in result.stdout
    assert ">level 3<" in result.stdout
    result = cli("explain", "a.txt", "-4", "--against", "nano", "--bytes", "10", "--json")
    one, other = map(json.loads, result.stdout.splitlines())
    assert (one["coder"], other["coder"]) == ("level 4", "nano")


@NATIVE
def test_figures_are_printed_as_json(cli: Callable) -> None:
    result = cli("explain", "a.txt", "-3", "--offset", "4K", "--bytes", "100", "--json", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert bytes(facts["bytes"]) == TEXT[4000:4100]
    assert facts["offset"] == 4000
    assert facts["original_bytes"] == len(TEXT)
    assert len(facts["bits"]) == len(facts["likely"]) == len(facts["shares"]) == 100
    assert len(facts["sources"]) == len(facts["shares"][0])
    assert os.listdir() == ["a.txt"]


@NATIVE
def test_standard_input_goes_to_standard_output(cli: Callable) -> None:
    result = cli("explain", "-", "-1", "--bytes", "100", stdin=TEXT)
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith("</html>")
    assert os.listdir() == ["a.txt"]


@NATIVE
def test_an_unknown_coder_is_refused(cli: Callable, refusal: Callable) -> None:
    refusal(cli("explain", "a.txt", "--against", "no-such-model"), "UnknownModel")
    assert os.listdir() == ["a.txt"]


def test_what_cannot_be_explained_is_refused(
    cli: Callable, refusal: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal(cli("explain", "none.txt"), "InputMissing")

    def absent(*_: object) -> str:
        raise NoEngine("the native engine is not here: build it with make")

    monkeypatch.setattr(engines, "chosen", absent)
    assert "native" in refusal(cli("explain", "a.txt"), "NoEngine")
    assert os.listdir() == ["a.txt"]
