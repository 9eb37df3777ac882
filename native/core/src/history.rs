//! Hashed contexts: what the last bytes of a lane point to. `FORMAT.md`, sections 2.5 and 3.
#![forbid(unsafe_code)]

use crate::prepared::Walker;

/// Knuth's multiplicative constant.
const GOLDEN: u32 = 2_654_435_761;
const SECOND: u32 = 2_246_822_519;

/// Hash(a, b) of the format.
#[inline(always)]
pub(crate) fn hash(a: u32, b: u32) -> u32 {
    let mixed = a.wrapping_mul(GOLDEN).wrapping_add(b.wrapping_mul(SECOND));
    (mixed ^ mixed >> 15).wrapping_mul(GOLDEN)
}

/// What a word's hash becomes with one more letter.
#[inline(always)]
pub(crate) fn spelt(word: u32, letter: u8) -> u32 {
    word.wrapping_add(u32::from(letter)).wrapping_add(1).wrapping_mul(GOLDEN)
}

/// The hash that a lane has for itself in the place of `hash`.
#[inline(always)]
pub(crate) fn own(hash: u32, lane: u32) -> u32 {
    (hash ^ lane.wrapping_add(1).wrapping_mul(GOLDEN)).wrapping_mul(GOLDEN)
}

/// Mix(H, node) of the format.
#[inline(always)]
pub(crate) fn mix(hash: u32, node: u32) -> u32 {
    let mixed = (hash ^ node.wrapping_mul(SECOND)).wrapping_mul(GOLDEN);
    mixed ^ mixed >> 15
}

/// The last eight bytes of a lane, zeros before its first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct History {
    /// The newest four bytes, the newest in bits 0 to 7.
    low: u32,
    /// The four bytes before.
    high: u32,
}

impl History {
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.number(&mut self.low);
        walker.number(&mut self.high);
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, byte: u8) {
        self.high = self.high << 8 | self.low >> 24;
        self.low = self.low << 8 | u32::from(byte);
    }

    /// The hash of the last `order` bytes, 1 to 8.
    #[inline(always)]
    pub(crate) fn context(&self, order: u32) -> u32 {
        if order < 4 {
            hash(self.low & ((1 << (8 * order)) - 1), 0)
        } else {
            let mask = (1_u64 << (8 * (order - 4))) - 1;
            hash(self.low, self.high & mask as u32)
        }
    }
}
