"""Archives are found, downloaded and resumed, and never used unless they are the pinned ones.

What opens addresses is replaced, so that no test can reach the network.
"""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from data.corpora import CorpusDamaged, CorpusUnavailable
from data.general import store
from data.general.store import WrongSetting, addresses, at_hand, obtain

if TYPE_CHECKING:
    from conftest import Shelf

CONTENT = {"a.txt": bytes(range(256)) * 8}


class Answer(io.BytesIO):
    """What a server says; it may be cut off."""

    def __init__(self, content: bytes, status: int) -> None:
        super().__init__(content)
        self.status = status


class Server:
    """Stands for the registries: address -> content, with ranges, and cut off on request."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.cut: int | None = None
        self.ranges = True

    def open(self, request: urllib.request.Request, timeout: float) -> Answer:
        assert timeout > 0
        asked = request.get_header("Range")
        self.asked.append((request.full_url, asked))
        if request.full_url not in self.files:
            raise urllib.error.HTTPError(request.full_url, 404, "Not Found", None, None)  # type: ignore[arg-type]
        content, status = self.files[request.full_url], 200
        if asked and self.ranges:
            content, status = content[int(asked.removeprefix("bytes=").rstrip("-")) :], 206
        return Answer(content if self.cut is None else content[: self.cut], status)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(urllib.request, "urlopen", server.open)
    return server


@pytest.fixture
def home(shelf: Shelf, server: Server) -> str:
    """The address of a package that is not at hand: its archive is at its public home alone."""
    package = shelf.add("tale.whl", CONTENT)
    address = "https://files.pythonhosted.org/packages/tale.whl"
    server.files[address] = shelf.path(package).read_bytes()
    shelf.path(package).unlink()
    return address


def test_an_archive_that_is_at_hand_is_used(shelf: Shelf, server: Server) -> None:
    package, done = shelf.add("tale.whl", CONTENT), list[int]()
    assert at_hand(package) == obtain(package, done.append) == shelf.path(package)
    assert (sum(done), server.asked) == (package.size, [])


@pytest.mark.parametrize("change", [lambda c: c + b"x", lambda c: c[:-1], lambda c: b"x" + c[1:]])
def test_another_file_is_refused_by_name(shelf: Shelf, server: Server, change: Any) -> None:
    package = shelf.add("tale.whl", CONTENT)
    shelf.path(package).write_bytes(change(shelf.path(package).read_bytes()))
    with pytest.raises(CorpusDamaged, match=r"tale\.whl has .* where the manifest has .*: delete"):
        obtain(package)
    assert server.asked == []


def test_an_archive_is_downloaded_once(shelf: Shelf, server: Server, home: str) -> None:
    (package,) = shelf.packages
    done = list[int]()
    path = obtain(package, done.append)
    assert path == store.archives_folder() / "tale.whl"
    assert (path.read_bytes(), sum(done)) == (server.files[home], package.size)
    assert obtain(package) == path
    assert server.asked == [(home, None)]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_off_goes_on(
    shelf: Shelf, server: Server, home: str, ranges: bool
) -> None:
    (package,) = shelf.packages
    server.cut, server.ranges = 100, ranges
    with pytest.raises(CorpusUnavailable, match=r"cut off after 100 of \d+ bytes\): try again"):
        obtain(package)
    server.cut = None
    done = list[int]()
    assert obtain(package, done.append).read_bytes() == server.files[home]
    assert (server.asked[-1], sum(done)) == ((home, "bytes=100-"), package.size)
    assert [path.name for path in store.archives_folder().iterdir()] == ["tale.whl"]


def test_what_another_file_left_behind_is_not_resumed(
    shelf: Shelf, server: Server, home: str
) -> None:
    (package,) = shelf.packages
    store.archives_folder().mkdir(parents=True)
    (store.archives_folder() / "tale.whl.part").write_bytes(bytes(package.size + 1))
    assert obtain(package).read_bytes() == server.files[home]


def test_a_home_that_serves_another_file_is_refused(
    shelf: Shelf, server: Server, home: str
) -> None:
    (package,) = shelf.packages
    server.files[home] = bytes(package.size)
    with pytest.raises(CorpusDamaged, match="has SHA-256"):
        obtain(package)
    assert list(store.archives_folder().iterdir()) == []


def test_an_archive_that_is_nowhere_is_refused_with_its_addresses(
    shelf: Shelf, server: Server, home: str
) -> None:
    (package,) = shelf.packages
    server.files.clear()
    with pytest.raises(CorpusUnavailable, match=rf"tale\.whl is not at hand .*{home} \(HTTP Error"):
        obtain(package)


def test_what_has_left_debian_is_had_from_its_snapshots(shelf: Shelf, server: Server) -> None:
    package = shelf.add(
        "tale_1%2b2.deb".replace("%2b", "+"), CONTENT, registry="debian", sha1="5" * 40
    )
    content = shelf.path(package).read_bytes()
    shelf.path(package).unlink()
    server.files[f"https://snapshot.debian.org/file/{'5' * 40}"] = content
    assert obtain(package).read_bytes() == content
    assert [address for address, _ in server.asked] == list(addresses(package))
    assert server.asked[0][0] == "https://deb.debian.org/debian/packages/tale_1+2.deb"


def test_another_home_is_named_by_the_environment(
    shelf: Shelf, server: Server, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package,) = shelf.packages
    monkeypatch.setenv("KOLMOZIP_MIRRORS", "debian=http://a.test/d  pypi=https://b.test/p/")
    server.files["https://b.test/p/packages/tale.whl"] = server.files.pop(home)
    assert obtain(package).is_file()


@pytest.mark.parametrize("value", ["https://b.test", "npm=https://b.test", "pypi=b.test"])
def test_mirrors_that_mean_nothing_are_refused(
    shelf: Shelf, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = shelf.add("tale.whl", CONTENT)
    shelf.path(package).unlink()
    monkeypatch.setenv("KOLMOZIP_MIRRORS", value)
    with pytest.raises(WrongSetting, match=r"KOLMOZIP_MIRRORS has .*: write REGISTRY="):
        obtain(package)


def test_a_folder_that_is_not_there_is_refused(
    shelf: Shelf, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = shelf.add("tale.whl", CONTENT)
    monkeypatch.setenv("KOLMOZIP_ARCHIVES", str(shelf.path(package)))
    with pytest.raises(WrongSetting, match=r"tale\.whl, which is no folder: correct it"):
        obtain(package)
    assert server.asked == []


def test_the_folder_may_be_unset(
    shelf: Shelf, home: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (package,) = shelf.packages
    monkeypatch.delenv("KOLMOZIP_ARCHIVES")
    assert at_hand(package) is None
    assert obtain(package) == tmp_path / "cache" / "kolmozip" / "archives" / "tale.whl"
