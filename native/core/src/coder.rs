//! The range coder: decisions with counts of 2^24 to and from a stream of 32-bit words.
//!
//! The arithmetic is that of `FORMAT.md`, section 2.2; the encoder writes the very words that the
//! `RangeEncoder` of the crate `constriction` 0.5.0 writes, but for a rounder end, which the tests
//! hold it against.
#![forbid(unsafe_code)]

/// Probabilities are counts of 2 to this power.
pub const PRECISION: u32 = 24;
/// The sum of the counts of one decision.
pub const SCALE: u32 = 1 << PRECISION;
const WORD_BITS: u32 = 32;

/// A stream holds what no encoder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stream holds what no encoder writes")
    }
}

impl std::error::Error for Damaged {}

/// Writes decisions; the range is at least 2^32 between any two of them.
#[derive(Clone, Debug)]
pub struct Encoder {
    low: u64,
    range: u64,
    /// A word that a carry may still reach, and how many words follow it that would carry on.
    held: Option<(u32, usize)>,
    stream: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { low: 0, range: u64::MAX, held: None, stream: Vec::new() }
    }
}

impl Encoder {
    /// An encoder that has written nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Codes the symbol with `share` counts, 1 to 2^24 - 1, behind `before` counts of others.
    #[inline]
    pub fn symbol(&mut self, before: u32, share: u32) {
        debug_assert!(share > 0 && before + share <= SCALE);
        let step = self.range >> PRECISION;
        self.range = step * u64::from(share);
        let low = self.low.wrapping_add(step * u64::from(before));
        let carried = low < self.low;
        self.low = low;
        if self.held.is_some() && !self.wraps() {
            self.release(carried);
        }
        if self.range < 1 << WORD_BITS {
            self.shift();
        }
    }

    /// Codes a bit whose 0 has `zero` counts of 2^24, 1 to 2^24 - 1.
    #[inline]
    pub fn bit(&mut self, zero: u32, bit: u32) {
        if bit == 0 {
            self.symbol(0, zero);
        } else {
            self.symbol(zero, SCALE - zero);
        }
    }

    /// Whether a later symbol can still carry beyond 64 bits.
    #[inline]
    fn wraps(&self) -> bool {
        self.low.wrapping_add(self.range) <= self.low
    }

    /// Moves the upper word of `low` to the stream, or holds it back.
    fn shift(&mut self) {
        let word = (self.low >> WORD_BITS) as u32;
        self.low <<= WORD_BITS;
        self.range <<= WORD_BITS;
        match self.held {
            Some((first, followers)) => self.held = Some((first, followers + 1)),
            None if self.wraps() => self.held = Some((word, 0)),
            None => self.push(word),
        }
    }

    /// Writes the words that were held back, now that the carry is known.
    fn release(&mut self, carried: bool) {
        if let Some((word, followers)) = self.held.take() {
            let (first, rest) = if carried { (word.wrapping_add(1), 0) } else { (word, u32::MAX) };
            self.push(first);
            for _ in 0..followers {
                self.push(rest);
            }
        }
    }

    fn push(&mut self, word: u32) {
        self.stream.extend_from_slice(&word.to_le_bytes());
    }

    /// The first point from `low` on that ends in so many zero bits and a word of them.
    fn rounded(&self, zeros: u32) -> u64 {
        let below = u64::MAX >> (WORD_BITS - zeros);
        self.low.wrapping_add(below) & !below
    }

    /// The whole stream: little-endian words, none where nothing was coded.
    ///
    /// There are as many as constriction writes. The last one ends in as many zero bytes as the
    /// range allows, which the short form of a container leaves out.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.range == u64::MAX {
            return self.stream;
        }
        let least = self.rounded(0);
        let more = least >> WORD_BITS == self.low.wrapping_add(self.range) >> WORD_BITS;
        let points = [24, 16, 8].map(|zeros| self.rounded(zeros));
        let within = |point: &u64| point.wrapping_sub(self.low) < self.range;
        let point = points.into_iter().find(within).unwrap_or(least);
        self.release(point < self.low);
        self.push((point >> WORD_BITS) as u32);
        if more {
            self.push(0);
        }
        self.stream
    }
}

/// Reads decisions; beyond its last whole word the stream goes on with zero words.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    /// The point's distance from the low end of the range; below `range` unless damaged.
    offset: u64,
    range: u64,
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(stream: &'a [u8]) -> Self {
        let mut decoder = Self { offset: 0, range: u64::MAX, rest: stream };
        let first = decoder.word();
        decoder.offset = first << WORD_BITS | decoder.word();
        decoder
    }

    #[inline]
    fn word(&mut self) -> u64 {
        match self.rest.split_first_chunk::<4>() {
            Some((word, rest)) => {
                self.rest = rest;
                u64::from(u32::from_le_bytes(*word))
            }
            None => 0,
        }
    }

    #[inline]
    fn refill(&mut self) {
        if self.range < 1 << WORD_BITS {
            self.range <<= WORD_BITS;
            self.offset = self.offset << WORD_BITS | self.word();
        }
    }

    /// Decodes a bit whose 0 has `zero` counts of 2^24, 1 to 2^24 - 1.
    ///
    /// # Errors
    /// `Damaged` where the stream points outside both.
    #[inline]
    pub fn bit(&mut self, zero: u32) -> Result<u32, Damaged> {
        let step = self.range >> PRECISION;
        if self.offset >= step << PRECISION {
            return Err(Damaged);
        }
        let edge = step * u64::from(zero);
        let one = self.offset >= edge;
        self.range = if one { (step << PRECISION) - edge } else { edge };
        self.offset -= if one { edge } else { 0 };
        self.refill();
        Ok(u32::from(one))
    }

    /// The count, of 2^24, that the stream points to; `take` must follow.
    ///
    /// # Errors
    /// `Damaged` where the stream points beyond every count.
    #[inline]
    pub fn peek(&self) -> Result<u32, Damaged> {
        let count = self.offset / (self.range >> PRECISION);
        if count < u64::from(SCALE) { Ok(count as u32) } else { Err(Damaged) }
    }

    /// Takes the symbol with `share` counts behind `before`, which hold the count of `peek`.
    #[inline]
    pub fn take(&mut self, before: u32, share: u32) {
        let step = self.range >> PRECISION;
        self.offset -= step * u64::from(before);
        self.range = step * u64::from(share);
        self.refill();
    }
}
