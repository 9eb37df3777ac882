//! Sound and pictures, number by number: expectations as distributions, mixed bit by bit.
//!
//! `FORMAT.md`, section 10, and `models/signals` are what this follows bit for bit.
#![forbid(unsafe_code)]

mod chains;
mod expectations;
mod mixture;
mod squares;

use crate::coder::{Damaged, Decoder, Encoder};
use crate::memory::BitCoder;
use crate::memory::kernels::{Compiled, Kernel, with};
use crate::network::Isa;
use expectations::Expectations;
use mixture::Mixture;

/// Base-2 logarithms of the windows that there are.
const WINDOWS: std::ops::RangeInclusive<u32> = 4..=12;
/// Channels at most.
const MOST_CHANNELS: usize = 8;
/// Distances that a number is predicted from, at most.
const MOST_DISTANCES: usize = 32;
/// Numbers from one question whether to go on to the next.
const ASKED: usize = 1 << 12;

/// What a stretch of bytes consists of, and what each of its numbers is predicted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Two bytes a number in the place of one.
    pub wide: bool,
    /// Numbers are in two's complement; others lie around half of what they can hold.
    pub signed: bool,
    /// The higher one of two bytes comes first.
    pub high_first: bool,
    /// Base-2 logarithm of the numbers of a channel in which its sums are forgotten.
    pub window: u32,
    /// Every so many-th number of a row belongs to the same channel.
    pub channels: usize,
    /// Numbers of a row, each of which begins with the first channel.
    pub row: usize,
    /// How many numbers back those lie that least squares look at, 1 at least each.
    pub distances: Vec<usize>,
}

impl Signal {
    /// Whether its fields keep the bounds of the format.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        WINDOWS.contains(&self.window)
            && (1..=MOST_CHANNELS).contains(&self.channels)
            && self.row >= self.channels
            && (1..=MOST_DISTANCES).contains(&self.distances.len())
            && !self.distances.contains(&0)
    }

    /// Bytes of a number.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.wide { 2 } else { 1 }
    }

    /// Half of the values that a number can have.
    fn half(&self) -> i64 {
        if self.wide { 1 << 15 } else { 1 << 7 }
    }

    /// Whether it has rows above each other; it is sound else.
    fn is_picture(&self) -> bool {
        self.row > self.channels
    }

    /// The number of its bytes. Whatever the width, it fits 16 bits with a sign.
    fn number(&self, piece: &[u8]) -> i16 {
        let number = match *piece {
            [first, second] if self.high_first => u16::from_be_bytes([first, second]).into(),
            [first, second] => u16::from_le_bytes([first, second]).into(),
            _ => i32::from(piece[0]),
        };
        let half = self.half() as i32;
        (if self.signed { (number ^ half) - half } else { number - half }) as i16
    }

    fn write(&self, number: i16, out: &mut Vec<u8>) {
        let half = if self.signed { 0 } else { self.half() as i32 };
        let value = (i32::from(number) + half) as u16;
        match (self.wide, self.high_first) {
            (false, _) => out.push(value as u8),
            (true, false) => out.extend(value.to_le_bytes()),
            (true, true) => out.extend(value.to_be_bytes()),
        }
    }
}

/// The stream of a stretch of whole numbers.
///
/// `go_on` is asked now and then; None where it says no.
pub fn encode(
    stretch: &[u8],
    signal: &Signal,
    isa: Isa,
    go_on: &mut dyn FnMut() -> bool,
) -> Option<Vec<u8>> {
    let mut numbers: Vec<i16> =
        stretch.chunks_exact(signal.width()).map(|piece| signal.number(piece)).collect();
    let mut coder = Encoder::new();
    let done = with(isa, Work { numbers: &mut numbers, signal, coder: &mut coder, go_on });
    // An encoder finds nothing damaged.
    done.unwrap_or(false).then(|| coder.finish())
}

/// The stretch of so many bytes that a stream stands for, None as above.
///
/// # Errors
/// `Damaged` where the stream holds what no encoder writes; other damage gives other bytes.
pub fn decode(
    stream: &[u8],
    size: usize,
    signal: &Signal,
    isa: Isa,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<u8>>, Damaged> {
    let mut numbers = vec![0; size / signal.width()];
    let mut coder = Decoder::new(stream);
    if !with(isa, Work { numbers: &mut numbers, signal, coder: &mut coder, go_on })? {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(size);
    numbers.iter().for_each(|&number| signal.write(number, &mut out));
    Ok(Some(out))
}

/// The one loop of encoder and decoder over the numbers, which a decoder fills in.
struct Work<'a, C> {
    numbers: &'a mut [i16],
    signal: &'a Signal,
    coder: &'a mut C,
    go_on: &'a mut dyn FnMut() -> bool,
}

impl<C: BitCoder> Compiled for Work<'_, C> {
    /// Whether it came to the end.
    type Result = Result<bool, Damaged>;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Self::Result {
        let mut expectations = Expectations::new(self.signal, self.numbers.len());
        let mut mixture = Mixture::new(self.signal);
        for at in 0..self.numbers.len() {
            if at.is_multiple_of(ASKED) && !(self.go_on)() {
                return Ok(false);
            }
            let around = expectations.of(&self.numbers[..at]);
            let number = mixture.code::<K, C>(&around, self.numbers[at], self.coder)?;
            self.numbers[at] = number;
            expectations.learn(&around, i64::from(number));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
