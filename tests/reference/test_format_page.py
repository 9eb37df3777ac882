"""What FORMAT.md shows and lists is what the golden files hold and the page decoder has."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from types import ModuleType

from coding import container
from coding.container import Block, Digest, Head, Kind

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "coding" / "FORMAT.md").read_text("utf-8")


def section(heading: str) -> str:
    """The text under a heading, up to the next one."""
    return PAGE.split(f"# {heading}\n")[1].split("\n#")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the lines of tables, headings included."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def example(heading: str = "1.4 Example") -> bytes:
    """The container of the worked example, whose offsets are as they say."""
    data = b""
    for offset, digits in re.findall(
        r"^\| (\d+) \| ((?:[0-9A-F]{2} ?)+) \|", section(heading), flags=re.M
    ):
        assert int(offset) == len(data)
        data += bytes.fromhex(digits)
    return data


def test_the_worked_example_is_the_golden_file() -> None:
    assert example() == (ROOT / "tests" / "golden" / "decode" / "run.kz").read_bytes()


def test_the_example_of_the_short_form_is_the_golden_file(page_decoder: ModuleType) -> None:
    """And its words are those that the page says."""
    data = example("1.5 Short form")
    assert data == (ROOT / "tests" / "golden" / "decode" / "short-alone.kz").read_bytes()
    assert f"is a container of {len(data)} bytes" in " ".join(section("1.5 Short form").split())
    _, (block,) = page_decoder.read_short(data)
    words = [f"{word:08X}" for (word,) in struct.iter_unpack("<I", block.payload)]
    assert f"payload: {', '.join(words)} |" in section("1.5 Short form")
    assert page_decoder.decode(data, {}) == b"abracadabra " * 5


def test_the_worked_example_is_what_is_written_and_decoded(page_decoder: ModuleType) -> None:
    original = bytes(70_000)
    digest = Digest()
    digest.update(original)
    assert example() == (
        container.header_bytes()
        + container.block_bytes(Block(Head(Kind.RUN, len(original), 1), b"\0"))
        + container.end_bytes(digest.end_mark())
    )
    assert page_decoder.decode(example(), {}) == original


def test_the_designs_are_those_of_the_page_decoder(page_decoder: ModuleType) -> None:
    designs = {}
    for name, contexts, part, sets, matches in rows(section("2.3 Memory"))[2:]:
        numbers = [int(least) for least in matches.split(", ")]
        designs[int(name.split()[0])] = contexts, int(part), sets, numbers
    assert designs == page_decoder.DESIGNS
    described = {name for name, *_ in rows(section("2.4 Text and contexts"))}
    for contexts, *_ in designs.values():
        kinds = {name.removeprefix("own ") for name in contexts.split(", ")}
        kinds = {"sparse M" if name.startswith("sparse") else name for name in kinds}
        assert {name for name in kinds if not name.isdigit()} <= described


def test_the_figures_of_the_limits_are_those_of_the_designs(page_decoder: ModuleType) -> None:
    limits = " ".join(section("5. Decoder limits").split())
    table = {name: number for name, number, *_ in rows(section("2.8 Mixer"))[2:]}
    for number, name in ((1, "light design"), (2, "full one"), (6, "wide one"), (7, "lags one")):
        contexts, _, sets, matches = page_decoder.DESIGNS[number]
        chosen = sets.split(", ")
        inputs = 2 + 2 * len(matches) + 2 * len(contexts.split(", "))
        products = 2 * 8 * len(chosen) * inputs
        assert f"{products:,} times in the {name} ({len(chosen)} sets, {inputs} inputs)" in limits
        assert f"{sum(int(table[chooser]) for chooser in chosen)} in the {name}" in limits
