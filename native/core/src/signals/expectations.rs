//! What a number is expected to be, and how it stands around it. `FORMAT.md`, sections 10.2 to 10.5.
#![forbid(unsafe_code)]

use super::Signal;
use super::chains::Chains;
use super::squares::{Scratch, Squares};
use crate::constants::{LOGISTIC, Logistic};

/// Expectations of a number at most: nine of a picture, six of sound.
pub(super) const MOST: usize = 9;
/// Levels of what tells situations apart.
pub(super) const LEVELS: usize = 32;
/// Expectations that are compared for the spread.
const COMPARED: usize = 6;

/// A place of a signal before its number is known.
pub(super) struct Around {
    pub(super) channel: usize,
    /// In sixteenths, as all that is expected.
    pub(super) expected: [i64; MOST],
    /// The one that the others are measured by.
    pub(super) main: i64,
    pub(super) near: usize,
    pub(super) beside: usize,
    pub(super) far: usize,
    pub(super) slope: usize,
    pub(super) spread: usize,
}

/// What expects the numbers of a signal.
pub(super) struct Expectations<'a> {
    signal: &'a Signal,
    squares: Vec<Squares>,
    chains: Vec<Chains>,
    scratch: Scratch,
    /// The numbers at the distances of the signal.
    before: Vec<i64>,
    /// By place, how far the main expectation was off, in sixteenths.
    errors: Vec<u32>,
    logistic: &'static Logistic,
}

impl<'a> Expectations<'a> {
    pub(super) fn new(signal: &'a Signal, length: usize) -> Self {
        let (n, channels) = (signal.distances.len(), signal.channels);
        let of_sound = if signal.is_picture() { 0 } else { channels };
        Self {
            signal,
            squares: (0..channels).map(|_| Squares::new(n)).collect(),
            chains: (0..of_sound).map(|_| Chains::new()).collect(),
            scratch: Scratch::new(n),
            before: vec![0; n],
            errors: Vec::with_capacity(length),
            logistic: &LOGISTIC,
        }
    }

    /// How many expectations a number of the signal has.
    pub(super) fn count(signal: &Signal) -> usize {
        if signal.is_picture() { MOST } else { COMPARED }
    }

    /// The place behind these numbers.
    #[inline(always)]
    pub(super) fn of(&mut self, numbers: &[i16]) -> Around {
        let signal = self.signal;
        let (c, row) = (signal.channels as isize, signal.row as isize);
        let channel = numbers.len() % signal.row % signal.channels;
        for (value, &distance) in self.before.iter_mut().zip(&signal.distances) {
            *value = numbers.len().checked_sub(distance).map_or(0, |at| numbers[at].into());
        }
        let errors = &self.errors;
        let x = |back: isize| back_in(numbers, back).map_or(0, |&number| i64::from(number));
        let off = |back: isize| back_in(errors, back).map_or(0, |&error| i64::from(error));
        let held = |value: i64| value.clamp(-16 * signal.half(), 16 * signal.half() - 16);
        let least_squares = held(self.squares[channel].expected(&self.before));
        let mut expected = [0; MOST];
        expected[0] = least_squares;
        let (left, twice_left) = (x(c), x(2 * c));
        let (near, far, slope);
        if signal.is_picture() {
            let (above, corner, right) = (x(row), x(row + c), x(row - c));
            let soft = median(left, above, corner);
            expected[1] = 16 * soft;
            expected[2] = 16 * (left + right - above);
            expected[3] = 8 * (left + above) + 4 * (right - corner);
            expected[4] = 16 * (2 * left - twice_left);
            expected[5] = 16 * (2 * above - x(2 * row));
            let others = if channel > 0 {
                let (other_left, other_above) = (x(c + 1), x(row + 1));
                let other = median(other_left, other_above, x(row + c + 1));
                [left - other_left, above - other_above, soft - other].map(|more| x(1) + more)
            } else {
                [above + right - x(2 * row - c), left, above]
            };
            expected[6..].copy_from_slice(&others.map(|value| 16 * value));
            near = (2 * off(c) + 2 * off(row) + off(row - c) + off(row + c)) / 6;
            let further = [2 * c, 2 * row, row - 2 * c, row + 2 * c].map(off);
            far = (6 * near + further.iter().sum::<i64>()) / 10;
            slope = 8 * ((left - corner).abs() + (above - corner).abs() + (above - right).abs());
        } else {
            let with_chains = self.chains[channel].expect(least_squares);
            expected[1..=Chains::COUNT].copy_from_slice(&with_chains);
            expected[4] = 16 * (2 * left - twice_left);
            expected[5] = 16 * left;
            near = (2 * off(c) + off(2 * c) + off(3 * c)) / 4;
            far = (1..=16).map(|back| off(back * c)).sum::<i64>() / 16;
            slope = off(c);
        }
        expected = expected.map(held);
        let compared = &expected[..COMPARED];
        let least = compared.iter().fold(i64::MAX, |least, &value| least.min(value));
        let spread = compared.iter().fold(i64::MIN, |most, &value| most.max(value)) - least;
        let logistic = self.logistic;
        let level =
            |value: i64| (((logistic.lg((value + 4) as u32) - 512) >> 7) as usize).min(LEVELS - 1);
        let near_level = level(near);
        Around {
            channel,
            expected,
            main: expected[if signal.is_picture() { 0 } else { Chains::COUNT }],
            near: near_level,
            beside: if channel > 0 { level(off(1)) } else { near_level },
            far: level(far),
            slope: level(slope),
            spread: level(spread),
        }
    }

    /// Takes in the number that came at a place.
    #[inline(always)]
    pub(super) fn learn(&mut self, around: &Around, number: i64) {
        self.errors.push((16 * number - around.main).unsigned_abs() as u32);
        if let Some(chains) = self.chains.get_mut(around.channel) {
            chains.learn(16 * number - around.expected[0]);
        }
        let squares = &mut self.squares[around.channel];
        squares.learn(&self.before, number, self.signal.window, &mut self.scratch);
    }
}

/// What lies so far back, if anything does.
#[inline(always)]
fn back_in<T>(values: &[T], back: isize) -> Option<&T> {
    if back < 1 { None } else { values.len().checked_sub(back as usize).map(|at| &values[at]) }
}

/// The gradient of three, held between the first two.
fn median(left: i64, above: i64, corner: i64) -> i64 {
    (left + above - corner).clamp(left.min(above), left.max(above))
}
