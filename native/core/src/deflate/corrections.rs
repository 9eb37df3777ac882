//! What of a stream is not as foreseen, as bytes. `FORMAT.md`, section 7.6.
#![forbid(unsafe_code)]

use super::bits::{first, put_varint, take, varint};
use super::inflate::Kind;
use super::tokens::{LONGEST, SHORTEST, Token};
use crate::coder::Damaged;

/// A bit beside those of the type: the block's description follows.
const DESCRIBED: u8 = 4;
/// The most bytes of a stored block.
pub const MOST_STORED: usize = u16::MAX as usize;
/// The greatest distance.
const FARTHEST: usize = 1 << 15;

/// A block that the corrections list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    pub kind: Kind,
    /// Its tokens, or its bytes if it is stored.
    pub count: usize,
    /// Its description and the bits of it, where told.
    pub description: Option<(&'a [u8], usize)>,
}

impl<'a> Listed<'a> {
    pub fn put(&self, bytes: &mut Vec<u8>) {
        put_varint(bytes, self.count);
        let described = if self.description.is_some() { DESCRIBED } else { 0 };
        bytes.push(self.kind as u8 | described);
        if let Some((description, bits)) = self.description {
            put_varint(bytes, bits);
            bytes.extend_from_slice(description);
        }
    }

    fn take(bytes: &mut &'a [u8]) -> Result<Self, Damaged> {
        let count = varint(bytes)?;
        let (kind, described) = match first(bytes)? {
            0 if count <= MOST_STORED => (Kind::Stored, false),
            1 => (Kind::Fixed, false),
            2 => (Kind::Dynamic, false),
            6 => (Kind::Dynamic, true),
            _ => return Err(Damaged),
        };
        let mut description = None;
        if described {
            let bits = varint(bytes)?;
            let described = take(bytes, bits.div_ceil(8))?;
            let fill = described.last().map_or(0, |&last| last >> ((bits + 7) % 8) >> 1);
            if fill != 0 {
                return Err(Damaged);
            }
            description = Some((described, bits));
        }
        Ok(Self { kind, count, description })
    }
}

/// A correction of a token: the tokens since the last one, and what is in the place of the foreseen.
#[derive(Clone, Copy, Debug)]
pub struct Correction {
    pub gap: usize,
    pub token: Token,
}

impl Correction {
    pub fn put(&self, bytes: &mut Vec<u8>) {
        put_varint(bytes, self.gap);
        if self.token.is_literal() {
            put_varint(bytes, 0);
        } else {
            put_varint(bytes, self.token.length());
            put_varint(bytes, self.token.distance());
        }
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, Damaged> {
        let gap = varint(bytes)?;
        let token = match varint(bytes)? {
            0 => Token::LITERAL,
            length @ SHORTEST..=LONGEST => match varint(bytes)? {
                distance @ 1..=FARTHEST => Token::matching(length, distance),
                _ => return Err(Damaged),
            },
            _ => return Err(Damaged),
        };
        Ok(Self { gap, token })
    }
}

/// The blocks that corrections list, where they do.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    left: usize,
    bytes: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// The next one, and whether it is the last.
    ///
    /// # Errors
    /// `Damaged` where it is none.
    pub fn next(&mut self) -> Result<(Listed<'a>, bool), Damaged> {
        self.left = self.left.checked_sub(1).ok_or(Damaged)?;
        Ok((Listed::take(&mut self.bytes)?, self.left == 0))
    }
}

/// The corrections of tokens, one after the other.
#[derive(Clone, Debug)]
pub struct Rest<'a> {
    bytes: &'a [u8],
    next: Option<Correction>,
}

impl Rest<'_> {
    fn advance(&mut self) -> Result<(), Damaged> {
        let more = !self.bytes.is_empty();
        self.next = if more { Some(Correction::take(&mut self.bytes)?) } else { None };
        Ok(())
    }

    /// What is in the place of the next token; None where it is as foreseen.
    ///
    /// # Errors
    /// `Damaged` where what follows is no correction.
    #[inline]
    pub fn step(&mut self) -> Result<Option<Token>, Damaged> {
        match &mut self.next {
            None => Ok(None),
            Some(Correction { gap: 0, token }) => {
                let token = *token;
                self.advance()?;
                Ok(Some(token))
            }
            Some(Correction { gap, .. }) => {
                *gap -= 1;
                Ok(None)
            }
        }
    }

    pub fn is_over(&self) -> bool {
        self.next.is_none()
    }
}

/// Reads corrections, of no bytes where there are none.
///
/// # Errors
/// `Damaged` where they break the format.
pub fn read(mut bytes: &[u8]) -> Result<(Option<Blocks<'_>>, Rest<'_>), Damaged> {
    let mut blocks = None;
    if !bytes.is_empty() {
        let count = varint(&mut bytes)?;
        let listed = Blocks { left: count, bytes };
        for _ in 0..count {
            Listed::take(&mut bytes)?;
        }
        blocks = (count > 0).then_some(listed);
    }
    let mut rest = Rest { bytes, next: None };
    rest.advance()?;
    Ok((blocks, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_come_back() {
        let listed = [
            Listed { kind: Kind::Stored, count: 65_535, description: None },
            Listed { kind: Kind::Fixed, count: 0, description: None },
            Listed { kind: Kind::Dynamic, count: 1 << 20, description: None },
            Listed { kind: Kind::Dynamic, count: 3, description: Some((&[255, 7], 11)) },
            Listed { kind: Kind::Dynamic, count: 3, description: Some((&[255], 8)) },
        ];
        let corrections = [(2, Token::LITERAL), (0, Token::matching(258, 1 << 15))];
        let mut bytes = vec![listed.len() as u8];
        listed.iter().for_each(|block| block.put(&mut bytes));
        corrections.iter().for_each(|&(gap, token)| Correction { gap, token }.put(&mut bytes));
        let (blocks, mut rest) = read(&bytes).unwrap();
        let mut blocks = blocks.unwrap();
        for (i, block) in listed.iter().enumerate() {
            assert_eq!(blocks.next(), Ok((*block, i == 4)));
        }
        assert_eq!(blocks.next(), Err(Damaged));
        let expected = [None, None, Some(corrections[0].1), Some(corrections[1].1), None];
        for step in expected {
            assert_eq!(rest.step(), Ok(step));
        }
        assert!(rest.is_over());
        // They may end behind each correction of a token, and before the first.
        let ends = [bytes.len() - 8, bytes.len() - 6, bytes.len()];
        for size in 1..=bytes.len() {
            let whole = read(&bytes[..size]).and_then(|(_, mut rest)| {
                while !rest.is_over() {
                    rest.step()?;
                }
                Ok(())
            });
            assert_eq!(whole.is_ok(), ends.contains(&size), "{size}");
        }
    }

    #[test]
    fn what_the_format_does_not_know_is_refused() {
        let refused: [&[u8]; 12] = [
            &[1, 0x80, 0x80, 4, 0],    // more bytes than a stored block has
            &[1, 0, 3],                // a type that there is not
            &[1, 0, 4],                // a stored block that is described
            &[1, 0, 5],                // a fixed one
            &[1, 0, 8],                // a bit that means nothing
            &[1, 0, 6, 3, 8],          // a fill that is not zeros
            &[2, 0, 1],                // fewer blocks than told
            &[0, 0, 1],                // a match of one byte
            &[0, 0, 0x83, 2],          // one of 259 bytes
            &[0, 0, 3, 0],             // a distance of 0
            &[0, 0, 3, 0x81, 0x80, 2], // one above the farthest
            &[0, 0, 3],                // no distance
        ];
        for bytes in refused {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(&[0]).unwrap().0.is_none());
        assert!(read(&[]).unwrap().1.is_over());
    }
}
