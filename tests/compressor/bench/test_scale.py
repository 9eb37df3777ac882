"""The measurement of much data: every file there and back, and a terabyte by proportion."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor.bench import scale
from compressor.bench.store import read_json
from compressor.codec import native
from compressor.errors import InputMissing
from data.samples import sample


@pytest.mark.slow
@pytest.mark.skipif(native.absent() is not None, reason="takes minutes without")
def test_all_files_of_a_folder_are_coded_at_each_level(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "deep er").mkdir(parents=True)
    texts = {"a": sample()[:9000], "deep er/b\nc": sample()[9000:12_000], "zeros": bytes(700)}
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    (folder / "empty").touch()
    (folder / "link").symlink_to(folder / "a")
    facts, path = scale.measure(folder, (1, 3), tmp_path / "raw")
    assert read_json(path) == facts
    assert (facts["input"], facts["files"], facts["input_bytes"]) == ("texts", 3, 12_700)
    assert [row["level"] for row in facts["rows"]] == [1, 3]
    sizes = [row["compressed_bytes"] for row in facts["rows"]]
    assert 1000 < sizes[1] < sizes[0] < 7000
    for row in facts["rows"]:
        assert row["seconds_compress"] > 0
        assert row["peak_rss_bytes_decompress"] > 10_000_000
        assert f"{row['compressed_bytes']:,}" in scale.table(facts)
    assert {path.name: path.read_bytes() for path in scale.files_of(folder)} == {
        Path(name).name: text for name, text in texts.items()
    }, "what was measured is as it was"


def test_a_terabyte_is_the_measured_times_a_factor() -> None:
    row = {"compressed_bytes": 300_000, "seconds_compress": 7.2, "seconds_decompress": 3.6}
    assert scale.terabyte({"input_bytes": 1_000_000, "cores": 2}, row) == {
        "factor": 1e6,
        "compressed_bytes": 3e11,
        "core_hours_compress": pytest.approx(4000),
        "core_hours_decompress": pytest.approx(2000),
    }


def test_nothing_to_measure_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(InputMissing, match="no file with bytes"):
        scale.files_of(tmp_path)
    (tmp_path / "one").write_bytes(b"1")
    assert scale.files_of(tmp_path / "one") == [tmp_path / "one"]


def test_what_does_not_end_well_or_come_back_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(b"1")
    monkeypatch.setattr(scale, "PROGRAM", "import sys; sys.exit('no luck')")
    with pytest.raises(scale.ScaleFailed, match="compress -1: exit code 1: no luck"):
        scale.measure(tmp_path / "one", (1,), tmp_path / "raw")
    monkeypatch.setattr(
        scale,
        "PROGRAM",
        "import sys\n"
        "name = open(sys.argv[1]).read()\n"
        "open(name.removesuffix('.kz') if name.endswith('.kz') else name + '.kz', 'wb')"
        ".write(b'2')",
    )
    with pytest.raises(scale.ScaleFailed, match="one at level 1: decoded bytes differ"):
        scale.measure(tmp_path / "one", (1,), tmp_path / "raw")
    assert not list((tmp_path / "raw").iterdir())
    assert (tmp_path / "one").read_bytes() == b"1"
