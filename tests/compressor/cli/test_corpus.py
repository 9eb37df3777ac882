"""`kolmozip corpus`: slices of enwik8, and the text that is gathered from packages.

A small manifest and archives made here stand for the shipped ones.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from data.corpora import CorpusUnavailable
from data.general import known

Run = Callable[..., Result]

ENTRY = """
[[package]]
name = "{name}"
registry = "pypi"
version = "1.0"
path = "packages/{name}.whl"
size = {size}
sha256 = "{digest}"
licence = "MIT"
permissive = {permissive}
part = "{part}"
family = "{name}"

[[package.take]]
kind = "c"
include = ["*.c"]
cap = 10_000

[[package.take]]
kind = "prose-ru"
include = ["*.txt"]
cap = 10_000
"""

PARTS = {"tale": "train", "saga": "train", "ode": "development", "hymn": "test"}


def text(name: str, number: int) -> str:
    return "".join(f"int {name}_{number}_{line}; /* {name} */\n" for line in range(20))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the archives, with the manifest that names them; the folder to work in."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("KOLMOZIP_ARCHIVES", str(shelf))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    entries = ["seed = 1\n"]
    for name, part in PARTS.items():
        path = shelf / f"{name}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(5):
                archive.writestr(f"{name}/{number}.c", text(name, number))
            archive.writestr(f"{name}/a.txt", f"Слово про {name}\n" * 9)
        content = path.read_bytes()
        digest, permissive = hashlib.sha256(content).hexdigest(), str(name != "saga").lower()
        entries.append(
            ENTRY.format(
                name=name, size=len(content), digest=digest, permissive=permissive, part=part
            )
        )
    (shelf / "manifest.toml").write_text("".join(entries), "utf-8")
    monkeypatch.setattr("data.general.manifest.SHIPPED", shelf / "manifest.toml")
    benchmark = np.frombuffer(text("tale", 2).encode() * 5, np.uint8)
    monkeypatch.setattr("data.general.gather.load", lambda name: benchmark)
    monkeypatch.setattr("data.general.store.download", refuse)
    monkeypatch.chdir(tmp_path)
    return shelf


def refuse(package: object, progress: object) -> None:
    raise CorpusUnavailable("it is nowhere: try again")


def test_corpus_writes_a_slice(
    cli: Run, refusal: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("data.corpora.load", lambda name: np.arange(100, dtype=np.uint8))
    monkeypatch.setattr("data.splits.split", lambda text, name: text[:10])
    for command in (["dev", "corpus"], ["corpus", "--force"], ["corpus", "slice", "--force"]):
        assert cli(*command, "valid", "-o", "slice").exit_code == 0
        assert Path("slice").read_bytes() == bytes(range(10))
    refusal(cli("dev", "corpus", "valid", "-o", "slice"), "OutputExists")
    assert cli("dev", "corpus", "nonsense", "-o", "x").exit_code == 2


def test_a_corpus_that_cannot_be_had_is_refused_by_name(
    cli: Run, refusal: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOLMOZIP_CORPORA", str(tmp_path / "enwik8"))
    (tmp_path / "enwik8").write_bytes(b"too short")
    refusal(cli("dev", "corpus", "valid", "-o", tmp_path / "out"), "CorpusLengthError")


def test_every_part_is_written_with_index_and_card(cli: Run, shelf: Path) -> None:
    result = cli("corpus", "general", "-o", "out", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [fact["part"] for fact in facts] == ["train", "development", "test"]
    for fact in facts:
        stem = f"out/general-{fact['part']}"
        written = Path(f"{stem}.bin").read_bytes()
        card = json.loads(Path(f"{stem}.json").read_text())
        assert fact["sha256"] == card["sha256"] == hashlib.sha256(written).hexdigest()
        assert fact["bytes"] == len(written)
        rows = [line.split("\t") for line in Path(f"{stem}.tsv").read_text().splitlines()[1:]]
        assert sum(int(row[1]) for row in rows) == len(written)
        assert fact["documents"] == len(rows)
    # A file of tale stands in the benchmark.
    assert "held out\ttale\ttale/2.c" in Path("out/general-train.out.tsv").read_text()
    assert text("tale", 2) not in Path("out/general-train.bin").read_text()
    assert sorted(path.suffix for path in Path("out").iterdir()).count(".bin") == 3


def test_a_part_that_is_there_is_not_made_again(
    cli: Run, shelf: Path, refusal: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["corpus", "general", "-o", "out", "--part", "test"]
    first = cli(*command)
    with monkeypatch.context() as patch:
        patch.setattr("data.general.build.build", None)
        assert cli(*command).stdout == first.stdout
    refusal(cli(*command, "--permissive"), "OutputExists")
    assert cli(*command, "--permissive", "--force").exit_code == 0


def test_permissive_leaves_packages_out(cli: Run, shelf: Path) -> None:
    command = ["corpus", "general", "--part", "train", "--permissive", "-o"]
    assert cli(*command, "free").exit_code == 0
    card = json.loads(Path("free/general-train.json").read_text())
    assert [package["name"] for package in card["packages"]] == ["tale"]


def test_a_missing_package_is_a_warning_or_a_refusal(
    cli: Run, shelf: Path, refusal: Callable
) -> None:
    (shelf / "saga.whl").rename(shelf / "elsewhere.whl")
    command = ["corpus", "general", "--part", "train", "-o", "out"]
    refusal(cli(*command, "--strict"), "CorpusUnavailable")
    result = cli(*command)
    assert result.exit_code == 0
    assert result.stderr == "kolmozip: warning: it is nowhere: try again\n"
    card = json.loads(Path("out/general-train.json").read_text())
    assert [(lost["name"], lost["at_most_bytes"]) for lost in card["missing"]] == [("saga", 20000)]
    (shelf / "elsewhere.whl").rename(shelf / "saga.whl")
    assert "missing packages  0" in cli(*command).stdout


def test_a_damaged_archive_is_refused_by_name(cli: Run, shelf: Path, refusal: Callable) -> None:
    (shelf / "ode.whl").write_bytes(b"damaged")
    for command in (["general", "--part", "development"], ["files", "development"]):
        assert "ode.whl" in refusal(cli("corpus", *command, "-o", "out"), "CorpusDamaged")
    assert list(Path("out").iterdir()) == []


def test_one_file_of_each_kind(cli: Run, shelf: Path, refusal: Callable) -> None:
    result = cli("corpus", "files", "test", "-o", "out", "--size", "500", "--json")
    facts = json.loads(result.stdout)
    assert sorted(path.name for path in Path("out").iterdir()) == ["c.c", "prose-ru.txt"]
    for row in facts["files"]:
        content = Path(row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert row["bytes"] == len(content) <= 500
    assert Path("out/prose-ru.txt").read_text() == "Слово про hymn\n" * 9
    refusal(cli("corpus", "files", "test", "-o", "out"), "OutputExists")
    assert cli("corpus", "files", "test", "-o", "out", "--force").exit_code == 0
    assert cli("corpus", "files", "train", "-o", "out").exit_code == 2


def test_known_files_are_written_whole(
    cli: Run, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zipfile.ZipFile(shelf / "hymn.whl").read("hymn/0.c")
    monkeypatch.setattr(known, "PACKAGE", "hymn")
    hashes = {"0.c": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(known, "HASHES", hashes)
    facts = json.loads(cli("corpus", "files", "known", "-o", "out", "--size", 1, "--json").stdout)
    assert [(row["file"], row["sha256"]) for row in facts["files"]] == [
        (str(Path("out", name)), digest) for name, digest in hashes.items()
    ]
    assert Path("out/0.c").read_bytes() == content


def test_what_weights_have_read_is_stated(cli: Run, shelf: Path, refusal: Callable) -> None:
    assert "corpus general -o out" in refusal(cli("corpus", "statement", "out"), "InputMissing")
    assert cli("corpus", "general", "--part", "train", "-o", "out").exit_code == 0
    page = cli("corpus", "statement", "out").stdout
    for name, part in PARTS.items():
        assert (f"| {name} | 1.0 | pypi | MIT |" in page) == (part == "train"), name
    assert cli("corpus", "statement", "out", "-o", "page.md").exit_code == 0
    assert Path("page.md").read_text() == page
    refusal(cli("corpus", "statement", "out", "-o", "page.md"), "OutputExists")


def test_packages_are_listed(cli: Run, shelf: Path) -> None:
    (shelf / "hymn.whl").unlink()
    rows = [json.loads(line) for line in cli("corpus", "list", "--json").stdout.splitlines()]
    assert {row["package"]: row["part"] for row in rows} == PARTS
    assert [row["package"] for row in rows if not row["at_hand"]] == ["hymn"]
    heading, *lines = cli("corpus", "list", "--part", "train").stdout.splitlines()
    assert heading.split()[:3] == ["package", "part", "registry"]
    assert [line.split()[0] for line in lines] == ["tale", "saga"]
    assert "c, prose-ru" in lines[0]
