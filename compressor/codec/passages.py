"""Full-text search in the text of a prepared memory: what it knows, and from where.

An index in RAM, made anew for each search, by tantivy (https://github.com/quickwit-oss/tantivy-py):
ranking by BM25 (Robertson & Zaragoza 2009, section 3). The memory itself finds contexts of bytes by
hashes, not passages by words, so that nothing of this is on the coding path.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from compressor.codec.prepared import Memory
from compressor.system.extras import need

LENGTH = 400
"""Bytes of a passage about: whole lines as long as they fit."""


@dataclasses.dataclass(frozen=True)
class Passage:
    """A part of a source; ``offset`` is in bytes from its beginning."""

    source: str
    offset: int
    text: str
    score: float = 0.0
    """By BM25; greater is nearer."""


def passages(memory: Memory) -> Iterator[Passage]:
    """The text of a memory in passages, source by source."""
    for source, text in memory.parts():
        start = 0
        while start < len(text):
            end = start + LENGTH
            if end < len(text):
                line = text.rfind(b"\n", start, end)
                end = line + 1 if line > start else end
            yield Passage(source, start, text[start:end].decode("utf-8", "replace"))
            start = end


def search(memory: Memory, words: str, most: int = 5) -> list[Passage]:
    """The passages that are nearest to some words, best first.

    Raises MissingExtra where tantivy is not installed, and UnusableMemory.
    """
    with need("search"):
        import tantivy
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body")
    builder.add_unsigned_field("number", stored=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(num_threads=1)
    found = list(passages(memory))
    for number, passage in enumerate(found):
        writer.add_document(tantivy.Document(body=passage.text, number=number))
    writer.commit()
    index.reload()
    query, _ = index.parse_query_lenient(words, ["body"])
    searcher = index.searcher()
    best = []
    for score, address in searcher.search(query, most).hits:
        (number,) = searcher.doc(address)["number"]
        best.append(dataclasses.replace(found[number], score=round(score, 3)))
    return best
