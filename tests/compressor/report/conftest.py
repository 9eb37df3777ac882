"""Made-up measurements, and a report of them. Every figure here is made up for these tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from compressor.codec.levels import LEVELS
from compressor.report.measurements import Measurements, load

MEASURED: dict[str, Any] = {
    "kind": "row",
    "codec": "made-up -9",
    "family": "LZ77",
    "version": "0.0 of the tests",
    "command": "made-up -9 < FILE",
    "status": "verified",
    "reason": None,
    "input": "test5m",
    "input_bytes": 5_000_000,
    "input_sha256": "ab" * 32,
    "compressed_bytes": 2_000_000,
    "weights_bytes": 0,
    "parameters": None,
    "program_bytes": 50_000,
    "bits_per_char": 3.2,
    "seconds_compress": 5.0,
    "seconds_decompress": 2.5,
    "kb_per_s_compress": 1000.0,
    "kb_per_s_decompress": 2000.0,
    "peak_rss_bytes_compress": 30_000_000,
    "peak_rss_bytes_decompress": 20_000_000,
    "training_bytes_within": 0,
    "portable": True,
    "blocks": [[2_500_000, 1_100_000], [2_500_000, 900_000]],
    "jobs": 1,
    "processor": "made-up processor",
    "cores": 2,
    "system": "Linux made-up",
    "commit": "0123456789ab",
    "date": "2020-01-02T00:00:00Z",
}
NEURAL: dict[str, Any] = {
    "family": "neural",
    "weights_bytes": 3_000_000,
    "parameters": 4_000_000,
    "train_bytes_seen": 20_000_000,
    "blocks": None,
}


ABLATION: dict[str, Any] = {
    "kind": "ablation",
    "group": "base",
    "name": "base",
    "about": "the shipped network, smaller",
    "seed": 0,
    "seeds": 3,
    "setting": {"total_bytes": 3_000_000, "lanes": 16, "window": 256, "learning_rate": 0.01},
    "corpus": "made-up",
    "train_sha256": "ab" * 32,
    "valid_sha256": "cd" * 32,
    "valid_bytes": 262_144,
    "network": "variant",
    "model": {"width": 160, "hidden": 288},
    "parameters": 1_000_000,
    "table_parameters": 400_000,
    "state_numbers": 960,
    "train_config": {"lanes": 16, "window": 256, "learning_rate": 0.01},
    "bytes": 2_998_272,
    "bits_per_char": 2.0,
    "reason": None,
    "seconds": 70.5,
    "step_ms": 90.0,
    "kb_per_s": 45.5,
    "device": "cpu",
    "processor": "made-up processor",
    "cores": 2,
    "commit": "0123456789ab",
    "date": "2020-01-02T00:00:00Z",
}

RUNG: dict[str, Any] = {
    "kind": "ladder",
    "rung": "ar",
    "family": "ar",
    "about": "a step a byte",
    "scale": "1M",
    "seed": 0,
    "setting": {"total_bytes": 4_000_000, "lanes": 16, "window": 256, "learning_rate": 0.008},
    "corpus": "made-up",
    "train_sha256": "ab" * 32,
    "valid_sha256": "cd" * 32,
    "valid_bytes": 1_000_000,
    "network": "network",
    "model": {"width": 192},
    "parameters": 1_400_000,
    "table_parameters": 400_000,
    "inner_parameters": 1_000_000,
    "multiply_adds": 1_000_000.0,
    "backbone_steps": 1.0,
    "train_config": {"lanes": 16, "window": 256, "learning_rate": 0.008},
    "bytes": 3_997_696,
    "bits_per_char": 2.0,
    "mixture_bits_per_char": 1.6,
    "mixture_design": "light",
    "file_bytes": None,
    "file_bits_per_char": None,
    "compress_kb_per_s": None,
    "decompress_kb_per_s": None,
    "reason": None,
    "seconds": 70.5,
    "step_ms": 50.0,
    "kb_per_s": 81.9,
    "device": "cpu",
    "processor": "made-up processor",
    "cores": 2,
    "commit": "0123456789ab",
    "date": "2020-01-02T00:00:00Z",
}
SCALES = {"0.3M": 250_000, "1M": 1_000_000, "4M": 4_000_000}
"""Scale -> parameters outside tables: two doublings from one to the next."""
SIZED = {"ar": (1, 0), "ar-half": (1 / 2, 5), "ar-quarter": (1 / 4, 10), "ar-fifth": (1 / 5, 12)}
"""AR network -> its share of the multiply-adds, and by how many per cent it is worse."""


class Keeper:
    """Writes made-up measurements into a folder: ``keep(**facts)`` a row with these facts."""

    MEASURED, ABLATION, RUNG, SCALES = MEASURED, ABLATION, RUNG, SCALES
    ENWIK8: Mapping[str, Any] = {
        "input": "enwik8",
        "input_bytes": 100_000_000,
        "input_sha256": "cd" * 32,
    }
    FAILED: Mapping[str, Any] = {
        "status": "failed",
        "reason": "decoded bytes differ",
        "compressed_bytes": None,
        "date": "2020-01-01T00:00:00Z",
    }

    def __init__(self, raw: Path) -> None:
        self.raw = raw

    def __call__(self, **facts: Any) -> Path:
        """A verified row on test5m; returns the path."""
        path = self.raw / f"row-{len(list(self.raw.iterdir())):03}.json"
        path.write_text(json.dumps({**MEASURED, **facts}))
        return path

    def ours(self, **facts: Any) -> Path:
        """A row of a model of ours."""
        codec = {"codec": "kolmozip tiny", "compressed_bytes": 900_000}
        return self(**{**NEURAL, **codec, **facts})

    def level(self, number: int, **facts: Any) -> Path:
        """A row of one of our levels, in the present format."""
        codec = {"codec": f"kolmozip -{number}", "level": number, "file_format": 1, "lanes": 32}
        recipe = {"design": "full", "tables_mib": 448, "compressed_bytes": 900_000}
        if LEVELS[number].model:
            network = {"model": LEVELS[number].model, "weights": "0a0b"}
            return self(**{**NEURAL, **network, **codec, **recipe, **facts})
        return self(**{"family": "context mixing", **codec, **recipe, **facts})

    def rival(self, **facts: Any) -> Path:
        """A row of the transformer."""
        codec = {"codec": "transformer-tiny", "portable": False, "lanes": 64}
        return self(**{**NEURAL, **codec, "kb_per_s_decompress": 100.0, **facts})

    def failed(self, codec: str, **facts: Any) -> Path:
        """A row that failed, older than the others."""
        return self(codec=codec, **{**self.FAILED, **facts})

    def estimate(self, checkpoint: str, alone: float, file: str = "", **facts: Any) -> Path:
        """An estimate of 1.25 bits/char, ``alone`` without the memory."""
        figures = {"bits_per_char": 1.25, "bits_per_char_network_alone": alone, "bytes": 781_250}
        path = self(kind="estimate", checkpoint=checkpoint, **{**figures, **facts})
        return path.rename(path.with_name(file)) if file else path

    def one_of_all(self) -> None:
        """On all of enwik8, and as a log, one of everything that is drawn."""
        self(**self.ENWIK8)
        other = {"family": "PPM", "kb_per_s_decompress": 50.0, "compressed_bytes": 1_000_000}
        self(codec="other", **other, **self.ENWIK8)
        self.ours(blocks=[[50_000_000, 450_000]] * 2, **self.ENWIK8)
        lines: list[dict[str, float]] = [
            {"step": at, "bytes": at * 100, "train_bits_per_char": 3 / at + 1.5}
            for at in range(1, 30)
        ]
        lines += [{"step": 20, "valid_slice_bits_per_char": 2.0}]
        lines += [{"step": 29, "valid_bits_per_char": 1.9}]
        log = "".join(json.dumps(line) + "\n" for line in lines)
        (self.raw / "train-tiny.jsonl").write_text(log)

    def ablation(self, **facts: Any) -> Path:
        """A run of an ablation, of the base unless told otherwise."""
        path = self.raw / f"ablation-{len(list(self.raw.iterdir())):03}.json"
        run = {**ABLATION, **facts}
        run["train_config"] = {**run["train_config"], "seed": run["seed"]}
        path.write_text(json.dumps(run))
        return path

    def ablations(self) -> None:
        """Three seeds of the base, two of three of another gate, and one run without n-grams."""
        for seed, bits in enumerate((2.0, 2.01, 1.99)):
            self.ablation(seed=seed, bits_per_char=bits)
            if seed != 1:
                figures = {"bits_per_char": bits + 0.02, "step_ms": 70.0 + seed}
                self.ablation(group="mlp", name="swiglu", seed=seed, **figures)
        sizes = {"parameters": 600_000, "table_parameters": 0}
        self.ablation(group="n-grams", name="none", seeds=1, bits_per_char=2.1, **sizes)

    def rung(self, rung: str = "ar", scale: str = "1M", seed: int = 0, **facts: Any) -> Path:
        """A run of the ladder, a byte a step unless told otherwise.

        ``gap`` among the facts is by how many per cent its bits/char, alone and of the mixture, lie
        above those of AR, which are 2.0 and 1.6, and a tenth more in every further seed.
        """
        path = self.raw / f"ladder-{len(list(self.raw.iterdir())):03}.json"
        more = (1 + facts.pop("gap", 0) / 100) * (1 + seed / 10)
        run = {
            **RUNG,
            "rung": rung,
            "scale": scale,
            "seed": seed,
            "inner_parameters": SCALES[scale],
            "multiply_adds": SCALES[scale],
            "bits_per_char": 2.0 * more,
            "mixture_bits_per_char": 1.6 * more,
            **facts,
        }
        run["train_config"] = {**run["train_config"], "seed": seed}
        path.write_text(json.dumps(run))
        return path

    def controls(self, scale: str = "1M", seeds: int = 2) -> None:
        """AR networks of four sizes at a scale, with files."""
        for seed in range(seeds):
            for rung, (share, gap) in SIZED.items():
                rate = 1.6 * (1 + gap / 100) * (1 + seed / 10)
                self.rung(
                    rung,
                    scale,
                    seed,
                    family="ar" if share == 1 else "shrunk",
                    gap=gap,
                    multiply_adds=SCALES[scale] * share,
                    file_bytes=round(rate * 125_000),
                    file_bits_per_char=rate,
                    compress_kb_per_s=20 / share,
                    decompress_kb_per_s=25 / share + seed,
                )

    def gaps(
        self, rung: str, family: str, gaps: Mapping[str, Sequence[float]], **facts: Any
    ) -> None:
        """Runs of a rung with these gaps: scale -> those of the seeds, from 0."""
        for scale, own in gaps.items():
            for seed, gap in enumerate(own):
                self.rung(rung, scale, seed, family=family, gap=gap, **facts)

    def load(self, cited: Sequence[Mapping[str, Any]] = ()) -> Measurements:
        """What has been kept so far."""
        return load(self.raw, cited)


@pytest.fixture
def keep(raw: Path) -> Keeper:
    """Writes made-up measurements into a folder."""
    return Keeper(raw)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made and put together, but not painted, which takes most of the time."""
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda figure, file, **_: file.write(b"painted")
    )


@pytest.fixture(scope="session")
def part() -> Callable[..., str]:
    """The part of a page after a heading, up to the next one of its kind."""

    def cut(text: str, start: str, end: str = "\n## ") -> str:
        return text.split(start, 1)[1].split(end, 1)[0]

    return cut


@pytest.fixture
def flat() -> Callable[[str], str]:
    """A text as one line, so that what it says can be found wherever its lines end."""
    return lambda text: " ".join(text.split())
