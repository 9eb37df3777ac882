//! The range coder against constriction's, word for word but for a rounder end, and back.

use constriction::stream::Decode as _;
use constriction::stream::Encode as _;
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use kolmozip_core::coder::{Damaged, Decoder, Encoder, SCALE};

/// Two symbols; the 0 has `zero` counts of 2^24.
#[derive(Clone, Copy)]
struct Bernoulli {
    zero: u32,
}

impl EntropyModel<24> for Bernoulli {
    type Symbol = bool;
    type Probability = u32;
}

type Share = <u32 as constriction::BitArray>::NonZero;

impl EncoderModel<24> for Bernoulli {
    fn left_cumulative_and_probability(
        &self,
        symbol: impl std::borrow::Borrow<bool>,
    ) -> Option<(u32, Share)> {
        let one = *symbol.borrow();
        let share = if one { SCALE - self.zero } else { self.zero };
        Some((if one { self.zero } else { 0 }, Share::new(share)?))
    }
}

impl DecoderModel<24> for Bernoulli {
    fn quantile_function(&self, quantile: u32) -> (bool, u32, Share) {
        let one = quantile >= self.zero;
        let (before, share) = self.left_cumulative_and_probability(one).unwrap();
        (one, before, share)
    }
}

/// A small generator, so that every run tests the same decisions.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as u32
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }
}

/// Decisions of one kind: counts of a 0, and bits that follow them, or that defy them.
fn decisions(random: &mut Random, number: usize, kind: u32) -> Vec<(u32, u32)> {
    (0..number)
        .map(|_| {
            let zero = match kind {
                0 => 1 + random.below(SCALE - 1),
                1 => SCALE - 1 - random.below(8),
                2 => 1 + random.below(8),
                3 => SCALE / 2,
                _ => [1, SCALE - 1][random.below(2) as usize],
            };
            let likely = u32::from(random.below(SCALE) >= zero);
            (zero, if random.below(100) == 0 { 1 - likely } else { likely })
        })
        .collect()
}

/// The words that constriction writes, as a number rounded up to the most zero bytes with which it
/// still reads the decisions.
fn words_of_constriction(decisions: &[(u32, u32)]) -> Vec<u8> {
    let mut coder = DefaultRangeEncoder::new();
    for &(zero, bit) in decisions {
        coder.encode_symbol(bit == 1, Bernoulli { zero }).unwrap();
    }
    let words: Vec<u32> = coder.into_compressed().unwrap();
    let rounded = [24, 16, 8].map(|zeros| rounded_up(words.clone(), zeros));
    let reads = |words: &Vec<u32>| {
        let mut decoder = DefaultRangeDecoder::from_compressed(words.clone()).unwrap();
        decisions.iter().all(|&(zero, bit)| {
            decoder.decode_symbol(Bernoulli { zero }).is_ok_and(|one| one == (bit == 1))
        })
    };
    let roundest = rounded.into_iter().find(reads).unwrap_or(words);
    roundest.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Words whose last one is rounded up to a multiple of a power of 2, carries included.
fn rounded_up(mut words: Vec<u32>, zeros: u32) -> Vec<u32> {
    let unit = 1_u32 << zeros;
    if let Some(last) = words.last_mut() {
        let (sum, mut carry) = last.overflowing_add(last.wrapping_neg() % unit);
        *last = sum;
        for word in words.iter_mut().rev().skip(1) {
            let (sum, again) = word.overflowing_add(u32::from(carry));
            (*word, carry) = (sum, again);
        }
    }
    words
}

fn stream_of(decisions: &[(u32, u32)]) -> Vec<u8> {
    let mut coder = Encoder::new();
    for &(zero, bit) in decisions {
        coder.bit(zero, bit);
    }
    coder.finish()
}

#[test]
fn writes_the_words_of_constriction_and_reads_them() {
    let mut random = Random(7);
    for round in 0..4000 {
        let number = [0, 1, 2, 3, 50, 400][round % 6];
        let kind = random.below(5);
        let decisions = decisions(&mut random, number, kind);
        let stream = stream_of(&decisions);
        assert_eq!(stream, words_of_constriction(&decisions), "round {round}");
        let mut decoder = Decoder::new(&stream);
        for &(zero, bit) in &decisions {
            assert_eq!(decoder.bit(zero), Ok(bit));
        }
    }
}

/// Steers `low + range` towards 2^64, so that words are held back for long.
#[test]
fn holds_words_back_as_constriction_does() {
    let mut random = Random(11);
    let mut held = false;
    for round in 0..300 {
        let mut decisions = Vec::new();
        let mut coder = Encoder::new();
        for _ in 0..400 {
            let zero = 1 + random.below(SCALE - 1);
            // The bit whose range still holds the last word of all before a carry.
            let (low, range) = coder_state(&coder);
            let edge = low.wrapping_add((range >> 24) * u64::from(zero));
            let bit = u32::from(edge >= low && random.below(40) != 0);
            coder.bit(zero, bit);
            decisions.push((zero, bit));
            held |= format!("{coder:?}").contains("held: Some");
        }
        assert_eq!(coder.finish(), words_of_constriction(&decisions), "round {round}");
    }
    assert!(held, "words were held back");
}

/// What the debug output says of low and range.
fn coder_state(coder: &Encoder) -> (u64, u64) {
    let text = format!("{coder:?}");
    let field = |name: &str| {
        let from = text.find(name).unwrap() + name.len();
        text[from..].split([',', ' ']).next().unwrap().parse().unwrap()
    };
    (field("low: "), field("range: "))
}

#[test]
fn reads_any_bytes_as_constriction_does_or_says_that_they_are_damaged() {
    let mut random = Random(3);
    for round in 0..2000 {
        let mut words: Vec<u32> = (0..random.below(12)).map(|_| random.next() << 1).collect();
        if round % 3 == 0 && !words.is_empty() {
            words[0] = u32::MAX;
        }
        let stream: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut theirs = DefaultRangeDecoder::from_compressed(words).unwrap();
        let mut ours = Decoder::new(&stream);
        for _ in 0..300 {
            let zero = 1 + random.below(SCALE - 1);
            match (ours.bit(zero), theirs.decode_symbol(Bernoulli { zero })) {
                (Ok(bit), Ok(expected)) => assert_eq!(bit == 1, expected),
                (Err(Damaged), Err(_)) => break,
                (ours, theirs) => panic!("{ours:?} where constriction has {theirs:?}"),
            }
        }
    }
}

#[test]
fn an_empty_stream_is_the_stream_of_no_decisions() {
    assert!(Encoder::new().finish().is_empty());
}
