//! Expectations as distributions, mixed for each bit of a number. `FORMAT.md`, sections 10.5 to 10.7.
//!
//! A number is told by cuts, so that the logistic distributions around what is expected give each
//! cut its chances; how wide they are is learned by situation.
#![forbid(unsafe_code)]

use super::Signal;
use super::expectations::{Around, Expectations, LEVELS, MOST};
use crate::coder::{Damaged, SCALE};
use crate::constants::{LOGISTIC, Logistic, STRETCH_LIMIT};
use crate::memory::guide::BIAS;
use crate::memory::kernels::Kernel;
use crate::memory::maps::{self, Cell, ONE, RATES, Rates};
use crate::memory::mixer::{Choice, Pace, Set, WEIGHT_BITS, WIDTH};
use crate::memory::{BitCoder, LAST_PACE};

/// Situations that an expectation is seen in at a time.
const SITUATIONS: usize = 4;
const MOST_INPUTS: usize = MOST * SITUATIONS;
/// Inputs with the constant one, in whole registers.
const MOST_WIDTH: usize = (MOST_INPUTS + 1).next_multiple_of(WIDTH);
const MOST_INPUT: i32 = 3328;
/// From a mean of 1/64 to stretches a sixteenth, in 2^-16: logistic distributions as wide as that.
const STEEPNESS: i64 = 2900 << 16;
const LEAST_MEAN: u32 = 4;
/// How many experiences a mean stands for at most.
const EXPERIENCES: u32 = 20;
/// A number of so many bits or more has its rows of the mixer in common with longer ones.
const MOST_DEPTH: usize = 15;
const MOST_CHANNELS: usize = super::MOST_CHANNELS;
const NODES: usize = 64;

/// All that is learned of a signal beside its expectations.
pub(super) struct Mixture {
    /// Expectations and inputs of a number.
    count: usize,
    inputs: usize,
    /// Inputs with the constant one, in whole registers.
    width: usize,
    channels: usize,
    half: i64,
    /// By expectation, situation's kind, channel and situation: how far it was off, in 1/64.
    means: Vec<Cell>,
    /// By expectation and kind, the mean at hand and how steep the distribution is.
    found: [usize; MOST_INPUTS],
    slopes: [i64; MOST_INPUTS],
    /// By expectation and kind, the share below the numbers in question, with them, and up to a cut.
    low: [u32; MOST_INPUTS],
    high: [u32; MOST_INPUTS],
    middle: [u32; MOST_INPUTS],
    said: [i16; MOST_WIDTH],
    outputs: [i16; WIDTH],
    sets: [Set; 4],
    choices: [Choice; 4],
    last: Set,
    last_choice: Choice,
    logistic: &'static Logistic,
    rates: &'static Rates,
}

impl Mixture {
    pub(super) fn new(signal: &Signal) -> Self {
        let count = Expectations::count(signal);
        let (inputs, channels) = (count * SITUATIONS, signal.channels);
        let width = (inputs + 1).next_multiple_of(WIDTH);
        let first_mean = maps::cell(2 * signal.half() as u32, 0);
        let mut first = vec![0; width];
        first[1..=inputs].fill(((1 << WEIGHT_BITS) / inputs) as i16);
        let rows = [
            LEVELS * LEVELS,
            (MOST_DEPTH + 1) * MOST_CHANNELS * LEVELS,
            2 * (MOST_DEPTH + 1) * LEVELS,
            (NODES + 2 * (MOST_DEPTH + 1)) * MOST_CHANNELS,
        ];
        let pace = Pace { least: 91, more: 600, half: 500 };
        let mut last = [0; WIDTH];
        last[..rows.len()].fill(((1 << WEIGHT_BITS) / rows.len()) as i16);
        let last_rows = (MOST_DEPTH + 1) * MOST_CHANNELS;
        let mut said = [0; MOST_WIDTH];
        said[0] = BIAS;
        Self {
            count,
            inputs,
            width,
            channels,
            half: signal.half(),
            means: vec![first_mean; inputs * channels * LEVELS * LEVELS],
            found: [0; MOST_INPUTS],
            slopes: [0; MOST_INPUTS],
            low: [0; MOST_INPUTS],
            high: [0; MOST_INPUTS],
            middle: [0; MOST_INPUTS],
            said,
            outputs: [0; WIDTH],
            sets: rows.map(|rows| Set::new(rows, &first, pace)),
            choices: [Choice::FIRST; 4],
            last: Set::new(last_rows, &last, LAST_PACE),
            last_choice: Choice::FIRST,
            logistic: &LOGISTIC,
            rates: &RATES,
        }
    }

    /// Codes the number at a place, and learns it; gives back the one that came.
    #[inline(always)]
    pub(super) fn code<K: Kernel, C: BitCoder>(
        &mut self,
        around: &Around,
        number: i16,
        coder: &mut C,
    ) -> Result<i16, Damaged> {
        self.begin(around);
        let centre = (around.main + 8) >> 4;
        let wanted = i64::from(number) - centre;
        let mut cuts = Cuts::new(-self.half - centre, self.half - 1 - centre);
        let (mut depth, mut node) = (0, 1);
        while cuts.low < cuts.high {
            let cut = cuts.next();
            self.ask(around, &cuts, cut, centre);
            let under = usize::from(cuts.high < 0);
            let place = Place { depth, under, node };
            let zero = self.mix::<K>(around, &place);
            let bit = coder.code(zero, u32::from(wanted > cut))?;
            let said = &self.said[..self.width];
            for (set, &choice) in self.sets.iter_mut().zip(&self.choices) {
                set.learn::<K>(choice, said, bit);
            }
            self.last.learn::<K>(self.last_choice, &self.outputs, bit);
            if bit == 1 {
                cuts.low = cut + 1;
                self.low = self.middle;
            } else {
                cuts.high = cut;
                self.high = self.middle;
            }
            node = 2 * node + bit as usize;
            depth += 1;
        }
        let came = cuts.low + centre;
        self.learn(around, came);
        Ok(came as i16)
    }

    /// Finds the distributions of a place.
    #[inline(always)]
    fn begin(&mut self, around: &Around) {
        let Around { near, beside, far, slope, spread, .. } = *around;
        let situations = [near * LEVELS + beside, far * LEVELS + spread, slope * LEVELS + near, 0];
        for expectation in 0..self.count {
            let of = |kind: usize| {
                let table = (expectation * SITUATIONS + kind) * self.channels + around.channel;
                table * LEVELS * LEVELS + situations[kind]
            };
            let common = self.means[of(SITUATIONS - 1)];
            for kind in 0..SITUATIONS {
                let (input, at) = (expectation * SITUATIONS + kind, of(kind));
                let own = self.means[at];
                let mean = if own.count() == 0 { common } else { own };
                self.found[input] = at;
                self.slopes[input] = STEEPNESS / i64::from(mean.probability().max(LEAST_MEAN));
            }
        }
        self.low.fill(0);
        self.high.fill(SCALE);
    }

    /// What each distribution says of a cut.
    #[inline(always)]
    fn ask(&mut self, around: &Around, cuts: &Cuts, cut: i64, centre: i64) {
        let unit = if self.half > 128 { 1 } else { 64 };
        let edge = 16 * (cut + centre) + 8;
        let above = (cuts.high - cut) as u32 * unit;
        let below = (cut - cuts.low + 1) as u32 * unit;
        for input in 0..self.inputs {
            let distance = edge - around.expected[input / SITUATIONS];
            let limit = i64::from(STRETCH_LIMIT);
            let stretch = ((distance * self.slopes[input]) >> 16).clamp(-limit, limit);
            let middle = self.logistic.squash(stretch as i32);
            self.middle[input] = middle;
            let one = ((self.high[input] - middle) << 7) + above;
            let zero = ((middle - self.low[input]) << 7) + below;
            let said = self.logistic.lg(one) - self.logistic.lg(zero);
            self.said[input + 1] = said.clamp(-MOST_INPUT, MOST_INPUT) as i16;
        }
    }

    /// The count of a 0 that all say together.
    #[inline(always)]
    fn mix<K: Kernel>(&mut self, around: &Around, place: &Place) -> u32 {
        let channel = around.channel;
        let depth = place.depth.min(MOST_DEPTH);
        let side = 2 * depth + place.under;
        let node = if place.depth < 6 { place.node } else { NODES + side };
        let rows = [
            around.far * LEVELS + around.slope,
            (depth * MOST_CHANNELS + channel) * LEVELS + around.spread,
            side * LEVELS + around.far,
            node * MOST_CHANNELS + channel,
        ];
        let said = &self.said[..self.width];
        let sets = self.sets.iter().zip(&mut self.choices);
        for (((set, choice), row), output) in sets.zip(rows).zip(&mut self.outputs) {
            set.choose(choice, row as u32);
            set.mix::<K>(choice, said);
            *output = choice.stretch as i16;
        }
        self.last.choose(&mut self.last_choice, (depth * MOST_CHANNELS + channel) as u32);
        self.last.mix::<K>(&mut self.last_choice, &self.outputs);
        SCALE - self.logistic.squash(self.last_choice.stretch)
    }

    #[inline(always)]
    fn learn(&mut self, around: &Around, came: i64) {
        for input in 0..self.inputs {
            let off = (16 * came - around.expected[input / SITUATIONS]).abs();
            let off = (4 * off).min(i64::from(ONE)) as u32;
            self.means[self.found[input]].approach(off, EXPERIENCES, self.rates);
        }
    }
}

/// How far a number is known.
struct Place {
    depth: usize,
    under: usize,
    /// The bits so far behind a 1.
    node: usize,
}

/// The numbers in question, and where they are cut.
struct Cuts {
    least: i64,
    most: i64,
    low: i64,
    high: i64,
}

impl Cuts {
    fn new(least: i64, most: i64) -> Self {
        Self { least, most, low: least, high: most }
    }

    /// The last number below the next cut.
    #[inline(always)]
    fn next(&self) -> i64 {
        let Self { least, most, low, high } = *self;
        let outward = |size: i64| if size < 3 { size } else { 2 * size - 2 };
        if low == least && high == most && low < 0 {
            -1
        } else if low >= 0 && high == most {
            outward(low).min(high - 1)
        } else if high < 0 && low == least {
            (-2 - outward(-1 - high)).max(low)
        } else {
            (low + high) >> 1
        }
    }
}
