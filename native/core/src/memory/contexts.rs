//! The contexts: hashes of what a lane has read.
#![forbid(unsafe_code)]

use super::lags::Lags;
use super::strings::Strings;
use crate::history::{hash, spelt};
use crate::network::Isa;
use crate::prepared::Walker;

/// One context of a design.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) context: Context,
    /// Whether other lanes do not share it.
    pub(crate) own: bool,
}

/// What a context is made of. "Last" is always the last byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Context {
    /// So many last bytes.
    Order(u32),
    /// The word and the last byte.
    Word,
    /// The word, the word before, last.
    Pair,
    /// The word, the word before the one before, last.
    Skip,
    /// The word and the two before.
    Triple,
    /// Some of the last bytes: bit 0 of the mask is the last one.
    Sparse(u32),
    /// Word, indentation and first byte of the line, last.
    Indent,
    /// Word, the last two special bytes, last.
    Specials,
    /// Classes of the last bytes, last.
    Format,
    /// Field of the line, byte above, last.
    Field,
    /// The bytes above in the two lines before, last.
    Above,
    /// Word, the byte above and its right neighbour.
    AboveWord,
    /// The byte above in a record, last.
    Record,
    /// The byte above in a record, the last two.
    RecordPair,
    /// What followed the last byte the last two times, last.
    Indirect,
    /// What followed the last two bytes the last two times, the last two.
    IndirectPair,
    /// Four open brackets and quotes, last.
    Nest,
    /// Four open brackets and quotes, word, last.
    NestWord,
    /// The column, last.
    Column,
    /// The column and the byte above.
    ColumnAbove,
    /// The upper five bits of each of the last six bytes.
    Shape,
    /// The last two special bytes, classes of the last bytes, last.
    SpecialsFormat,
    /// Field of the line, the last three bytes.
    FieldTriple,
    /// The record's length, the place in it.
    Place,
    /// What the byte above in a record is if it goes on as from the one above that.
    Trend,
    /// The record's length, the three bytes above in records.
    ThreeAbove,
    /// The place modulo 16, last.
    Sixteenth,
    /// The upper halves of the last four bytes.
    Halves,
    /// The second, fourth and sixth last bytes.
    Even,
    /// The fourth and the eighth last byte.
    Far,
    /// What followed the last two bytes the last two times, last.
    PairFollowed,
    /// What followed the last bytes the last two times; as many as the number's in `FOLLOWED`.
    Followed(usize),
    /// Nothing.
    Nothing,
    /// The upper three bits of each of the last six bytes.
    Tops,
    /// The last five letters, and whether anything came since.
    Letters,
    /// The last three letters, and what came since.
    LettersThen,
    /// The last four bytes of this side of brackets.
    Side,
    /// The last three bytes of the other side, and what came of this one since.
    OtherSide,
    /// So many last characters of strings, and what came since.
    Characters(u32),
    /// The word in strings, and what came since its last character.
    StringWord,
    /// The same, and the word before.
    StringPair,
    /// The last six bytes outside brackets.
    Outside,
    /// The byte at the best lag or the second best, and how little the best one's bytes differ.
    Lag(usize),
    /// What the byte at the best lag is if it differs as the last but one did.
    LagTrend,
    /// The byte at the best lag, the place in the record, last.
    LagPlace,
    /// The byte at the best lag and the two before it, the last two.
    LagRow,
    /// The record's length, the byte at the best lag, the byte above in a record and the one before
    /// it, last.
    LagCorner,
    /// What the byte a period before is if it goes on as from the one two periods before.
    PeriodTrend,
    /// The bytes at the period's first four multiples.
    FourPeriods,
    /// The record's length, the four bytes above in records.
    FourAbove,
    /// The record's length, the two bytes above in records, the one before these, last.
    Corner,
}

impl Context {
    /// Whether it looks at letters or sides, which a reader follows where a design asks.
    fn looks_far(self) -> bool {
        matches!(
            self,
            Self::Letters | Self::LettersThen | Self::Side | Self::OtherSide | Self::Outside
        ) || self.looks_at_strings()
    }

    /// Whether it looks at strings, which a reader follows likewise.
    fn looks_at_strings(self) -> bool {
        matches!(self, Self::Characters(_) | Self::StringWord | Self::StringPair)
    }

    /// Whether it looks at lags.
    fn looks_at_lags(self) -> bool {
        matches!(
            self,
            Self::Lag(_)
                | Self::LagTrend
                | Self::LagPlace
                | Self::LagRow
                | Self::LagCorner
                | Self::PeriodTrend
                | Self::FourPeriods
        )
    }
}

/// Ten classes of bytes.
fn class(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        b' ' => 3,
        b'\n' | b'\r' => 4,
        0 => 5,
        1..=31 => 6,
        128..=255 => 7,
        b'.' | b',' | b';' | b':' | b'!' | b'?' => 8,
        _ => 9,
    }
}

/// The hash of so many of the last bytes, of which the newest is the lowest.
#[inline(always)]
pub(crate) fn order(n: u32, last: u64) -> u32 {
    let kept = last & (u64::MAX >> (64 - 8 * n));
    hash(kept as u32, (kept >> 32) as u32 ^ n << 24)
}

/// So many last bytes of which it is known what followed, where a design has the context.
pub(crate) const FOLLOWED: [u32; 2] = [3, 5];
/// Of each of these so many hashes are told apart, as powers of two.
const FOLLOWED_BITS: u32 = 20;

/// The first record length, before one was seen to repeat.
const FIRST_RECORD: u32 = 4;
/// So often a distance must have repeated to be taken for the record length.
const REPEATS: u32 = 15;

/// Where it is kept what followed the last bytes, of those of this number in `FOLLOWED`.
#[inline(always)]
fn followed_at(of: usize, last: u64) -> usize {
    (order(FOLLOWED[of], last) >> (32 - FOLLOWED_BITS)) as usize
}

/// Longer words are told no more apart.
pub(crate) const LONG_WORD: u32 = 31;

/// What was read without what lay in between.
#[derive(Clone, Default)]
struct Sides {
    /// Whether this is within round or angle brackets, of whatever depth.
    within: bool,
    /// The last eight bytes outside and within, brackets left out; the last lowest.
    kept: [u64; 2],
    /// What came since the last bracket, and since the last letter.
    part: u32,
    then: u32,
    /// The last eight letters, the last lowest.
    letters: u64,
    /// Letters of the word that is being read, up to `LONG_WORD`.
    reading: u32,
}

impl Sides {
    fn take(&mut self, byte: u8) {
        match byte {
            b'(' | b'<' => (self.within, self.part) = (true, 0),
            b')' | b'>' => (self.within, self.part) = (false, 0),
            _ => {
                let kept = &mut self.kept[usize::from(self.within)];
                *kept = *kept << 8 | u64::from(byte);
                self.part = self.part << 8 | u32::from(byte);
            }
        }
        if is_letter(byte) {
            self.letters = self.letters << 8 | u64::from(byte);
            self.then = 0;
            self.reading = (self.reading + 1).min(LONG_WORD);
        } else {
            self.then = self.then << 8 | u32::from(byte);
            self.reading = 0;
        }
    }

    fn walk(&mut self, walker: &mut Walker) {
        walker.number(&mut self.within);
        self.kept.iter_mut().for_each(|kept| walker.number(kept));
        walker.number(&mut self.part);
        walker.number(&mut self.then);
        walker.number(&mut self.letters);
        walker.number(&mut self.reading);
    }
}

/// Whether a byte is one of a word.
#[inline(always)]
pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 128
}

/// A lane's text so far, as contexts see it.
#[derive(Clone)]
pub(crate) struct Reader {
    /// Where the lane begins in the text, and how many bytes were read.
    start: usize,
    length: usize,
    /// The last eight bytes, the last lowest.
    pub(crate) last: u64,
    /// Hashes of the word that is being read, 0 if none is, and of those before.
    word: u32,
    words: [u32; 2],
    /// Where this line begins, and the two before.
    lines: [usize; 3],
    blank: bool,
    indent: u32,
    first: u32,
    /// The last two special bytes; four classes of 4 bits.
    specials: u32,
    format: u32,
    pub(crate) fields: u32,
    /// Eight open brackets and quotes, the innermost lowest.
    pub(crate) nest: u64,
    /// By byte, how many were read when it came the last three times, itself counted.
    seen: Box<[[u32; 3]; 256]>,
    record: u32,
    /// Two distances and how often they repeated.
    candidates: [[u32; 2]; 2],
    /// By byte, and by two bytes, the last two that followed.
    followed: Box<[u16; 256]>,
    pair_followed: Vec<u16>,
    /// By so many last bytes' hash, as `FOLLOWED` names them; empty where nobody asks.
    hash_followed: [Vec<u16>; FOLLOWED.len()],
    /// None where nobody asks.
    sides: Option<Sides>,
    strings: Option<Strings>,
    lags: Option<Lags>,
}

impl Reader {
    pub(crate) fn new(start: usize, items: &[Item]) -> Self {
        let asked = |of: usize| items.iter().any(|item| item.context == Context::Followed(of));
        let any = |of: fn(Context) -> bool| items.iter().any(|item| of(item.context));
        let places = |of: usize| if asked(of) { 1 << FOLLOWED_BITS } else { 0 };
        Self {
            start,
            length: 0,
            last: 0,
            word: 0,
            words: [0; 2],
            lines: [0; 3],
            blank: true,
            indent: 0,
            first: 0,
            specials: 0,
            format: 0,
            fields: 0,
            nest: 0,
            seen: Box::new([[0; 3]; 256]),
            record: FIRST_RECORD,
            candidates: [[0; 2]; 2],
            followed: Box::new([0; 256]),
            pair_followed: vec![0; 1 << 16],
            hash_followed: std::array::from_fn(|of| vec![0; places(of)]),
            sides: any(Context::looks_far).then(Sides::default),
            strings: any(Context::looks_at_strings).then(Strings::default),
            lags: any(Context::looks_at_lags).then(Lags::new),
        }
    }

    pub(crate) fn walk(&mut self, walker: &mut Walker) {
        walker.number(&mut self.start);
        walker.number(&mut self.length);
        walker.number(&mut self.last);
        walker.number(&mut self.word);
        walker.values(&mut self.words);
        self.lines.iter_mut().for_each(|line| walker.number(line));
        walker.number(&mut self.blank);
        walker.number(&mut self.indent);
        walker.number(&mut self.first);
        walker.number(&mut self.specials);
        walker.number(&mut self.format);
        walker.number(&mut self.fields);
        walker.number(&mut self.nest);
        walker.values(self.seen.as_flattened_mut());
        walker.number(&mut self.record);
        walker.values(self.candidates.as_flattened_mut());
        walker.values(&mut *self.followed);
        walker.values(&mut self.pair_followed);
        self.hash_followed.iter_mut().for_each(|followed| walker.values(followed));
        self.sides.iter_mut().for_each(|sides| sides.walk(walker));
        self.strings.iter_mut().for_each(|strings| strings.walk(walker));
        self.lags.iter_mut().for_each(|lags| lags.walk(walker));
    }

    /// What was read.
    #[inline(always)]
    pub(crate) fn read<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start..self.start + self.length]
    }

    /// Where the next byte lies.
    pub(crate) fn next(&self) -> usize {
        self.start + self.length
    }

    /// Takes a byte, which stands in the text.
    pub(crate) fn take(&mut self, text: &[u8], isa: Isa) {
        let byte = text[self.next()];
        for (of, followed) in self.hash_followed.iter_mut().enumerate() {
            if !followed.is_empty() {
                let followed = &mut followed[followed_at(of, self.last)];
                *followed = *followed << 8 | u16::from(byte);
            }
        }
        self.length += 1;
        self.last = self.last << 8 | u64::from(byte);
        self.take_word(byte);
        self.take_line(byte);
        self.take_nest(byte);
        self.take_record(byte);
        if let Some(sides) = &mut self.sides {
            sides.take(byte);
            if let Some(strings) = &mut self.strings {
                strings.take(byte, sides.within);
            }
        }
        let read = self.read(text);
        if let Some(lags) = &mut self.lags {
            lags.take(read, isa);
        }
        let before = (self.last >> 8) as usize;
        for followed in
            [&mut self.followed[before & 0xFF], &mut self.pair_followed[before & 0xFFFF]]
        {
            *followed = *followed << 8 | u16::from(byte);
        }
    }

    fn take_word(&mut self, byte: u8) {
        if is_letter(byte) {
            self.word = spelt(self.word, byte | 32);
        } else if self.word != 0 {
            self.words = [self.word, self.words[0]];
            self.word = 0;
        }
        let kind = class(byte) + 1;
        // Letters and digits that follow their like are one.
        if self.format & 15 != kind || !matches!(kind, 1 | 2 | 3 | 8) {
            self.format = (self.format << 4 | kind) & 0xFFFF;
        }
        if !byte.is_ascii_alphanumeric() && byte != b' ' && byte < 128 {
            self.specials = (self.specials << 8 | u32::from(byte)) & 0xFFFF;
        }
    }

    fn take_line(&mut self, byte: u8) {
        if byte == b'\n' {
            self.lines = [self.length, self.lines[0], self.lines[1]];
            (self.blank, self.indent, self.first, self.fields) = (true, 0, 0, 0);
            return;
        }
        if self.blank && matches!(byte, b' ' | b'\t') {
            self.indent = (self.indent + 1).min(255);
        } else if self.blank {
            self.blank = false;
            self.first = u32::from(byte);
        }
        if matches!(byte, b',' | b'\t' | b';' | b':' | b'|' | b'"') {
            self.fields = (self.fields + 1).min(255);
        }
    }

    fn take_nest(&mut self, byte: u8) {
        let depth = |of: u8, within: u32| {
            (0..within).find(|at| (self.nest >> (8 * at)) as u8 == of).map(|at| 8 * (at + 1))
        };
        let open = |nest: u64, to: u32| nest.checked_shr(to).unwrap_or(0);
        match byte {
            b'(' | b'[' | b'{' | b'<' => self.nest = self.nest << 8 | u64::from(byte),
            b')' | b']' | b'}' | b'>' => {
                let opened = if byte == b')' { b'(' } else { byte - 2 };
                if let Some(to) = depth(opened, 8) {
                    self.nest = open(self.nest, to);
                }
            }
            b'"' | b'\'' | b'`' => {
                self.nest = match depth(byte, 3) {
                    Some(to) => open(self.nest, to),
                    None => self.nest << 8 | u64::from(byte),
                }
            }
            b'\n' => {
                while matches!(self.nest as u8, b'"' | b'\'' | b'`' | b'<') {
                    self.nest >>= 8;
                }
            }
            _ => (),
        }
    }

    /// Where the same byte came at the same distance three times, that may be a record's length.
    fn take_record(&mut self, byte: u8) {
        let here = self.length as u32;
        let seen = &mut self.seen[usize::from(byte)];
        let [one, two, three] = *seen;
        *seen = [here, one, two];
        let distance = here - one;
        if let Some(lags) = &mut self.lags
            && !lags.comes_evenly(byte, distance)
        {
            return;
        }
        if distance < 2 || three == 0 || distance != one - two || distance != two - three {
            return;
        }
        let [a, b] = &mut self.candidates;
        if distance == a[0] {
            a[1] += 1;
        } else if distance == b[0] {
            b[1] += 1;
        } else if a[1] > b[1] {
            *b = [distance, 1];
        } else {
            *a = [distance, 1];
        }
        for at in 0..2 {
            let [length, repeats] = self.candidates[at];
            if repeats > REPEATS && length != self.record {
                self.record = length;
                self.candidates[0][1] = 0;
                self.candidates[1][1] = 0;
            }
        }
    }

    /// The byte above the one `right` of the next, so many lines before, or 0 where there is none.
    fn above(&self, read: &[u8], lines: usize, right: usize) -> u32 {
        let column = self.length - self.lines[0] + right;
        let line = &read[self.lines[lines]..self.lines[lines - 1]];
        line.get(column).map_or(0, |&byte| u32::from(byte))
    }

    /// The next byte's number in its line, to 255.
    fn column(&self) -> u32 {
        (self.length - self.lines[0]).min(255) as u32
    }

    /// The byte so many records' lengths before the next, or 0.
    fn in_record(&self, read: &[u8], records: usize) -> u32 {
        self.before(read, records * self.record as usize)
    }

    /// The byte so many before the next, or 0.
    fn before(&self, read: &[u8], distance: usize) -> u32 {
        self.length.checked_sub(distance).map_or(0, |at| u32::from(read[at]))
    }

    /// The bytes at the first four multiples of a distance, the nearest lowest.
    fn four(&self, read: &[u8], distance: usize) -> u32 {
        (0..4).map(|at| self.before(read, (at + 1) * distance) << (8 * at)).sum()
    }

    /// The byte at the best lag, or the second best.
    fn at_lag(&self, read: &[u8], of: usize) -> u32 {
        self.before(read, self.lags().best(of))
    }

    /// The last byte (1), the one before it (2), and so on to the eighth, or 0.
    pub(crate) fn nth(&self, back: u32) -> u32 {
        (self.last >> (8 * (back - 1))) as u32 & 255
    }

    /// The next byte's place in its record.
    pub(crate) fn place(&self) -> u32 {
        self.length as u32 % self.record
    }

    /// The next byte's place in its period.
    pub(crate) fn place_in_period(&self) -> u32 {
        (self.length % self.lags().period()) as u32
    }

    /// The hash of some bits of the last bytes, for a kind of context.
    #[inline(always)]
    fn masked(&self, mask: u64, kind: u32) -> u32 {
        let kept = self.last & mask;
        hash(kept as u32, (kept >> 32) as u32 ^ kind)
    }

    /// How many bytes were read, modulo a number.
    pub(crate) fn modulo(&self, number: usize) -> u32 {
        (self.length % number) as u32
    }

    /// Letters of the word that is being read, up to `LONG_WORD`.
    pub(crate) fn reading(&self) -> u32 {
        self.sides().reading
    }

    /// What letters and sides have come to.
    fn sides(&self) -> &Sides {
        self.sides.as_ref().expect("the design asks for them")
    }

    fn strings(&self) -> (&Strings, u32) {
        let strings = self.strings.as_ref().expect("the design asks for them");
        (strings, u32::from(self.sides().within))
    }

    fn lags(&self) -> &Lags {
        self.lags.as_ref().expect("the design asks for them")
    }

    /// The hash of a context.
    #[inline(always)]
    pub(crate) fn hash(&self, context: Context, text: &[u8]) -> u32 {
        let read = self.read(text);
        let pair = self.last as u32 & 0xFFFF;
        let last = pair & 0xFF;
        match context {
            Context::Order(n) => order(n, self.last),
            Context::Word => hash(if self.word == 0 { pair } else { self.word }, last ^ 0x100),
            Context::Pair => hash(hash(self.word, self.words[0]), last ^ 0x200),
            Context::Skip => hash(hash(self.word, self.words[1]), last ^ 0x300),
            Context::Triple => hash(hash(self.word, self.words[0]), self.words[1] ^ 0x400),
            Context::Sparse(mask) => {
                let byte = |at: u32| if mask >> at & 1 == 1 { 255 << (8 * at) } else { 0 };
                let kept = self.last as u32 & (0..4).map(byte).sum::<u32>();
                hash(kept, mask << 16 ^ 0x500)
            }
            Context::Indent => hash(hash(self.word, self.indent << 8 | self.first), last ^ 0x600),
            Context::Specials => hash(hash(self.word, self.specials), last ^ 0x700),
            Context::Format => hash(self.format, last ^ 0x800),
            Context::Field => hash(self.fields << 8 | self.above(read, 1, 0), last ^ 0x900),
            Context::Above => {
                hash(self.above(read, 1, 0) << 8 | self.above(read, 2, 0), last ^ 0xA00)
            }
            Context::AboveWord => {
                let above = self.above(read, 1, 0) << 8 | self.above(read, 1, 1);
                hash(hash(self.word, above), 0xB00)
            }
            Context::Record => hash(self.in_record(read, 1) << 8 | last, self.record << 8 ^ 0xC0),
            Context::RecordPair => {
                hash(self.in_record(read, 1) << 16 | pair, self.record << 8 ^ 0xC2)
            }
            Context::Indirect => hash(u32::from(self.followed[last as usize]) | last << 16, 0xD00),
            Context::IndirectPair => {
                hash(u32::from(self.pair_followed[pair as usize]) | pair << 16, 0xE00)
            }
            Context::Nest => hash(self.nest as u32, last ^ 0xF00),
            Context::NestWord => hash(hash(self.nest as u32, self.word), last ^ 0x1000),
            Context::Column => hash(self.column(), last ^ 0x1100),
            Context::ColumnAbove => hash(self.column() | self.above(read, 1, 0) << 8, 0x1200),
            Context::Shape => self.masked(0xF8F8_F8F8_F8F8, 0x13_0000),
            Context::SpecialsFormat => hash(hash(self.specials, self.format), last ^ 0x1400),
            Context::FieldTriple => hash(self.last as u32 & 0xFF_FFFF, self.fields ^ 0x1500),
            Context::Place => hash(self.place(), self.record << 8 ^ 0xC4),
            Context::Trend => {
                let trend = (2 * self.in_record(read, 1)).wrapping_sub(self.in_record(read, 2));
                hash(trend & 0xFF, 0x1600)
            }
            Context::ThreeAbove => {
                let above = |records| self.in_record(read, records);
                let three = above(1) | above(2) << 8 | above(3) << 16;
                hash(three, self.record << 8 ^ 0xC6)
            }
            Context::Sixteenth => hash((self.length as u32 & 15) << 8 | last, 0x1700),
            Context::Halves => self.masked(0xF0F0_F0F0, 0x1800),
            Context::Even => {
                let three = self.nth(2) | self.nth(4) << 8 | self.nth(6) << 16;
                hash(three, 0x1A00)
            }
            Context::Far => hash(self.nth(4) | self.nth(8) << 8, 0x1B00),
            Context::PairFollowed => {
                hash(u32::from(self.pair_followed[pair as usize]) | last << 16, 0x1C00)
            }
            Context::Followed(of) => {
                let followed = self.hash_followed[of][followed_at(of, self.last)];
                hash(u32::from(followed), 0x1900 + FOLLOWED[of])
            }
            Context::Nothing => hash(0, 0x1D00),
            Context::Tops => self.masked(0xE0E0_E0E0_E0E0, 0x1E_0000),
            Context::Letters => {
                let Sides { letters, then, .. } = self.sides();
                hash(order(5, *letters), u32::from(*then != 0) ^ 0x1F00)
            }
            Context::LettersThen => {
                let Sides { letters, then, .. } = self.sides();
                hash(hash(order(3, *letters), *then), 0x2000)
            }
            Context::Side => {
                let Sides { within, kept, .. } = self.sides();
                let side = usize::from(*within);
                hash(order(4, kept[side]), side as u32 ^ 0x2100)
            }
            Context::OtherSide => {
                let Sides { within, kept, part, .. } = self.sides();
                let side = usize::from(*within);
                hash(hash(order(3, kept[1 - side]), *part), side as u32 ^ 0x2200)
            }
            Context::Lag(of) => {
                hash(self.at_lag(read, of) | self.lags().score() << 8, 0x2300 + of as u32)
            }
            Context::LagTrend => {
                let before = self.before(read, self.lags().best(0) + 2);
                let trend = (self.nth(2) + self.at_lag(read, 0)).wrapping_sub(before);
                hash(trend & 0xFF, 0x2400)
            }
            Context::LagPlace => hash(hash(self.at_lag(read, 0) | last << 8, self.place()), 0x2500),
            Context::LagRow => {
                let of = |before| self.before(read, self.lags().best(0) + before);
                let row = of(0) | of(1) << 8 | of(2) << 16 | last << 24;
                hash(hash(row, self.nth(2)), 0x2C00)
            }
            Context::LagCorner => {
                let near = self.at_lag(read, 0) | self.in_record(read, 1) << 8;
                let corner = self.before(read, self.record as usize + 1);
                hash(near | last << 16 | corner << 24, self.record << 8 ^ 0xCC)
            }
            Context::PeriodTrend => {
                let [one, two] =
                    [1, 2].map(|times| self.before(read, times * self.lags().period()));
                hash((2 * one).wrapping_sub(two) & 0xFF, 0x2600)
            }
            Context::FourPeriods => hash(self.four(read, self.lags().period()), 0x2700),
            Context::FourAbove => {
                hash(self.four(read, self.record as usize), self.record << 8 ^ 0xC8)
            }
            Context::Corner => {
                let above = self.in_record(read, 1) | self.in_record(read, 2) << 8;
                let corner = self.before(read, self.record as usize + 1);
                hash(above | last << 16 | corner << 24, self.record << 8 ^ 0xCA)
            }
            Context::Characters(n) => {
                let (strings, within) = self.strings();
                hash(hash(order(n, strings.last), strings.then), within ^ (0x2800 + 16 * n))
            }
            Context::StringWord => {
                let (strings, within) = self.strings();
                hash(hash(strings.word, strings.then), within ^ 0x2900)
            }
            Context::StringPair => {
                let (strings, within) = self.strings();
                let word = hash(strings.word, strings.then);
                hash(hash(word, strings.before), within ^ 0x2A00)
            }
            Context::Outside => {
                let Sides { within, kept, .. } = self.sides();
                hash(order(6, kept[0]), u32::from(*within) ^ 0x2B00)
            }
        }
    }

    /// The classes of the last two bytes, four of the second kind.
    pub(crate) fn classes(&self) -> u32 {
        let before = match class((self.last >> 8) as u8) {
            0 | 1 => 0,
            2 => 1,
            3 | 4 => 2,
            _ => 3,
        };
        class(self.last as u8) * 4 + before
    }
}
