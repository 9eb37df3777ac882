//! What strings in brackets say, as PDF shows text: in pieces with numbers between them.
#![forbid(unsafe_code)]

use super::contexts::is_letter;
use crate::history::spelt;
use crate::prepared::Walker;

/// So many digits of a number between two pieces, or more, part words.
const PARTS_WORDS: u32 = 3;

/// What a lane's strings say: bytes within round brackets, or pairs of hexadecimal digits within
/// angle brackets, those of 0 left out.
#[derive(Clone, Default)]
pub(crate) struct Strings {
    /// Whether this is a string of digits, of which the first half of a pair is after a 1.
    hex: bool,
    pair: u32,
    /// The last eight characters of strings, the last lowest.
    pub(crate) last: u64,
    /// What came since a character or a bracket, that bracket included.
    pub(crate) then: u32,
    /// The hash of the word of these that is being read, 0 if none is, and of the one before.
    pub(crate) word: u32,
    pub(crate) before: u32,
    /// Digits of the last number since a string, and whether a letter came since it.
    digits: u32,
    lettered: bool,
}

impl Strings {
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.number(&mut self.hex);
        walker.number(&mut self.pair);
        walker.number(&mut self.last);
        walker.number(&mut self.then);
        walker.number(&mut self.word);
        walker.number(&mut self.before);
        walker.number(&mut self.digits);
        walker.number(&mut self.lettered);
    }

    /// Takes a byte that is, or is not, within brackets.
    pub(crate) fn take(&mut self, byte: u8, within: bool) {
        if let b'(' | b'<' | b')' | b'>' = byte {
            let opens = matches!(byte, b'(' | b'<');
            if opens && (self.digits >= PARTS_WORDS || self.lettered) {
                self.end_word();
            }
            (self.hex, self.pair) = (byte == b'<', 1);
            (self.digits, self.lettered, self.then) = (0, false, u32::from(byte));
            return;
        }
        self.then = self.then << 8 | u32::from(byte);
        match char::from(byte).to_digit(16) {
            _ if !within => match byte {
                b'0'..=b'9' => self.digits = self.digits.saturating_add(1),
                b'.' => self.digits = 0,
                _ => self.lettered |= byte.is_ascii_alphabetic(),
            },
            Some(digit) if self.hex => {
                self.pair = self.pair << 4 | digit;
                if self.pair >= 1 << 8 {
                    let character = self.pair as u8;
                    self.pair = 1;
                    if character != 0 {
                        self.push(character, true);
                    }
                }
            }
            _ => {
                let letter = is_letter(byte) && !self.hex;
                self.hex = false;
                self.push(byte, letter);
            }
        }
    }

    fn push(&mut self, character: u8, letter: bool) {
        self.last = self.last << 8 | u64::from(character);
        self.then = 0;
        if letter {
            self.word = spelt(self.word, character);
        } else {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        if self.word != 0 {
            (self.before, self.word) = (self.word, 0);
        }
    }
}
