//! Who does the work of every bit: the *guide* (network and matches) and the *parts* (contexts),
//! which learn the bit before and say what they expect of the next while the *mixer* learns it, then
//! the *mixings*, which put together what was said of some of the lanes by the mixer's weights. One
//! thread does it all, or each of them is a task of several threads.
#![forbid(unsafe_code)]

use super::LAST_PACE;
use super::designs::Design;
use super::frame::{Block, Frame};
use super::guide::{FIRST_MATCH, Guide, NETWORK};
use super::kernels::{self, Compiled, Kernel};
use super::last::Last;
use super::mixer::{Mixer, Mixing, WIDTH, weight};
use super::part::Part;
use crate::lanes::Lanes;
use crate::mapping::LINE;
use crate::network::Isa;
use crate::prepared::Walker;
use crate::team::Task;
use std::ops::{Deref, DerefMut, Range};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// First weights: the network's, a history's, a run's, a match's.
pub(super) const NETWORK_WEIGHT: i16 = weight(900);
pub(super) const HISTORY_WEIGHT: i16 = weight(80);
pub(super) const RUN_WEIGHT: i16 = weight(50);
pub(super) const MATCH_WEIGHT: i16 = weight(100);
/// Slots of a match's table: base-2 logarithm, which is that of the block's length within these, and
/// so that none takes more than an eighth of what the hash tables take.
const MATCH_BITS: [u32; 2] = [12, 22];
/// With hash tables of more than so many MiB they may be more: earlier writers had none such.
const GREAT_TABLES: usize = 1280;
const GREAT_MATCH_BITS: u32 = 25;

/// The base-2 logarithm of a match's slots.
pub(super) fn match_bits(bytes: usize, length: usize) -> u32 {
    let length_bits = usize::BITS - length.leading_zeros();
    let mib = bytes >> 20;
    let [least, usual] = MATCH_BITS;
    let most = if mib > GREAT_TABLES { GREAT_MATCH_BITS } else { usual };
    length_bits.clamp(least, most.min(usize::BITS - mib.leading_zeros() + 14))
}

/// The guide and six parts at most.
pub(super) const MAX_BLOCKS: usize = 7;

/// Who does the work of every bit but the coding: one thread, or several.
pub(crate) trait Crew {
    /// What all of its members look at.
    fn frame(&mut self) -> impl DerefMut<Target = Frame>;

    /// Has all members learn the last bit and predict the next.
    fn bit<K: Kernel>(&mut self);

    /// Shows what is predicted: to each active lane in order, the count of a 0, of 2^24.
    ///
    /// # Errors
    /// The first one of `what`.
    fn each_end<E>(
        &mut self,
        what: impl FnMut(&mut Frame, usize, u32) -> Result<(), E>,
    ) -> Result<(), E>;

    /// By active lane: the last stage's stretch before its maps, the network's, and how much of it
    /// is in the former, in 2^-28.
    fn shares(&mut self, what: impl FnMut(usize, Share));

    /// All members, where one thread has them.
    fn alone(&self) -> Option<&Alone> {
        None
    }
}

/// How much a network has to do with what is said of a bit.
pub(crate) struct Share {
    pub(crate) stretch: i32,
    pub(crate) network: i16,
    pub(crate) weight: i64,
}

impl Share {
    /// The share in a lane, which is number `at` of its mixing.
    fn new(said: &Block, lane: usize, mixer: &Mixer, mixing: &Mixing, at: usize) -> Self {
        let chosen = mixer.chosen(mixing, at);
        let shares = chosen.map(|(row, of_set)| i64::from(of_set) * i64::from(row[NETWORK]));
        Self {
            stretch: mixing.ends[at].stretch(),
            network: said.of(lane)[NETWORK],
            weight: shares.sum(),
        }
    }
}

/// All members in one thread.
pub(crate) struct Alone {
    pub(super) frame: Frame,
    /// The guide's, then each part's.
    pub(super) blocks: Vec<Block>,
    pub(super) guide: Guide,
    pub(super) parts: Vec<Part>,
    pub(super) mixer: Mixer,
    pub(super) mixing: Mixing,
}

impl Alone {
    /// The members of a fresh memory, whose hash tables may take so many bytes, or of one that a
    /// file is to fill.
    pub(crate) fn new(
        design: &Design,
        bytes: usize,
        text: Vec<u8>,
        shape: Lanes,
        network: bool,
        prepared: bool,
    ) -> Self {
        let lanes = shape.lanes;
        let starts: Vec<usize> = shape.ranges().map(|range| range.start).collect();
        let parts: Vec<_> = design.items.chunks(design.part).collect();
        let match_bits = match_bits(bytes, shape.length);
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
        let number = design.choosers.len();
        let mut even = vec![weight(1000 / number as i32); number];
        even.resize(number.next_multiple_of(WIDTH), 0);
        let last = Last::new(&even, LAST_PACE, prepared);
        Self {
            frame: Frame::new(text, starts.into_iter(), design.items),
            blocks: widths.iter().map(|&width| Block::new(width, lanes)).collect(),
            guide: Guide::new(design.matches, match_bits, lanes),
            parts: parts.iter().map(|items| Part::new(items, lines, lanes)).collect(),
            mixer: Mixer::new(design.choosers, &first, design.pace, design.items.len(), last),
            mixing: Mixing::new(0..lanes, first.len(), number),
        }
    }

    /// All that one lane has learned, between two of its bytes.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.frame.walk(walker);
        self.guide.walk(walker);
        self.parts.iter_mut().for_each(|part| part.walk(walker));
        self.mixer.walk(walker);
        self.mixing.walk(walker);
    }

    /// The last eight bytes of a lane, the newest lowest.
    pub(crate) fn last(&self, lane: usize) -> u64 {
        self.frame.readers[lane].last
    }

    /// The members as tasks of several threads, and what these share.
    pub(crate) fn share(self, isa: Isa, threads: usize) -> (Vec<Worker>, Arc<Shared>) {
        let Self { frame, blocks, guide, parts, mixer, mixing } = self;
        let lanes = frame.readers.len();
        let size = lanes.div_ceil(threads);
        let mixings = (0..lanes).step_by(size).map(|at| mixing.fresh(at..lanes.min(at + size)));
        // Each thread's own tasks come together: an even part of the contexts, and others that it
        // may leave to one that is done.
        let half = parts.len().div_ceil(2);
        let mut members: Vec<Member> = Vec::new();
        let parts = parts.into_iter().enumerate();
        members.extend(parts.map(|(at, part)| Member::Part(at + 1, part)));
        members.splice(half..half, [Member::Guide(guide), Member::Mixer]);
        let learners = members.len();
        let shared = Arc::new(Shared {
            frame: RwLock::new(frame),
            blocks: blocks.into_iter().map(RwLock::new).collect(),
            mixer: RwLock::new(mixer),
            mixings: mixings.map(RwLock::new).collect(),
            learners,
        });
        members.extend((0..shared.mixings.len()).map(Member::Mixing));
        let worker = |member| Worker { shared: Arc::clone(&shared), member, isa };
        (members.into_iter().map(worker).collect(), shared)
    }
}

/// So many of the first values, in an array, as a vector would cost more than a lane's bit.
#[inline(always)]
pub(super) fn array<'a, T, const N: usize>(mut values: impl Iterator<Item = &'a T>) -> [&'a T; N] {
    let first = values.next().expect("there is one");
    let mut all = [first; N];
    for (to, value) in all[1..].iter_mut().zip(values) {
        *to = value;
    }
    all
}

impl Crew for Alone {
    #[inline(always)]
    fn frame(&mut self) -> impl DerefMut<Target = Frame> {
        &mut self.frame
    }

    #[inline(always)]
    fn bit<K: Kernel>(&mut self) {
        let Self { frame, blocks, guide, parts, mixer, mixing } = self;
        let (of_guide, of_parts) = blocks.split_first_mut().expect("the guide has one");
        guide.advance(frame, of_guide);
        for (part, block) in parts.iter_mut().zip(of_parts) {
            part.advance(frame, block);
        }
        mixer.learn::<K>(frame, mixing);
        let all: [&Block; MAX_BLOCKS] = array(blocks.iter());
        mixing.advance::<K>(frame, &all[..blocks.len()], mixer);
    }

    #[inline(always)]
    fn each_end<E>(
        &mut self,
        mut what: impl FnMut(&mut Frame, usize, u32) -> Result<(), E>,
    ) -> Result<(), E> {
        let active = self.frame.nodes.len();
        let mut ends = self.mixing.ends[..active].iter().enumerate();
        ends.try_for_each(|(lane, end)| what(&mut self.frame, lane, end.zero))
    }

    #[cold]
    fn shares(&mut self, mut what: impl FnMut(usize, Share)) {
        for lane in 0..self.frame.nodes.len() {
            what(lane, Share::new(&self.blocks[0], lane, &self.mixer, &self.mixing, lane));
        }
    }

    fn alone(&self) -> Option<&Alone> {
        Some(self)
    }
}

/// What the tasks of a block share.
pub(crate) struct Shared {
    frame: RwLock<Frame>,
    /// The guide's, then each part's.
    blocks: Vec<RwLock<Block>>,
    mixer: RwLock<Mixer>,
    mixings: Vec<RwLock<Mixing>>,
    /// The first workers, which learn; the others mix.
    learners: usize,
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().expect("no thread has panicked")
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().expect("no thread has panicked")
}

/// The first locks, in an array, as a vector would cost more than a lane's bit.
fn read_all<T, const N: usize>(locks: &[RwLock<T>]) -> [Option<RwLockReadGuard<'_, T>>; N] {
    std::array::from_fn(|at| locks.get(at).map(read))
}

/// Who does a part of every bit.
enum Member {
    Guide(Guide),
    /// With the number of its block.
    Part(usize, Part),
    Mixer,
    /// With its number.
    Mixing(usize),
}

/// A member as a task of its own.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    member: Member,
    isa: Isa,
}

impl Compiled for &mut Worker {
    type Result = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let shared = &*self.shared;
        let frame = read(&shared.frame);
        match &mut self.member {
            Member::Guide(guide) => guide.advance(&frame, &mut write(&shared.blocks[0])),
            Member::Part(number, part) => part.advance(&frame, &mut write(&shared.blocks[*number])),
            Member::Mixer => {
                let mixer = &mut *write(&shared.mixer);
                shared.mixings.iter().for_each(|mixing| mixer.learn::<K>(&frame, &read(mixing)));
            }
            Member::Mixing(number) => {
                let blocks: [_; MAX_BLOCKS] = read_all(&shared.blocks);
                let blocks: [&Block; MAX_BLOCKS] = array(blocks.iter().flatten().map(Deref::deref));
                let mixing = &mut *write(&shared.mixings[*number]);
                let blocks = &blocks[..shared.blocks.len()];
                mixing.advance::<K>(&frame, blocks, &read(&shared.mixer));
            }
        }
    }
}

impl Task for Worker {
    fn advance(&mut self) {
        kernels::with(self.isa, self);
    }
}

/// Those who have the workers work.
pub(crate) trait Rounds {
    /// Has some of the workers work, each once.
    fn round(&self, which: Range<usize>);
}

/// Members that several threads advance, as workers.
pub(crate) struct Together<R> {
    shared: Arc<Shared>,
    rounds: R,
}

impl<R: Rounds> Together<R> {
    pub(crate) fn new(shared: Arc<Shared>, rounds: R) -> Self {
        Self { shared, rounds }
    }
}

impl<R: Rounds> Crew for Together<R> {
    #[inline(always)]
    fn frame(&mut self) -> impl DerefMut<Target = Frame> {
        write(&self.shared.frame)
    }

    #[inline(always)]
    fn bit<K: Kernel>(&mut self) {
        let Shared { learners, mixings, .. } = &*self.shared;
        self.rounds.round(0..*learners);
        self.rounds.round(*learners..*learners + mixings.len());
    }

    #[inline(always)]
    fn each_end<E>(
        &mut self,
        mut what: impl FnMut(&mut Frame, usize, u32) -> Result<(), E>,
    ) -> Result<(), E> {
        let frame = &mut *write(&self.shared.frame);
        let mut lanes = 0..frame.nodes.len();
        for mixing in &self.shared.mixings {
            let mixing = read(mixing);
            for (end, lane) in mixing.ends.iter().zip(&mut lanes) {
                what(frame, lane, end.zero)?;
            }
        }
        Ok(())
    }

    #[cold]
    fn shares(&mut self, mut what: impl FnMut(usize, Share)) {
        let said = read(&self.shared.blocks[0]);
        let mixer = read(&self.shared.mixer);
        let mut lanes = 0..read(&self.shared.frame).nodes.len();
        for mixing in &self.shared.mixings {
            let mixing = read(mixing);
            for (at, lane) in (0..mixing.ends.len()).zip(&mut lanes) {
                what(lane, Share::new(&said, lane, &mixer, &mixing, at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::match_bits;

    #[test]
    fn slots_are_those_of_the_definition() {
        // test_sizes.py has the same rows.
        for (length, mib, bits) in [
            (1, 1, 12),
            (4096, 1, 13),
            (5_000_000, 1, 15),
            (5_000_000, 255, 22),
            (100_000_000, 653, 22),
            (128 << 20, 1280, 22),
            (100_000, 1281, 17),
            (5_000_000, 1281, 23),
            (100_000_000, 1281, 25),
            (128 << 20, 4096, 25),
        ] {
            assert_eq!(match_bits(mib << 20, length), bits, "{length} bytes, {mib} MiB");
        }
    }
}
