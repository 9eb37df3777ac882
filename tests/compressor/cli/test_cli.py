"""The command as a user or a script meets it: names, pipes, messages, exit codes."""

from __future__ import annotations

import importlib.metadata
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

import compressor
from compressor.cli import main
from compressor.codec import model as registry
from compressor.codec import weights_store
from data.samples import sample

Run = Callable[..., Result]
TEXT = sample()[:300]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a text in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(TEXT)
    return tmp_path


@pytest.fixture(scope="module")
def packed(nano: registry.Model) -> bytes:
    """The text, compressed."""
    return compressor.compress(TEXT, nano)


def test_default_names_there_and_back(folder: Path, pack: Run, cli: Run, packed: bytes) -> None:
    result = pack("a.txt")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("a.txt -> a.txt.kz: compressed 300 / ")
    assert (folder / "a.txt.kz").read_bytes() == packed
    assert (folder / "a.txt").read_bytes() == TEXT, "the input is kept"
    (folder / "a.txt").unlink()
    result = cli("decompress", "a.txt.kz")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("a.txt.kz -> a.txt: restored 300 / ")
    assert (folder / "a.txt").read_bytes() == TEXT
    assert (folder / "a.txt.kz").read_bytes() == packed, "the input is kept"
    assert sorted(os.listdir()) == ["a.txt", "a.txt.kz"]


def test_a_name_of_ones_own(folder: Path, pack: Run, cli: Run, packed: bytes) -> None:
    assert pack("a.txt", "-o", "b").exit_code == 0
    assert (folder / "b").read_bytes() == packed
    assert cli("decompress", "b", "-o", "c").exit_code == 0
    assert (folder / "c").read_bytes() == TEXT
    assert sorted(os.listdir()) == ["a.txt", "b", "c"]


def test_rights_and_times_go_along(folder: Path, pack: Run, cli: Run) -> None:
    (folder / "a.txt").chmod(0o640)
    os.utime("a.txt", (1_000_000_000, 1_000_000_000))
    pack("a.txt")
    cli("decompress", "a.txt.kz", "-o", "b")
    for name in ("a.txt.kz", "b"):
        found = Path(name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_mtime) == (0o640, 1_000_000_000)


def test_standard_input_and_output(folder: Path, pack: Run, cli: Run, packed: bytes) -> None:
    result = pack("-", stdin=TEXT)
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, packed, "")
    result = cli("decompress", "-", stdin=packed)
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, TEXT, "")
    assert pack("-", "-o", "b.kz", stdin=TEXT).stderr.startswith("- -> b.kz: ")
    assert (folder / "b.kz").read_bytes() == packed
    assert cli("decompress", "b.kz", "-o", "-").stdout_bytes == TEXT


def test_several_files(folder: Path, pack: Run, cli: Run) -> None:
    Path("b.txt").write_bytes(bytes(1000))
    assert pack("a.txt", "b.txt").exit_code == 0
    Path("a.txt").unlink()
    Path("b.txt").unlink()
    assert cli("decompress", "a.txt.kz", "b.txt.kz").exit_code == 0
    assert Path("a.txt").read_bytes() == TEXT
    assert Path("b.txt").read_bytes() == bytes(1000)


def test_a_bad_file_does_not_stop_the_others(
    folder: Path, pack: Run, cli: Run, refusal: Callable
) -> None:
    Path("z.txt").write_bytes(bytes(1000))
    refusal(pack("-q", "a.txt", "absent", "z.txt"), "InputMissing")
    assert sorted(os.listdir()) == ["a.txt", "a.txt.kz", "z.txt", "z.txt.kz"]
    Path("b.kz").write_bytes(b"not ours")
    Path("a.txt").unlink()
    Path("z.txt").unlink()
    assert refusal(cli("decompress", "-q", "a.txt.kz", "b.kz", "z.txt.kz"), "BadMagic").startswith(
        "kolmozip: b.kz: "
    )
    assert sorted(os.listdir()) == ["a.txt", "a.txt.kz", "b.kz", "z.txt", "z.txt.kz"]
    assert refusal(cli("inspect", "b.kz"), "BadMagic").startswith("kolmozip: b.kz: ")


def test_force_replaces(folder: Path, pack: Run, cli: Run, packed: bytes) -> None:
    Path("a.txt.kz").write_bytes(b"old")
    assert pack("a.txt", "--force").exit_code == 0
    assert Path("a.txt.kz").read_bytes() == packed
    Path("a.txt").write_bytes(b"old")
    assert cli("decompress", "-f", "a.txt.kz").exit_code == 0
    assert Path("a.txt").read_bytes() == TEXT


def test_quiet_is_quiet(folder: Path, pack: Run, cli: Run) -> None:
    for result in (pack("a.txt", "--quiet"), cli("decompress", "a.txt.kz", "-o", "b", "-q")):
        assert (result.exit_code, result.output) == (0, "")


def test_json_tells_of_each_file(
    folder: Path, pack: Run, cli: Run, packed: bytes, facts: Callable
) -> None:
    Path("b.txt").write_bytes(b"")
    first, second = facts(pack("--json", "a.txt", "b.txt").stdout)
    assert first.pop("seconds") >= 0
    assert first == {
        "input": "a.txt",
        "output": "a.txt.kz",
        "original_bytes": 300,
        "compressed_bytes": len(packed),
        "bits_per_char": pytest.approx(8 * len(packed) / 300),
    }
    assert (second["original_bytes"], second["bits_per_char"]) == (0, None)
    (back,) = facts(cli("decompress", "--json", "a.txt.kz", "-o", "c").stdout)
    assert (back["original_bytes"], back["compressed_bytes"]) == (300, len(packed))


def test_json_leaves_standard_output_to_the_payload(
    pack: Run, cli: Run, packed: bytes, facts: Callable
) -> None:
    for result, payload in (
        (pack("--json", "-", stdin=TEXT), packed),
        (cli("decompress", "--json", "-", stdin=packed), TEXT),
    ):
        assert result.stdout_bytes == payload
        (told,) = facts(result.stderr)
        assert (told["input"], told["output"], told["original_bytes"]) == ("-", "-", 300)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group, by the words that call it."""
    inner = [(*path, name) for name in group.commands]
    deeper = [
        commands(found, (*path, name))
        for name, found in group.commands.items()
        if isinstance(found, click.Group)
    ]
    return [path, *inner, *(each for found in deeper for each in found)]


@pytest.mark.parametrize("path", commands(main), ids=" ".join)
def test_every_command_explains_itself(cli: Run, path: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        result = cli(*path, option)
        assert (result.exit_code, result.stderr) == (0, "")
        assert " ".join(["Usage: main", *path]) in result.stdout
    assert len(result.stdout.splitlines()) > 4


@pytest.mark.parametrize("path", [(), ("compress",), ("decompress",), ("train",)], ids=" ".join)
def test_the_commands_of_every_day_show_examples(cli: Run, path: tuple[str, ...]) -> None:
    shown = cli(*path, "--help").stdout
    assert "Examples:" in shown
    assert " ".join(["kolmozip", *path]) in shown.split("Examples:")[1]


def test_version(cli: Run) -> None:
    try:
        version = importlib.metadata.version("kolmozip")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("kolmozip is not installed here, only its source is on the path")
    assert version in cli("--version").stdout


def test_inspect_agrees_with_the_file(
    folder: Path, cli: Run, packed: bytes, nano: registry.Model, facts: Callable
) -> None:
    Path("a.kz").write_bytes(packed)
    (told,) = facts(cli("inspect", "a.kz", "--json").stdout)
    assert told["input"] == "a.kz"
    assert told["format_version"] == packed[6]
    assert (told["weights"], told["model"]) == (nano.identity.hex(), "nano")
    assert (told["original_bytes"], told["compressed_bytes"]) == (300, len(packed))
    assert (told["blocks"], told["lanes"]) == ({"model": 1}, [1])
    assert told["ratio"] == pytest.approx(300 / len(packed), rel=1e-3)
    assert told["bits_per_char"] == pytest.approx(8 * len(packed) / 300, rel=1e-3)
    assert told["card"] == nano.card
    shown = cli("inspect", "a.kz").stdout
    for word in ("a.kz", nano.identity.hex(), "nano", "300", str(len(packed)), "bits per char"):
        assert word in shown
    assert cli("inspect", "-", stdin=packed).exit_code == 0


def test_inspect_needs_neither_weights_nor_a_good_card(
    folder: Path, cli: Run, packed: bytes, facts: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.kz").write_bytes(packed)
    monkeypatch.delenv(weights_store.FOLDER_VARIABLE)
    (told,) = facts(cli("inspect", "a.kz", "--json").stdout)
    assert (told["model"], told["card"]) == (None, None)
    assert cli("inspect", "a.kz").exit_code == 0


def test_a_broken_card_does_not_matter(
    folder: Path, cli: Run, packed: bytes, nano: registry.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = folder / "weights"
    own.mkdir()
    (own / "own.kzw").write_bytes(weights_store.path_of(nano.identity).read_bytes())
    monkeypatch.setenv(weights_store.FOLDER_VARIABLE, str(own))
    Path("a.kz").write_bytes(packed)
    for card in (b"{", b"[1]", b"\xff"):
        (own / "own.json").write_bytes(card)
        assert cli("decompress", "a.kz", "-f", "-q").exit_code == 0
        assert '"card": {}' in cli("inspect", "a.kz", "--json").stdout
        assert "own" in cli("models").stdout


def test_inspect_of_an_empty_original(folder: Path, pack: Run, cli: Run, facts: Callable) -> None:
    Path("e").touch()
    pack("e")
    (told,) = facts(cli("inspect", "e.kz", "--json").stdout)
    assert (told["original_bytes"], told["blocks"], told["bits_per_char"]) == (0, {}, None)
    assert cli("inspect", "e.kz").exit_code == 0


def test_models_lists_what_is_at_hand(cli: Run, nano: registry.Model) -> None:
    heading, *lines = cli("models").stdout.splitlines()
    assert heading.startswith("name")
    names = {line.split()[0]: line.split()[1] for line in lines}
    assert names["nano"] == nano.identity.hex()
    assert weights_store.DEFAULT_MODEL in names


def test_selftest_compares_engine_and_definition(cli: Run) -> None:
    result = cli("selftest", "--model", "nano", "--lanes", 4, "--steps", 10)
    assert result.exit_code == 0
    assert "10240 counts equal the definition" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compress", "a.txt", "b.txt", "-o", "c"], "-o takes one input"),
        (["decompress", "a.kz", "b.kz", "-o", "c"], "-o takes one input"),
        (["decompress", "a.txt"], "a.txt does not end in .kz: name the output with -o"),
        (["decompress", ".kz"], "name the output with -o"),
        (["decompress", "a.kz", "a.txt"], "a.txt does not end in .kz"),
        (["compress"], "INPUT"),
        (["decompress"], "INPUT"),
        (["compress", "a.txt", "--level", "9"], "--level"),
        (["squash", "a.txt"], "squash"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    folder: Path, cli: Run, packed: bytes, arguments: list[str], told: str
) -> None:
    for name in ("a.kz", "b.kz", ".kz"):
        Path(name).write_bytes(packed)
    before = sorted(os.listdir())
    result = cli(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert sorted(os.listdir()) == before


def test_names_that_are_awkward(folder: Path, pack: Run, cli: Run) -> None:
    for name in ("with space", "ünïcödé 汉字 🙂", "-dash", "new\nline", "x" * 250):
        Path(name).write_bytes(b"content")
        assert pack("--", name).exit_code == 0
        Path(name).unlink()
        assert cli("decompress", "--", f"{name}.kz").exit_code == 0
        assert Path(name).read_bytes() == b"content"


def test_a_name_that_is_not_utf_8(folder: Path, process: Callable, command: Callable) -> None:
    name = os.fsdecode(b"\xff.txt")
    try:
        Path(name).write_bytes(b"content")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert process("compress", "--model", "nano", name).returncode == 0
    Path(name).unlink()
    done = process("inspect", f"{name}.kz")
    assert (done.returncode, done.stderr) == (0, b"")
    assert process("decompress", f"{name}.kz").returncode == 0
    assert Path(name).read_bytes() == b"content"


def test_real_pipes_carry_the_payload_and_nothing_else(
    process: Callable, nano: registry.Model
) -> None:
    original = bytes(range(256)) + TEXT + b"\r\n\x1a\x00"
    done = process("compress", "--model", "nano", "-", stdin=original)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == compressor.compress(original, nano)
    done = process("decompress", "-", stdin=done.stdout)
    assert (done.returncode, done.stdout, done.stderr) == (0, original, b"")


def test_a_refusal_in_a_real_process_is_one_line_and_exit_code_1(
    folder: Path, process: Callable
) -> None:
    done = process("decompress", "absent.kz")
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        done.stderr
        == b"kolmozip: InputMissing: absent.kz: no such file or folder: check the path\n"
    )


@pytest.mark.parametrize("code", [130, 141, 143])
def test_a_stop_does_not_take_the_interpreter_down_under_working_threads(
    command: Callable, code: int
) -> None:
    script = (
        "import atexit, sys\nfrom compressor import cli\natexit.register(print, 'taken down')\n"
    )
    script += f"cli.main = lambda: sys.exit({code})\ncli.run()"
    done = subprocess.run([command()[0], "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_help_waits_for_no_heavy_import(command: Callable) -> None:
    code = "import sys; from compressor.cli import main\n"
    code += "try: main(['compress', '--help'])\nfinally: sys.exit('jax' in sys.modules)"
    done = subprocess.run([command()[0], "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, "jax was imported"
