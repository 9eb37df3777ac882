//! A deflate stream read into its text, tokens and blocks. RFC 1951.
#![forbid(unsafe_code)]

use std::sync::LazyLock;

use super::bits::Reader;
use super::codes::{DISTANCE_RANGES, Decoder, END, FIRST_LENGTH, LENGTHS, Lengths};
use super::tokens::{LONGEST, Tokens};

/// How a block is written; the number is that of its two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stored,
    Fixed,
    Dynamic,
}

/// A block of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    pub kind: Kind,
    /// Its tokens, or its bytes if it is stored.
    pub count: usize,
    /// Where its description begins, and the bits of it.
    pub description: (usize, usize),
}

/// A stream that was read.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub text: Vec<u8>,
    /// Those of all blocks but the stored ones.
    pub tokens: Tokens,
    pub blocks: Vec<Block>,
}

static FIXED: LazyLock<[Decoder; 2]> = LazyLock::new(|| {
    let lengths = Lengths::fixed();
    [Decoder::new(&lengths.literals), Decoder::new(&lengths.distances)]
});

impl Stream {
    /// Reads the stream that the bytes begin with, whose text has at most `most` bytes, in the place
    /// of what was read before. The bytes that it has; None where it is none, or not one that zlib
    /// could have written as for its bits that mean nothing.
    pub fn read(&mut self, packed: &[u8], most: usize) -> Option<usize> {
        self.text.clear();
        self.tokens.clear();
        self.blocks.clear();
        let mut reader = Reader::new(packed);
        while self.read_block(&mut reader, most)? {}
        reader.align()?;
        Some(reader.position() / 8)
    }

    /// Tokens of all blocks but the stored ones.
    pub fn count(&self) -> usize {
        let others = self.blocks.iter().filter(|block| block.kind != Kind::Stored);
        others.map(|block| block.count).sum()
    }

    /// Reads a block. Whether others follow.
    fn read_block(&mut self, reader: &mut Reader<'_>, most: usize) -> Option<bool> {
        let more = reader.take(1)? == 0;
        let kind = [Kind::Stored, Kind::Fixed, Kind::Dynamic].into_iter().nth(reader.take(2)?)?;
        let first = reader.position();
        let mut description = (first, 0);
        let count = match kind {
            Kind::Stored => self.read_stored(reader, most)?,
            Kind::Fixed => self.read_tokens(reader, &FIXED[0], &FIXED[1], most)?,
            Kind::Dynamic => {
                let Lengths { literals, distances } = Lengths::read(reader)?;
                description = (first, reader.position() - first);
                let (literals, distances) = (Decoder::new(&literals), Decoder::new(&distances));
                self.read_tokens(reader, &literals, &distances, most)?
            }
        };
        self.blocks.push(Block { kind, count, description });
        Some(more)
    }

    fn read_stored(&mut self, reader: &mut Reader<'_>, most: usize) -> Option<usize> {
        reader.align()?;
        let [a, b, c, d] = *reader.bytes(4)?.first_chunk()?;
        let count = u16::from_le_bytes([a, b]);
        if count != !u16::from_le_bytes([c, d]) {
            return None;
        }
        let count = usize::from(count);
        self.text.extend_from_slice(reader.bytes(count)?);
        (self.text.len() <= most).then_some(count)
    }

    /// Reads tokens up to the end of a block, and counts them.
    fn read_tokens(
        &mut self,
        reader: &mut Reader<'_>,
        literals: &Decoder,
        distances: &Decoder,
        most: usize,
    ) -> Option<usize> {
        let mut count = 0;
        loop {
            // A token has at most 48 bits.
            reader.refill();
            let symbol = literals.symbol(reader)?;
            if symbol == END {
                return Some(count);
            }
            count += 1;
            if symbol < END {
                self.text.push(symbol as u8);
                self.tokens.push_literal();
            } else {
                self.read_match(reader, symbol - FIRST_LENGTH, distances)?;
            }
            if self.text.len() > most {
                return None;
            }
        }
    }

    /// Reads the rest of a match.
    fn read_match(
        &mut self,
        reader: &mut Reader<'_>,
        symbol: usize,
        distances: &Decoder,
    ) -> Option<()> {
        let &(least, bits) = LENGTHS.get(symbol)?;
        let length = usize::from(least) + reader.take(u32::from(bits))?;
        if length == LONGEST && bits > 0 {
            return None;
        }
        let &(least, bits) = DISTANCE_RANGES.get(distances.symbol(reader)?)?;
        let distance = usize::from(least) + reader.take(u32::from(bits))?;
        let from = self.text.len().checked_sub(distance)?;
        // What is repeated grows with each copy.
        let end = self.text.len() + length;
        while self.text.len() < end {
            let copied = (self.text.len() - from).min(end - self.text.len());
            self.text.extend_from_within(from..from + copied);
        }
        self.tokens.push_match(length, distance);
        Some(())
    }
}
