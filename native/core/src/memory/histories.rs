//! Bit histories: what a context has seen at one node, in one byte.
//!
//! A history is how many zeros and ones came, up to bounds that fall with the rarer count, and,
//! where there is room, which came last. The idea is that of PAQ6 (M. Mahoney, "Adaptive Weighing
//! of Context Models for Lossless Data Compression", 2005, section 3); the table is this format's.
#![forbid(unsafe_code)]

use std::sync::LazyLock;

/// The greatest count of the more frequent bit, by the count of the rarer one.
const BOUNDS: [u32; 6] = [20, 48, 15, 8, 6, 5];
/// Up to this many bits a history of both tells which came last.
const LAST_UP_TO: u32 = 17;

/// One history; the last bit is 2 where it is not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct History {
    counts: [u32; 2],
    last: u32,
}

impl History {
    fn fits(counts: [u32; 2]) -> bool {
        let (rare, frequent) = (counts[0].min(counts[1]), counts[0].max(counts[1]));
        BOUNDS.get(rare as usize).is_some_and(|&bound| frequent <= bound)
    }

    /// The history with these counts after a bit, or `None` where there is none.
    fn new(counts: [u32; 2], last: u32) -> Option<Self> {
        let told = counts[0] > 0 && counts[1] > 0 && counts[0] + counts[1] <= LAST_UP_TO;
        let last = if told { last } else { 2 };
        (Self::fits(counts) && told == (last < 2)).then_some(Self { counts, last })
    }

    fn after(self, bit: u32) -> Self {
        let (bit, other) = (bit as usize, 1 - bit as usize);
        let mut counts = self.counts;
        counts[bit] += 1;
        // Much of what speaks against the bit is forgotten: data change.
        counts[other] = match counts[other] {
            few @ 0..=5 => few,
            6 => 5,
            7 => 6,
            _ => 7,
        };
        while !Self::fits(counts) {
            // What speaks against the bit goes first, so that no history stays what nothing changes.
            if counts[other] > 1 {
                counts[other] -= 1;
            } else {
                counts[bit] -= 1;
            }
        }
        Self::new(counts, bit as u32).expect("it fits")
    }
}

/// The table of all histories.
pub(crate) struct Histories {
    /// By history and bit, the history after it.
    pub(crate) next: [[u8; 2]; 256],
    /// The probability of a 1 that a history stands for before any experience, in 2^-16.
    pub(crate) first: [u32; 256],
    /// Bits seen.
    pub(crate) total: [u8; 256],
}

impl Histories {
    fn new() -> Self {
        let mut all = vec![];
        for total in 0..=BOUNDS[0].max(BOUNDS[1]) + 1 {
            for ones in 0..=total {
                for last in 0..3 {
                    if let Some(history) = History::new([total - ones, ones], last)
                        && !all.contains(&history)
                    {
                        all.push(history);
                    }
                }
            }
        }
        assert!(all.len() <= 256, "{} histories", all.len());
        let number = |history: History| {
            all.iter().position(|&other| other == history).expect("every history is listed") as u8
        };
        let mut table = Self { next: [[0; 2]; 256], first: [1 << 15; 256], total: [0; 256] };
        for (at, &history) in all.iter().enumerate() {
            let [zeros, ones] = history.counts;
            let total = zeros + ones;
            table.next[at] = [number(history.after(0)), number(history.after(1))];
            table.total[at] = total as u8;
            table.first[at] = match (zeros, ones) {
                (0, 0) => 1 << 15,
                (_, 0) => (1 << 16) / (3 * total + 3),
                (0, _) => (1 << 16) - (1 << 16) / (3 * total + 3),
                _ => (5 * ones + 2) * (1 << 16) / (5 * total + 4),
            };
        }
        table
    }
}

pub(crate) static HISTORIES: LazyLock<Box<Histories>> =
    LazyLock::new(|| Box::new(Histories::new()));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_history_leads_to_others_and_remembers_the_bit() {
        let mut at = 0;
        for _ in 0..100 {
            at = HISTORIES.next[usize::from(at)][1];
        }
        let probability = |at: u8| HISTORIES.first[usize::from(at)];
        assert_eq!(u32::from(HISTORIES.total[usize::from(at)]), BOUNDS[0]);
        let sure = probability(at);
        assert!(sure > 64_000);
        let mut last = sure;
        for _ in 0..12 {
            at = HISTORIES.next[usize::from(at)][0];
            assert!(probability(at) < last || last < 1 << 14);
            last = probability(at);
        }
        assert!(last < 1 << 14);
    }
}
