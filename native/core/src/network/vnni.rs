//! Products by AVX-512 VNNI. Each is exact.
//!
//! `vpdpbusd` adds four products of unsigned and signed bytes to a sum of 32 bits, without
//! saturation. Operands are x + 128; what this offset adds to a sum is taken off from the start.
#![allow(unsafe_code)]
#![expect(
    clippy::needless_range_loop,
    reason = "kernels are written by index, as their registers are"
)]

use std::arch::x86_64::{__m512i, _mm512_dpbusd_epi32, _mm512_set1_epi32, _mm512_setzero_si512};

use super::avx2::Avx2;
use super::elementwise::Learned;
use super::{Kernel, LaneGroup, Row, sums_stride};
use crate::mapping::Table;
use crate::weights::Matrix;

/// Outputs of one vector of sums.
const VECTOR: usize = 16;
/// Vectors of a panel at most.
const VECTORS: usize = 4;
/// Lanes that are summed side by side at most.
const ROWS: usize = 6;
/// Inputs of a step.
const STEP: usize = 4;

/// Proof that the processor has AVX-512 with VNNI, and AVX2.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Vnni(Avx2);

impl Avx512Vnni {
    pub(crate) fn detect() -> Option<Self> {
        let has = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512vnni");
        Avx2::detect().filter(|_| has).map(Self)
    }
}

/// Weights (panel, step, vector, output, four inputs); the last panel may have fewer vectors.
pub(crate) struct Packed {
    weights: Table<i8>,
    /// What each output's sum begins with: -128 times the sum of its weights.
    starts: Vec<i32>,
    inputs: usize,
    steps: usize,
}

impl Packed {
    fn new(matrix: &Matrix) -> Self {
        let Matrix { inputs, outputs, values, .. } = matrix;
        let (inputs, outputs) = (*inputs, *outputs);
        let (steps, padded) = (inputs.div_ceil(STEP), sums_stride(outputs));
        let value = |input: usize, output: usize| {
            if input < inputs && output < outputs { values[input * outputs + output] } else { 0 }
        };
        let mut weights = Vec::with_capacity(padded * steps * STEP);
        for first in (0..padded).step_by(VECTORS * VECTOR) {
            let last = padded.min(first + VECTORS * VECTOR);
            for input in (0..inputs).step_by(STEP) {
                for output in first..last {
                    weights.extend((input..input + STEP).map(|input| value(input, output)));
                }
            }
        }
        let sum = |output| (0..inputs).map(|input| i32::from(value(input, output))).sum::<i32>();
        let starts = (0..padded).map(|output| -128 * sum(output)).collect();
        Self { weights: Table::from_slice(&weights), starts, inputs, steps }
    }
}

impl Kernel for Avx512Vnni {
    type Packed = Packed;
    type Input = u8;

    fn pack(self, matrix: &Matrix) -> Packed {
        Packed::new(matrix)
    }

    #[inline(always)]
    fn input(value: i32) -> u8 {
        (value + 128) as u8
    }

    #[inline(always)]
    fn multiply(self, packed: &Packed, x: &[u8], stride: usize, sums: &mut [i32]) {
        let rows = x.len() / stride;
        assert!(stride.is_multiple_of(STEP) && stride >= packed.inputs, "rows hold all inputs");
        assert!(sums.len() >= rows * packed.starts.len(), "there is room for all sums");
        // SAFETY: the instructions are there, as `self` proves; the sizes were asserted.
        unsafe { multiply(packed, x, stride, sums) };
    }

    #[inline(always)]
    fn learned(self, functions: &Learned, m: usize, values: &mut [i32]) {
        self.0.learned(functions, m, values);
    }

    fn step(self, group: &mut LaneGroup<Self>, rows: &[Row], evidence: &mut [i32]) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt")]
        fn with_avx512(group: &mut LaneGroup<Avx512Vnni>, rows: &[Row], evidence: &mut [i32]) {
            super::step(group, rows, evidence);
        }
        // SAFETY: the processor has them, as `self` proves; BMI and LZCNT come with AVX2.
        unsafe { with_avx512(group, rows, evidence) }
    }
}

/// All panels over all rows.
///
/// # Safety
/// Rows of `x` hold all inputs in whole steps, and `sums` has room for all rows.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn multiply(packed: &Packed, x: &[u8], stride: usize, sums: &mut [i32]) {
    let (rows, outputs) = (x.len() / stride, packed.starts.len());
    for first in (0..outputs).step_by(VECTORS * VECTOR) {
        let vectors = ((outputs - first) / VECTOR).min(VECTORS);
        for row in (0..rows).step_by(ROWS) {
            let x = &x[row * stride..];
            let sums = &mut sums[row * outputs..];
            // SAFETY: the rows that are left are at least as many as the tile has.
            unsafe {
                match (vectors, (rows - row).min(ROWS)) {
                    (4, 6) => tile::<4, 6>(packed, first, x, stride, sums),
                    (4, 5) => tile::<4, 5>(packed, first, x, stride, sums),
                    (4, 4) => tile::<4, 4>(packed, first, x, stride, sums),
                    (4, 3) => tile::<4, 3>(packed, first, x, stride, sums),
                    (4, 2) => tile::<4, 2>(packed, first, x, stride, sums),
                    (4, 1) => tile::<4, 1>(packed, first, x, stride, sums),
                    (vectors, rows) => {
                        for vector in 0..vectors {
                            for row in 0..rows {
                                let (x, sums) = (&x[row * stride..], &mut sums[row * outputs..]);
                                part(packed, first, vector, vectors, x, sums);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The sums of the panel from output `first` on, of V vectors, for R rows.
///
/// # Safety
/// There are R rows of `x` and of `sums`, and the panel has V vectors.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn tile<const V: usize, const R: usize>(
    packed: &Packed,
    first: usize,
    x: &[u8],
    stride: usize,
    sums: &mut [i32],
) {
    let outputs = packed.starts.len();
    let step = V * VECTOR * STEP;
    let starts = &packed.starts[first..][..V * VECTOR];
    let weights = &packed.weights[first * packed.steps * STEP..][..packed.steps * step];
    let sums = &mut sums[first..][..(R - 1) * outputs + V * VECTOR];
    let mut totals = [[_mm512_setzero_si512(); V]; R];
    for v in 0..V {
        // SAFETY: the starts have V vectors.
        let start = unsafe { starts.as_ptr().add(v * VECTOR).cast::<__m512i>().read_unaligned() };
        for totals in &mut totals {
            totals[v] = start;
        }
    }
    for at in 0..packed.steps {
        // SAFETY: the weights have a step for each four inputs, and rows hold whole steps.
        unsafe {
            let weight = weights.as_ptr().add(at * step);
            let mut vectors = [_mm512_setzero_si512(); V];
            for v in 0..V {
                vectors[v] = weight.add(v * VECTOR * STEP).cast::<__m512i>().read_unaligned();
            }
            for r in 0..R {
                let four = x.as_ptr().add(r * stride + at * STEP).cast::<i32>().read_unaligned();
                let operand = _mm512_set1_epi32(four);
                for v in 0..V {
                    totals[r][v] = _mm512_dpbusd_epi32(totals[r][v], operand, vectors[v]);
                }
            }
        }
    }
    for r in 0..R {
        for v in 0..V {
            // SAFETY: the slice reaches to the end of the last row's vectors.
            unsafe {
                let at = sums.as_mut_ptr().add(r * outputs + v * VECTOR);
                at.cast::<__m512i>().write_unaligned(totals[r][v]);
            }
        }
    }
}

/// One vector of a last panel of so many, for one row.
///
/// # Safety
/// `x` holds all inputs in whole steps, and the panel has these vectors.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn part(
    packed: &Packed,
    first: usize,
    vector: usize,
    vectors: usize,
    x: &[u8],
    sums: &mut [i32],
) {
    let from = first + vector * VECTOR;
    let step = vectors * VECTOR * STEP;
    let weights = &packed.weights[first * packed.steps * STEP..][..packed.steps * step];
    let starts = &packed.starts[from..][..VECTOR];
    let sums = &mut sums[from..][..VECTOR];
    // SAFETY: all three hold a vector there, in each step of the weights.
    unsafe {
        let mut total = starts.as_ptr().cast::<__m512i>().read_unaligned();
        for at in 0..packed.steps {
            let four = x.as_ptr().add(at * STEP).cast::<i32>().read_unaligned();
            let weight = weights.as_ptr().add(at * step + vector * VECTOR * STEP);
            let weight = weight.cast::<__m512i>().read_unaligned();
            total = _mm512_dpbusd_epi32(total, _mm512_set1_epi32(four), weight);
        }
        sums.as_mut_ptr().cast::<__m512i>().write_unaligned(total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would sum, by plain arithmetic from where it reads; processors without the
    /// instructions run this, too.
    #[test]
    fn packed_weights_give_the_sums_of_the_matrix() {
        for (inputs, outputs) in [(1, 1), (7, 20), (32, 64), (10, 100), (57, 192)] {
            let values: Vec<i8> = (0..inputs * outputs)
                .map(|i| (i * 37 % 255) as i32 - 127)
                .map(|v| v as i8)
                .collect();
            let matrix = Matrix { inputs, outputs, values, shifts: vec![0; outputs] };
            let packed = Packed::new(&matrix);
            let x: Vec<i32> = (0..inputs).map(|i| (i * 91 % 255) as i32 - 127).collect();
            for output in 0..outputs {
                let first = output / (VECTORS * VECTOR) * (VECTORS * VECTOR);
                let vectors = ((packed.starts.len() - first) / VECTOR).min(VECTORS);
                let mut sum = packed.starts[output];
                for (input, &x) in x.iter().enumerate() {
                    let at = first * packed.steps * STEP
                        + input / STEP * vectors * VECTOR * STEP
                        + (output - first) * STEP
                        + input % STEP;
                    let operand = i32::from(Avx512Vnni::input(x));
                    sum += operand * i32::from(packed.weights[at]);
                }
                let column = matrix.values.iter().skip(output).step_by(outputs);
                let exact = x.iter().zip(column).map(|(x, &w)| x * i32::from(w)).sum::<i32>();
                assert_eq!(sum, exact);
            }
        }
    }
}
