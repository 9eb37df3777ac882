"""Commands that write text to train, to develop and to test on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from compressor.cli import options
from compressor.cli.groups import Commands
from compressor.errors import InputMissing
from compressor.system import files, progress
from compressor.system.extras import need
from compressor.system.plain_table import plain_table

if TYPE_CHECKING:
    from data.general.build import Obtained
    from data.general.gather import Missing
    from data.general.manifest import Package, Part

PARTS: tuple[Part, ...] = ("train", "development", "test")

folder = click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path), help="Folder to write into."
)
strict = click.option(
    "--strict", is_flag=True, help="Refuse where a package cannot be had, instead of a warning."
)


@click.group(
    cls=Commands,
    sections={
        "Commands": {
            "slice": "corpus:slice_",
            "general": "corpus:general",
            "statement": "corpus:statement",
            "files": "corpus:files_",
            "records": "corpus:records",
            "list": "corpus:list_",
        }
    },
    default=("slice", "corpus:slice_"),
    subcommand_metavar="[COMMAND] [ARGS]...",
)
def corpus() -> None:
    """Text to train and to test on: slice, general, statement, files, records, list.

    Without a command: slice. Text of other kinds than enwik8 is gathered from pinned packages of
    PyPI, crates.io and Debian; a folder of archives is named by KOLMOZIP_ARCHIVES, other homes by
    KOLMOZIP_MIRRORS. What was downloaded is kept, and a download that was cut off goes on.

    \b
    Examples:
      kolmozip corpus test5m -o test5m            enwik8's last 5,000,000 bytes
      kolmozip corpus files development -o dev    one file of each kind
      kolmozip corpus general -o general          all three parts, some 1 GB of downloads
    """


@click.command("slice")
@click.argument(
    "name",
    type=click.Choice(["enwik8", "train", "valid", "test5m", "test1m", "tail256k", "head1m"]),
)
@click.option("--output", "-o", required=True, type=options.PATH, help="Where to write it.")
@options.force
def slice_(name: str, output: str, force: bool) -> None:
    """Write a standard slice of enwik8.

    It is checked by its SHA-256. The text is found through KOLMOZIP_CORPORA, or downloaded.
    """
    with need("corpora"):
        from data.corpora import load
        from data.splits import split

        files.check_output(output, force)
        text = split(load("enwik8"), name)
    with files.open_output(output, force) as target:
        target.write(text.tobytes())


@click.command()
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="One part; may be repeated.  [default: all three]",
)
@folder
@click.option("--permissive", is_flag=True, help="Only packages under permissive licences.")
@strict
@options.force
@options.quiet
@options.as_json
def general(
    parts: tuple[Part, ...],
    output: Path,
    permissive: bool,
    strict: bool,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Gather text of many kinds from packages.

    Of each part four files: the text (.bin), where each document in it begins and what it is
    (.tsv), what it consists of with hashes and licences (.json), and what fell out and why
    (.out.tsv). The same archives give the same bytes on every machine. A part that is there
    already is not made again. `train` holds no passage of the other two or of enwik8's last
    10,000,000 bytes, common phrases apart; it takes some ten minutes and 1 GB of memory.

    \b
    Examples:
      kolmozip corpus general -o general
      kolmozip corpus general -o general --part development --part test
      kolmozip corpus general -o free --part train --permissive
    """
    with files.named_errors(str(output)):
        output.mkdir(parents=True, exist_ok=True)
    for part in parts or PARTS:
        facts = _part(part, output, permissive, strict, force, quiet)
        options.print_facts(facts, as_json)


def _part(
    part: Part, output: Path, permissive: bool, strict: bool, force: bool, quiet: bool
) -> dict[str, Any]:
    """Makes one part, where it is not there yet, and returns the chief facts of its card."""
    import json

    from data.general import build, gather, manifest

    pinned = manifest.load()
    settings = gather.settings(pinned, part, permissive)
    stem = output / f"general-{part}"
    there = _card(stem.with_suffix(".json"))
    same = there is not None and settings.items() <= there.items()
    if there is not None and same and not there["missing"] and not force:
        return _chief(there)
    if there is not None and not same:
        files.check_output(str(stem.with_suffix(".json")), force)

    obtained, missing = _obtain(pinned.of(part, permissive=permissive), strict, quiet)
    leaks, checked = None, list[str]()
    if build.HELD_OUT[part]:
        others, lost = _obtain(pinned.of(*build.HELD_OUT[part]), strict, quiet)
        texts = gather.benchmarks(strict, _warn)
        leaks = build.held_out(others, pinned.seed, texts)
        missing += lost
        checked = [package.name for package, _ in others] + [gather.BENCHMARK] * bool(texts)
    fallen = build.Fallen()
    # What is held against other parts is gone through twice.
    size = (1 if leaks is None else 2) * sum(package.size for package, _ in obtained)
    with progress.bar(size, f"taking {part}", quiet) as update:
        documents = build.build(pinned, obtained, leaks, fallen, update)
    card = settings | gather.card(
        documents, [package for package, _ in obtained], missing, fallen, checked
    )
    _write(stem.with_suffix(".bin"), (document.content for document in documents))
    _write(stem.with_suffix(".tsv"), gather.index(documents))
    _write(stem.with_suffix(".out.tsv"), gather.left_out(fallen))
    # The card comes last: where it is, the part is whole.
    _write(stem.with_suffix(".json"), [json.dumps(card, indent=1).encode() + b"\n"])
    return _chief(card)


def _card(path: Path) -> dict[str, Any] | None:
    """The card of a part that was made before, None where there is none."""
    import json

    try:
        card = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) else None


def _chief(card: dict[str, Any]) -> dict[str, Any]:
    """What is printed of a card."""
    keys = ("part", "permissive", "bytes", "documents", "sha256", "index_sha256")
    return {key: card[key] for key in keys} | {"missing_packages": len(card["missing"])}


def _obtain(
    packages: Iterable[Package], strict: bool, quiet: bool
) -> tuple[Obtained, list[Missing]]:
    """The archives of packages, downloaded where they are not at hand."""
    from data.general import gather

    packages = list(packages)
    size = sum(package.size for package in packages)
    with progress.bar(size, "archives", quiet) as update:
        return gather.obtained(packages, strict, update, _warn)


def _warn(text: str) -> None:
    click.echo(f"kolmozip: warning: {text}", err=True)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with files.open_output(str(path), force=True) as target:
        for piece in pieces:
            target.write(piece)


def _write_new(contents: Mapping[str, bytes], force: bool) -> None:
    """Writes files by their names: none of them where one is there already and not forced."""
    for name in contents:
        files.check_output(name, force)
    for name, content in contents.items():
        with files.open_output(name, force) as target:
            target.write(content)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", "-o", default=files.PIPE, type=options.PATH, help="Where to write it.")
@options.force
def statement(folder: Path, output: str, force: bool) -> None:
    """Write what weights have read, from a gathered corpus.

    A page in Markdown on the part `train` in FOLDER: packages with versions, hashes and licences,
    bytes by kind, and what was kept out.

    \b
    Examples:
      kolmozip corpus statement general
      kolmozip corpus statement general -o general.md
    """
    from data.general import blend
    from data.general.statement import statement as page

    card = _card(folder / "general-train.json")
    if card is None:
        raise InputMissing(
            f"{folder} holds no general-train.json: run `kolmozip corpus general -o {folder}`"
        )
    with files.open_output(output, force) as target:
        target.write(page(card, blend.ONE_IN).encode())


@click.command("files")
@click.argument("part", type=click.Choice(["development", "test", "known"]))
@folder
@click.option(
    "--size",
    type=options.Size(),
    default="500K",
    show_default=True,
    metavar="SIZE",
    help="The most bytes of one file; those of PART known are whole.",
)
@strict
@options.force
@options.quiet
@options.as_json
def files_(
    part: str, output: Path, size: int, strict: bool, force: bool, quiet: bool, as_json: bool
) -> None:
    """Write one plain file of each kind.

    Source code, data, logs, prose in many languages, marked-up text, programs, fonts and pictures:
    what codecs are developed on, and in PART test, what they are tested on. No package of one part
    is in the other, and none of either is trained on. PART known are files that people know from
    other benchmarks: four texts of the Canterbury corpus, and those of snappy's.

    \b
    Examples:
      kolmozip corpus files development -o dev
      kolmozip corpus files known -o known
      kolmozip corpus files test -o test --size 200K
    """
    from data.general import build, known, manifest, rig

    with files.named_errors(str(output)):
        output.mkdir(parents=True, exist_ok=True)
    pinned = manifest.load()
    if part == "known":
        wanted = [package for package in pinned.packages if package.name == known.PACKAGE]
        obtained, missing = _obtain(wanted, strict, quiet)
        found = {name: data for _, at in obtained for name, data in known.files(at).items()}
    else:
        obtained, missing = _obtain(pinned.of(cast("Part", part)), strict, quiet)
        documents = build.as_found(obtained, pinned.seed, lambda *_: None)
        kinds = rig.by_kind(documents, size)
        found = {rig.file_name(kind): content for kind, content in kinds.items()}
    contents = {str(output / name): content for name, content in found.items()}
    _write_new(contents, force)
    rows = [
        {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    ]
    total = sum(map(len, contents.values()))
    facts = {"part": part, "bytes": total, "missing_packages": len(missing), "files": rows}
    options.print_facts(facts, as_json)


@click.command()
@click.argument("kind", type=click.Choice(["json", "log", "mail"]))
@folder
@options.force
@options.quiet
@options.as_json
def records(kind: str, output: Path, force: bool, quiet: bool, as_json: bool) -> None:
    """Write small files of one kind, for prepared memories.

    JSON objects and log lines of some hundred bytes to 2 KB, or mails, as they lie in a pinned
    package; each once, in the order of chance.

    \b
    Example:
      kolmozip corpus records json -o records-json
    """
    from data.general import manifest
    from data.general import records as of

    with files.named_errors(str(output)):
        output.mkdir(parents=True, exist_ok=True)
    pinned = manifest.load()
    how = of.KINDS[kind]
    packages = [package for package in pinned.of(*manifest.PARTS) if package.name == how.package]
    [(package, archive)], _ = _obtain(packages, True, quiet)
    found = of.records(how, package, archive, pinned.seed)
    named = {
        str(output / f"{number:05}{how.suffix}"): record for number, record in enumerate(found)
    }
    _write_new(named, force)
    digest = hashlib.sha256(b"".join(found)).hexdigest()
    facts = {"kind": kind, "files": len(found), "bytes": sum(map(len, found)), "sha256": digest}
    options.print_facts(facts, as_json)


@click.command("list")
@click.option("--part", type=click.Choice(PARTS), help="Only the packages of one part.")
@options.as_json
def list_(part: Part | None, as_json: bool) -> None:
    """List the packages that text is gathered from.

    With what is taken of them, their licences, and whether their archives are at hand.
    """
    from data.general import manifest, store

    packages = manifest.load().of(*((part,) if part else manifest.PARTS))
    rows = [_row(package, store.at_hand(package) is not None) for package in packages]
    if as_json:
        for row in rows:
            options.print_json(row)
        return
    headings = [key.replace("_", " ") for key in rows[0]]
    headings[headings.index("archive bytes")] = ">archive bytes"
    click.echo(plain_table(headings, [[_cell(value) for value in row.values()] for row in rows]))


def _row(package: Package, here: bool) -> dict[str, object]:
    return {
        "package": package.name,
        "part": package.part,
        "registry": package.registry,
        "version": package.version,
        "archive_bytes": package.size,
        "at_hand": here,
        "licence": package.licence,
        "permissive": package.permissive,
        "kinds": list(dict.fromkeys(take.kind for take in package.take)),
    }


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
