//! Why a byte cost what it did: what else was likely, and who knew it. Nothing of this is coded, so
//! that it may be in floats.
#![forbid(unsafe_code)]

use super::crew::Alone;
use super::frame::Tally;
use super::guide::{FIRST_MATCH, NETWORK};
use super::mixer::{Place, WEIGHT_BITS};
use super::part::Part;

/// Bytes that are told as likely.
pub const LIKELY: usize = 5;
/// The probability of a certain bit.
const WHOLE: f64 = (1 << 24) as f64;

/// What is told of a byte.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Where it stands in the block.
    pub place: usize,
    /// The likeliest bytes before any of its bits came, with their probabilities.
    pub likely: [(u8, f64); LIKELY],
    /// Bits of stretch by which each source spoke for the byte, over all of its bits: the network,
    /// the matches, the contexts, each in the design's order. The probability maps are left out.
    pub shares: Vec<f64>,
}

/// Who is told.
pub trait Explainer {
    /// Whether a byte of the block is to be explained.
    fn wants(&self, place: usize) -> bool;

    /// Takes the network's 256 counts of a byte, wanted or not, where there are any.
    fn said(&mut self, _place: usize, _counts: &[i32]) {}

    /// Takes what is told, in the order of steps, then of lanes.
    fn take(&mut self, explained: Explained);

    /// Takes what a byte cost in bits, wanted or not, in the same order.
    fn cost(&mut self, place: usize, bits: f64);
}

/// What is known so far of the bytes of a step.
#[derive(Default)]
pub(super) struct Sketches {
    /// By active lane: where its byte stands, and what its bits have cost.
    costs: Vec<(usize, f64)>,
    /// By active lane; none where the byte is not wanted.
    of: Vec<Option<Explained>>,
    /// By active lane: how much each source speaks for a 1 as the next bit.
    for_one: Vec<Vec<f64>>,
}

impl Sketches {
    /// Begins a step, once its first bits are predicted.
    pub(super) fn begin(&mut self, crew: &Alone, explainer: &mut dyn Explainer) {
        let lanes = crew.frame.nodes.len();
        for lane in 0..lanes {
            let place = crew.frame.readers[lane].next();
            self.costs.push((place, 0.0));
            if let Some(counts) = crew.frame.evidence.by_lane().nth(lane) {
                explainer.said(place, counts);
            }
            self.of.push(explainer.wants(place).then(|| Explained {
                place,
                likely: crew.likely(lane),
                shares: vec![0.0; crew.sources()],
            }));
        }
        self.for_one.resize(lanes, Vec::new());
    }

    /// Notes who speaks for a 1, before the bit is known.
    pub(super) fn weigh(&mut self, crew: &Alone) {
        for (lane, for_one) in self.for_one.iter_mut().enumerate() {
            if self.of[lane].is_some() {
                *for_one = crew.for_one(lane);
            }
        }
    }

    /// Notes the bit of a lane, whose 0 had so many counts of 2^24.
    pub(super) fn note(&mut self, lane: usize, zero: u32, bit: u32) {
        let (p, sign) = if bit == 0 { (zero, -1.0) } else { ((1 << 24) - zero, 1.0) };
        self.costs[lane].1 -= (f64::from(p) / WHOLE).log2();
        let Some(explained) = &mut self.of[lane] else { return };
        for (share, for_one) in explained.shares.iter_mut().zip(&self.for_one[lane]) {
            *share += sign * for_one;
        }
    }

    /// Tells what became of the step.
    pub(super) fn end(&mut self, explainer: &mut dyn Explainer) {
        self.costs.drain(..).for_each(|(place, bits)| explainer.cost(place, bits));
        self.of.drain(..).flatten().for_each(|explained| explainer.take(explained));
    }
}

impl Alone {
    /// The network, the matches and the contexts.
    fn sources(&self) -> usize {
        self.guide.matches() + 1 + self.parts.iter().map(Part::contexts).sum::<usize>()
    }

    /// The count of a 0, of 2^24, at any node of a lane's byte, as far as is known at its start.
    fn zero_at(&self, lane: usize, k: usize, node: u32) -> u32 {
        let mut inputs = vec![0; self.blocks.iter().map(|block| block.width).sum()];
        let (first, mut rest) = inputs.split_at_mut(self.blocks[0].width);
        let expected = self.guide.peek(&self.frame, lane, k, node, first);
        let mut tallies = Vec::new();
        for (part, block) in self.parts.iter().zip(&self.blocks[1..]) {
            let (of_part, others) = rest.split_at_mut(block.width);
            tallies.push(part.peek(lane, k, node, of_part));
            rest = others;
        }
        let reader = &self.frame.readers[lane];
        let tally = tallies.into_iter().sum::<Tally>();
        let place = Place { reader, k, node, expected, tally };
        self.mixer.peek(&place, &inputs)
    }

    /// The likeliest bytes, by looking at the likelier half of all that is open first.
    fn likely(&self, lane: usize) -> [(u8, f64); LIKELY] {
        let (mut open, mut found) = (vec![(1.0_f64, 1_u32, 0_usize)], Vec::new());
        while found.len() < LIKELY {
            let likeliest = open.iter().enumerate().max_by(|a, b| a.1.0.total_cmp(&b.1.0));
            let (at, _) = likeliest.expect("there are 256 bytes");
            let (p, node, k) = open.swap_remove(at);
            if k == 8 {
                found.push((node as u8, p));
                continue;
            }
            let zero = f64::from(self.zero_at(lane, k, node)) / WHOLE;
            open.push((p * zero, node << 1, k + 1));
            open.push((p * (1.0 - zero), node << 1 | 1, k + 1));
        }
        found.try_into().expect("there are so many")
    }

    /// By source: bits of stretch by which it speaks for a 1 as a lane's next bit.
    fn for_one(&self, lane: usize) -> Vec<f64> {
        let unit = f64::from(1 << WEIGHT_BITS);
        // The weight of each input in the final row's stretch.
        let mut weights = vec![0.0; self.blocks.iter().map(|block| block.width).sum()];
        for (row, of_set) in self.mixer.chosen(&self.mixing, lane) {
            let of_set = f64::from(of_set) / unit;
            for (weight, &of_input) in weights.iter_mut().zip(row) {
                *weight += of_set * f64::from(of_input) / unit;
            }
        }
        let inputs = self.blocks.iter().flat_map(|block| block.of(lane));
        let said: Vec<f64> =
            inputs.zip(weights).map(|(&input, weight)| weight * f64::from(input) / 256.0).collect();
        let pair = |at: usize| said[at] + said[at + 1];
        let mut by_source = vec![said[NETWORK]];
        by_source.extend((0..self.guide.matches()).map(|at| pair(FIRST_MATCH + 2 * at)));
        let mut start = self.blocks[0].width;
        for (part, block) in self.parts.iter().zip(&self.blocks[1..]) {
            by_source.extend((0..part.contexts()).map(|context| pair(start + 2 * context)));
            start += block.width;
        }
        by_source
    }
}
