//! Products of 8-bit integers a second that one core reaches in a loop of nothing else, by
//! instruction set: what the speed of the network is held against. Prints one JSON object.
#![allow(unsafe_code)]

use std::time::Instant;

/// Shortest measurement, in seconds; the best of several counts.
const SECONDS: f64 = 0.1;
const ROUNDS: usize = 5;

fn main() {
    let mut found: Vec<String> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            found.push(line("avx2", || unsafe { x86::avx2() }));
        }
        if std::arch::is_x86_feature_detected!("avx512vnni") {
            // SAFETY: the processor has AVX512-VNNI, and AVX512F with it.
            found.push(line("avx512vnni", || unsafe { x86::vnni() }));
        }
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("dotprod") {
        // SAFETY: the processor has dot products.
        found.push(line("neondot", || unsafe { arm::dot() }));
    }
    println!("{{{}}}", found.join(", "));
}

/// The best rate of a kernel that returns the number of products it took.
fn line(name: &str, kernel: impl Fn() -> u64) -> String {
    let rate = || {
        let (begun, mut products) = (Instant::now(), 0);
        while begun.elapsed().as_secs_f64() < SECONDS {
            products += kernel();
        }
        products as f64 / begun.elapsed().as_secs_f64()
    };
    let best = (0..ROUNDS).map(|_| rate()).fold(0.0, f64::max);
    format!("\"{name}\": {best:.0}")
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi16, _mm256_maddubs_epi16, _mm256_set1_epi8,
        _mm512_dpbusd_epi32, _mm512_set1_epi8, _mm512_setzero_si512,
    };
    use std::hint::black_box;

    const STEPS: u64 = 10_000;
    /// Sums that do not wait for each other.
    const SUMS: usize = 14;

    /// `vpmaddubsw` and the addition to its sum; both operands stay in registers.
    #[target_feature(enable = "avx2")]
    pub(super) fn avx2() -> u64 {
        let (left, right) = (black_box(_mm256_set1_epi8(3)), black_box(_mm256_set1_epi8(5)));
        let mut sums: [__m256i; SUMS] = [right; SUMS];
        for _ in 0..STEPS {
            let left = black_box(left);
            for sum in &mut sums {
                *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(left, *sum));
            }
        }
        black_box(sums);
        STEPS * SUMS as u64 * 32
    }

    /// `vpdpbusd`, which adds to its sum by itself.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn vnni() -> u64 {
        let (left, right) = (black_box(_mm512_set1_epi8(3)), black_box(_mm512_set1_epi8(5)));
        let mut sums: [__m512i; SUMS] = [_mm512_setzero_si512(); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, left, right);
            }
        }
        black_box(sums);
        STEPS * SUMS as u64 * 64
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::{int32x4_t, vdupq_n_s8, vdupq_n_s32};
    use std::arch::asm;
    use std::hint::black_box;

    const STEPS: u64 = 10_000;
    /// Sums that do not wait for each other.
    const SUMS: usize = 16;

    /// `sdot`, which adds to its sum by itself.
    #[target_feature(enable = "neon,dotprod")]
    pub(super) fn dot() -> u64 {
        let (left, right) = (black_box(vdupq_n_s8(3)), black_box(vdupq_n_s8(5)));
        let mut sums: [int32x4_t; SUMS] = [vdupq_n_s32(0); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                // SAFETY: the instruction is there, and touches these registers alone.
                unsafe {
                    asm!(
                        "sdot {sum:v}.4s, {left:v}.16b, {right:v}.16b",
                        sum = inlateout(vreg) *sum,
                        left = in(vreg) left,
                        right = in(vreg) right,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
            }
        }
        black_box(sums);
        STEPS * SUMS as u64 * 16
    }
}
