"""Writing of generated files, and prose as it stands in them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from compressor.system.files import open_output

LINE = 100
"""Characters a line of prose in generated Markdown."""
NO_BREAK = "\N{NO-BREAK SPACE}"


def write(path: Path, content: str | bytes) -> Path:
    """Writes a file, whole or not at all, replacing what was there; returns its path.

    Raises NoPermission, FolderMissing, DiskFull.
    """
    with open_output(str(path), force=True) as target:
        target.write(content.encode() if isinstance(content, str) else content)
    return path


def prose(text: str) -> str:
    """A paragraph wrapped at 100 characters."""
    return _wrapped(text, "", "")


def bullet(text: str) -> str:
    """A point of a list, wrapped at 100 characters."""
    return _wrapped(text, "- ", "  ")


def _wrapped(text: str, first: str, later: str) -> str:
    """The text in lines that Markdown reads as one paragraph.

    No line ends inside a code span, and none begins with a sign of a list or a heading.
    """
    text = re.sub(r" (?=[-+*=#>] )", NO_BREAK, text)
    text = re.sub(r"`[^`]*`", lambda span: span[0].replace(" ", NO_BREAK), text)
    lines = textwrap.fill(
        text,
        LINE,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace(NO_BREAK, " ")


def sections(*parts: str) -> str:
    """The parts that are not empty as one page, a blank line between any two."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
