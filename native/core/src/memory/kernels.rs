//! The mixer's inner loops, and the work of a bit as compiled for one instruction set.
#![allow(unsafe_code)]

use crate::network::Isa;

/// Inner loops over as many weights as inputs, in whole multiples of `WIDTH`.
pub(crate) trait Kernel {
    /// The sum of products, modulo 2^32.
    fn dot(weights: &[i16], inputs: &[i16]) -> i32;

    /// Adds (input * step + 2^14) >> 15 to every weight, held within 16 bits.
    fn learn(weights: &mut [i16], inputs: &[i16], step: i16);
}

/// Plain Rust.
pub(crate) struct Portable;

impl Kernel for Portable {
    #[inline(always)]
    fn dot(weights: &[i16], inputs: &[i16]) -> i32 {
        let products = weights.iter().zip(inputs).map(|(&w, &x)| i32::from(w) * i32::from(x));
        products.fold(0, i32::wrapping_add)
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
    use super::super::mixer::WIDTH;
    use super::Kernel;
    use std::arch::x86_64::*;

    /// AVX2; its functions must run where that is at hand.
    pub(super) struct Avx2;

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(values: &[i16; WIDTH]) -> __m256i {
        // SAFETY: they are a whole register.
        unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn dot(weights: &[i16], inputs: &[i16]) -> i32 {
        let mut sums = _mm256_setzero_si256();
        for (w, x) in weights.as_chunks().0.iter().zip(inputs.as_chunks().0) {
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(load(w), load(x)));
        }
        let halves = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        let pairs = _mm_add_epi32(halves, _mm_unpackhi_epi64(halves, halves));
        _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 1)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn learn(weights: &mut [i16], inputs: &[i16], step: i16) {
        let step = _mm256_set1_epi16(step);
        for (w, x) in weights.as_chunks_mut().0.iter_mut().zip(inputs.as_chunks().0) {
            let moved = _mm256_adds_epi16(load(w), _mm256_mulhrs_epi16(load(x), step));
            // SAFETY: they are a whole register.
            unsafe { _mm256_storeu_si256(w.as_mut_ptr().cast(), moved) };
        }
    }

    impl Kernel for Avx2 {
        #[inline(always)]
        fn dot(weights: &[i16], inputs: &[i16]) -> i32 {
            // SAFETY: only `with` uses this, with AVX2.
            unsafe { dot(weights, inputs) }
        }

        #[inline(always)]
        fn learn(weights: &mut [i16], inputs: &[i16], step: i16) {
            // SAFETY: only `with` uses this, with AVX2.
            unsafe { learn(weights, inputs, step) }
        }
    }
}

/// Something that is compiled for each instruction set.
pub(crate) trait Compiled {
    type Result;

    fn run<K: Kernel>(self) -> Self::Result;
}

/// Runs it with what an instruction set has.
#[inline(always)]
pub(crate) fn with<C: Compiled>(isa: Isa, what: C) -> C::Result {
    #[cfg(target_arch = "x86_64")]
    if isa != Isa::Portable && isa.is_available() {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn with_avx2<C: Compiled>(what: C) -> C::Result {
            what.run::<avx2::Avx2>()
        }
        // SAFETY: every instruction set but the portable one has these, and it is at hand.
        return unsafe { with_avx2(what) };
    }
    // Neon is part of every processor that it is compiled for: plain Rust becomes vectors of it.
    let _ = isa;
    what.run::<Portable>()
}
