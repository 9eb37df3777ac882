//! Tables of constants that the format defines by whole numbers alone.
#![forbid(unsafe_code)]

use std::sync::LazyLock;

/// Just under 22 bits: the network's counts reach 2^22 to 1.
pub(crate) const STRETCH_LIMIT: i32 = 5631;
/// log2 of the greatest count that evidence holds.
const EVIDENCE_BITS: u32 = 22;

/// floor(256 log2 v) for v >= 1.
///
/// Eight squarings of a mantissa of 64 bits give the digits after the point. Each cuts off less
/// than 2^-63 of the power, 2^-55 in all, and no power below 2^22 but those of two itself comes as
/// close to a whole number: the tests compare every value with exact arithmetic.
fn log2_256(v: u32) -> u32 {
    let whole = v.ilog2();
    let mut mantissa = u64::from(v) << (63 - whole);
    let mut digits = whole;
    for _ in 0..8 {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let carry = (square >> 127) as u32;
        mantissa = (square >> (63 + carry)) as u64;
        digits = 2 * digits + carry;
    }
    digits
}

/// Entry f is floor(2^(22 - f / 256)).
pub(crate) static EXPONENTIAL: LazyLock<[i32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|f| {
        // The greatest value whose 256th power is at most 2^(5632 - f).
        let most = 256 * EVIDENCE_BITS - f as u32;
        let (mut low, mut high) = (1, (1 << EVIDENCE_BITS) + 1);
        while high - low > 1 {
            let middle: u32 = (low + high) / 2;
            let power = log2_256(middle);
            let at_most = power < most || (power == most && middle.is_power_of_two());
            if at_most {
                low = middle;
            } else {
                high = middle;
            }
        }
        low as i32
    })
});

/// Tables of the logistic domain; stretch is log2(p / (1 - p)) in 1/256 bit.
pub(crate) struct Logistic {
    /// floor(256 log2 v) for v below 8192; entry 0 is unused.
    log2: [u16; 8192],
    /// Stretch of probabilities in 2^-12, each taken at the middle of its cell.
    pub(crate) stretch: [i16; 4096],
    /// Probabilities of a 1 in 2^-24 for the stretches from -5631 to 5631.
    squash: [u32; 2 * STRETCH_LIMIT as usize + 1],
    /// The same in 2^-16.
    short_squash: [u16; 2 * STRETCH_LIMIT as usize + 1],
}

impl Logistic {
    fn new() -> Self {
        let log2 = std::array::from_fn(|v| if v == 0 { 0 } else { log2_256(v as u32) as u16 });
        let stretch = std::array::from_fn(|i| log2[2 * i + 1] as i16 - log2[8191 - 2 * i] as i16);
        let squash: [u32; _] = std::array::from_fn(|at| {
            let x = at as i32 - STRETCH_LIMIT;
            let y = x.unsigned_abs();
            let rare = (EXPONENTIAL[(y & 255) as usize] >> (y >> 8)) as u64;
            let small = ((rare << 24) / ((1 << EVIDENCE_BITS) + rare)) as u32;
            if x < 0 { small } else { (1 << 24) - small }
        });
        let short_squash = squash.map(|p| (p >> 8) as u16);
        Self { log2, stretch, squash, short_squash }
    }

    /// lg(v) of the format, for v from 1 to 2^24 - 1.
    #[inline(always)]
    pub(crate) fn lg(&self, v: u32) -> i32 {
        let length = 32 - v.leading_zeros();
        let excess = if length > 13 { length - 12 } else { 0 };
        i32::from(self.log2[(v >> excess) as usize & 8191]) + (excess << 8) as i32
    }

    /// Squash(x) >> 8.
    #[inline(always)]
    pub(crate) fn short_squash(&self, x: i32) -> i32 {
        i32::from(self.short_squash[(x + STRETCH_LIMIT) as usize])
    }

    /// Squash(x) of the format, for |x| <= 5631.
    #[inline(always)]
    pub(crate) fn squash(&self, x: i32) -> u32 {
        self.squash[(x + STRETCH_LIMIT) as usize]
    }
}

pub(crate) static LOGISTIC: LazyLock<Box<Logistic>> = LazyLock::new(|| Box::new(Logistic::new()));

/// Reciprocal square roots for the norm of vectors of `width` integers.
///
/// Entry i of 3072 is floor(sqrt(2^39 width / (2 i + 2049))), at most 2^19.
pub(crate) fn root_table(width: usize) -> Vec<i32> {
    (0..3072).map(|i| (((width as u64) << 39) / (2 * i + 2049)).isqrt() as i32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares v^256 with 2^most exactly: the bit length of the power, by long multiplication.
    fn bit_length_of_power(v: u32) -> usize {
        let mut power = vec![v];
        for _ in 0..8 {
            let mut square = vec![0_u32; 2 * power.len()];
            for (i, &a) in power.iter().enumerate() {
                let mut carry = 0;
                for (j, &b) in power.iter().enumerate() {
                    let sum = u64::from(square[i + j]) + u64::from(a) * u64::from(b) + carry;
                    square[i + j] = sum as u32;
                    carry = sum >> 32;
                }
                square[i + power.len()] = carry as u32;
            }
            while square.last() == Some(&0) {
                square.pop();
            }
            power = square;
        }
        32 * power.len() - power.last().unwrap().leading_zeros() as usize
    }

    #[test]
    fn logarithms_are_those_of_exact_powers() {
        for v in 1..8192 {
            assert_eq!(log2_256(v) as usize, bit_length_of_power(v) - 1, "{v}");
        }
    }

    #[test]
    fn exponentials_are_the_greatest_whose_powers_fit() {
        for (f, &value) in EXPONENTIAL.iter().enumerate() {
            let most = 5632 - f;
            // v^256 <= 2^most, and (v + 1)^256 is beyond it.
            let length = bit_length_of_power(value as u32);
            assert!(length <= most || (f == 0 && length == most + 1), "{f}");
            assert!(bit_length_of_power(value as u32 + 1) > most, "{f}");
        }
        assert_eq!(EXPONENTIAL[0], 1 << 22);
    }

    #[test]
    fn stretch_and_squash_are_odd_and_inverse_at_the_ends() {
        let l = &LOGISTIC;
        assert_eq!(l.squash(0), 1 << 23);
        for x in 0..=STRETCH_LIMIT {
            assert_eq!(l.squash(x) + l.squash(-x), 1 << 24);
        }
        assert_eq!(l.lg(1), 0);
        assert_eq!(l.lg((1 << 24) - 1), 6143);
        assert_eq!(l.stretch[4095], 3327);
        assert_eq!(l.stretch[0], -3327);
    }
}
