"""Codecs as jobs of the benchmark: the commands that run each, and facts about it."""

from __future__ import annotations

import functools
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from baselines import table
from baselines.codec import Codec, UnknownCodec
from coding import container
from compressor.bench import ours
from compressor.bench.records import OURS
from compressor.bench.store import Facts, read_json
from compressor.codec import weights_store
from compressor.system.plain_table import plain_table
from data.lanes import lane_count
from data.splits import training_bytes_within

Blocks: TypeAlias = list[list[int]]
"""[input bytes, output bytes] of each piece of a packed file."""
Maker: TypeAlias = Callable[[], "Job"]

INPUT, OUTPUT, TRACE = "{input}", "{output}", "{trace}"
"""What stands for a path in a job's commands, as a whole argument."""


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
    lanes: Callable[[int], int] | None = None
    """Of an input's bytes; None for codecs without lanes."""
    extra: Facts = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Runs of one key on one input are runs of the same thing."""
        return self.codec, self.version

    @property
    def alone(self) -> bool:
        """Neural codecs use every core, so nothing runs beside them."""
        return self.family == "neural"


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


def model_job(name: str = weights_store.DEFAULT_MODEL) -> Job:
    """The job of our own compressor with weights by name, or by a path that ends in .kzw.

    The weights are part of the version, so other weights are another run. Raises UnknownModel,
    AmbiguousModel.
    """
    path = weights_store.path_by_name(name)
    identity, card = weights_store.identity_of(path).hex(), weights_store.card_of(path)
    shown = "" if path.stem == weights_store.DEFAULT_MODEL else f" --model {path.stem}"
    program = [sys.executable, "-P", "-m", "compressor"]
    return Job(
        codec=f"{OURS}{path.stem}",
        family="neural",
        version=f"weights {identity}",
        command=f"kolmozip compress{shown} FILE",
        compress=[*program, "compress", INPUT, "-o", OUTPUT, "--model", name],
        decompress=[*_weights_folder(name), *program, "decompress", INPUT, "-o", OUTPUT],
        weights_bytes=path.stat().st_size,
        parameters=card.get("parameters"),
        program_bytes=ours.program_bytes,
        training_bytes_within=_trained_on(card),
        blocks=lambda packed, _trace: ours.blocks(packed),
        lanes=lanes,
        extra={
            "model": path.stem,
            "weights": identity,
            "train_bytes_seen": card.get("train_bytes_seen"),
        },
    )


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
        version=f"weights {card['identity']}",
        command=f"python -m compressor.bench.float_codec compress {path.name} FILE FILE.kzf",
        compress=[*program, "compress", str(path.resolve()), INPUT, OUTPUT],
        decompress=[*program, "decompress", str(path.resolve()), INPUT, OUTPUT],
        weights_bytes=card["file_bytes"],
        parameters=card["parameters"],
        portable=False,
        program_bytes=lambda: ours.program_bytes(ours.TRANSFORMER),
        training_bytes_within=_trained_on(card),
        blocks=lambda packed, _trace: ours.blocks(packed, len(ours.FLOAT_MAGIC)),
        lanes=lanes,
        extra={"weights": card["identity"], "train_bytes_seen": card["train_bytes_seen"]},
    )


def lanes(size: int) -> int:
    """Lanes of the first block of an input of so many bytes."""
    return lane_count(min(size, container.MAX_BLOCK))


def _trained_on(card: dict[str, Any]) -> Callable[[str, int], int | None]:
    return training_bytes_within if card.get("corpus") == "enwik8" else lambda _name, _size: None


def catalogue() -> dict[str, Maker]:
    """Every codec that can run here, classical ones first: name -> what makes its job."""
    makers: dict[str, Maker] = {
        codec.name: functools.partial(baseline_job, codec) for codec in table.codecs()
    }
    for path in weights_store.weights_files():
        makers.setdefault(f"{OURS}{path.stem}", functools.partial(model_job, path.stem))
    return makers


def jobs_named(names: Sequence[str] = ()) -> list[Job]:
    """The jobs of these codecs, each once, or of all that can run here.

    The weights file of a training run stands for the network it holds. Raises UnknownCodec.
    """
    makers = catalogue()
    for name in names:
        if name not in makers:
            makers[name] = _by_weights(name, makers)
    return [makers[name]() for name in dict.fromkeys(names or makers)]


def _by_weights(name: str, makers: dict[str, Maker]) -> Maker:
    """What makes the job of a weights file by path. Raises UnknownCodec for other names."""
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
