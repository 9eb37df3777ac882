//! Runs: the byte that followed a context last, and how often in a row. `FORMAT.md`, section 2.5.
#![forbid(unsafe_code)]

use super::expected::CELLS;
use crate::history::mix;
use crate::mapping::Table;

/// Contexts that have runs.
pub(crate) const CONTEXTS: usize = 6;
/// At this length a run stops counting.
const LONGEST: u32 = 127;
const CHANGED: u32 = 128;

/// What a lane found in one context's slot at the start of a byte.
#[derive(Clone, Copy, Default)]
pub(crate) struct Run {
    /// Its place among all slots.
    slot: u32,
    /// The context's check, in bits 16 to 31.
    check: u32,
    /// byte << 8 | changed << 7 | length where the slot is the context's, else 0.
    held: u32,
}

impl Run {
    /// Whether the slot was the context's.
    #[inline(always)]
    pub(crate) fn expects(self) -> bool {
        self.held != 0
    }

    /// The byte that the run expects, if any.
    #[inline(always)]
    pub(crate) fn byte(self) -> u8 {
        (self.held >> 8) as u8
    }

    /// The cell of the expected byte, below `CELLS`.
    #[inline(always)]
    pub(crate) fn cell(self) -> u8 {
        ((self.held & 127).min(15) | (self.held & CHANGED) >> 3) as u8
    }
}

/// Hopes of each cell in 2^-22 before any experience.
pub(crate) fn first_hopes() -> [i32; CELLS] {
    std::array::from_fn(|cell| (1 << 22) - (1 << 22) / (6 * (cell as i32 & 15) + 2))
}

/// The slots of all contexts: check << 16 | byte << 8 | changed << 7 | length.
pub(crate) struct Runs {
    slots: Table<u32>,
    slot_bits: u32,
}

impl Runs {
    pub(crate) fn new(slot_bits: u32) -> Self {
        Self { slots: Table::zeroed(CONTEXTS << slot_bits), slot_bits }
    }

    /// The slot of a context with this hash, which is fetched but not read yet.
    #[inline(always)]
    pub(crate) fn seek(&self, context: usize, hash: u32) -> Run {
        let mixed = mix(hash, 1);
        let slot = (context as u32) << self.slot_bits | mixed >> (32 - self.slot_bits);
        self.slots.prefetch(slot as usize);
        let check = (mixed & ((1 << (32 - self.slot_bits)) - 1)) << 16;
        Run { slot, check, held: 0 }
    }

    /// Reads what the slot of `run` holds.
    #[inline(always)]
    pub(crate) fn find(&self, run: Run) -> Run {
        let slot = self.slots[run.slot as usize];
        let ours = slot & LONGEST != 0 && slot & 0xFFFF_0000 == run.check;
        Run { held: if ours { slot & 0xFFFF } else { 0 }, ..run }
    }

    /// Takes in the byte that followed the context.
    #[inline(always)]
    pub(crate) fn learn(&mut self, run: Run, byte: u8) {
        let same = run.expects() && run.byte() == byte;
        let length = if same { ((run.held & LONGEST) + 1).min(LONGEST) } else { 1 };
        let changed = if same || !run.expects() { run.held & CHANGED } else { CHANGED };
        self.slots[run.slot as usize] = run.check | u32::from(byte) << 8 | changed | length;
    }
}
