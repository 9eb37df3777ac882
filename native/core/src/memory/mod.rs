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
mod last;
pub(crate) mod maps;
mod matches;
pub(crate) mod mixer;
mod mixture;
mod part;
mod runs;

use crate::coder::Damaged;
use crate::constants::STRETCH_LIMIT;
use crate::lanes::Lanes;
use crate::network::Isa;
use crate::prepared::Walker;
pub(crate) use crew::{Alone, Crew, Rounds, Together, Worker};
use designs::Design;
use explain::Sketches;
pub use explain::{Explained, Explainer, LIKELY};
use frame::Block;
use guide::NETWORK;
use kernels::{Compiled, Kernel};
use last::Last;
pub(crate) use maps::Cell;
use mixer::{Pace, WEIGHT_BITS, WIDTH, weight};
pub use mixture::{Mixture, Observer};
pub(crate) use runs::Runs;
use std::ops::Range;

pub(crate) const LAST_PACE: Pace = Pace { least: 45, more: 363, half: 40_000 };

/// What puts together what the crew says, and codes.
pub(crate) struct Memory {
    last: Last,
    shape: Lanes,
    isa: Isa,
    /// By lane, how much of the network's stretch is in the final row's, in 2^-28; where it is
    /// observed.
    shares: Vec<i64>,
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

/// What the network says of a step.
#[derive(Clone, Copy)]
pub(crate) enum Said<'a> {
    /// There is none.
    Nothing,
    /// Counts of the next byte, 256 a lane.
    Counts(&'a [i32]),
    /// Stretches of its bits, for each bit one a lane.
    Stretches(&'a [i16]),
}

/// Something that codes a bit whose 0 has so many counts of 2^24.
pub(crate) trait BitCoder {
    /// Whether the bytes to come are known, so that the network may run ahead.
    const KNOWS: bool;

    fn code(&mut self, zero: u32, bit: u32) -> Result<u32, Damaged>;
}

/// A byte in each lane that has one at a step.
struct Row<'a, 'o, C, W> {
    memory: &'a mut Memory,
    coder: &'a mut C,
    crew: &'a mut W,
    watch: &'a mut Watch<'o>,
    step: usize,
}

impl Memory {
    /// The last stage of a fresh memory, or of one that a file is to fill.
    pub(crate) fn new(design: &Design, shape: Lanes, isa: Isa, prepared: bool) -> Self {
        let even = 1000 / design.choosers.len() as i32;
        let mut even = vec![weight(even); design.choosers.len()];
        even.resize(even.len().next_multiple_of(WIDTH), 0);
        Self {
            last: Last::new(&even, LAST_PACE, shape.lanes, prepared),
            shape,
            isa,
            shares: vec![0; shape.lanes],
        }
    }

    /// Between two bytes.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.last.walk(walker);
    }

    /// Codes a byte in each lane that has one at this step.
    pub(crate) fn code_row<C: BitCoder, W: Crew>(
        &mut self,
        coder: &mut C,
        step: usize,
        said: Said<'_>,
        watch: &mut Watch<'_>,
        crew: &mut W,
    ) -> Result<(), Damaged> {
        let active = self.shape.active(step);
        {
            let mut frame = crew.frame();
            frame.evidence.clear();
            frame.stretches.clear();
            match said {
                Said::Nothing => {}
                Said::Counts(counts) => frame.evidence.extend_from_slice(counts),
                Said::Stretches(stretches) => frame.stretches.extend_from_slice(stretches),
            }
            frame.nodes.clear();
            frame.nodes.resize(active, 1);
        }
        kernels::with(self.isa, Row { memory: self, coder, crew, watch, step })?;
        let mut frame = crew.frame();
        let frame = &mut *frame;
        for (reader, &done) in frame.readers.iter_mut().zip(&frame.done) {
            let byte = done as u8;
            frame.text[reader.next()] = byte;
            reader.take(byte);
        }
        Ok(())
    }

    /// The bytes of a step, 0 where a lane has none.
    pub(crate) fn row(&self, step: usize, crew: &mut impl Crew) -> Vec<u8> {
        let frame = crew.frame();
        let byte = |range: Range<usize>| frame.text[range].get(step).copied().unwrap_or(0);
        self.shape.ranges().map(byte).collect()
    }

    /// Sums up how much of the network's stretch is in the final row's.
    #[cold]
    fn weigh(&mut self, active: usize, crew: &mut impl Crew) {
        self.shares.fill(0);
        let mut at = 0;
        crew.show(|set| {
            for (lane, share) in self.shares[..active].iter_mut().enumerate() {
                // A set at the limit stays there, whatever the network says.
                if set.choices[lane].stretch.abs() < STRETCH_LIMIT {
                    let weight = i64::from(self.last.weight(lane, at));
                    *share += weight * i64::from(set.weight(lane, NETWORK));
                }
            }
            at += 1;
        });
    }

    /// Tells the observer how bit `k` of every active lane is mixed.
    #[cold]
    fn tell(&self, observer: &mut Observer<'_>, step: usize, k: usize, guide: &Block) {
        for (lane, &share) in self.shares[..self.shape.active(step)].iter().enumerate() {
            observer(Mixture {
                step,
                lane,
                bit: k,
                stretch: self.last.stretch(lane),
                network: guide.of(lane)[NETWORK].into(),
                weight: ((share + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS) as i32,
            });
        }
    }
}

impl<C: BitCoder, W: Crew> Compiled for Row<'_, '_, C, W> {
    type Result = Result<(), Damaged>;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Result<(), Damaged> {
        let Self { memory, coder, crew, watch, step } = self;
        let active = memory.shape.active(step);
        let mut sketches = Sketches::default();
        for k in 0..8 {
            {
                let mut frame = crew.frame();
                frame.k = k;
                for lane in 0..active {
                    memory.last.choose(&frame, lane);
                }
            }
            crew.bit::<K>();
            let mut at = 0;
            crew.show(|set| {
                for (lane, choice) in set.choices[..active].iter().enumerate() {
                    *memory.last.output(lane, at) = choice.stretch as i16;
                }
                at += 1;
            });
            match watch {
                Watch::Nobody => (),
                Watch::Mixtures(_) => memory.weigh(active, crew),
                Watch::Bytes(explainer) => {
                    let alone = crew.alone().expect("one thread has all members");
                    if k == 0 {
                        sketches.begin(memory, alone, &mut **explainer);
                    }
                    sketches.weigh(memory, alone);
                }
            }
            {
                let mut frame = crew.frame();
                let frame = &mut *frame;
                for lane in 0..active {
                    let zero = memory.last.predict::<K>(lane);
                    let known = frame.text[frame.readers[lane].next()];
                    let bit = coder.code(zero, u32::from(known >> (7 - k) & 1))?;
                    frame.nodes[lane] = frame.nodes[lane] << 1 | bit;
                    if let Watch::Bytes(_) = watch {
                        sketches.note(lane, zero, bit);
                    }
                }
                frame.done.clear();
                frame.done.extend_from_slice(&frame.nodes);
                frame.before += 1;
            }
            if let Watch::Mixtures(observer) = watch {
                memory.tell(observer, step, k, &crew.said_by_guide());
            }
            let frame = crew.frame();
            for (lane, &done) in frame.done.iter().enumerate() {
                memory.last.learn::<K>(lane, done & 1);
            }
        }
        if let Watch::Bytes(explainer) = watch {
            sketches.end(*explainer);
        }
        Ok(())
    }
}
