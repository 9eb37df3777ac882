//! Products by the dot products of Armv8.2. Each is exact.
//!
//! `sdot` adds four products of signed bytes to a sum of 32 bits, which cannot overflow here. Rust
//! has no stable intrinsic for it, so it is written in assembly.
#![allow(unsafe_code)]
#![expect(
    clippy::needless_range_loop,
    reason = "kernels are written by index, as their registers are"
)]

use std::arch::aarch64::*;
use std::arch::asm;

use super::elementwise::{Learned, ShortRamps};
use super::{Kernel, LaneGroup, Row, sums_stride};
use crate::mapping::Table;
use crate::weights::Matrix;

/// Outputs of one vector of sums.
const VECTOR: usize = 4;
/// Vectors of a panel; rows of sums hold whole panels.
const VECTORS: usize = 4;
/// Lanes that are summed side by side at most.
const ROWS: usize = 4;
/// Inputs of a step.
const STEP: usize = 4;
/// Steps whose inputs fill a vector.
const STEPS: usize = 4;

/// Proof that the processor has dot products.
#[derive(Clone, Copy)]
pub(crate) struct NeonDot(());

impl NeonDot {
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }
}

/// Weights (panel, step, vector, output, four inputs).
pub(crate) struct Packed {
    weights: Table<i8>,
    inputs: usize,
    steps: usize,
    /// Length of a row of sums.
    sums: usize,
}

impl Kernel for NeonDot {
    type Packed = Packed;
    type Input = i8;

    fn pack(self, matrix: &Matrix) -> Packed {
        let (inputs, outputs) = (matrix.inputs, matrix.outputs);
        let (steps, sums) = (inputs.div_ceil(STEP), sums_stride(outputs));
        let mut weights = Vec::with_capacity(steps * STEP * sums);
        for first in (0..sums).step_by(VECTORS * VECTOR) {
            for step in 0..steps {
                for output in first..first + VECTORS * VECTOR {
                    weights.extend((step * STEP..(step + 1) * STEP).map(|input| {
                        let inside = input < inputs && output < outputs;
                        if inside { matrix.values[input * outputs + output] } else { 0 }
                    }));
                }
            }
        }
        Packed { weights: Table::from_slice(&weights), inputs, steps, sums }
    }

    #[inline(always)]
    fn input(value: i32) -> i8 {
        value as i8
    }

    #[inline(always)]
    fn multiply(self, packed: &Packed, x: &[i8], stride: usize, sums: &mut [i32]) {
        let rows = x.len() / stride;
        assert!(stride.is_multiple_of(STEP) && stride >= packed.inputs, "rows hold all inputs");
        assert!(sums.len() >= rows * packed.sums, "there is room for all sums");
        // SAFETY: dot products are there, as `self` proves; the sizes are those just asserted.
        unsafe { multiply(packed, x, stride, sums) };
    }

    #[inline(always)]
    fn learned(self, functions: &Learned, m: usize, values: &mut [i32]) {
        match functions.short() {
            // SAFETY: Neon is there, as `self` proves.
            Some(ramps) => unsafe { learned(ramps, values) },
            None => functions.apply(&mut values[..m]),
        }
    }

    fn step(self, group: &mut LaneGroup<Self>, rows: &[Row], evidence: &mut [i32]) {
        #[target_feature(enable = "neon,dotprod")]
        fn with_neon(group: &mut LaneGroup<NeonDot>, rows: &[Row], evidence: &mut [i32]) {
            super::step(group, rows, evidence);
        }
        // SAFETY: the processor has them, as `self` proves.
        unsafe { with_neon(group, rows, evidence) }
    }
}

/// All panels over all rows.
///
/// # Safety
/// Rows of `x` hold all inputs in whole steps, and `sums` has room for all rows.
#[target_feature(enable = "neon,dotprod")]
unsafe fn multiply(packed: &Packed, x: &[i8], stride: usize, sums: &mut [i32]) {
    let rows = x.len() / stride;
    for first in (0..packed.sums).step_by(VECTORS * VECTOR) {
        for row in (0..rows).step_by(ROWS) {
            let x = &x[row * stride..];
            let sums = &mut sums[row * packed.sums..];
            // SAFETY: the rows that are left are at least as many as the tile has.
            unsafe {
                match (rows - row).min(ROWS) {
                    4 => tile::<4>(packed, first, x, stride, sums),
                    3 => tile::<3>(packed, first, x, stride, sums),
                    2 => tile::<2>(packed, first, x, stride, sums),
                    _ => tile::<1>(packed, first, x, stride, sums),
                }
            }
        }
    }
}

/// `sums` and the products of each output's four weights with the four inputs at `LANE` of `x`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot<const LANE: usize>(mut sums: int32x4_t, weights: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction is there, and touches these registers alone.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {weights:v}.16b, {x:v}.4b[{lane}]",
            sums = inlateout(vreg) sums,
            weights = in(vreg) weights,
            x = in(vreg) x,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Adds the products of the step at `LANE` of each row's inputs.
///
/// # Safety
/// The step's weights lie at `weights`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn step<const LANE: usize, const R: usize>(
    totals: &mut [[int32x4_t; VECTORS]; R],
    weights: *const i8,
    x: &[int8x16_t; R],
) {
    for v in 0..VECTORS {
        // SAFETY: a step has that many vectors.
        let vector = unsafe { vld1q_s8(weights.add(v * VECTOR * STEP)) };
        for r in 0..R {
            totals[r][v] = dot::<LANE>(totals[r][v], vector, x[r]);
        }
    }
}

/// The sums of the panel from output `first` on for R rows.
///
/// # Safety
/// There are R rows of `x` and of `sums`.
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile<const R: usize>(
    packed: &Packed,
    first: usize,
    x: &[i8],
    stride: usize,
    sums: &mut [i32],
) {
    let size = VECTORS * VECTOR * STEP;
    let weights = &packed.weights[first * packed.steps * STEP..][..packed.steps * size];
    let x = &x[..(R - 1) * stride + packed.steps * STEP];
    let sums = &mut sums[first..][..(R - 1) * packed.sums + VECTORS * VECTOR];
    let mut totals = [[vdupq_n_s32(0); VECTORS]; R];
    let mut operands = [vdupq_n_s8(0); R];
    let whole = packed.steps / STEPS * STEPS;
    for at in (0..whole).step_by(STEPS) {
        // SAFETY: rows and weights hold four more steps.
        unsafe {
            for r in 0..R {
                operands[r] = vld1q_s8(x.as_ptr().add(r * stride + at * STEP));
            }
            let weights = weights.as_ptr().add(at * size);
            step::<0, R>(&mut totals, weights, &operands);
            step::<1, R>(&mut totals, weights.add(size), &operands);
            step::<2, R>(&mut totals, weights.add(2 * size), &operands);
            step::<3, R>(&mut totals, weights.add(3 * size), &operands);
        }
    }
    for at in whole..packed.steps {
        // SAFETY: rows and weights hold one more step.
        unsafe {
            for r in 0..R {
                let four = x.as_ptr().add(r * stride + at * STEP).cast::<i32>().read_unaligned();
                operands[r] = vreinterpretq_s8_s32(vdupq_n_s32(four));
            }
            step::<0, R>(&mut totals, weights.as_ptr().add(at * size), &operands);
        }
    }
    for r in 0..R {
        for v in 0..VECTORS {
            // SAFETY: the slice reaches to the end of the last row's vectors.
            unsafe {
                vst1q_s32(sums.as_mut_ptr().add(r * packed.sums + v * VECTOR), totals[r][v]);
            }
        }
    }
}

/// The learned functions of all channels, four at a time, each as two ramps of a vector: the twin
/// of `avx2::learned`.
#[target_feature(enable = "neon")]
fn learned(ramps: &ShortRamps, values: &mut [i32]) {
    let knots = [0, 64, 128, 192].map(|knot| vdupq_n_u32(knot | (knot + 32) << 16));
    for ((first, pairs), values) in ramps.blocks.iter().zip(values.as_chunks_mut::<8>().0) {
        for half in [0, 4] {
            // SAFETY: every array here is two vectors long.
            unsafe {
                let index = vld1q_u32(values.as_ptr().add(half).cast());
                let both = vreinterpretq_u16_u32(vsliq_n_u32::<16>(index, index));
                let mut total = vld1q_s32(first.as_ptr().add(half));
                for j in 0..4 {
                    let slopes = vld1q_s16(pairs[j].as_flattened().as_ptr().add(2 * half));
                    let beyond = vqsubq_u16(both, vreinterpretq_u16_u32(knots[j]));
                    let beyond = vreinterpretq_s16_u16(beyond);
                    let low = vmull_s16(vget_low_s16(slopes), vget_low_s16(beyond));
                    let high = vmull_high_s16(slopes, beyond);
                    total = vaddq_s32(total, vpaddq_s32(low, high));
                }
                vst1q_s32(values.as_mut_ptr().add(half), vshrq_n_s32::<5>(total));
            }
        }
    }
}
