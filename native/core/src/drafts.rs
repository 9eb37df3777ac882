//! Drafts: what proposes the bytes that come next in a lane. Nothing that is decoded depends on it.
#![forbid(unsafe_code)]

use crate::memory::{Alone, Runs};
use crate::network::{Group, Network, Row};
use crate::shape::VOCABULARY;

/// Kinds of proposals that a draft may tell apart.
pub(crate) const KINDS: usize = 128;

/// A byte that may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) byte: u8,
    /// Below `KINDS`: proposals of one kind are right about equally often.
    pub(crate) kind: usize,
}

/// What proposes bytes.
pub(crate) trait Draft {
    /// A byte came in a lane.
    fn take(&mut self, lane: usize, byte: u8);

    /// What comes after a lane's bytes, if these drafted ones come first.
    fn propose(&mut self, lane: usize, drafted: &[u8], memory: &Alone) -> Option<Proposal>;
}

/// Last bytes of a context, the longest first.
const ORDERS: [u32; 6] = [8, 6, 5, 4, 3, 2];
/// Base-2 logarithm of the contexts that are kept of each order.
const LATEST_BITS: std::ops::Range<u32> = 8..16;
/// How often in a row that are told apart.
const TIMES: u8 = 15;

/// The last match: what came after the last occurrence of the last bytes, in any lane.
pub(crate) struct Latest {
    bits: u32,
    /// By order and hash.
    entries: Vec<Entry>,
    /// By lane, the last bytes, the newest lowest.
    last: Vec<u64>,
}

/// What came after a context.
#[derive(Clone, Copy, Default)]
struct Entry {
    check: u16,
    byte: u8,
    /// How often in a row that byte came; 0 where nothing did.
    times: u8,
}

impl Latest {
    /// For so many bytes of text in lanes.
    pub(crate) fn new(length: usize, lanes: usize) -> Self {
        let bits = (length + 1).ilog2().clamp(LATEST_BITS.start, LATEST_BITS.end);
        let entries = vec![Entry::default(); ORDERS.len() << bits];
        Self { bits, entries, last: vec![0; lanes] }
    }

    /// Where an order keeps what came after these bytes, and what tells them from others there.
    fn place(&self, order: usize, last: u64) -> (usize, u16) {
        let kept = last & (u64::MAX >> (64 - 8 * ORDERS[order]));
        let mixed = (kept ^ kept >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let at = (mixed >> (64 - self.bits)) as usize;
        ((order << self.bits) + at, (mixed >> 16) as u16)
    }
}

impl Draft for Latest {
    fn take(&mut self, lane: usize, byte: u8) {
        for order in 0..ORDERS.len() {
            let (place, check) = self.place(order, self.last[lane]);
            let entry = &mut self.entries[place];
            let again = entry.times > 0 && (entry.check, entry.byte) == (check, byte);
            let times = if again { (entry.times + 1).min(TIMES) } else { 1 };
            *entry = Entry { check, byte, times };
        }
        self.last[lane] = self.last[lane] << 8 | u64::from(byte);
    }

    fn propose(&mut self, lane: usize, drafted: &[u8], _: &Alone) -> Option<Proposal> {
        let last = after(self.last[lane], drafted);
        (0..ORDERS.len()).find_map(|order| {
            let (place, check) = self.place(order, last);
            let Entry { check: found, byte, times } = self.entries[place];
            let kind = 16 * order + usize::from(times);
            (times > 0 && found == check).then_some(Proposal { byte, kind })
        })
    }
}

/// The last bytes, the newest lowest, once others have come.
fn after(last: u64, drafted: &[u8]) -> u64 {
    drafted.iter().fold(last, |last, &byte| last << 8 | u64::from(byte))
}

impl Draft for Runs {
    fn take(&mut self, _: usize, _: u8) {}

    /// What the memory has seen last after the longest context that it knows.
    fn propose(&mut self, lane: usize, drafted: &[u8], memory: &Alone) -> Option<Proposal> {
        let last = after(memory.last(lane), drafted);
        let (byte, number, run) = self.longest(memory, last)?;
        Some(Proposal { byte, kind: 16 * number.min(KINDS / 16 - 1) + run })
    }
}

/// A small network's likeliest byte.
pub(crate) struct Small {
    group: Box<dyn Group>,
    lanes: Vec<Following>,
}

/// How far a small network is in a lane.
struct Following {
    /// Bytes that have come and that it has not read.
    unread: Vec<u8>,
    /// Drafted bytes that it has read.
    drafted: Vec<u8>,
    /// What it says comes after all that it has read.
    evidence: Vec<i32>,
}

impl Small {
    /// Proposes so many bytes ahead at most.
    pub(crate) fn new(network: &Network, lanes: usize, width: usize) -> Self {
        let lane =
            || Following { unread: Vec::new(), drafted: Vec::new(), evidence: vec![0; VOCABULARY] };
        let group = network.group(lanes, 1, width);
        Self { group, lanes: (0..lanes).map(|_| lane()).collect() }
    }
}

impl Draft for Small {
    fn take(&mut self, lane: usize, byte: u8) {
        let following = &mut self.lanes[lane];
        if following.drafted.first() == Some(&byte) {
            following.drafted.remove(0);
            return;
        }
        self.group.back(lane, following.drafted.len());
        following.drafted.clear();
        following.unread.push(byte);
    }

    fn propose(&mut self, lane: usize, drafted: &[u8], _: &Alone) -> Option<Proposal> {
        let Following { unread, drafted: read, evidence } = &mut self.lanes[lane];
        for byte in unread.drain(..) {
            self.group.step(&[Row { lane, byte }], evidence);
        }
        for &byte in &drafted[read.len()..] {
            self.group.step(&[Row { lane, byte }], evidence);
            read.push(byte);
        }
        let total: i64 = evidence.iter().map(|&count| i64::from(count)).sum();
        let counts = evidence.iter().zip(0..=u8::MAX);
        let (&count, byte) = counts.max_by_key(|&(count, _)| *count)?;
        let kind = i64::from(count) * KINDS as i64 / (total + 1);
        Some(Proposal { byte, kind: kind as usize })
    }
}
