"""What strings in brackets say, as PDF shows text: in pieces with numbers between them."""

from __future__ import annotations

import numpy as np

from models.integer.ngram import HASH_LOW

PARTS_WORDS = 3
"""So many digits of a number between two pieces, or more, part words."""
HEX_DIGITS = b"0123456789abcdefABCDEF"
_HEX = np.full(256, -1, np.int64)
_HEX[list(HEX_DIGITS)] = [int(chr(digit), 16) for digit in HEX_DIGITS]
"""By byte, its value as a hexadecimal digit, or -1."""


def spelt(word: np.ndarray, letter: np.ndarray) -> np.ndarray:
    """What words' hashes become with one more letter, uint32 all; arithmetic is modulo 2^32."""
    return (word + letter + 1) * np.uint32(HASH_LOW)


class Strings:
    """What each lane's strings say.

    That is bytes within round brackets, or pairs of hexadecimal digits within angle brackets, those
    of 0 left out.
    """

    def __init__(self, lanes: int) -> None:
        """Before the first byte."""
        self._hex = np.zeros(lanes, bool)
        """Whether this is a string of digits."""
        self._pair = np.zeros(lanes, np.int64)
        """The first half of a pair, after a 1; 1 between pairs."""
        self.last: np.ndarray = np.zeros(lanes, np.uint64)
        """The last eight characters of strings, the last one lowest."""
        self.then = np.zeros(lanes, np.uint32)
        """The last four bytes since a character or a bracket, that bracket included."""
        self.word = np.zeros(lanes, np.uint32)
        """The hash of the word of these that is being read, 0 if none is."""
        self.before = np.zeros(lanes, np.uint32)
        """The hash of the one before."""
        self._digits = np.zeros(lanes, np.int64)
        """Digits of the last number since a string."""
        self._letters = np.zeros(lanes, bool)
        """Whether a letter came since it."""

    def take(self, byte: np.ndarray, within: np.ndarray, letter: np.ndarray) -> None:
        """Takes a byte of each lane, (lanes,) int64.

        ``within`` says whether it is within brackets, or begins what is, and ``letter`` whether it
        is one of a word.
        """
        opens = (byte == ord("(")) | (byte == ord("<"))
        bracket = opens | (byte == ord(")")) | (byte == ord(">"))
        self._end_words(opens & ((self._digits >= PARTS_WORDS) | self._letters))
        self._digits[bracket], self._letters[bracket] = 0, False
        short = byte.astype(np.uint32)
        self.then = np.where(bracket, short, self.then << 8 | short)
        outside = ~bracket & (within == 0)
        digit = (byte >= ord("0")) & (byte <= ord("9"))
        self._digits += outside & digit
        self._digits[outside & (byte == ord("."))] = 0
        upper = byte & ~32
        self._letters |= outside & (upper >= ord("A")) & (upper <= ord("Z"))
        self._take_character(byte, ~bracket & (within != 0), letter)
        self._hex = np.where(bracket, byte == ord("<"), self._hex)
        self._pair[bracket] = 1

    def _take_character(self, byte: np.ndarray, here: np.ndarray, letter: np.ndarray) -> None:
        """Takes what is within brackets, in the lanes ``here``."""
        half = here & self._hex & (_HEX[byte] >= 0)
        plain = here & ~half
        pair = np.where(half, self._pair << 4 | _HEX[byte], self._pair)
        whole = half & (pair >= 256)
        character = np.where(whole, pair & 255, byte)
        self._pair = np.where(whole, 1, pair)
        comes = plain | whole & (character != 0)
        self.last = np.where(comes, self.last << 8 | character.astype(np.uint64), self.last)
        self.then[comes] = 0
        of_word = comes & (whole | letter & ~self._hex)
        longer = spelt(self.word, character.astype(np.uint32))
        self.word = np.where(of_word, longer, self.word)
        self._end_words(comes & ~of_word)
        self._hex &= ~plain

    def _end_words(self, here: np.ndarray) -> None:
        """Ends the word of the lanes ``here`` that are in one."""
        ends = here & (self.word != 0)
        self.before = np.where(ends, self.word, self.before)
        self.word = np.where(ends, np.uint32(0), self.word)
