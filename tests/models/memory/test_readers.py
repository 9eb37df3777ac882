"""What readers know of words, lines, records, brackets and quotes."""

from __future__ import annotations

import numpy as np

from models.memory.readers import Readers
from models.memory.strings import Strings


def reader_of(*lanes: bytes, strings: bool = False, lags: bool = False) -> Readers:
    """Readers of texts of one length, to their ends."""
    text = np.frombuffer(b"".join(lanes), np.uint8)
    starts = np.arange(len(lanes)) * len(lanes[0])
    readers = Readers(text, starts, strings=strings, lags=lags)
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


def strings_of(text: bytes) -> Strings:
    """What the strings of a text say at its end."""
    return reader_of(text, strings=True).strings


def said(text: bytes) -> bytes:
    """The last characters of a text's strings."""
    return int(strings_of(text).last[0]).to_bytes(8, "big").lstrip(b"\0")


def test_strings_say_the_same_as_letters_and_as_digits_of_glyphs() -> None:
    assert said(b"[(W)83(ord)-5(ly") == said(b"[<0057006f>83<00720064>-5<006C0079") == b"Wordly"
    assert said(b"<div class='a'>(b") == b"ass='a'b", "what is no digit ends digits"
    assert said(b"<de ad>") == b"\xde ad"
    assert said(b"<de 1") == b"\xde 1"


def test_numbers_of_three_digits_and_operators_part_the_words_of_strings() -> None:
    one, other = strings_of(b"(w)83(ord)-27.5(s"), strings_of(b"(wo)2(rds")
    assert one.word == other.word != 0
    assert one.before == 0
    for between in (b")-250(", b") Tj 0 Td(", b")120.250(", b" "):
        parted = strings_of(b"(words" + between + b"by")
        assert parted.before == other.word
        assert parted.word == strings_of(b"(by").word
    assert strings_of(b"<0041>-250<0042>").then.tolist() == [ord(">")]
    assert strings_of(b"<0041>-2<004").then[0].item().to_bytes(4, "big") == b"<004"


def test_the_lag_of_least_difference_is_known_and_the_longer_of_equal_ones() -> None:
    row = bytes(range(0, 240, 5))
    lags = reader_of(row * 20, b"abc" * 320, lags=True).lags
    assert (lags.best[0] - lags.best[1]).tolist() == [48, 3]
    assert (lags.best[0] % [48, 3]).tolist() == [0, 0]
    assert lags.best[0].min() > 480, "they were known long enough to differ by nothing"
    assert lags.period.tolist() == [48, 3]
    assert lags.score.tolist() == [0, 0]
    assert reader_of(b"a", lags=True).lags.best.tolist() == [[1], [1]]
    assert reader_of(b"a", lags=True).lags.score[0] == 31


def test_short_distances_must_repeat_more_often_beside_lags() -> None:
    pairs = bytes(byte for at in range(200) for byte in (at * 89 & 255, 3 + (at // 5 & 1)))
    assert reader_of(pairs).record[0] == 2
    assert reader_of(pairs, lags=True).record[0] == 4
