//! Whole blocks: bytes to the payload of a model block, and back. `FORMAT.md`, section 2.
#![forbid(unsafe_code)]

use crate::coder::{Damaged, Decoder, Encoder};
use crate::lanes::Lanes;
use crate::memory::Memory;
use crate::network::{Group, Network};
use crate::shape::VOCABULARY;

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

/// One side of the coder: an encoder is told bits, a decoder finds them.
trait BitCoder {
    fn code(&mut self, zero: u32, bit: u32) -> Result<u32, Damaged>;
}

impl BitCoder for Encoder {
    #[inline(always)]
    fn code(&mut self, zero: u32, bit: u32) -> Result<u32, Damaged> {
        self.bit(zero, bit);
        Ok(bit)
    }
}

impl BitCoder for Decoder<'_> {
    #[inline(always)]
    fn code(&mut self, zero: u32, _: u32) -> Result<u32, Damaged> {
        self.bit(zero)
    }
}

/// What is called every few steps with the bytes coded since; false stops the block.
pub type Progress<'a> = &'a mut dyn FnMut(usize) -> bool;

/// Where a lane's byte lies in its evidence, as far as its bits are known.
#[derive(Clone, Copy, Default)]
struct Range {
    /// The first symbol.
    first: usize,
    /// The sum of the counts.
    total: u32,
}

impl Range {
    /// The sum over the lower half of 2^(8 - k) symbols, and the count of a 0 that it gives bit k.
    #[inline(always)]
    fn halve(self, evidence: &[i32], k: usize) -> (u32, u32) {
        let half = &evidence[self.first..][..VOCABULARY >> (k + 1)];
        let lower = half.iter().sum::<i32>() as u32;
        let zero = (u64::from(lower) << 24) / u64::from(self.total);
        (lower, (zero as u32).clamp(1, (1 << 24) - 1))
    }
}

fn code<C: BitCoder>(
    network: &Network,
    coder: &mut C,
    shape: Lanes,
    rows: &mut [u8],
    progress: Progress<'_>,
) -> Result<(), BlockError> {
    let lanes = shape.lanes;
    let mut memory = Memory::new(shape.size(), lanes);
    let mut group: Box<dyn Group> = network.group(lanes);
    let mut ranges = vec![Range::default(); lanes];
    let mut lowers = vec![0_u32; lanes];
    let steps = shape.steps();
    for step in 0..steps {
        let active = shape.active(step);
        memory.look_up(active, rows);
        let row = &mut rows[step * lanes..][..active];
        let evidence = group.evidence();
        for (lane, range) in ranges.iter_mut().enumerate() {
            let counts = &evidence[lane * VOCABULARY..][..VOCABULARY];
            *range = Range { first: 0, total: counts.iter().sum::<i32>() as u32 };
        }
        for k in 0..8 {
            for lane in 0..active {
                let counts = &evidence[lane * VOCABULARY..][..VOCABULARY];
                let range = &mut ranges[lane];
                let (lower, zero) = range.halve(counts, k);
                let zero = memory.predict(lane, k, zero);
                let bit = coder.code(zero, u32::from(row[lane] >> (7 - k) & 1))?;
                memory.note(lane, k, bit);
                range.total = if bit == 0 { lower } else { range.total - lower };
                range.first += bit as usize * (VOCABULARY >> (k + 1));
            }
        }
        for (byte, range) in row.iter_mut().zip(&ranges) {
            *byte = range.first as u8;
        }
        if step + 1 < steps {
            memory.learn(rows, step);
            group.step(&rows[step * lanes..][..lanes]);
        }
        if !progress(active) {
            return Err(BlockError::Stopped);
        }
    }
    let _ = &mut lowers;
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
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    let shape = checked(data.len(), lanes);
    let mut coder = Encoder::new();
    let mut rows = shape.to_rows(data);
    code(network, &mut coder, shape, &mut rows, progress)?;
    let mut payload = coder.finish();
    let least = WORD_BYTES * data.len().div_ceil(MAX_EXPANSION * WORD_BYTES);
    payload.resize(payload.len().max(least), 0);
    Ok(payload)
}

/// The inverse of `encode_block`.
///
/// # Errors
/// `BlockError::Damaged` where the payload holds what no encoder writes; other damage gives other
/// bytes, which the container's checksum tells. `BlockError::Stopped` where the progress asks for it.
///
/// # Panics
/// Where there are no lanes, or more than bytes.
pub fn decode_block(
    network: &Network,
    payload: &[u8],
    length: usize,
    lanes: usize,
    progress: Progress<'_>,
) -> Result<Vec<u8>, BlockError> {
    let shape = checked(length, lanes);
    let mut coder = Decoder::new(payload);
    let mut rows = vec![0; shape.size()];
    code(network, &mut coder, shape, &mut rows, progress)?;
    Ok(shape.to_block(&rows))
}

fn checked(length: usize, lanes: usize) -> Lanes {
    assert!((1..=length).contains(&lanes), "a lane has at least one byte");
    Lanes { length, lanes }
}
