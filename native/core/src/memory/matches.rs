//! Matches: the latest repetition of some length, and the byte that came after it then.
#![forbid(unsafe_code)]

use super::contexts::Reader;
use super::frame::Expected;
use super::maps::{self, Cell, Rates};
use crate::constants::{LOGISTIC, Logistic};
use crate::mapping::Table;
use crate::prepared::Walker;

/// As far as a repetition is verified.
const FAR: u32 = 40;
/// A match is kept after this many misses at most, and only where it was so long before.
const MISSES: u32 = 8;
const KEPT_FROM: u32 = 8;
/// Hopes: by length, then by misses to 3.
const LENGTHS: u32 = 32;
const HOPE_LIMIT: u32 = 400;
const FIRST_COUNT: u32 = 2;

/// What a lane follows.
#[derive(Clone, Copy, Default)]
struct Seat {
    lane: u32,
    /// The next byte's number in that lane; nothing is followed where `length` is 0.
    next: u32,
    length: u32,
    misses: u32,
    /// The byte that is expected, with a 1 before it; 0 if nothing.
    expects: u32,
    hope: usize,
    agrees: bool,
}

/// What is expected in a lane, for a trial.
#[cfg(feature = "trials")]
#[derive(Clone, Copy, Default)]
pub(crate) struct Expectation {
    /// The byte, with a 1 before it; 0 if nothing.
    pub(crate) byte: u32,
    pub(crate) length: u32,
    pub(crate) hope: usize,
}

/// Repetitions of at least `least` bytes.
pub(crate) struct Matches {
    least: u32,
    /// By hash of the last bytes, 1 + the place that came next when they were seen last.
    after: Table<u32>,
    bits: u32,
    hopes: Vec<Cell>,
    seats: Vec<Seat>,
    /// By lane, the entry of its last bytes.
    entries: Vec<Option<usize>>,
    logistic: &'static Logistic,
}

impl Matches {
    pub(crate) fn new(least: u32, bits: u32, lanes: usize) -> Self {
        let hope = |at| (1 << 22) - (1 << 23) / (3 * (at / 4) + 6);
        Self {
            least,
            after: Table::zeroed(1 << bits),
            bits,
            hopes: (0..4 * LENGTHS).map(|at| maps::cell(hope(at), FIRST_COUNT)).collect(),
            seats: vec![Seat::default(); lanes],
            entries: vec![None; lanes],
            logistic: &LOGISTIC,
        }
    }

    /// Between two bytes: entries are looked up with each.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.values(&mut self.after);
        walker.values(&mut self.hopes);
        for seat in &mut self.seats {
            walker.number(&mut seat.lane);
            walker.number(&mut seat.next);
            walker.number(&mut seat.length);
            walker.number(&mut seat.misses);
            walker.number(&mut seat.expects);
            walker.number(&mut seat.hope);
            walker.number(&mut seat.agrees);
        }
    }

    /// The entry of the last bytes, where there are so many.
    fn entry(&self, read: &[u8]) -> Option<usize> {
        let tail = &read[read.len().checked_sub(self.least as usize)?..];
        let hash = tail.iter().fold(0_u32, |hash, &byte| {
            let hash = hash.wrapping_add(u32::from(byte) + 1).wrapping_mul(0x9E37_79B1);
            hash ^ hash >> 15
        });
        Some((hash.wrapping_mul(0x85EB_CA77) >> (32 - self.bits)) as usize)
    }

    /// What follows the last bytes, if they were seen.
    fn find(&self, entry: usize, read: &[u8], text: &[u8], readers: &[Reader]) -> Option<Seat> {
        let place = self.after[entry].checked_sub(1)?;
        let lanes = readers.len() as u32;
        let (lane, next) = (place % lanes, place / lanes);
        let other = readers[lane as usize].read(text);
        let before = other.get(..next as usize).filter(|before| before.len() < other.len())?;
        let pairs = before.iter().rev().zip(read.iter().rev()).take(FAR as usize);
        let length = pairs.take_while(|(a, b)| a == b).count() as u32;
        (length >= self.least).then(|| Seat { lane, next, length, ..Seat::default() })
    }

    /// Fetches the entries of the last bytes, once all lanes have taken a byte.
    pub(crate) fn enter(&mut self, text: &[u8], readers: &[Reader]) {
        for (lane, reader) in readers.iter().enumerate() {
            self.entries[lane] = self.entry(reader.read(text));
            if let Some(entry) = self.entries[lane] {
                self.after.prefetch(entry);
            }
        }
    }

    /// Follows and finds, after `enter`; then notes where the lanes are.
    pub(crate) fn step(&mut self, text: &[u8], readers: &[Reader]) {
        let lanes = readers.len() as u32;
        for (lane, reader) in readers.iter().enumerate() {
            let read = reader.read(text);
            let mut seat = self.seats[lane];
            if seat.length > 0 {
                let other = readers[seat.lane as usize].read(text);
                if other[seat.next as usize] == read[read.len() - 1] {
                    seat.length = (seat.length + 1).min(65535);
                } else if seat.length >= KEPT_FROM && seat.misses < MISSES {
                    seat.misses += 1;
                    seat.length /= 4;
                } else {
                    seat.length = 0;
                }
                seat.next += 1;
                if seat.next as usize >= other.len() {
                    seat.length = 0;
                }
            }
            if (seat.length == 0 || (seat.misses > 0 && seat.length < self.least))
                && let Some(entry) = self.entries[lane]
                && let Some(found) = self.find(entry, read, text, readers)
            {
                seat = found;
            }
            seat.expects = 0;
            if seat.length > 0 {
                let other = readers[seat.lane as usize].read(text);
                seat.expects = 256 | u32::from(other[seat.next as usize]);
                let length = seat.length;
                let cell = if length < 16 { length } else { (14 + length / 8).min(LENGTHS - 1) };
                seat.hope = (4 * cell + seat.misses.min(3)) as usize;
            }
            self.seats[lane] = seat;
        }
        for (lane, (reader, &entry)) in readers.iter().zip(&self.entries).enumerate() {
            if let Some(entry) = entry {
                let next = reader.read(text).len() as u32;
                self.after[entry] = next * lanes + lane as u32 + 1;
            }
        }
    }

    #[cfg(feature = "trials")]
    pub(crate) fn expectation(&self, lane: usize) -> Expectation {
        let Seat { expects: byte, length, hope, .. } = self.seats[lane];
        Expectation { byte, length, hope }
    }

    /// Notes whether a lane's match agrees with the bits that have led to its node.
    #[inline(always)]
    pub(crate) fn go(&mut self, lane: usize, k: usize, node: u32) {
        self.seats[lane].agrees = self.seats[lane].expects >> (8 - k) == node;
    }

    /// The inputs of bit `k` at a node of a lane's byte, and what is expected.
    #[inline(always)]
    pub(crate) fn predict(&self, lane: usize, k: usize, node: u32) -> ([i16; 2], Expected) {
        let seat = &self.seats[lane];
        if seat.expects >> (8 - k) != node {
            return ([0; 2], Expected::default());
        }
        let hope = self.hopes[seat.hope];
        let o = self.logistic.stretch[hope.index()];
        let p = ((hope.probability() as i32 - (1 << 21)) >> 11) as i16;
        let one = seat.expects >> (7 - k) & 1;
        let x = if one == 1 { [o, p] } else { [-o, -p] };
        let cell = seat.length.min(15) * 2 + one;
        (x, Expected { cell })
    }

    /// Learns bit `k` of the lanes.
    pub(crate) fn learn(&mut self, k: usize, done: &[u32], rates: &Rates) {
        for (seat, &done) in self.seats.iter().zip(done) {
            if seat.agrees {
                let right = u32::from(seat.expects >> (7 - k) & 1 == done & 1);
                self.hopes[seat.hope].learn(right, HOPE_LIMIT, rates);
            }
        }
    }
}
