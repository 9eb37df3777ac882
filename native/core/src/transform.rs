//! Transforms of a block before it is coded. `FORMAT.md`, section 2.7.
#![forbid(unsafe_code)]

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
pub fn x86(block: &mut [u8]) {
    for at in (0..block.len().saturating_sub(INSTRUCTION - 1)).rev() {
        if let Some(distance) = distance(block, at) {
            set(block, at, distance.wrapping_add(at as u32));
        }
    }
}

/// The inverse of `x86`.
pub fn undo_x86(block: &mut [u8]) {
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
}
