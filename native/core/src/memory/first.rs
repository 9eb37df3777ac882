//! The contexts of a first decision: what each has seen of the byte that is likeliest now.
#![forbid(unsafe_code)]

use super::contexts::Item;
use super::frame::{Block, Frame, Tally};
use super::histories::{HISTORIES, Histories};
use super::maps::{self, Cell};
use crate::constants::{LOGISTIC, Logistic};
use crate::history::mix;
use crate::mapping::{LINE, Table};

/// An entry: check (2 bytes), run (2), then bytes with their histories.
const SLOTS: usize = 6;
const ENTRY: usize = 4 + 2 * SLOTS;
const WAYS: usize = LINE / ENTRY;
/// Longest run told, and the mark of a context that another byte followed before.
const RUN_LIMIT: u8 = 127;
const MARK: u8 = 128;
const RUN_CELLS: usize = 16;
/// By whether the run expects the byte, by mark, by length.
const HOPES: usize = 4 * RUN_CELLS;

const HISTORY_LIMIT: u32 = 1023;
const HOPE_LIMIT: u32 = 255;
const FIRST_COUNT: u32 = 6;

/// What a context has learned.
struct Maps {
    histories: [Cell; 256],
    hopes: [Cell; HOPES],
}

/// Where a lane stands in a context.
#[derive(Clone, Copy, Default)]
struct Seat {
    /// The entry, and the slot of the byte in it.
    at: u32,
    slot: u8,
    history: u8,
    hope: u8,
}

pub(super) struct First {
    items: &'static [Item],
    cells: Table<u8>,
    lines: u32,
    maps: Vec<Maps>,
    /// By lane, then context.
    seats: Vec<Seat>,
    hashes: Vec<u32>,
    histories: &'static Histories,
    logistic: &'static Logistic,
}

/// The slot of a byte in an entry, or where it may come, and its history.
#[inline(always)]
fn slot(histories: &Histories, entry: &[u8; ENTRY], byte: u8) -> (usize, u8) {
    let mut least = (0, u8::MAX);
    for slot in 0..SLOTS {
        let (other, history) = (entry[4 + 2 * slot], entry[5 + 2 * slot]);
        // Slots are filled in order: behind the first empty one there is nothing.
        if history == 0 || other == byte {
            return (slot, history);
        }
        let total = histories.total[usize::from(history)];
        if total < least.1 {
            least = (slot, total);
        }
    }
    (least.0, 0)
}

impl First {
    pub(super) fn new(items: &'static [Item], lines: u32, lanes: usize) -> Self {
        let maps = || Maps {
            histories: HISTORIES.first.map(|p| maps::cell(p << 6, FIRST_COUNT)),
            hopes: std::array::from_fn(|at| {
                let doubt = maps::ONE / (2 * (at % RUN_CELLS) as u32 + 2);
                let p = if at < HOPES / 2 { doubt } else { maps::ONE - doubt };
                maps::cell(p, FIRST_COUNT)
            }),
        };
        Self {
            items,
            cells: Table::zeroed(LINE * lines as usize),
            lines,
            maps: items.iter().map(|_| maps()).collect(),
            seats: vec![Seat::default(); items.len() * lanes],
            hashes: vec![0; items.len() * lanes],
            histories: &HISTORIES,
            logistic: &LOGISTIC,
        }
    }

    /// Two inputs a context, of the byte's history and of the run.
    #[inline(always)]
    pub(super) fn predict(&mut self, frame: &Frame, likeliest: &[u8], block: &mut Block) {
        let contexts = self.items.len();
        let place = |m: u32| ((u64::from(m) * u64::from(self.lines)) >> 32) as usize * LINE;
        for lane in 0..likeliest.len() {
            for (hash, item) in self.hashes[lane * contexts..].iter_mut().zip(self.items) {
                *hash = mix(frame.hash(*item, lane), 1);
                self.cells.prefetch(place(*hash));
            }
        }
        let (stretch, histories) = (&self.logistic.stretch, self.histories);
        for (lane, &byte) in likeliest.iter().enumerate() {
            let seats = &mut self.seats[lane * contexts..][..contexts];
            let inputs = block.of_mut(lane).as_chunks_mut().0;
            let hashes = &self.hashes[lane * contexts..][..contexts];
            let mut tally = Tally::default();
            for (((seat, maps), inputs), &m) in
                seats.iter_mut().zip(&self.maps).zip(inputs).zip(hashes)
            {
                let check = (m.wrapping_mul(0xC2B2_AE35) >> 16) as u16;
                let base = place(m);
                let line = self.cells[base..base + LINE].as_chunks_mut::<ENTRY>().0;
                let found = line.iter().position(|e| u16::from_le_bytes([e[0], e[1]]) == check);
                let way = found.unwrap_or_else(|| {
                    let total = |way: usize| histories.total[usize::from(line[way][5])];
                    let way = (1..WAYS).fold(0, |a, b| if total(b) < total(a) { b } else { a });
                    line[way] = [0; ENTRY];
                    line[way][..2].copy_from_slice(&check.to_le_bytes());
                    way
                });
                let entry = &line[way];
                let (run, length) = (entry[2], entry[3]);
                let (slot, history) = slot(histories, entry, byte);
                let runs = length > 0 && run == byte;
                let cell = usize::from(length & RUN_LIMIT).min(RUN_CELLS - 1);
                let marked = usize::from(length / MARK);
                let hope = cell + RUN_CELLS * (marked + 2 * usize::from(runs));
                *seat = Seat {
                    at: (base + way * ENTRY) as u32,
                    slot: slot as u8,
                    history,
                    hope: hope as u8,
                };
                let hoped = stretch[maps.hopes[hope].index()];
                *inputs = [
                    stretch[maps.histories[usize::from(history)].index()],
                    if length > 0 { hoped } else { 0 },
                ];
                tally.runs += i32::from(runs);
                tally.known += i32::from(history != 0);
            }
            block.tallies[lane] = tally;
        }
    }

    /// Learns the bytes that came.
    #[inline(always)]
    pub(super) fn learn(&mut self, frame: &Frame, likeliest: &[u8], bytes: &[u8]) {
        let contexts = self.items.len();
        for (lane, (&likeliest, &byte)) in likeliest.iter().zip(bytes).enumerate() {
            let hit = u32::from(likeliest == byte);
            let seats = &self.seats[lane * contexts..][..contexts];
            for (seat, maps) in seats.iter().zip(&mut self.maps) {
                let history = usize::from(seat.history);
                maps.histories[history].learn(hit, HISTORY_LIMIT, frame.rates);
                maps.hopes[usize::from(seat.hope) % HOPES].learn(hit, HOPE_LIMIT, frame.rates);
                let at = seat.at as usize;
                let entry: &mut [u8; ENTRY] =
                    (&mut self.cells[at..at + ENTRY]).try_into().expect("it is an entry");
                entry[4 + 2 * usize::from(seat.slot)] = likeliest;
                entry[5 + 2 * usize::from(seat.slot)] = self.histories.next[history][hit as usize];
                if hit == 0 {
                    let (slot, history) = slot(self.histories, entry, byte);
                    entry[4 + 2 * slot] = byte;
                    entry[5 + 2 * slot] = self.histories.next[usize::from(history)][1];
                }
                entry[3] = match entry[3] {
                    0 => 1,
                    length if entry[2] == byte => {
                        (length & MARK) | ((length & RUN_LIMIT).min(RUN_LIMIT - 1) + 1)
                    }
                    _ => MARK | 1,
                };
                entry[2] = byte;
            }
        }
    }
}
