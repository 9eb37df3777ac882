//! A part of the memory: some contexts that share a hash table, and what they say of each bit.
#![forbid(unsafe_code)]

use super::contexts::Item;
use super::frame::{Block, Frame, Tally};
use super::histories::{HISTORIES, Histories};
use super::maps::{self, Cell};
use crate::constants::{LOGISTIC, Logistic};
use crate::history::mix;
use crate::mapping::{LINE, Table};
use crate::prepared::Walker;

/// Histories of half a byte, by node; node 0 is not used.
const NODES: usize = 15;
/// An entry for the upper half of a byte: check (2 bytes), run (2), histories.
const UPPER: usize = 4 + NODES;
const UPPER_WAYS: usize = 3;
/// An entry for the lower half: check (1 byte), histories.
const LOWER: usize = 1 + NODES;
const LOWER_WAYS: usize = 4;

/// Longest run told, and the mark of a context that another byte followed before.
const RUN_LIMIT: u8 = 127;
const MARK: u8 = 128;
/// Run lengths that are told apart.
const RUN_CELLS: u32 = 16;

/// Runs that `Part::run` tells apart: by length, then by mark.
pub(crate) const RUN_KINDS: usize = 16;

/// Hopes of a context: by length, mark and bit; then some that are never looked at.
const HOPES: usize = 512;
const NO_HOPE: u16 = 256;

/// How many experiences the two kinds of map average over.
const HISTORY_LIMIT: u32 = 1023;
const HOPE_LIMIT: u32 = 255;
/// As many experiences their first values stand for.
const FIRST_COUNT: u32 = 6;

/// What a context has learned of its histories and runs.
struct Maps {
    /// By history: the probability of a 1.
    histories: [Cell; 256],
    /// By run and bit: the probability that the run is right.
    hopes: [Cell; HOPES],
}

impl Maps {
    fn new() -> Self {
        let histories = HISTORIES.first.map(|p| maps::cell(p << 6, FIRST_COUNT));
        let hopes = std::array::from_fn(|at| {
            let run = at as u32 / 8 % (2 * RUN_CELLS);
            let doubt = maps::ONE / (6 * (run % RUN_CELLS) + 2);
            let doubt = if run < RUN_CELLS { doubt } else { doubt + doubt / 2 };
            maps::cell(maps::ONE - doubt.min(maps::ONE / 2), FIRST_COUNT)
        });
        Self { histories, hopes }
    }
}

/// Where a lane stands in a context.
#[derive(Clone, Copy, Default)]
#[repr(align(8))]
struct Seat {
    /// The histories of the half byte, by node, as they were at its start and have become since.
    histories: [u8; NODES + 1],
    hash: u32,
    /// Where the histories lie, less one, and where the run lies.
    at: u32,
    run_at: u32,
    /// The byte that the run expects, with a 1 before it; 0 if nothing.
    expects: u16,
    /// The run's hopes, and the one of this bit.
    hope: u16,
    hoped: u16,
    /// The bit that the run expects.
    one: u8,
    history: u8,
}

/// Contexts that one thread looks after at a time.
pub(crate) struct Part {
    items: Vec<Item>,
    /// Lines of upper halves, then as many of lower halves.
    cells: Table<u8>,
    lines: u32,
    maps: Vec<Maps>,
    /// By lane, then context.
    seats: Vec<Seat>,
    histories: &'static Histories,
    logistic: &'static Logistic,
}

/// The node within its half byte.
#[inline(always)]
fn within(node: u32, k: usize) -> u32 {
    node & ((1 << (k & 3)) - 1) | 1 << (k & 3)
}

/// The way whose worth is least, the first of several.
#[inline(always)]
fn least<const N: usize>(worth: [u8; N]) -> usize {
    (1..N).fold(0, |least, way| if worth[way] < worth[least] { way } else { least })
}

impl Part {
    /// `lines` lines of 64 bytes for each half of a byte.
    pub(crate) fn new(items: &[Item], lines: u32, lanes: usize) -> Self {
        Self {
            items: items.to_vec(),
            cells: Table::zeroed(2 * LINE * lines as usize),
            lines,
            maps: items.iter().map(|_| Maps::new()).collect(),
            seats: vec![Seat::default(); items.len() * lanes],
            histories: &HISTORIES,
            logistic: &LOGISTIC,
        }
    }

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.values(&mut self.cells);
        for maps in &mut self.maps {
            walker.values(&mut maps.histories);
            walker.values(&mut maps.hopes);
        }
        for seat in &mut self.seats {
            walker.values(&mut seat.histories);
            walker.number(&mut seat.hash);
            walker.number(&mut seat.at);
            walker.number(&mut seat.run_at);
            walker.number(&mut seat.expects);
            walker.number(&mut seat.hope);
            walker.number(&mut seat.hoped);
            walker.number(&mut seat.one);
            walker.number(&mut seat.history);
        }
    }

    #[inline(always)]
    fn upper(lines: u32, m: u32) -> usize {
        ((u64::from(m) * u64::from(lines)) >> 32) as usize * LINE
    }

    /// What tells an entry of an upper half from others of its line.
    #[inline(always)]
    fn upper_check(m: u32) -> u16 {
        (m.wrapping_mul(0xC2B2_AE35) >> 16) as u16
    }

    /// What tells an entry of a lower half from others of its line.
    #[inline(always)]
    fn lower_check(m: u32) -> u8 {
        (m.wrapping_mul(0xC2B2_AE35) >> 24) as u8
    }

    #[inline(always)]
    fn lower(lines: u32, m: u32) -> usize {
        Self::upper(lines, m) + LINE * lines as usize
    }

    /// Learns the last bit and predicts the next.
    #[inline(always)]
    pub(crate) fn advance(&mut self, frame: &Frame, block: &mut Block) {
        let active = frame.nodes.len();
        if frame.before > 0 {
            self.learn(frame);
        }
        match frame.k {
            0 => {
                if frame.before > 0 {
                    self.write(&frame.done);
                }
                self.seek_upper(frame, active);
            }
            4 => {
                self.write(&frame.done);
                self.seek_lower(&frame.nodes);
            }
            _ => (),
        }
        self.predict(frame, block);
    }

    /// Writes the histories of the half byte that is done: those of its four bits.
    #[inline(always)]
    fn write(&mut self, done: &[u32]) {
        let contexts = self.items.len();
        for context in 0..contexts {
            for (lane, &done) in done.iter().enumerate() {
                let seat = &self.seats[lane * contexts + context];
                let half = done & 15 | 16;
                for bits in 1..5 {
                    let node = half >> bits;
                    let history = seat.histories[node as usize & NODES];
                    self.cells[(seat.at + node) as usize] = history;
                }
            }
        }
    }

    /// Fetches and finds the entries of the upper half of the next byte.
    #[inline(always)]
    fn seek_upper(&mut self, frame: &Frame, active: usize) {
        let contexts = self.items.len();
        for lane in 0..active {
            for (seat, item) in self.seats[lane * contexts..].iter_mut().zip(&self.items) {
                seat.hash = frame.hash(*item, lane);
                self.cells.prefetch(Self::upper(self.lines, mix(seat.hash, 1)));
            }
        }
        for context in 0..contexts {
            for lane in 0..active {
                self.find_upper(lane * contexts + context);
            }
        }
    }

    #[inline(always)]
    fn find_upper(&mut self, number: usize) {
        let seat = &mut self.seats[number];
        let m = mix(seat.hash, 1);
        let check = Self::upper_check(m);
        let base = Self::upper(self.lines, m);
        let line: &mut [u8; LINE] =
            (&mut self.cells[base..base + LINE]).try_into().expect("it is a line");
        let way = (0..UPPER_WAYS)
            .find(|way| u16::from_le_bytes([line[way * UPPER], line[way * UPPER + 1]]) == check);
        let way = way.unwrap_or_else(|| {
            let total = |way| self.histories.total[usize::from(line[way * UPPER + 4])];
            let way = least::<UPPER_WAYS>(std::array::from_fn(total));
            line[way * UPPER..(way + 1) * UPPER].fill(0);
            line[way * UPPER..][..2].copy_from_slice(&check.to_le_bytes());
            way
        });
        let at = way * UPPER;
        let (byte, length) = (line[at + 2], line[at + 3]);
        let cells = u32::from(length & RUN_LIMIT).min(RUN_CELLS - 1);
        seat.at = (base + at + 3) as u32;
        seat.run_at = (base + at + 2) as u32;
        seat.expects = if length == 0 { 0 } else { 256 | u16::from(byte) };
        seat.hope = ((cells + RUN_CELLS * u32::from(length / MARK)) * 8) as u16;
        seat.histories[1..].copy_from_slice(&line[at + 4..at + UPPER]);
    }

    /// Fetches and finds the entries of the lower half.
    #[inline(always)]
    fn seek_lower(&mut self, nodes: &[u32]) {
        let contexts = self.items.len();
        for (lane, &node) in nodes.iter().enumerate() {
            for seat in &self.seats[lane * contexts..][..contexts] {
                self.cells.prefetch(Self::lower(self.lines, mix(seat.hash, node)));
            }
        }
        for context in 0..contexts {
            for (lane, &node) in nodes.iter().enumerate() {
                self.find_lower(lane * contexts + context, node);
            }
        }
    }

    #[inline(always)]
    fn find_lower(&mut self, number: usize, node: u32) {
        let seat = &mut self.seats[number];
        let m = mix(seat.hash, node);
        let check = Self::lower_check(m);
        let base = Self::lower(self.lines, m);
        let line: &mut [u8; LINE] =
            (&mut self.cells[base..base + LINE]).try_into().expect("it is a line");
        let way = (0..LOWER_WAYS).find(|way| line[way * LOWER] == check);
        let way = way.unwrap_or_else(|| {
            let total = |way| self.histories.total[usize::from(line[way * LOWER + 1])];
            let way = least::<LOWER_WAYS>(std::array::from_fn(total));
            line[way * LOWER..(way + 1) * LOWER].fill(0);
            line[way * LOWER] = check;
            way
        });
        seat.at = (base + way * LOWER) as u32;
        seat.histories.copy_from_slice(&line[way * LOWER..(way + 1) * LOWER]);
    }

    /// Two inputs a context, of its history and of its run.
    #[inline(always)]
    fn predict(&mut self, frame: &Frame, block: &mut Block) {
        let (k, contexts) = (frame.k, self.items.len());
        let stretch = &self.logistic.stretch;
        for (lane, &node) in frame.nodes.iter().enumerate() {
            let seats = &mut self.seats[lane * contexts..][..contexts];
            let inputs = block.of_mut(lane).as_chunks_mut().0;
            let within = within(node, k) as usize & NODES;
            let none = NO_HOPE | lane as u16 & 255;
            let mut tally = Tally::default();
            for ((seat, maps), inputs) in seats.iter_mut().zip(&self.maps).zip(inputs) {
                let history = seat.histories[within];
                let p = maps.histories[usize::from(history)];
                let runs = i16::from(u32::from(seat.expects) >> (8 - k) == node);
                let hoped = if runs == 1 { seat.hope + k as u16 } else { none };
                seat.history = history;
                seat.hoped = hoped;
                seat.one = (seat.expects >> (7 - k) & 1) as u8;
                let hope = maps.hopes[hoped as usize % HOPES];
                let o = stretch[hope.index()] & -runs;
                *inputs = [stretch[p.index()], if seat.one == 1 { o } else { -o }];
                tally.runs += i32::from(runs);
                tally.known += i32::from(history != 0);
            }
            block.tallies[lane] = tally;
        }
    }

    /// Takes back what the runs of a lane say of a byte that cannot come, before its second bit.
    #[cfg(feature = "trials")]
    #[inline(always)]
    pub(crate) fn refute(&mut self, lane: usize, byte: u8, block: &mut Block) {
        let contexts = self.items.len();
        let seats = &mut self.seats[lane * contexts..][..contexts];
        for (at, seat) in seats.iter_mut().enumerate() {
            if seat.expects == 256 | u16::from(byte) {
                seat.expects = 0;
                seat.hoped = NO_HOPE | lane as u16 & 255;
                block.of_mut(lane)[2 * at + 1] = 0;
                block.tallies[lane].runs -= 1;
            }
        }
    }

    /// How many contexts there are.
    pub(crate) fn contexts(&self) -> usize {
        self.items.len()
    }

    /// The byte that came last after a context of this hash, and the number, below `RUN_KINDS`, of a
    /// run of its length and mark; none where the context is not known.
    pub(crate) fn run(&self, hash: u32) -> Option<(u8, usize)> {
        let m = mix(hash, 1);
        let check = Self::upper_check(m).to_le_bytes();
        let line = &self.cells[Self::upper(self.lines, m)..][..LINE];
        let entry = line.chunks_exact(UPPER).find(|entry| entry[..2] == check)?;
        let (byte, length) = (entry[2], entry[3]);
        let longest = RUN_KINDS / 2 - 1;
        let run = usize::from(length & RUN_LIMIT).min(longest);
        let marked = if length & MARK == 0 { 0 } else { RUN_KINDS / 2 };
        (length > 0).then_some((byte, marked + run))
    }

    /// What the contexts would say of another node of a lane's byte, once its upper half is found.
    pub(crate) fn peek(&self, lane: usize, k: usize, node: u32, inputs: &mut [i16]) -> Tally {
        let contexts = self.items.len();
        let seats = &self.seats[lane * contexts..][..contexts];
        let mut tally = Tally::default();
        let pairs = inputs.as_chunks_mut().0.iter_mut();
        for ((seat, maps), inputs) in seats.iter().zip(&self.maps).zip(pairs) {
            let histories = if k < 4 { seat.histories } else { self.lower_half(seat, node, k) };
            let history = histories[within(node, k) as usize & NODES];
            let agrees = u32::from(seat.expects) >> (8 - k) == node;
            let hope = maps.hopes[(usize::from(seat.hope) + k) % HOPES];
            let o = if agrees { self.logistic.stretch[hope.index()] } else { 0 };
            let one = seat.expects >> (7 - k) & 1 == 1;
            let p = maps.histories[usize::from(history)];
            *inputs = [self.logistic.stretch[p.index()], if one { o } else { -o }];
            tally.runs += i32::from(agrees);
            tally.known += i32::from(history != 0);
        }
        tally
    }

    /// The histories of the lower half that a node is in, empty ones where nothing is known.
    fn lower_half(&self, seat: &Seat, node: u32, k: usize) -> [u8; NODES + 1] {
        let m = mix(seat.hash, node >> (k - 4));
        let check = Self::lower_check(m);
        let line = &self.cells[Self::lower(self.lines, m)..][..LINE];
        let found = line.as_chunks().0.iter().find(|entry: &&[u8; LOWER]| entry[0] == check);
        found.copied().unwrap_or_default()
    }

    #[inline(always)]
    fn learn(&mut self, frame: &Frame) {
        let (k, contexts) = ((frame.k + 7) & 7, self.items.len());
        for (lane, &done) in frame.done.iter().enumerate() {
            let bit = done & 1;
            let within = within(done >> 1, k) as usize & NODES;
            let seats = &mut self.seats[lane * contexts..][..contexts];
            for (seat, maps) in seats.iter_mut().zip(&mut self.maps) {
                let history = usize::from(seat.history);
                maps.histories[history].learn(bit, HISTORY_LIMIT, frame.rates);
                seat.histories[within] = self.histories.next[history][bit as usize];
                let right = u32::from(u32::from(seat.one) == bit);
                maps.hopes[seat.hoped as usize % HOPES].learn(right, HOPE_LIMIT, frame.rates);
            }
        }
        // A history of nothing goes on meaning nothing.
        for maps in &mut self.maps {
            maps.histories[0] = maps::cell(maps::ONE / 2 + 1, FIRST_COUNT);
        }
        if k == 7 {
            self.learn_runs(&frame.done);
        }
    }

    /// Notes the bytes that came, as runs.
    #[inline(always)]
    fn learn_runs(&mut self, done: &[u32]) {
        let contexts = self.items.len();
        for context in 0..contexts {
            for (lane, &done) in done.iter().enumerate() {
                let at = self.seats[lane * contexts + context].run_at as usize;
                let run = &mut self.cells[at..at + 2];
                run[1] = match run[1] {
                    0 => 1,
                    length if run[0] == done as u8 => {
                        (length & MARK) | ((length & RUN_LIMIT).min(RUN_LIMIT - 1) + 1)
                    }
                    _ => MARK | 1,
                };
                run[0] = done as u8;
            }
        }
    }
}
