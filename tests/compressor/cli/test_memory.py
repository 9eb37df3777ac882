"""The commands of prepared memories, and -D."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from compressor.codec import native
from data.samples import sample

NATIVE = pytest.mark.skipif(native.absent() is not None, reason="reads a text in minutes without")
RECORDS = [sample()[at : at + 700] for at in range(0, 7000, 700)]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old").mkdir()
    for number, record in enumerate(RECORDS[:8]):
        Path(f"old/{number}.txt").write_bytes(record)
    Path("new.txt").write_bytes(RECORDS[8])


@NATIVE
def test_files_go_there_and_back_with_a_memory(cli: Callable, refusal: Callable) -> None:
    result = cli("memory", "build", "-1", "old", "-o", "m.kzm", "--tables", "1")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("m.kzm: 5,600 bytes of 8 files, identity ")
    assert cli("new.txt", "-D", "m.kzm", "-q").exit_code == 0
    alone = cli("-1", "-c", "new.txt")
    assert os.path.getsize("new.txt.kz") < len(alone.stdout_bytes)
    assert "UnknownMemory" in refusal(cli("-d", "new.txt.kz", "-c"), "UnknownMemory")
    for arguments in (("-t", "new.txt.kz"), ("decompress", "new.txt.kz", "-f")):
        assert cli(*arguments, "-D", "m.kzm").exit_code == 0
    assert Path("new.txt").read_bytes() == RECORDS[8]
    facts = json.loads(cli("memory", "show", "m.kzm", "--json").stdout)
    told = json.loads(cli("inspect", "new.txt.kz", "--json").stdout)
    assert (told["form"], told["memory"]) == ("short", facts["identity"][:8])
    assert (told["original_bytes"], told["blocks"]) == (700, {"mixed": 1})
    assert facts["sources"][0] == {"source": "old/0.txt", "bytes": 700}
    assert facts["text_bytes"] == 5600


@NATIVE
def test_many_files_load_it_once(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from compressor.codec.prepared import Memory

    assert cli("memory", "build", "-1", "old", "-o", "m.kzm", "--tables", "1").exit_code == 0
    opened = []
    really = Memory.open.__func__
    monkeypatch.setattr(
        Memory, "open", classmethod(lambda cls, path: opened.append(path) or really(cls, path))
    )
    names = [f"old/{number}.txt" for number in range(8)]
    assert cli("compress", "-q", "-D", "m.kzm", *names).exit_code == 0
    assert opened == ["m.kzm"]


def test_text_alone_is_written_and_searched(cli: Callable) -> None:
    pytest.importorskip("tantivy")
    result = cli("memory", "build", "-1", "old", "-o", "m.kzm", "--text-only", "--json")
    assert json.loads(result.stdout)["file_bytes"] < 6000
    word = RECORDS[3].decode().split()[40].strip("[]'(),.|")
    result = cli("memory", "search", "m.kzm", word, "-n", "2", "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert 1 <= len(found) <= 2
    assert word.lower() in found[0]["text"].lower()
    shown = cli("memory", "search", "m.kzm", word).stdout
    assert f"{found[0]['source']}:{found[0]['offset']}" in shown
    assert cli("memory", "search", "m.kzm", "qqqq").stdout == "none found\n"


def test_refusals_name_the_remedy(cli: Callable, refusal: Callable) -> None:
    refusal(cli("memory", "build", "none.txt", "-o", "m.kzm"), "InputMissing")
    refusal(cli("memory", "show", "new.txt"), "UnusableMemory")
    refusal(cli("compress", "-D", "new.txt", "old/0.txt"), "UnusableMemory")
    refusal(cli("compress", "-D", "none.kzm", "old/0.txt"), "InputMissing")
    result = cli("compress", "-D", "m.kzm", "-m", "tiny", "new.txt")
    assert result.exit_code == 2
    assert "leave out -m and --lanes" in result.stderr
    Path("m.kzm").write_bytes(b"here")
    refusal(cli("memory", "build", "old", "-o", "m.kzm"), "OutputExists")
    assert sorted(os.listdir()) == ["m.kzm", "new.txt", "old"]
