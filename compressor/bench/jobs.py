"""Codecs as jobs of the benchmark: the commands that run each, and facts about it."""

from __future__ import annotations

import functools
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from baselines import table
from baselines.codec import Codec, UnknownCodec
from coding import rebuilt
from coding.container import VERSION, Mixed, Reader
from compressor.bench import ours
from compressor.bench.records import OURS
from compressor.bench.store import Facts, read_json
from compressor.codec import levels, weights_store
from compressor.codec.levels import LEVELS, Level
from compressor.system.plain_table import plain_table
from data.splits import training_bytes_within

Blocks: TypeAlias = list[list[int]]
"""[input bytes, output bytes] of each piece of a packed file."""
Maker: TypeAlias = Callable[[], "Job"]

INPUT, OUTPUT, TRACE = "{input}", "{output}", "{trace}"
"""What stands for a path in a job's commands, as a whole argument."""

SEEN = "train_bytes_seen"
_AT_LEVEL = re.compile(rf"{OURS}-([1-9]) -m (\S+)")
WITH_ENWIK8 = ("enwik8", "general")
"""Corpora of which enwik8's training part, and nothing else of enwik8, is the whole or a part."""


def traced(packed: Path, trace: Path) -> Blocks | None:
    """The pieces of a packed file by a worker's trace; None where it never called.

    What is written after the last of the input was taken belongs to the last piece, and a header
    that is written before any input to the first.
    """
    if not trace.is_file():
        return None
    # Of several lines on one number of input bytes the last one counts.
    written: dict[int, int] = dict(map(json.loads, trace.read_text().splitlines()))
    written.pop(0, None)
    if not written:
        return None
    written[max(written)] = packed.stat().st_size
    marks = [(0, 0), *sorted(written.items())]
    return [
        [after[0] - before[0], after[1] - before[1]] for before, after in itertools.pairwise(marks)
    ]


@dataclass(frozen=True)
class Job:
    """How to run a codec, and what a row states of it beforehand.

    ``compress`` and ``decompress`` are commands whose arguments ``{input}``, ``{output}`` and,
    where the codec can write one, ``{trace}`` stand for paths.
    """

    codec: str
    family: str
    version: str
    command: str
    compress: list[str]
    decompress: list[str]
    weights_bytes: int = 0
    parameters: int | None = None
    portable: bool = True
    program_bytes: Callable[[], int | None] = lambda: None
    """Asked when the codec runs, since finding it out takes time."""
    training_bytes_within: Callable[[str, int], int | None] = lambda _name, _size: 0
    """Of an input's name and bytes."""
    blocks: Callable[[Path, Path], Blocks | None] = traced
    """Of the packed file and the trace."""
    recipe: Callable[[Path], Facts] = lambda _packed: {}
    """How the packed file was coded, as it says itself."""
    alone: bool = False
    """Whether nothing runs beside it: our own codec and neural ones use every core."""
    extra: Facts = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Runs of one key on one input are runs of the same thing."""
        return self.codec, self.version


def baseline_job(codec: Codec) -> Job:
    """The job of a codec of ``baselines.table``."""
    worker = [sys.executable, "-P", "-m", "compressor.bench.worker"]
    return Job(
        codec=codec.name,
        family=codec.family,
        version=codec.version,
        command=codec.command,
        compress=[*worker, "compress", codec.name, INPUT, OUTPUT, "--trace", TRACE],
        decompress=[*worker, "decompress", codec.name, INPUT, OUTPUT],
        program_bytes=lambda: codec.program_bytes,
        extra={"build": codec.build} if codec.build else {},
    )


def level_job(number: int) -> Job:
    """The job of our own compressor at one of its levels.

    Raises UnknownModel where the weights of its network are not at hand, AmbiguousModel.
    """
    level = LEVELS[number]
    paths = [weights_store.path_by_name(name) for name in level.models]
    return _own_job(f"{OURS}-{number}", level, paths, [f"-{number}"], [])


def model_job(name: str, number: int | None = None) -> Job:
    """The job of our own compressor at a level, the default one if None, with weights of this name.

    A name that ends in .kzw is a path. Raises UnknownModel, AmbiguousModel.
    """
    path = weights_store.path_by_name(name)
    level = LEVELS[levels.DEFAULT if number is None else number]
    how = [f"-{level.number}", "--model", name]
    codec = f"{OURS}{path.stem}" if number is None else f"{OURS}-{number} -m {path.stem}"
    return _own_job(codec, level, [path], how, _weights_folder(name))


def _own_job(
    codec: str, level: Level, paths: Sequence[Path], how: list[str], before: list[str]
) -> Job:
    """Our own compressor at a level with the weights at these paths, of which a block takes one.

    ``how`` are options to compress, and ``before`` goes before the command that restores. The
    version holds all that decides a file's bytes beside the input, so that a level of other tables
    or other weights is another run. What a row counts of weights are those that its file names.
    """
    program = [sys.executable, "-P", "-m", "compressor"]
    design, lanes = level.design.name.lower(), f"{level.lanes} lane{'s' * (level.lanes > 1)}"
    more = f" and {level.more_bytes} a byte" if level.more_bytes else ""
    version = f"format {VERSION}, {design}, {level.tables_mib} MiB{more}, {lanes}"
    known = {weights_store.identity_of(path): path for path in paths}
    if known:
        version += f", weights {' or '.join(identity.hex() for identity in known)}"
    return Job(
        codec=codec,
        family="neural" if paths else "context mixing",
        version=version,
        command=f"kolmozip {' '.join(how)} FILE",
        compress=[*program, "compress", *how, INPUT, "-o", OUTPUT],
        decompress=[*before, *program, "decompress", INPUT, "-o", OUTPUT],
        program_bytes=ours.program_bytes,
        training_bytes_within=_trained_on([weights_store.card_of(path) for path in paths]),
        blocks=lambda packed, _trace: ours.blocks(packed),
        recipe=lambda packed: recipe(packed) | _weights_of(packed, known),
        alone=True,
        extra={"file_format": VERSION, "level": level.number},
    )


def _weights_of(packed: Path, known: Mapping[bytes, Path]) -> Facts:
    """The weights that the blocks of a container name, as a row states them."""
    if not known:
        return {}
    named = {head.weights_id for head in _mixed(packed)}
    # A container in the short form says the first bytes of an identity.
    used = {identity: path for identity, path in known.items() if identity.startswith(tuple(named))}
    cards = [weights_store.card_of(path) for path in used.values()]
    counts = {name: [card.get(name) for card in cards] for name in ("parameters", SEEN)}
    return {
        "model": ", ".join(path.stem for path in used.values()) or None,
        "weights": ", ".join(identity.hex() for identity in used) or None,
        "weights_bytes": sum(path.stat().st_size for path in used.values()),
        **{name: None if None in each else sum(each) for name, each in counts.items()},
    }


def recipe(packed: Path, start: int = 0) -> Facts:
    """How the first mixed block of the container at an offset of a file was coded.

    The design of the memory, MiB of its tables, and lanes; empty where no block is mixed.
    """
    head = next(_mixed(packed, start), None)
    if head is None:
        return {}
    return {"design": head.design.name.lower(), "tables_mib": head.tables, "lanes": head.lanes}


def _mixed(packed: Path, start: int = 0) -> Iterator[Mixed]:
    """The heads of the mixed blocks of the container at an offset of a file."""
    with packed.open("rb") as source:
        source.seek(start)
        for block in Reader(source).blocks():
            yield from rebuilt.mixed_heads(block)


def _weights_folder(name: str) -> list[str]:
    """What goes before a command so that it finds weights given by path.

    A container names its weights by identity alone.
    """
    if not name.endswith(weights_store.SUFFIX):
        return []
    return ["env", f"{weights_store.FOLDER_VARIABLE}={Path(name).resolve().parent}"]


def transformer_job(path: Path) -> Job:
    """The job of the transformer baseline with the weights file of a training run.

    Raises UnknownCodec where file or card are not there, MalformedResult where the card is damaged.
    """
    card_path = path.with_suffix(".json")
    if not path.is_file() or not card_path.is_file():
        raise UnknownCodec(
            f"{path} and its card {card_path.name} are not both there: "
            "name the weights file of a training run"
        )
    card = read_json(card_path)
    program = [sys.executable, "-P", "-m", "compressor.bench.float_codec"]
    return Job(
        codec=path.stem,
        family="neural",
        version=f"format {VERSION}, weights {card['identity']}",
        command=f"python -m compressor.bench.float_codec compress {path.name} FILE FILE.kzf",
        compress=[*program, "compress", str(path.resolve()), INPUT, OUTPUT],
        decompress=[*program, "decompress", str(path.resolve()), INPUT, OUTPUT],
        weights_bytes=card["file_bytes"],
        parameters=card["parameters"],
        portable=False,
        program_bytes=lambda: ours.program_bytes(ours.TRANSFORMER),
        training_bytes_within=_trained_on([card]),
        blocks=lambda packed, _trace: ours.blocks(packed, len(ours.FLOAT_MAGIC)),
        recipe=lambda packed: recipe(packed, len(ours.FLOAT_MAGIC)),
        alone=True,
        extra={
            "file_format": VERSION,
            "weights": card["identity"],
            SEEN: card[SEEN],
        },
    )


def _trained_on(cards: Sequence[dict[str, Any]]) -> Callable[[str, int], int | None]:
    """What of an input, by its name and bytes, models with these cards were trained on."""
    if not cards:
        return lambda _name, _size: 0
    known = all(card.get("corpus") in WITH_ENWIK8 for card in cards)
    return training_bytes_within if known else lambda _name, _size: None


def catalogue() -> dict[str, Maker]:
    """Every codec that can run here, classical ones first: name -> what makes its job.

    Of our own levels these are those whose weights are at hand.
    """
    makers: dict[str, Maker] = {
        codec.name: functools.partial(baseline_job, codec) for codec in table.codecs()
    }
    models = {path.stem for path in weights_store.weights_files()}
    for number, level in LEVELS.items():
        if models.issuperset(level.models):
            makers[f"{OURS}-{number}"] = functools.partial(level_job, number)
    return makers


def jobs_named(names: Sequence[str] = ()) -> list[Job]:
    """The jobs of these codecs, each once, or of all that can run here.

    The weights file of a training run stands for the network it holds, and "kolmozip -9 -m NAME"
    for weights at another level than the default one. Raises UnknownCodec.
    """
    makers = catalogue()
    for name in names:
        if name not in makers:
            makers[name] = _by_weights(name, makers)
    return [makers[name]() for name in dict.fromkeys(names or makers)]


def _by_weights(name: str, makers: dict[str, Maker]) -> Maker:
    """What makes the job of weights at a level, or of a weights file by path.

    Raises UnknownCodec for other names.
    """
    if at_level := _AT_LEVEL.fullmatch(name):
        return functools.partial(model_job, at_level[2], int(at_level[1]))
    if name.endswith(weights_store.SUFFIX):
        return functools.partial(model_job, name)
    from baselines import transformer_weights  # loads JAX

    if name.endswith(transformer_weights.SUFFIX):
        return functools.partial(transformer_job, Path(name))
    raise UnknownCodec(
        f"no codec named {name!r} can run here: choose from {', '.join(makers)}; "
        "`kolmozip bench list` says how to get others"
    )


def listing() -> list[str]:
    """Lines for a reader: every codec that can run here, then the known ones that cannot."""
    rows = [[job.codec, job.family, job.version] for job in jobs_named()]
    lines = plain_table(("codec", "family", "version"), rows).splitlines()
    if missing := table.absent():
        lines += ["", "not on this machine:", *(f"  {line}" for line in missing)]
    return lines
