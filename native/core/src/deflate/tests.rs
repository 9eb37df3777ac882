//! Deflate streams in blocks: made, unpacked, made again, and refused where they cannot be.

use super::parts;
use crate::coder::Damaged;

const MOST: usize = 1 << 27;
/// The head of zlib that tells a window of 15 bits.
const ZLIB: &[u8] = b"\x78\x9C";

fn unpack(block: &[u8], most: usize) -> Option<Vec<u8>> {
    parts::unpack(block, most, &mut || true)
}

fn rebuild(parts: &[u8], length: usize) -> Result<Vec<u8>, Damaged> {
    parts::rebuild(parts, length, &mut || true)
}

fn assemble(parts: &[u8], most: usize) -> Result<Vec<u8>, Damaged> {
    parts::assemble(parts, most, &mut || true)
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The parts of a block with one stream behind the head of zlib.
fn parts(text: &[u8], level: u8, form: u8, corrections: &[u8]) -> Vec<u8> {
    let gap = varint(ZLIB.len());
    let (size, corrected) = (varint(text.len()), varint(corrections.len()));
    [&[1], &gap[..], &size, &[level, form], &corrected, corrections, ZLIB, text].concat()
}

/// The block that has these parts.
fn made(parts: &[u8]) -> Vec<u8> {
    assemble(parts, MOST).expect("these parts make a block")
}

/// A small generator, so that every run tests the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as u32 % limit
    }
}

/// The text of the test below as zlib 1.2.13 packs it at level 9.
const ZLIB_STREAM: [u8; 65] = [
    0x78, 0xDA, 0x75, 0xC9, 0xC1, 0x09, 0x80, 0x30, 0x10, 0x04, 0xC0, 0x56, 0xB6, 0x00, 0x9B, 0x8A,
    0xB8, 0x31, 0x07, 0xC6, 0x05, 0xF7, 0xE0, 0xDA, 0x17, 0x5F, 0x7E, 0x74, 0xBE, 0x13, 0x89, 0x6A,
    0x46, 0x0E, 0x62, 0xA5, 0x13, 0xEA, 0xC8, 0x98, 0xF4, 0x82, 0x78, 0xA7, 0x74, 0xFD, 0x55, 0xDB,
    0xF9, 0x44, 0x85, 0x37, 0xCD, 0xAF, 0xE9, 0xD2, 0x11, 0x1E, 0x27, 0xED, 0x1B, 0x0B, 0xB2, 0x26,
    0x28,
];

/// Words of few, with numbers between them.
fn words(seed: u64, size: usize) -> Vec<u8> {
    let mut random = Random(seed);
    let mut text = Vec::new();
    while text.len() < size {
        let most = 1 + random.below(500);
        let word = 7 * random.below(most) + 1000;
        text.extend(word.to_string().bytes());
        text.push(b" ,.\n"[random.below(4) as usize]);
        if random.below(20) == 0 {
            text.extend((0..random.below(30)).map(|i| (i * i) as u8));
        }
    }
    text.truncate(size);
    text
}

/// A description of codes in which each symbol has one, as no deflate of zlib would write it.
fn everything() -> (Vec<u8>, usize) {
    let mut bits = Vec::new();
    let mut put = |value: u32, count: u32| bits.extend((0..count).map(|i| value >> i & 1));
    [(29, 5), (29, 5), (15, 4)].iter().for_each(|&(value, count)| put(value, count));
    // The lengths 8, 9, 5 and 4 are told by two bits each.
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
        put(if [4, 5, 8, 9].contains(&symbol) { 2 } else { 0 }, 3);
    }
    (0..286).for_each(|symbol| put(if symbol < 226 { 1 } else { 3 }, 2));
    (0..30).for_each(|symbol| put(if symbol < 2 { 0 } else { 2 }, 2));
    let byte = |bits: &[u32]| bits.iter().enumerate().map(|(i, bit)| (bit << i) as u8).sum();
    (bits.chunks(8).map(byte).collect(), bits.len())
}

#[test]
fn a_stream_of_zlib_comes_apart() {
    let text = b"it was the best of times, it was the worst of times, it was the age of wisdom, \
        it was the age of foolishness";
    let block: &[u8] = &ZLIB_STREAM;
    let packed_parts = |form| [&parts(text, 4, form, b"")[..6], &block[..2], text].concat();
    let unpacked = unpack(block, MOST).unwrap();
    assert_eq!(unpacked, packed_parts(16));
    assert_eq!(rebuild(&unpacked, block.len()).unwrap(), block);
    let most = unpacked.len();
    assert_eq!(unpack(block, most), Some(unpacked));
    assert_eq!(unpack(block, most - 1), None);
    assert_eq!(unpack(&block[..block.len() - 5], MOST), None);
    let unchecked = unpack(&block[..block.len() - 4], MOST).unwrap();
    assert_eq!(unchecked, packed_parts(0));
}

#[test]
fn work_ends_where_it_is_told_to() {
    let block = made(&parts(&words(5, 200_000), 6, 0, b""));
    let unpacked = unpack(&block, MOST).unwrap();
    for most in [0, 1] {
        let mut left = most;
        let mut go_on = || {
            left -= 1;
            left >= 0
        };
        assert_eq!(parts::rebuild(&unpacked, block.len(), &mut go_on), Err(Damaged));
        assert_eq!(parts::unpack(&block, MOST, &mut go_on), None);
        assert!(left < -1, "it was asked again, and no more was done");
    }
}

#[test]
fn every_shape_comes_back_without_corrections() {
    for (size, large) in [(64, 0), (700, 0), (40_000, 0), (90_000, 8), (90_000, 40), (150_000, 0)] {
        let text = words(size as u64, size);
        for level in 1..=9 {
            for window in [0, 3, 6] {
                let head = parts(&text, level, large | window, b"");
                let mut block = made(&head);
                let flags = [0x78_u16, 0x48, 0x18][window as usize / 3] << 8;
                block[..2].copy_from_slice(&(flags + 31 - flags % 31).to_be_bytes());
                let unpacked = unpack(&block, MOST).unwrap();
                assert_eq!(unpacked[unpacked.len() - text.len()..], text);
                assert_eq!(unpacked.len(), head.len(), "no corrections, {size} {level} {window}");
                assert_eq!(rebuild(&unpacked, block.len()).unwrap(), block);
            }
        }
    }
}

#[test]
fn blocks_of_every_type_and_odd_tokens_come_back() {
    let text = words(7, 5000);
    let (description, bits) = everything();
    let mut listed = vec![7];
    for (count, kind) in [(0, 1), (500, 0), (40, 1), (0, 0), (130, 6), (0, 2), (1, 2)] {
        listed.extend(varint(count));
        listed.push(kind);
        if kind == 6 {
            listed.extend(varint(bits));
            listed.extend(&description);
        }
    }
    // The last block has what is left, which is found by trying.
    let at = listed.len() - 2;
    let block = (1..5000).find_map(|count| {
        let last = [&varint(count)[..], &[2]].concat();
        listed.splice(at.., last);
        let head = parts(&text, 6, 0, &listed);
        assemble(&head, MOST).ok().map(|block| (head, block))
    });
    let (head, block) = block.expect("some number of tokens is right");
    assert_eq!(unpack(&block, MOST), Some(head));
}

#[test]
fn corrected_tokens_come_back() {
    let text = words(3, 3000);
    let plain = made(&parts(&text, 6, 0, b""));
    // A literal in the place of what follows 900 tokens, and soon another one.
    let corrections = [&[0][..], &varint(900), &[0, 3, 0]].concat();
    let head = parts(&text, 6, 0, &corrections);
    let block = made(&head);
    assert_ne!(block, plain);
    let unpacked = unpack(&block, MOST).unwrap();
    assert_eq!(rebuild(&unpacked, block.len()).unwrap(), block);
    assert!(unpacked.len() <= head.len());
}

#[test]
fn streams_between_other_bytes_are_found() {
    let mut block = b"8O x^ PK\x03\x04 \x1F\x8B\x08 and ".to_vec();
    let texts = [words(1, 3000), words(2, 64), words(3, 63), words(4, 20_000)];
    for text in &texts {
        block.extend(made(&parts(text, 6, 16, b"")));
        block.extend(b"other bytes");
    }
    let unpacked = unpack(&block, MOST).unwrap();
    let kept: usize = [&texts[0], &texts[1], &texts[3]].iter().map(|text| text.len()).sum();
    assert_eq!(unpacked[0], 3, "a text of 63 bytes is too short");
    assert!(unpacked.len() > kept);
    assert_eq!(rebuild(&unpacked, block.len()).unwrap(), block);
    assert_eq!(unpack(&block, 4000), None);
    assert_eq!(unpack(b"no stream at all", MOST), None);
    assert_eq!(unpack(b"", MOST), None);
}

#[test]
fn what_repeats_too_much_is_left_packed() {
    let block = made(&parts(&words(5, 40).repeat(100), 9, 0, b""));
    assert_eq!(unpack(&block, MOST), None);
}

#[test]
fn damaged_parts_are_refused() {
    let text = words(9, 400);
    let whole = |corrections: &[u8]| parts(&text, 6, 0, corrections);
    let good = whole(b"");
    let length = made(&good).len();
    assert!(rebuild(&good, length).is_ok());
    assert_eq!(rebuild(&good, length + 1), Err(Damaged));
    assert_eq!(rebuild(&good, length - 1), Err(Damaged));
    assert_eq!(rebuild(&good, good.len() / 33), Err(Damaged));
    for size in 0..good.len() {
        assert_eq!(rebuild(&good[..size], length), Err(Damaged));
    }
    for (at, byte) in [(0, 0), (0, 2), (4, 0), (4, 10), (5, 7), (5, 64), (6, 1)] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert_eq!(assemble(&bad, MOST), Err(Damaged), "byte {at} is {byte}");
    }
    let refused: [&[u8]; 9] = [
        &[1, 10, 1],             // blocks that end before the text
        &[2, 10, 0, 0x95, 3, 0], // more bytes than are left
        &[1, 0x90, 3, 1],        // more tokens than are left
        &[1, 5, 6, 0],           // a description of no bits
        &[1, 5, 6, 8, 255],      // one that ends too early
        &[0, 0, 3, 1],           // a distance beyond the start
        &[0, 0x91, 3, 0],        // a correction that is left over
        &[0, 5],                 // half a correction
        &[0, 5, 1],              // a match of one byte
    ];
    for corrections in refused {
        let bad = whole(corrections);
        assert_eq!(assemble(&bad, MOST), Err(Damaged), "{corrections:?}");
    }
}

#[test]
fn an_empty_text_is_a_stream_too() {
    assert_eq!(rebuild(&[1, 0, 0, 1, 0, 0], 2).unwrap(), [3, 0]);
    assert_eq!(rebuild(&[1, 0, 0, 1, 16, 0], 6).unwrap(), [3, 0, 0, 0, 0, 1]);
}
