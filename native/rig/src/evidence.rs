//! What a network says of a text, as a file: a head, then 16-bit stretches, least byte first.

use std::fs;
use std::path::Path;

/// The head: this, lanes and bytes of the text as 32 bits each, the text's check as 64 bits.
const MAGIC: &[u8; 8] = b"kzsaid\x01\n";
const HEAD: usize = 24;

/// What a network says of the bits of a text.
pub struct Evidence {
    /// Lanes that the text is cut into.
    pub lanes: usize,
    length: usize,
    check: u64,
    /// For each step and bit, one a lane; 0 where a lane has no byte at the step.
    pub stretches: Vec<i16>,
}

impl Evidence {
    /// Of nothing yet, for a text in its lanes.
    pub fn new(text: &[u8], lanes: usize) -> Self {
        let stretches = vec![0; text.len().div_ceil(lanes) * 8 * lanes];
        Self { lanes, length: text.len(), check: check(text), stretches }
    }

    /// The place of a bit among the stretches.
    pub fn at(&self, step: usize, bit: usize, lane: usize) -> usize {
        (8 * step + bit) * self.lanes + lane
    }

    /// The stretches of a step.
    pub fn of_step(&self, step: usize) -> &[i16] {
        &self.stretches[self.at(step, 0, 0)..self.at(step + 1, 0, 0)]
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
        bytes.extend(self.stretches.iter().flat_map(|stretch| stretch.to_le_bytes()));
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
            && rest.len() == 16 * lanes * length.div_ceil(lanes);
        let stretches = rest.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        whole.then_some(Self { lanes, length, check, stretches })
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
        for (at, stretch) in evidence.stretches.iter_mut().enumerate() {
            *stretch = at as i16 * 37 - 1500;
        }
        let path = std::env::temp_dir().join(format!("kolmozip-rig-{}", std::process::id()));
        evidence.write(&path).unwrap();
        let read = Evidence::read(&path).unwrap();
        assert_eq!((read.lanes, &read.stretches), (4, &evidence.stretches));
        assert!(read.is_of(text) && !read.is_of(b"twenty-one characterS"));
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        for spoilt in [&bytes[..bytes.len() - 1], &bytes[..HEAD - 1], &bytes[1..]] {
            assert!(Evidence::parse(spoilt).is_none());
        }
    }
}
