//! Context mixing: the memory that all lanes of a block share, and the network, mixed bit by bit.
//!
//! For each bit of a step the *parts* (contexts) and the *guide* (network and matches) learn the
//! bit before and say what they expect, the *sets* of mixer weights do likewise with their inputs,
//! and one thread puts their outputs together and codes the bit of every lane. What is computed
//! rests on the order of lanes alone, whichever thread does it.
#![deny(unsafe_code)]

mod contexts;
pub mod designs;
mod frame;
mod guide;
mod histories;
mod kernels;
mod last;
mod maps;
mod matches;
mod mixer;
mod mixture;
mod part;

use crate::coder::Damaged;
use crate::constants::STRETCH_LIMIT;
use crate::lanes::Lanes;
use crate::mapping::LINE;
use crate::network::Isa;
use crate::team::Task;
use designs::Design;
use frame::{Block, Frame};
use guide::{FIRST_MATCH, Guide, NETWORK};
use kernels::Kernel;
use last::Last;
pub(crate) use maps::Cell;
use mixer::{Pace, Sets, WEIGHT_BITS, WIDTH};
pub use mixture::{Mixture, Observer};
use part::Part;
use std::ops::Range;
use std::sync::{Arc, RwLock, RwLockReadGuard};

/// First weights: the network's, a history's, a run's, a match's.
const NETWORK_WEIGHT: i16 = weight(900);
const HISTORY_WEIGHT: i16 = weight(80);
const RUN_WEIGHT: i16 = weight(50);
const MATCH_WEIGHT: i16 = weight(100);
const SET_PACE: Pace = Pace { least: 91, more: 3634, half: 500 };
const LAST_PACE: Pace = Pace { least: 45, more: 363, half: 40_000 };
/// Slots of a match's table: base-2 logarithm, which is that of the block's length within these, and
/// so that none takes more than an eighth of what the hash tables take.
const MATCH_BITS: [u32; 2] = [12, 22];

/// The guide and four parts at most.
const MAX_BLOCKS: usize = 5;

/// A weight in thousandths.
const fn weight(thousandths: i32) -> i16 {
    (thousandths * (1 << WEIGHT_BITS) / 1000) as i16
}

/// What the tasks of a block share.
struct Shared {
    frame: RwLock<Frame>,
    /// The guide's, then each part's; the newer by whether the number of bits before is odd.
    blocks: Vec<[RwLock<Block>; 2]>,
}

enum Member {
    Guide(Guide),
    Part(Part),
    Sets(Sets),
}

/// A task of one bit.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    /// Its block, where it has one.
    number: usize,
    member: Member,
    isa: Isa,
}

impl Worker {
    #[inline(always)]
    fn work<K: Kernel>(&mut self) {
        let frame = self.shared.frame.read().expect("no thread has panicked");
        let new = frame.before & 1;
        let blocks = &self.shared.blocks;
        match &mut self.member {
            Member::Guide(guide) => {
                let mut block = blocks[self.number][new].write().expect("no thread has panicked");
                guide.advance(&frame, &mut block);
            }
            Member::Part(part) => {
                let mut block = blocks[self.number][new].write().expect("no thread has panicked");
                part.advance(&frame, &mut block);
            }
            Member::Sets(sets) => {
                // Arrays, as vectors would cost more than a lane's bit.
                let guards: [[Option<RwLockReadGuard<'_, Block>>; MAX_BLOCKS]; 2] = [1 - new, new]
                    .map(|at| {
                        std::array::from_fn(|number| {
                            let block = blocks.get(number)?;
                            Some(block[at].read().expect("no thread has panicked"))
                        })
                    });
                let [old, new] = guards.each_ref().map(|guards| {
                    let first = guards[0].as_deref().expect("the guide has one");
                    guards.each_ref().map(|guard| guard.as_deref().unwrap_or(first))
                });
                sets.advance::<K>(&frame, &old[..blocks.len()], &new[..blocks.len()]);
            }
        }
    }
}

impl Task for Worker {
    fn advance(&mut self) {
        kernels::work(self);
    }
}

/// What one thread does alone: the text, and the last stage.
pub(crate) struct Memory {
    shared: Arc<Shared>,
    last: Last,
    shape: Lanes,
    sets: usize,
    first: usize,
    second: usize,
    /// By lane, how much of the network's stretch is in the final row's, in 2^-28; where it is
    /// observed.
    shares: Vec<i64>,
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

/// Those who do what `Memory::new` gave out.
pub(crate) trait Crew {
    /// Has some of the workers work, each once.
    fn round(&self, which: Range<usize>);

    /// Shows one worker, between rounds.
    fn with(&self, number: usize, what: impl FnOnce(&Worker));
}

/// Something that codes a bit whose 0 has so many counts of 2^24.
pub(crate) trait BitCoder {
    /// Whether the bytes to come are known, so that the network may run ahead.
    const KNOWS: bool;

    fn code(&mut self, zero: u32, bit: u32) -> Result<u32, Damaged>;
}

impl Memory {
    /// A fresh memory, and the tasks of its two rounds a bit: `bytes` is what its tables may take.
    pub(crate) fn new(
        design: &Design,
        bytes: usize,
        text: Vec<u8>,
        lanes: usize,
        network: bool,
        isa: Isa,
    ) -> (Self, Vec<Worker>) {
        let shape = Lanes { length: text.len(), lanes };
        let starts: Vec<usize> = shape.ranges().map(|range| range.start).collect();
        let parts: Vec<_> = design.items.chunks(design.part).collect();
        let length_bits = usize::BITS - shape.length.leading_zeros();
        let most_bits = (usize::BITS - (bytes >> 20).leading_zeros() + 14).min(MATCH_BITS[1]);
        let match_bits = length_bits.clamp(MATCH_BITS[0], most_bits);
        let lines = (bytes / parts.len() / 2 / LINE).max(1) as u32;
        let guide_width = (FIRST_MATCH + 2 * design.matches.len()).next_multiple_of(WIDTH);
        let mut first = vec![0; guide_width];
        first[NETWORK] = if network { NETWORK_WEIGHT } else { 0 };
        for at in 0..design.matches.len() {
            first[FIRST_MATCH + 2 * at] = MATCH_WEIGHT;
        }
        let mut widths = vec![guide_width];
        for items in &parts {
            let width = (2 * items.len()).next_multiple_of(WIDTH);
            let of_context = [HISTORY_WEIGHT, RUN_WEIGHT].repeat(items.len());
            first.extend_from_slice(&of_context);
            first.resize(first.len() + width - of_context.len(), 0);
            widths.push(width);
        }
        let block = |&width: &usize| [0, 1].map(|_| RwLock::new(Block::new(width, lanes)));
        let shared = Arc::new(Shared {
            frame: RwLock::new(Frame::new(text, starts.into_iter())),
            blocks: widths.iter().map(block).collect(),
        });
        let guide = Member::Guide(Guide::new(design.matches, match_bits, lanes));
        let parts = parts.iter().map(|items| Member::Part(Part::new(items, lines, lanes)));
        let groups = design.choosers.chunks(design.group);
        let sets = groups.map(|choosers| {
            Member::Sets(Sets::new(choosers, &first, SET_PACE, design.items.len(), lanes))
        });
        let members: Vec<Member> = std::iter::once(guide).chain(parts).chain(sets).collect();
        let even = 1000 / design.choosers.len() as i32;
        let mut even = vec![weight(even); design.choosers.len()];
        even.resize(even.len().next_multiple_of(WIDTH), 0);
        let memory = Self {
            shared: Arc::clone(&shared),
            last: Last::new(&even, LAST_PACE, lanes),
            shape,
            sets: design.choosers.len(),
            first: widths.len(),
            second: members.len() - widths.len(),
            shares: vec![0; lanes],
        };
        let worker = |(number, member)| Worker { shared: Arc::clone(&shared), number, member, isa };
        (memory, members.into_iter().enumerate().map(worker).collect())
    }

    /// Codes a byte in each lane that has one at this step.
    pub(crate) fn code_row<C: BitCoder>(
        &mut self,
        coder: &mut C,
        step: usize,
        said: Said<'_>,
        observer: &mut Option<Observer<'_>>,
        crew: &impl Crew,
    ) -> Result<(), Damaged> {
        let active = self.shape.active(step);
        let first = 0..self.first;
        let second = self.first..self.first + self.second;
        {
            let mut frame = self.shared.frame.write().expect("no thread has panicked");
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
        for k in 0..8 {
            {
                let mut frame = self.shared.frame.write().expect("no thread has panicked");
                frame.k = k;
                for lane in 0..active {
                    self.last.choose(&frame, lane);
                }
            }
            crew.round(first.clone());
            crew.round(second.clone());
            let mut at = 0;
            for number in second.clone() {
                crew.with(number, |worker| {
                    let Member::Sets(sets) = &worker.member else { unreachable!("sets come last") };
                    for set in &sets.sets {
                        for lane in 0..active {
                            *self.last.output(lane, at) = set.choices[lane].stretch as i16;
                        }
                        at += 1;
                    }
                });
            }
            debug_assert_eq!(at, self.sets);
            if observer.is_some() {
                self.weigh(active, crew);
            }
            let mut frame = self.shared.frame.write().expect("no thread has panicked");
            let frame = &mut *frame;
            for lane in 0..active {
                let zero = self.last.predict(lane);
                let known = frame.text[frame.readers[lane].next()];
                let bit = coder.code(zero, u32::from(known >> (7 - k) & 1))?;
                frame.nodes[lane] = frame.nodes[lane] << 1 | bit;
            }
            if let Some(observer) = observer {
                self.tell(observer, step, frame);
            }
            for lane in 0..active {
                self.last.learn(lane, frame.nodes[lane] & 1);
            }
            frame.done.clear();
            frame.done.extend_from_slice(&frame.nodes);
            frame.before += 1;
        }
        let mut frame = self.shared.frame.write().expect("no thread has panicked");
        let frame = &mut *frame;
        for (reader, &done) in frame.readers.iter_mut().zip(&frame.done) {
            let byte = done as u8;
            frame.text[reader.next()] = byte;
            reader.take(byte);
        }
        Ok(())
    }

    /// Sums up how much of the network's stretch is in the final row's.
    #[cold]
    fn weigh(&mut self, active: usize, crew: &impl Crew) {
        self.shares.fill(0);
        let mut at = 0;
        for number in self.first..self.first + self.second {
            crew.with(number, |worker| {
                let Member::Sets(sets) = &worker.member else { unreachable!("sets come last") };
                for set in &sets.sets {
                    for (lane, share) in self.shares[..active].iter_mut().enumerate() {
                        // A set at the limit stays there, whatever the network says.
                        if set.choices[lane].stretch.abs() < STRETCH_LIMIT {
                            let weight = i64::from(self.last.weight(lane, at));
                            *share += weight * i64::from(set.weight(lane, NETWORK));
                        }
                    }
                    at += 1;
                }
            });
        }
    }

    /// Tells the observer how the bit of every active lane is mixed.
    #[cold]
    fn tell(&self, observer: &mut Observer<'_>, step: usize, frame: &Frame) {
        let guide = self.shared.blocks[0][frame.before & 1].read();
        let guide = guide.expect("no thread has panicked");
        for (lane, &share) in self.shares[..frame.nodes.len()].iter().enumerate() {
            observer(Mixture {
                step,
                lane,
                bit: frame.k,
                stretch: self.last.stretch(lane),
                network: guide.inputs[lane * guide.width + NETWORK].into(),
                weight: ((share + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS) as i32,
            });
        }
    }

    /// The bytes of a step, 0 where a lane has none.
    pub(crate) fn row(&self, step: usize) -> Vec<u8> {
        let frame = self.shared.frame.read().expect("no thread has panicked");
        let byte = |range: Range<usize>| frame.text[range].get(step).copied().unwrap_or(0);
        self.shape.ranges().map(byte).collect()
    }

    /// The block, once all of it is coded.
    pub(crate) fn into_text(self) -> Vec<u8> {
        let mut frame = self.shared.frame.write().expect("no thread has panicked");
        std::mem::take(&mut frame.text)
    }
}
