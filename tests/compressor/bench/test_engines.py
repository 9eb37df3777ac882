"""The engines side by side: which setups run, what a row states, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compressor.bench import engines as bench
from compressor.codec import engines, native, weights_store
from compressor.codec.weights_file import unpack
from compressor.errors import NoEngine, UnknownModel

NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"

needs_native = pytest.mark.skipif(native.absent() is not None, reason="no native engine is built")


def test_products_are_those_of_the_matrices() -> None:
    weights = unpack(NANO.read_bytes())
    shape = weights.config
    block = 4 * shape.width * shape.state + 3 * shape.width * shape.hidden
    outer = shape.ngram_width * shape.width + 256 * (shape.width + shape.ngram_width)
    assert bench.products(weights) == outer + shape.layers * block


def test_without_the_native_engine_nothing_is_measured(
    source: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "absent", lambda: "it was not built")
    with pytest.raises(NoEngine, match="it was not built"):
        bench.measure(str(source), [1], raw, quiet=True)
    assert not raw.exists()


@needs_native
def test_a_level_without_its_weights_is_refused_before_anything_runs(
    source: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_store, "weights_files", lambda: [])
    with pytest.raises(UnknownModel):
        bench.measure(str(source), [4], raw, quiet=True)
    assert not raw.exists()


@needs_native
def test_what_is_slow_runs_on_small_inputs_alone() -> None:
    def found(size: int, whole: bool) -> list[str]:
        setups = bench.setups([1], size, whole)
        return [setup.instructions or setup.engine for setup in setups if setup.engine != "peer"]

    fast = [name for name in native.instruction_sets() if name != "portable"]
    assert found(1000, False) == ["portable", *fast, "jax"]
    assert found(1_000_000, False) == fast
    assert found(1_000_000, True) == fast[-1:]


@needs_native
@pytest.mark.slow
def test_all_engines_write_one_file_and_are_kept(
    text: bytes, tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO", "nonesuch")  # the peak is not measured
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    source = tmp_path / "text"
    source.write_bytes(text[:500])
    facts, path = bench.measure(str(source), [1, 4], raw, rounds=1, quiet=True)
    assert json.loads(path.read_text()) == facts
    assert facts["peak_products_per_s"] == {}
    assert facts["candle"] == []
    own = [row for row in facts["rows"] if row["engine"] != "peer"]
    assert [(row["level"], row["engine"]) for row in own] == [
        *((1, "native"), (1, "jax")),
        *((4, "native"), (4, "jax")),
    ]
    assert len({(row["level"], row["packed_sha256"]) for row in own}) == 2
    assert [*facts["products_per_byte"]] == ["tiny"]
    assert all(row["reason"] is None and row["same_bytes"] for row in own)
    assert len(bench.table(facts["rows"]).splitlines()) == 1 + len(facts["rows"])


def test_of_several_runs_the_median_stands() -> None:
    runs = [
        {"reason": None, "packed_sha256": "ab", "seconds_compress": seconds, "lanes": 2}
        for seconds in (3.0, 1.0, 2.0)
    ]
    row = {"reason": None, "packed_sha256": "ab", "lanes": 2}
    assert bench.median(runs) == {**row, "seconds_compress": 2.0, "same_bytes": True, "runs": 3}
    runs[1]["packed_sha256"] = "cd"
    assert not bench.median(runs)["same_bytes"]
    runs[2]["reason"] = "decompress: exit code 1"
    assert bench.median(runs)["reason"] == "decompress: exit code 1"


def test_what_cargo_cannot_build_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO", "nonesuch")
    with pytest.raises(bench.CargoFailed, match="cargo is not found"):
        bench.cargo(bench.CANDLE)
    monkeypatch.setenv("CARGO", "false")
    with pytest.raises(bench.CargoFailed, match="run cargo there"):
        bench.cargo(bench.CANDLE)


def test_the_variables_of_a_setup_choose_its_engine() -> None:
    setup = bench.of_level(1, "native", "portable")
    for command in (setup.job.compress, setup.job.decompress):
        assert command[0] == "env"
        assert f"{engines.VARIABLE}=native" in command
        assert f"{native.ISA_VARIABLE}=portable" in command
