"""Pages of HTML in one file each, which open from disk and need no network."""

from __future__ import annotations

import json
from importlib import resources
from string import Template
from typing import Any


def filled(package: str, name: str, data: Any, **parts: str) -> str:
    """The page NAME.html of a package, with its style, its script and what that reads as JSON.

    ``parts`` are HTML by the names that stand for them in the page.
    """
    files = resources.files(package)
    page, css, js = (
        (files / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    read = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Template(page).substitute(css=css, js=js, data=read, **parts)
