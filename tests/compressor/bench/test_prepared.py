"""The measurement of prepared memories: every second file is read, the others are coded."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor.bench.prepared import measure, table
from compressor.bench.store import read_json
from compressor.codec import native
from compressor.errors import UnusableMemory
from data.samples import sample


@pytest.mark.skipif(native.absent() is not None, reason="reads texts in minutes without")
def test_files_behind_a_memory_are_smaller(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for number in range(40):
        text = b"%d: %s" % (number, sample()[100 * number : 100 * number + 300])
        (folder / f"{number:02}.txt").write_bytes(text)
    facts, path = measure(folder, (1,), tmp_path, quiet=True)
    assert read_json(path)["rows"] == facts["rows"]
    assert (facts["files_read"], facts["files_coded"]) == (20, 20)
    sizes = {row["codec"]: row["bytes"] for row in facts["rows"]}
    assert set(sizes) == {"zstd -19", "zstd -19 --train", "kolmozip -1", "kolmozip -1 -D"}
    assert sizes["kolmozip -1 -D"] < sizes["kolmozip -1"]
    assert facts["rows"][-1]["restore_one_s"] > 0
    assert f"{sizes['kolmozip -1 -D']:,}" in table(facts)


def test_one_file_is_too_few(tmp_path: Path) -> None:
    (tmp_path / "only.txt").write_bytes(b"a")
    with pytest.raises(UnusableMemory, match="fewer than two"):
        measure(tmp_path, (1,), tmp_path, quiet=True)
