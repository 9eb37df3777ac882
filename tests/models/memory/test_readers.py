"""What readers know of words, lines, records, brackets and quotes."""

from __future__ import annotations

import numpy as np

from models.memory.readers import Readers


def reader_of(*lanes: bytes) -> Readers:
    """Readers of texts of one length, to their ends."""
    text = np.frombuffer(b"".join(lanes), np.uint8)
    readers = Readers(text, np.arange(len(lanes)) * len(lanes[0]))
    for row in text.reshape(len(lanes), -1).T:
        readers.take(row.astype(np.int64))
    return readers


def open_of(text: bytes) -> bytes:
    """What is open at the end of a text, outermost first."""
    return int(reader_of(text).nest[0]).to_bytes(8, "big").lstrip(b"\0")


def test_brackets_and_quotes_are_closed() -> None:
    assert open_of(b"f(a[1], {'x': \"") == b'({"'
    assert open_of(b"f(a[1], {'x': \"y\"") == b"({"
    assert open_of(b"(((]") == b"((("
    assert open_of(b"([{)") == b"", "what is inside is closed too"
    assert open_of(b"it's (") == b"'("
    assert open_of(b"it's ([{'") == b"'([{'", "a quote that is too far out is not closed"
    assert open_of(b"'([ \" < ` \n") == b"'([", "ends of line close quotes and tags"
    assert open_of(b"(" * 9 + b")" * 7) == b"("
    assert open_of(b"(" * 8 + b")" * 8) == b""


def test_words_are_hashed_without_case() -> None:
    readers = reader_of(b"The CAT sat", b"tHE cat SAT", b"the cat,sat", b"the dog sat")
    assert len(set(readers.word.tolist())) == 1
    assert len(set(readers.words[0].tolist())) == 2
    assert len(set(readers.words[1].tolist())) == 1
    assert readers.specials.tolist() == [0, 0, ord(","), 0]
    assert reader_of(b"cat 12").word[0] == 0


def test_bytes_above_are_found() -> None:
    readers = reader_of(b"abcdef\nghij\n  k")
    assert (readers.above(1), readers.above(1, right=1), readers.above(2)) == (ord("j"), 0x0A, 100)
    assert (readers.indent[0], readers.first[0]) == (2, ord("k"))
    assert reader_of(b"abc\nd\nef").above(1)[0] == 0
    assert reader_of(b"a,b;c\td").fields[0] == 3
    assert reader_of(b"a,b;c\td\n").fields[0] == 0


def test_a_distance_that_repeats_becomes_the_record_length() -> None:
    noise = np.random.default_rng(0).integers(128, 256, (2, 45, 8)).astype(np.uint8)
    six = b"".join(b"\7" + row.tobytes() for row in noise[0, :, :5])
    nine = b"".join(b"\7" + row.tobytes() for row in noise[1])
    readers = reader_of(six[:240], nine[:240], (six[:120] + nine)[:240])
    assert readers.record.tolist() == [6, 9, 6]
    readers = reader_of(six[:120] + nine)
    assert readers.record.tolist() == [9]
    assert readers.in_record()[0] == (six[:120] + nine)[-9]


def test_what_followed_is_remembered() -> None:
    readers = reader_of(b"xaxbxcx", b"yyaybyc")
    assert readers.followed[0] == ord("b") << 8 | ord("c")
    assert readers.pair_followed[0] == 0
    assert reader_of(b"abcabdab").pair_followed[0] == ord("c") << 8 | ord("d")
    assert reader_of(b"1abcx2abcy3abc").hash_followed(3)[0] == ord("x") << 8 | ord("y")
    assert reader_of(b"1abcx2abcy3abc").hash_followed(5)[0] == 0


def test_records_before_are_found() -> None:
    readers = reader_of(b"abcdefghij")
    assert (readers.place()[0], readers.in_record()[0], readers.in_record(2)[0]) == (2, 103, 99)
    assert reader_of(b"abcdefg").in_record(2)[0] == 0


def test_sides_of_brackets_and_letters_go_on_by_themselves() -> None:
    readers = reader_of(b"(W)83(or)-7 d", b"<W>83(or <)-7")
    sides = [
        [int(side).to_bytes(8, "big").lstrip(b"\0") for side in readers.side(other)]
        for other in (False, True)
    ]
    assert sides == [[b"83-7 d", b"83-7"], [b"Wor", b"Wor "]]
    assert readers.within.tolist() == [0, 0]
    assert [part.to_bytes(4, "big") for part in readers.part.tolist()] == [b"-7 d", b"\0\0-7"]
    assert [int(of).to_bytes(8, "big")[4:] for of in readers.letters] == [b"Word", b"\0Wor"]
    assert [then.to_bytes(4, "big") for then in readers.then.tolist()] == [b"\0\0\0\0", b"<)-7"]
    assert readers.reading.tolist() == [1, 0]
    assert reader_of(b"1" + b"word" * 10, b"(" + "\u00e9".encode() * 20).reading.tolist() == [
        31,
        31,
    ]
    assert reader_of(b"(a").within[0] == 1
