//! Who does the work of every bit: the *guide* (network and matches) and the *parts* (contexts),
//! which learn the bit before and say what they expect of the next, then the *sets* of mixer
//! weights. One thread does it all, or each of them is a task of several threads.
#![forbid(unsafe_code)]

use super::designs::Design;
use super::frame::{Block, Frame};
use super::guide::{FIRST_MATCH, Guide, NETWORK};
use super::kernels::{self, Compiled, Kernel};
use super::mixer::{Pace, Set, Sets, WIDTH, weight};
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
pub(super) const SET_PACE: Pace = Pace { least: 91, more: 3634, half: 500 };
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

/// The guide and four parts at most.
pub(super) const MAX_BLOCKS: usize = 5;

/// Who does a part of every bit.
enum Member {
    Guide(Guide),
    Part(Part),
    Sets(Sets),
}

/// Who does the work of every bit but the last stage: one thread, or several.
pub(crate) trait Crew {
    /// What all of its members look at.
    fn frame(&mut self) -> impl DerefMut<Target = Frame>;

    /// Has the guide and the parts, and then the sets, learn the last bit and predict the next.
    fn bit<K: Kernel>(&mut self);

    /// Shows every set, in order.
    fn show(&mut self, what: impl FnMut(&Set));

    /// What the guide says.
    fn said_by_guide(&mut self) -> impl Deref<Target = Block>;

    /// All members, where one thread has them.
    fn alone(&self) -> Option<&Alone> {
        None
    }
}

/// All members in one thread.
pub(crate) struct Alone {
    pub(super) frame: Frame,
    /// The guide's, then each part's.
    pub(super) blocks: Vec<Block>,
    /// The guide, the parts, the sets.
    members: Vec<Member>,
}

impl Alone {
    /// The members of a fresh memory, whose hash tables may take so many bytes.
    pub(crate) fn new(
        design: &Design,
        bytes: usize,
        text: Vec<u8>,
        shape: Lanes,
        network: bool,
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
        let guide = Member::Guide(Guide::new(design.matches, match_bits, lanes));
        let parts = parts.iter().map(|items| Member::Part(Part::new(items, lines, lanes)));
        let groups = design.choosers.chunks(design.group);
        let sets = groups.map(|choosers| {
            Member::Sets(Sets::new(choosers, &first, SET_PACE, design.items.len(), lanes))
        });
        Self {
            frame: Frame::new(text, starts.into_iter()),
            blocks: widths.iter().map(|&width| Block::new(width, lanes)).collect(),
            members: std::iter::once(guide).chain(parts).chain(sets).collect(),
        }
    }

    /// All that one lane has learned, between two of its bytes.
    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        self.frame.walk(walker);
        for member in &mut self.members {
            match member {
                Member::Guide(guide) => guide.walk(walker),
                Member::Part(part) => part.walk(walker),
                Member::Sets(sets) => sets.walk(walker),
            }
        }
    }

    /// The last eight bytes of a lane, the newest lowest.
    pub(crate) fn last(&self, lane: usize) -> u64 {
        self.frame.readers[lane].last
    }

    pub(super) fn guide(&self) -> &Guide {
        let Some(Member::Guide(guide)) = self.members.first() else {
            unreachable!("the guide comes first")
        };
        guide
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.members.iter().filter_map(|member| match member {
            Member::Part(part) => Some(part),
            _ => None,
        })
    }

    pub(super) fn sets(&self) -> impl Iterator<Item = &Sets> {
        self.members.iter().filter_map(|member| match member {
            Member::Sets(sets) => Some(sets),
            _ => None,
        })
    }

    /// The members as tasks of several threads, and what these share.
    pub(crate) fn share(self, isa: Isa) -> (Vec<Worker>, Arc<Shared>) {
        let shared = Arc::new(Shared {
            frame: RwLock::new(self.frame),
            blocks: self.blocks.into_iter().map(RwLock::new).collect(),
            workers: self.members.len(),
        });
        let members = self.members.into_iter().enumerate();
        let worker = |(number, member)| Worker { shared: Arc::clone(&shared), number, member, isa };
        (members.map(worker).collect(), shared)
    }
}

impl Crew for Alone {
    #[inline(always)]
    fn frame(&mut self) -> impl DerefMut<Target = Frame> {
        &mut self.frame
    }

    #[inline(always)]
    fn bit<K: Kernel>(&mut self) {
        let Self { frame, blocks, members } = self;
        let (first, second) = members.split_at_mut(blocks.len());
        for (member, block) in first.iter_mut().zip(&mut *blocks) {
            match member {
                Member::Guide(guide) => guide.advance(frame, block),
                Member::Part(part) => part.advance(frame, block),
                Member::Sets(_) => unreachable!("sets come last"),
            }
        }
        // An array, as a vector would cost more than a lane's bit.
        let mut all = [&blocks[0]; MAX_BLOCKS];
        for (to, block) in all.iter_mut().zip(&*blocks) {
            *to = block;
        }
        for member in second {
            let Member::Sets(sets) = member else { unreachable!("sets come last") };
            sets.advance::<K>(frame, &all[..blocks.len()]);
        }
    }

    #[inline(always)]
    fn show(&mut self, mut what: impl FnMut(&Set)) {
        for member in &self.members[self.blocks.len()..] {
            let Member::Sets(sets) = member else { unreachable!("sets come last") };
            sets.sets.iter().for_each(&mut what);
        }
    }

    fn said_by_guide(&mut self) -> impl Deref<Target = Block> {
        &self.blocks[0]
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
    /// All of them; the last ones have no block.
    workers: usize,
}

impl Shared {
    fn frame(&self) -> RwLockReadGuard<'_, Frame> {
        self.frame.read().expect("no thread has panicked")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Frame> {
        self.frame.write().expect("no thread has panicked")
    }
}

/// A member as a task of its own.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    /// Its block, where it has one.
    number: usize,
    member: Member,
    isa: Isa,
}

impl Compiled for &mut Worker {
    type Result = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let frame = self.shared.frame();
        let blocks = &self.shared.blocks;
        let own = || blocks[self.number].write().expect("no thread has panicked");
        match &mut self.member {
            Member::Guide(guide) => guide.advance(&frame, &mut own()),
            Member::Part(part) => part.advance(&frame, &mut own()),
            Member::Sets(sets) => {
                // Arrays, as vectors would cost more than a lane's bit.
                let guards: [Option<RwLockReadGuard<'_, Block>>; MAX_BLOCKS] =
                    std::array::from_fn(|number| {
                        Some(blocks.get(number)?.read().expect("no thread has panicked"))
                    });
                let first = guards[0].as_deref().expect("the guide has one");
                let all = guards.each_ref().map(|guard| guard.as_deref().unwrap_or(first));
                sets.advance::<K>(&frame, &all[..blocks.len()]);
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

    /// Shows one worker, between rounds.
    fn with(&self, number: usize, what: impl FnOnce(&Worker));
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
        self.shared.write()
    }

    #[inline(always)]
    fn bit<K: Kernel>(&mut self) {
        let blocks = self.shared.blocks.len();
        self.rounds.round(0..blocks);
        self.rounds.round(blocks..self.shared.workers);
    }

    #[inline(always)]
    fn show(&mut self, mut what: impl FnMut(&Set)) {
        for number in self.shared.blocks.len()..self.shared.workers {
            self.rounds.with(number, |worker| {
                let Member::Sets(sets) = &worker.member else { unreachable!("sets come last") };
                sets.sets.iter().for_each(&mut what);
            });
        }
    }

    fn said_by_guide(&mut self) -> impl Deref<Target = Block> {
        self.shared.blocks[0].read().expect("no thread has panicked")
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
