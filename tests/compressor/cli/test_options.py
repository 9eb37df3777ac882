"""What the commands share: sizes, what is printed, and how refusals are told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import click
import pytest

from coding.errors import KolmozipError, Truncated
from compressor.cli import options
from compressor.errors import DiskFull, Interrupted, OutOfMemory
from data.corpora import CorpusError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("500", 500),
        ("500B", 500),
        ("1k", 1000),
        ("500M", 500_000_000),
        ("1G", 10**9),
        ("1GB", 10**9),
        ("1.5G", 1_500_000_000),
        ("2T", 2 * 10**12),
        ("1Ki", 1024),
        ("64MiB", 64 << 20),
        ("1gib", 1 << 30),
        (" 7 ", 7),
    ],
)
def test_sizes_are_bytes_by_powers_of_1000_or_1024(text: str, size: int) -> None:
    assert options.Size()(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "1X", "1 G", "G", "1e9", "1.G", "0x10", "٣"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size: write bytes, or such as"):
        options.Size()(text)


@pytest.mark.parametrize(
    ("compressed", "original", "rate"), [(1, 0, None), (0, 1, 0.0), (1, 3, 2.6667), (2, 1, 16.0)]
)
def test_bits_per_char_are_rounded_alike_everywhere(
    compressed: int, original: int, rate: float | None
) -> None:
    assert options.rate(compressed, original) == rate


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text-1.kz", "plain text-1.kz"),
        ("ünïcödé 汉字 🙂", "ünïcödé 汉字 🙂"),
        ("new\nline\t", "new\\nline\\t"),
        ("\x1b[31mred", "\\x1b[31mred"),
        (os.fsdecode(b"\xff"), "\\udcff"),
    ],
)
def test_names_are_printed_so_that_no_terminal_obeys_them(text: str, shown: str) -> None:
    assert options.printable(text) == shown


def test_facts_are_aligned_lines_or_json(
    capsys: pytest.CaptureFixture[str], facts: Callable[[str], list[dict]]
) -> None:
    told = {
        "kind": "toy",
        "kb_per_s": None,
        "blocks": [[1, 2]],
        "versions": {"a": "1"},
        "points": [{"bits": 8.0, "file_bytes": 100}, {"bits": 4.0, "file_bytes": 7}],
    }
    options.print_facts(told, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "kind      toy",
        "kb per s  -",
        "",
        "bits  file bytes",
        " 8.0         100",
        " 4.0           7",
    ]
    options.print_facts(told, as_json=True)
    assert facts(capsys.readouterr().out) == [{"schema": 1, **told}]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            Truncated("it ends: fetch it again"),
            "kolmozip: in.kz: it ends: fetch it again [Truncated]",
        ),
        (Truncated("two\nlines:  x"), "kolmozip: in.kz: two lines: x [Truncated]"),
        (Truncated("in.kz: it ends"), "kolmozip: in.kz: it ends [Truncated]"),
        (DiskFull("out: no room; go"), "kolmozip: out: no room; go [DiskFull]"),
        (CorpusError("none: look"), "kolmozip: in.kz: none: look [CorpusError]"),
    ],
)
def test_a_refusal_is_one_line_about_one_file(
    capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    assert options.is_refusal(error)
    options.Refusal(error, "in.kz").show()
    assert capsys.readouterr() == ("", f"{line}\n")


def test_a_refusal_as_json_says_the_same(
    capsys: pytest.CaptureFixture[str], facts: Callable[[str], list[dict]]
) -> None:
    for err in (False, True):
        options.Refusal(Truncated("it ends: fetch it"), "in.kz", as_json=True, err=err).show()
        printed = capsys.readouterr()
        error = {"name": "Truncated", "message": "it ends: fetch it"}
        assert facts(printed.err if err else printed.out) == [
            {"schema": 1, "input": "in.kz", "error": error}
        ]


class XlaRuntimeError(RuntimeError):
    """As jaxlib names it."""


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (MemoryError(), OutOfMemory),
        (XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"), OutOfMemory),
        (XlaRuntimeError("INTERNAL: a fault"), XlaRuntimeError),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (BrokenPipeError(), BrokenPipeError),
        (KolmozipError("x"), KolmozipError),
    ],
    ids=repr,
)
def test_what_the_system_and_xla_raise_gets_a_name(error: Exception, name: type[Exception]) -> None:
    with pytest.raises(Exception) as caught, options.refusals("in"):
        raise error
    assert type(caught.value) is name


def test_each_input_is_worked_on_and_a_fault_is_no_refusal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = []

    def work(name: str) -> None:
        seen.append(name)
        if name == "bad":
            raise MemoryError
        if name == "fault":
            raise LookupError

    with pytest.raises(SystemExit) as end:
        options.each(["a", "bad", "b"], work, as_json=False)
    assert (end.value.code, seen) == (1, ["a", "bad", "b"])
    assert capsys.readouterr().err.startswith("kolmozip: bad: not enough memory: ")
    options.each(["a"], work, as_json=False)
    with pytest.raises(LookupError):
        options.each(["fault", "a"], work, as_json=False)
    assert seen == ["a", "bad", "b", "a", "fault"]


def test_an_interrupt_ends_the_work_with_its_own_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        options.each(["a", "b"], work, as_json=False)
    assert end.value.code == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"kolmozip: a: {options.INTERRUPT} [{Interrupted.__name__}]"
