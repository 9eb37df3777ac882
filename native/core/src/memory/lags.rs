//! How much bytes differ at each lag: where data repeats nearly, be it rows of a table or samples.
//!
//! The average magnitude difference function of M. Ross and others, "Average magnitude difference
//! function pitch extractor" (1974), as a running mean of every lag; that context mixing gains by
//! the lags that differ least is an idea of paq8px's similarity model (2026).
#![forbid(unsafe_code)]

use super::kernels::{self, Compiled, Kernel};
use crate::network::Isa;
use crate::prepared::Walker;

/// The longest lag.
const LONGEST: usize = 1 << 13;
/// The longest period.
const LONGEST_PERIOD: usize = 1 << 10;
/// A period is looked for once in so many bytes.
const EVERY: usize = 16;
/// A mean before a lag is known, in 2^-8: what bytes at random differ by, around a circle.
const FIRST: u16 = 64 << 8;
/// Means move by a part of this many bits, in 2^-8.
const RATE_BITS: u32 = 5;
const UNIT_BITS: u32 = 8;
/// More than any mean is.
const NONE: u16 = u16::MAX;
/// Of so many means at a time the least is noted.
const STRETCH: usize = 64;
/// A byte must have come again so often at the same distance for that to count, where it is at most
/// this; a distance that bytes alike have by chance.
const EVEN: [(u32, u32); 2] = [(32, 4), (10, 6)];

/// What a lane's bytes have differed by.
#[derive(Clone)]
pub(crate) struct Lags {
    /// By lag, the longest first: the running mean of differences.
    means: Vec<u16>,
    /// The lag of the least mean, and of the least of all others; of equal ones the longer.
    best: [u32; 2],
    /// The least mean.
    least: u16,
    /// The lag of which the first four multiples' means have the least sum.
    period: u32,
    /// By byte, the last distance at which it came again, and how often in a row.
    even: Box<[[u32; 2]; 256]>,
}

impl Lags {
    pub(crate) fn new() -> Self {
        let even = Box::new([[0; 2]; 256]);
        Self { means: vec![FIRST; LONGEST], best: [1; 2], least: NONE, period: 1, even }
    }

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.values(&mut self.means);
        walker.values(&mut self.best);
        walker.number(&mut self.least);
        walker.number(&mut self.period);
        walker.values(self.even.as_flattened_mut());
    }

    pub(crate) fn best(&self, of: usize) -> usize {
        self.best[of] as usize
    }

    /// How little the best lag's bytes differ, below 32.
    pub(crate) fn score(&self) -> u32 {
        u32::from(self.least >> UNIT_BITS).min(31)
    }

    pub(crate) fn period(&self) -> usize {
        self.period as usize
    }

    /// Notes that a byte came again at a distance; gives whether it did so often enough in a row for
    /// the distance to count.
    pub(crate) fn comes_evenly(&mut self, byte: u8, distance: u32) -> bool {
        let [last, times] = &mut self.even[usize::from(byte)];
        *times = if distance == *last { times.saturating_add(1) } else { 1 };
        *last = distance;
        EVEN.iter().all(|&(most, least)| distance > most || *times >= least)
    }

    /// Learns the last byte that was read.
    pub(crate) fn take(&mut self, read: &[u8], isa: Isa) {
        let Some((&byte, before)) = read.split_last() else { return };
        let before = &before[before.len().saturating_sub(LONGEST)..];
        let mut least = [NONE; LONGEST / STRETCH];
        let means = &mut self.means[LONGEST - before.len()..];
        kernels::with(isa, Differences { means, before, byte, least: &mut least });
        self.choose(before.len(), &mut least[..before.len().div_ceil(STRETCH)]);
        if read.len().is_multiple_of(EVERY) {
            self.look_for_period(before.len());
        }
    }

    /// Chooses the two best of the lags up to the longest known; `least` are those of stretches.
    fn choose(&mut self, longest: usize, least: &mut [u16]) {
        let means = &mut self.means[LONGEST - longest..];
        let lag = |at: usize| (longest - at) as u32;
        let Some((value, at)) = first_least(means, least) else { return };
        (self.best[0], self.least) = (lag(at), value);
        // The second is the first of all others.
        means[at] = NONE;
        let stretch = at / STRETCH * STRETCH;
        let others = means[stretch..].iter().take(STRETCH);
        least[at / STRETCH] = others.copied().min().unwrap_or(NONE);
        let second = first_least(means, least).filter(|&(value, _)| value != NONE);
        self.best[1] = second.map_or(1, |(_, at)| lag(at));
        means[at] = value;
    }

    fn look_for_period(&mut self, longest: usize) {
        let mean = |lag: usize| u32::from(self.means[LONGEST - lag]);
        let of = |period: &usize| (1..=4).map(|times| mean(times * period)).sum::<u32>();
        let periods = 1..=LONGEST_PERIOD.min(longest / 4);
        if let Some(period) = periods.min_by_key(of) {
            self.period = period as u32;
        }
    }
}

/// The least of all values and where it is first, by what is least in each stretch.
fn first_least(values: &[u16], least: &[u16]) -> Option<(u16, usize)> {
    let (stretch, &value) = least.iter().enumerate().min_by_key(|(_, value)| **value)?;
    let begin = stretch * STRETCH;
    let at = values[begin..].iter().position(|&other| other == value)?;
    Some((value, begin + at))
}

/// Moves every mean towards how much a byte differs from the one at its lag.
struct Differences<'a> {
    means: &'a mut [u16],
    before: &'a [u8],
    byte: u8,
    /// What is least in each stretch of means.
    least: &'a mut [u16],
}

impl Differences<'_> {
    #[inline(always)]
    fn stretch(means: &mut [u16], before: &[u8], byte: u8) -> u16 {
        let mut least = NONE;
        for (mean, &before) in means.iter_mut().zip(before) {
            let apart = before.wrapping_sub(byte);
            let apart = u16::from(apart.min(apart.wrapping_neg()));
            *mean = *mean - (*mean >> RATE_BITS) + (apart << (UNIT_BITS - RATE_BITS));
            least = least.min(*mean);
        }
        least
    }
}

impl Compiled for Differences<'_> {
    type Result = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Self { means, before, byte, least } = self;
        let (whole, rest) = means.as_chunks_mut::<STRETCH>();
        let (whole_before, rest_before) = before.as_chunks::<STRETCH>();
        let (of_whole, of_rest) = least.split_at_mut(whole.len());
        for ((means, before), least) in whole.iter_mut().zip(whole_before).zip(of_whole) {
            *least = Self::stretch(means, before, byte);
        }
        if let (Some(least), false) = (of_rest.first_mut(), rest.is_empty()) {
            *least = Self::stretch(rest, rest_before, byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best two by one pass over all lags, the longest first.
    fn best_of(means: &[u16]) -> [u32; 2] {
        let mut by_mean: Vec<_> = (0..means.len()).collect();
        by_mean.sort_by_key(|&at| means[at]);
        let lag = |number: usize| by_mean.get(number).map_or(1, |at| (means.len() - at) as u32);
        [lag(0), lag(1)]
    }

    #[test]
    fn the_best_two_are_those_of_a_pass_over_all() {
        let text: Vec<u8> =
            (0..9000_u32).map(|i| (i % 67 * (i / 67 % 5) + i / 800) as u8).collect();
        let isa = [Isa::Portable, Isa::choose("").expect("there is one")];
        let mut lags = Lags::new();
        for length in 1..=text.len() {
            lags.take(&text[..length], isa[length % 2]);
            if length % 37 == 0 || length < 200 {
                let known = (length - 1).min(LONGEST);
                assert_eq!(lags.best, best_of(&lags.means[LONGEST - known..]), "{length}");
            }
        }
    }

    #[test]
    fn what_repeats_has_its_period() {
        let text: Vec<u8> = (0..4000_u32).map(|i| (i % 48 * 5 + i / 1000) as u8).collect();
        let mut lags = Lags::new();
        for length in 1..=text.len() {
            lags.take(&text[..length], Isa::Portable);
        }
        assert_eq!(lags.period(), 48);
        assert_eq!(lags.best(0) % 48, 0);
        assert_eq!(lags.score(), 0);
    }
}
