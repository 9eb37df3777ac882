//! The last stage: one row over the outputs of all sets, then adaptive probability maps.
#![forbid(unsafe_code)]

use super::frame::Frame;
use super::kernels::Portable;
use super::mixer::{Pace, Set};
use crate::constants::{LOGISTIC, Logistic, STRETCH_LIMIT};
use crate::mapping::Table;

/// Rungs of a map, one every bit of stretch from -12 to 12.
const RUNGS: usize = 25;
/// The greatest stretch that a map tells apart.
const MAP_LIMIT: i32 = 3072;
/// Maps by last byte and node, then as many by a hash of the two last bytes and node.
const MAPS: usize = 2 << 16;
/// How fast a map learns: 1 / 2^6.
const MAP_RATE: u32 = 6;

/// Final mixer and maps.
pub(crate) struct Last {
    set: Set,
    width: usize,
    /// By lane, the outputs of all sets.
    outputs: Vec<i16>,
    /// Probabilities of a 1 in 2^-22.
    maps: Table<u32>,
    /// By lane: the nearer rungs.
    rungs: Vec<[u32; 2]>,
    logistic: &'static Logistic,
}

impl Last {
    /// `first` is the weight of each of the sets.
    pub(crate) fn new(first: &[i16], pace: Pace, lanes: usize) -> Self {
        let logistic: &Logistic = &LOGISTIC;
        let map: [u32; RUNGS] = std::array::from_fn(|rung| {
            let stretch = 256 * (rung as i32 - 12);
            logistic.squash(stretch.clamp(-STRETCH_LIMIT, STRETCH_LIMIT)) >> 2
        });
        let mut maps = Table::zeroed(MAPS * RUNGS);
        for rungs in maps.chunks_exact_mut(RUNGS) {
            rungs.copy_from_slice(&map);
        }
        Self {
            set: Set::new(1, first, pace, lanes),
            width: first.len(),
            outputs: vec![0; first.len() * lanes],
            maps,
            rungs: vec![[0; 2]; lanes],
            logistic,
        }
    }

    /// Where the outputs of a lane are written before it is predicted.
    #[inline(always)]
    pub(crate) fn output(&mut self, lane: usize, set: usize) -> &mut i16 {
        &mut self.outputs[lane * self.width + set]
    }

    /// The weight of a set's output in a lane.
    pub(crate) fn weight(&self, lane: usize, set: usize) -> i16 {
        self.set.weight(lane, set)
    }

    /// What the row has said of a lane, before the maps.
    pub(crate) fn stretch(&self, lane: usize) -> i32 {
        self.set.choices[lane].stretch
    }

    /// The count of a 0, of 2^24, in a lane.
    #[inline(always)]
    pub(crate) fn predict(&mut self, frame: &Frame, lane: usize) -> u32 {
        let (node, last) = (frame.nodes[lane], frame.readers[lane].last as u32);
        let outputs = &self.outputs[lane * self.width..][..self.width];
        self.set.mix::<Portable>(lane, std::iter::once(outputs));
        let stretch = self.set.choices[lane].stretch;
        let position = stretch.clamp(-MAP_LIMIT, MAP_LIMIT - 1) + MAP_LIMIT;
        let (rung, inside) = ((position >> 8) as u32, (position & 255) as u32);
        let pair = (last & 0xFFFF).wrapping_mul(0x9E37_79B1) ^ node.wrapping_mul(0x85EB_CA77);
        let pair = (pair ^ pair >> 15).wrapping_mul(0x9E37_79B1) >> 16;
        let maps = [(last & 255) << 8 | node, 1 << 16 | pair];
        let mut refined = 2 * self.logistic.squash(stretch);
        for (nearer, map) in self.rungs[lane].iter_mut().zip(maps) {
            let at = map * RUNGS as u32 + rung;
            let [low, high] = [self.maps[at as usize], self.maps[at as usize + 1]];
            refined += (low * (256 - inside) + high * inside) >> 6;
            *nearer = at + (inside >> 7);
        }
        (1 << 24) - (refined >> 2)
    }

    /// Learns the bit of a lane.
    #[inline(always)]
    pub(crate) fn learn(&mut self, lane: usize, bit: u32) {
        let outputs = &self.outputs[lane * self.width..][..self.width];
        self.set.learn::<Portable>(lane, std::iter::once(outputs), bit);
        let target = ((1 << 22) - 1) * bit as i32;
        for at in self.rungs[lane] {
            let cell = &mut self.maps[at as usize];
            let p = *cell as i32;
            *cell = (p + ((target - p + (1 << (MAP_RATE - 1))) >> MAP_RATE)) as u32;
        }
    }
}
