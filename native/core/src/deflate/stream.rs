//! One stream: how it is made, what of it is not as foreseen, and the stream made again.
//! `FORMAT.md`, sections 7.3 to 7.6.
#![forbid(unsafe_code)]

use super::bits::{Reader, Writer, cut, put_varint};
use super::chains::{Chains, Shape};
use super::codes::{Counts, Encoder, Lengths};
use super::corrections::{self, Blocks, Correction, Listed, MOST_STORED, Rest};
use super::foresee::Foreseer;
use super::inflate::{Block, Kind, Stream};
use super::tokens::{Token, Tokens};
use crate::coder::Damaged;

/// Tokens that tell the level.
const LOOK: usize = 8192;

/// How a block is foreseen to be written.
struct Plan {
    kind: Kind,
    own: Lengths,
    description: Writer,
}

impl Plan {
    /// That of a block of so many bytes of text.
    fn of(counts: &Counts, bytes: usize) -> Self {
        let own = Lengths::own(counts);
        let description = own.describe();
        let coded = "fixed codes and its own have each symbol of a block";
        let dynamic = own.cost(counts).expect(coded) + description.bits() as u64;
        let fixed = (Lengths::fixed().cost(counts).expect(coded) + 10) >> 3;
        let least = fixed.min((dynamic + 10) >> 3);
        let kind = if bytes as u64 + 4 <= least && bytes <= MOST_STORED {
            Kind::Stored
        } else if fixed == least {
            Kind::Fixed
        } else {
            Kind::Dynamic
        };
        Self { kind, own, description }
    }
}

/// Goes through a stored block that ends at `end`: its counts and tokens, and whether one of these
/// was cut.
fn pass_stored(foreseer: &mut Foreseer<'_>, end: usize) -> (Counts, usize, bool) {
    let (mut counts, mut tokens, mut is_cut) = (Counts::new(), 0, false);
    while foreseer.at() < end {
        let token = foreseer.foresee();
        let byte = foreseer.byte();
        if foreseer.at() + token.length() <= end {
            counts.add(token, byte);
            foreseer.accept(token);
        } else {
            counts.add(Token::LITERAL, byte);
            foreseer.correct(Token::LITERAL);
            is_cut = true;
        }
        tokens += 1;
    }
    (counts, tokens, is_cut)
}

/// Tokens among the first ones that are not as foreseen, or more than `most` of them.
fn misses(stream: &Stream, shape: Shape, chains: &mut Chains, most: usize) -> usize {
    let mut foreseer = Foreseer::new(&stream.text, shape, chains);
    let mut tokens = stream.tokens.iter();
    let (mut misses, mut left) = (0, LOOK.min(stream.count()));
    for block in &stream.blocks {
        if left == 0 {
            break;
        }
        if block.kind == Kind::Stored {
            let end = foreseer.at() + block.count;
            pass_stored(&mut foreseer, end);
            continue;
        }
        let looked = left.min(block.count);
        left -= looked;
        for token in tokens.by_ref().take(looked) {
            misses += usize::from(!step(&mut foreseer, token));
            if misses > most {
                return misses;
            }
        }
    }
    misses
}

/// Goes on behind a token. Whether it was as foreseen.
#[inline]
fn step(foreseer: &mut Foreseer<'_>, token: Token) -> bool {
    let is_foreseen = foreseer.foresee() == token;
    if is_foreseen {
        foreseer.accept(token);
    } else {
        foreseer.correct(token);
    }
    is_foreseen
}

/// How a stream that was read from `packed` is made, and its corrections; None where these would be
/// too many. What `go_on` forbids is left undone.
pub fn explain(
    stream: &Stream,
    packed: &[u8],
    window: u32,
    chains: &mut Chains,
    go_on: &mut dyn FnMut() -> bool,
) -> Option<(Shape, Vec<u8>)> {
    let first = stream.blocks[0];
    let is_large = first.kind != Kind::Stored && first.count >= 1 << 14;
    let mut least = LOOK.min(stream.count()) / 8;
    let mut likely = Vec::new();
    let mut best = Best { stream, packed, found: None, go_on };
    for wide in [false, true] {
        likely.clear();
        for level in 1..=9 {
            let shape = Shape { level, window, large: is_large, wide };
            let misses = misses(stream, shape, chains, least);
            if misses > least {
                continue;
            }
            if misses < least {
                likely.clear();
            }
            least = misses;
            // No other shape has fewer, so that this one is tried at once.
            if misses > 0 {
                likely.push(shape);
            } else if best.is_exact(shape, chains) {
                return best.found;
            }
        }
        if likely.drain(..).any(|shape| best.is_exact(shape, chains)) {
            break;
        }
    }
    best.found
}

/// The shape of a stream that needs the fewest bytes of corrections, the first of equals.
struct Best<'a> {
    stream: &'a Stream,
    packed: &'a [u8],
    found: Option<(Shape, Vec<u8>)>,
    go_on: &'a mut dyn FnMut() -> bool,
}

impl Best<'_> {
    /// Tries a shape. Whether it needs no corrections.
    fn is_exact(&mut self, shape: Shape, chains: &mut Chains) -> bool {
        let fewer = |(_, found): &(Shape, Vec<u8>)| found.len() - 1;
        let most = self.found.as_ref().map_or(self.packed.len() / 4, fewer);
        let corrections = correct(self.stream, self.packed, shape, chains, most, self.go_on);
        let is_exact = corrections.as_ref().is_some_and(Vec::is_empty);
        self.found = corrections.map(|found| (shape, found)).or(self.found.take());
        is_exact
    }
}

/// A token that is not as foreseen, with the tokens since the last such one, with and without
/// those of stored blocks.
struct Miss {
    all: usize,
    others: usize,
    token: Token,
}

/// The corrections of a stream if it is made so; None where they have more than `most` bytes.
fn correct(
    stream: &Stream,
    packed: &[u8],
    shape: Shape,
    chains: &mut Chains,
    most: usize,
    go_on: &mut dyn FnMut() -> bool,
) -> Option<Vec<u8>> {
    let mut foreseer = Foreseer::new(&stream.text, shape, chains);
    let mut tokens = stream.tokens.iter();
    let mut listed = Vec::new();
    put_varint(&mut listed, stream.blocks.len());
    let mut is_listed = false;
    let mut misses: Vec<Miss> = Vec::new();
    let (mut all, mut others) = (0, 0);
    for (i, block) in stream.blocks.iter().enumerate() {
        if !go_on() {
            return None;
        }
        let start = foreseer.at();
        let (counts, count, is_cut) = if block.kind == Kind::Stored {
            let passed = pass_stored(&mut foreseer, start + block.count);
            all += passed.1;
            passed
        } else {
            let mut counts = Counts::new();
            for token in tokens.by_ref().take(block.count) {
                counts.add(token, foreseer.byte());
                if step(&mut foreseer, token) {
                    (all, others) = (all + 1, others + 1);
                    continue;
                }
                misses.push(Miss { all, others, token });
                (all, others) = (0, 0);
                if 2 * misses.len() > most {
                    return None;
                }
            }
            (counts, block.count, false)
        };
        let is_last = i + 1 == stream.blocks.len();
        let ends = if is_last { count < shape.block() } else { count == shape.block() };
        let plan = Plan::of(&counts, foreseer.at() - start);
        is_listed |= is_cut || !ends || plan.kind != block.kind;
        is_listed |= list(block, packed, plan.description, &mut listed);
    }
    if !is_listed && misses.is_empty() {
        return Some(Vec::new());
    }
    let mut corrections = if is_listed { listed } else { vec![0] };
    for Miss { all, others, token } in misses {
        Correction { gap: if is_listed { others } else { all }, token }.put(&mut corrections);
    }
    (corrections.len() <= most).then_some(corrections)
}

/// Lists a block. Whether its description is not the one foreseen.
fn list(block: &Block, packed: &[u8], mut foreseen: Writer, listed: &mut Vec<u8>) -> bool {
    let (from, bits) = block.description;
    let mut actual = cut(packed, from, bits);
    let mut is_foreseen = block.kind != Kind::Dynamic || bits == foreseen.bits();
    actual.align();
    foreseen.align();
    is_foreseen &= block.kind != Kind::Dynamic || actual.bytes == foreseen.bytes;
    let description = (!is_foreseen).then_some((&actual.bytes[..], bits));
    Listed { kind: block.kind, count: block.count, description }.put(listed);
    !is_foreseen
}

/// The next block of a stream that is made again.
struct Piece<'a> {
    /// None where it is to be foreseen.
    listed: Option<Listed<'a>>,
    is_last: bool,
    text: &'a [u8],
    counts: Counts,
}

/// Makes streams again.
#[derive(Default)]
pub struct Maker {
    chains: Chains,
    tokens: Tokens,
}

impl Maker {
    /// Writes the stream that a text becomes, behind whole bytes, which with it are at most `most`.
    ///
    /// # Errors
    /// `Damaged` where the corrections are none of that text, the stream is longer, or it may not
    /// go on.
    pub fn write(
        &mut self,
        text: &[u8],
        shape: Shape,
        corrections: &[u8],
        most: usize,
        writer: &mut Writer,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), Damaged> {
        let (mut blocks, mut rest) = corrections::read(corrections)?;
        let mut foreseer = Foreseer::new(text, shape, &mut self.chains);
        loop {
            let piece =
                next_piece(text, shape, &mut foreseer, &mut self.tokens, &mut blocks, &mut rest)?;
            put_block(&piece, &self.tokens, most, writer)?;
            if !go_on() {
                return Err(Damaged);
            }
            if piece.is_last {
                break;
            }
        }
        writer.align();
        let is_whole = foreseer.at() == text.len() && rest.is_over();
        if is_whole { Ok(()) } else { Err(Damaged) }
    }
}

/// Goes through the next block, with its tokens in the place of those of the one before.
fn next_piece<'a>(
    text: &'a [u8],
    shape: Shape,
    foreseer: &mut Foreseer<'_>,
    tokens: &mut Tokens,
    blocks: &mut Option<Blocks<'a>>,
    rest: &mut Rest<'_>,
) -> Result<Piece<'a>, Damaged> {
    tokens.clear();
    let listed = blocks.as_mut().map(Blocks::next).transpose()?;
    let start = foreseer.at();
    let mut counts = Counts::new();
    if let Some((listed @ Listed { kind: Kind::Stored, count, .. }, is_last)) = listed {
        let text = text[start..].get(..count).ok_or(Damaged)?;
        pass_stored(foreseer, start + count);
        return Ok(Piece { listed: Some(listed), is_last, text, counts });
    }
    let most = listed.map_or(shape.block(), |(listed, _)| listed.count);
    let mut count = 0;
    while count < most && foreseer.at() < text.len() {
        let byte = foreseer.byte();
        let token = if let Some(token) = rest.step()? {
            let left = text.len() - foreseer.at();
            if token.length() > left || token.distance() > foreseer.at() {
                return Err(Damaged);
            }
            foreseer.correct(token);
            token
        } else {
            let token = foreseer.foresee();
            foreseer.accept(token);
            token
        };
        counts.add(token, byte);
        tokens.push(token);
        count += 1;
    }
    let text = &text[start..foreseer.at()];
    match listed {
        Some(_) if count < most => Err(Damaged),
        Some((listed, is_last)) => Ok(Piece { listed: Some(listed), is_last, text, counts }),
        None => Ok(Piece { listed: None, is_last: count < most, text, counts }),
    }
}

/// Writes a block, up to `most` bytes of all that is written.
fn put_block(
    piece: &Piece<'_>,
    tokens: &Tokens,
    most: usize,
    writer: &mut Writer,
) -> Result<(), Damaged> {
    let Piece { listed, is_last, text, counts } = piece;
    let plan;
    let (kind, lengths, mut description) = match listed {
        None => {
            plan = Plan::of(counts, text.len());
            (plan.kind, plan.own, plan.description)
        }
        Some(Listed { kind, description: Some((bytes, bits)), .. }) => {
            let mut reader = Reader::new(bytes);
            let lengths = Lengths::read(&mut reader).ok_or(Damaged)?;
            if reader.position() != *bits {
                return Err(Damaged);
            }
            (*kind, lengths, cut(bytes, 0, *bits))
        }
        Some(Listed { kind, .. }) => {
            let own = Lengths::own(counts);
            let description = own.describe();
            (*kind, own, description)
        }
    };
    let lengths = if kind == Kind::Fixed { Lengths::fixed() } else { lengths };
    let cost = match kind {
        Kind::Stored => 8 * text.len() as u64,
        _ => lengths.cost(counts).ok_or(Damaged)?,
    };
    if writer.bits() as u64 + cost > 8 * most as u64 {
        return Err(Damaged);
    }
    writer.put(usize::from(*is_last), 1);
    writer.put(kind as usize, 2);
    if kind == Kind::Stored {
        writer.align();
        let count = text.len() as u16;
        writer.bytes.extend_from_slice(&count.to_le_bytes());
        writer.bytes.extend_from_slice(&(!count).to_le_bytes());
        writer.bytes.extend_from_slice(text);
        return Ok(());
    }
    if kind == Kind::Dynamic {
        let bits = description.bits();
        description.align();
        writer.append(&description.bytes, bits);
    }
    let encoder = Encoder::new(&lengths);
    let mut at = 0;
    for token in tokens.iter() {
        encoder.put(token, text[at], writer);
        at += token.length();
    }
    encoder.put_end(writer);
    Ok(())
}
