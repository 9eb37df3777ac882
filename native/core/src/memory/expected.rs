//! How far to believe sources that each name one byte as the next. `FORMAT.md`, section 2.6.
#![forbid(unsafe_code)]

use super::WEIGHT_LIMIT;
use crate::constants::{LOGISTIC, Logistic};

/// Matches, then runs.
pub(crate) const SOURCES: usize = 8;
/// Cells of one source.
pub(crate) const CELLS: usize = 32;
/// Cells of all sources at one bit of the byte.
const ROW: usize = SOURCES * CELLS;
const HOPES: usize = 8 * ROW;
const HOPE_LIMIT: i64 = (1 << 22) - 1;

/// What the sources expect in one lane, and which of them the known bits agree with.
#[derive(Clone, Copy, Default)]
pub(crate) struct Guesses {
    /// The expected byte of each source.
    pub(crate) byte: [u8; SOURCES],
    /// Source * CELLS + cell of each source.
    pub(crate) cell: [u8; SOURCES],
    /// Bit i is set while source i expects a byte that begins with the known bits.
    pub(crate) agrees: u8,
}

/// What the lanes showed of one cell at one bit.
#[derive(Clone, Copy, Default)]
struct Shown {
    /// Sum of the errors, signed by the expected bit.
    slope: i64,
    guesses: u32,
    hits: u32,
}

/// Hopes and mixer weights, by bit of the byte, source and cell.
pub(crate) struct Expected {
    /// Probabilities in 2^-22.
    hope: Box<[i32; HOPES]>,
    /// In 2^-20.
    weight: Box<[i32; HOPES]>,
    /// (weight >> 6) * stretch of the hope, in 2^-22 bit; below 2^28.
    logit: Box<[i32; HOPES]>,
    shown: Box<[Shown; HOPES]>,
    /// Cells that the byte has shown something of.
    touched: Vec<u16>,
    logistic: &'static Logistic,
}

fn boxed<T: Copy>(value: T) -> Box<[T; HOPES]> {
    vec![value; HOPES].into_boxed_slice().try_into().ok().expect("the length is that of the array")
}

impl Expected {
    /// Takes the first hope of each source and cell, in 2^-22, and weight of each source, in 2^-20.
    pub(crate) fn new(hope: [[i32; CELLS]; SOURCES], weight: [i32; SOURCES]) -> Self {
        let mut expected = Self {
            hope: boxed(0),
            weight: boxed(0),
            logit: boxed(0),
            shown: boxed(Shown::default()),
            touched: Vec::with_capacity(HOPES),
            logistic: &LOGISTIC,
        };
        for at in 0..HOPES {
            let (source, cell) = (at / CELLS % SOURCES, at % CELLS);
            expected.hope[at] = hope[source][cell];
            expected.weight[at] = weight[source];
            expected.derive(at);
        }
        expected
    }

    fn stretch(&self, at: usize) -> i32 {
        i32::from(self.logistic.stretch[(self.hope[at] >> 10) as usize])
    }

    fn derive(&mut self, at: usize) {
        self.logit[at] = (self.weight[at] >> 6) * self.stretch(at);
    }

    /// The logit of bit `k`, 0 the most significant, summed over sources by their weights; in
    /// 2^-22 bit and below 2^31.
    #[inline(always)]
    pub(crate) fn predict(&self, guesses: &Guesses, k: usize) -> i32 {
        let row: &[i32; ROW] =
            self.logit[k * ROW..][..ROW].try_into().expect("a row has its length");
        let mut sum = 0;
        for source in 0..SOURCES {
            let logit = row[usize::from(guesses.cell[source])];
            let one = i32::from(guesses.byte[source] >> (7 - k) & 1);
            let agrees = i32::from(guesses.agrees >> source & 1);
            sum += ((logit ^ (one - 1)) - (one - 1)) & -agrees;
        }
        sum
    }

    /// The sources that still agree when bit `k` is known.
    #[inline(always)]
    pub(crate) fn agreeing(guesses: &Guesses, k: usize, bit: u32) -> u8 {
        let mut ones = 0;
        for source in 0..SOURCES {
            ones |= (guesses.byte[source] >> (7 - k) & 1) << source;
        }
        guesses.agrees & if bit == 1 { ones } else { !ones }
    }

    /// Notes what bit `k` showed of the sources in `agreed`; `error` is the mixture's, in 2^-16.
    #[inline(always)]
    pub(crate) fn note(&mut self, guesses: &Guesses, agreed: u8, k: usize, bit: u32, error: i32) {
        let mut rest = agreed;
        while rest != 0 {
            let source = rest.trailing_zeros() as usize & (SOURCES - 1);
            rest &= rest - 1;
            let at = k * ROW + usize::from(guesses.cell[source]);
            let one = u32::from(guesses.byte[source]) >> (7 - k) & 1;
            let shown = &mut self.shown[at];
            if shown.guesses == 0 {
                self.touched.push(at as u16);
            }
            shown.guesses += 1;
            shown.hits += u32::from(one == bit);
            shown.slope += i64::from(if one == 1 { error } else { -error });
        }
    }

    /// Learns all that was noted.
    pub(crate) fn learn(&mut self) {
        while let Some(at) = self.touched.pop() {
            let at = usize::from(at);
            let Shown { slope, guesses, hits } = std::mem::take(&mut self.shown[at]);
            let stretch = i64::from(self.stretch(at));
            let change =
                i64::from(hits) * HOPE_LIMIT - i64::from(guesses) * i64::from(self.hope[at]);
            self.hope[at] += ((change + (1 << 9)) >> 10) as i32;
            let step = (slope * stretch + (1 << 14)) >> 15;
            let weight = i64::from(self.weight[at]) + step;
            self.weight[at] = weight.clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
            self.derive(at);
        }
    }
}
