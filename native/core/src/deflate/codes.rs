//! Codes of deflate: the lengths that zlib gives them, their descriptions, and what blocks cost.
//! `FORMAT.md`, sections 7.4 and 7.5.
#![forbid(unsafe_code)]

use super::bits::{Reader, Writer};
use super::tokens::{LONGEST, SHORTEST, Token};

/// Symbols of literals and lengths that occur, of distances, and of descriptions.
pub const LITERALS: usize = 286;
pub const DISTANCES: usize = 30;
const DESCRIBING: usize = 19;
/// The symbol behind the last token of a block.
pub const END: usize = 256;
/// The symbol of the shortest match.
pub const FIRST_LENGTH: usize = 257;
/// The most bits of a code, and of one for descriptions.
pub const TOP: usize = 15;
const DESCRIBING_TOP: usize = 7;
/// The order in which the lengths of the code for descriptions are written.
const ORDER: [usize; DESCRIBING] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The least length of each symbol from 257 on, and the bits of what is added to it.
pub const LENGTHS: [(u16, u8); 29] = ranges(4, SHORTEST, 28);
/// The least distance of each symbol, and the bits of what is added to it.
pub const DISTANCE_RANGES: [(u16, u8); DISTANCES] = ranges(2, 1, DISTANCES);

/// Ranges of which so many share a number of bits, but for the first ones, which are twice as many
/// without any. The greatest length has a symbol of its own.
const fn ranges<const N: usize>(share: usize, first: usize, steady: usize) -> [(u16, u8); N] {
    let mut ranges = [(LONGEST as u16, 0); N];
    let (mut i, mut least) = (0, first);
    while i < steady {
        let bits = if i < share { 0 } else { i / share - 1 };
        ranges[i] = (least as u16, bits as u8);
        least += 1 << bits;
        i += 1;
    }
    ranges
}

/// The symbol less 257 of each length, from 3 on.
const LENGTH_SYMBOLS: [u8; 256] = {
    let mut symbols = [0; 256];
    let (mut i, mut symbol) = (0, 0);
    while i < 256 {
        while symbol < 28 && LENGTHS[symbol + 1].0 as usize <= i + SHORTEST {
            symbol += 1;
        }
        symbols[i] = symbol as u8;
        i += 1;
    }
    symbols
};

/// The symbol less 257 of a match's length.
#[inline]
fn length_symbol(length: usize) -> usize {
    usize::from(LENGTH_SYMBOLS[length - SHORTEST])
}

/// The symbol of a match's distance.
#[inline]
fn distance_symbol(distance: usize) -> usize {
    let value = distance - 1;
    if value < 4 {
        return value;
    }
    let bits = value.ilog2() as usize;
    2 * bits + (value >> (bits - 1) & 1)
}

/// How often each symbol occurs in a block.
#[derive(Clone, Debug)]
pub struct Counts {
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
    /// Bits that are added to symbols.
    added: u64,
}

impl Counts {
    /// Those of a block without tokens, which has an end.
    pub fn new() -> Self {
        let mut counts = Self { literals: [0; LITERALS], distances: [0; DISTANCES], added: 0 };
        counts.literals[END] = 1;
        counts
    }

    /// Counts a token of which this is the first byte.
    #[inline]
    pub fn add(&mut self, token: Token, byte: u8) {
        if token.is_literal() {
            self.literals[usize::from(byte)] += 1;
            return;
        }
        let (length, distance) = (length_symbol(token.length()), distance_symbol(token.distance()));
        self.literals[FIRST_LENGTH + length] += 1;
        self.distances[distance] += 1;
        self.added += u64::from(LENGTHS[length].1 + DISTANCE_RANGES[distance].1);
    }
}

/// A code of literals and lengths and one of distances, by the lengths of their symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lengths {
    pub literals: Vec<u8>,
    pub distances: Vec<u8>,
}

impl Lengths {
    /// The fixed codes, with two symbols of lengths that never occur.
    pub fn fixed() -> Self {
        let literals = [(144, 8), (112, 9), (24, 7), (8, 8)];
        let literals = literals.into_iter().flat_map(|(n, length)| std::iter::repeat_n(length, n));
        Self { literals: literals.collect(), distances: vec![5; DISTANCES] }
    }

    /// The codes that a block of such counts gets; the lists reach up to the last symbol of each.
    pub fn own(counts: &Counts) -> Self {
        Self { literals: own(&counts.literals, TOP), distances: own(&counts.distances, TOP) }
    }

    /// Bits of a block's symbols; None where one has no code.
    pub fn cost(&self, counts: &Counts) -> Option<u64> {
        let literals = cost(&counts.literals, &self.literals)?;
        Some(literals + cost(&counts.distances, &self.distances)? + counts.added)
    }

    /// The description of these codes, of which each has a last symbol.
    pub fn describe(&self) -> Writer {
        let mut pieces = Vec::new();
        describe(&self.literals, &mut pieces);
        describe(&self.distances, &mut pieces);
        let mut counts = [0; DESCRIBING];
        pieces.iter().for_each(|piece| counts[piece.symbol] += 1);
        let mut lengths = own(&counts, DESCRIBING_TOP);
        let codes = codes(&lengths);
        lengths.resize(DESCRIBING, 0);
        let written = 1 + ORDER.iter().rposition(|&symbol| lengths[symbol] > 0).unwrap_or(0);
        let written = written.max(4);
        let mut writer = Writer::default();
        writer.put(self.literals.len() - FIRST_LENGTH, 5);
        writer.put(self.distances.len() - 1, 5);
        writer.put(written - 4, 4);
        ORDER[..written].iter().for_each(|&symbol| writer.put(usize::from(lengths[symbol]), 3));
        for piece in pieces {
            let symbol = piece.symbol;
            writer.put(usize::from(codes[symbol]), u32::from(lengths[symbol]));
            writer.put(piece.added, ADDED[symbol]);
        }
        writer
    }

    /// Reads a description; None where it is none, or a code not complete. Of distances there may be
    /// one alone, of one bit, or none.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let literals = reader.take(5)? + FIRST_LENGTH;
        let distances = reader.take(5)? + 1;
        let written = reader.take(4)? + 4;
        if literals > LITERALS || distances > DISTANCES {
            return None;
        }
        let mut describing = [0; DESCRIBING];
        for &symbol in &ORDER[..written] {
            describing[symbol] = reader.take(3)? as u8;
        }
        if !is_complete(&describing) {
            return None;
        }
        let lengths = described(&Decoder::new(&describing), reader, literals + distances)?;
        let (literals, distances) = lengths.split_at(literals);
        let sum: usize = distances.iter().map(|&length| usize::from(length)).sum();
        let fine =
            literals[END] > 0 && is_complete(literals) && (sum <= 1 || is_complete(distances));
        fine.then(|| Self { literals: literals.to_vec(), distances: distances.to_vec() })
    }
}

/// Reads the lengths of so many symbols.
fn described(decoder: &Decoder, reader: &mut Reader<'_>, symbols: usize) -> Option<Vec<u8>> {
    let mut lengths = Vec::with_capacity(symbols);
    while lengths.len() < symbols {
        reader.refill();
        let symbol = decoder.symbol(reader)?;
        let least = [3, 3, 11];
        if symbol < REPEAT {
            lengths.push(symbol as u8);
            continue;
        }
        let length = if symbol == REPEAT { *lengths.last()? } else { 0 };
        let run = least[symbol - REPEAT] + reader.take(ADDED[symbol])?;
        if lengths.len() + run > symbols {
            return None;
        }
        lengths.resize(lengths.len() + run, length);
    }
    Some(lengths)
}

/// The sum of what each symbol costs as often as it occurs; None where one has no code.
fn cost(counts: &[u32], lengths: &[u8]) -> Option<u64> {
    let of = |(symbol, &count): (usize, &u32)| match (count, lengths.get(symbol)) {
        (0, _) => Some(0),
        (_, None | Some(0)) => None,
        (_, Some(&length)) => Some(u64::from(count) * u64::from(length)),
    };
    counts.iter().enumerate().map(of).sum()
}

/// Whether a code has each sequence of bits.
fn is_complete(lengths: &[u8]) -> bool {
    let used = lengths.iter().filter(|&&length| length > 0);
    used.map(|&length| 1 << (TOP - usize::from(length))).sum::<u32>() == 1 << TOP
}

/// The code of each symbol as it is written, its first bit lowest.
pub fn codes(lengths: &[u8]) -> Vec<u16> {
    let mut next = [0_u16; TOP + 2];
    lengths.iter().filter(|&&length| length > 0).for_each(|&l| next[usize::from(l) + 1] += 1);
    for length in 1..next.len() {
        next[length] = next[length].wrapping_add(next[length - 1]) << 1;
    }
    let code = |&length: &u8| {
        if length == 0 {
            return 0;
        }
        let code = next[usize::from(length)];
        next[usize::from(length)] = code.wrapping_add(1);
        code.reverse_bits() >> (16 - u32::from(length))
    };
    lengths.iter().map(code).collect()
}

/// The symbol of a description that repeats the length before; two others repeat zeros.
const REPEAT: usize = 16;
const FEW_ZEROS: usize = 17;
const MANY_ZEROS: usize = 18;
/// Bits that are added to each symbol of a description.
const ADDED: [u32; DESCRIBING] = {
    let mut added = [0; DESCRIBING];
    (added[REPEAT], added[FEW_ZEROS], added[MANY_ZEROS]) = (2, 3, 7);
    added
};

/// A symbol of a description, and what is added to it.
struct Piece {
    symbol: usize,
    added: usize,
}

/// Appends the description of a list of lengths.
fn describe(lengths: &[u8], pieces: &mut Vec<Piece>) {
    let mut before = None;
    let mut rest = lengths;
    while let Some(&length) = rest.first() {
        let same = before == Some(length);
        let most = match length {
            0 => 138,
            _ if same => 6,
            _ => 7,
        };
        let run = rest.iter().take(most).take_while(|&&other| other == length).count();
        let symbol = usize::from(length);
        if run < 3 || run < 4 && length > 0 && !same {
            pieces.extend((0..run).map(|_| Piece { symbol, added: 0 }));
        } else if length > 0 {
            if !same {
                pieces.push(Piece { symbol, added: 0 });
            }
            pieces.push(Piece { symbol: REPEAT, added: run - 3 - usize::from(!same) });
        } else if run <= 10 {
            pieces.push(Piece { symbol: FEW_ZEROS, added: run - 3 });
        } else {
            pieces.push(Piece { symbol: MANY_ZEROS, added: run - 11 });
        }
        before = Some(length);
        rest = &rest[run..];
    }
}

/// The heap of nodes of which the rarest is first.
struct Heap {
    /// From 1 on.
    nodes: Vec<usize>,
    counts: Vec<u64>,
    depths: Vec<u32>,
}

impl Heap {
    fn size(&self) -> usize {
        self.nodes.len() - 1
    }

    fn less(&self, x: usize, y: usize) -> bool {
        (self.counts[x], self.depths[x]) <= (self.counts[y], self.depths[y])
    }

    fn sift(&mut self, mut k: usize) {
        let node = self.nodes[k];
        let mut j = 2 * k;
        while j <= self.size() {
            if j < self.size() && self.less(self.nodes[j + 1], self.nodes[j]) {
                j += 1;
            }
            if self.less(node, self.nodes[j]) {
                break;
            }
            self.nodes[k] = self.nodes[j];
            k = j;
            j *= 2;
        }
        self.nodes[k] = node;
    }

    /// Takes out the rarest.
    fn pop(&mut self) -> usize {
        let rarest = self.nodes[1];
        self.nodes.swap_remove(1);
        if self.size() > 0 {
            self.sift(1);
        }
        rarest
    }

    /// Joins all nodes to a tree: the list of them in the order in which they were joined, the root
    /// last, and the parent of each.
    fn join(mut self) -> (Vec<usize>, Vec<usize>) {
        let mut parents = vec![0; self.counts.len()];
        let mut joined = Vec::with_capacity(2 * self.nodes.len());
        (1..=self.size() / 2).rev().for_each(|k| self.sift(k));
        while self.size() >= 2 {
            let x = self.pop();
            let y = self.nodes[1];
            let node = self.counts.len();
            joined.extend([x, y]);
            self.counts.push(self.counts[x] + self.counts[y]);
            self.depths.push(self.depths[x].max(self.depths[y]) + 1);
            parents.push(0);
            (parents[x], parents[y]) = (node, node);
            self.nodes[1] = node;
            self.sift(1);
        }
        joined.push(self.nodes[1]);
        (joined, parents)
    }
}

/// The lengths of zlib's code for symbols of such counts, up to the last one that it has.
fn own(counts: &[u32], top: usize) -> Vec<u8> {
    let mut counts: Vec<u64> = counts.iter().map(|&count| u64::from(count)).collect();
    let symbols = counts.len();
    let mut nodes = vec![0];
    nodes.extend((0..symbols).filter(|&symbol| counts[symbol] > 0));
    let mut end = if nodes.len() > 1 { nodes[nodes.len() - 1] + 1 } else { 0 };
    while nodes.len() < 3 {
        // Two codes at least.
        let symbol = if end < 3 { end } else { 0 };
        end = end.max(symbol + 1);
        nodes.push(symbol);
        counts[symbol] = 1;
    }
    let (joined, parents) = Heap { nodes, counts, depths: vec![0; symbols] }.join();
    let mut lengths = vec![0_u8; parents.len()];
    let mut numbers = [0_usize; TOP + 1];
    let mut over = 0_i32;
    for &node in joined.iter().rev().skip(1) {
        let length = usize::from(lengths[parents[node]]) + 1;
        over += i32::from(length > top);
        lengths[node] = length.min(top) as u8;
        if node < symbols {
            numbers[length.min(top)] += 1;
        }
    }
    if over > 0 {
        shorten(&mut numbers, top, over);
        let mut of_symbols = joined.iter().filter(|&&node| node < symbols);
        for length in (1..=top).rev() {
            for &symbol in of_symbols.by_ref().take(numbers[length]) {
                lengths[symbol] = length as u8;
            }
        }
    }
    lengths.truncate(end);
    lengths
}

/// Makes the numbers of symbols of each length a code again where some were too long.
fn shorten(numbers: &mut [usize; TOP + 1], top: usize, mut over: i32) {
    while over > 0 {
        let length = (1..top).rev().find(|&length| numbers[length] > 0);
        let length = length.expect("a code with a length beyond the greatest has a lesser one");
        numbers[length] -= 1;
        numbers[length + 1] += 2;
        numbers[top] -= 1;
        over -= 2;
    }
}

/// Bits that one look into a table decodes.
const LOOK: u32 = 10;

/// Finds the symbols of a code.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// For the next bits 16 times a symbol and its length; 0 where the code is longer, or none.
    table: Vec<u16>,
    /// Symbols of each length, and all of them, by length and value.
    numbers: [u16; TOP + 1],
    symbols: Vec<u16>,
}

impl Decoder {
    pub fn new(lengths: &[u8]) -> Self {
        let mut table = vec![0; 1 << LOOK];
        let mut numbers = [0; TOP + 1];
        for (symbol, (&length, code)) in lengths.iter().zip(codes(lengths)).enumerate() {
            numbers[usize::from(length)] += u16::from(length > 0);
            if (1..=LOOK).contains(&u32::from(length)) {
                let entries = table.iter_mut().skip(usize::from(code)).step_by(1 << length);
                entries.for_each(|entry| *entry = (symbol as u16) << 4 | u16::from(length));
            }
        }
        let mut symbols: Vec<u16> = (0..lengths.len() as u16).collect();
        symbols.retain(|&symbol| lengths[usize::from(symbol)] > 0);
        symbols.sort_by_key(|&symbol| lengths[usize::from(symbol)]);
        Self { table, numbers, symbols }
    }

    /// Takes the next symbol of a refilled reader; None where the bits are none, or have ended.
    #[inline]
    pub fn symbol(&self, reader: &mut Reader<'_>) -> Option<usize> {
        let entry = self.table[reader.peek(LOOK)];
        if entry == 0 {
            return self.long(reader);
        }
        reader.skip(u32::from(entry & 15))?;
        Some(usize::from(entry >> 4))
    }

    /// As `symbol`, for codes of any length, bit by bit.
    #[cold]
    fn long(&self, reader: &mut Reader<'_>) -> Option<usize> {
        let bits = reader.peek(TOP as u32);
        let (mut code, mut first, mut index) = (0, 0, 0);
        for length in 1..=TOP {
            code = 2 * code + (bits >> (length - 1) & 1);
            let number = usize::from(self.numbers[length]);
            if code < first + number {
                reader.skip(length as u32)?;
                return Some(usize::from(self.symbols[index + code - first]));
            }
            index += number;
            first = 2 * (first + number);
        }
        None
    }
}

/// Writes tokens with two codes.
pub struct Encoder<'a> {
    lengths: &'a Lengths,
    literals: Vec<u16>,
    distances: Vec<u16>,
}

impl<'a> Encoder<'a> {
    pub fn new(lengths: &'a Lengths) -> Self {
        Self { lengths, literals: codes(&lengths.literals), distances: codes(&lengths.distances) }
    }

    /// Writes a token of which this is the first byte.
    #[inline]
    pub fn put(&self, token: Token, byte: u8, writer: &mut Writer) {
        if token.is_literal() {
            self.put_literal(usize::from(byte), writer);
            return;
        }
        let (length, distance) = (length_symbol(token.length()), distance_symbol(token.distance()));
        self.put_literal(FIRST_LENGTH + length, writer);
        let (least, bits) = LENGTHS[length];
        writer.put(token.length() - usize::from(least), u32::from(bits));
        let code = usize::from(self.distances[distance]);
        writer.put(code, u32::from(self.lengths.distances[distance]));
        let (least, bits) = DISTANCE_RANGES[distance];
        writer.put(token.distance() - usize::from(least), u32::from(bits));
    }

    /// Writes the end of a block.
    pub fn put_end(&self, writer: &mut Writer) {
        self.put_literal(END, writer);
    }

    #[inline]
    fn put_literal(&self, symbol: usize, writer: &mut Writer) {
        let code = usize::from(self.literals[symbol]);
        writer.put(code, u32::from(self.lengths.literals[symbol]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        assert_eq!(LENGTHS[0], (3, 0));
        assert_eq!(LENGTHS[8], (11, 1));
        assert_eq!(LENGTHS[27], (227, 5));
        assert_eq!(LENGTHS[28], (258, 0));
        assert_eq!(DISTANCE_RANGES[3], (4, 0));
        assert_eq!(DISTANCE_RANGES[4], (5, 1));
        assert_eq!(DISTANCE_RANGES[29], (24_577, 13));
        for length in SHORTEST..=LONGEST {
            let symbol = length_symbol(length);
            let above = LENGTHS.iter().rposition(|&(least, _)| usize::from(least) <= length);
            assert_eq!(Some(symbol), above);
        }
        for distance in 1..=1 << 15 {
            let symbol =
                DISTANCE_RANGES.iter().rposition(|&(least, _)| usize::from(least) <= distance);
            assert_eq!(Some(distance_symbol(distance)), symbol);
        }
    }

    #[test]
    fn few_symbols_become_two() {
        assert_eq!(own(&[0; 30], 15), [1, 1]);
        assert_eq!(own(&[5, 0, 0], 15), [1, 1]);
        assert_eq!(own(&[0, 5, 0], 15), [0, 1, 1]);
        assert_eq!(own(&[0, 0, 5, 0], 15), [1, 0, 1]);
        assert_eq!(own(&[0, 0, 0, 0, 5, 0], 15), [1, 0, 0, 0, 1]);
        assert_eq!(own(&[1, 1, 2, 4], 15), [3, 3, 2, 1]);
    }

    #[test]
    fn long_codes_are_cut_and_stay_complete() {
        let (mut a, mut b) = (1, 1);
        let counts: Vec<u32> = std::iter::repeat_with(|| {
            (a, b) = (b, a + b);
            a
        })
        .take(19)
        .collect();
        for top in [5, 7, 15] {
            let lengths = own(&counts, top);
            assert!(is_complete(&lengths));
            assert_eq!(usize::from(*lengths.iter().max().unwrap()), top);
            assert!(lengths.is_sorted_by(|x, y| x >= y));
        }
    }

    #[test]
    fn descriptions_come_back() {
        for seed in 0..200_u32 {
            let mut counts = Counts::new();
            let mut state = seed;
            for _ in 0..seed * seed {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let byte = (state >> 24) as u8 & (state >> 16) as u8;
                let length = 3 + usize::from(byte);
                let token = if state >> 8 & 3 < 2 {
                    Token::LITERAL
                } else {
                    Token::matching(length, 1 + (state >> 12 & 0x7FFF) as usize)
                };
                counts.add(token, byte);
            }
            let lengths = Lengths::own(&counts);
            let mut writer = lengths.describe();
            let bits = writer.bits();
            writer.align();
            let mut reader = Reader::new(&writer.bytes);
            assert_eq!(Lengths::read(&mut reader), Some(lengths));
            assert_eq!(reader.position(), bits);
        }
    }

    #[test]
    fn symbols_come_back_through_both_ways_of_decoding() {
        let counts: Vec<u32> = (0..LITERALS as u32).map(|i| 1 << (i / 18)).collect();
        let lengths = own(&counts, TOP);
        assert!(lengths.iter().any(|&length| u32::from(length) > LOOK));
        let (codes, decoder) = (codes(&lengths), Decoder::new(&lengths));
        let mut writer = Writer::default();
        for symbol in 0..LITERALS {
            writer.put(usize::from(codes[symbol]), u32::from(lengths[symbol]));
        }
        writer.align();
        let mut reader = Reader::new(&writer.bytes);
        for symbol in 0..LITERALS {
            reader.refill();
            assert_eq!(decoder.symbol(&mut reader), Some(symbol));
        }
    }
}
