"""Codecs that are programs: run as a user would run them, where they are found on PATH.

A program works on a copy of fixed date and rights in a folder of its own, so that its archive is
the same everywhere. `{in}` and `{out}` in the arguments below are names in that folder; a program
whose arguments name no `{out}` writes to standard output, unless it keeps the name of the original.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from baselines.codec import (
    ProgramFailed,
    ProgramMissing,
    Trace,
    appearing,
    ignore,
    packed_size,
    shared_libraries,
)

FIXED_DATE = 946_684_800
"""2000-01-01 00:00 UTC, in seconds of Unix time: archives hold the date of the file."""

ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "LRZIP": "NOCONFIG"}
"""Set for every program: messages in English, dates in UTC, no settings of the user's own."""


@dataclass(frozen=True)
class Program:
    """A codec that is an external program; fulfils `baselines.codec.Codec`."""

    name: str
    family: str
    runs: tuple[str, ...]
    """Names it may have on PATH."""
    pack: str
    """Arguments to pack."""
    unpack: str
    """Arguments to restore; `{out}` may also become a folder with one file of any name."""
    suffix: str
    """What it wants its packed files to be called; `{version}` is its version number."""
    how_to_get: str
    ask: str = "--version"
    """Arguments that make it tell its version, whatever the exit code."""
    told: str = r"\bv?(\d+\.\d[\w.]*)"
    """Regular expression of the version number in what it then prints."""
    keeps_name: bool = False
    """Whether it restores under the name held in its archive, in its working folder, and so takes
    no name for the result."""
    side_files: tuple[str, ...] = ()
    """Names of the files that it writes into its working folder beside the result.

    Its decoder gets none of them, because packing and restoring run in two folders; they are
    therefore neither kept nor counted.
    """

    @property
    def path(self) -> Path | None:
        """Where it is; None where it is not."""
        found = [path for run in self.runs if (path := shutil.which(run))]
        return Path(found[0]) if found else None

    @property
    def version(self) -> str:
        """The program's name and the version it tells about itself; raises ProgramMissing."""
        return f"{self._there().name} {self._number()}"

    @property
    def command(self) -> str:
        """As in Codec."""
        run = self.path.name if self.path else self.runs[0]
        redirected = "" if "{out}" in self.pack else " > {out}"
        return f"{run} {self.pack}{redirected}".replace("{in}", "FILE").replace(
            "{out}", "FILE" + self.suffix
        )

    @property
    def program_bytes(self) -> int | None:
        """As in Codec: the executable and the shared libraries it loads, the system's left out."""
        program = self._there().resolve()
        return packed_size((program, *shared_libraries(program)))

    @property
    def build(self) -> str | None:
        """What the text file `NAME.build.txt` beside the executable `NAME` says, as one line.

        It states the commit, the compiler with its flags, and the repairs of a program that was
        built by hand. None where there is no such file. Raises ProgramMissing.
        """
        program = self._there()
        note = program.with_name(f"{program.name}.build.txt")
        return " ".join(note.read_text("utf-8", "replace").split()) if note.is_file() else None

    def compress(self, source: Path, target: Path, trace: Trace = ignore) -> None:
        """As in Codec; raises ProgramMissing, ProgramFailed. Traces the end only."""
        plain = re.fullmatch(r"\w[\w.]*", source.name, re.ASCII) is not None
        name = source.name if plain and source.name not in self.side_files else "input"
        self._run("pack", self.pack, source, name, target, "packed" + self._suffix())
        trace(source.stat().st_size, target.stat().st_size)

    def decompress(self, packed: Path, target: Path) -> None:
        """As in Codec; raises ProgramMissing, ProgramFailed."""
        self._run("restore", self.unpack, packed, "packed" + self._suffix(), target, "restored")

    def _run(
        self, doing: str, arguments: str, source: Path, given: str, target: Path, made: str
    ) -> None:
        """Runs the program in a new folder beside the target, and gives its result to the target.

        The source is copied there as `given`; the result is taken from the folder "made" in it,
        where a program that can be told so calls it `made`.
        """
        program = self._there()
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".program.") as name:
            folder = Path(name)
            shutil.copyfile(source, folder / given)
            os.chmod(folder / given, 0o644)
            os.utime(folder / given, (FIXED_DATE, FIXED_DATE))
            results = folder / "made"
            results.mkdir()
            inside = doing == "restore" and self.keeps_name
            working = results if inside else folder
            there = f"../{given}" if inside else given
            filled = [
                part.replace("{in}", there).replace("{out}", f"made/{made}")
                for part in arguments.split()
            ]
            prints = not inside and "{out}" not in arguments
            output = results / made if prints else folder / "log"
            self._call(doing, [str(program), *filled], working, folder / "log", output)
            with appearing(target) as part:
                self._only_file(doing, folder).replace(part)

    def _call(self, doing: str, command: list[str], working: Path, log: Path, output: Path) -> None:
        """Runs the command in the folder `working`, with standard error to the end of `log`.

        Standard output goes to the end of `output`, which may be the log. Raises ProgramFailed.
        """
        with log.open("ab") as said, output.open("ab") as written:
            done = subprocess.run(
                command,
                cwd=working,
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=said,
                check=False,
            )
        if done.returncode:
            raise ProgramFailed(
                f"{self.name} could not {doing}: exit code {done.returncode}: "
                f"{_last_words(log)}: run it by hand to see more"
            )

    def _only_file(self, doing: str, folder: Path) -> Path:
        """The only file in the folder's "made", side files left out. Raises ProgramFailed."""
        files = [
            path
            for path in (folder / "made").rglob("*")
            if path.is_file() and path.name not in self.side_files
        ]
        if len(files) != 1:
            raise ProgramFailed(
                f"{self.name} could not {doing}: it made {len(files)} files, not one: "
                f"{_last_words(folder / 'log')}: run it by hand"
            )
        return files[0]

    def _there(self) -> Path:
        if self.path is None:
            raise ProgramMissing(
                f"{self.name}: no {' or '.join(self.runs)} on PATH: {self.how_to_get}"
            )
        return self.path

    def _number(self) -> str:
        return _version(self._there(), self.ask, self.told)

    def _suffix(self) -> str:
        return (
            self.suffix.replace("{version}", self._number())
            if "{version}" in self.suffix
            else self.suffix
        )


@functools.cache
def _version(program: Path, ask: str, told: str) -> str:
    """The version number a program tells, or 'of unknown version'."""
    done = subprocess.run(
        [str(program), *ask.split()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **ENVIRONMENT},
        check=False,
    )
    found = re.search(told, (done.stdout + done.stderr).decode("utf-8", "replace"))
    return found.group(1) if found else "of unknown version"


def _last_words(log: Path, characters: int = 300) -> str:
    """The end of what a program printed, in one line."""
    text = re.sub(r"[^ -~]+", " ", log.read_bytes()[-8192:].decode("utf-8", "replace"))
    return " ".join(text.split())[-characters:] or "it printed nothing"


PROGRAMS = (
    # The program's own deflate, not zlib's: the figure that benchmarks quote as gzip.
    Program(
        "gzip -9",
        "LZ77",
        ("gzip",),
        "-9 -n -c {in}",
        "-d -c {in}",
        ".gz",
        "install gzip from your system's packages",
    ),
    Program(
        "zstd --ultra -22 --long=27",
        "LZ77",
        ("zstd",),
        "--ultra -22 --long=27 -T1 -q -o {out} {in}",
        "-d --long=27 -q -o {out} {in}",
        ".zst",
        "install zstd from your system's packages",
    ),
    # One thread and a window of 1 GB, since it would else choose both by the machine, and write
    # other bytes on each.
    Program(
        "lrzip -z -L 9",
        "context mixing",
        ("lrzip",),
        "-z -L 9 -p 1 -w 10 -q -o {out} {in}",
        "-d -p 1 -q -o {out} {in}",
        ".lrz",
        "install lrzip from your system's packages",
    ),
    # A block of 128 MiB, so that enwik8 is one.
    Program(
        "bzip3 -b 128",
        "BWT",
        ("bzip3",),
        "-e -b 128 {in} {out}",
        "-d {in} {out}",
        ".bz3",
        "install bzip3 from your system's packages",
    ),
    Program(
        "7z PPMd o10 mem=1g",
        "PPM",
        ("7zz", "7z", "7za"),
        "a -m0=PPMd:o=10:mem=1g {out} {in}",
        "e -so {in}",
        ".7z",
        "install 7zip (or p7zip-full) from your system's packages",
        ask="",
    ),
    # -until sets the date of the archive's entry, else the present.
    Program(
        "zpaq -m5",
        "context mixing",
        ("zpaq",),
        "add {out} {in} -m5 -t1 -until 20000101000000",
        "extract {in} -to {out} -t1",
        ".zpaq",
        "install zpaq from your system's packages",
        ask="",
    ),
    *(
        Program(
            f"mcm {level}",
            "context mixing",
            ("mcm",),
            f"{level} {{in}} {{out}}",
            "d {in}",
            ".mcm",
            "build github.com/mathieuchartier/mcm as baselines/PEERS.md says and put it on PATH",
            ask="",
            keeps_name=True,
            side_files=("of.txt",),
        )
        # The second is its strongest, in twice the memory of the first.
        for level in ("-x10", "-x11")
    ),
    # It tells no version but the year of its author's original.
    Program(
        "lpaq1 9",
        "context mixing",
        ("lpaq1",),
        "9 {in} {out}",
        "d {in} {out}",
        ".lpaq1",
        "build lpaq1 of github.com/vi/lpaq1_stream as baselines/PEERS.md says and put it on PATH",
        ask="",
        told=r"\(C\) (\d{4})",
    ),
    Program(
        "paq8px -8",
        "context mixing",
        ("paq8px",),
        "-8 {in} {out}",
        "-d {in} {out}",
        ".paq8px{version}",
        "build github.com/hxim/paq8px as baselines/PEERS.md says and put it on PATH",
        ask="",
        told=r"\bv(\d\w*)",
    ),
    # Written from its documentation; nobody of this project has run it.
    Program(
        "cmix -c",
        "context mixing",
        ("cmix",),
        "-c {in} {out}",
        "-d {in} {out}",
        ".cmix",
        "build github.com/byronknoll/cmix and put it on PATH (it wants 32 GB of memory)",
        ask="",
        told=r"version (\d+)",
    ),
)
"""All that are known, found here or not."""
