//! What tests share: golden files, containers and SHA-256.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use kolmozip_core::weights::Weights;

/// A file of the repository.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

pub fn weights(name: &str) -> Weights {
    Weights::read(&std::fs::read(file(name)).unwrap()).unwrap()
}

/// A small generator, so that every run tests the same.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as u32
    }

    pub fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }
}

/// One block of a container.
pub struct Block {
    /// 1 raw, 2 run, 3 mixed.
    pub kind: u8,
    pub lanes: usize,
    pub design: usize,
    pub transform: u8,
    pub length: usize,
    /// Of mixed blocks: MiB of tables, and the identity of the weights, zeros for none.
    pub tables: usize,
    pub weights: [u8; 8],
    pub payload: Vec<u8>,
}

/// The blocks, and the length and check of the original.
pub fn container(data: &[u8]) -> (Vec<Block>, u64, [u8; 12]) {
    let (blocks, at) = blocks(data, 20);
    let length = u64::from_le_bytes(data[at + 4..at + 12].try_into().unwrap());
    (blocks, length, data[at + 12..at + 24].try_into().unwrap())
}

/// The blocks from a place on, up to an end mark or the end, and where they end.
pub fn blocks(data: &[u8], mut at: usize) -> (Vec<Block>, usize) {
    let u32_at = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap());
    let mut blocks = Vec::new();
    while data.get(at).is_some_and(|&kind| kind != 0) {
        let size = u32_at(at + 8) as usize;
        let more = if data[at] == 3 { 12 } else { 0 };
        let start = at + 12 + more;
        blocks.push(Block {
            kind: data[at],
            lanes: 1 << data[at + 1],
            design: data[at + 2].into(),
            transform: data[at + 3],
            length: u32_at(at + 4) as usize,
            tables: if more > 0 { u32_at(at + 12) as usize } else { 0 },
            weights: if more > 0 { data[at + 16..at + 24].try_into().unwrap() } else { [0; 8] },
            payload: data[start..start + size].to_vec(),
        });
        at = start + size + 4;
    }
    (blocks, at)
}

/// SHA-256 as FIPS 180-4 has it; its constants are computed from the first primes.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let primes: Vec<u64> = (2..).filter(|n| (2..*n).all(|d: u64| n % d != 0)).take(64).collect();
    // The first 32 bits of the fraction of the n-th root of a prime.
    let root = |prime: u64, n: u32| {
        let (mut low, mut high) = (0_u128, 1_u128 << 37);
        while high - low > 1 {
            let middle = (low + high) / 2;
            let fits = if n == 2 {
                middle * middle <= u128::from(prime) << 64
            } else {
                middle * middle * middle <= u128::from(prime) << 96
            };
            if fits { low = middle } else { high = middle }
        }
        low as u32
    };
    let mut state: [u32; 8] = std::array::from_fn(|i| root(primes[i], 2));
    let constants: [u32; 64] = std::array::from_fn(|i| root(primes[i], 3));
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded.resize((data.len() + 9).next_multiple_of(64) - 8, 0);
    padded.extend((8 * data.len() as u64).to_be_bytes());
    for chunk in padded.as_chunks::<64>().0 {
        let mut words = [0_u32; 64];
        for (word, bytes) in words.iter_mut().zip(chunk.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        for i in 16..64 {
            let (a, b) = (words[i - 15], words[i - 2]);
            let s0 = a.rotate_right(7) ^ a.rotate_right(18) ^ a >> 3;
            let s1 = b.rotate_right(17) ^ b.rotate_right(19) ^ b >> 10;
            words[i] = words[i - 16].wrapping_add(s0).wrapping_add(words[i - 7]).wrapping_add(s1);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for i in 0..64 {
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = e & f ^ !e & g;
            let one = h
                .wrapping_add(s1)
                .wrapping_add(choice)
                .wrapping_add(constants[i])
                .wrapping_add(words[i]);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let two = s0.wrapping_add(a & b ^ a & c ^ b & c);
            (h, g, f, e, d, c, b, a) =
                (g, f, e, d.wrapping_add(one), c, b, a, one.wrapping_add(two));
        }
        for (state, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *state = state.wrapping_add(value);
        }
    }
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}
