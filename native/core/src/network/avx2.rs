//! Products by AVX2. Each is exact.
//!
//! `vpmaddubsw` multiplies unsigned by signed bytes and adds neighbours in 16 bits, where a sum
//! beyond them would saturate. Operands are x + 128, within 1 to 255. Weights are packed in steps
//! of four inputs, in which the positive weights of a pair, and its negative ones, come to at most
//! 128: no pair saturates. Further sums in 16 bits wrap around without harm, as long as the last
//! is right. So steps are gathered in runs in which no sum of x times weights leaves 16 bits, and
//! what the offset of 128 adds to it is taken off where a run begins; after a run its sums are
//! widened to 32 bits. Trained weights are small, so that runs are long. A step whose own pairs
//! break the bound is split in two, with half of each weight.
#![allow(unsafe_code)]
#![expect(
    clippy::needless_range_loop,
    reason = "kernels are written by index, as their registers are"
)]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_madd_epi16, _mm256_maddubs_epi16,
    _mm256_or_si256, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi32,
    _mm256_srai_epi32, _mm256_subs_epu16,
};

use super::elementwise::{Learned, ShortRamps};
use super::{Kernel, LaneGroup, Row, sums_stride};
use crate::mapping::Table;
use crate::weights::Matrix;

/// Outputs of one vector of sums.
const VECTOR: usize = 8;
/// Vectors of a panel at most.
const VECTORS: usize = 2;
/// Lanes that are summed side by side at most.
const ROWS: usize = 6;
/// Inputs of a step.
const STEP: usize = 4;
/// The weights of a pair that have the same sign come to this at most: 255 * 128 < 2^15.
const PAIR_BOUND: i32 = 128;
/// The magnitudes of the weights of a 16-bit sum come to this at most: 127 * 258 < 2^15.
const RUN_BOUND: i32 = 258;

/// Proof that the processor has AVX2.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }
}

/// Some outputs side by side.
struct Panel {
    /// The first output.
    first: usize,
    /// Vectors of outputs, 1 to `VECTORS`.
    vectors: usize,
    /// Its first step in `offsets`, and how many it has.
    step: usize,
    steps: usize,
    /// Its first weight.
    weight: usize,
    /// Its first start.
    start: usize,
    /// Steps of each run, whose 16-bit sums are exact together.
    runs: Vec<usize>,
}

/// Weights (step, vector, output, four inputs) of each panel.
pub(crate) struct Packed {
    weights: Table<i8>,
    /// The first input of each step.
    offsets: Vec<u32>,
    panels: Vec<Panel>,
    /// What the 16-bit sums of each run begin with, (run, vector, output, pair).
    starts: Vec<i16>,
    inputs: usize,
    /// Length of a row of sums.
    sums: usize,
}

/// The weights of one step, (output, four inputs).
type Step = [[i8; STEP]; VECTORS * VECTOR];

/// Pairs of a step, each with a 16-bit sum of its own.
const PAIRS: usize = 2 * VECTORS * VECTOR;

fn pairs(step: &Step) -> [[i32; 2]; PAIRS] {
    let weights = step.as_flattened();
    std::array::from_fn(|pair| [0, 1].map(|at| i32::from(weights[2 * pair + at])))
}

/// The step, or two steps that add up to it, so that no pair saturates.
fn bounded(step: Step) -> Vec<Step> {
    let fits =
        |[a, b]: [i32; 2]| a.max(0) + b.max(0) <= PAIR_BOUND && a.min(0) + b.min(0) >= -PAIR_BOUND;
    if pairs(&step).into_iter().all(fits) {
        return vec![step];
    }
    let low = step.map(|weights| weights.map(|weight| weight / 2));
    let mut high = step;
    for (high, low) in high.as_flattened_mut().iter_mut().zip(low.as_flattened()) {
        *high -= low;
    }
    vec![low, high]
}

/// Steps of a panel as they are gathered in runs.
struct Runs {
    /// Steps of each run.
    steps: Vec<usize>,
    /// Sums of magnitudes, and of weights, of the last run.
    magnitudes: [i32; PAIRS],
    sums: [i32; PAIRS],
    /// Of all runs before.
    starts: Vec<i16>,
    vectors: usize,
}

impl Runs {
    fn new(vectors: usize) -> Self {
        let (magnitudes, sums) = ([0; PAIRS], [0; PAIRS]);
        Self { steps: vec![0], magnitudes, sums, starts: Vec::new(), vectors }
    }

    /// Puts a step into the last run, or a new one where it would break the bound.
    fn push(&mut self, step: &Step) {
        let pairs = pairs(step);
        let magnitude = |[a, b]: [i32; 2]| a.abs() + b.abs();
        let mut sums = self.magnitudes.iter().zip(pairs);
        if sums.any(|(so_far, pair)| so_far + magnitude(pair) > RUN_BOUND) {
            self.finish();
            self.steps.push(0);
        }
        for (at, pair) in pairs.into_iter().enumerate() {
            self.magnitudes[at] += magnitude(pair);
            self.sums[at] += pair[0] + pair[1];
        }
        if let Some(steps) = self.steps.last_mut() {
            *steps += 1;
        }
    }

    /// Takes off, modulo 2^16, what the offset of the operands adds to the last run.
    fn finish(&mut self) {
        let starts = self.sums.iter().take(2 * self.vectors * VECTOR);
        self.starts.extend(starts.map(|sum| (-128 * sum) as i16));
        (self.magnitudes, self.sums) = ([0; PAIRS], [0; PAIRS]);
    }
}

impl Kernel for Avx2 {
    type Packed = Packed;
    type Input = u8;

    fn pack(self, matrix: &Matrix) -> Packed {
        let (inputs, outputs) = (matrix.inputs, matrix.outputs);
        let sums = sums_stride(outputs);
        let (mut weights, mut starts) = (Vec::new(), Vec::new());
        let (mut offsets, mut panels) = (Vec::new(), Vec::new());
        for first in (0..outputs).step_by(VECTORS * VECTOR) {
            let width = (outputs - first).min(VECTORS * VECTOR);
            let vectors = width.div_ceil(VECTOR);
            let mut runs = Runs::new(vectors);
            let (step, weight, start) = (offsets.len(), weights.len(), starts.len());
            for input in (0..inputs).step_by(STEP) {
                let mut step: Step = Default::default();
                for (output, weights) in step.iter_mut().enumerate().take(width) {
                    for (at, weight) in weights.iter_mut().enumerate().take(inputs - input) {
                        *weight = matrix.values[(input + at) * outputs + first + output];
                    }
                }
                for step in bounded(step) {
                    runs.push(&step);
                    offsets.push(input as u32);
                    weights.extend_from_slice(step[..vectors * VECTOR].as_flattened());
                }
            }
            runs.finish();
            starts.append(&mut runs.starts);
            let steps = offsets.len() - step;
            panels.push(Panel { first, vectors, step, steps, weight, start, runs: runs.steps });
        }
        Packed { weights: Table::from_slice(&weights), offsets, panels, starts, inputs, sums }
    }

    #[inline(always)]
    fn input(value: i32) -> u8 {
        (value + 128) as u8
    }

    #[inline(always)]
    fn multiply(self, packed: &Packed, x: &[u8], stride: usize, sums: &mut [i32]) {
        let rows = x.len() / stride;
        assert!(stride.is_multiple_of(STEP) && stride >= packed.inputs, "rows hold all inputs");
        assert!(sums.len() >= rows * packed.sums, "there is room for all sums");
        // SAFETY: AVX2 is there, as `self` proves; the sizes are those that were asserted.
        unsafe { multiply(packed, x, stride, sums) };
    }

    #[inline(always)]
    fn learned(self, functions: &Learned, m: usize, values: &mut [i32]) {
        match functions.short() {
            // SAFETY: AVX2 is there, as `self` proves.
            Some(ramps) => unsafe { learned(ramps, values) },
            None => functions.apply(&mut values[..m]),
        }
    }

    fn step(self, group: &mut LaneGroup<Self>, rows: &[Row], evidence: &mut [i32]) {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn with_avx2(group: &mut LaneGroup<Avx2>, rows: &[Row], evidence: &mut [i32]) {
            super::step(group, rows, evidence);
        }
        // SAFETY: the processor has them, as `self` proves.
        unsafe { with_avx2(group, rows, evidence) }
    }
}

/// All panels over all rows.
///
/// # Safety
/// Rows of `x` hold all inputs in whole steps, and `sums` has room for all rows.
#[target_feature(enable = "avx2")]
unsafe fn multiply(packed: &Packed, x: &[u8], stride: usize, sums: &mut [i32]) {
    let rows = x.len() / stride;
    for panel in &packed.panels {
        for row in (0..rows).step_by(ROWS) {
            let x = &x[row * stride..];
            let sums = &mut sums[row * packed.sums..];
            // SAFETY: the rows that are left are at least as many as the tile has.
            unsafe {
                match (panel.vectors, (rows - row).min(ROWS)) {
                    (2, 6) => tile::<2, 6>(packed, panel, x, stride, sums),
                    (2, 5) => tile::<2, 5>(packed, panel, x, stride, sums),
                    (2, 4) => tile::<2, 4>(packed, panel, x, stride, sums),
                    (2, 3) => tile::<2, 3>(packed, panel, x, stride, sums),
                    (2, 2) => tile::<2, 2>(packed, panel, x, stride, sums),
                    (2, _) => tile::<2, 1>(packed, panel, x, stride, sums),
                    (_, 6) => tile::<1, 6>(packed, panel, x, stride, sums),
                    (_, 5) => tile::<1, 5>(packed, panel, x, stride, sums),
                    (_, 4) => tile::<1, 4>(packed, panel, x, stride, sums),
                    (_, 3) => tile::<1, 3>(packed, panel, x, stride, sums),
                    (_, 2) => tile::<1, 2>(packed, panel, x, stride, sums),
                    (_, _) => tile::<1, 1>(packed, panel, x, stride, sums),
                }
            }
        }
    }
}

/// The sums of one panel, of V vectors, for R rows.
///
/// # Safety
/// There are R rows of `x` and of `sums`, and the panel has V vectors.
#[target_feature(enable = "avx2")]
unsafe fn tile<const V: usize, const R: usize>(
    packed: &Packed,
    panel: &Panel,
    x: &[u8],
    stride: usize,
    sums: &mut [i32],
) {
    let ones = _mm256_set1_epi16(1);
    let mut totals = [[_mm256_setzero_si256(); V]; R];
    let starts = &packed.starts[panel.start..][..panel.runs.len() * V * 2 * VECTOR];
    let mut start = starts.as_ptr().cast::<__m256i>();
    let offsets = &packed.offsets[panel.step..][..panel.steps];
    let weights = &packed.weights[panel.weight..][..panel.steps * V * VECTOR * STEP];
    let (mut offset, mut weight) = (offsets.as_ptr(), weights.as_ptr());
    for &steps in &panel.runs {
        let mut short = [[_mm256_setzero_si256(); V]; R];
        for v in 0..V {
            // SAFETY: each run has V vectors of starts.
            let vector = unsafe { start.add(v).read_unaligned() };
            for r in 0..R {
                short[r][v] = vector;
            }
        }
        start = start.wrapping_add(V);
        for _ in 0..steps {
            // SAFETY: there are as many offsets and weights as the runs have steps, and each
            // offset is that of a whole step within a row.
            unsafe {
                let at = x.as_ptr().add(*offset as usize);
                for r in 0..R {
                    let four = at.add(r * stride).cast::<i32>().read_unaligned();
                    let operand = _mm256_set1_epi32(four);
                    for v in 0..V {
                        let vector = weight.add(v * VECTOR * STEP).cast::<__m256i>();
                        let product = _mm256_maddubs_epi16(operand, vector.read_unaligned());
                        short[r][v] = _mm256_add_epi16(short[r][v], product);
                    }
                }
                offset = offset.add(1);
                weight = weight.add(V * VECTOR * STEP);
            }
        }
        for r in 0..R {
            for v in 0..V {
                let wide = _mm256_madd_epi16(short[r][v], ones);
                totals[r][v] = _mm256_add_epi32(totals[r][v], wide);
            }
        }
    }
    let sums = &mut sums[panel.first..][..(R - 1) * packed.sums + V * VECTOR];
    for r in 0..R {
        for v in 0..V {
            // SAFETY: the slice reaches to the end of the last row's vectors.
            unsafe {
                let at = sums.as_mut_ptr().add(r * packed.sums + v * VECTOR);
                at.cast::<__m256i>().write_unaligned(totals[r][v]);
            }
        }
    }
}

/// The learned functions of all channels, eight at a time.
///
/// Two ramps come of one multiplication: an index is doubled into both halves of 32 bits, and the
/// saturating subtraction of the knots' places leaves how far it lies beyond each.
#[target_feature(enable = "avx2")]
pub(super) fn learned(ramps: &ShortRamps, values: &mut [i32]) {
    let knots = [0, 64, 128, 192].map(|knot| _mm256_set1_epi32(knot | (knot + 32) << 16));
    for ((first, pairs), values) in ramps.blocks.iter().zip(values.as_chunks_mut::<8>().0) {
        // SAFETY: every array here is one vector long.
        unsafe {
            let index = values.as_ptr().cast::<__m256i>().read_unaligned();
            let both = _mm256_or_si256(index, _mm256_slli_epi32::<16>(index));
            let mut total = first.as_ptr().cast::<__m256i>().read_unaligned();
            for j in 0..4 {
                let slopes = pairs[j].as_ptr().cast::<__m256i>().read_unaligned();
                let beyond = _mm256_subs_epu16(both, knots[j]);
                total = _mm256_add_epi32(total, _mm256_madd_epi16(slopes, beyond));
            }
            let value = _mm256_srai_epi32::<5>(total);
            values.as_mut_ptr().cast::<__m256i>().write_unaligned(value);
        }
    }
}

#[cfg(test)]
mod bench {
    use super::*;

    /// Best products a second of each matrix and of all in turn, in 10^9.
    #[test]
    #[ignore = "a measurement"]
    fn speed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/shipped/small.kzw");
        let w = crate::weights::Weights::read(&std::fs::read(path).unwrap()).unwrap();
        let k = Avx2::detect().unwrap();
        let layers = w.layers.iter();
        let matrices = layers.flat_map(|l| [&l.mixer_in, &l.mixer_out, &l.mlp_in, &l.mlp_out]);
        let packed: Vec<Packed> = matrices.chain([&w.head]).map(|m| k.pack(m)).collect();
        for rows in [1, 2, 6, 16, 24, 32, 48, 60, 64, 66, 128] {
            let x = vec![100u8; rows * 384];
            let mut sums = vec![0i32; rows * 960];
            let mut line = format!("{rows} rows: ");
            for which in [&packed[0..1], &packed[1..2], &packed[2..3], &packed[3..4], &packed] {
                let products: usize = which.iter().map(|p| p.inputs * p.sums * rows).sum();
                let best = (0..60)
                    .map(|_| {
                        let start = std::time::Instant::now();
                        for p in which {
                            let x = &x[..rows * p.inputs];
                            k.multiply(p, x, p.inputs, &mut sums[..rows * p.sums]);
                        }
                        start.elapsed()
                    })
                    .min();
                line += &format!("{:.0} ", products as f64 / best.unwrap().as_nanos() as f64);
            }
            println!("{line}");
        }
    }
}
