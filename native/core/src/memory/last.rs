//! The last stage: one row over the outputs of all sets, then adaptive probability maps.
#![forbid(unsafe_code)]

use super::frame::Frame;
use super::kernels::{Kernel, Portable};
use super::maps::{self, Cell, RATES, Rates};
use super::mixer::{Pace, Set};
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

/// Final mixer and maps.
pub(crate) struct Last {
    set: Set,
    width: usize,
    /// By lane, the outputs of all sets.
    outputs: Vec<i16>,
    /// By map, its rungs.
    maps: Table<Cell>,
    /// By lane: the first rungs of its maps, later the nearer ones.
    rungs: Vec<[u32; KINDS]>,
    logistic: &'static Logistic,
    rates: &'static Rates,
}

impl Last {
    /// `first` is the weight of each of the sets. Maps that come from a file are left empty.
    pub(crate) fn new(first: &[i16], pace: Pace, lanes: usize, prepared: bool) -> Self {
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
        Self {
            set: Set::new(1, first, pace, lanes),
            width: first.len(),
            outputs: vec![0; first.len() * lanes],
            maps,
            rungs: vec![[0; KINDS]; lanes],
            logistic,
            rates: &RATES,
        }
    }

    /// Between two bits: outputs and rungs are those of one.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.set.walk(walker);
        walker.values(&mut self.maps);
    }

    /// Where the outputs of a lane are written before it is predicted.
    #[inline(always)]
    pub(crate) fn output(&mut self, lane: usize, set: usize) -> &mut i16 {
        &mut self.outputs[lane * self.width + set]
    }

    /// Outputs of a lane, with those that fill up a register.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The weight of a set's output in a lane.
    pub(crate) fn weight(&self, lane: usize, set: usize) -> i16 {
        self.set.weight(lane, set)
    }

    /// What the row has said of a lane, before the maps.
    pub(crate) fn stretch(&self, lane: usize) -> i32 {
        self.set.choices[lane].stretch
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
    pub(crate) fn choose(&mut self, frame: &Frame, lane: usize) {
        self.rungs[lane] = Self::maps(frame.nodes[lane], frame.readers[lane].last as u32);
        for first in self.rungs[lane] {
            let (first, rungs) = (first as usize, LINE / size_of::<Cell>());
            for rung in [0, rungs, RUNGS - 1] {
                self.maps.prefetch(first + rung);
            }
        }
    }

    /// The count of a 0, of 2^24, in a lane.
    #[inline(always)]
    pub(crate) fn predict<K: Kernel>(&mut self, lane: usize) -> u32 {
        let outputs = &self.outputs[lane * self.width..][..self.width];
        self.set.mix::<K>(lane, outputs);
        let mut rungs = self.rungs[lane];
        let zero = self.refined(self.set.choices[lane].stretch, &mut rungs);
        self.rungs[lane] = rungs;
        zero
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
    pub(crate) fn learn<K: Kernel>(&mut self, lane: usize, bit: u32) {
        let outputs = &self.outputs[lane * self.width..][..self.width];
        self.set.learn::<K>(lane, outputs, bit);
        for at in self.rungs[lane] {
            self.maps[at as usize].learn(bit, EXPERIENCES, self.rates);
        }
    }
}
