//! Adaptive counters, half a byte of a context in one cache line. `FORMAT.md`, section 2.3.
#![forbid(unsafe_code)]

use crate::history::mix;
use crate::mapping::Table;

/// Contexts that have counters.
pub(crate) const CONTEXTS: usize = 5;
/// The greatest count.
pub(crate) const MAX_COUNT: usize = 60;
/// A slot that has seen nothing: probability 1/2, check and count 0.
const UNSEEN: u32 = 1 << 31;

/// Where the counters of half a byte of one context lie.
#[derive(Clone, Copy, Default)]
pub(crate) struct Line {
    /// The line's first slot.
    first: u32,
    /// The order of the slots within the line, four bits.
    turn: u32,
    /// What a slot of this context holds in bits 8 to 15.
    check: u32,
}

/// One counter as a prediction found it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counter {
    /// Its place among all slots.
    pub(crate) slot: u32,
    /// Probability of a 1 << 16 | check << 8 | count; the check is 0 where nothing was seen.
    pub(crate) old: u32,
}

impl Counter {
    /// Bits seen, at most `MAX_COUNT`.
    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        (self.old & 63) as usize
    }

    /// The probability of a 1 in 2^-12.
    #[inline(always)]
    pub(crate) fn cell(self) -> usize {
        (self.old >> 20) as usize
    }
}

/// log2 of the slots of a context, for a block of `size` places.
pub(crate) fn slot_bits(size: usize) -> u32 {
    (usize::BITS - size.leading_zeros() + 1).clamp(18, 24)
}

/// The slots of all contexts.
pub(crate) struct Counters {
    slots: Table<u32>,
    slot_bits: u32,
    /// Adaptation rate 1 / (n + 1.5) after n bits, in 2^-14.
    rates: [i32; 64],
}

impl Counters {
    pub(crate) fn new(slot_bits: u32) -> Self {
        let rates = std::array::from_fn(|n| 32768 / (2 * n.min(MAX_COUNT) as i32 + 3));
        Self { slots: Table::zeroed(CONTEXTS << slot_bits), slot_bits, rates }
    }

    /// The line of a context for the half byte below a node, 1 or 16 to 31; it is fetched.
    #[inline(always)]
    pub(crate) fn line(&self, context: usize, hash: u32, node: u32) -> Line {
        let mixed = mix(hash, node);
        let within = mixed >> (32 - self.slot_bits) & !15;
        let first = (context as u32) << self.slot_bits | within;
        self.slots.prefetch(first as usize);
        Line { first, turn: mixed >> 8 & 15, check: (mixed & 255 | 1) << 8 }
    }

    /// The counter of a line after 1 and the bits known since its node, 1 to 15.
    #[inline(always)]
    pub(crate) fn find(&self, line: Line, known: u32) -> Counter {
        let slot = line.first + (known ^ line.turn);
        let old = self.slots[slot as usize];
        Counter { slot, old: if old & 0xFF00 == line.check { old } else { UNSEEN } }
    }

    /// Moves a counter of a line towards the bit that came, from what it was when found.
    #[inline(always)]
    pub(crate) fn learn(&mut self, counter: Counter, check: u32, bit: u32) {
        let (p, n) = ((counter.old >> 16) as i32, counter.count());
        let away = (65535 * bit as i32 - p) * self.rates[n];
        let p = (p + ((away + (1 << 13)) >> 14)) as u32;
        let count = (n as u32 + 1).min(MAX_COUNT as u32);
        self.slots[counter.slot as usize] = p << 16 | check | count;
    }
}

impl Line {
    /// The check of the line's slots, in bits 8 to 15.
    #[inline(always)]
    pub(crate) fn check(self) -> u32 {
        self.check
    }
}
