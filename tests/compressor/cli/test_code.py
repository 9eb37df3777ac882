"""Coding files as a user or a script meets it: names, pipes, summaries, JSON, links to habits."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import pty
import random
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import compressor
from coding import container
from coding.container import Block, Mixed
from compressor.codec import levels, native, needs, weights_store
from compressor.codec.seams import BlockCodec
from compressor.system import files
from data.samples import sample

Run = Callable[..., Result]
Facts = Callable[[str], list[dict]]


# Names and places


@pytest.mark.slow
def test_default_names_there_and_back(
    folder: Path, pack: Run, cli: Run, original: bytes, packed: bytes
) -> None:
    result = pack("a.txt")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("a.txt -> a.txt.kz: compressed 160 / ")
    assert (folder / "a.txt.kz").read_bytes() == packed
    assert (folder / "a.txt").read_bytes() == original, "the input is kept"
    (folder / "a.txt").unlink()
    result = cli("decompress", "a.txt.kz")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("a.txt.kz -> a.txt: restored 160 / ")
    assert (folder / "a.txt").read_bytes() == original
    assert (folder / "a.txt.kz").read_bytes() == packed, "the input is kept"
    assert sorted(os.listdir()) == ["a.txt", "a.txt.kz"]


def test_a_name_of_ones_own(
    folder: Path, pack: Run, cli: Run, original: bytes, packed: bytes
) -> None:
    assert pack("a.txt", "-o", "b").exit_code == 0
    assert (folder / "b").read_bytes() == packed
    assert cli("decompress", "b", "-o", "c").exit_code == 0
    assert (folder / "c").read_bytes() == original
    assert sorted(os.listdir()) == ["a.txt", "b", "c"]


def test_rights_and_times_go_along(folder: Path, pack: Run, cli: Run) -> None:
    (folder / "a.txt").chmod(0o640)
    os.utime("a.txt", (1_000_000_000, 1_000_000_000))
    pack("a.txt")
    cli("decompress", "a.txt.kz", "-o", "b")
    for name in ("a.txt.kz", "b"):
        status = Path(name).stat()
        assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o640, 1_000_000_000)


def test_standard_input_and_output(
    folder: Path, pack: Run, cli: Run, original: bytes, packed: bytes
) -> None:
    result = pack("-", stdin=original)
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, packed, "")
    result = cli("decompress", "-", stdin=packed)
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, original, "")
    assert pack("-", "-o", "b.kz", stdin=original).stderr.startswith("- -> b.kz: ")
    assert (folder / "b.kz").read_bytes() == packed
    assert cli("decompress", "b.kz", "-o", "-").stdout_bytes == original


def test_several_files(folder: Path, pack: Run, cli: Run, original: bytes) -> None:
    Path("b.txt").write_bytes(bytes(1000))
    assert pack("a.txt", "b.txt").exit_code == 0
    Path("a.txt").unlink()
    Path("b.txt").unlink()
    assert cli("decompress", "a.txt.kz", "b.txt.kz").exit_code == 0
    assert Path("a.txt").read_bytes() == original
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


def test_force_replaces(folder: Path, pack: Run, cli: Run, original: bytes, packed: bytes) -> None:
    Path("a.txt.kz").write_bytes(b"old")
    assert pack("a.txt", "--force").exit_code == 0
    assert Path("a.txt.kz").read_bytes() == packed
    Path("a.txt").write_bytes(b"old")
    assert cli("decompress", "-f", "a.txt.kz").exit_code == 0
    assert Path("a.txt").read_bytes() == original


def test_names_that_are_awkward(folder: Path, pack: Run, cli: Run) -> None:
    for name in ("with space", "ünïcödé 汉字 🙂", "-dash", "new\nline", "x" * 250):
        Path(name).write_bytes(b"content")
        result = pack("--", name)
        assert (result.exit_code, result.stderr.count("\n")) == (0, 1)
        Path(name).unlink()
        assert cli("decompress", "--", f"{name}.kz").exit_code == 0
        assert Path(name).read_bytes() == b"content"


@pytest.mark.slow
def test_a_name_that_is_not_utf_8(folder: Path, process: Callable, zeros: bytes) -> None:
    name = os.fsdecode(b"\xff.txt")
    try:
        Path(name).write_bytes(zeros)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert process("compress", "--model", "nano", name).returncode == 0
    Path(name).unlink()
    done = process("inspect", f"{name}.kz")
    assert (done.returncode, done.stderr) == (0, b"")
    done = process("list", f"{name}.kz")
    assert (done.returncode, done.stderr) == (0, b"")
    assert process("decompress", f"{name}.kz").returncode == 0
    assert Path(name).read_bytes() == zeros


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "noise"])
def test_real_pipes_carry_the_payload_and_nothing_else(
    process: Callable, nano_codec: BlockCodec, original: bytes, kind: str
) -> None:
    if kind == "noise":
        original = random.Random(3).randbytes(8192)
        assert len(set(original)) == 256, "no byte is changed on its way"
    original += b"\r\n\x1a\x00"
    done = process("compress", "--model", "nano", "-", stdin=original)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == compressor.compress(original, model=nano_codec)
    done = process("decompress", "-", stdin=done.stdout)
    assert (done.returncode, done.stdout, done.stderr) == (0, original, b"")


# What is said of it


def test_quiet_is_quiet(folder: Path, pack: Run, cli: Run, zeros: bytes) -> None:
    Path("z").write_bytes(zeros)
    quiet = (pack("z", "--quiet"), cli("decompress", "z.kz", "-o", "b", "-q"))
    for result in (*quiet, cli("test", "-q", "z.kz")):
        assert (result.exit_code, result.output) == (0, "")


def test_verbose_tells_more_and_of_pipes_too(folder: Path, pack: Run, zeros: bytes) -> None:
    Path("z").write_bytes(zeros)
    assert pack("z", "-v").stderr.rstrip().endswith(" MB")
    assert ", peak " in pack("-", "-v", stdin=zeros).stderr
    assert ", peak " not in pack("-f", "z").stderr


def test_json_tells_of_each_file(
    folder: Path, pack: Run, cli: Run, packed: bytes, facts: Facts
) -> None:
    Path("b.txt").write_bytes(b"")
    first, second = facts(pack("--json", "a.txt", "b.txt").stdout)
    assert first.pop("seconds") >= 0
    assert first == {
        "schema": 1,
        "input": "a.txt",
        "output": "a.txt.kz",
        "original_bytes": 160,
        "compressed_bytes": len(packed),
        "bits_per_char": round(8 * len(packed) / 160, 4),
        "warnings": [],
    }
    assert (second["original_bytes"], second["bits_per_char"]) == (0, None)
    (back,) = facts(cli("decompress", "--json", "a.txt.kz", "-o", "c").stdout)
    assert (back["original_bytes"], back["compressed_bytes"]) == (160, len(packed))
    (checked,) = facts(cli("test", "--json", "a.txt.kz").stdout)
    assert checked | {"seconds": 0} == {**first, "input": "a.txt.kz", "output": None, "seconds": 0}
    assert back["bits_per_char"] == checked["bits_per_char"] == first["bits_per_char"]


def test_json_tells_of_each_file_that_is_refused_too(
    folder: Path, pack: Run, cli: Run, packed: bytes, facts: Facts
) -> None:
    Path("bad.kz").write_bytes(b"not ours")
    result = pack("--json", "absent", "a.txt")
    assert (result.exit_code, result.stderr) == (1, "")
    refused, done = facts(result.stdout)
    assert refused == {
        "schema": 1,
        "input": "absent",
        "error": {
            "name": "InputMissing",
            "message": "absent: no such file or folder; check the path",
        },
    }
    assert (done["schema"], done["output"]) == (1, "a.txt.kz")
    for command in ("decompress", "test", "inspect", "list"):
        result = cli(command, "--json", "bad.kz")
        assert (result.exit_code, result.stderr) == (1, "")
        (refused,) = facts(result.stdout)
        assert (refused["schema"], refused["input"]) == (1, "bad.kz")
        assert refused["error"]["name"] == "BadMagic"


def test_json_leaves_standard_output_to_the_payload(
    folder: Path, pack: Run, cli: Run, original: bytes, packed: bytes, facts: Facts
) -> None:
    for result, payload in (
        (pack("--json", "-", stdin=original), packed),
        (cli("decompress", "--json", "-", stdin=packed), original),
    ):
        assert result.stdout_bytes == payload
        (told,) = facts(result.stderr)
        assert (told["input"], told["output"], told["original_bytes"]) == ("-", "-", 160)
    Path("z").write_bytes(bytes(1000))
    result = pack("--json", "-", "z", stdin=original)
    assert result.stdout_bytes == packed
    assert [told["output"] for told in facts(result.stderr)] == ["-", "z.kz"]
    refused = cli("decompress", "--json", "-", stdin=b"not ours")
    assert (refused.exit_code, refused.stdout_bytes) == (1, b"")
    assert facts(refused.stderr)[0]["error"]["name"] == "BadMagic"


def test_compressing_twice_is_done_with_a_warning(
    folder: Path, pack: Run, cli: Run, packed_zeros: bytes, facts: Facts
) -> None:
    Path("a.kz").write_bytes(packed_zeros)
    result = pack("a.kz")
    assert result.exit_code == 0
    assert result.stderr.startswith("kolmozip: a.kz: warning: it ended in .kz already")
    assert cli("decompress", "a.kz.kz", "-c").stdout_bytes == packed_zeros
    assert pack("-q", "-f", "a.kz").stderr == ""
    (told,) = facts(pack("--json", "-f", "a.kz").stdout)
    assert len(told["warnings"]) == 1


def test_what_cannot_be_copied_from_the_input_is_a_warning(
    folder: Path, pack: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    result = pack("a.txt")
    assert result.exit_code == 0
    assert result.stderr.startswith("kolmozip: a.txt: warning: the rights could not be kept; ")


# Limits, removal, threads


def test_limits_are_passed_on(
    folder: Path, pack: Run, cli: Run, refusal: Callable, original: bytes
) -> None:
    Path("zeros").write_bytes(bytes(100_000))
    pack("-q", "zeros")
    Path("zeros").unlink()
    for command in (["decompress"], ["test"], ["-d"], ["-t"]):
        for limit in (["--max-output", "99K"], ["--max-output=64Ki"], ["--max-memory", "1M"]):
            line = refusal(cli(*command, "zeros.kz", *limit), "LimitExceeded")
            assert line.startswith("kolmozip: zeros.kz: ")
            assert limit[0].split("=")[0] in line
        assert sorted(os.listdir()) == ["a.txt", "zeros.kz"]
    assert cli("-dc", "zeros.kz", "--max-output", "100K", "--max-memory", "1G").exit_code == 0


def test_a_bound_on_memory_holds_for_compressing_too(
    folder: Path,
    cli: Run,
    refusal: Callable,
    original: bytes,
    blocks: Callable[[bytes], list[Block]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(levels.LEVELS, 1, dataclasses.replace(levels.LEVELS[1], table_bytes=4096))
    Path("b").write_bytes(original * 200)
    tables = []
    for limit in ("1G", "99M"):
        (block,) = blocks(cli("-1c", "b", "--max-memory", limit).stdout_bytes)
        assert isinstance(block.head, Mixed)
        tables.append(block.head.tables)
    assert tables[0] == levels.LEVELS[1].tables_mib > tables[1]
    assert cli("compress", "-1", "b", "--max-memory", "99M").exit_code == 0
    assert blocks(Path("b.kz").read_bytes()) == [block]
    line = refusal(cli("-6", "a.txt", "--max-memory", "10M"), "LimitExceeded")
    assert "compressing at level 6 takes " in line
    assert not Path("a.txt.kz").exists()


def test_rm_removes_an_input_once_its_output_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Run, cli: Run, zeros: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_bytes(zeros)
    assert pack("--rm", "a").exit_code == 0
    assert os.listdir() == ["a.kz"]
    assert cli("decompress", "--rm", "a.kz").exit_code == 0
    assert os.listdir() == ["a"]
    assert Path("a").read_bytes() == zeros
    assert pack("--rm", "-k", "a").exit_code == 0
    assert sorted(os.listdir()) == ["a", "a.kz"], "the last of both options holds"
    Path("bad.kz").write_bytes(Path("a.kz").read_bytes()[:-1])
    assert cli("decompress", "--rm", "bad.kz").exit_code == 1
    assert pack("--rm", "a").exit_code == 1, "its output is there already"
    assert sorted(os.listdir()) == ["a", "a.kz", "bad.kz"]


def test_rm_keeps_an_input_that_has_changed_meanwhile(
    folder: Path, pack: Run, monkeypatch: pytest.MonkeyPatch, zeros: bytes
) -> None:
    Path("z").write_bytes(zeros)
    fsync = os.fsync

    def write_more(handle: int) -> None:
        Path("z").write_bytes(zeros + b"more")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", write_more)
    result = pack("--rm", "z")
    assert result.exit_code == 0
    assert "kolmozip: z: warning: it has changed meanwhile and is kept" in result.stderr
    assert Path("z").read_bytes() == zeros + b"more"


@pytest.mark.parametrize("arguments", [["-c", "a.txt"], ["-o", "-", "a.txt"], ["-"]])
def test_rm_needs_files_on_both_sides(folder: Path, pack: Run, arguments: list[str]) -> None:
    result = pack("--rm", *arguments, stdin=b"")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--rm needs files" in result.stderr
    assert Path("a.txt").exists()


def test_the_number_of_threads_is_handed_on_and_changes_no_byte(
    folder: Path, pack: Run, packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NPROC", "PJRT_NPROC"):
        monkeypatch.setenv(name, "7")
    assert pack("a.txt", "-o", "-", "-T", "0").stdout_bytes == packed
    assert (os.environ["NPROC"], os.environ["PJRT_NPROC"]) == ("7", "7")
    assert pack("a.txt", "-c", "-T3").stdout_bytes == packed
    assert (os.environ["NPROC"], os.environ["PJRT_NPROC"]) == ("3", "3")
    assert pack("a.txt", "--threads", "-1").exit_code == 2


# Levels


@pytest.mark.parametrize("level", levels.LEVELS)
def test_every_level_has_its_digit(
    folder: Path,
    cli: Run,
    original: bytes,
    blocks: Callable[[bytes], list[Block]],
    level: int,
) -> None:
    wanted = levels.LEVELS[level]
    assert cli(f"-{level}", "a.txt", "-o", "b.kz").exit_code == 0
    packed = Path("b.kz").read_bytes()
    (block,) = blocks(packed)
    assert isinstance(block.head, Mixed)
    assert block.head.design == wanted.recipe(len(original)).design
    identity = container.NO_WEIGHTS
    if wanted.model:
        identity = weights_store.identity_of(weights_store.path_by_name(wanted.model))
    assert block.head.weights_id == identity[: len(block.head.weights_id)]
    assert len(block.head.weights_id) == (4 if wanted.model else 8), "in the short form"
    assert cli("compress", "--level", level, "a.txt", "-c").stdout_bytes == packed
    assert cli("-d", "b.kz").exit_code == 0
    assert Path("b").read_bytes() == original


def test_the_default_level_and_the_last_of_several(folder: Path, cli: Run) -> None:
    packed = {level: cli(f"-{level}c", "a.txt").stdout_bytes for level in levels.LEVELS}
    assert cli("-c", "a.txt").stdout_bytes == packed[levels.DEFAULT]
    assert cli("-9", "-1", "-c", "a.txt").stdout_bytes == packed[1]
    assert cli("-1", "--level", "6", "-c", "a.txt").stdout_bytes == packed[6]
    assert len(packed[9]) < len(packed[1]) and len(packed[6]) < len(packed[1])


@pytest.mark.skipif(native.absent() is not None, reason="takes minutes without the native engine")
def test_the_highest_level_makes_the_smallest_files(folder: Path, cli: Run) -> None:
    Path("b").write_bytes(sample()[:4000])
    packed = {level: cli(f"-{level}c", "b").stdout_bytes for level in (1, 6, 9)}
    assert len(packed[9]) <= len(packed[6]) < len(packed[1])


def test_a_model_takes_the_place_of_the_level_s_own(
    folder: Path, cli: Run, blocks: Callable[[bytes], list[Block]], nano_codec: BlockCodec
) -> None:
    for level in (1, 9):
        (block,) = blocks(cli(f"-{level}", "-m", "nano", "-c", "a.txt").stdout_bytes)
        assert isinstance(block.head, Mixed)
        assert block.head.weights_id == nano_codec.identity[:4]
        assert block.head.design == levels.LEVELS[level].recipe(block.head.length).design


def test_lanes_may_be_asked_for(
    folder: Path, cli: Run, pack: Run, blocks: Callable[[bytes], list[Block]]
) -> None:
    Path("b").write_bytes(Path("a.txt").read_bytes() * 20)
    for asked, found in ((1, 1), (4, 4), (1024, 4)):
        (block,) = blocks(pack("b", "-c", "--lanes", asked).stdout_bytes)
        assert isinstance(block.head, Mixed)
        assert block.head.lanes == found, "no more than the bytes are worth"
    assert pack("b", "-c", "--lanes", "1025").exit_code == 2


# What a container tells


def test_inspect_agrees_with_the_file(
    folder: Path,
    cli: Run,
    packed: bytes,
    packed_long: bytes,
    nano_codec: BlockCodec,
    facts: Facts,
) -> None:
    identity = nano_codec.identity.hex()
    Path("a.kz").write_bytes(packed_long)
    (told,) = facts(cli("inspect", "a.kz", "--json").stdout)
    assert (told["schema"], told["input"]) == (1, "a.kz")
    assert (told["format_version"], told["form"]) == (packed_long[6], "long")
    assert told["sha256_prefix"] == packed_long[-16:-4].hex()
    assert (told["weights"], told["models"]) == ([identity], ["nano"])
    assert (told["original_bytes"], told["compressed_bytes"]) == (160, len(packed_long))
    assert (told["blocks"], told["lanes"], told["tables_mib"]) == ({"mixed": 1}, [1], 1)
    (block,) = container.Reader(io.BytesIO(packed_long)).blocks()
    assert told["restoring_takes_bytes"] == needs.decoding(block)
    assert told["ratio"] == pytest.approx(160 / len(packed_long), rel=1e-3)
    assert told["bits_per_char"] == round(8 * len(packed_long) / 160, 4)
    assert told["cards"] == [weights_store.card_of(weights_store.path_by_name("nano"))]
    shown = cli("inspect", "a.kz").stdout
    for word in ("a.kz", identity, "nano", "160", str(len(packed_long)), "bits per char"):
        assert word in shown
    Path("a.kz").write_bytes(packed)
    (short,) = facts(cli("inspect", "a.kz", "--json").stdout)
    assert (short["form"], short["weights"]) == ("short", [identity[:8]])
    assert (short["compressed_bytes"], short["sha256_prefix"]) == (len(packed), None)
    for name in ("models", "blocks", "lanes", "tables_mib", "original_bytes", "cards"):
        assert short[name] == told[name]
    framing = len(packed_long) - 60  # and zeros at the end of the payload are left out
    assert framing - 3 <= len(packed) <= framing
    assert cli("inspect", "-", stdin=packed).exit_code == 0


def test_inspect_needs_neither_weights_nor_a_good_card(
    folder: Path, cli: Run, packed: bytes, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.kz").write_bytes(packed)
    monkeypatch.delenv(weights_store.FOLDER_VARIABLE)
    (told,) = facts(cli("inspect", "a.kz", "--json").stdout)
    assert (told["models"], told["cards"]) == ([None], [])
    assert cli("inspect", "a.kz").exit_code == 0
    assert "not here" in cli("list", "a.kz").stdout


def test_a_broken_card_does_not_matter(
    folder: Path,
    cli: Run,
    packed: bytes,
    nano_codec: BlockCodec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = folder / "weights"
    own.mkdir()
    (own / "own.kzw").write_bytes(weights_store.path_by_identity(nano_codec.identity).read_bytes())
    monkeypatch.setenv(weights_store.FOLDER_VARIABLE, str(own))
    Path("a.kz").write_bytes(packed)
    for card in (b"{", b"[1]", b"\xff"):
        (own / "own.json").write_bytes(card)
        assert cli("decompress", "a.kz", "-f", "-q").exit_code == 0
        assert '"cards": [{}]' in cli("inspect", "a.kz", "--json").stdout
        assert "own" in cli("models").stdout


def test_inspect_of_an_empty_original(folder: Path, pack: Run, cli: Run, facts: Facts) -> None:
    Path("e").touch()
    pack("e")
    (told,) = facts(cli("inspect", "e.kz", "--json").stdout)
    assert (told["original_bytes"], told["blocks"], told["bits_per_char"]) == (0, {}, None)
    assert cli("inspect", "e.kz").exit_code == 0
    assert cli("list", "e.kz").exit_code == 0


def test_list_is_a_table_of_one_line_a_file(
    folder: Path, cli: Run, packed: bytes, facts: Facts
) -> None:
    Path("a.kz").write_bytes(packed)
    Path("b.kz").write_bytes(packed)
    Path("bad.kz").write_bytes(b"not ours")
    result = cli("list", "a.kz", "bad.kz", "b.kz")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    heading, *lines = result.stdout.splitlines()
    assert heading.split() == ["compressed", "original", "bits/char", "model", "file"]
    bits = f"{8 * len(packed) / 160:.3f}"
    assert [line.split() for line in lines] == [
        [str(len(packed)), "160", bits, "nano", name] for name in ("a.kz", "b.kz")
    ]
    assert cli("-l", "a.kz").stdout.splitlines() == [heading, lines[0]]
    assert facts(cli("list", "--json", "a.kz").stdout) == facts(
        cli("inspect", "--json", "a.kz").stdout
    )


def test_test_decodes_and_writes_nothing(
    folder: Path, cli: Run, packed: bytes, packed_zeros: bytes, refusal: Callable
) -> None:
    Path("a.kz").write_bytes(packed)
    Path("z.kz").write_bytes(packed_zeros)
    Path("bad").write_bytes(packed_zeros[:-20] + bytes(20))
    result = cli("test", "a.kz")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("a.kz: checked 160 / ")
    for command in ("test", "-t"):
        result = cli(command, "z.kz")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.startswith("z.kz: checked 1,000 / ")
        refusal(cli(command, "bad"), "Damaged")
    assert cli("-t", stdin=packed_zeros).exit_code == 0
    assert sorted(os.listdir()) == ["a.kz", "a.txt", "bad", "z.kz"]


# Without a command, as zstd and gzip are used


def test_a_file_alone_is_compressed(
    folder: Path, cli: Run, packed: bytes, zeros: bytes, packed_zeros: bytes
) -> None:
    assert cli("a.txt", "-m", "nano").exit_code == 0
    assert Path("a.txt.kz").read_bytes() == packed
    Path("z").write_bytes(zeros)
    assert cli("-m", "nano", "-k", "z").exit_code == 0
    assert Path("z.kz").read_bytes() == packed_zeros
    assert Path("z").read_bytes() == zeros
    Path("z").unlink()
    assert cli("-d", "z.kz").exit_code == 0
    assert Path("z").read_bytes() == zeros
    assert cli("-z", "-m", "nano", "-f", "--", "z").exit_code == 0


def test_pipes_need_no_name(
    cli: Run, original: bytes, packed: bytes, zeros: bytes, packed_zeros: bytes
) -> None:
    for arguments in (["-m", "nano"], ["-m", "nano", "-"], ["-mnano", "-c"]):
        result = cli(*arguments, stdin=zeros)
        assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, packed_zeros, "")
    for arguments in (["-d"], ["-dc"], ["-cd", "-"], ["--decompress", "--stdout"]):
        result = cli(*arguments, stdin=packed_zeros)
        assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, zeros, "")
    assert cli("-m", "nano", stdin=original).stdout_bytes == packed
    assert cli("-d", stdin=packed).stdout_bytes == original


def test_short_flags_may_be_bundled(
    folder: Path, cli: Run, zeros: bytes, packed_zeros: bytes
) -> None:
    Path("a.kz").write_bytes(packed_zeros)
    assert cli("-dc", "a.kz").stdout_bytes == zeros
    assert cli("-dckfq", "a.kz").stdout_bytes == zeros
    assert cli("-dfob", "a.kz").exit_code == 0
    assert Path("b").read_bytes() == zeros
    assert cli("-tq", "a.kz").output == ""
    assert cli("-dc", "a.kz", "a.kz").stdout_bytes == 2 * zeros


@pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 0, b"Usage: kolmozip [OPTIONS] [FILE]..."),
        (["-d"], 2, b"standard input is a terminal"),
        (["compress", "-m", "nano", "-"], 2, b"not written to a terminal"),
    ],
)
def test_a_terminal_is_neither_read_as_data_nor_written_to(
    command: Callable, arguments: list[str], code: int, words: bytes
) -> None:
    master, slave = pty.openpty()
    line = command(*arguments)
    with subprocess.Popen(line, stdin=slave, stdout=slave, stderr=subprocess.STDOUT) as child:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # a terminal ends so
            while data := os.read(master, 1 << 16):
                shown += data
        os.close(master)
    assert (child.returncode, words in shown) == (code, True), shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compress", "a.txt", "b.txt", "-o", "c"], "-o takes one input"),
        (["decompress", "a.kz", "b.kz", "-o", "c"], "-o takes one input"),
        (["compress", "a.txt", "b.txt", "-c"], "standard output takes one compressed input"),
        (["compress", "a.txt", "-c", "-o", "c"], "-o and -c name two outputs"),
        (["decompress", "a.txt"], "a.txt does not end in .kz: name the output with -o"),
        (["decompress", ".kz"], "name the output with -o"),
        (["decompress", "a.kz", "a.txt"], "a.txt does not end in .kz"),
        (["-d", "a.kz", "a.txt"], "a.txt does not end in .kz"),
        (["compress"], "INPUT"),
        (["decompress"], "INPUT"),
        (["test"], "INPUT"),
        (["compress", "a.txt", "--level", "10"], "--level"),
        (["compress", "a.txt", "--level", "0"], "--level"),
        (["-0", "a.txt"], "-0"),
        (["decompress", "a.kz", "-9"], "-9"),
        (["squash", "a.txt"], "squash is neither a command nor a file"),
        (["comprss", "a.txt"], "did you mean compress?"),
        (["-q", "compress", "a.txt"], "comes before its options"),
        (["decompress", "a.kz", "--max-output", "much"], "is no size"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    folder: Path, cli: Run, packed: bytes, arguments: list[str], message: str
) -> None:
    for name in ("a.kz", "b.kz", ".kz"):
        Path(name).write_bytes(packed)
    before = sorted(os.listdir())
    result = cli(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert sorted(os.listdir()) == before


def test_a_file_that_bears_the_name_of_a_command_has_a_path(folder: Path, cli: Run) -> None:
    Path("bench").write_bytes(bytes(1000))
    assert cli("./bench", "-m", "nano").exit_code == 0
    assert Path("bench.kz").is_file()
    assert cli("-f", "-m", "nano", "bench").exit_code == 0


def test_a_missing_file_is_refused_by_name(folder: Path, cli: Run, refusal: Callable) -> None:
    assert refusal(cli("absent.txt"), "InputMissing") == (
        "kolmozip: absent.txt: no such file or folder; check the path [InputMissing]"
    )
    assert refusal(cli("-d", "absent.kz"), "InputMissing")
    assert json.loads(cli("--json", "absent").stdout)["error"]["name"] == "InputMissing"


def test_the_length_for_the_progress_bar_is_the_one_that_is_stated(
    folder: Path, packed: bytes, packed_long: bytes
) -> None:
    from compressor.cli.code import original_length

    Path("a.kz").write_bytes(packed)
    Path("short").write_bytes(b"short")
    Path("long.kz").write_bytes(packed_long)
    Path("raw.kz").write_bytes(compressor.compress(b"x" * 9))
    lengths = [original_length(name) for name in ("a.kz", "long.kz", "raw.kz")]
    assert lengths == [160, 160, 9]
    assert [original_length(name) for name in ("short", "absent", files.PIPE)] == [None] * 3
