//! Products in plain Rust, for any processor.
#![forbid(unsafe_code)]

use super::{Kernel, LaneGroup, Row, sums_stride};
use crate::weights::Matrix;

/// Outputs that are summed side by side.
const PANEL: usize = 32;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Panels of 32 outputs, each (inputs, 32); the last is filled up with zeros.
pub(crate) struct Packed {
    weights: Vec<i16>,
    inputs: usize,
    outputs: usize,
}

impl Kernel for Portable {
    type Packed = Packed;
    type Input = i16;

    fn pack(self, matrix: &Matrix) -> Packed {
        let (inputs, outputs) = (matrix.inputs, matrix.outputs);
        let mut weights = vec![0; inputs * outputs.next_multiple_of(PANEL)];
        for (panel, weights) in weights.chunks_exact_mut(inputs * PANEL).enumerate() {
            let first = panel * PANEL;
            for (input, row) in weights.chunks_exact_mut(PANEL).enumerate() {
                let width = PANEL.min(outputs - first);
                let values = &matrix.values[input * outputs + first..][..width];
                for (weight, &value) in row.iter_mut().zip(values) {
                    *weight = i16::from(value);
                }
            }
        }
        Packed { weights, inputs, outputs }
    }

    #[inline(always)]
    fn input(value: i32) -> i16 {
        value as i16
    }

    #[inline(always)]
    fn multiply(self, packed: &Packed, x: &[i16], stride: usize, sums: &mut [i32]) {
        let Packed { weights, inputs, outputs } = packed;
        for (panel, weights) in weights.chunks_exact(inputs * PANEL).enumerate() {
            let first = panel * PANEL;
            let width = PANEL.min(outputs - first);
            for (x, sums) in
                x.chunks_exact(stride).zip(sums.chunks_exact_mut(sums_stride(*outputs)))
            {
                let mut total = [0_i32; PANEL];
                for (&x, weights) in x.iter().zip(weights.as_chunks::<PANEL>().0) {
                    for (total, &weight) in total.iter_mut().zip(weights) {
                        *total += i32::from(x) * i32::from(weight);
                    }
                }
                sums[first..][..width].copy_from_slice(&total[..width]);
            }
        }
    }

    fn step(self, group: &mut LaneGroup<Self>, rows: &[Row], evidence: &mut [i32]) {
        super::step(group, rows, evidence);
    }
}
