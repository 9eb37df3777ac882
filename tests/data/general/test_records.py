"""Small files of a kind out of a package's files."""

from __future__ import annotations

from data.general import manifest, records


def test_records_are_whole_lines_of_some_length() -> None:
    content = b"short\n" + b"a" * 600 + b"\n" + b"b" * 3000 + b"\n" + b"c" * 1999 + b"\n"
    assert [line[:1] for line in records.KINDS["json"].divided(content)] == [b"a", b"c"]


def test_neighbouring_lines_are_joined() -> None:
    content = b"".join(b"%03d%s\n" % (number, b"." * 296) for number in range(11))
    joined = list(records.KINDS["log"].divided(content))
    assert [len(one) for one in joined] == [1200, 1200]
    assert b"".join(joined) == content[:2400]


def test_a_mail_is_a_file() -> None:
    divided = records.KINDS["mail"].divided
    assert list(divided(b"x" * 5000)) == [b"x" * 5000]
    assert not list(divided(b"x" * 100))
    assert not list(divided(b"x" * 9000))


def test_packages_are_pinned_and_not_trained_on() -> None:
    packages = {package.name: package for package in manifest.load().of("development", "test")}
    for kind in records.KINDS.values():
        assert kind.kind in {take.kind for take in packages[kind.package].take}
