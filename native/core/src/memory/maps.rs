//! Adaptive probabilities: a mean of what came, over a bounded number of experiences.
#![forbid(unsafe_code)]

use std::sync::LazyLock;

/// A probability of 1.
pub(crate) const ONE: u32 = (1 << 22) - 1;
const COUNT_BITS: u32 = 10;

/// A probability in 2^-22 and below it how many experiences it stands for.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Cell(u32);

/// By count n, how far a cell moves: 2^16 / (n + 1.5).
pub(crate) type Rates = [u32; 1 << COUNT_BITS];

pub(crate) static RATES: LazyLock<Box<Rates>> =
    LazyLock::new(|| Box::new(std::array::from_fn(|n| (1 << 17) / (2 * n as u32 + 3))));

/// A cell that stands for so many experiences.
pub(crate) fn cell(p: u32, count: u32) -> Cell {
    Cell(p.min(ONE) << COUNT_BITS | count)
}

impl Cell {
    /// The probability in 2^-12.
    #[inline(always)]
    pub(crate) fn index(self) -> usize {
        (self.0 >> 20) as usize
    }

    /// The probability in 2^-22.
    #[inline(always)]
    pub(crate) fn probability(self) -> u32 {
        self.0 >> COUNT_BITS
    }

    /// How many experiences it stands for.
    #[inline(always)]
    pub(crate) fn count(self) -> u32 {
        self.0 & ((1 << COUNT_BITS) - 1)
    }

    /// Moves towards what came, `limit` being the greatest count.
    #[inline(always)]
    pub(crate) fn learn(&mut self, one: u32, limit: u32, rates: &Rates) {
        self.approach(ONE * one, limit, rates);
    }

    /// Moves towards a value of 22 bits, which need not be a probability of 0 or 1.
    #[inline(always)]
    pub(crate) fn approach(&mut self, target: u32, limit: u32, rates: &Rates) {
        let (p, count) = (i64::from(self.probability()), self.count());
        let target = i64::from(target);
        let moved = p + (((target - p) * i64::from(rates[count as usize]) + (1 << 15)) >> 16);
        self.0 = (moved as u32) << COUNT_BITS | (count + u32::from(count < limit));
    }
}
