//! Transforms of a block before it is coded. `FORMAT.md`, section 2.7.
#![forbid(unsafe_code)]

/// What is done to a block before it is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Nothing.
    None,
    /// Distances of calls and jumps of x86 become places.
    X86,
    /// Little-endian numbers, every so many-th of one channel, become differences.
    Differences {
        /// Bytes of a number, 1 or 2.
        width: usize,
        /// Channels.
        channels: usize,
    },
}

impl Transform {
    /// The transform that a block names by its number.
    #[must_use]
    pub fn by_number(number: u8) -> Option<Self> {
        let differences = |width, channels| Self::Differences { width, channels };
        match number {
            0 => Some(Self::None),
            1 => Some(Self::X86),
            2 => Some(differences(1, 1)),
            3 => Some(differences(1, 3)),
            4 => Some(differences(1, 4)),
            5 => Some(differences(2, 1)),
            6 => Some(differences(2, 2)),
            _ => None,
        }
    }

    /// Changes the block into what is coded.
    pub fn apply(self, block: &mut [u8]) {
        match self {
            Self::None => (),
            Self::X86 => x86(block),
            Self::Differences { width, channels } => differences(block, width, channels),
        }
    }

    /// The inverse of `apply`.
    pub fn undo(self, block: &mut [u8]) {
        match self {
            Self::None => (),
            Self::X86 => undo_x86(block),
            Self::Differences { width, channels } => undo_differences(block, width, channels),
        }
    }
}

/// The number of `width` bytes at `at`.
fn number(block: &[u8], at: usize, width: usize) -> u16 {
    let high = if width == 2 { block[at + 1] } else { 0 };
    u16::from_le_bytes([block[at], high])
}

fn set_number(block: &mut [u8], at: usize, width: usize, value: u16) {
    block[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
}

/// Takes from each number the one before in its channel. The last is changed first.
fn differences(block: &mut [u8], width: usize, channels: usize) {
    let (step, whole) = (width * channels, block.len() / width * width);
    for at in (step..whole).step_by(width).rev() {
        let before = number(block, at - step, width);
        set_number(block, at, width, number(block, at, width).wrapping_sub(before));
    }
}

/// The inverse of `differences`.
fn undo_differences(block: &mut [u8], width: usize, channels: usize) {
    let (step, whole) = (width * channels, block.len() / width * width);
    for at in (step..whole).step_by(width) {
        let before = number(block, at - step, width);
        set_number(block, at, width, number(block, at, width).wrapping_add(before));
    }
}

/// Bytes of a call or jump of x86: its code and four of distance.
const INSTRUCTION: usize = 5;

/// The distance of the call or jump at `at`, if it may be one: below 2^24 either way.
fn distance(block: &[u8], at: usize) -> Option<u32> {
    let code = block.get(at..at + INSTRUCTION)?;
    let may_be = matches!(code[0], 0xE8 | 0xE9) && matches!(code[4], 0 | 0xFF);
    may_be.then(|| u32::from_le_bytes([code[1], code[2], code[3], 0]))
}

fn set(block: &mut [u8], at: usize, distance: u32) {
    block[at + 1..at + 4].copy_from_slice(&distance.to_le_bytes()[..3]);
}

/// Makes the distances of calls and jumps of x86 code into places, so that those to the same place
/// look alike. The last is changed first: what tells an instruction is as the decoder will see it.
fn x86(block: &mut [u8]) {
    for at in (0..block.len().saturating_sub(INSTRUCTION - 1)).rev() {
        if let Some(distance) = distance(block, at) {
            set(block, at, distance.wrapping_add(at as u32));
        }
    }
}

/// The inverse of `x86`.
fn undo_x86(block: &mut [u8]) {
    for at in 0..block.len().saturating_sub(INSTRUCTION - 1) {
        if let Some(place) = distance(block, at) {
            set(block, at, place.wrapping_sub(at as u32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_to_one_place_look_alike() {
        let mut block = [0x90, 0xE8, 10, 0, 0, 0, 0xE8, 5, 0, 0, 0, 0x90];
        x86(&mut block);
        assert_eq!(block, [0x90, 0xE8, 11, 0, 0, 0, 0xE8, 11, 0, 0, 0, 0x90]);
    }

    #[test]
    fn whatever_is_changed_comes_back() {
        let mut state = 1_u32;
        let bytes = [0xE8, 0xE9, 0, 0xFF, 0x90, 1];
        for length in [0, 1, 4, 5, 6, 7, 50, 5000] {
            for _ in 0..40 {
                let block: Vec<u8> = (0..length)
                    .map(|_| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        bytes[(state >> 24) as usize % bytes.len()]
                    })
                    .collect();
                let mut changed = block.clone();
                x86(&mut changed);
                undo_x86(&mut changed);
                assert_eq!(changed, block);
            }
        }
    }

    #[test]
    fn steady_growth_has_equal_differences() {
        let changed = |number: u8, block: &[u8]| {
            let transform = Transform::by_number(number).unwrap();
            let mut changed = block.to_vec();
            transform.apply(&mut changed);
            let mut back = changed.clone();
            transform.undo(&mut back);
            assert_eq!(back, block);
            changed
        };
        assert_eq!(changed(2, &[250, 253, 0, 3]), [250, 3, 3, 3]);
        assert_eq!(changed(3, &[9, 5, 1, 10, 7, 4, 11]), [9, 5, 1, 1, 2, 3, 1]);
        assert_eq!(changed(4, &[1, 2, 3, 4, 2, 4]), [1, 2, 3, 4, 1, 2]);
        assert_eq!(changed(5, &[255, 0, 1, 1, 3, 2, 7]), [255, 0, 2, 0, 2, 1, 7]);
        assert_eq!(changed(6, &[0, 0, 1, 0, 255, 255, 2, 0, 9]), [0, 0, 1, 0, 255, 255, 1, 0, 9]);
        for number in 0..7 {
            for length in 0..9 {
                changed(number, &[7, 1, 9, 200, 3, 250, 0, 2, 5][..length]);
            }
        }
        assert_eq!(Transform::by_number(7), None);
    }
}
