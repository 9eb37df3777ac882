"""Jobs: what the benchmark can run, by which names, and what is known of each beforehand."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from baselines.codec import UnknownCodec
from baselines.transformer_weights import SUFFIX
from coding import container
from compressor.bench import jobs
from compressor.bench.jobs import jobs_named, listing, recipe, traced
from compressor.bench.store import MalformedResult
from compressor.codec import levels, native, registry, stream, weights_store
from compressor.codec.levels import LEVELS
from compressor.errors import UnknownModel
from data.samples import sample
from data.splits import training_bytes_within

GOLDEN = Path(__file__).parents[2] / "golden" / "nano.kzw"


def test_a_trace_becomes_pieces_of_the_file(tmp_path: Path) -> None:
    packed, trace = tmp_path / "packed", tmp_path / "trace"
    packed.write_bytes(bytes(100))
    assert traced(packed, trace) is None
    trace.write_text("[0, 9]\n[1000, 40]\n[2000, 60]\n[2500, 60]\n[2500, 95]\n")
    assert traced(packed, trace) == [[1000, 40], [1000, 20], [500, 40]]
    trace.write_text("[0, 9]\n")
    assert traced(packed, trace) is None


def test_training_bytes_within_an_input() -> None:
    within = {
        ("enwik8", 10**8): 90_000_000,
        ("head1m", 10**6): 10**6,
        ("test5m", 5 * 10**6): 0,
        ("test5m", 17): None,
        ("test5m-text8", 10**6): 0,
        ("head1m-text8", 10**5): None,
        ("book.txt", 17): None,
    }
    assert {case: training_bytes_within(*case) for case in within} == within


def test_unknown_names_are_refused_with_the_choices() -> None:
    with pytest.raises(UnknownCodec, match=r"'nonesuch' .*gzip -9 .*kolmozip -6.*list"):
        jobs_named(["nonesuch"])


def test_a_name_given_twice_is_one_job() -> None:
    assert [job.codec for job in jobs_named(["xz -9e", "xz -9e"])] == ["xz -9e"]


def test_every_codec_here_is_listed_and_others_with_their_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs.table, "absent", lambda: ("cmix -c: build it",))
    lines = listing()
    assert lines[0].split() == ["codec", "family", "version"]
    names = {line.split("  ")[0] for line in lines[1:]}
    assert {"gzip -9 (library)", "xz -9e", "kolmozip -1", "kolmozip -6"} <= names
    assert lines[-3:] == ["", "not on this machine:", "  cmix -c: build it"]


def test_each_level_whose_weights_are_at_hand_is_a_codec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = [name for name in jobs.catalogue() if name.startswith("kolmozip")]
    assert ours == [f"kolmozip -{number}" for number in LEVELS]
    monkeypatch.setattr(weights_store, "weights_files", lambda: [Path("tiny.kzw")])
    ours = [name for name in jobs.catalogue() if name.startswith("kolmozip")]
    assert ours == [
        f"kolmozip -{n}" for n, level in LEVELS.items() if level.models in ((), ("tiny",))
    ]


def test_the_job_of_a_level_states_the_weights_that_it_may_use() -> None:
    [job] = jobs_named(["kolmozip -6"])
    level = LEVELS[6]
    paths = map(weights_store.path_by_name, level.models)
    weights = " or ".join(weights_store.identity_of(path).hex() for path in paths)
    assert len(level.models) == 2
    assert (job.codec, job.family, job.portable, job.alone) == ("kolmozip -6", "neural", True, True)
    assert job.version == (
        f"format {container.VERSION}, {level.design.name.lower()}, {level.tables_mib} MiB "
        f"and {level.more_bytes} a byte, {level.lanes} lanes, weights {weights}"
    )
    assert job.extra == {"file_format": container.VERSION, "level": 6}
    assert job.training_bytes_within("head1m", 10**6) == 10**6
    assert (job.command, job.compress[-4]) == ("kolmozip -6 FILE", "-6")


@pytest.mark.slow
@pytest.mark.skipif(native.absent() is not None, reason="takes minutes without the native engine")
def test_a_file_is_counted_with_the_weights_that_it_names(tmp_path: Path) -> None:
    [job] = jobs_named(["kolmozip -6"])
    packed, made = tmp_path / "packed", []
    for models in (["base"], ["general"], []):
        coders = registry.coders(models)
        with packed.open("wb") as target:
            stream.compress_stream(io.BytesIO(sample()[:2000]), target, coders=coders)
        made.append(job.recipe(packed))
    for facts, name in zip(made, ("base", "general"), strict=False):
        path = weights_store.path_by_name(name)
        card = weights_store.card_of(path)
        assert facts["model"] == name
        assert facts["weights"] == weights_store.identity_of(path).hex()
        assert facts["weights_bytes"] == path.stat().st_size
        assert facts["parameters"] == card["parameters"]
        assert facts["train_bytes_seen"] == card["train_bytes_seen"]
    assert made[2]["model"] is made[2]["weights"] is None
    assert made[2]["weights_bytes"] == made[2]["parameters"] == 0


def test_a_level_without_a_network_has_no_weights_and_was_trained_on_nothing() -> None:
    [job] = jobs_named(["kolmozip -1"])
    assert (job.family, job.weights_bytes, job.parameters) == ("context mixing", 0, None)
    assert job.version.endswith("1 lane")
    assert "weights" not in job.extra
    assert job.training_bytes_within("head1m", 10**6) == 0


def test_how_a_file_was_coded_is_read_from_it(tmp_path: Path) -> None:
    mixed, raw = tmp_path / "mixed", tmp_path / "raw"
    text = sample()[:4000]
    mixed.write_bytes(b"8 bytes." + stream.compress(text, 2))
    how = LEVELS[2].recipe(len(text))
    assert recipe(mixed, 8) == {
        "design": how.design.name.lower(),
        "tables_mib": how.tables,
        "lanes": how.lanes,
    }
    raw.write_bytes(stream.compress(b"x", 2))
    assert recipe(raw) == {}


def test_weights_by_path_code_at_the_default_level_and_are_found_again(tmp_path: Path) -> None:
    other = tmp_path / "nano-other.kzw"
    other.write_bytes(GOLDEN.read_bytes())
    [job] = jobs_named([str(other)])
    assert (job.codec, job.extra["level"]) == ("kolmozip nano-other", levels.DEFAULT)
    assert job.decompress[:2] == ["env", f"{weights_store.FOLDER_VARIABLE}={tmp_path}"]
    assert job.training_bytes_within("head1m", 10**6) is None, "it has no card"


def test_weights_may_code_at_any_level() -> None:
    [job] = jobs_named(["kolmozip -9 -m tiny"])
    identity = weights_store.identity_of(weights_store.path_by_name("tiny")).hex()
    assert (job.codec, job.extra["level"]) == ("kolmozip -9 -m tiny", 9)
    assert job.command == "kolmozip -9 --model tiny FILE"
    assert job.version.endswith(f"{LEVELS[9].lanes} lanes, weights {identity}")
    with pytest.raises(UnknownModel):
        jobs_named(["kolmozip -9 -m nobody"])
    with pytest.raises(UnknownCodec):
        jobs_named(["kolmozip -0 -m tiny"])


def test_weights_of_a_transformer_need_their_card(tmp_path: Path) -> None:
    weights = tmp_path / f"some{SUFFIX}"
    with pytest.raises(UnknownCodec, match="training run"):
        jobs_named([str(weights)])
    weights.write_bytes(b"weights")
    with pytest.raises(UnknownCodec, match="training run"):
        jobs_named([str(weights)])
    weights.with_suffix(".json").write_text("{")
    with pytest.raises(MalformedResult, match=r"some\.json"):
        jobs_named([str(weights)])


def test_the_job_of_a_transformer_states_what_its_card_says(tmp_path: Path) -> None:
    weights = tmp_path / f"some{SUFFIX}"
    weights.write_bytes(b"weights")
    card = {"identity": "ab", "file_bytes": 7, "parameters": 5, "train_bytes_seen": 3}
    weights.with_suffix(".json").write_text(json.dumps({**card, "corpus": "enwik8"}))
    [job] = jobs_named([str(weights)])
    assert (job.codec, job.version, job.portable) == (
        "some",
        f"format {container.VERSION}, weights ab",
        False,
    )
    assert (job.weights_bytes, job.parameters, job.extra["train_bytes_seen"]) == (7, 5, 3)
