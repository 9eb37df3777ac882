//! Whole blocks: bytes to the payload of a mixed block, and back. `FORMAT.md`, section 2.
#![forbid(unsafe_code)]

use crate::coder::{Damaged, Decoder, Encoder};
use crate::constants::STRETCH_LIMIT;
use crate::lanes::Lanes;
use crate::memory::designs::Design;
use crate::memory::{
    Alone, BitCoder, Crew, Evidence, Explainer, Memory, Observer, Rounds, Together, Watch, Worker,
};
use crate::network::{FIRST_BYTE, Group, Isa, Network, Row};
use crate::prepared::{Prepared, Walker};
use crate::shape::VOCABULARY;
use crate::speculation::{Ahead, Speculate, Tally};
use crate::team::{Task, Tasks, Team};
use std::ops::Range;

/// The container version whose mixed blocks these are.
pub const FORMAT_VERSION: u8 = 1;
/// Original bytes for each payload byte at most.
const MAX_EXPANSION: usize = 8192;
const WORD_BYTES: usize = 4;

/// Why a block was not coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// The payload holds what no encoder writes.
    Damaged,
    /// The caller's progress asked to stop.
    Stopped,
    /// The file of the prepared memory does not hold what the recipe says.
    Unprepared,
}

impl From<Damaged> for BlockError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

/// What is called every few steps with the bytes coded since; false stops the block.
pub type Progress<'a> = &'a mut dyn FnMut(usize) -> bool;

impl BitCoder for Encoder {
    const KNOWS: bool = true;

    #[inline(always)]
    fn code(&mut self, zero: u32, bit: u32) -> Result<u32, Damaged> {
        self.bit(zero, bit);
        Ok(bit)
    }
}

impl BitCoder for Decoder<'_> {
    const KNOWS: bool = false;

    #[inline(always)]
    fn code(&mut self, zero: u32, _: u32) -> Result<u32, Damaged> {
        self.bit(zero)
    }
}

/// Reads a text that nobody has to code.
struct Listener;

impl BitCoder for Listener {
    const KNOWS: bool = true;

    #[inline(always)]
    fn code(&mut self, _: u32, bit: u32) -> Result<u32, Damaged> {
        Ok(bit)
    }
}

/// Lanes that the network steps together.
struct Stepper {
    group: Box<dyn Group>,
    lanes: Range<usize>,
    rows: Vec<Row>,
    evidence: Vec<i32>,
}

enum BlockTask {
    Stepper(Stepper),
    Worker(Worker),
}

impl Task for BlockTask {
    fn advance(&mut self) {
        match self {
            Self::Stepper(stepper) => stepper.group.step(&stepper.rows, &mut stepper.evidence),
            Self::Worker(worker) => worker.advance(),
        }
    }
}

/// The workers of a memory, which come behind the network's steppers.
struct BlockRounds<'a> {
    team: &'a Team<'a, BlockTask>,
    before: usize,
}

impl Rounds for BlockRounds<'_> {
    fn round(&self, which: Range<usize>) {
        self.team.round(which.start + self.before..which.end + self.before);
    }
}

/// Fills in what a network has said of a step: stretches of a 1 in 1/256 bit, for each bit of the
/// byte one a lane, those of the most significant bit first. False stops the block.
pub type Replay<'a> = &'a (dyn Fn(usize, &mut [i16]) -> bool + Sync + 'a);

/// What there is beside the memory.
#[derive(Clone, Copy)]
pub enum Beside<'a> {
    /// Nothing.
    Nothing,
    /// A network.
    Network(&'a Network),
    /// What a network has said before.
    Replay(Replay<'a>),
}

impl<'a> From<Option<&'a Network>> for Beside<'a> {
    fn from(network: Option<&'a Network>) -> Self {
        network.map_or(Self::Nothing, Self::Network)
    }
}

/// How a block is coded.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    /// The memory.
    pub design: &'a Design,
    /// What the memory's hash tables take, in MiB.
    pub tables: usize,
    /// The network, if any.
    pub network: Beside<'a>,
    /// The kernels where there is no network.
    pub isa: Isa,
    /// Lanes, at least one and at most the block's bytes.
    pub lanes: usize,
    /// Threads, which change nothing but the time.
    pub threads: usize,
    /// What a block of one lane goes on from, which was made with the same design, tables and
    /// network.
    pub prepared: Option<&'a Prepared>,
    /// Whether a decoder drafts, which changes nothing but the time.
    pub speculate: Speculate<'a>,
}

impl<'a> Recipe<'a> {
    /// The text that was read before a block.
    fn known(&self) -> &'a [u8] {
        self.prepared.map_or(&[], Prepared::text)
    }
}

/// Fewer lanes than this a thread leave it nothing to do but wait for the others.
const LANES_OF_A_THREAD: usize = 4;
/// Lanes of a group of the network at most.
const MAX_GROUP: usize = 48;
/// Where several threads have the network run ahead: rows of a task at least, so that products run
/// at full speed, and tasks a thread, so that none waits long for another's last one.
const ROWS_AHEAD: usize = 24;
const TASKS_AHEAD: usize = 8;

/// A block that is being coded.
struct Run<'a, 'o, C> {
    recipe: Recipe<'a>,
    coder: &'a mut C,
    memory: Memory,
    shape: Lanes,
    /// Steps that the network takes at a time.
    chunk: usize,
    /// Groups of lanes that the network steps together, and lanes of each but the last.
    groups: usize,
    size: usize,
    /// The first step that is coded.
    first: usize,
    /// What reads drafts, in a decoder that does.
    ahead: Option<Ahead<'a>>,
    watch: Watch<'o>,
    progress: Progress<'a>,
}

/// What has become of a block.
struct Coded {
    text: Vec<u8>,
    tally: Tally,
}

fn code<C: BitCoder>(
    recipe: Recipe<'_>,
    coder: &mut C,
    text: Vec<u8>,
    watch: Watch<'_>,
    keep: Option<&mut Walker>,
    progress: Progress<'_>,
) -> Result<Coded, BlockError> {
    let Recipe { design, tables, lanes, .. } = recipe;
    let network = if let Beside::Network(network) = recipe.network { Some(network) } else { None };
    let evident = !matches!(recipe.network, Beside::Nothing);
    assert!((1..=text.len()).contains(&lanes), "a lane has at least one byte");
    let shape = Lanes { length: text.len(), lanes };
    let isa = network.map_or(recipe.isa, Network::isa);
    let threads = recipe.threads.clamp(1, lanes.div_ceil(LANES_OF_A_THREAD));
    // Helpers of an encoder have the network to do, however few lanes leave of the memory.
    let helped = if C::KNOWS && network.is_some() { recipe.threads.max(1) } else { threads };
    let (tasks, at_once) = match (C::KNOWS, helped) {
        (false, _) => (threads, 1),
        (true, 1) => (1, MAX_GROUP),
        (true, _) => (TASKS_AHEAD * helped, ROWS_AHEAD),
    };
    let size = lanes.div_ceil(tasks).min(MAX_GROUP);
    let chunk = (at_once / size).clamp(1, shape.steps());
    let drafts = !C::KNOWS && network.is_some() && threads == 1 && size == lanes;
    let speculation = if drafts { recipe.speculate.of(lanes, isa) } else { None };
    let (width, rows) = match speculation {
        Some(speculation) => (speculation.width, Ahead::room(speculation, lanes)),
        None => (0, size * chunk),
    };
    let steppers = network.into_iter().flat_map(|network| {
        (0..lanes).step_by(size).map(move |first| {
            let lanes = first..lanes.min(first + size);
            let group = network.group(lanes.len(), rows, width);
            BlockTask::Stepper(Stepper { group, lanes, rows: Vec::new(), evidence: Vec::new() })
        })
    });
    let groups = if network.is_some() { lanes.div_ceil(size) } else { 0 };
    let memory = Memory::new(shape, isa);
    let known = recipe.known();
    let first = known.len();
    let ahead = speculation.map(|speculation| {
        let before = &known[..first.saturating_sub(1)]; // the last one comes with the first step
        Ahead::new(speculation, design, text.len(), lanes, isa, before)
    });
    let mut run =
        Run { recipe, coder, memory, shape, chunk, groups, size, first, ahead, watch, progress };
    let sized = if first > 0 { Lanes { length: first, lanes } } else { shape };
    let mut alone = Alone::new(design, tables << 20, text, sized, evident, first > 0);
    if threads == 1 {
        let tasks = Tasks::new(steppers);
        std::thread::scope(|scope| {
            let team = Team::start(scope, &tasks, (helped - 1).min(groups));
            if let Some(prepared) = recipe.prepared {
                let mut walker = prepared.walker();
                run.walk(&mut walker, &mut alone, &team);
                if !walker.is_whole() || alone.frame().readers[0].next() != first {
                    return Err(BlockError::Unprepared);
                }
            }
            run.code(&mut alone, &team)?;
            if let Some(kept) = keep {
                run.walk(kept, &mut alone, &team);
            }
            let tally = run.ahead.map_or(Tally::default(), |ahead| ahead.tally);
            Ok(Coded { text: std::mem::take(&mut alone.frame().text), tally })
        })
    } else {
        let (workers, shared) = alone.share(isa, threads);
        let tasks = Tasks::new(steppers.chain(workers.into_iter().map(BlockTask::Worker)));
        std::thread::scope(|scope| {
            let team = Team::start(scope, &tasks, helped - 1);
            let rounds = BlockRounds { team: &team, before: groups };
            let mut together = Together::new(shared, rounds);
            run.code(&mut together, &team)?;
            let text = std::mem::take(&mut together.frame().text);
            Ok(Coded { text, tally: Tally::default() })
        })
    }
}

impl<C: BitCoder> Run<'_, '_, C> {
    /// Visits all that one lane has learned, between two of its bytes.
    fn walk(&mut self, walker: &mut Walker, alone: &mut Alone, team: &Team<'_, BlockTask>) {
        alone.walk(walker);
        for group in 0..self.groups {
            if let BlockTask::Stepper(stepper) = &mut *team.lock(group) {
                stepper.group.walk(walker);
            }
        }
    }

    /// Codes all steps.
    fn code(&mut self, crew: &mut impl Crew, team: &Team<'_, BlockTask>) -> Result<(), BlockError> {
        let lanes = self.shape.lanes;
        if self.groups > 0 {
            crew.frame().evidence = Evidence::new(lanes, self.size);
        }
        let mut stretches = Vec::new();
        let steps = self.shape.steps();
        let length = self.chunk;
        let chunk = |first| first..steps.min(first + length);
        let firsts = (self.first..steps).step_by(length);
        let groups = 0..self.groups;
        let runs_ahead = C::KNOWS && self.groups > 0;
        if runs_ahead {
            self.give(chunk(self.first), crew, team);
            team.begin(groups.clone());
        }
        for Range { start: step, end: after } in firsts.map(chunk) {
            if self.ahead.is_some() {
                self.step_ahead(step, crew, team);
            } else if runs_ahead {
                team.finish();
                self.take(crew, team);
                if after < steps {
                    self.give(chunk(after), crew, team);
                    team.begin(groups.clone());
                }
            } else if self.groups > 0 {
                self.give(step..after, crew, team);
                team.round(groups.clone());
                self.take(crew, team);
            }
            for at in step..after {
                crew.frame().evidence.step = at - step;
                if let Beside::Replay(replay) = self.recipe.network {
                    stretches.resize(8 * lanes, 0);
                    if !replay(at, &mut stretches) {
                        return Err(BlockError::Stopped);
                    }
                    for stretch in &mut stretches {
                        let limit = STRETCH_LIMIT as i16;
                        *stretch = (*stretch).clamp(-limit, limit);
                    }
                }
                self.memory.code_row(self.coder, at, &stretches, &mut self.watch, crew)?;
                if !(self.progress)(self.shape.active(at)) {
                    return Err(BlockError::Stopped);
                }
            }
        }
        Ok(())
    }

    /// What the network reads at a step: the byte before, of which the first is a space.
    fn came(&self, step: usize, crew: &mut impl Crew) -> Vec<u8> {
        match step.checked_sub(1) {
            Some(before) => self.memory.row(before, crew),
            None => vec![FIRST_BYTE; self.shape.lanes],
        }
    }

    /// Has the network say what comes at a step, as far ahead as drafts reach.
    fn step_ahead(&mut self, step: usize, crew: &mut impl Crew, team: &Team<'_, BlockTask>) {
        let mut evidence = std::mem::take(&mut crew.frame().evidence.groups[0]);
        evidence.resize(self.shape.lanes * VOCABULARY, 0);
        let came = self.came(step, crew);
        let left = self.shape.steps() - step;
        let memory = crew.alone().expect("one thread has all members");
        let BlockTask::Stepper(stepper) = &mut *team.lock(0) else {
            unreachable!("steppers come first")
        };
        let ahead = self.ahead.as_mut().expect("it drafts");
        ahead.step(&mut *stepper.group, &came, left, memory, &mut evidence);
        crew.frame().evidence.groups[0] = evidence;
    }

    /// Gives the network what it is to read at some steps.
    fn give(&self, steps: Range<usize>, crew: &mut impl Crew, team: &Team<'_, BlockTask>) {
        let came: Vec<Vec<u8>> = steps.map(|at| self.came(at, crew)).collect();
        for group in 0..self.groups {
            let BlockTask::Stepper(stepper) = &mut *team.lock(group) else {
                unreachable!("steppers come first")
            };
            stepper.rows.clear();
            for bytes in &came {
                let bytes = bytes[stepper.lanes.clone()].iter().enumerate();
                stepper.rows.extend(bytes.map(|(lane, &byte)| Row { lane, byte }));
            }
            stepper.evidence.resize(stepper.rows.len() * VOCABULARY, 0);
        }
    }

    /// Takes what the network says of them into the frame.
    fn take(&self, crew: &mut impl Crew, team: &Team<'_, BlockTask>) {
        let mut frame = crew.frame();
        for (group, evidence) in frame.evidence.groups.iter_mut().enumerate() {
            let BlockTask::Stepper(stepper) = &mut *team.lock(group) else {
                unreachable!("steppers come first")
            };
            std::mem::swap(&mut stepper.evidence, evidence);
        }
    }
}

/// The payload of a mixed block of `data`.
///
/// # Errors
/// `BlockError::Stopped` where the progress asks for it, or the replay.
///
/// # Panics
/// Where there are no lanes, or more than bytes.
pub fn encode_block(
    recipe: Recipe<'_>,
    data: &[u8],
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    encode(recipe, data, Watch::Nobody, progress)
}

/// As `encode_block`; the observer is told how each bit is mixed.
///
/// # Errors
/// As `encode_block`.
///
/// # Panics
/// As `encode_block`.
pub fn observe_block(
    recipe: Recipe<'_>,
    data: &[u8],
    observer: Observer<'_>,
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    encode(recipe, data, Watch::Mixtures(observer), progress)
}

/// As `encode_block`, in one thread; the explainer is told why bytes cost what they do.
///
/// # Errors
/// As `encode_block`.
///
/// # Panics
/// As `encode_block`.
pub fn explain_block(
    recipe: Recipe<'_>,
    data: &[u8],
    explainer: &mut dyn Explainer,
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    encode(Recipe { threads: 1, ..recipe }, data, Watch::Bytes(explainer), progress)
}

fn encode(
    recipe: Recipe<'_>,
    data: &[u8],
    watch: Watch<'_>,
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    let mut coder = Encoder::new();
    code(recipe, &mut coder, [recipe.known(), data].concat(), watch, None, progress)?;
    let mut payload = coder.finish();
    let least = WORD_BYTES * data.len().div_ceil(MAX_EXPANSION * WORD_BYTES);
    payload.resize(payload.len().max(least), 0);
    Ok(payload)
}

/// The inverse of `encode_block`.
///
/// # Errors
/// `BlockError::Damaged` where the payload holds what no encoder writes; other damage gives other
/// bytes, which the container's checksum tells. `BlockError::Stopped` where the progress asks for
/// it, or the replay.
///
/// # Panics
/// Where there are no lanes, or more than bytes.
pub fn decode_block(
    recipe: Recipe<'_>,
    payload: &[u8],
    length: usize,
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    tallied_block(recipe, payload, length, progress).map(|(text, _)| text)
}

/// As `decode_block`; also says what the network has done where the decoder drafts.
///
/// # Errors
/// As `decode_block`.
///
/// # Panics
/// As `decode_block`.
pub fn tallied_block(
    recipe: Recipe<'_>,
    payload: &[u8],
    length: usize,
    progress: Progress<'_>,
) -> Result<(Vec<u8>, Tally), BlockError> {
    let mut coder = Decoder::new(payload);
    let known = recipe.known();
    let mut text = vec![0; known.len() + length];
    text[..known.len()].copy_from_slice(known);
    let Coded { mut text, tally } = code(recipe, &mut coder, text, Watch::Nobody, None, progress)?;
    text.drain(..known.len());
    Ok((text, tally))
}

/// What a memory learns of a text of at least one byte that it reads, to be kept in a file for
/// `Prepared::open`; in one lane.
///
/// # Errors
/// `BlockError::Stopped` where the progress asks for it.
///
/// # Panics
/// Where there is no text.
pub fn prepare(
    recipe: Recipe<'_>,
    text: &[u8],
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    let mut walker = Walker::out();
    let recipe = Recipe { lanes: 1, threads: 1, prepared: None, ..recipe };
    let (coder, text) = (&mut Listener, text.to_vec());
    code(recipe, coder, text, Watch::Nobody, Some(&mut walker), progress)?;
    Ok(walker.kept())
}
