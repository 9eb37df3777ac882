//! The memory that all lanes of a block share: counters, runs and matches, mixed with the network.
//!
//! It stays as it is for the eight bits of a step, while lanes `mix`, `predict` and `note`; then
//! `learn` takes in all of it at once. `FORMAT.md`, sections 2.3 to 2.6.
#![forbid(unsafe_code)]

mod counters;
mod expected;
mod matches;
mod mixer;
mod runs;

use crate::history::{History, Words, at_node, own};
use counters::{Counter, Counters, Line};
use expected::{CELLS, Expected, Guesses, SOURCES};
use matches::Matches;
use mixer::{Mixer, Mixture};
use runs::{Run, Runs};

/// Mixer weights stay within plus and minus this; they are in 2^-20.
const WEIGHT_LIMIT: i64 = 1 << 22;
const MATCHES: usize = 2;
const MATCH_WEIGHT: i32 = 104_858;
const RUN_WEIGHT: i32 = 52429;

/// What a lane knows of its byte.
#[derive(Clone, Default)]
struct Lane {
    history: History,
    words: Words,
    /// Hash of each context of the counters.
    hashes: [u32; counters::CONTEXTS],
    /// Of the half byte that is being predicted.
    lines: [Line; counters::CONTEXTS],
    /// The checks of both half bytes.
    checks: [[u32; counters::CONTEXTS]; 2],
    runs: [Run; runs::CONTEXTS],
    /// Which of the own runs expect a byte, the first in the most significant bit.
    pattern: u8,
    guesses: Guesses,
    /// 1 followed by the known bits of the byte.
    node: u32,
}

/// One bit of a lane as the memory learns from it.
#[derive(Clone, Copy, Default)]
struct Noted {
    counters: [Counter; counters::CONTEXTS],
    mixture: Mixture,
    /// Sources that agreed before the bit.
    agreed: u8,
}

/// The memory of one block.
pub(crate) struct Memory {
    lanes: Vec<Lane>,
    /// By bit of the byte, then lane.
    noted: Vec<Noted>,
    counters: Counters,
    mixer: Mixer,
    runs: Runs,
    matches: [Matches; MATCHES],
    expected: Expected,
}

impl Memory {
    /// A fresh memory for a block of `size` places in so many lanes.
    pub(crate) fn new(size: usize, lanes: usize) -> Self {
        let slot_bits = counters::slot_bits(size);
        let mut hopes = [runs::first_hopes(); SOURCES];
        hopes[..MATCHES].fill(matches::first_hopes());
        let mut weights = [RUN_WEIGHT; SOURCES];
        weights[..MATCHES].fill(MATCH_WEIGHT);
        let mut memory = Self {
            lanes: vec![Lane::default(); lanes],
            noted: vec![Noted::default(); 8 * lanes],
            counters: Counters::new(slot_bits),
            mixer: Mixer::new(),
            runs: Runs::new(slot_bits - 1),
            matches: [Matches::new(lanes), Matches::new(lanes)],
            expected: Expected::new(hopes, weights),
        };
        for lane in 0..lanes {
            memory.take(lane, b' ');
        }
        memory
    }

    /// Takes a byte into a lane's history; what its contexts lead to is fetched.
    #[inline(always)]
    fn take(&mut self, number: usize, byte: u8) {
        let lane = &mut self.lanes[number];
        lane.history.push(byte);
        lane.words.push(byte);
        let number = number as u32;
        let [two, word] = [lane.history.context(2), lane.words.word()];
        let [own_two, own_word] = [own(two, number), own(word, number)];
        lane.hashes = [two, lane.history.context(4), word, own_two, own_word];
        let runs = [
            lane.history.context(6),
            lane.words.pair(),
            own_two,
            own(lane.history.context(3), number),
            own(lane.history.context(4), number),
            own_word,
        ];
        for (context, hash) in runs.into_iter().enumerate() {
            lane.runs[context] = self.runs.seek(context, hash);
        }
        for (context, &hash) in lane.hashes.iter().enumerate() {
            let line = self.counters.line(context, hash, 1);
            lane.lines[context] = line;
            lane.checks[0][context] = line.check();
        }
        lane.node = 1;
    }

    /// Looks up what the first `active` lanes expect for their next byte; `rows` is the text.
    pub(crate) fn look_up(&mut self, active: usize, rows: &[u8]) {
        for (number, lane) in self.lanes[..active].iter_mut().enumerate() {
            let mut guesses = Guesses::default();
            for (source, matches) in self.matches.iter().enumerate() {
                let found = matches.find(number, rows);
                let (byte, cell) = found.unwrap_or_default();
                guesses.byte[source] = byte;
                guesses.cell[source] = (source * CELLS) as u8 + cell;
                guesses.agrees |= u8::from(found.is_some()) << source;
            }
            let mut expects = 0;
            for (context, run) in lane.runs.iter_mut().enumerate() {
                *run = self.runs.find(*run);
                let source = MATCHES + context;
                guesses.byte[source] = run.byte();
                guesses.cell[source] = (source * CELLS) as u8 + run.cell();
                guesses.agrees |= u8::from(run.expects()) << source;
                expects = expects << 1 | u8::from(run.expects());
            }
            lane.pattern = expects & 15;
            lane.guesses = guesses;
        }
    }

    /// Mixes bit `k` of a lane, to which the network gives `zero` counts of 2^24 for a 0.
    #[inline(always)]
    pub(crate) fn mix(&mut self, number: usize, k: usize, zero: u32) {
        let lane = &self.lanes[number];
        let known = lane.node & ((1 << (k & 3)) - 1) | 1 << (k & 3);
        let counters = lane.lines.map(|line| self.counters.find(line, known));
        let expected = self.expected.predict(&lane.guesses, k);
        let ladders = self.ladders(lane, lane.node);
        let mixture = self.mixer.mix(zero, &counters, lane.pattern, expected, ladders);
        let agreed = lane.guesses.agrees;
        self.noted[k * self.lanes.len() + number] = Noted { counters, mixture, agreed };
    }

    /// The counts of a 0, of 2^24, for bit `k` of a lane that has been mixed.
    #[inline(always)]
    pub(crate) fn predict(&mut self, number: usize, k: usize) -> u32 {
        self.mixer.refine(&mut self.noted[k * self.lanes.len() + number].mixture)
    }

    /// The numbers of the two ladders at a node.
    #[inline(always)]
    fn ladders(&self, lane: &Lane, node: u32) -> [u32; 2] {
        let by_pair = at_node(lane.hashes[0], node) >> 16;
        [u32::from(lane.history.last()) << 8 | node, 1 << 16 | by_pair]
    }

    /// Notes bit `k` of a lane.
    #[inline(always)]
    pub(crate) fn note(&mut self, number: usize, k: usize, bit: u32) {
        let lane = &mut self.lanes[number];
        lane.node = lane.node << 1 | bit;
        lane.guesses.agrees = Expected::agreeing(&lane.guesses, k, bit);
        if k == 3 {
            for (context, &hash) in lane.hashes.iter().enumerate() {
                let line = self.counters.line(context, hash, lane.node);
                lane.lines[context] = line;
                lane.checks[1][context] = line.check();
            }
        }
    }

    /// Learns the byte that all lanes have taken, row `step` of the text.
    pub(crate) fn learn(&mut self, rows: &[u8], step: usize) {
        let lanes = self.lanes.len();
        let row = &rows[step * lanes..(step + 1) * lanes];
        for k in 0..8 {
            let noted = &self.noted[k * lanes..(k + 1) * lanes];
            for ((noted, lane), byte) in noted.iter().zip(&self.lanes).zip(row) {
                let bit = u32::from(byte >> (7 - k) & 1);
                let error = (bit << 16) as i32 - (noted.mixture.one >> 8) as i32;
                let checks = &lane.checks[k / 4];
                for (&counter, &check) in noted.counters.iter().zip(checks) {
                    self.counters.learn(counter, check, bit);
                }
                self.mixer.learn_rungs(&noted.mixture, bit);
                self.mixer.note(&noted.counters, lane.pattern, noted.mixture.network, error);
                self.expected.note(&lane.guesses, noted.agreed, k, bit, error);
            }
        }
        self.mixer.learn_weights();
        self.expected.learn();
        for (lane, &byte) in self.lanes.iter().zip(row) {
            for run in lane.runs {
                self.runs.learn(run, byte);
            }
        }
        for (number, &byte) in row.iter().enumerate() {
            self.take(number, byte);
            let history = self.lanes[number].history;
            self.matches[0].seek(number, history.context(8));
            self.matches[1].seek(number, own(history.context(5), number as u32));
        }
        for matches in &mut self.matches {
            matches.learn(rows);
        }
    }
}
