//! Gated logistic mixing: rows of weights that small contexts choose.
//!
//! M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression" (2005), section
//! 3.2; several rows at a time as in PAQ8, each with an error of its own.
#![forbid(unsafe_code)]

use super::contexts::{LONG_WORD, Reader};
use super::frame::{Block, Expected, Frame, Tally};
use super::kernels::{Kernel, Portable};
use super::last::{End, Last};
use crate::constants::{LOGISTIC, Logistic, STRETCH_LIMIT};
use crate::mapping::Table;
use crate::prepared::Walker;
use std::ops::Range;

/// Inputs and weights come in multiples of this, as vector registers hold them.
pub(crate) const WIDTH: usize = 16;
/// Weights are in 2^-14.
pub(crate) const WEIGHT_BITS: u32 = 14;

/// A weight in thousandths.
pub(crate) const fn weight(thousandths: i32) -> i16 {
    (thousandths * (1 << WEIGHT_BITS) / 1000) as i16
}

/// How fast a row learns, in 2^-18: `least`, and `more` that has halved after `half` bits.
#[derive(Clone, Copy, Debug)]
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

impl Choice {
    /// Before anything is chosen.
    pub(crate) const FIRST: Self = Self { row: 0, stretch: 0, one: 1 << 15 };

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.number(&mut self.row);
        walker.number(&mut self.stretch);
        walker.number(&mut self.one);
    }
}

/// Rows of weights, of which each lane uses one for each bit.
pub(crate) struct Set {
    weights: Table<i16>,
    /// By row, bits learned.
    counts: Vec<u32>,
    width: usize,
    pace: Pace,
    logistic: &'static Logistic,
}

impl Set {
    pub(crate) fn new(rows: usize, first: &[i16], pace: Pace) -> Self {
        Self {
            weights: Table::from_slice(&first.repeat(rows)),
            counts: vec![0; rows],
            width: first.len(),
            pace,
            logistic: &LOGISTIC,
        }
    }

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.values(&mut self.weights);
        walker.values(&mut self.counts);
    }

    /// Chooses a row, and fetches it.
    #[inline(always)]
    pub(crate) fn choose(&self, choice: &mut Choice, row: u32) {
        let at = row as usize * self.width;
        for line in (at..at + self.width).step_by(32) {
            self.weights.prefetch(line);
        }
        choice.row = row;
    }

    /// The row that was chosen.
    #[inline(always)]
    pub(crate) fn row(&self, choice: Choice) -> &[i16] {
        &self.weights[choice.row as usize * self.width..][..self.width]
    }

    /// Mixes inputs by the row that was chosen.
    #[inline(always)]
    pub(crate) fn mix<K: Kernel>(&self, choice: &mut Choice, inputs: &[i16]) {
        choice.stretch = self.stretch::<K>(choice.row, inputs);
        choice.one = self.logistic.short_squash(choice.stretch);
    }

    /// What a row makes of inputs.
    #[inline(always)]
    pub(crate) fn stretch<K: Kernel>(&self, row: u32, inputs: &[i16]) -> i32 {
        let weights = &self.weights[row as usize * self.width..][..self.width];
        let half = 1 << (WEIGHT_BITS - 1);
        let stretch = K::dot(weights, inputs).wrapping_add(half) >> WEIGHT_BITS;
        stretch.clamp(-STRETCH_LIMIT, STRETCH_LIMIT)
    }

    /// Moves the row that was chosen towards the bit that came.
    #[inline(always)]
    pub(crate) fn learn<K: Kernel>(&mut self, choice: Choice, inputs: &[i16], bit: u32) {
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
    /// The place in the record.
    Place,
    /// How many separators the line has.
    Fields,
    /// A hash of the last two bytes.
    Two,
    /// The place modulo 16.
    Sixteenth,
    /// The classes of the last two bytes, the place modulo 4.
    ClassesFourth,
    /// The upper three bits of each of the last three bytes.
    Tops,
    /// The byte before the last.
    Second,
    /// The byte before that.
    Third,
    /// How many letters of a word were read.
    Reading,
    /// The bit.
    Bit,
    /// The place in the period.
    Period,
}

impl Chooser {
    pub(crate) fn rows(self) -> usize {
        match self {
            Self::None => 1,
            Self::Node | Self::Last => 256,
            Self::Match => 32 * 3,
            Self::Classes => 40 * 8,
            Self::Known => 9 * 9 * 8,
            Self::Place | Self::Period => (MOST_PLACE as usize + 1) * 8,
            Self::Fields => 32 * 8,
            Self::Two => 1 << TWO_BITS,
            Self::Sixteenth => 16 * 8,
            Self::ClassesFourth => 40 * 4 * 8,
            Self::Tops => 512 * 8,
            Self::Second | Self::Third => 256 * 8,
            Self::Reading => (LONG_WORD as usize + 1) * 8,
            Self::Bit => 8,
        }
    }
}

/// Later places in a record choose the same rows.
const MOST_PLACE: u32 = 511;
/// Rows for hashes of two bytes: base-2 logarithm.
const TWO_BITS: u32 = 12;

/// All weights, which one thread has learn at a time: those of the sets, and the last stage's.
pub(crate) struct Mixer {
    choosers: Vec<Chooser>,
    sets: Vec<Set>,
    contexts: i32,
    last: Last,
}

impl Mixer {
    /// Every row of a set begins with the weights `first`, one for each input.
    pub(crate) fn new(
        choosers: &[Chooser],
        first: &[i16],
        pace: Pace,
        contexts: usize,
        last: Last,
    ) -> Self {
        Self {
            choosers: choosers.to_vec(),
            sets: choosers.iter().map(|chooser| Set::new(chooser.rows(), first, pace)).collect(),
            contexts: contexts as i32,
            last,
        }
    }

    /// What all lanes have learned.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.sets.iter_mut().for_each(|set| set.walk(walker));
        self.last.walk(walker);
    }

    /// Learns the last bit of some lanes, which come in order.
    #[inline(always)]
    pub(crate) fn learn<K: Kernel>(&mut self, frame: &Frame, mixing: &Mixing) {
        if frame.before == 0 {
            return;
        }
        let done = frame.done.get(mixing.first..).unwrap_or(&[]);
        for (lane, (&done, end)) in done.iter().zip(&mixing.ends).enumerate() {
            let inputs = mixing.inputs(lane);
            for (set, &choice) in self.sets.iter_mut().zip(mixing.choices(lane)) {
                set.learn::<K>(choice, inputs, done & 1);
            }
            self.last.learn::<K>(mixing.outputs(lane), end, done & 1);
        }
    }

    /// The count of a 0, of 2^24, that such inputs would have at another place.
    pub(crate) fn peek(&self, place: &Place<'_>, inputs: &[i16]) -> u32 {
        let rows = self.choosers.iter().map(|&chooser| place.row(chooser, self.contexts));
        let said =
            self.sets.iter().zip(rows).map(|(set, row)| set.stretch::<Portable>(row, inputs));
        let mut outputs: Vec<i16> = said.map(|stretch| stretch as i16).collect();
        outputs.resize(self.last.weights().len(), 0);
        self.last.peek(place.node, place.reader.last as u32, &outputs)
    }

    /// Of each set that can be moved, the weights that a lane has chosen, and the weight of what
    /// they say in the last stage; a set at the limit stays there, whatever an input says.
    pub(crate) fn chosen<'a>(
        &'a self,
        mixing: &'a Mixing,
        lane: usize,
    ) -> impl Iterator<Item = (&'a [i16], i16)> {
        let choices = mixing.choices(lane).iter().zip(self.last.weights());
        let all = self.sets.iter().zip(choices);
        let moved = all.filter(|(_, (choice, _))| choice.stretch.abs() < STRETCH_LIMIT);
        moved.map(|(set, (&choice, &weight))| (set.row(choice), weight))
    }
}

/// Lanes of which one thread mixes at a time what is said of their bits.
pub(crate) struct Mixing {
    /// The first lane.
    first: usize,
    /// By lane, what the bit was predicted from: the inputs of all blocks.
    inputs: Vec<i16>,
    width: usize,
    /// By lane, then set.
    choices: Vec<Choice>,
    sets: usize,
    /// By lane, what the sets have said, and then what the last stage says.
    outputs: Vec<i16>,
    outputs_width: usize,
    pub(crate) ends: Vec<End>,
}

impl Mixing {
    /// Lanes with inputs of so many in all, and so many sets.
    pub(crate) fn new(lanes: Range<usize>, width: usize, sets: usize) -> Self {
        let outputs_width = sets.next_multiple_of(WIDTH);
        Self {
            first: lanes.start,
            inputs: vec![0; width * lanes.len()],
            width,
            choices: vec![Choice::FIRST; sets * lanes.len()],
            sets,
            outputs: vec![0; outputs_width * lanes.len()],
            outputs_width,
            ends: vec![End::default(); lanes.len()],
        }
    }

    /// Some lanes of their own, of which nothing is known yet.
    pub(crate) fn fresh(&self, lanes: Range<usize>) -> Self {
        Self::new(lanes, self.width, self.sets)
    }

    /// What one lane was predicted from and by, between two of its bits.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.values(&mut self.inputs);
        self.choices.iter_mut().for_each(|choice| choice.walk(walker));
        walker.values(&mut self.outputs);
        self.ends.iter_mut().for_each(|end| end.walk(walker));
    }

    /// What a lane, counted from the first one here, was predicted from.
    #[inline(always)]
    fn inputs(&self, lane: usize) -> &[i16] {
        &self.inputs[lane * self.width..][..self.width]
    }

    /// What a lane, counted from the first one here, has chosen of each set.
    #[inline(always)]
    fn choices(&self, lane: usize) -> &[Choice] {
        &self.choices[lane * self.sets..][..self.sets]
    }

    /// What the sets have said of a lane, counted from the first one here.
    #[inline(always)]
    fn outputs(&self, lane: usize) -> &[i16] {
        &self.outputs[lane * self.outputs_width..][..self.outputs_width]
    }

    /// Mixes what the blocks say of the next bit: by all sets, then by the last stage.
    #[inline(always)]
    pub(crate) fn advance<K: Kernel>(&mut self, frame: &Frame, blocks: &[&Block], mixer: &Mixer) {
        let Mixer { choosers, sets, contexts, last } = mixer;
        let lanes = self.first..frame.nodes.len().min(self.first + self.ends.len());
        for (at, lane) in lanes.clone().enumerate() {
            let inputs = &mut self.inputs[at * self.width..][..self.width];
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
            let choices = &mut self.choices[at * self.sets..][..self.sets];
            for ((set, &chooser), choice) in sets.iter().zip(choosers).zip(choices) {
                set.choose(choice, place.row(chooser, *contexts));
            }
            last.choose(&mut self.ends[at], frame, lane);
        }
        for at in 0..lanes.len() {
            let inputs = &self.inputs[at * self.width..][..self.width];
            let outputs = &mut self.outputs[at * self.outputs_width..][..self.outputs_width];
            let choices = &mut self.choices[at * self.sets..][..self.sets];
            for ((set, choice), output) in sets.iter().zip(choices).zip(&mut *outputs) {
                set.mix::<K>(choice, inputs);
                *output = choice.stretch as i16;
            }
            last.predict::<K>(outputs, &mut self.ends[at]);
        }
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
        let (k, reader) = (self.k as u32, self.reader);
        match chooser {
            Chooser::None => 0,
            Chooser::Node => self.node,
            Chooser::Last => reader.last as u32 & 255,
            Chooser::Match => self.expected.cell * 3 + u32::from(k > 0) + u32::from(k > 3),
            Chooser::Classes => reader.classes() * 8 + k,
            Chooser::Known => {
                let Tally { runs, known } = self.tally;
                (runs * 8 / contexts * 9 + known * 8 / contexts) as u32 * 8 + k
            }
            Chooser::Place => reader.place().min(MOST_PLACE) * 8 + k,
            Chooser::Fields => reader.fields.min(31) * 8 + k,
            Chooser::Sixteenth => reader.modulo(16) * 8 + k,
            Chooser::ClassesFourth => (reader.classes() * 4 + reader.modulo(4)) * 8 + k,
            Chooser::Tops => {
                let top = |back| reader.nth(back) >> 5;
                (top(1) << 6 | top(2) << 3 | top(3)) * 8 + k
            }
            Chooser::Second => reader.nth(2) * 8 + k,
            Chooser::Third => reader.nth(3) * 8 + k,
            Chooser::Reading => reader.reading() * 8 + k,
            Chooser::Bit => k,
            Chooser::Period => reader.place_in_period().min(MOST_PLACE) * 8 + k,
            Chooser::Two => {
                (reader.last as u32 & 0xFFFF).wrapping_mul(0x9E37_79B1) >> (32 - TWO_BITS)
            }
        }
    }
}
