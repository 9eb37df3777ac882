"""Treatments leave what counts as text."""

from __future__ import annotations

from data.general.treatments import TREATMENTS

PO = rb"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"

#. a comment
msgid "Good morning"
msgstr "Guten \"Morgen\"\n"
"und gute Nacht"

#, fuzzy
msgid "Old"
msgstr "Ungenau"

msgid ""
"Two "
"lines"
msgstr "Zwei Zeilen \\ Tab\tEnde"

msgid "fuzzy %d file"
msgid_plural "%d files"
msgstr[0] "%d Datei"
msgstr[1] "%d Dateien"

msgid "empty"
msgstr ""

#~ msgid "gone"
#~ msgstr "fort"
"""


def test_translations_of_a_po_file() -> None:
    assert TREATMENTS["translations"](PO) == (
        b'Guten "Morgen"\nund gute Nacht\n\nZwei Zeilen \\ Tab\tEnde\n\n%d Datei\n\n%d Dateien\n\n'
    )


def test_the_sample_of_a_test_of_pygments() -> None:
    treat = TREATMENTS["sample"]
    assert treat(b"---input---\nx = 1\n\n---tokens---\n'x' Name\n") == b"x = 1\n\n"
    assert treat(b"x = 1\n") == b"x = 1\n"


def test_the_lines_of_a_log() -> None:
    assert TREATMENTS["log-lines"](b'# failJSON: { "a": 1 }\nJan 1 a\n\nJan 2 b\n') == (
        b"Jan 1 a\nJan 2 b\n"
    )


def test_the_texts_of_a_json_file() -> None:
    content = '{"@metadata": {"authors": ["A"]}, "a": "שלום", "b": ["x", {"c": "y"}], "n": 3}'
    assert TREATMENTS["json-values"](content.encode()).decode() == "שלום\n\nx\n\ny\n\n"
    assert TREATMENTS["json-values"](b"{") == b""


def test_addresses_in_mail_are_masked() -> None:
    mail = b"From: Ann <ann.b@mail.example.net>\nTo: c@d.org, nobody at all @ home\n"
    assert TREATMENTS["mask-mail"](mail) == (
        b"From: Ann <xxxxx@example.org>\nTo: x@example.org, nobody at all @ home\n"
    )


def test_text_in_older_encodings() -> None:
    text = "Привет, Zoë".encode()
    assert TREATMENTS["cp1251"](text) == "Привет, Zo?".encode("cp1251")
    assert TREATMENTS["latin-1"](text) == "??????, Zoë".encode("latin-1")
    assert TREATMENTS["utf-16"](text).decode("utf-16") == "Привет, Zoë"
