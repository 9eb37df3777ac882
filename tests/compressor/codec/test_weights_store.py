"""Weights at hand: what is found, what is passed over, what is refused."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from coding import container
from coding.errors import UnknownWeights
from compressor.codec import weights_store
from compressor.errors import AmbiguousModel, UnknownModel
from models.integer.identity import identity_of_bytes

GOLDEN = Path(__file__).parents[2] / "golden" / "nano.kzw"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that KOLMOZIP_WEIGHTS names, with the tiny weights in it as `good`."""
    monkeypatch.setenv(weights_store.FOLDER_VARIABLE, str(tmp_path))
    shutil.copy(GOLDEN, tmp_path / "good.kzw")
    return tmp_path


def test_found_by_identity_name_and_path(own: Path) -> None:
    identity = identity_of_bytes(GOLDEN.read_bytes())
    assert weights_store.path_by_identity(identity) == own / "good.kzw"
    assert weights_store.path_by_name("good") == own / "good.kzw"
    assert weights_store.path_by_name(str(own / "good.kzw")) == own / "good.kzw"
    assert weights_store.path_of(bytes(8)) is None
    with pytest.raises(UnknownWeights, match=weights_store.FOLDER_VARIABLE):
        weights_store.path_by_identity(bytes(8))
    with pytest.raises(UnknownModel, match="good"):
        weights_store.path_by_name("none-such")


def test_shipped_weights_are_told_apart_by_the_short_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(weights_store.FOLDER_VARIABLE, raising=False)
    identities = [weights_store.identity_of(path) for path in weights_store.weights_files()]
    assert len({identity[: container.PREFIX] for identity in identities}) == len(identities) > 1


def test_the_first_bytes_of_an_identity_suffice_unless_two_begin_with_them(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = identity_of_bytes(GOLDEN.read_bytes())
    assert weights_store.path_by_identity(identity[:4]) == own / "good.kzw"
    shutil.copy(GOLDEN, own / "same.kzw")
    assert weights_store.path_by_identity(identity[:4]) == own / "good.kzw", "or one of its kind"
    (own / "other.kzw").write_bytes(GOLDEN.read_bytes() + b"more")
    really = weights_store.identity_of_bytes
    monkeypatch.setattr(
        weights_store, "identity_of_bytes", lambda data: identity[:4] + really(data)[4:]
    )
    weights_store._identity_of.cache_clear()
    with pytest.raises(AmbiguousModel, match=rf"other.*{identity[:4].hex()}.*: leave only"):
        weights_store.path_by_identity(identity[:4])
    assert weights_store.path_by_identity(identity) == own / "good.kzw"
    weights_store._identity_of.cache_clear()


def spoil_unreadable(path: Path) -> None:
    path.write_bytes(b"KZWT")
    path.chmod(0)


def spoil_pipe(path: Path) -> None:
    os.mkfifo(path)


def spoil_folder(path: Path) -> None:
    path.mkdir()


def spoil_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def spoil_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def spoil_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    "spoil",
    [spoil_unreadable, spoil_pipe, spoil_folder, spoil_dangling, spoil_device, spoil_sparse],
)
def test_what_cannot_be_read_as_weights_hides_nothing(
    own: Path, spoil: Callable[[Path], None]
) -> None:
    """A pipe would be waited for, a sparse terabyte read: both sort before the wanted file."""
    spoil(own / "aaa.kzw")
    assert (
        weights_store.path_by_identity(identity_of_bytes(GOLDEN.read_bytes())) == own / "good.kzw"
    )
    assert weights_store.path_by_name("good") == own / "good.kzw"


def test_a_file_is_hashed_once_until_it_changes(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    identity = identity_of_bytes

    def counted(data: bytes) -> bytes:
        hashed.append(len(data))
        return identity(data)

    monkeypatch.setattr(weights_store, "identity_of_bytes", counted)
    wanted = identity(GOLDEN.read_bytes())
    for _ in range(5):
        weights_store.path_by_identity(wanted)
    assert hashed.count(GOLDEN.stat().st_size) == 1
    (own / "good.kzw").write_bytes(GOLDEN.read_bytes() + b"more")
    assert weights_store.path_of(wanted) is None


def test_an_own_file_of_a_shipped_name_is_ambiguous(own: Path) -> None:
    shutil.copy(GOLDEN, own / "small.kzw")
    with pytest.raises(AmbiguousModel, match=r"small\.kzw and .*small\.kzw"):
        weights_store.path_by_name("small")
    assert weights_store.path_by_name(str(own / "small.kzw")) == own / "small.kzw"


def test_the_same_file_in_both_places_is_not_ambiguous(own: Path) -> None:
    shipped = weights_store.path_by_name("tiny")
    shutil.copy(shipped, own / "tiny.kzw")
    assert weights_store.path_by_name("tiny") == shipped


@pytest.mark.parametrize("text", ["", "[]", "[" * 10_000, '{"a": 1', "\0", "1e400"])
def test_a_card_that_cannot_be_read_is_no_card(own: Path, text: str) -> None:
    (own / "good.json").write_text(text)
    assert weights_store.card_of(own / "good.kzw") == {}


def test_a_card_that_is_no_text_is_no_card(own: Path) -> None:
    (own / "good.json").write_bytes(b"\xff\xfe")
    assert weights_store.card_of(own / "good.kzw") == {}
