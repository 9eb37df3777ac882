"""Many inputs at a time: the same files, told in order, refused one by one, stopped as one."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import compressor
from compressor.cli import many
from compressor.cli.options import Settings
from compressor.codec import native, needs, shares
from compressor.codec.prepared import Memory
from compressor.system import resources
from data.samples import sample

Run = Callable[..., Result]

pytestmark = pytest.mark.skipif(
    native.absent() is not None, reason="one after the other without the native engine"
)

TEXTS = {f"{number}.txt": sample()[number * 500 :][: 400 + 700 * number] for number in range(6)}


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts in the folder to work in, on a machine of three cores."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resources, "cores", lambda: 3)
    for name, text in TEXTS.items():
        Path(name).write_bytes(text)
    return [*TEXTS]


@pytest.fixture
def widths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Cores of each run whose inputs went side by side."""
    seen, real = list[int](), shares.side_by_side

    def noted(*arguments: object) -> object:
        (means,) = (each for each in arguments if isinstance(each, shares.Means))
        seen.append(means.cores)
        return real(*arguments)

    monkeypatch.setattr(shares, "side_by_side", noted)
    return seen


def contents(suffix: str) -> dict[str, bytes]:
    return {name: Path(name).read_bytes() for name in os.listdir() if name.endswith(suffix)}


def test_files_are_the_same_however_many_are_at_work(
    names: list[str], cli: Run, pack: Run, widths: list[int]
) -> None:
    assert pack("-T1", *names).exit_code == 0
    alone = contents(".kz")
    assert pack("-f", *names).exit_code == 0
    assert pack("-f", "-T2", *names).exit_code == 0
    assert (widths, contents(".kz")) == ([3, 2], alone)
    for name in names:
        Path(name).unlink()
    packed = [f"{name}.kz" for name in names]
    assert cli("test", *packed).exit_code == 0
    assert cli("-d", *packed).exit_code == 0
    assert contents(".txt") == TEXTS
    assert widths == [3, 2, 3, 3]


def test_summaries_and_refusals_come_in_the_order_of_the_inputs(
    names: list[str], cli: Run, pack: Run
) -> None:
    given = [names[5], "absent", *names[:3], "alas", names[4]]
    result = pack(*given)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [
        line.removeprefix("kolmozip: ").split(":")[0].split(" ->")[0] for line in lines
    ] == given
    assert lines[1].endswith("[InputMissing]")
    Path("0.txt.kz").write_bytes(b"not ours")
    told = cli("test", "--json", "5.txt.kz", "0.txt.kz", "2.txt.kz")
    facts = [json.loads(line) for line in told.stdout.splitlines()]
    assert [one["input"] for one in facts] == ["5.txt.kz", "0.txt.kz", "2.txt.kz"]
    assert ["error" in one for one in facts] == [False, True, False]


def test_inputs_are_removed_each_once_its_output_is_there(
    names: list[str], pack: Run, widths: list[int]
) -> None:
    Path("1.txt.kz").write_bytes(b"precious")
    assert pack("--rm", *names).exit_code == 1
    assert [*contents(".txt")] == ["1.txt"]
    assert widths == [3]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a", "a"],
        ["a", "./a"],
        ["-d", "a.kz", "a.kz.kz"],
        ["-dc", "a.kz", "b.kz"],
        ["-", "a"],
        ["a", "b", "--max-memory", "1G"],
        ["a", "b", "-T1"],
        ["a", "b", "--engine", "jax"],
        ["a"],
    ],
    ids=" ".join,
)
def test_one_after_the_other_where_their_order_counts(
    names: list[str], cli: Run, widths: list[int], arguments: list[str]
) -> None:
    Path("a").write_bytes(bytes(1000))
    Path("b").write_bytes(bytes(1000))
    for name in ("a.kz", "b.kz", "a.kz.kz"):
        Path(name).write_bytes(compressor.compress(bytes(100)))
    cli("-q", "-f", *arguments, stdin=b"")
    assert widths == []


def test_inputs_after_a_prepared_memory_are_side_by_side_too(
    names: list[str], cli: Run, widths: list[int]
) -> None:
    Memory.build("known.kzm", {"a": sample()[5000:7000]}, 1)
    assert cli("-D", "known.kzm", *names).exit_code == 0
    memory = Memory.open("known.kzm")
    assert contents(".kz") == {
        f"{name}.kz": compressor.compress(text, memory=memory) for name, text in TEXTS.items()
    }
    for name in names:
        Path(name).unlink()
    assert cli("-d", "-D", "known.kzm", *contents(".kz")).exit_code == 0
    assert (contents(".txt"), widths) == (TEXTS, [3, 3])
    lost = cli("-f", "-D", "lost.kzm", *names)
    assert lost.stderr.count("[InputMissing]") == len(names)


def test_what_an_input_needs_is_what_its_blocks_take(names: list[str], cli: Run) -> None:
    Path("long").write_bytes(b"x" * (20 << 20))
    need = many.to_compress("long", Settings(level=1), None)
    assert (need.blocks, need.block_threads) == (3, 1)
    need = many.to_compress("long", Settings(level=6), None)
    assert (need.blocks, need.block_threads) == (1, 8)
    assert need.block_bytes > many.to_compress("0.txt", Settings(level=6), None).block_bytes
    Path("long").write_bytes(b"%PDF" + b"x" * (5 << 20))
    need = many.to_compress("long", Settings(level=6), None)
    packed = many.to_compress("long", Settings(level=6, unpack=False), None)
    assert need.block_bytes > packed.block_bytes, "what is unpacked is longer"
    assert cli("-1", "5.txt").exit_code == 0
    need = many.to_restore("5.txt.kz", 3 * len(TEXTS["5.txt"]), None)
    assert (need.blocks, need.block_threads) == (3, 1)
    assert need.block_bytes > needs.PROCESS_BYTES
    nothing = shares.Need(1, 1, needs.PROCESS_BYTES)
    assert [many.to_restore(name, 5, None) for name in ("0.txt", "absent")] == [nothing] * 2


def test_the_bar_has_all_bytes_unless_a_pipe_is_among_them(names: list[str]) -> None:
    assert many.total(names, map(many.size_of, names)) == sum(map(len, TEXTS.values()))
    assert many.total(["absent", "0.txt"], [None, 400]) == 400
    assert many.total(["-", "0.txt"], [None, 400]) is None
    assert many.total([os.devnull], [many.size_of(os.devnull)]) is None


READY = """
import sys
from compressor.cli import run
from compressor.codec import shares
from compressor.system import resources

resources.cores = lambda: 3
tell = shares._Ledger.tell
begun = set()

def tell_of_it(ledger, index, count):
    begun.add(index)
    if len(begun) == 3:
        begun.add("told")
        print("ready", file=sys.stderr, flush=True)
    tell(ledger, index, count)

shares._Ledger.tell = tell_of_it
run()
"""
"""The command, which says on stderr that three inputs are at work."""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_leaves_no_unfinished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: Callable, number: int, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{one}.txt" for one in range(4)]
    for name in names:
        Path(name).write_bytes(sample() * 32)
    line = [sys.executable, "-c", READY, "compress", "-6", *names]
    returncode, message = stop(line, number, 3)
    assert returncode == code, message
    assert message.count(b"\n") == (number == signal.SIGINT)
    assert b"Traceback" not in message
    assert sorted(os.listdir()) == names
