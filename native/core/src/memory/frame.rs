//! What the tasks of a step share: the text and its readers, bits, and what contexts say.
#![forbid(unsafe_code)]

use super::contexts::{Item, Reader};
use super::maps::{RATES, Rates};
use crate::history::own;
use crate::prepared::Walker;
use crate::shape::VOCABULARY;

/// What all lanes are at, as one bit of each is coded.
pub(crate) struct Frame {
    /// The bit that is predicted, 0 being the most significant.
    pub(crate) k: usize,
    /// By active lane, 1 followed by the bits known of its byte.
    pub(crate) nodes: Vec<u32>,
    /// By lane whose last bit is to be learned, 1 followed by the bits of its byte up to that one.
    pub(crate) done: Vec<u32>,
    /// Bits coded so far in a lane, of the first lane.
    pub(crate) before: usize,
    /// The block; of each lane what its reader has read is known.
    pub(crate) text: Vec<u8>,
    pub(crate) readers: Vec<Reader>,
    /// What the network says of what comes next; nothing where there is none.
    pub(crate) evidence: Evidence,
    /// In its place, where it is replayed: stretches of the byte's bits, for each bit one a lane.
    pub(crate) stretches: Vec<i16>,
    pub(crate) rates: &'static Rates,
    /// Which lane each reader is of, where a trial has put them in another order.
    #[cfg(feature = "trials")]
    pub(crate) order: Vec<usize>,
}

impl Frame {
    pub(crate) fn new(text: Vec<u8>, starts: impl Iterator<Item = usize>, items: &[Item]) -> Self {
        let readers: Vec<_> = starts.map(|start| Reader::new(start, items)).collect();
        Self {
            k: 0,
            nodes: Vec::new(),
            done: Vec::new(),
            before: 0,
            text,
            #[cfg(feature = "trials")]
            order: (0..readers.len()).collect(),
            readers,
            evidence: Evidence::default(),
            stretches: Vec::new(),
            rates: &RATES,
        }
    }

    /// Between two bytes of one lane.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.done.resize(1, 0);
        walker.values(&mut self.done);
        walker.number(&mut self.before);
        self.readers.iter_mut().for_each(|reader| reader.walk(walker));
    }

    /// The hash of a context in a lane.
    #[inline(always)]
    pub(crate) fn hash(&self, item: Item, lane: usize) -> u32 {
        let hash = self.readers[lane].hash(item.context, &self.text);
        #[cfg(feature = "trials")]
        let lane = self.order[lane];
        if item.own { own(hash, lane as u32) } else { hash }
    }
}

/// The network's counts of some steps, as its groups of lanes have written them.
#[derive(Default)]
pub(crate) struct Evidence {
    /// By group (steps, lanes of the group, 256).
    pub(crate) groups: Vec<Vec<i32>>,
    /// Lanes of each group; the last one may have fewer.
    size: usize,
    lanes: usize,
    /// The step that counts.
    pub(crate) step: usize,
}

impl Evidence {
    /// Of so many lanes in groups of a size, to be filled.
    pub(crate) fn new(lanes: usize, size: usize) -> Self {
        Self { groups: vec![Vec::new(); lanes.div_ceil(size)], size, lanes, step: 0 }
    }

    /// The 256 counts of each lane in order, where there is a network.
    #[inline(always)]
    pub(crate) fn by_lane(&self) -> impl Iterator<Item = &[i32]> {
        self.groups.iter().enumerate().flat_map(|(number, group)| {
            let count = self.size.min(self.lanes - number * self.size) * VOCABULARY;
            group[self.step * count..][..count].chunks_exact(VOCABULARY)
        })
    }
}

/// What a part's contexts say of a lane's bit together.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Contexts whose run agrees with the bits known, and those whose history is not empty.
    pub(crate) runs: i32,
    pub(crate) known: i32,
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, tally| Self {
            runs: sum.runs + tally.runs,
            known: sum.known + tally.known,
        })
    }
}

/// A task's inputs to the mixer.
pub(crate) struct Block {
    /// By lane, `width` stretches in 1/256 bit.
    pub(crate) inputs: Vec<i16>,
    pub(crate) width: usize,
    pub(crate) tallies: Vec<Tally>,
    /// By lane: what the longest match expects.
    pub(crate) expected: Vec<Expected>,
}

/// What the longest match expects of a bit.
#[derive(Clone, Copy, Default)]
pub(crate) struct Expected {
    /// Twice its length, to 15, and the bit; 0 if nothing is expected.
    pub(crate) cell: u32,
}

impl Block {
    pub(crate) fn new(width: usize, lanes: usize) -> Self {
        Self {
            inputs: vec![0; width * lanes],
            width,
            tallies: vec![Tally::default(); lanes],
            expected: vec![Expected::default(); lanes],
        }
    }

    /// The inputs of a lane.
    #[inline(always)]
    pub(crate) fn of(&self, lane: usize) -> &[i16] {
        &self.inputs[lane * self.width..][..self.width]
    }

    #[inline(always)]
    pub(crate) fn of_mut(&mut self, lane: usize) -> &mut [i16] {
        &mut self.inputs[lane * self.width..][..self.width]
    }
}
