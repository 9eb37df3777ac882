//! Context mixing: the memory that all lanes of a block share, and the network, mixed bit by bit.
//!
//! For each bit of a step a *crew* learns the bit before and mixes what is expected of the next;
//! then one thread puts the mixtures together and codes the bit of every lane. What is computed
//! rests on the order of lanes alone, whoever does it.
#![deny(unsafe_code)]

mod contexts;
mod crew;
pub mod designs;
mod explain;
#[cfg(feature = "trials")]
mod first;
mod frame;
pub(crate) mod guide;
mod histories;
#[cfg(feature = "trials")]
pub mod hit;
pub(crate) mod kernels;
mod lags;
mod last;
pub(crate) mod maps;
mod matches;
pub(crate) mod mixer;
mod mixture;
mod part;
mod runs;
mod strings;

use crate::coder::Damaged;
use crate::lanes::Lanes;
use crate::network::Isa;
use crew::Share;
pub(crate) use crew::{Alone, Crew, Rounds, Together, Worker};
use explain::Sketches;
pub use explain::{Explained, Explainer, LIKELY};
pub(crate) use frame::Evidence;
use kernels::{Compiled, Kernel};
pub(crate) use maps::Cell;
use mixer::{Pace, WEIGHT_BITS};
pub use mixture::{Mixture, Observer};
pub(crate) use runs::Runs;
use std::ops::Range;

pub(crate) const LAST_PACE: Pace = Pace { least: 45, more: 363, half: 40_000 };

/// What has the crew predict bits, and codes them.
pub(crate) struct Memory {
    shape: Lanes,
    isa: Isa,
}

/// Who watches how a block is coded.
pub enum Watch<'a> {
    /// Nobody.
    Nobody,
    /// Someone who is told how each bit is mixed.
    Mixtures(Observer<'a>),
    /// Someone who is told of bytes, which only one thread can do.
    Bytes(&'a mut dyn Explainer),
}

/// Something that codes a bit whose 0 has so many counts of 2^24.
pub(crate) trait BitCoder {
    /// Whether the bytes to come are known, so that the network may run ahead.
    const KNOWS: bool;

    fn code(&mut self, zero: u32, bit: u32) -> Result<u32, Damaged>;
}

/// A byte in each lane that has one at a step.
struct Row<'a, 'o, C, W> {
    coder: &'a mut C,
    crew: &'a mut W,
    watch: &'a mut Watch<'o>,
    step: usize,
}

impl Memory {
    pub(crate) fn new(shape: Lanes, isa: Isa) -> Self {
        Self { shape, isa }
    }

    /// Codes a byte in each lane that has one at this step, beside the evidence in the frame or
    /// stretches of its bits, for each bit one a lane.
    pub(crate) fn code_row<C: BitCoder, W: Crew>(
        &mut self,
        coder: &mut C,
        step: usize,
        stretches: &[i16],
        watch: &mut Watch<'_>,
        crew: &mut W,
    ) -> Result<(), Damaged> {
        let active = self.shape.active(step);
        {
            let mut frame = crew.frame();
            frame.stretches.clear();
            frame.stretches.extend_from_slice(stretches);
            frame.nodes.clear();
            frame.nodes.resize(active, 1);
        }
        kernels::with(self.isa, Row { coder, crew, watch, step })?;
        let mut frame = crew.frame();
        let frame = &mut *frame;
        for (reader, &done) in frame.readers.iter_mut().zip(&frame.done) {
            let byte = done as u8;
            frame.text[reader.next()] = byte;
            reader.take(&frame.text, self.isa);
        }
        Ok(())
    }

    /// The bytes of a step, 0 where a lane has none.
    pub(crate) fn row(&self, step: usize, crew: &mut impl Crew) -> Vec<u8> {
        let frame = crew.frame();
        let byte = |range: Range<usize>| frame.text[range].get(step).copied().unwrap_or(0);
        self.shape.ranges().map(byte).collect()
    }

    /// Tells the observer how bit `k` of every active lane is mixed.
    #[cold]
    fn tell(observer: &mut Observer<'_>, step: usize, k: usize, crew: &mut impl Crew) {
        crew.shares(|lane, Share { stretch, network, weight }| {
            observer(Mixture {
                step,
                lane,
                bit: k,
                stretch,
                network: network.into(),
                weight: ((weight + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS) as i32,
            });
        });
    }
}

impl<C: BitCoder, W: Crew> Compiled for Row<'_, '_, C, W> {
    type Result = Result<(), Damaged>;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Result<(), Damaged> {
        let Self { coder, crew, watch, step } = self;
        let mut sketches = Sketches::default();
        for k in 0..8 {
            crew.frame().k = k;
            crew.bit::<K>();
            match watch {
                Watch::Nobody => (),
                Watch::Mixtures(observer) => Memory::tell(observer, step, k, crew),
                Watch::Bytes(explainer) => {
                    let alone = crew.alone().expect("one thread has all members");
                    if k == 0 {
                        sketches.begin(alone, &mut **explainer);
                    }
                    sketches.weigh(alone);
                }
            }
            crew.each_end(|frame, lane, zero| {
                let known = frame.text[frame.readers[lane].next()];
                let bit = coder.code(zero, u32::from(known >> (7 - k) & 1))?;
                frame.nodes[lane] = frame.nodes[lane] << 1 | bit;
                if let Watch::Bytes(_) = watch {
                    sketches.note(lane, zero, bit);
                }
                Ok(())
            })?;
            {
                let mut frame = crew.frame();
                let frame = &mut *frame;
                frame.done.clear();
                frame.done.extend_from_slice(&frame.nodes);
                frame.before += 1;
            }
        }
        if let Watch::Bytes(explainer) = watch {
            sketches.end(*explainer);
        }
        Ok(())
    }
}
