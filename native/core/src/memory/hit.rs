//! A trial for the research rig, no part of the format: the first decision of a byte is whether it
//! is the network's likeliest one, and its eight bits follow only where it is not.
//!
//! The first decision has contexts, matches, sets of weights and maps of its own. The bits are mixed
//! as they always are, but of the bytes that were missed alone: a text of these is all that the
//! histories of bits ever see, and the network's likeliest byte is taken out of what it says.
#![forbid(unsafe_code)]

use super::crew::{
    HISTORY_WEIGHT, MATCH_WEIGHT, MAX_BLOCKS, NETWORK_WEIGHT, RUN_WEIGHT, array, match_bits,
};
use super::first::First;
use super::frame::{Block, Expected, Frame};
use super::guide::{BIAS, FIRST_MATCH, NETWORK};
use super::kernels::{self, Compiled, Kernel};
use super::last::Last;
use super::maps::{self, Cell};
use super::matches::{Expectation, Matches};
use super::mixer::{Mixer, Mixing, WIDTH, weight};
use super::part::Part;
use super::{BitCoder, LAST_PACE};
use crate::block::Recipe;
use crate::coder::{Damaged, Decoder, Encoder};
use crate::constants::{LOGISTIC, STRETCH_LIMIT};
use crate::lanes::Lanes;
use crate::mapping::LINE;
use crate::network::Isa;
use std::mem::swap;

/// How many experiences a match's hopes average over.
const HOPE_LIMIT: u32 = 400;
const FIRST_COUNT: u32 = 2;

/// What a network says of a byte, stretches of a 1 in 1/256 bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The likeliest byte, the first of several.
    pub likeliest: u8,
    /// That it is this one.
    pub hit: i16,
    /// Of the bits of the byte that came.
    pub bits: [i16; 8],
    /// Of its bits among all other bytes than the likeliest; zeros where that came.
    pub missed: [i16; 8],
}

impl Advice {
    /// From the 256 counts of a step, and the byte that came.
    #[must_use]
    pub fn new(counts: &[i32], byte: u8) -> Self {
        let (likeliest, hit) = likeliest(counts);
        let bit = |k, without| missed(counts, without, k, (256 | u32::from(byte)) >> (8 - k));
        Self {
            likeliest,
            hit,
            bits: std::array::from_fn(|k| bit(k, None)),
            missed: std::array::from_fn(|k| {
                if byte == likeliest { 0 } else { bit(k, Some(likeliest)) }
            }),
        }
    }
}

/// The stretch of a 1 where a 0 has `lower` of `total`.
fn stretch(lower: u32, total: u32) -> i16 {
    let zero = ((u64::from(lower) << 24) / u64::from(total)).clamp(1, (1 << 24) - 1) as u32;
    let stretch = LOGISTIC.lg((1 << 24) - zero) - LOGISTIC.lg(zero);
    stretch.clamp(-STRETCH_LIMIT, STRETCH_LIMIT) as i16
}

/// The likeliest byte of 256 counts, and the stretch that it is this one.
#[must_use]
pub fn likeliest(counts: &[i32]) -> (u8, i16) {
    let most = (1..256).fold(0, |most, at| if counts[at] > counts[most] { at } else { most });
    let total = counts.iter().sum::<i32>() as u32;
    (most as u8, stretch(total - counts[most] as u32, total))
}

/// The stretch of a 1 as bit `k` at a node, of 256 counts without those of one byte.
#[must_use]
pub fn missed(counts: &[i32], without: Option<u8>, k: usize, node: u32) -> i16 {
    let first = (node as usize) << (8 - k) & 255;
    let sum = |from: usize, len: usize| {
        let all = counts[from..from + len].iter().sum::<i32>();
        let without = without.filter(|&byte| (from..from + len).contains(&usize::from(byte)));
        (all - without.map_or(0, |byte| counts[usize::from(byte)])) as u32
    };
    stretch(sum(first, 128 >> k), sum(first, 256 >> k).max(1))
}

/// Says what the network does.
pub trait Adviser {
    /// The likeliest next byte of a lane that has read this, and the stretch that it comes.
    fn likeliest(&mut self, step: usize, lane: usize, read: &[u8]) -> (u8, i16);

    /// Once it has not come: the stretch of a 1 as bit `k` at a node.
    fn missed(&mut self, step: usize, lane: usize, k: usize, node: u32) -> i16;
}

/// A memory whose first decision is the hit.
struct Memory {
    shape: Lanes,
    isa: Isa,
    frame: Frame,
    /// Of the first decision: contexts, what is said of it, and the last hits.
    first: First,
    said: [Block; 2],
    mixer: Mixer,
    mixing: Mixing,
    done: Vec<u32>,
    /// Of the bits of bytes that were missed.
    parts: Vec<Part>,
    blocks: Vec<Block>,
    bit_mixer: Mixer,
    bit_mixing: Mixing,
    bits_done: Vec<u32>,
    matches: Vec<Followed>,
    likeliest: Vec<u8>,
    bytes: Vec<u8>,
    missed: Vec<usize>,
}

/// A match, and what it is worth here.
struct Followed {
    matches: Matches,
    /// By lane, what is expected at this step.
    expects: Vec<Expectation>,
    /// By hope, then by whether the likeliest byte is expected: that it comes.
    hits: Vec<Cell>,
    /// By hope: that the bit is the expected one.
    bits: Vec<Cell>,
}

impl Followed {
    fn new(least: u32, bits: u32, lanes: usize) -> Self {
        let hope = |at: u32| (1 << 22) - (1 << 23) / (3 * (at / 4) + 6);
        let cell = |p| maps::cell(p, FIRST_COUNT);
        Self {
            matches: Matches::new(least, bits, lanes),
            expects: vec![Expectation::default(); lanes],
            hits: (0..128).flat_map(|at| [cell(maps::ONE / 4), cell(hope(at))]).collect(),
            bits: (0..128).map(|at| cell(hope(at))).collect(),
        }
    }

    fn inputs(cell: Cell) -> [i16; 2] {
        let p = ((cell.probability() as i32 - (1 << 21)) >> 11) as i16;
        [LOGISTIC.stretch[cell.index()], p]
    }
}

/// A step of all lanes.
struct Step<'a, C, A: ?Sized> {
    memory: &'a mut Memory,
    coder: &'a mut C,
    adviser: &'a mut A,
    step: usize,
}

impl Memory {
    fn new(recipe: &Recipe<'_>, text: Vec<u8>) -> Self {
        let Recipe { design, tables, lanes, .. } = *recipe;
        let shape = Lanes { length: text.len(), lanes };
        let starts: Vec<usize> = shape.ranges().map(|range| range.start).collect();
        let (contexts, choosers) = (design.items.len(), design.choosers);
        let guide_width = (FIRST_MATCH + 2 * design.matches.len()).next_multiple_of(WIDTH);
        let mut guide = vec![0; guide_width];
        guide[NETWORK] = NETWORK_WEIGHT;
        for at in 0..design.matches.len() {
            guide[FIRST_MATCH + 2 * at] = MATCH_WEIGHT;
        }
        // As many bytes for the first decision as for the bits.
        let bytes = (tables << 20) / 2;
        let bits = match_bits(tables << 20, text.len());
        let parts: Vec<_> = design.items.chunks(design.part).collect();
        let lines = (bytes / parts.len() / 2 / LINE).max(1) as u32;
        let widths = |items: usize| (2 * items).next_multiple_of(WIDTH);
        let weights = |parts: &[usize]| {
            let mut all = guide.clone();
            for &items in parts {
                let of_part = [HISTORY_WEIGHT, RUN_WEIGHT].repeat(items);
                all.extend_from_slice(&of_part);
                all.resize(all.len() + widths(items) - of_part.len(), 0);
            }
            all
        };
        let lens: Vec<usize> = parts.iter().map(|items| items.len()).collect();
        let mixing = |first: &[i16]| Mixing::new(0..lanes, first.len(), choosers.len());
        let mut even = vec![weight(1000 / choosers.len() as i32); choosers.len()];
        even.resize(even.len().next_multiple_of(WIDTH), 0);
        let last = || Last::new(&even, LAST_PACE, false);
        let mixer = |first: &[i16]| Mixer::new(choosers, first, design.pace, contexts, last());
        let block = |width| Block::new(width, lanes);
        Self {
            shape,
            isa: recipe.isa,
            frame: Frame::new(text, starts.into_iter(), design.items),
            first: First::new(design.items, (bytes / LINE).max(1) as u32, lanes),
            said: [block(guide_width), block(widths(contexts))],
            mixer: mixer(&weights(&[contexts])),
            mixing: mixing(&weights(&[contexts])),
            done: Vec::new(),
            parts: parts.iter().map(|items| Part::new(items, lines, lanes)).collect(),
            blocks: std::iter::once(guide_width)
                .chain(lens.iter().map(|&items| widths(items)))
                .map(block)
                .collect(),
            bit_mixer: mixer(&weights(&lens)),
            bit_mixing: mixing(&weights(&lens)),
            bits_done: Vec::new(),
            matches: design
                .matches
                .iter()
                .map(|&least| Followed::new(least, bits, lanes))
                .collect(),
            likeliest: vec![0; lanes],
            bytes: vec![0; lanes],
            missed: Vec::new(),
        }
    }

    /// Which of the lanes the likeliest byte is right in.
    #[inline(always)]
    fn hits<K: Kernel, C: BitCoder>(&mut self, coder: &mut C) -> Result<(), Damaged> {
        self.frame.k = 0;
        self.frame.nodes.clear();
        self.frame.nodes.extend(self.likeliest.iter().map(|&byte| u32::from(byte)));
        self.frame.before = self.done.len();
        swap(&mut self.frame.done, &mut self.done);
        let [guide, contexts] = &mut self.said;
        self.first.predict(&self.frame, &self.likeliest, contexts);
        for (lane, &likeliest) in self.likeliest.iter().enumerate() {
            let row = guide.of_mut(lane);
            row[0] = BIAS;
            let mut longest = Expected::default();
            for (m, of) in self.matches.iter().enumerate() {
                let expects = of.expects[lane];
                let agrees = expects.byte == 256 | u32::from(likeliest);
                let inputs = match expects.byte {
                    0 => [0; 2],
                    _ => Followed::inputs(of.hits[2 * expects.hope + usize::from(agrees)]),
                };
                row[FIRST_MATCH + 2 * m..][..2].copy_from_slice(&inputs);
                let length = if expects.byte == 0 { 0 } else { expects.length.min(15) };
                if length > longest.cell >> 1 {
                    longest.cell = 2 * length + u32::from(agrees);
                }
            }
            guide.expected[lane] = longest;
        }
        let [guide, contexts] = &self.said;
        self.mixer.learn::<K>(&self.frame, &self.mixing);
        self.mixing.advance::<K>(&self.frame, &[guide, contexts], &self.mixer);
        self.frame.done.clear();
        self.missed.clear();
        for (lane, &likeliest) in self.likeliest.iter().enumerate() {
            let zero = self.mixing.ends[lane].zero;
            let known = self.frame.text[self.frame.readers[lane].next()];
            let hit = coder.code(zero, u32::from(known == likeliest))?;
            self.frame.done.push(hit);
            if hit == 0 {
                self.missed.push(lane);
            }
        }
        swap(&mut self.frame.done, &mut self.done);
        Ok(())
    }

    /// Goes to the order in which the lanes that missed come first, or back.
    fn sort(&mut self, back: bool) {
        let pairs = self.missed.iter().copied().enumerate();
        let swap_pair = |(place, lane): (usize, usize)| {
            self.frame.readers.swap(place, lane);
            self.frame.order.swap(place, lane);
        };
        if back { pairs.rev().for_each(swap_pair) } else { pairs.for_each(swap_pair) }
    }

    /// The bytes of the lanes that missed.
    #[inline(always)]
    fn bits<K: Kernel, C: BitCoder, A: Adviser + ?Sized>(
        &mut self,
        coder: &mut C,
        adviser: &mut A,
        step: usize,
    ) -> Result<(), Damaged> {
        let active = self.missed.len();
        self.sort(false);
        self.frame.before = self.bits_done.len();
        swap(&mut self.frame.done, &mut self.bits_done);
        self.frame.nodes.clear();
        self.frame.nodes.resize(active, 1);
        for k in 0..8 {
            self.frame.k = k;
            let (guide, blocks) = self.blocks.split_first_mut().expect("the guide has one");
            for (place, &lane) in self.missed.iter().enumerate() {
                let node = self.frame.nodes[place];
                let likeliest = 256 | u32::from(self.likeliest[lane]);
                let row = guide.of_mut(place);
                row[0] = BIAS;
                row[NETWORK] = adviser.missed(step, lane, k, node);
                let mut longest = Expected::default();
                for (m, of) in self.matches.iter().enumerate() {
                    let expects = of.expects[lane];
                    let one = expects.byte >> (7 - k) & 1;
                    let mut inputs = [0; 2];
                    if expects.byte != likeliest && expects.byte >> (8 - k) == node {
                        inputs = Followed::inputs(of.bits[expects.hope]);
                        if one == 0 {
                            inputs = inputs.map(|input| -input);
                        }
                        if expects.length.min(15) > longest.cell >> 1 {
                            longest.cell = 2 * expects.length.min(15) + one;
                        }
                    }
                    row[FIRST_MATCH + 2 * m..][..2].copy_from_slice(&inputs);
                }
                guide.expected[place] = longest;
            }
            for (part, block) in self.parts.iter_mut().zip(blocks) {
                part.advance(&self.frame, block);
                if k == 0 {
                    for (place, &lane) in self.missed.iter().enumerate() {
                        part.refute(place, self.likeliest[lane], block);
                    }
                }
            }
            let all: [&Block; MAX_BLOCKS] = array(self.blocks.iter());
            let (blocks, mixing) = (&all[..self.blocks.len()], &mut self.bit_mixing);
            self.bit_mixer.learn::<K>(&self.frame, mixing);
            mixing.advance::<K>(&self.frame, blocks, &self.bit_mixer);
            for (place, &lane) in self.missed.iter().enumerate() {
                let node = self.frame.nodes[place];
                let likeliest = u32::from(self.likeliest[lane]);
                let zero = self.bit_mixing.ends[place].zero;
                let known = self.frame.text[self.frame.readers[place].next()];
                // Of the last two bytes only one is left.
                let bit = if node == (256 | likeliest) >> 1 {
                    !likeliest & 1
                } else {
                    coder.code(zero, u32::from(known >> (7 - k) & 1))?
                };
                for of in &mut self.matches {
                    let expects = of.expects[lane];
                    if expects.byte != 256 | likeliest && expects.byte >> (8 - k) == node {
                        let right = u32::from(expects.byte >> (7 - k) & 1 == bit);
                        of.bits[expects.hope].learn(right, HOPE_LIMIT, self.frame.rates);
                    }
                }
                self.frame.nodes[place] = node << 1 | bit;
            }
            self.frame.done.clear();
            self.frame.done.extend_from_slice(&self.frame.nodes);
            self.frame.before = active;
        }
        for (&lane, &node) in self.missed.iter().zip(&self.frame.nodes) {
            self.bytes[lane] = node as u8;
        }
        swap(&mut self.frame.done, &mut self.bits_done);
        self.sort(true);
        Ok(())
    }
}

impl<C: BitCoder, A: Adviser + ?Sized> Compiled for Step<'_, C, A> {
    type Result = Result<(), Damaged>;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Result<(), Damaged> {
        let Self { memory, coder, adviser, step } = self;
        let active = memory.shape.active(step);
        memory.likeliest.truncate(active);
        for of in &mut memory.matches {
            if step > 0 {
                of.matches.enter(&memory.frame.text, &memory.frame.readers);
                of.matches.step(&memory.frame.text, &memory.frame.readers);
            }
            for (lane, expects) in of.expects.iter_mut().enumerate() {
                *expects = of.matches.expectation(lane);
            }
        }
        for lane in 0..active {
            let read = memory.frame.readers[lane].read(&memory.frame.text);
            let (likeliest, hit) = adviser.likeliest(step, lane, read);
            memory.likeliest[lane] = likeliest;
            memory.said[0].of_mut(lane)[NETWORK] = hit;
        }
        memory.hits::<K, C>(coder)?;
        memory.bytes.clear();
        memory.bytes.extend_from_slice(&memory.likeliest);
        if !memory.missed.is_empty() {
            memory.bits::<K, C, A>(coder, adviser, step)?;
        }
        memory.first.learn(&memory.frame, &memory.likeliest, &memory.bytes);
        for of in &mut memory.matches {
            for (lane, &byte) in memory.bytes.iter().enumerate() {
                let Expectation { byte: expected, hope, .. } = of.expects[lane];
                if expected > 0 {
                    let agrees = expected == 256 | u32::from(memory.likeliest[lane]);
                    let hit = u32::from(byte == memory.likeliest[lane]);
                    let cell = &mut of.hits[2 * hope + usize::from(agrees)];
                    cell.learn(hit, HOPE_LIMIT, memory.frame.rates);
                }
            }
        }
        let isa = memory.isa;
        let Frame { text, readers, .. } = &mut memory.frame;
        for (reader, &byte) in readers.iter_mut().zip(&memory.bytes) {
            text[reader.next()] = byte;
            reader.take(text, isa);
        }
        Ok(())
    }
}

fn code<C: BitCoder, A: Adviser + ?Sized>(
    recipe: &Recipe<'_>,
    coder: &mut C,
    adviser: &mut A,
    text: Vec<u8>,
) -> Result<Vec<u8>, Damaged> {
    let mut memory = Memory::new(recipe, text);
    for step in 0..memory.shape.steps() {
        let step = Step { memory: &mut memory, coder: &mut *coder, adviser: &mut *adviser, step };
        kernels::with(recipe.isa, step)?;
    }
    Ok(memory.frame.text)
}

/// A payload of `data`, in one thread; the recipe's network is not asked, the adviser is.
///
/// # Panics
/// Where there are no lanes, or more than bytes.
pub fn encode(recipe: &Recipe<'_>, adviser: &mut impl Adviser, data: &[u8]) -> Vec<u8> {
    let mut coder = Encoder::new();
    code(recipe, &mut coder, adviser, data.to_vec()).expect("an encoder finds no damage");
    coder.finish()
}

/// The inverse of `encode`.
///
/// # Errors
/// `Damaged` where the payload holds what no encoder writes.
///
/// # Panics
/// Where there are no lanes, or more than bytes.
pub fn decode(
    recipe: &Recipe<'_>,
    adviser: &mut impl Adviser,
    payload: &[u8],
    length: usize,
) -> Result<Vec<u8>, Damaged> {
    code(recipe, &mut Decoder::new(payload), adviser, vec![0; length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Beside;
    use crate::memory::designs::{FULL, LIGHT};
    use crate::network::Isa;
    use crate::speculation::Speculate;

    /// Counts what followed a lane's last byte before: it knows no more than a decoder does.
    struct Counting {
        counts: Vec<[i32; 256]>,
    }

    impl Adviser for Counting {
        fn likeliest(&mut self, _: usize, lane: usize, read: &[u8]) -> (u8, i16) {
            let counts = &mut self.counts[lane];
            *counts = [1; 256];
            for pair in read.windows(2).filter(|pair| Some(&pair[0]) == read.last()) {
                counts[usize::from(pair[1])] += 32;
            }
            likeliest(counts)
        }

        fn missed(&mut self, _: usize, lane: usize, k: usize, node: u32) -> i16 {
            let counts = &self.counts[lane];
            missed(counts, Some(likeliest(counts).0), k, node)
        }
    }

    #[test]
    fn what_is_encoded_comes_back_whatever_the_lanes_and_the_design() {
        let text = include_bytes!("../../../../coding/FORMAT.md");
        for (design, lanes, length) in [(&FULL, 4, 6000), (&FULL, 32, 5007), (&LIGHT, 1, 3000)] {
            let (network, isa) = (Beside::Nothing, Isa::Portable);
            let recipe = Recipe {
                design,
                tables: 1,
                network,
                isa,
                lanes,
                threads: 1,
                prepared: None,
                speculate: Speculate::Usual,
            };
            let data = &text[..length];
            let mut adviser = Counting { counts: vec![[1; 256]; lanes] };
            let payload = encode(&recipe, &mut adviser, data);
            assert_eq!(payload, encode(&recipe, &mut adviser, data));
            assert!(payload.len() < 2 * length / 3, "{} of {length}", payload.len());
            assert_eq!(decode(&recipe, &mut adviser, &payload, length).as_deref(), Ok(data));
        }
    }

    #[test]
    fn all_bytes_but_the_likeliest_share_what_a_miss_leaves() {
        let counts: Vec<i32> = (0..256).map(|at| 1 + (at * 7919) % 1009 * 50).collect();
        let most = Advice::new(&counts, 0).likeliest;
        assert!(counts.iter().all(|&count| count <= counts[usize::from(most)]));
        let one = |stretch: i16| 1.0 / (1.0 + (-f64::from(stretch) / 256.0).exp2());
        let share = |byte: u8, of: [i16; 8]| {
            let bit = |k: usize| f64::from(byte >> (7 - k) & 1);
            (0..8).map(|k| 1.0 - bit(k) + (2.0 * bit(k) - 1.0) * one(of[k])).product::<f64>()
        };
        let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        let left = total - f64::from(counts[usize::from(most)]);
        for byte in (0..=255).filter(|&byte| byte != most) {
            let advice = Advice::new(&counts, byte);
            let count = f64::from(counts[usize::from(byte)]);
            assert!((share(byte, advice.bits) / (count / total) - 1.0).abs() < 0.02);
            assert!((share(byte, advice.missed) / (count / left) - 1.0).abs() < 0.02);
            assert!((1.0 - one(advice.hit) - left / total).abs() < 0.01);
        }
    }
}
