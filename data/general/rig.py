"""The files that codecs are developed and tested on: one plain file for each kind.

Files of one kind stand one after another in it, those of different packages in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from data.general.documents import Document, line_end

ENDINGS: dict[str, str] = {
    "asm": "asm",
    "bmp": "bmp",
    "c": "c",
    "c-header": "h",
    "cpp": "cpp",
    "csharp": "cs",
    "css": "css",
    "csv": "csv",
    "elf": "so",
    "elisp": "el",
    "font": "ttf",
    "go": "go",
    "html": "html",
    "ini": "ini",
    "java": "java",
    "javascript": "js",
    "json": "json",
    "jsonl": "jsonl",
    "log": "log",
    "lua": "lua",
    "mail": "eml",
    "markdown": "md",
    "mo": "mo",
    "pdf": "pdf",
    "pe": "dll",
    "perl": "pl",
    "php": "php",
    "po": "po",
    "ppm": "ppm",
    "python": "py",
    "rst": "rst",
    "rust": "rs",
    "shell": "sh",
    "sql": "sql",
    "svg": "svg",
    "tcl": "tcl",
    "tex": "tex",
    "tiff": "tiff",
    "toml": "toml",
    "typescript": "ts",
    "wasm": "wasm",
    "wav": "wav",
    "xml": "xml",
    "yaml": "yaml",
}
"""Ending of the file of each kind; that of prose and of any other kind is txt."""


def file_name(kind: str) -> str:
    """Name of the file of a kind, such as python.py or prose-ru.txt."""
    return f"{kind}.{ENDINGS.get(kind, 'txt')}"


def by_kind(documents: Iterable[Document], size: int) -> dict[str, bytes]:
    """One content for each kind, of at most `size` bytes and less where there is less.

    The last file in it is cut at the end of a line where it does not fit.
    """
    kinds: dict[str, list[Document]] = {}
    for document in documents:
        kinds.setdefault(document.kind, []).append(document)
    return {kind: joined(_in_turn(found), size) for kind, found in sorted(kinds.items())}


def joined(documents: Iterable[Document], size: int) -> bytes:
    """The documents one after another, cut after at most `size` bytes."""
    content = bytearray()
    for document in documents:
        room = size - len(content)
        content += document.content[: line_end(document.content, room)]
        if len(document.content) >= room:
            break
    return bytes(content)


def _in_turn(documents: Sequence[Document]) -> Iterator[Document]:
    """The first document of each package, then the second of each, and so on."""
    packages: dict[str, list[Document]] = {}
    for document in documents:
        packages.setdefault(document.package.name, []).append(document)
    for row in zip_longest(*packages.values()):
        yield from (document for document in row if document is not None)
