//! The mixture of network, counters and expected bytes, and the ladders after it.
//! `FORMAT.md`, section 2.3.
#![forbid(unsafe_code)]

use super::WEIGHT_LIMIT;
use super::counters::{CONTEXTS, Counter, MAX_COUNT};
use crate::constants::{LOGISTIC, Logistic, STRETCH_LIMIT};
use crate::mapping::Table;

/// Mixer weight of a counter before any experience, in 2^-20.
const COUNTER_WEIGHT: i32 = 62915;
/// Mixer weight of the network before any experience, in 2^-20.
const NETWORK_WEIGHT: i32 = 943_718;
/// Patterns of own runs, each with a weight of the network.
pub(crate) const PATTERNS: usize = 16;
/// Counts, padded to a power of two.
const COUNTS: usize = 64;
/// Rungs of a ladder, one every bit of stretch from -12 to 12.
const RUNGS: usize = 25;
/// The greatest stretch that a ladder tells apart.
const LADDER_LIMIT: i32 = 3072;
/// Ladders by last byte and node, then as many by a hash of the two last bytes and node.
const LADDERS: usize = 2 << 16;

/// A rung of a ladder: the lower of the two between which a mixture lies, and, once it is refined,
/// the nearer one and what it held.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rung {
    at: u32,
    old: u32,
}

/// One mixture, before the ladders refine it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mixture {
    /// Probability of a 1 in 2^-24.
    pub(crate) one: u32,
    /// The network's stretch.
    pub(crate) network: i32,
    rungs: [Rung; 2],
    /// How far beyond the lower rung, in 256ths.
    inside: u32,
}

/// Mixer weights and ladders.
pub(crate) struct Mixer {
    /// Of counters, by context and count, in 2^-20.
    weights: [[i32; COUNTS]; CONTEXTS],
    /// Of the network, by pattern, in 2^-20.
    network_weights: [i32; PATTERNS],
    /// Slopes of the weights so far, sums of error times stretch.
    slopes: [[i64; COUNTS]; CONTEXTS],
    network_slopes: [i64; PATTERNS],
    /// Probabilities of a 1 in 2^-22.
    ladders: Table<u32>,
    pub(crate) logistic: &'static Logistic,
}

impl Mixer {
    pub(crate) fn new() -> Self {
        let logistic: &Logistic = &LOGISTIC;
        let mut weights = [[COUNTER_WEIGHT; COUNTS]; CONTEXTS];
        for weights in &mut weights {
            weights[0] = 0; // a counter that has seen nothing has nothing to say
        }
        let ladder: [u32; RUNGS] = std::array::from_fn(|rung| {
            let stretch = 256 * (rung as i32 - 12);
            logistic.squash(stretch.clamp(-STRETCH_LIMIT, STRETCH_LIMIT)) >> 2
        });
        let mut ladders = Table::zeroed(LADDERS * RUNGS);
        for rungs in ladders.chunks_exact_mut(RUNGS) {
            rungs.copy_from_slice(&ladder);
        }
        Self {
            weights,
            network_weights: [NETWORK_WEIGHT; PATTERNS],
            slopes: [[0; COUNTS]; CONTEXTS],
            network_slopes: [0; PATTERNS],
            ladders,
            logistic,
        }
    }

    /// Stretch of a counter, in 1/256 bit.
    #[inline(always)]
    fn stretch(&self, counter: Counter) -> i32 {
        i32::from(self.logistic.stretch[counter.cell()])
    }

    /// Mixes the next bit of a lane; the rungs that refine it are fetched.
    ///
    /// `zero` is the network's counts for a 0, of 2^24; `expected` the sum of the sources;
    /// `ladders` the numbers of the two ladders.
    #[inline(always)]
    pub(crate) fn mix(
        &self,
        zero: u32,
        counters: &[Counter; CONTEXTS],
        pattern: u8,
        expected: i32,
        ladders: [u32; 2],
    ) -> Mixture {
        let mut memory = 0;
        for (weights, &counter) in self.weights.iter().zip(counters) {
            memory += (weights[counter.count()] >> 6) * self.stretch(counter);
        }
        let network = self.logistic.lg((1 << 24) - zero) - self.logistic.lg(zero);
        let weight = self.network_weights[usize::from(pattern) % PATTERNS] >> 6;
        let sum = i64::from(memory) + i64::from(expected) + i64::from(weight) * i64::from(network);
        let stretch = ((sum + (1 << 13)) >> 14).clamp(-5631, 5631) as i32;
        let one = self.logistic.squash(stretch);

        let position = stretch.clamp(-LADDER_LIMIT, LADDER_LIMIT - 1) + LADDER_LIMIT;
        let (rung, inside) = ((position >> 8) as u32, (position & 255) as u32);
        let rungs = ladders.map(|ladder| {
            let at = ladder * RUNGS as u32 + rung;
            self.ladders.prefetch(at as usize);
            Rung { at, old: 0 }
        });
        Mixture { one, network, rungs, inside }
    }

    /// The counts for a 0, of 2^24, that the ladders make of a mixture.
    #[inline(always)]
    pub(crate) fn refine(&self, mixture: &mut Mixture) -> u32 {
        let inside = mixture.inside;
        let mut refined = 2 * mixture.one;
        for rung in &mut mixture.rungs {
            let at = rung.at as usize;
            let [low, high] = [self.ladders[at], self.ladders[at + 1]];
            refined += (low * (256 - inside) + high * inside) >> 6;
            let upper = inside >> 7;
            *rung = Rung { at: rung.at + upper, old: if upper == 1 { high } else { low } };
        }
        (1 << 24) - (refined >> 2)
    }

    /// Notes the slopes of one bit of a lane; `error` is in 2^-16.
    #[inline(always)]
    pub(crate) fn note(
        &mut self,
        counters: &[Counter; CONTEXTS],
        pattern: u8,
        network: i32,
        error: i32,
    ) {
        for (context, &counter) in counters.iter().enumerate() {
            let slope = i64::from(error) * i64::from(self.stretch(counter));
            self.slopes[context][counter.count()] += slope;
        }
        let slope = i64::from(error) * i64::from(network);
        self.network_slopes[usize::from(pattern) % PATTERNS] += slope;
    }

    /// Moves the nearer rungs towards the bit that came, from what they held when they were read.
    #[inline(always)]
    pub(crate) fn learn_rungs(&mut self, mixture: &Mixture, bit: u32) {
        let target = ((1 << 22) - 1) * bit as i32;
        for rung in mixture.rungs {
            let old = rung.old as i32;
            self.ladders[rung.at as usize] = (old + ((target - old + 32) >> 6)) as u32;
        }
    }

    /// Moves the weights by all slopes noted.
    pub(crate) fn learn_weights(&mut self) {
        let move_by = |weight: &mut i32, slope: &mut i64| {
            let moved = i64::from(*weight) + ((*slope + (1 << 14)) >> 15);
            *weight = moved.clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
            *slope = 0;
        };
        for (weights, slopes) in self.weights.iter_mut().zip(&mut self.slopes) {
            for (weight, slope) in weights.iter_mut().zip(slopes).take(MAX_COUNT + 1) {
                move_by(weight, slope);
            }
        }
        for (weight, slope) in self.network_weights.iter_mut().zip(&mut self.network_slopes) {
            move_by(weight, slope);
        }
    }
}
