//! Where three bytes occurred before, and the longest match there. `FORMAT.md`, section 7.2.
#![forbid(unsafe_code)]

use super::tokens::{LONGEST, SHORTEST, Token};

/// What a stream is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// 1 to 9.
    pub level: usize,
    /// Bits of the window, 9 to 15.
    pub window: u32,
    /// Blocks of twice as many tokens.
    pub large: bool,
    /// Keys of a bit more.
    pub wide: bool,
}

impl Shape {
    /// Tokens that end a block.
    pub fn block(self) -> usize {
        (1 << if self.large { 15 } else { 14 }) - 1
    }
}

/// How long a search goes on.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// A match of which fewer positions are visited for a longer one.
    good: usize,
    /// A match that is taken without a look at the next position, or, where no such look is taken,
    /// the longest one whose positions are all entered.
    pub lazy: usize,
    nice: usize,
    chain: usize,
}

impl Effort {
    pub fn of(level: usize) -> Self {
        let (good, lazy, nice, chain) = match level {
            1 => (4, 4, 8, 4),
            2 => (4, 5, 16, 8),
            3 => (4, 6, 32, 32),
            4 => (4, 4, 16, 16),
            5 => (8, 16, 32, 32),
            6 => (8, 16, 128, 128),
            7 => (8, 32, 128, 256),
            8 => (32, 128, 258, 1024),
            _ => (32, 258, 258, 4096),
        };
        Self { good, lazy, nice, chain }
    }
}

/// The positions of a text by their keys, each with the one before of its key.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    /// The last position of each key; 0 is none, as the first position never counts.
    heads: Vec<u32>,
    /// The one before each position of the window.
    before: Vec<u32>,
    /// The first position that was not entered yet.
    next: usize,
    shift: u32,
    /// The farthest that a match begins before its text.
    reach: usize,
}

impl Chains {
    /// Begins a text.
    pub fn begin(&mut self, shape: Shape) {
        let bits = if shape.wide { 16_u32 } else { 15 };
        self.heads.clear();
        self.heads.resize(1 << bits, 0);
        // What is here from another text is never read.
        self.before.resize(1 << shape.window, 0);
        self.next = 0;
        self.shift = bits.div_ceil(3);
        self.reach = (1 << shape.window) - 262;
    }

    /// Enters the positions before this one.
    #[inline]
    pub fn enter(&mut self, text: &[u8], end: usize) {
        let mask = self.before.len() - 1;
        let first = self.next.min(end);
        self.next = self.next.max(end);
        let three = &text[first..text.len().min(end + 2)];
        for (q, bytes) in (first..).zip(three.windows(3)) {
            let [a, b, c] = [0, 1, 2].map(|i| usize::from(bytes[i]));
            let key = (a << (2 * self.shift) ^ b << self.shift ^ c) & (self.heads.len() - 1);
            self.before[q & mask] = std::mem::replace(&mut self.heads[key], q as u32);
        }
    }

    /// Leaves out the positions before this one.
    pub fn leave(&mut self, end: usize) {
        self.next = self.next.max(end);
    }

    /// The match longer than `best` for the text from `p` on, which is entered.
    #[inline]
    pub fn find(&mut self, text: &[u8], p: usize, best: usize, effort: Effort) -> Option<Token> {
        self.enter(text, p + 1);
        let room = text.len() - p;
        // `best` is less than the longest match, so that there is something to look for.
        if room < SHORTEST || room <= best {
            return None;
        }
        let before = &self.before[..];
        let mask = before.len() - 1;
        let mut q = before[p & mask] as usize;
        if q == 0 || p - q > self.reach {
            return None;
        }
        let (most, nice) = (room.min(LONGEST), effort.nice.min(room));
        let floor = p.saturating_sub(self.reach);
        let mut chain = if best >= effort.good { effort.chain >> 2 } else { effort.chain };
        let (mut best, mut place) = (best, None);
        let mut ends = [text[p + best - 1], text[p + best]];
        loop {
            if text[q + best - 1..=q + best] == ends {
                let length = agreement(text, p, q, most);
                if length > best {
                    (best, place) = (length, Some(q));
                    if length >= nice {
                        break;
                    }
                    ends = [text[p + best - 1], text[p + best]];
                }
            }
            chain -= 1;
            q = before[q & mask] as usize;
            if q <= floor || chain == 0 {
                break;
            }
        }
        place.map(|place| Token::matching(best, p - place))
    }
}

/// The bytes, at most so many, in which the texts from two positions agree.
#[inline]
fn agreement(text: &[u8], p: usize, q: usize, most: usize) -> usize {
    let (later, earlier) = (&text[p..p + most], &text[q..q + most]);
    let ((later, rest), (earlier, other)) = (later.as_chunks(), earlier.as_chunks());
    for (i, (x, y)) in later.iter().zip(earlier).enumerate() {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differ != 0 {
            return 8 * i + differ.trailing_zeros() as usize / 8;
        }
    }
    8 * later.len() + rest.iter().zip(other).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { level: 9, window: 9, large: false, wide: false };

    /// The match at the end of a text before so many bytes.
    fn found(text: &[u8], rest: usize, best: usize, level: usize) -> Option<(usize, usize)> {
        let mut chains = Chains::default();
        chains.begin(SHAPE);
        let token = chains.find(text, text.len() - rest, best, Effort::of(level))?;
        Some((token.length(), token.distance()))
    }

    #[test]
    fn the_first_position_never_counts() {
        assert_eq!(found(b"abcdabcd", 4, 2, 9), None);
        assert_eq!(found(b".abcdabcd", 4, 2, 9), Some((4, 4)));
    }

    #[test]
    fn the_nearest_of_equal_matches_is_found_and_a_longer_one_farther() {
        let text = b".abcdef..abcd..abcd..abcd";
        assert_eq!(found(text, 4, 2, 9), Some((4, 6)));
        assert_eq!(found(b".abcde..abcd..abcde", 5, 2, 9), Some((5, 13)));
        assert_eq!(found(b".abcde..abcd..abcde", 5, 4, 9), Some((5, 13)));
        assert_eq!(found(b".abcde..abcd..abcde", 5, 5, 9), None);
        assert_eq!(found(b".abcde..abcd..ab", 2, 2, 9), None);
    }

    #[test]
    fn matches_overlap_and_end_with_the_text() {
        assert_eq!(found(&[7; 40], 30, 2, 9), Some((30, 1)));
        assert_eq!(found(&[7; 400], 300, 2, 9), Some((258, 1)));
    }

    #[test]
    fn as_many_positions_are_visited_as_the_level_says() {
        let mut text = b".abcdefgh".to_vec();
        (0..4).for_each(|_| text.extend(b"abc.."));
        text.extend(b"abcdefgh");
        assert_eq!(found(&text, 8, 2, 1), Some((3, 5)));
        assert_eq!(found(&text, 8, 2, 2), Some((8, 28)));
    }

    #[test]
    fn a_match_begins_within_reach() {
        let text = |between: usize| {
            let mut text = b".abcd".to_vec();
            text.extend((0..between).map(|i| 128 + i as u8 % 120));
            text.extend(b"abcd");
            text
        };
        assert_eq!(found(&text(246), 4, 2, 9), Some((4, 250)));
        assert_eq!(found(&text(247), 4, 2, 9), None);
    }

    #[test]
    fn agreement_is_counted_at_any_length() {
        for length in 0..40 {
            let mut text = vec![0; 100];
            text[50 + length] = 1;
            assert_eq!(agreement(&text, 50, 0, 45), length);
            assert_eq!(agreement(&text, 50, 0, length), length);
        }
    }
}
