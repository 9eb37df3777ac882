"""What FORMAT.md shows in bytes is what the golden files hold."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "coding" / "FORMAT.md").read_text("utf-8")


def test_the_worked_example_is_the_golden_file() -> None:
    section = PAGE.split("### 1.4 Example")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| ((?:[0-9A-F]{2} ?)+) \|", section, flags=re.M)
    data = b""
    for offset, digits in rows:
        assert int(offset) == len(data)
        data += bytes.fromhex(digits)
    assert data == (ROOT / "tests" / "golden" / "decode" / "run.kz").read_bytes()
