//! What is not a context: the network's evidence, and matches.
#![forbid(unsafe_code)]

use super::frame::{Block, Expected, Frame};
use super::matches::Matches;
use crate::constants::{LOGISTIC, Logistic, STRETCH_LIMIT};
use crate::prepared::Walker;
use crate::shape::VOCABULARY;

/// The mixer's constant input: 0.3 nat.
pub(crate) const BIAS: i16 = 111;
/// The network's input, behind the constant.
pub(crate) const NETWORK: usize = 1;
/// Inputs before those of matches: the constant and the network.
pub(crate) const FIRST_MATCH: usize = 2;

/// Where a lane's byte lies in its evidence, as far as its bits are known.
#[derive(Clone, Copy, Default)]
struct Range {
    /// The first symbol.
    first: usize,
    /// The sum of the counts, and of those in the lower half.
    total: u32,
    lower: u32,
}

impl Range {
    /// Halves the 2^(8 - k) symbols of bit k.
    #[inline(always)]
    fn halve(&mut self, evidence: &[i32], k: usize) {
        let half = &evidence[self.first..][..VOCABULARY >> (k + 1)];
        self.lower = half.iter().sum::<i32>() as u32;
    }

    /// The count of a 0, of 2^24.
    #[inline(always)]
    fn zero(&self) -> u32 {
        let zero = (u64::from(self.lower) << 24) / u64::from(self.total);
        (zero as u32).clamp(1, (1 << 24) - 1)
    }

    /// Goes to the half that bit k names.
    #[inline(always)]
    fn take(&mut self, bit: u32, k: usize) {
        self.total = if bit == 0 { self.lower } else { self.total - self.lower };
        self.first += bit as usize * (VOCABULARY >> (k + 1));
    }
}

/// The task that gives the mixer the network's stretch and the matches.
pub(crate) struct Guide {
    matches: Vec<Matches>,
    ranges: Vec<Range>,
    logistic: &'static Logistic,
}

impl Guide {
    pub(crate) fn new(least: &[u32], bits: u32, lanes: usize) -> Self {
        Self {
            matches: least.iter().map(|&least| Matches::new(least, bits, lanes)).collect(),
            ranges: vec![Range::default(); lanes],
            logistic: &LOGISTIC,
        }
    }

    /// Between two bytes: ranges begin with each.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.matches.iter_mut().for_each(|matches| matches.walk(walker));
    }

    /// How many matches there are.
    pub(crate) fn matches(&self) -> usize {
        self.matches.len()
    }

    /// What would be said of another node of a lane's byte.
    pub(crate) fn peek(
        &self,
        frame: &Frame,
        lane: usize,
        k: usize,
        node: u32,
        inputs: &mut [i16],
    ) -> Expected {
        inputs[0] = BIAS;
        if let Some(evidence) = frame.evidence.by_lane().nth(lane) {
            let first = (node as usize) << (8 - k) & 255;
            let total = evidence[first..][..VOCABULARY >> k].iter().sum::<i32>() as u32;
            let mut range = Range { first, total, lower: 0 };
            range.halve(evidence, k);
            inputs[NETWORK] = self.stretch(&range);
        }
        self.matched(lane, k, node, inputs)
    }

    /// What the matches say of a node of a lane's byte; gives what the longest expects.
    #[inline(always)]
    fn matched(&self, lane: usize, k: usize, node: u32, inputs: &mut [i16]) -> Expected {
        let mut longest = Expected::default();
        for (m, matches) in self.matches.iter().enumerate() {
            let (x, expected) = matches.predict(lane, k, node);
            inputs[FIRST_MATCH + 2 * m..][..2].copy_from_slice(&x);
            if expected.cell >> 1 > longest.cell >> 1 {
                longest = expected;
            }
        }
        longest
    }

    /// The network's stretch.
    #[inline(always)]
    fn stretch(&self, range: &Range) -> i16 {
        let zero = range.zero();
        let stretch = self.logistic.lg((1 << 24) - zero) - self.logistic.lg(zero);
        stretch.clamp(-STRETCH_LIMIT, STRETCH_LIMIT) as i16
    }

    /// Learns the last bit and predicts the next.
    #[inline(always)]
    pub(crate) fn advance(&mut self, frame: &Frame, block: &mut Block) {
        let k = frame.k;
        let stepped = k == 0 && frame.done.len() == frame.readers.len();
        if stepped {
            for matches in &mut self.matches {
                matches.enter(&frame.text, &frame.readers);
            }
        }
        if frame.before > 0 {
            for matches in &mut self.matches {
                matches.learn((k + 7) & 7, &frame.done, frame.rates);
            }
        }
        if stepped {
            for matches in &mut self.matches {
                matches.step(&frame.text, &frame.readers);
            }
        }
        let counts = frame.evidence.by_lane();
        for ((range, evidence), &node) in self.ranges.iter_mut().zip(counts).zip(&frame.nodes) {
            if k == 0 {
                let total = evidence.iter().sum::<i32>() as u32;
                *range = Range { first: 0, total, lower: 0 };
            } else {
                range.take(node & 1, k - 1);
            }
            range.halve(evidence, k);
        }
        for (lane, &node) in frame.nodes.iter().enumerate() {
            let row = block.of_mut(lane);
            row[0] = BIAS;
            row[NETWORK] = 0;
            if !frame.evidence.groups.is_empty() {
                row[NETWORK] = self.stretch(&self.ranges[lane]);
            } else if !frame.stretches.is_empty() {
                row[NETWORK] = frame.stretches[k * frame.readers.len() + lane];
            }
            for matches in &mut self.matches {
                matches.go(lane, k, node);
            }
            let expected = self.matched(lane, k, node, row);
            block.expected[lane] = expected;
        }
    }
}
