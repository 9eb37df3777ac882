//! The mixer's inner loops, and the tasks of a bit as compiled for one instruction set.
#![allow(unsafe_code)]

use super::Worker;
use super::mixer::WIDTH;
use crate::network::Isa;

/// Inner loops over whole multiples of `WIDTH` inputs and as many weights.
pub(crate) trait Kernel {
    /// Sums of products that come to one sum, modulo 2^32.
    type Sums: Copy;

    fn zeros() -> Self::Sums;

    /// Adds the products of weights and inputs.
    fn add(sums: Self::Sums, weights: &[i16], inputs: &[i16]) -> Self::Sums;

    /// The one sum.
    fn total(sums: Self::Sums) -> i32;

    /// Adds (input * step + 2^14) >> 15 to every weight, held within 16 bits.
    fn learn(weights: &mut [i16], inputs: &[i16], step: i16);
}

/// Plain Rust.
pub(crate) struct Portable;

impl Kernel for Portable {
    type Sums = i32;

    #[inline(always)]
    fn zeros() -> i32 {
        0
    }

    #[inline(always)]
    fn add(sum: i32, weights: &[i16], inputs: &[i16]) -> i32 {
        let products = weights.iter().zip(inputs).map(|(&w, &x)| i32::from(w) * i32::from(x));
        products.fold(sum, i32::wrapping_add)
    }

    #[inline(always)]
    fn total(sum: i32) -> i32 {
        sum
    }

    #[inline(always)]
    fn learn(weights: &mut [i16], inputs: &[i16], step: i16) {
        for (weight, &x) in weights.iter_mut().zip(inputs) {
            let moved = (i32::from(step) * i32::from(x) + (1 << 14)) >> 15;
            *weight = weight.saturating_add(moved as i16);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Kernel, WIDTH};
    use std::arch::x86_64::*;

    /// AVX2; its functions must run where that is at hand.
    pub(super) struct Avx2;

    /// # Safety
    /// As many weights as inputs, in whole registers.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn add(mut sums: __m256i, weights: &[i16], inputs: &[i16]) -> __m256i {
        for at in (0..weights.len()).step_by(WIDTH) {
            // SAFETY: `at` is the start of a whole register of both.
            let (w, x) = unsafe {
                let w = _mm256_loadu_si256(weights.as_ptr().add(at).cast());
                (w, _mm256_loadu_si256(inputs.as_ptr().add(at).cast()))
            };
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(w, x));
        }
        sums
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn total(sums: __m256i) -> i32 {
        let halves = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        let pairs = _mm_add_epi32(halves, _mm_unpackhi_epi64(halves, halves));
        _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 1)))
    }

    /// # Safety
    /// As many weights as inputs, in whole registers.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn learn(weights: &mut [i16], inputs: &[i16], step: i16) {
        let step = _mm256_set1_epi16(step);
        for at in (0..weights.len()).step_by(WIDTH) {
            // SAFETY: `at` is the start of a whole register of both.
            unsafe {
                let w = weights.as_mut_ptr().add(at).cast();
                let x = _mm256_loadu_si256(inputs.as_ptr().add(at).cast());
                let moved = _mm256_adds_epi16(_mm256_loadu_si256(w), _mm256_mulhrs_epi16(x, step));
                _mm256_storeu_si256(w, moved);
            }
        }
    }

    impl Kernel for Avx2 {
        type Sums = __m256i;

        #[inline(always)]
        fn zeros() -> __m256i {
            // SAFETY: only `work` uses this, with AVX2.
            unsafe { _mm256_setzero_si256() }
        }

        #[inline(always)]
        fn add(sums: __m256i, weights: &[i16], inputs: &[i16]) -> __m256i {
            let whole = inputs.len() / WIDTH * WIDTH;
            // SAFETY: the slices are as long as each other; only `work` uses this, with AVX2.
            unsafe { add(sums, &weights[..whole], &inputs[..whole]) }
        }

        #[inline(always)]
        fn total(sums: __m256i) -> i32 {
            // SAFETY: only `work` uses this, with AVX2.
            unsafe { total(sums) }
        }

        #[inline(always)]
        fn learn(weights: &mut [i16], inputs: &[i16], step: i16) {
            let whole = inputs.len() / WIDTH * WIDTH;
            // SAFETY: the slices are as long as each other; only `work` uses this, with AVX2.
            unsafe { learn(&mut weights[..whole], &inputs[..whole], step) }
        }
    }
}

/// Does a worker's part of a bit.
pub(super) fn work(worker: &mut Worker) {
    #[cfg(target_arch = "x86_64")]
    if worker.isa != Isa::Portable && worker.isa.is_available() {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn with_avx2(worker: &mut Worker) {
            worker.work::<avx2::Avx2>();
        }
        // SAFETY: every instruction set but the portable one has these, and it is at hand.
        return unsafe { with_avx2(worker) };
    }
    worker.work::<Portable>();
}
