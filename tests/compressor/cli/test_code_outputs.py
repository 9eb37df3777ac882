"""Private input stays private at every instant, and the output takes the place it was named."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from data.samples import sample

Run = Callable[..., Result]
TEXT = sample()[:200]


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A text that its owner alone may read, in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "secret"
    path.write_bytes(TEXT)
    path.chmod(0o600)
    before = os.umask(0o022)
    yield path
    os.umask(before)


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_private_input_has_a_private_output_when_it_gets_its_name(
    secret: Path, pack: Run, monkeypatch: pytest.MonkeyPatch, force: list[str]
) -> None:
    modes = []
    for call in ("replace", "link"):
        real = getattr(os, call)

        def record(source: str, target: str, real: Callable[..., None] = real) -> None:
            modes.append(mode(source))
            real(source, target)

        monkeypatch.setattr(os, call, record)
    assert pack("secret", *force).exit_code == 0
    assert modes == [0o600]
    assert mode("secret.kz") == 0o600


@pytest.mark.parametrize("call", ["chmod", "fchmod"])
def test_rights_that_cannot_be_set_leave_the_output_private(
    secret: Path, pack: Run, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, call, refuse)
    assert pack("secret").exit_code == 0
    assert mode("secret.kz") == 0o600


def test_an_output_that_is_a_link_stays_one(secret: Path, pack: Run) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/target").write_bytes(b"old")
    Path("link").symlink_to("elsewhere/target")
    assert pack("secret", "-o", "link", "--force").exit_code == 0
    assert Path("link").is_symlink()
    assert Path("elsewhere/target").read_bytes() == Path("link").read_bytes() != b"old"


def test_an_output_is_never_its_own_input(secret: Path, pack: Run, refusal: Callable) -> None:
    Path("again").hardlink_to("secret")
    Path("link").symlink_to("secret")
    for name in ("secret", "./secret", "again", "link"):
        for force in ([], ["--force"]):
            refusal(pack("secret", "-o", name, *force), "SameFile")
    assert secret.read_bytes() == TEXT
