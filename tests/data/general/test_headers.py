"""The comments at the head of a file are found, and the same one is not kept in every file."""

from __future__ import annotations

import pytest

from data.general.headers import KEPT, Headers, header_length

LICENCE = " Copyright 2001 Somebody\n Permission is granted to use it for whatever you like.\n" * 2


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"/* one\n * two\n */\n", b"int x;\n"),
        (b"// one\n// two\n\n", b"int x;\n"),
        (b"#!/bin/sh\n# one\n# two\n", b"echo\n"),
        (b"\xef\xbb\xbf// one\n", b"x\n"),
        (b'<?xml version="1.0"?>\n<!-- one\ntwo -->\n', b"<a/>\n"),
        (b"<!DOCTYPE html>\n<html lang='en'>\n<!-- one -->\n", b"<body>\n"),
        (b'<?xml version="1.0"?>\n<!doctype html\n PUBLIC "x">\n', b"<body>\n"),
        (b"-- one\n-- two\n", b"SELECT 1;\n"),
        (b";; one\n;; two\n", b"(defun)\n"),
        (b"/* one */\n/* two */\n", b"int x;\n"),
        (b"", b"int x; // no header\n"),
        (b"", b"/* without an end\nint x;\n"),
        (b"", b""),
        (b"", b"/*\n" + b"a long comment\n" * 2000 + b"*/\n"),
    ],
)
def test_a_header_ends_where_the_text_begins(header: bytes, body: bytes) -> None:
    assert header_length(header + body) == len(header)


def test_the_same_header_is_kept_a_few_times() -> None:
    headers = Headers()
    files = [
        f"/*\n{LICENCE.replace('2001', str(2001 + n))}*/\nint x{n};\n".encode() for n in range(9)
    ]
    thinned = [headers.thinned(file) for file in files]
    assert thinned[:KEPT] == files[:KEPT]
    assert thinned[KEPT:] == [f"int x{n};\n".encode() for n in range(KEPT, 9)]


def test_each_comment_counts_by_itself() -> None:
    headers = Headers()
    files = [
        f"/*\n{LICENCE}*/\n\n/* This is file {'x' * n} */\nint x;\n".encode() for n in range(9)
    ]
    thinned = [headers.thinned(file) for file in files]
    assert thinned[:KEPT] == files[:KEPT]
    assert thinned[-1] == b"\n/* This is file xxxxxxxx */\nint x;\n"


def test_short_headers_stay() -> None:
    headers = Headers()
    for _ in range(9):
        assert headers.thinned(b"# one\nx = 1\n") == b"# one\nx = 1\n"
