"""The shipped manifest is sound and keeps to the stop-list; one that is not is refused."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from data.general import manifest
from data.general.archives import TARS, ZIPS
from data.general.manifest import Manifest, ManifestError, Package
from data.general.treatments import TREATMENTS

SHIPPED = manifest.load()

STOPPED = (
    *("alice*", "canterbury*", "calgary*", "silesia*", "enwik*", "text8*", "wikipedia*", "snappy*"),
    *("brotli*", "gutenberg*", "nltk*"),  # benchmark files, or what may hold them
    *("python3*", "cpython*", "libpython*"),  # CPython's own library
    *("libc6*", "glibc*", "linux-libc-dev*", "musl*"),  # C headers of a base system
    *("coreutils*", "bash", "busybox*", "dpkg*", "apt", "grep", "sed", "util-linux*", "perl-base"),
    *("*faker*",),
)
"""Packages whose text must not be trained on: people compress it, or it is drawn from a list."""

ALLOWED = ("python3.11-doc",)
"""Packages that a pattern of STOPPED means by its name alone: the documentation of Python."""


def test_the_stop_list_is_kept() -> None:
    trained = [package.name for package in SHIPPED.of("train") if package.name not in ALLOWED]
    assert [
        name for name in trained if any(fnmatchcase(name.lower(), stop) for stop in STOPPED)
    ] == []


def test_the_play_that_is_a_benchmark_is_not_trained_on() -> None:
    """Alice, Paradise Lost and the others are held out by the package that holds them."""
    (plays,) = (package for package in SHIPPED.of("train") if package.name == "shakespeare")
    assert any(take.matches("texts/lear_gut.txt") for take in plays.take)
    for name in ("as_you_like_it_gut.txt", "as_you_like_it_gut_f.txt", "lear_gut_f.txt"):
        assert not any(take.matches(f"texts/{name}") for take in plays.take)
    (texts,) = (package for package in SHIPPED.of("test") if package.name == "snappy")
    for name in ("alice29", "asyoulik", "lcet10", "plrabn12"):
        assert any(take.matches(f"testdata/{name}.txt") for take in texts.take)


def test_every_part_has_packages_and_families_stay_on_one_side() -> None:
    sides: dict[str, set[str]] = {}
    for package in SHIPPED.packages:
        sides.setdefault(package.family, set()).add(package.part)
    assert {side for found in sides.values() for side in found} >= set(manifest.PARTS)
    assert [family for family, found in sides.items() if len(found) > 1] == []


@pytest.mark.parametrize("package", SHIPPED.packages, ids=lambda package: package.name)
def test_a_package_is_pinned_and_its_takes_can_be_made(package: Package) -> None:
    assert package.file.endswith((*ZIPS, *TARS, ".deb"))
    assert package.size > 0 and package.licence and package.version
    assert (package.sha1 is not None) == (package.registry == "debian")
    assert package.sha1 is None or re.fullmatch(r"[0-9a-f]{40}", package.sha1)
    assert not package.path.startswith("/") and "://" not in package.path
    for take in package.take:
        assert take.include and take.cap > 0
        assert set(take.treat) <= set(TREATMENTS)
        assert take.language is None or re.compile(take.language).groups == 1
        assert take.own_lines is None or take.language is not None
        assert take.cap <= 7_000_000 or package.part == "benchmark"


def test_only_its_registries_are_named() -> None:
    text = manifest.SHIPPED.read_text("utf-8")
    hosts = {host for host in re.findall(r"https?://([^/\s]+)", text)}
    assert hosts <= {
        "files.pythonhosted.org",
        "static.crates.io",
        "deb.debian.org",
        "snapshot.debian.org",
    }


def test_permissive_packages_are_a_part_of_all() -> None:
    every, free = SHIPPED.of("train"), SHIPPED.of("train", permissive=True)
    assert set(free) < set(every)
    assert not [package.name for package in free if "GPL" in package.licence.split(" OR ")[0]]


GOOD = """
seed = 3
[[package]]
name = "tale"
registry = "pypi"
version = "1"
path = "packages/tale.whl"
size = 10
sha256 = "{hash}"
licence = "MIT"
permissive = true
part = "train"
family = "{family}"
{more}
[[package.take]]
kind = "c"
include = ["*.c"]
cap = 100
"""


def text(family: str = "tale", more: str = "", digest: str = "0" * 64) -> str:
    return GOOD.format(hash=digest, family=family, more=more)


def load(tmp_path: Path, content: str) -> Manifest:
    path = tmp_path / "manifest.toml"
    path.write_text(content, "utf-8")
    return manifest.load(path)


def test_a_manifest_is_read(tmp_path: Path) -> None:
    found = load(tmp_path, text())
    assert (found.seed, len(found.sha256)) == (3, 64)
    (package,) = found.packages
    assert package.file == "tale.whl"
    assert package.take[0].matches("a/b.c") and not package.take[0].matches("a/b.h")


SECOND = text().partition("[[package]]")[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seed = ", "is not TOML"),
        (text(more="colour = 1"), "tale has the unknown field 'colour'"),
        (text().replace('kind = "c"\n', ""), "a take of tale lacks a field"),
        (text().replace('registry = "pypi"', 'registry = "disc"'), "tale has 'disc': choose from"),
        (text().replace('part = "train"', 'part = "exam"'), "tale has 'exam': choose from"),
        (text(digest="00"), "tale has no SHA-256"),
        (text().partition("[[package.take]]")[0], "nothing is taken from tale"),
        (f"{text()}[[package]]{SECOND}", r"tale\.whl stands in the manifest twice"),
        (
            f"{text()}[[package]]{SECOND.replace('train', 'test')}",
            "tale is of the family tale, which is in train",
        ),
    ],
)
def test_a_manifest_that_is_not_sound_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        load(tmp_path, content)
