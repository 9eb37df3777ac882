"""Treatments of a file's content by name: what is cut away before it counts as text.

Each takes the content of one file and returns what is used of it, empty where that is nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

Treatment = Callable[[bytes], bytes]

TOKENS = b"---tokens---"
"""What stands in a test of Pygments between the sample and its tokens."""

STRING = re.compile(rb'"(?:[^"\\\n]|\\.)*"')
"""A string in a po file."""

FUZZY = re.compile(rb"^#,.*\bfuzzy\b", re.MULTILINE)
"""The mark of a translation that nobody has looked through."""

ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
"""What a letter after a backslash stands for; any other character stands for itself."""

MAIL = re.compile(rb"[A-Za-z0-9._%+=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
"""The address of somebody, or the name of a letter, which has the same form."""


def sample(content: bytes) -> bytes:
    """The sample of a test of Pygments, without the tokens that it must give."""
    text = content.partition(TOKENS)[0]
    return text.partition(b"---input---\n")[2] or text


def log_lines(content: bytes) -> bytes:
    """The lines of a service's log, without the comments that fail2ban's tests put between them."""
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"#") and line.strip())


def translations(content: bytes) -> bytes:
    """The translated texts of a po file, one a paragraph, without the originals and the header."""
    texts: list[bytes] = []
    for block in re.split(rb"\n\s*\n", content.replace(b"\r\n", b"\n")):
        original, *forms = _live(block).split(b"\nmsgstr")
        if _text(original.rpartition(b"msgid ")[2]) and not FUZZY.search(original):
            texts += filter(None, (_text(form).strip() for form in forms))
    return b"".join(text + b"\n\n" for text in texts)


def _live(block: bytes) -> bytes:
    """An entry of a po file without what is commented out."""
    return b"\n".join(line for line in block.split(b"\n") if not line.startswith(b"#~"))


def _text(strings: bytes) -> bytes:
    """The text of the strings of a po file that stand one after another."""
    return b"".join(_plain(string) for string in STRING.findall(strings))


def _plain(string: bytes) -> bytes:
    """The text of one string literal, its quotes and escapes resolved."""
    return re.sub(rb"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), string[1:-1])


def masked(content: bytes) -> bytes:
    """Mail without anybody's address: each becomes xxx@example.org, as long a name as it had."""
    return MAIL.sub(lambda match: b"x" * match[0].index(b"@") + b"@example.org", content)


def values(content: bytes) -> bytes:
    """The texts in a JSON file, one a paragraph, without keys; nothing where it is damaged."""
    try:
        found = json.loads(content)
    except ValueError:
        return b""
    return "".join(f"{text}\n\n" for text in _texts(found)).encode()


def _texts(found: object) -> Iterator[str]:
    """The strings in a JSON value, in order; under keys that begin with @ is no text."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, list):
        for item in found:
            yield from _texts(item)
    elif isinstance(found, dict):
        for key, item in found.items():
            if not key.startswith("@"):
                yield from _texts(item)


def _recoded(encoding: str, mark: bytes = b"") -> Treatment:
    """A treatment that writes UTF-8 text in another encoding, after a byte order mark or none."""

    def treat(content: bytes) -> bytes:
        return mark + content.decode("utf-8", "replace").encode(encoding, "replace")

    return treat


TREATMENTS: dict[str, Treatment] = {
    "sample": sample,
    "log-lines": log_lines,
    "translations": translations,
    "mask-mail": masked,
    "json-values": values,
    "cp1251": _recoded("cp1251"),
    "latin-1": _recoded("latin-1"),
    "utf-16": _recoded("utf-16-le", b"\xff\xfe"),
}
