//! The last stage: one row over the outputs of all sets, then adaptive probability maps.
#![forbid(unsafe_code)]

use super::frame::Frame;
use super::kernels::{Kernel, Portable};
use super::maps::{self, Cell, RATES, Rates};
use super::mixer::{Choice, Pace, Set};
use crate::constants::{LOGISTIC, Logistic, STRETCH_LIMIT};
use crate::mapping::{LINE, Table};
use crate::prepared::Walker;

/// Rungs of a map, one every bit of stretch from -12 to 12.
const RUNGS: usize = 25;
/// The greatest stretch that a map tells apart.
const MAP_LIMIT: i32 = 3072;
/// Maps by last byte and node, then as many by a hash of the last two bytes and node, then by one of
/// those before the last.
const MAPS: usize = KINDS << 16;
const KINDS: usize = 3;
/// How many experiences a rung averages over at most, and for how many its first value stands.
const EXPERIENCES: u32 = 255;
const FIRST_COUNT: u32 = 3;

/// What the last stage says of a lane's bit.
#[derive(Clone, Copy)]
pub(crate) struct End {
    choice: Choice,
    /// The first rungs of the lane's maps, later the nearer ones.
    rungs: [u32; KINDS],
    /// The count of a 0, of 2^24.
    pub(crate) zero: u32,
}

impl Default for End {
    fn default() -> Self {
        Self { choice: Choice::FIRST, rungs: [0; KINDS], zero: 1 << 23 }
    }
}

impl End {
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.choice.walk(walker);
        walker.values(&mut self.rungs);
    }

    /// What the row has said, before the maps.
    pub(crate) fn stretch(&self) -> i32 {
        self.choice.stretch
    }
}

/// Final mixer and maps.
pub(crate) struct Last {
    set: Set,
    /// By map, its rungs.
    maps: Table<Cell>,
    logistic: &'static Logistic,
    rates: &'static Rates,
}

impl Last {
    /// `first` is the weight of each of the sets. Maps that come from a file are left empty.
    pub(crate) fn new(first: &[i16], pace: Pace, prepared: bool) -> Self {
        let logistic: &Logistic = &LOGISTIC;
        let map: [Cell; RUNGS] = std::array::from_fn(|rung| {
            let stretch = 256 * (rung as i32 - 12);
            let p = logistic.squash(stretch.clamp(-STRETCH_LIMIT, STRETCH_LIMIT)) >> 2;
            maps::cell(p, FIRST_COUNT)
        });
        let mut maps = Table::zeroed(MAPS * RUNGS);
        if !prepared {
            for rungs in maps.chunks_exact_mut(RUNGS) {
                rungs.copy_from_slice(&map);
            }
        }
        Self { set: Set::new(1, first, pace), maps, logistic, rates: &RATES }
    }

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.set.walk(walker);
        walker.values(&mut self.maps);
    }

    /// The weight of each set's output.
    pub(crate) fn weights(&self) -> &[i16] {
        self.set.row(Choice::FIRST)
    }

    /// The first rungs of the maps of a place.
    #[inline(always)]
    fn maps(node: u32, last: u32) -> [u32; KINDS] {
        let hashed = |bytes: u32| {
            let mixed = bytes.wrapping_mul(0x9E37_79B1) ^ node.wrapping_mul(0x85EB_CA77);
            (mixed ^ mixed >> 15).wrapping_mul(0x9E37_79B1) >> 16
        };
        let maps: [u32; KINDS] = [
            (last & 255) << 8 | node,
            1 << 16 | hashed(last & 0xFFFF),
            2 << 16 | hashed(last & 0xFF_FF00),
        ];
        maps.map(|map| map * RUNGS as u32)
    }

    /// The count of a 0, of 2^24, that sets with these outputs would have at another place.
    pub(crate) fn peek(&self, node: u32, last: u32, outputs: &[i16]) -> u32 {
        let stretch = self.set.stretch::<Portable>(0, outputs);
        self.refined(stretch, &mut Self::maps(node, last))
    }

    /// Chooses a lane's maps, and fetches them.
    #[inline(always)]
    pub(crate) fn choose(&self, end: &mut End, frame: &Frame, lane: usize) {
        let maps = Self::maps(frame.nodes[lane], frame.readers[lane].last as u32);
        for first in maps {
            let (first, rungs) = (first as usize, LINE / size_of::<Cell>());
            for rung in [0, rungs, RUNGS - 1] {
                self.maps.prefetch(first + rung);
            }
        }
        end.rungs = maps;
    }

    /// Puts together what the sets have said of a lane.
    #[inline(always)]
    pub(crate) fn predict<K: Kernel>(&self, outputs: &[i16], end: &mut End) {
        self.set.mix::<K>(&mut end.choice, outputs);
        end.zero = self.refined(end.choice.stretch, &mut end.rungs);
    }

    /// What the maps that begin at these rungs make of a stretch; the nearer rungs are left.
    #[inline(always)]
    fn refined(&self, stretch: i32, rungs: &mut [u32; KINDS]) -> u32 {
        let position = stretch.clamp(-MAP_LIMIT, MAP_LIMIT - 1) + MAP_LIMIT;
        let (rung, inside) = ((position >> 8) as u32, (position & 255) as u32);
        let mut refined = self.logistic.squash(stretch);
        for at in rungs {
            *at += rung;
            let [low, high] = [0, 1].map(|more| self.maps[*at as usize + more].probability());
            refined += (low * (256 - inside) + high * inside) >> 6;
            *at += inside >> 7;
        }
        (1 << 24) - (refined >> 2)
    }

    /// Learns the bit of a lane.
    #[inline(always)]
    pub(crate) fn learn<K: Kernel>(&mut self, outputs: &[i16], end: &End, bit: u32) {
        self.set.learn::<K>(end.choice, outputs, bit);
        for at in end.rungs {
            self.maps[at as usize].learn(bit, EXPERIENCES, self.rates);
        }
    }
}
