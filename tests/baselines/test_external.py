"""Programs on PATH: run with their arguments, their failures named, their versions asked.

The programs are made for the tests.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from baselines.codec import ProgramFailed, ProgramMissing, packed_size
from baselines.external import PROGRAMS, Program

COPY = "cp $2 $3"
SPEAKING = f"""#!/bin/sh
if [ "$1" = --version ]; then echo "faker v2.5 (64-bit)"; exit 1; fi
{COPY}
"""


def faker(
    folder: Path, script: str, pack: str = "-p {in} {out}", unpack: str = "-u {in} {out}"
) -> Program:
    """A program of the given shell script, on PATH if folder is."""
    path = folder / "faker"
    path.write_text(script)
    path.chmod(0o755)
    return Program("faker -1", "LZ77", ("nofaker", "faker"), pack, unpack, ".fk", "make one")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "text").write_bytes(b"some text")
    return tmp_path / "text"


def test_it_runs_and_tells_its_version(folder: Path, source: Path) -> None:
    program = faker(folder, SPEAKING)
    program.compress(source, source.with_name("packed"))
    program.decompress(source.with_name("packed"), source.with_name("restored"))
    assert source.with_name("restored").read_bytes() == b"some text"
    assert program.version == "faker 2.5"
    assert program.command == "faker -p FILE FILE.fk"
    assert program.program_bytes is None, "a script: its size says nothing"


def test_what_names_no_output_is_read_from_standard_output(folder: Path, source: Path) -> None:
    program = faker(folder, "#!/bin/sh\necho noise >&2\ncat $2", pack="-c {in}", unpack="-d {in}")
    program.compress(source, source.with_name("packed"))
    assert source.with_name("packed").read_bytes() == b"some text"
    assert program.command == "faker -c FILE > FILE.fk"


def test_it_may_choose_the_name_of_what_it_restores(folder: Path, source: Path) -> None:
    program = faker(folder, "#!/bin/sh\nmkdir -p $3 && cp $2 $3/itsname")
    program.decompress(source, source.with_name("restored"))
    assert source.with_name("restored").read_bytes() == b"some text"


def test_a_missing_program_is_named_with_its_remedy(source: Path) -> None:
    program = Program(
        "faker -1", "LZ77", ("nosuchfaker",), "{in} {out}", "{in} {out}", ".fk", "make one"
    )
    assert program.path is None
    assert program.command == "nosuchfaker FILE FILE.fk"
    for act in (program.compress, program.decompress):
        with pytest.raises(ProgramMissing, match="faker -1: no nosuchfaker on PATH: make one"):
            act(source, source.with_name("packed"))
    with pytest.raises(ProgramMissing):
        _ = program.version


def test_a_program_that_fails_is_named_with_its_words_and_leaves_nothing(
    folder: Path, source: Path
) -> None:
    program = faker(folder, "#!/bin/sh\necho half > $3\necho 'out of\ncheese' >&2\nexit 3")
    with pytest.raises(
        ProgramFailed, match="faker -1 could not pack: exit code 3: out of cheese: run it by hand"
    ):
        program.compress(source, source.with_name("packed"))
    assert sorted(path.name for path in source.parent.iterdir()) == ["bin", "text"]


def test_a_program_that_makes_nothing_is_named(folder: Path, source: Path) -> None:
    program = faker(folder, "#!/bin/sh\nexit 0")
    with pytest.raises(
        ProgramFailed, match="could not restore: it made 0 files, not one: it printed nothing"
    ):
        program.decompress(source, source.with_name("restored"))


def test_a_program_killed_is_a_failure(folder: Path, source: Path) -> None:
    with pytest.raises(ProgramFailed, match="exit code -9"):
        faker(folder, "#!/bin/sh\nkill -9 $$").compress(source, source.with_name("packed"))


def test_odd_names_never_reach_the_program(folder: Path, tmp_path: Path) -> None:
    program = faker(folder, "#!/bin/sh\necho $2 > $3")
    for name, given in {
        "-rf": "input",
        "a b": "input",
        "enwik8": "enwik8",
        "head1m.txt": "head1m.txt",
    }.items():
        (tmp_path / name).write_bytes(b"x")
        program.compress(tmp_path / name, tmp_path / "packed")
        assert (tmp_path / "packed").read_text().strip() == given


def test_a_suffix_may_hold_the_version(folder: Path, source: Path) -> None:
    path = faker(folder, "#!/bin/sh\necho faker v7fix1\necho ${3##*.} > made/only").runs
    program = Program(
        "faker -1",
        "LZ77",
        path,
        "-p {in} {out}",
        "-u",
        ".fk{version}",
        "make one",
        ask="",
        told=r"v(\d\w*)",
    )
    program.compress(source, source.with_name("packed"))
    assert source.with_name("packed").read_text() == "fk7fix1\n"


KEEPER = """#!/bin/sh
echo noise
echo table > side.txt
if [ "$1" = -p ]; then { echo "$2"; cat "$2"; } > "$3"; exit; fi
read -r name < "$2"
tail -n +2 "$2" > "$name"
"""
"""Holds the name of the original in its archive, and writes a second file where it runs."""


@pytest.fixture
def keeper(folder: Path) -> Program:
    program = faker(folder, KEEPER, unpack="-u {in}")
    return dataclasses.replace(program, keeps_name=True, side_files=("side.txt",))


def test_a_program_that_restores_under_the_old_name_is_given_a_folder_for_it(
    keeper: Program, source: Path
) -> None:
    keeper.compress(source, source.with_name("packed"))
    assert source.with_name("packed").read_bytes() == b"text\nsome text"
    keeper.decompress(source.with_name("packed"), source.with_name("restored"))
    assert source.with_name("restored").read_bytes() == b"some text"


def test_side_files_are_left_nowhere_and_count_as_no_result(keeper: Program, source: Path) -> None:
    keeper.compress(source, source.with_name("packed"))
    keeper.decompress(source.with_name("packed"), source.with_name("restored"))
    names = sorted(path.name for path in source.parent.iterdir())
    assert names == ["bin", "packed", "restored", "text"]


def test_an_original_called_like_a_side_file_is_not_overwritten_by_it(
    keeper: Program, source: Path
) -> None:
    original = source.rename(source.with_name("side.txt"))
    keeper.compress(original, source.with_name("packed"))
    keeper.decompress(source.with_name("packed"), source.with_name("restored"))
    assert source.with_name("restored").read_bytes() == b"some text"
    assert original.read_bytes() == b"some text"


def test_the_build_is_read_from_the_note_beside_the_executable(folder: Path) -> None:
    program = faker(folder, SPEAKING)
    assert program.build is None
    (folder / "faker.build.txt").write_text("commit 0123abc; g++ 12 -O3;\nrepairs: none\n")
    assert program.build == "commit 0123abc; g++ 12 -O3; repairs: none"


CALLED = """#!/bin/sh
echo "$BANNER"
[ $# = 0 ] && exit 1
echo "$*" >> "$CALLS"
if [ -d made ]; then touch made/result; else touch result; fi
"""
"""Writes down its arguments."""


@pytest.mark.parametrize(
    ("name", "banner", "version", "calls"),
    [
        (
            "mcm -x10",
            "mcm compressor v0.84, by its author (c)2016",
            "mcm 0.84",
            ["-x10 text made/packed.mcm", "d ../packed.mcm"],
        ),
        (
            "mcm -x11",
            "mcm compressor v0.84, by its author (c)2016",
            "mcm 0.84",
            ["-x11 text made/packed.mcm", "d ../packed.mcm"],
        ),
        (
            "lpaq1 9",
            "lpaq1 file compressor (C) 2007, its author",
            "lpaq1 2007",
            ["9 text made/packed.lpaq1", "d packed.lpaq1 made/restored"],
        ),
        (
            "paq8px -8",
            "paq8px v216 (c) 2026, its authors",
            "paq8px 216",
            ["-8 text made/packed.paq8px216", "-d packed.paq8px216 made/restored"],
        ),
    ],
)
def test_the_context_mixers_are_called_as_their_help_says(
    name: str,
    banner: str,
    version: str,
    calls: list[str],
    folder: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [program] = [program for program in PROGRAMS if program.name == name]
    monkeypatch.setenv("BANNER", banner)
    monkeypatch.setenv("CALLS", str(folder / "calls"))
    (folder / program.runs[0]).write_text(CALLED)
    (folder / program.runs[0]).chmod(0o755)
    program.compress(source, source.with_name("packed"))
    program.decompress(source.with_name("packed"), source.with_name("restored"))
    assert (folder / "calls").read_text().splitlines() == calls
    assert program.version == version
    assert program.command == f"{name} FILE FILE{program.suffix}"


def test_every_known_program_names_input_and_remedy() -> None:
    for program in PROGRAMS:
        assert "{in}" in program.pack
        assert "{in}" in program.unpack
        assert program.how_to_get


@pytest.mark.skipif(sys.platform != "linux", reason="program sizes are told from ELF files")
def test_an_executable_s_size_is_told() -> None:
    assert (packed_size((Path("/bin/sh").resolve(),)) or 0) > 10_000
