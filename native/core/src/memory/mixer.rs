//! Gated logistic mixing: rows of weights that small contexts choose.
//!
//! M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression" (2005), section
//! 3.2; several rows at a time as in PAQ8, each with an error of its own.
#![forbid(unsafe_code)]

use super::contexts::Reader;
use super::frame::{Block, Expected, Frame, Tally};
use super::kernels::{Kernel, Portable};
use crate::constants::{LOGISTIC, Logistic, STRETCH_LIMIT};
use crate::mapping::Table;
use crate::prepared::Walker;

/// Inputs and weights come in multiples of this, as vector registers hold them.
pub(crate) const WIDTH: usize = 16;
/// Weights are in 2^-14.
pub(crate) const WEIGHT_BITS: u32 = 14;

/// A weight in thousandths.
pub(crate) const fn weight(thousandths: i32) -> i16 {
    (thousandths * (1 << WEIGHT_BITS) / 1000) as i16
}

/// How fast a row learns, in 2^-18: `least`, and `more` that has halved after `half` bits.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) least: u32,
    pub(crate) more: u32,
    pub(crate) half: u32,
}

impl Pace {
    #[inline(always)]
    fn rate(self, count: u32) -> i32 {
        (self.least + self.more * self.half / (self.half + count)) as i32
    }
}

/// What a lane has chosen of a set, and what came of it.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    row: u32,
    /// The stretch of a 1, and its probability in 2^-16.
    pub(crate) stretch: i32,
    one: i32,
}

/// Rows of weights, of which each lane uses one for each bit.
pub(crate) struct Set {
    weights: Table<i16>,
    /// By row, bits learned.
    counts: Vec<u32>,
    width: usize,
    pub(crate) choices: Vec<Choice>,
    pace: Pace,
    logistic: &'static Logistic,
}

impl Set {
    pub(crate) fn new(rows: usize, first: &[i16], pace: Pace, lanes: usize) -> Self {
        Self {
            weights: Table::from_slice(&first.repeat(rows)),
            counts: vec![0; rows],
            width: first.len(),
            choices: vec![Choice { row: 0, stretch: 0, one: 1 << 15 }; lanes],
            pace,
            logistic: &LOGISTIC,
        }
    }

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.values(&mut self.weights);
        walker.values(&mut self.counts);
        for choice in &mut self.choices {
            walker.number(&mut choice.row);
            walker.number(&mut choice.stretch);
            walker.number(&mut choice.one);
        }
    }

    /// Chooses a lane's row, and fetches it.
    #[inline(always)]
    pub(crate) fn choose(&mut self, lane: usize, row: u32) {
        let at = row as usize * self.width;
        for line in (at..at + self.width).step_by(32) {
            self.weights.prefetch(line);
        }
        self.choices[lane].row = row;
    }

    /// The weight of an input in a lane's row.
    pub(crate) fn weight(&self, lane: usize, input: usize) -> i16 {
        self.row(lane)[input]
    }

    /// A lane's row.
    pub(crate) fn row(&self, lane: usize) -> &[i16] {
        &self.weights[self.choices[lane].row as usize * self.width..][..self.width]
    }

    /// Mixes what a lane's inputs say.
    #[inline(always)]
    pub(crate) fn mix<K: Kernel>(&mut self, lane: usize, inputs: &[i16]) {
        let stretch = self.stretch::<K>(self.choices[lane].row, inputs);
        let choice = &mut self.choices[lane];
        choice.stretch = stretch;
        choice.one = self.logistic.short_squash(stretch);
    }

    /// What a row makes of inputs.
    #[inline(always)]
    pub(crate) fn stretch<K: Kernel>(&self, row: u32, inputs: &[i16]) -> i32 {
        let weights = &self.weights[row as usize * self.width..][..self.width];
        let half = 1 << (WEIGHT_BITS - 1);
        let stretch = K::dot(weights, inputs).wrapping_add(half) >> WEIGHT_BITS;
        stretch.clamp(-STRETCH_LIMIT, STRETCH_LIMIT)
    }

    /// Moves a lane's row towards the bit that came.
    #[inline(always)]
    pub(crate) fn learn<K: Kernel>(&mut self, lane: usize, inputs: &[i16], bit: u32) {
        let choice = self.choices[lane];
        let count = &mut self.counts[choice.row as usize];
        let error = (bit << 16) as i32 - choice.one;
        let step = (error * self.pace.rate(*count) + (1 << (STEP_BITS - 1))) >> STEP_BITS;
        let step = step.clamp(-32767, 32767);
        *count = count.saturating_add(1).min(COUNT_LIMIT);
        if step != 0 {
            let weights = &mut self.weights[choice.row as usize * self.width..][..self.width];
            K::learn(weights, inputs, step as i16);
        }
    }
}

/// Counts stay below this: the rate has long stopped falling.
const COUNT_LIMIT: u32 = 1 << 24;

/// From error times rate, 2^-34, to steps of 2^-21.
const STEP_BITS: u32 = 13;

/// What chooses a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Chooser {
    /// One row.
    None,
    /// The bits known.
    Node,
    /// The last byte.
    Last,
    /// Length and bit of the longest match, and how far the byte is known.
    Match,
    /// The classes of the last two bytes.
    Classes,
    /// How many runs agree, and how many histories are known.
    Known,
    /// How many separators the line has.
    Fields,
    /// A hash of the last two bytes.
    Two,
}

impl Chooser {
    pub(crate) fn rows(self) -> usize {
        match self {
            Self::None => 1,
            Self::Node | Self::Last => 256,
            Self::Match => 32 * 3,
            Self::Classes => 40 * 8,
            Self::Known => 9 * 9 * 8,
            Self::Fields => 32 * 8,
            Self::Two => 1 << TWO_BITS,
        }
    }
}

/// Rows for hashes of two bytes: base-2 logarithm.
const TWO_BITS: u32 = 12;

/// Some sets, which one thread looks after at a time.
pub(crate) struct Sets {
    choosers: Vec<Chooser>,
    pub(crate) sets: Vec<Set>,
    contexts: i32,
    /// By lane, what the bit was predicted from: the inputs of all blocks.
    inputs: Vec<i16>,
    width: usize,
}

impl Sets {
    pub(crate) fn new(
        choosers: &[Chooser],
        first: &[i16],
        pace: Pace,
        contexts: usize,
        lanes: usize,
    ) -> Self {
        let set = |chooser: &Chooser| Set::new(chooser.rows(), first, pace, lanes);
        Self {
            choosers: choosers.to_vec(),
            sets: choosers.iter().map(set).collect(),
            contexts: contexts as i32,
            inputs: vec![0; first.len() * lanes],
            width: first.len(),
        }
    }

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.sets.iter_mut().for_each(|set| set.walk(walker));
        walker.values(&mut self.inputs);
    }

    /// Learns the last bit, then mixes what the blocks say of the next.
    #[inline(always)]
    pub(crate) fn advance<K: Kernel>(&mut self, frame: &Frame, blocks: &[&Block]) {
        if frame.before > 0 {
            for (lane, &done) in frame.done.iter().enumerate() {
                let inputs = &self.inputs[lane * self.width..][..self.width];
                for set in &mut self.sets {
                    set.learn::<K>(lane, inputs, done & 1);
                }
            }
        }
        for lane in 0..frame.nodes.len() {
            let inputs = &mut self.inputs[lane * self.width..][..self.width];
            let said = blocks.iter().flat_map(|block| block.of(lane).as_chunks::<WIDTH>().0);
            for (input, &said) in inputs.as_chunks_mut().0.iter_mut().zip(said) {
                *input = said;
            }
            let place = Place {
                reader: &frame.readers[lane],
                k: frame.k,
                node: frame.nodes[lane],
                expected: blocks[0].expected[lane],
                tally: blocks[1..].iter().map(|block| block.tallies[lane]).sum(),
            };
            for (set, &chooser) in self.sets.iter_mut().zip(&self.choosers) {
                set.choose(lane, place.row(chooser, self.contexts));
            }
        }
        for lane in 0..frame.nodes.len() {
            let inputs = &self.inputs[lane * self.width..][..self.width];
            for set in &mut self.sets {
                set.mix::<K>(lane, inputs);
            }
        }
    }

    /// What the sets would say of another place, in order, from such inputs.
    pub(crate) fn peek(&self, place: &Place<'_>, inputs: &[i16]) -> impl Iterator<Item = i32> {
        self.sets.iter().zip(&self.choosers).map(move |(set, &chooser)| {
            set.stretch::<Portable>(place.row(chooser, self.contexts), inputs)
        })
    }
}

/// Where a lane is in its byte, and what is expected there, as rows are chosen by it.
pub(crate) struct Place<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) k: usize,
    pub(crate) node: u32,
    pub(crate) expected: Expected,
    pub(crate) tally: Tally,
}

impl Place<'_> {
    #[inline(always)]
    fn row(&self, chooser: Chooser, contexts: i32) -> u32 {
        let k = self.k as u32;
        match chooser {
            Chooser::None => 0,
            Chooser::Node => self.node,
            Chooser::Last => self.reader.last as u32 & 255,
            Chooser::Match => self.expected.cell * 3 + u32::from(k > 0) + u32::from(k > 3),
            Chooser::Classes => self.reader.classes() * 8 + k,
            Chooser::Known => {
                let Tally { runs, known } = self.tally;
                (runs * 8 / contexts * 9 + known * 8 / contexts) as u32 * 8 + k
            }
            Chooser::Fields => self.reader.fields.min(31) * 8 + k,
            Chooser::Two => {
                (self.reader.last as u32 & 0xFFFF).wrapping_mul(0x9E37_79B1) >> (32 - TWO_BITS)
            }
        }
    }
}
