//! What a network says of a text, as a file: a head, then 16-bit numbers, least byte first.

use kolmozip_core::memory::hit::{Advice, Adviser};
use std::fs;
use std::path::Path;

/// The head: this, lanes and bytes of the text as 32 bits each, the text's check as 64 bits.
const MAGIC: &[u8; 8] = b"kzsaid\x02\n";
const HEAD: usize = 24;
/// Numbers of a byte: the stretches of its bits, the likeliest byte, the stretch that it comes, and
/// those of the bits without it.
const KINDS: usize = 18;

/// What a network says of the bits of a text.
pub struct Evidence {
    /// Lanes that the text is cut into.
    pub lanes: usize,
    length: usize,
    check: u64,
    /// For each step and kind, one a lane; 0 where a lane has no byte at the step.
    numbers: Vec<i16>,
}

impl Evidence {
    /// Of nothing yet, for a text in its lanes.
    pub fn new(text: &[u8], lanes: usize) -> Self {
        let numbers = vec![0; text.len().div_ceil(lanes) * KINDS * lanes];
        Self { lanes, length: text.len(), check: check(text), numbers }
    }

    /// Notes what is said of the byte at a place of the text.
    pub fn note(&mut self, place: usize, advice: &Advice) {
        let (short, extra) = (self.length / self.lanes, self.length % self.lanes);
        // The first lanes are a byte longer.
        let (lane, step) = if place < extra * (short + 1) {
            (place / (short + 1), place % (short + 1))
        } else {
            let beyond = place - extra * (short + 1);
            (extra + beyond / short, beyond % short)
        };
        let Advice { likeliest, hit, bits, missed } = advice;
        let first = [i16::from(*likeliest), *hit];
        let numbers = bits.iter().chain(&first).chain(missed);
        for (kind, &number) in numbers.enumerate() {
            self.numbers[(KINDS * step + kind) * self.lanes + lane] = number;
        }
    }

    /// The stretches of a step's bits, for each bit one a lane.
    pub fn of_step(&self, step: usize) -> &[i16] {
        &self.numbers[KINDS * step * self.lanes..][..8 * self.lanes]
    }

    fn of(&self, step: usize, lane: usize, kind: usize) -> i16 {
        self.numbers[(KINDS * step + kind) * self.lanes + lane]
    }

    /// Whether it is of this text.
    pub fn is_of(&self, text: &[u8]) -> bool {
        (self.length, self.check) == (text.len(), check(text))
    }

    /// Writes it to a file.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((self.lanes as u32).to_le_bytes());
        bytes.extend((self.length as u32).to_le_bytes());
        bytes.extend(self.check.to_le_bytes());
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads a file of it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&bytes).ok_or_else(|| {
            format!("{} holds no evidence: write it anew with `rig record`", path.display())
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| head[at + byte]));
        let (lanes, length) = (word(8) as usize, word(12) as usize);
        let check = u64::from(word(16)) | u64::from(word(20)) << 32;
        let whole = head.starts_with(MAGIC)
            && (1..=length).contains(&lanes)
            && rest.len() == 2 * KINDS * lanes * length.div_ceil(lanes);
        let numbers = rest.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        whole.then_some(Self { lanes, length, check, numbers })
    }
}

impl Adviser for &Evidence {
    fn likeliest(&mut self, step: usize, lane: usize, _: &[u8]) -> (u8, i16) {
        (self.of(step, lane, 8) as u8, self.of(step, lane, 9))
    }

    fn missed(&mut self, step: usize, lane: usize, k: usize, _: u32) -> i16 {
        self.of(step, lane, 10 + k)
    }
}

/// FNV-1a, which tells one text from another.
fn check(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_refused_where_it_is_cut() {
        let text = b"twenty-one characters";
        let mut evidence = Evidence::new(text, 4);
        for place in 0..text.len() {
            let number = |kind: usize| (100 * place + kind) as i16;
            let bits = std::array::from_fn(number);
            let missed = std::array::from_fn(|k| -number(k));
            evidence.note(place, &Advice { likeliest: place as u8, hit: -5, bits, missed });
        }
        let path = std::env::temp_dir().join(format!("kolmozip-rig-{}", std::process::id()));
        evidence.write(&path).unwrap();
        let read = Evidence::read(&path).unwrap();
        assert_eq!((read.lanes, &read.numbers), (4, &evidence.numbers));
        // The lanes hold 6, 5, 5 and 5 bytes: byte 12 is the second of the third lane.
        assert_eq!((&mut &read).likeliest(1, 2, b""), (12, -5));
        assert_eq!((&mut &read).missed(1, 2, 3, 1), -1203);
        assert_eq!(read.of_step(1)[2 + 4 * 7], 1207);
        assert!(read.is_of(text) && !read.is_of(b"twenty-one characterS"));
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        for spoilt in [&bytes[..bytes.len() - 1], &bytes[..HEAD - 1], &bytes[1..]] {
            assert!(Evidence::parse(spoilt).is_none());
        }
    }
}
