//! Whole blocks: bytes to the payload of a model block, and back. `FORMAT.md`, section 2.
#![forbid(unsafe_code)]

use crate::coder::{Damaged, Decoder, Encoder};
use crate::lanes::Lanes;
use crate::memory::Memory;
use crate::mixing::BitCoder;
use crate::network::{FIRST_BYTE, Group, Network};
use crate::shape::VOCABULARY;
use crate::team::{Task, Tasks, Team};

/// The container version whose model blocks these are.
pub const FORMAT_VERSION: u8 = 3;
/// Original bytes for each payload byte at most.
const MAX_EXPANSION: usize = 1024;
const WORD_BYTES: usize = 4;

/// Why a block was not coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// The payload holds what no encoder writes.
    Damaged,
    /// The caller's progress asked to stop.
    Stopped,
}

impl From<Damaged> for BlockError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

/// What is called every few steps with the bytes coded since; false stops the block.
pub type Progress<'a> = &'a mut dyn FnMut(usize) -> bool;

/// Where a lane's byte lies in its evidence, as far as its bits are known.
#[derive(Clone, Copy, Default)]
struct Range {
    /// The first symbol.
    first: usize,
    /// The sum of the counts, and of those in the lower half.
    total: u32,
    lower: u32,
}

impl Range {
    /// The count of a 0 for bit k, which halves 2^(8 - k) symbols.
    #[inline(always)]
    fn halve(&mut self, evidence: &[i32], k: usize) -> u32 {
        let half = &evidence[self.first..][..VOCABULARY >> (k + 1)];
        self.lower = half.iter().sum::<i32>() as u32;
        let zero = (u64::from(self.lower) << 24) / u64::from(self.total);
        (zero as u32).clamp(1, (1 << 24) - 1)
    }

    /// Goes to the half that bit k names.
    #[inline(always)]
    fn take(&mut self, bit: u32, k: usize) {
        self.total = if bit == 0 { self.lower } else { self.total - self.lower };
        self.first += bit as usize * (VOCABULARY >> (k + 1));
    }
}

/// Lanes that step together: the bytes that came in them, step by step, and what follows each.
struct Stepper {
    group: Box<dyn Group>,
    lanes: std::ops::Range<usize>,
    bytes: Vec<u8>,
    evidence: Vec<i32>,
}

impl Stepper {
    /// Takes the bytes of these lanes from rows of `stride` lanes.
    fn take(&mut self, rows: &[u8], stride: usize) {
        self.bytes.clear();
        for row in rows.chunks_exact(stride) {
            self.bytes.extend_from_slice(&row[self.lanes.clone()]);
        }
        self.evidence.resize(self.bytes.len() * VOCABULARY, 0);
    }
}

impl Task for Stepper {
    fn advance(&mut self) {
        self.group.step(&self.bytes, &mut self.evidence);
    }
}

/// Lanes of one group at most: more of them fill caches without feeding the kernels any better.
const MAX_GROUP: usize = 48;
/// Groups for each thread, where there are lanes enough: whoever is ready first takes the next.
const GROUPS_PER_THREAD: usize = 3;
/// Groups are a multiple of this where they are larger: kernels take so many lanes at a time.
const GROUP_STEP: usize = 6;

/// Lanes of each group but the last.
fn group_size(lanes: usize, threads: usize) -> usize {
    if threads == 1 {
        return lanes.min(MAX_GROUP);
    }
    let size = lanes.div_ceil(threads * GROUPS_PER_THREAD).next_multiple_of(GROUP_STEP);
    size.min(lanes.div_ceil(threads)).min(MAX_GROUP)
}

fn code<C: BitCoder>(
    network: &Network,
    coder: &mut C,
    shape: Lanes,
    rows: &mut [u8],
    threads: usize,
    progress: Progress<'_>,
) -> Result<(), BlockError> {
    let (lanes, steps) = (shape.lanes, shape.steps());
    let size = group_size(lanes, threads);
    let chunk = if C::KNOWS { (MAX_GROUP / size).clamp(1, steps) } else { 1 };
    let tasks = Tasks::new((0..lanes).step_by(size).map(|first| {
        let lanes = first..lanes.min(first + size);
        let group = network.group(lanes.len(), chunk);
        Stepper { group, lanes, bytes: Vec::new(), evidence: Vec::new() }
    }));
    let ranges = vec![Range::default(); lanes];
    let mut side =
        Side { coder, memory: Memory::new(shape.size(), lanes), shape, ranges, progress };
    // What follows the bytes of one chunk, by group: an encoder codes it while the next is stepped.
    let mut ready: Vec<Vec<i32>> = vec![Vec::new(); lanes.div_ceil(size)];
    let helpers = threads.min(ready.len()) - 1;
    std::thread::scope(|scope| {
        let team = Team::start(scope, &tasks, helpers);
        // Every lane begins as if it had just read a space.
        let first = [vec![FIRST_BYTE; lanes], rows[..(chunk - 1) * lanes].to_vec()].concat();
        tasks.lock().iter_mut().for_each(|stepper| stepper.take(&first, lanes));
        team.round(|| ());
        for step in (0..steps).step_by(chunk) {
            let after = steps.min(step + chunk);
            let mut steppers = tasks.lock();
            for (stepper, ready) in steppers.iter_mut().zip(&mut ready) {
                std::mem::swap(&mut stepper.evidence, ready);
            }
            if !C::KNOWS {
                side.code(&ready, 0, 1, rows, step)?;
            }
            let next = &rows[(after - 1) * lanes..(steps - 1).min(after + chunk - 1) * lanes];
            steppers.iter_mut().for_each(|stepper| stepper.take(next, lanes));
            drop(steppers);
            let mut coded = Ok(());
            let mut beside = || {
                coded = (step..after).try_for_each(|at| {
                    if C::KNOWS {
                        side.code(&ready, at - step, after - step, rows, at)?;
                    }
                    side.learn(rows, at)
                });
            };
            if after < steps {
                team.round(beside)
            } else {
                beside()
            }
            coded?;
        }
        Ok(())
    })
}

/// What one thread does alone, byte by byte: memory and coder.
struct Side<'a, C> {
    coder: &'a mut C,
    memory: Memory,
    shape: Lanes,
    ranges: Vec<Range>,
    progress: Progress<'a>,
}

impl<C: BitCoder> Side<'_, C> {
    /// Codes the bytes of a step, which is number `at` of the `count` that `ready` belongs to.
    fn code(
        &mut self,
        ready: &[Vec<i32>],
        at: usize,
        count: usize,
        rows: &mut [u8],
        step: usize,
    ) -> Result<(), Damaged> {
        let active = self.shape.active(step);
        self.memory.look_up(active, rows);
        let evidence: Vec<&[i32]> = ready
            .iter()
            .flat_map(|counts| counts.chunks_exact(counts.len() / count).nth(at))
            .flat_map(|counts| counts.chunks_exact(VOCABULARY))
            .collect();
        let row = &mut rows[step * self.shape.lanes..][..active];
        code_row(self.coder, &mut self.memory, &evidence, &mut self.ranges, row)
    }

    /// Learns the bytes of a step, and says that they are done.
    fn learn(&mut self, rows: &[u8], step: usize) -> Result<(), BlockError> {
        if step + 1 < self.shape.steps() {
            self.memory.learn(rows, step);
        }
        let go_on = (self.progress)(self.shape.active(step));
        if go_on { Ok(()) } else { Err(BlockError::Stopped) }
    }
}

/// Lanes by which mixing runs ahead of coding, so that what it fetches has come.
const AHEAD: usize = 8;

/// Codes a byte in each of the first lanes: a decoder's are written to `row`.
#[inline]
fn code_row<C: BitCoder>(
    coder: &mut C,
    memory: &mut Memory,
    evidence: &[&[i32]],
    ranges: &mut [Range],
    row: &mut [u8],
) -> Result<(), Damaged> {
    for (range, counts) in ranges.iter_mut().zip(evidence) {
        *range = Range { first: 0, total: counts.iter().sum::<i32>() as u32, lower: 0 };
    }
    for k in 0..8 {
        for ahead in 0..row.len() + AHEAD {
            if ahead < row.len() {
                let zero = ranges[ahead].halve(evidence[ahead], k);
                memory.mix(ahead, k, zero);
            }
            let Some(lane) = ahead.checked_sub(AHEAD) else { continue };
            let zero = memory.predict(lane, k);
            let bit = coder.code(zero, u32::from(row[lane] >> (7 - k) & 1))?;
            memory.note(lane, k, bit);
            ranges[lane].take(bit, k);
        }
    }
    for (byte, range) in row.iter_mut().zip(ranges) {
        *byte = range.first as u8;
    }
    Ok(())
}

/// The payload of a model block of `data` in so many lanes, at least one and at most its length.
///
/// # Errors
/// `BlockError::Stopped` where the progress asks for it.
///
/// # Panics
/// Where there are no lanes, or more than bytes.
pub fn encode_block(
    network: &Network,
    data: &[u8],
    lanes: usize,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    let shape = checked(data.len(), lanes);
    let mut coder = Encoder::new();
    let mut rows = shape.to_rows(data);
    code(network, &mut coder, shape, &mut rows, threads.max(1), progress)?;
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
/// it.
///
/// # Panics
/// Where there are no lanes, or more than bytes.
pub fn decode_block(
    network: &Network,
    payload: &[u8],
    length: usize,
    lanes: usize,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    let shape = checked(length, lanes);
    let mut coder = Decoder::new(payload);
    let mut rows = vec![0; shape.size()];
    code(network, &mut coder, shape, &mut rows, threads.max(1), progress)?;
    Ok(shape.to_block(&rows))
}

fn checked(length: usize, lanes: usize) -> Lanes {
    assert!((1..=length).contains(&lanes), "a lane has at least one byte");
    Lanes { length, lanes }
}

#[cfg(test)]
mod bench {
    use super::*;
    use crate::network::Isa;
    use crate::weights::Weights;
    use std::time::Instant;

    /// Microseconds a byte of each phase on one thread: the fastest tenth of the steps.
    #[test]
    #[ignore = "a measurement"]
    fn phases() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
        let sample = std::env::var("KOLMOZIP_SAMPLE").expect("a file to code");
        let data = std::fs::read(sample).unwrap();
        let isa = Isa::choose(&std::env::var("KOLMOZIP_ISA").unwrap_or_default()).unwrap();
        for name in ["small", "tiny"] {
            let file = std::fs::read(format!("{root}models/shipped/{name}.kzw")).unwrap();
            let network = Network::new(&Weights::read(&file).unwrap(), isa);
            let shape = Lanes { length: data.len() / 512 * 512, lanes: 48 };
            let rows = shape.to_rows(&data[..shape.length]);
            let lanes = shape.lanes;
            let mut group = network.group(lanes, 1);
            let mut counts = vec![0; lanes * VOCABULARY];
            let mut memory = Memory::new(shape.size(), lanes);
            let mut ranges = vec![Range::default(); lanes];
            let mut coder = Encoder::new();
            let mut times = [const { Vec::new() }; 4];
            for step in 0..(shape.steps() - 1).min(2000) {
                let mut row = rows[step * lanes..][..lanes].to_vec();
                let start = Instant::now();
                group.step(&row, &mut counts);
                times[0].push(start.elapsed());
                let start = Instant::now();
                memory.look_up(lanes, &rows);
                times[1].push(start.elapsed());
                let start = Instant::now();
                let evidence: Vec<&[i32]> = counts.chunks(VOCABULARY).collect();
                code_row(&mut coder, &mut memory, &evidence, &mut ranges, &mut row).unwrap();
                times[2].push(start.elapsed());
                let start = Instant::now();
                memory.learn(&rows, step);
                times[3].push(start.elapsed());
            }
            print!("{name} by {}:", isa.name());
            for (phase, mut times) in ["network", "look up", "code", "learn"].iter().zip(times) {
                times.sort();
                let time = times[times.len() / 10].as_secs_f64() * 1e6 / lanes as f64;
                print!(" {phase} {time:.2},");
            }
            println!(" us a byte");
        }
    }
}
