"""Texts of a run: a corpus's splits, or the parts of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compressor.errors import InputMissing
from compressor.training import texts
from compressor.training.texts import load_texts
from data.general.blend import PIECE


def test_a_file_is_split_into_parts_to_train_on_and_to_validate(tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    path.write_bytes(bytes(range(200)))
    loaded = load_texts(str(path))
    assert loaded.corpus == "my.txt"
    assert loaded.train.tobytes() == bytes(range(180))
    assert loaded.valid.tobytes() == bytes(range(180, 190))


def test_an_empty_file_has_no_text(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    loaded = load_texts(str(tmp_path / "empty"))
    assert loaded.train.size == loaded.valid.size == 0


def test_a_corpus_is_split_as_its_figures_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "load", lambda _: np.zeros(100_000_000, np.uint8))
    loaded = load_texts("enwik8")
    assert (loaded.corpus, loaded.train.size, loaded.valid.size) == (
        "enwik8",
        90_000_000,
        5_000_000,
    )


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputMissing, match=r"is neither a corpus \(enwik8, general\) nor a file: check"
    ):
        load_texts(str(tmp_path))


def test_the_general_corpus_is_its_documents_with_enwik8_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOLMOZIP_CORPORA", str(tmp_path))
    wiki = np.full(3 * PIECE, ord("w"), np.uint8)
    monkeypatch.setattr(texts, "load_slice", lambda name: {"train": wiki}[name])
    with pytest.raises(InputMissing, match="run `kolmozip corpus general -o FOLDER/general`"):
        load_texts("general")
    folder = tmp_path / "general"
    folder.mkdir()
    documents = [b"a" * (5 * PIECE), b'"b\n' * 100]
    (folder / "general-train.bin").write_bytes(b"".join(documents))
    (folder / "general-development.bin").write_bytes(b"valid")
    header, size = "offset\tlength\tkind\tpackage\tpath\n", len(documents[0])
    rows = f'0\t{size}\tc\tone\t"a.c\n{size}\t300\tc\tone\tb.c\n'
    (folder / "general-train.tsv").write_text(header + rows)
    loaded = load_texts("general")
    assert loaded.valid.tobytes() == b"valid"
    assert loaded.train.tobytes() == documents[0] + b"w" * PIECE + documents[1]
