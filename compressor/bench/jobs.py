"""Codecs as jobs of the benchmark: the commands that run each in a fresh process, and what is known of it beforehand."""

from __future__ import annotations

import functools
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baselines import table, transformer_weights
from baselines.codec import Codec, UnknownCodec
from coding import container
from compressor.bench import ours
from data.lanes import lane_count
from data.splits import training_bytes_within

Blocks = list[list[int]]

INPUT, OUTPUT, TRACE = "{input}", "{output}", "{trace}"
"""What stands for a path in a job's commands, as a whole argument."""


def traced(packed: Path, trace: Path) -> Blocks | None:
    """[input bytes, output bytes] from call to call of a worker's trace; None where it never called.

    What is written after the last of the input was taken belongs to the last piece.
    """
    if not trace.is_file():
        return None
    written = dict(
        map(json.loads, trace.read_text().splitlines())
    )  # the last word on each number of input bytes counts
    written.pop(0, None)  # a header written before any input belongs to the first piece
    if not written:
        return None
    consumed = sorted(written)
    at = [
        (0, 0),
        *((place, written[place]) for place in consumed[:-1]),
        (consumed[-1], packed.stat().st_size),
    ]
    return [
        [after[0] - before[0], after[1] - before[1]] for before, after in itertools.pairwise(at)
    ]


def not_trained(name: str, size: int) -> int:
    """Training bytes within an input, for a codec that was trained on nothing."""
    return 0


@dataclass(frozen=True)
class Job:
    """How to run a codec, and what a row says of it beforehand.

    `compress` and `decompress` are commands whose arguments `{input}`, `{output}` and, where the codec can, `{trace}`
    stand for paths. `program_bytes` is asked when the codec runs, since finding it out takes time; so is
    `training_bytes_within`, of the input's name and bytes. `blocks` reads the packed file and the trace. A function in
    `extra` gives the fact from the input's bytes.
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
    training_bytes_within: Callable[[str, int], int | None] = not_trained
    blocks: Callable[[Path, Path], Blocks | None] = traced
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Neural codecs use every core, so nothing runs beside them."""
        return self.family == "neural"


def baseline_job(codec: Codec) -> Job:
    """The job of a codec of `baselines.table`."""
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


def model_job(name: str | None = None) -> Job:
    """The job of our own compressor with weights by name or path, the default ones for None. Raises as
    `registry.by_name`. The weights are part of the version, so other weights are another run."""
    from compressor.codec import model as registry
    from compressor.codec import weights_store

    model = registry.by_name(name or weights_store.DEFAULT_MODEL)
    choice, told = (
        ["--model", name] if name else [],
        "" if model.name == weights_store.DEFAULT_MODEL else f" --model {model.name}",
    )
    program = [sys.executable, "-P", "-m", "compressor"]
    return Job(
        codec=f"kolmozip {model.name}",
        family="neural",
        version=f"weights {model.identity.hex()}",
        command=f"kolmozip compress{told} FILE",
        compress=[*program, "compress", INPUT, "-o", OUTPUT, *choice],
        decompress=[*_found(name), *program, "decompress", INPUT, "-o", OUTPUT],
        weights_bytes=model.file_bytes,
        parameters=model.card.get("parameters"),
        program_bytes=ours.program_bytes,
        training_bytes_within=_trained_on(model.card),
        blocks=lambda packed, _: ours.blocks(packed),
        extra={
            "model": model.name,
            "weights": model.identity.hex(),
            "train_bytes_seen": model.card.get("train_bytes_seen"),
            "lanes": lanes,
        },
    )


def _found(name: str | None) -> list[str]:
    """What goes before a command so that it finds weights given by path: a container names them by identity alone."""
    from compressor.codec.weights_store import FOLDER_VARIABLE

    return (
        ["env", f"{FOLDER_VARIABLE}={Path(name).resolve().parent}"]
        if name and name.endswith(".kzw")
        else []
    )


def transformer_job(path: Path) -> Job:
    """The job of the transformer baseline with the weights file of a training run. Raises UnknownCodec."""
    card_path = path.with_suffix(".json")
    if not path.is_file() or not card_path.is_file():
        raise UnknownCodec(
            f"{path} and its card {card_path.name} are not both there: name the weights file of a training run"
        )
    card = json.loads(card_path.read_text("utf-8"))
    run = [sys.executable, "-P", "-m", "compressor.bench.float_codec"]
    return Job(
        codec=path.stem,
        family="neural",
        version=f"weights {card['identity']}",
        command=f"python -m compressor.bench.float_codec compress {path.name} FILE FILE.kz",
        compress=[*run, "compress", str(path.resolve()), INPUT, OUTPUT],
        decompress=[*run, "decompress", str(path.resolve()), INPUT, OUTPUT],
        weights_bytes=card["file_bytes"],
        parameters=card["parameters"],
        portable=False,
        program_bytes=lambda: ours.program_bytes(
            ("baselines/transformer.py", "baselines/transformer_weights.py")
        ),
        training_bytes_within=_trained_on(card),
        blocks=lambda packed, _: ours.blocks(packed),
        extra={
            "weights": card["identity"],
            "train_bytes_seen": card["train_bytes_seen"],
            "lanes": lanes,
        },
    )


def lanes(size: int) -> int:
    """Lanes of the first block of an input of so many bytes."""
    return lane_count(min(size, container.MAX_BLOCK))


def _trained_on(card: dict[str, Any]) -> Callable[[str, int], int | None]:
    return training_bytes_within if card.get("corpus") == "enwik8" else lambda _name, _size: None


def catalogue() -> dict[str, Callable[[], Job]]:
    """Every codec that can run here, classical ones first: name -> what makes its job."""
    from compressor.codec import weights_store

    found: dict[str, Callable[[], Job]] = {
        codec.name: functools.partial(baseline_job, codec) for codec in table.codecs()
    }
    return found | {
        f"kolmozip {path.stem}": functools.partial(model_job, path.stem)
        for path in weights_store.weights_files()
    }


def jobs_named(names: Sequence[str] = ()) -> list[Job]:
    """The jobs of these codecs, each once, or of all that can run here; the weights file of a training run stands for the
    network it holds. Raises UnknownCodec."""
    known = catalogue()
    for name in names:
        if name.endswith(transformer_weights.SUFFIX):
            known[name] = functools.partial(transformer_job, Path(name))
        elif name.endswith(".kzw"):
            known[name] = functools.partial(model_job, name)
        elif name not in known:
            raise UnknownCodec(
                f"no codec named {name!r} can run here: choose from {', '.join(known)}; "
                "`kolmozip bench --list` says how to get others"
            )
    return [known[name]() for name in dict.fromkeys(names or known)]


def listing() -> list[str]:
    """Lines for a reader: every codec that can run here with family and version, then the known ones that cannot."""
    jobs = jobs_named()
    width = max(len(job.codec) for job in jobs)
    lines = [f"{job.codec:{width}}  {job.family:14}  {job.version}" for job in jobs]
    missing = table.absent()
    return lines + (
        ["", "not on this machine:", *(f"  {line}" for line in missing)] if missing else []
    )
