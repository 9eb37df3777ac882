//! Bits as RFC 1951 packs them, the lowest of a byte first, and numbers of one to five bytes.
#![forbid(unsafe_code)]

use crate::coder::Damaged;

/// Reads bits.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Bytes that are in the buffer or were.
    at: usize,
    /// Above the held bits there may be more of the same stream.
    buffer: u64,
    held: u32,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, buffer: 0, held: 0 }
    }

    /// Holds 56 bits or more, or all that are left.
    #[inline]
    pub fn refill(&mut self) {
        if let Some(eight) = self.bytes[self.at..].first_chunk() {
            self.buffer |= u64::from_le_bytes(*eight) << self.held;
            let bytes = (63 - self.held) >> 3;
            self.at += bytes as usize;
            self.held += 8 * bytes;
            return;
        }
        while self.held < 56 && self.at < self.bytes.len() {
            self.buffer |= u64::from(self.bytes[self.at]) << self.held;
            self.at += 1;
            self.held += 8;
        }
    }

    /// The next bits, without taking them; behind the last ones there are zeros.
    #[inline]
    pub fn peek(&self, bits: u32) -> usize {
        (self.buffer & ((1 << bits) - 1)) as usize
    }

    /// Takes bits that were looked at; None where there are fewer.
    #[inline]
    pub fn skip(&mut self, bits: u32) -> Option<()> {
        self.held = self.held.checked_sub(bits)?;
        self.buffer >>= bits;
        Some(())
    }

    /// Takes at most 32 bits; None where there are fewer.
    #[inline]
    pub fn take(&mut self, bits: u32) -> Option<usize> {
        if self.held < bits {
            self.refill();
        }
        let value = self.peek(bits);
        self.skip(bits)?;
        Some(value)
    }

    /// Takes the bits up to the next whole byte; None where they are not zeros.
    pub fn align(&mut self) -> Option<()> {
        let zeros = self.take(self.held % 8)? == 0;
        zeros.then_some(())
    }

    /// Takes whole bytes, behind `align`; None where there are fewer.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        self.at -= self.held as usize / 8;
        (self.buffer, self.held) = (0, 0);
        let bytes = self.bytes[self.at..].get(..count)?;
        self.at += count;
        Some(bytes)
    }

    /// Bits taken so far.
    pub fn position(&self) -> usize {
        8 * self.at - self.held as usize
    }
}

/// Some of the bits of `bytes`, from one of them on; zeros fill the last byte.
///
/// # Panics
/// Where there are not so many.
pub fn cut(bytes: &[u8], from: usize, count: usize) -> Writer {
    let mut reader = Reader::new(&bytes[from / 8..]);
    let mut writer = Writer::default();
    let there = "the bits are there";
    reader.take(from as u32 % 8).expect(there);
    for _ in 0..count / 32 {
        writer.put(reader.take(32).expect(there), 32);
    }
    let rest = count as u32 % 32;
    writer.put(reader.take(rest).expect(there), rest);
    writer
}

/// Writes bits, and behind `align` bytes.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// The whole bytes so far; all of them behind `align`.
    pub bytes: Vec<u8>,
    buffer: u64,
    held: u32,
}

impl Writer {
    /// Writes at most 32 bits of a number that has no others.
    #[inline]
    pub fn put(&mut self, value: usize, bits: u32) {
        self.buffer |= (value as u64) << self.held;
        self.held += bits;
        if self.held >= 32 {
            self.bytes.extend_from_slice(&(self.buffer as u32).to_le_bytes());
            self.buffer >>= 32;
            self.held -= 32;
        }
    }

    /// Writes bits of bytes, up to the given number.
    pub fn append(&mut self, bytes: &[u8], bits: usize) {
        for &byte in &bytes[..bits / 8] {
            self.put(usize::from(byte), 8);
        }
        if !bits.is_multiple_of(8) {
            let rest = bits % 8;
            self.put(usize::from(bytes[bits / 8]) & ((1 << rest) - 1), rest as u32);
        }
    }

    /// Fills the last byte with zeros.
    pub fn align(&mut self) {
        let bytes = self.held.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.buffer.to_le_bytes()[..bytes]);
        (self.buffer, self.held) = (0, 0);
    }

    /// Bits written so far.
    pub fn bits(&self) -> usize {
        8 * self.bytes.len() + self.held as usize
    }
}

/// Appends a number below 2^32 in one to five bytes.
pub fn put_varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Takes such a number from the start of some bytes.
///
/// # Errors
/// `Damaged` where they end before, or the number is 2^32 or more, or longer than five bytes.
pub fn varint(bytes: &mut &[u8]) -> Result<usize, Damaged> {
    let mut value = 0_u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = first(bytes)?;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            let value = u32::try_from(value).map_err(|_| Damaged)?;
            return Ok(value as usize);
        }
    }
    Err(Damaged)
}

/// Takes the first byte.
///
/// # Errors
/// `Damaged` where there is none.
pub fn first(bytes: &mut &[u8]) -> Result<u8, Damaged> {
    bytes.split_off_first().copied().ok_or(Damaged)
}

/// Takes so many bytes.
///
/// # Errors
/// `Damaged` where there are fewer.
pub fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Damaged> {
    bytes.split_off(..count).ok_or(Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_as_they_were_written() {
        let parts = [(5, 3), (0, 1), (70_000, 17), (1, 1), (0xFFFF_FFFF, 32), (0, 0), (9, 4)];
        let mut writer = Writer::default();
        for _ in 0..5 {
            parts.iter().for_each(|&(value, bits)| writer.put(value, bits));
        }
        assert_eq!(writer.bits(), 5 * 58);
        writer.align();
        assert_eq!(writer.bytes.len(), 37);
        let mut reader = Reader::new(&writer.bytes);
        for _ in 0..5 {
            for (value, bits) in parts {
                assert_eq!(reader.take(bits), Some(value));
            }
        }
        assert_eq!(reader.position(), 290);
        assert_eq!(reader.align(), Some(()));
        assert_eq!(reader.take(1), None);
    }

    #[test]
    fn bytes_lie_between_bits() {
        let mut reader = Reader::new(&[0b101, 7, 8, 9, 0xFF]);
        assert_eq!(reader.take(3), Some(5));
        reader.align().unwrap();
        assert_eq!(reader.bytes(3), Some(&[7, 8, 9][..]));
        assert_eq!(reader.take(4), Some(15));
        assert_eq!(reader.align(), None);
        assert_eq!(reader.bytes(1), None);
    }

    #[test]
    fn bits_are_cut_and_appended_at_any_place() {
        let bytes: Vec<u8> = (0..40_u32).map(|i| (i * 37 % 251) as u8).collect();
        for from in 0..20 {
            for count in [0, 1, 7, 8, 31, 32, 33, 100, 300] {
                let mut cut = cut(&bytes, from, count);
                assert_eq!(cut.bits(), count);
                cut.align();
                let mut writer = Writer::default();
                writer.append(&bytes, from);
                writer.append(&cut.bytes, count);
                let mut whole = Writer::default();
                whole.append(&bytes, from + count);
                writer.align();
                whole.align();
                assert_eq!(writer.bytes, whole.bytes);
            }
        }
    }

    #[test]
    fn numbers_take_one_to_five_bytes() {
        for (value, size) in [(0, 1), (127, 1), (128, 2), (1 << 14, 3), ((1 << 32) - 1, 5)] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(bytes.len(), size);
            assert_eq!(varint(&mut &bytes[..]), Ok(value));
            assert_eq!(varint(&mut &bytes[..size - 1]), Err(Damaged));
        }
        assert_eq!(varint(&mut &[128, 0][..]), Ok(0));
        assert_eq!(varint(&mut &[255, 255, 255, 255, 16][..]), Err(Damaged));
        assert_eq!(varint(&mut &[128, 128, 128, 128, 128, 0][..]), Err(Damaged));
    }
}
