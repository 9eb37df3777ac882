//! A block in parts: the texts of its streams, how they are made, and the bytes around them.
//! `FORMAT.md`, section 7.1.
#![forbid(unsafe_code)]

use super::bits::{Writer, first, put_varint, take, varint};
use super::chains::{Chains, Shape};
use super::find;
use super::inflate::Stream;
use super::stream::{Maker, explain};
use crate::coder::Damaged;

/// The most bytes of parts.
const MOST: usize = 1 << 27;
/// The most bytes of parts for each byte of a block.
const SHARE: usize = 32;
/// The fewest bytes of a text, and the most for each packed byte.
const LEAST_TEXT: usize = 64;
const TEXT_SHARE: usize = 24;

const CHECKED: u8 = 16;
const LARGE: u8 = 8;
const WIDE: u8 = 32;
const WINDOW: u8 = 7;

/// What the parts say of a stream before any text.
#[derive(Clone, Copy, Debug)]
struct Head {
    gap: usize,
    size: usize,
    shape: Shape,
    is_checked: bool,
    corrections: usize,
}

impl Head {
    fn put(&self, bytes: &mut Vec<u8>) {
        let Shape { level, window, large, wide } = self.shape;
        put_varint(bytes, self.gap);
        put_varint(bytes, self.size);
        let flag = |is_set: bool, bit| if is_set { bit } else { 0 };
        let flags = flag(large, LARGE) | flag(self.is_checked, CHECKED) | flag(wide, WIDE);
        let form = (15 - window) as u8 | flags;
        bytes.extend([level as u8, form]);
        put_varint(bytes, self.corrections);
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, Damaged> {
        let (gap, size) = (varint(bytes)?, varint(bytes)?);
        let (level, form) = (first(bytes)?, first(bytes)?);
        let corrections = varint(bytes)?;
        let window = form & WINDOW;
        if !(1..=9).contains(&level) || window > 6 || form & !(WINDOW | LARGE | CHECKED | WIDE) != 0
        {
            return Err(Damaged);
        }
        let (large, wide) = (form & LARGE != 0, form & WIDE != 0);
        let window = 15 - u32::from(window);
        let shape = Shape { level: usize::from(level), window, large, wide };
        Ok(Self { gap, size, shape, is_checked: form & CHECKED != 0, corrections })
    }
}

/// The parts of a block, at most so many bytes; None where nothing is gained.
///
/// `go_on` is asked now and then; where it says no, the result means nothing.
#[must_use]
pub fn unpack(block: &[u8], most: usize, go_on: &mut dyn FnMut() -> bool) -> Option<Vec<u8>> {
    let most = most.min(MOST);
    let (mut heads, mut corrections, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut streams, mut total) = (0, 0);
    // The place behind the last stream that was taken, and the one to look at next.
    let (mut done, mut at) = (0, 0);
    let (mut stream, mut chains) = (Stream::default(), Chains::default());
    while let Some(found) = find::next(block, at) {
        let packed = &block[found.start..];
        let most = (most - total).min(TEXT_SHARE.saturating_mul(packed.len()));
        let size = stream.read(packed, most);
        let is_sound =
            |&size: &usize| (LEAST_TEXT..=TEXT_SHARE * size).contains(&stream.text.len());
        let Some(size) = size.filter(is_sound) else {
            at = found.head + 1;
            continue;
        };
        at = found.start + size;
        let explained = explain(&stream, &packed[..size], found.window, &mut chains, go_on);
        let Some((shape, corrected)) = explained else {
            if !go_on() {
                return None;
            }
            continue;
        };
        let is_checked = block[at..].starts_with(&adler32(&stream.text).to_be_bytes());
        let head = Head {
            gap: found.start - done,
            size: stream.text.len(),
            shape,
            is_checked,
            corrections: corrected.len(),
        };
        head.put(&mut heads);
        corrections.extend_from_slice(&corrected);
        texts.extend_from_slice(&block[done..found.start]);
        texts.extend_from_slice(&stream.text);
        streams += 1;
        total += stream.text.len();
        at += if is_checked { 4 } else { 0 };
        done = at;
    }
    if streams == 0 {
        return None;
    }
    let mut parts = Vec::new();
    put_varint(&mut parts, streams);
    let whole = parts.len() + heads.len() + corrections.len() + texts.len() + block.len() - done;
    if whole > most || whole > SHARE.saturating_mul(block.len()) {
        return None;
    }
    parts.reserve_exact(whole - parts.len());
    for part in [&heads, &corrections, &texts, &block[done..]] {
        parts.extend_from_slice(part);
    }
    let is_whole = rebuild(&parts, block.len(), go_on).is_ok_and(|rebuilt| rebuilt == block);
    is_whole.then_some(parts)
}

/// The block of so many bytes that has these parts.
///
/// # Errors
/// `Damaged` where there is none, or `go_on`, which is asked now and then, says no.
pub fn rebuild(
    parts: &[u8],
    length: usize,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Vec<u8>, Damaged> {
    if parts.len() > MOST || parts.len() > SHARE.saturating_mul(length) {
        return Err(Damaged);
    }
    let block = assemble(parts, length, go_on)?;
    if block.len() == length { Ok(block) } else { Err(Damaged) }
}

/// The block of at most so many bytes that has these parts.
///
/// # Errors
/// `Damaged` where there is none, or `go_on` says no.
pub fn assemble(
    parts: &[u8],
    most: usize,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Vec<u8>, Damaged> {
    let mut rest = parts;
    let streams = varint(&mut rest)?;
    let heads = rest;
    let (mut corrections, mut texts) = (0, 0);
    for _ in 0..streams {
        let head = Head::take(&mut rest)?;
        corrections += head.corrections;
        texts += head.gap + head.size;
    }
    let mut corrections = take(&mut rest, corrections)?;
    if streams == 0 || texts > rest.len() {
        return Err(Damaged);
    }
    let (mut heads, mut maker) = (heads, Maker::default());
    let mut writer = Writer::default();
    for _ in 0..streams {
        let head = Head::take(&mut heads)?;
        writer.bytes.extend_from_slice(take(&mut rest, head.gap)?);
        let text = take(&mut rest, head.size)?;
        let corrected = take(&mut corrections, head.corrections)?;
        maker.write(text, head.shape, corrected, most, &mut writer, go_on)?;
        if head.is_checked {
            writer.bytes.extend_from_slice(&adler32(text).to_be_bytes());
        }
        if writer.bytes.len() > most {
            return Err(Damaged);
        }
    }
    writer.bytes.extend_from_slice(rest);
    Ok(writer.bytes)
}

/// The checksum of a text in zlib.
fn adler32(text: &[u8]) -> u32 {
    const PRIME: u32 = 65_521;
    // The longest stretch in which the sums stay below 2^32.
    const STRETCH: usize = 5552;
    let (mut a, mut b) = (1, 0);
    for stretch in text.chunks(STRETCH) {
        for &byte in stretch {
            a += u32::from(byte);
            b += a;
        }
        a %= PRIME;
        b %= PRIME;
    }
    b << 16 | a
}
