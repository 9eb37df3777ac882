//! Matches: what followed the last time that a lane's recent bytes were seen. `FORMAT.md`, 2.4.
#![forbid(unsafe_code)]

use super::expected::CELLS;
use crate::mapping::Table;

/// log2 of the contexts whose last place is remembered.
const PLACE_BITS: u32 = 22;

/// Hopes of each cell in 2^-22 before any experience.
pub(crate) fn first_hopes() -> [i32; CELLS] {
    std::array::from_fn(|cell| (1 << 22) - (1 << 22) / (cell as i32 + 8))
}

/// What one lane follows.
#[derive(Clone, Copy, Default)]
struct Pointer {
    /// The place that is expected to repeat next, plus 1; 0 for none.
    place: u32,
    /// Bytes that it has told.
    length: u32,
    /// The context's entry of the table, for the byte just taken.
    entry: u32,
}

/// One pointer a lane into the block's text. Places are below 2^28, so that u32 holds them.
pub(crate) struct Matches {
    /// By hash of a context the place after it, plus 1; 0 for none.
    after: Table<u32>,
    pointers: Vec<Pointer>,
    /// Places of the rows that all lanes have taken.
    known: u32,
}

impl Matches {
    pub(crate) fn new(lanes: usize) -> Self {
        let pointers = vec![Pointer::default(); lanes];
        Self { after: Table::zeroed(1 << PLACE_BITS), pointers, known: 0 }
    }

    /// The byte that a lane expects, if any, and its cell.
    #[inline(always)]
    pub(crate) fn find(&self, lane: usize, rows: &[u8]) -> Option<(u8, u8)> {
        let Pointer { place, length, .. } = self.pointers[lane];
        let place = place.checked_sub(1)?;
        let long = 11 + (32 - length.leading_zeros()).min(8);
        Some((rows[place as usize], if length < 16 { length } else { long } as u8))
    }

    /// Takes the hash of a lane's context with the byte just taken; its entry is fetched.
    #[inline(always)]
    pub(crate) fn seek(&mut self, lane: usize, hash: u32) {
        let entry = hash >> (32 - PLACE_BITS);
        self.after.prefetch(entry as usize);
        self.pointers[lane].entry = entry;
    }

    /// Takes in the newest row of the text, which all lanes have and have sought.
    pub(crate) fn learn(&mut self, rows: &[u8]) {
        let lanes = self.pointers.len() as u32;
        let here = self.known;
        self.known += lanes;
        for (place, pointer) in (here..).zip(&mut self.pointers) {
            let followed = pointer.place != 0
                && rows[pointer.place as usize - 1] == rows[place as usize]
                && pointer.place - 1 + lanes < self.known;
            if followed {
                pointer.place += lanes;
                pointer.length += 1;
            } else {
                let candidate = self.after[pointer.entry as usize];
                pointer.place = if candidate <= self.known { candidate } else { 0 };
                pointer.length = 0;
            }
        }
        for (place, pointer) in (here..).zip(&self.pointers) {
            self.after[pointer.entry as usize] = place + lanes + 1;
        }
    }
}
