//! The integer step of the network over groups of lanes: `FORMAT.md`, section 3.
//!
//! Products are the instruction set's, behind the trait `Kernel`; all else is plain Rust that is
//! compiled once for each instruction set. Vectors lie row by row, one row a lane.
#![deny(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
mod elementwise;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;

use std::sync::Arc;

use crate::constants::{EXPONENTIAL, root_table};
use crate::history::History;
use crate::mapping::Table;
use crate::prepared::Walker;
use crate::shape::{KNOTS, Shape, VOCABULARY};
use crate::weights::{Layer, Matrix, Weights};
use elementwise::{Learned, Scaling, with_signals};

/// Every lane starts as if it had just read a space.
pub(crate) const FIRST_BYTE: u8 = b' ';

/// Fraction bits by which an embedding's int8 falls short of the residual stream's.
const EMBED_SHIFT: u32 = 7;

/// Products of one instruction set, exact: sums of at most 1024 products of int8.
pub(crate) trait Kernel: Copy + Send + Sync + Sized + 'static {
    /// Weights of a product in the order in which the kernel reads them.
    type Packed: Send + Sync;
    /// An int8 as an operand of a product.
    type Input: Copy + Default + Send + Sync;

    fn pack(self, matrix: &Matrix) -> Self::Packed;

    /// Makes an operand of a value within plus and minus 127.
    fn input(value: i32) -> Self::Input;

    /// Writes the sums of the rows of `x`, each `stride` long, to rows of `sums_stride(outputs)`.
    ///
    /// Entries of a row beyond the matrix's inputs, up to the stride, may hold anything.
    fn multiply(self, packed: &Self::Packed, x: &[Self::Input], stride: usize, sums: &mut [i32]);

    /// Puts learned functions in the place of their m indices, within 1 to 255.
    ///
    /// What `values` holds beyond them, up to whole vectors, may change.
    #[inline(always)]
    fn learned(self, functions: &Learned, m: usize, values: &mut [i32]) {
        functions.apply(&mut values[..m]);
    }

    /// Runs `step` compiled for this instruction set.
    fn step(self, group: &mut LaneGroup<Self>, rows: &[Row], evidence: &mut [i32]);
}

/// A byte that came in a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) lane: usize,
    pub(crate) byte: u8,
}

/// Inputs of a product, padded to whole groups of four.
fn padded(inputs: usize) -> usize {
    inputs.next_multiple_of(4)
}

/// Length of a row of sums: a product's outputs, padded to whole vectors of any kernel.
fn sums_stride(outputs: usize) -> usize {
    outputs.next_multiple_of(16)
}

/// A product and the scaling of its sums.
struct Dense<K: Kernel> {
    packed: K::Packed,
    scaling: Scaling,
    /// Length of a row of operands.
    stride: usize,
    /// Length of a row of sums.
    sums: usize,
}

impl<K: Kernel> Dense<K> {
    fn new(kernel: K, matrix: &Matrix) -> Self {
        Self {
            packed: kernel.pack(matrix),
            scaling: Scaling::new(&matrix.shifts),
            stride: padded(matrix.inputs),
            sums: sums_stride(matrix.outputs),
        }
    }
}

struct PackedLayer<K: Kernel> {
    mixer_in: Dense<K>,
    gate_bias: Vec<i32>,
    conv_taps: Vec<i32>,
    mixer_out: Dense<K>,
    mlp_in: Dense<K>,
    /// How inputs of learned functions are scaled, and what they gate, if anything.
    of_u: Scaling,
    of_v: Scaling,
    learned: Learned,
    mlp_out: Dense<K>,
}

impl<K: Kernel> PackedLayer<K> {
    fn new(kernel: K, layer: &Layer) -> Self {
        let wide = |values: &[i16]| values.iter().map(|&value| i32::from(value)).collect();
        let m = layer.knots.len() / KNOTS;
        Self {
            mixer_in: Dense::new(kernel, &layer.mixer_in),
            gate_bias: wide(&layer.gate_bias),
            conv_taps: wide(&layer.conv_taps),
            mixer_out: Dense::new(kernel, &layer.mixer_out),
            mlp_in: Dense::new(kernel, &layer.mlp_in),
            of_u: Scaling::new(&layer.mlp_in.shifts[..m]),
            of_v: Scaling::new(
                layer.mlp_in.shifts.get(m..).filter(|s| !s.is_empty()).unwrap_or(&[0]),
            ),
            learned: Learned::new(&layer.knots, m),
            mlp_out: Dense::new(kernel, &layer.mlp_out),
        }
    }
}

/// Everything that the step reads, in the order of one instruction set.
struct Net<K: Kernel> {
    kernel: K,
    shape: Shape,
    embed: Vec<i8>,
    tables: Vec<Table<i8>>,
    w_ngram: Dense<K>,
    layers: Vec<PackedLayer<K>>,
    head: Dense<K>,
    head_ngram: Dense<K>,
    head_bias: Vec<i32>,
    root: Vec<i32>,
    exponential: &'static [i32; 256],
}

impl<K: Kernel> Net<K> {
    fn new(kernel: K, weights: &Weights) -> Self {
        Self {
            kernel,
            shape: weights.shape.clone(),
            embed: weights.embed.clone(),
            tables: weights.tables.iter().map(|values| Table::from_slice(values)).collect(),
            w_ngram: Dense::new(kernel, &weights.w_ngram),
            layers: weights.layers.iter().map(|layer| PackedLayer::new(kernel, layer)).collect(),
            head: Dense::new(kernel, &weights.head),
            head_ngram: Dense::new(kernel, &weights.head_ngram),
            head_bias: weights.head_bias.iter().map(|&bias| i32::from(bias)).collect(),
            root: root_table(weights.shape.width),
            exponential: &EXPONENTIAL,
        }
    }
}

/// Lanes that step together, on one thread at a time.
pub(crate) trait Group: Send {
    /// Takes in bytes that came in lanes, those of one lane in order.
    ///
    /// Who knows several of a lane ahead, an encoder, gives them at once, so that products have rows
    /// enough. `evidence` gets what follows each byte: 256 positive counts a row, each sum below
    /// 2^31.
    fn step(&mut self, rows: &[Row], evidence: &mut [i32]);

    /// Takes so many last bytes of a lane back, at most as many as the group was made for.
    fn back(&mut self, lane: usize, bytes: usize);

    /// All that the lanes remember, between two steps.
    fn walk(&mut self, walker: &mut Walker);
}

/// The state of one layer in a group of lanes.
struct LayerState {
    /// (lanes, w), 24 fraction bits, within plus and minus 2^30.
    h: Vec<i32>,
    /// For each tap (lanes, w): inputs of the convolution; the newest moves with the steps.
    past: Vec<Vec<i32>>,
}

/// What the last rows of each lane have changed, in a circle of `depth` rows.
struct Trail {
    depth: usize,
    /// By lane, rows so far that were not taken back.
    rows: Vec<usize>,
    /// (lanes, depth): what the rows found.
    histories: Vec<History>,
    /// For each layer (lanes, depth, 2 w): h, and the inputs of the convolution that were replaced.
    states: Vec<Vec<i32>>,
}

impl Trail {
    fn new(shape: &Shape, lanes: usize, depth: usize) -> Self {
        Self {
            depth,
            rows: vec![0; lanes],
            histories: vec![History::default(); lanes * depth],
            states: vec![vec![0; lanes * depth * 2 * shape.state]; shape.layers],
        }
    }

    /// Where a lane's row of this number is kept.
    fn slot(&self, lane: usize, row: usize) -> usize {
        lane * self.depth + row % self.depth
    }
}

/// Where a row is in its lane.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Rows of the lane before, modulo the taps.
    turn: usize,
    /// Where the trail keeps what it changes, if there is one.
    slot: usize,
}

/// Lanes of one network with their state and room to compute in: rows, one a lane and step.
pub(crate) struct LaneGroup<K: Kernel> {
    net: Arc<Net<K>>,
    history: Vec<History>,
    states: Vec<LayerState>,
    /// By lane, steps so far, modulo the taps.
    turns: Vec<usize>,
    trail: Trail,
    /// (rows,)
    places: Vec<Place>,
    /// (rows, tables): where the row's n-grams have their entries.
    entries: Vec<u32>,
    /// (rows, d): the residual stream.
    x: Vec<i32>,
    /// (rows, outputs): sums of the product that is being computed.
    sums: Vec<i32>,
    /// (rows, e), (rows, d) and (rows, w or m), padded: operands of products.
    ngrams: Vec<K::Input>,
    normed: Vec<K::Input>,
    wide: Vec<K::Input>,
    /// Room for one row between passes over it.
    buffer: Vec<i32>,
}

impl<K: Kernel> LaneGroup<K> {
    /// Lanes that take at most `room` rows at a time, and at most `depth` rows of each back.
    fn new(net: Arc<Net<K>>, lanes: usize, room: usize, depth: usize) -> Self {
        let shape = &net.shape;
        let [d, w, m, e] = [shape.width, shape.state, shape.hidden, shape.ngram_width()];
        let most = d.max(VOCABULARY).max(3 * w).max(shape.branches() * m);
        let state =
            || LayerState { h: vec![0; lanes * w], past: vec![vec![0; lanes * w]; shape.taps] };
        let operands = |inputs| vec![K::Input::default(); room * padded(inputs)];
        Self {
            history: vec![History::default(); lanes],
            states: (0..shape.layers).map(|_| state()).collect(),
            turns: vec![0; lanes],
            trail: Trail::new(shape, lanes, depth),
            places: vec![Place::default(); room],
            entries: vec![0; room * shape.tables.len()],
            x: vec![0; room * d],
            sums: vec![0; room * sums_stride(most)],
            ngrams: operands(e),
            normed: operands(d),
            wide: operands(w.max(m)),
            buffer: vec![0; sums_stride(w.max(m))],
            net,
        }
    }
}

impl<K: Kernel> Group for LaneGroup<K> {
    fn step(&mut self, rows: &[Row], evidence: &mut [i32]) {
        assert!(rows.len() <= self.places.len(), "no more rows than there is room for");
        assert_eq!(evidence.len(), rows.len() * VOCABULARY, "counts for every byte");
        self.net.kernel.step(self, rows, evidence);
    }

    fn back(&mut self, lane: usize, bytes: usize) {
        assert!(bytes <= self.trail.depth, "no more bytes than the trail holds");
        let (w, taps) = (self.net.shape.state, self.net.shape.taps);
        for _ in 0..bytes {
            self.trail.rows[lane] -= 1;
            self.turns[lane] = (self.turns[lane] + taps - 1) % taps;
            let slot = self.trail.slot(lane, self.trail.rows[lane]);
            self.history[lane] = self.trail.histories[slot];
            for (state, kept) in self.states.iter_mut().zip(&self.trail.states) {
                let (h, replaced) = kept[slot * 2 * w..][..2 * w].split_at(w);
                state.h[lane * w..][..w].copy_from_slice(h);
                state.past[self.turns[lane]][lane * w..][..w].copy_from_slice(replaced);
            }
        }
    }

    fn walk(&mut self, walker: &mut Walker) {
        self.history.iter_mut().for_each(|history| history.walk(walker));
        for state in &mut self.states {
            walker.values(&mut state.h);
            state.past.iter_mut().for_each(|past| walker.values(past));
        }
        self.turns.iter_mut().for_each(|turn| walker.number(turn));
    }
}

/// Some rows of a group: what every kernel's `step` runs.
#[inline(always)]
fn step<K: Kernel>(group: &mut LaneGroup<K>, bytes: &[Row], evidence: &mut [i32]) {
    let net = Arc::clone(&group.net);
    let LaneGroup {
        history,
        states,
        turns,
        trail,
        places,
        entries,
        x,
        sums,
        ngrams,
        normed,
        wide,
        buffer,
        ..
    } = group;
    let (net, rows) = (&*net, bytes.len());
    let (kernel, shape) = (net.kernel, &net.shape);
    let [d, w, m] = [shape.width, shape.state, shape.hidden];
    let (d_stride, d_sums) = (padded(d), sums_stride(d));
    let places = &mut places[..rows];

    let e_stride = padded(shape.ngram_width());
    let (ngrams, normed) = (&mut ngrams[..rows * e_stride], &mut normed[..rows * d_stride]);
    let orders = shape.tables.len();
    let entries = &mut entries[..rows * orders];
    for (row, (&Row { lane, byte }, place)) in bytes.iter().zip(&mut *places).enumerate() {
        let history = &mut history[lane];
        place.turn = turns[lane];
        turns[lane] = (turns[lane] + 1) % shape.taps;
        if trail.depth > 0 {
            place.slot = trail.slot(lane, trail.rows[lane]);
            trail.histories[place.slot] = *history;
            trail.rows[lane] += 1;
        }
        history.push(byte);
        let entries = &mut entries[row * orders..][..orders];
        for ((table, values), entry) in shape.tables.iter().zip(&net.tables).zip(entries) {
            let bucket = history.context(table.order) >> (32 - table.bits);
            *entry = bucket * shape.table_dim as u32;
            values.prefetch(*entry as usize);
        }
    }
    // Entries lie anywhere in megabytes: those of all rows are under way before one is read.
    for (row, operands) in ngrams.chunks_exact_mut(e_stride).enumerate() {
        let entries = &entries[row * orders..][..orders];
        let operands = operands.chunks_exact_mut(shape.table_dim);
        for ((values, &entry), operands) in net.tables.iter().zip(entries).zip(operands) {
            let values = &values[entry as usize..][..shape.table_dim];
            for (input, &value) in operands.iter_mut().zip(values) {
                *input = K::input(i32::from(value));
            }
        }
    }
    kernel.multiply(&net.w_ngram.packed, ngrams, e_stride, &mut sums[..rows * d_sums]);
    for (row, &Row { byte, .. }) in bytes.iter().enumerate() {
        let embed = &net.embed[usize::from(byte) * d..][..d];
        let x = &mut x[row * d..][..d];
        let sums = &sums[row * d_sums..][..d];
        with_signals!(net.w_ngram.scaling, |signals| {
            elementwise::embed(x, embed, sums, signals, EMBED_SHIFT);
        });
        elementwise::normalise::<K>(x, &net.root, &mut normed[row * d_stride..][..d]);
    }

    for (at, (layer, state)) in net.layers.iter().zip(states).enumerate() {
        let wide_sums = layer.mixer_in.sums;
        let stride = layer.mixer_out.stride;
        kernel.multiply(&layer.mixer_in.packed, normed, d_stride, &mut sums[..rows * wide_sums]);
        for (row, (&Row { lane, .. }, &Place { turn, slot })) in
            bytes.iter().zip(&*places).enumerate()
        {
            let (sums, bias, taps) =
                (&sums[row * wide_sums..][..3 * w], &layer.gate_bias, &layer.conv_taps);
            let h = &mut state.h[lane * w..][..w];
            if trail.depth > 0 {
                let kept = &mut trail.states[at][slot * 2 * w..][..2 * w];
                kept[..w].copy_from_slice(h);
                kept[w..].copy_from_slice(&state.past[turn][lane * w..][..w]);
            }
            let past = elementwise::Past { taps: &mut state.past, row: lane * w, turn };
            let y = &mut wide[row * stride..][..w];
            with_signals!(layer.mixer_in.scaling, |signals| {
                elementwise::mix::<K>(sums, signals, bias, taps, h, past, y, buffer);
            });
        }
        let operands = &wide[..rows * stride];
        kernel.multiply(&layer.mixer_out.packed, operands, stride, &mut sums[..rows * d_sums]);
        for row in 0..rows {
            let x = &mut x[row * d..][..d];
            let sums = &sums[row * d_sums..][..d];
            with_signals!(layer.mixer_out.scaling, |signals| elementwise::add(x, sums, signals));
            elementwise::normalise::<K>(x, &net.root, &mut normed[row * d_stride..][..d]);
        }

        let wide_sums = layer.mlp_in.sums;
        let stride = layer.mlp_out.stride;
        kernel.multiply(&layer.mlp_in.packed, normed, d_stride, &mut sums[..rows * wide_sums]);
        for row in 0..rows {
            let sums = &sums[row * wide_sums..][..shape.branches() * m];
            let wide = &mut wide[row * stride..][..m];
            match (layer.of_u.uniform(), layer.of_v.uniform()) {
                (Some(u), Some(v)) => {
                    elementwise::widen(kernel, sums, u, v, &layer.learned, wide, buffer)
                }
                _ => {
                    let (u, v) = (layer.of_u.single(), layer.of_v.single());
                    elementwise::widen(kernel, sums, u, v, &layer.learned, wide, buffer);
                }
            }
        }
        let operands = &wide[..rows * stride];
        kernel.multiply(&layer.mlp_out.packed, operands, stride, &mut sums[..rows * d_sums]);
        for row in 0..rows {
            let x = &mut x[row * d..][..d];
            let sums = &sums[row * d_sums..][..d];
            with_signals!(layer.mlp_out.scaling, |signals| elementwise::add(x, sums, signals));
            elementwise::normalise::<K>(x, &net.root, &mut normed[row * d_stride..][..d]);
        }
    }
    let logits = &mut sums[..rows * VOCABULARY];
    kernel.multiply(&net.head.packed, normed, d_stride, logits);
    kernel.multiply(&net.head_ngram.packed, ngrams, e_stride, evidence);
    for row in 0..rows {
        let evidence = &mut evidence[row * VOCABULARY..][..VOCABULARY];
        let logits = &mut logits[row * VOCABULARY..][..VOCABULARY];
        let (scaling, ngram_scaling) = (net.head.scaling.single(), net.head_ngram.scaling.single());
        elementwise::logits(logits, scaling, evidence, ngram_scaling, &net.head_bias);
        elementwise::softmax(logits, net.exponential, evidence);
    }
}

/// Instruction sets with kernels of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust, for any processor.
    Portable,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 and its VNNI.
    Avx512Vnni,
    /// Arm of 64 bits with the dot products of Armv8.2.
    NeonDot,
}

impl Isa {
    /// All of them, the slowest of a processor first.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Avx2, Self::Avx512Vnni, Self::NeonDot];

    /// The name that `KOLMOZIP_ISA` knows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512Vnni => "avx512vnni",
            Self::NeonDot => "neondot",
        }
    }

    /// Whether this processor has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::Avx2::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => vnni::Avx512Vnni::detect().is_some(),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => neon::NeonDot::detect().is_some(),
            _ => false,
        }
    }

    /// The instruction set that `name` forces, or the fastest one at hand for "".
    ///
    /// # Errors
    /// Which names there are, where `name` is none of them or this processor lacks it.
    pub fn choose(name: &str) -> Result<Self, String> {
        let available = || Self::ALL.into_iter().rev().filter(|isa| isa.is_available());
        if name.is_empty() {
            return Ok(available().next().unwrap_or(Self::Portable));
        }
        available().find(|isa| isa.name() == name).ok_or_else(|| {
            let names: Vec<&str> = available().map(Self::name).collect();
            format!("this processor has no instruction set {name:?}, only {}", names.join(", "))
        })
    }
}

/// A network in the order of one instruction set; it makes groups of lanes.
#[derive(Clone)]
pub struct Network {
    isa: Isa,
    net: AnyNet,
}

#[derive(Clone)]
enum AnyNet {
    Portable(Arc<Net<portable::Portable>>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Arc<Net<avx2::Avx2>>),
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Arc<Net<vnni::Avx512Vnni>>),
    #[cfg(target_arch = "aarch64")]
    NeonDot(Arc<Net<neon::NeonDot>>),
}

impl Network {
    /// Packs weights for an instruction set.
    ///
    /// # Panics
    /// Where this processor lacks it.
    #[must_use]
    pub fn new(weights: &Weights, isa: Isa) -> Self {
        let net = match isa {
            Isa::Portable => AnyNet::Portable(Arc::new(Net::new(portable::Portable, weights))),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                let kernel = avx2::Avx2::detect().expect("the processor has AVX2");
                AnyNet::Avx2(Arc::new(Net::new(kernel, weights)))
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => {
                let kernel = vnni::Avx512Vnni::detect().expect("the processor has AVX-512 VNNI");
                AnyNet::Avx512Vnni(Arc::new(Net::new(kernel, weights)))
            }
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDot => {
                let kernel = neon::NeonDot::detect().expect("the processor has dot products");
                AnyNet::NeonDot(Arc::new(Net::new(kernel, weights)))
            }
            _ => panic!("this is another kind of processor"),
        };
        Self { isa, net }
    }

    /// The instruction set of its kernels.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Fresh lanes, which have read nothing: a space must come first. They take at most `room` rows
    /// at a time, and at most `depth` bytes of each back.
    pub(crate) fn group(&self, lanes: usize, room: usize, depth: usize) -> Box<dyn Group> {
        match &self.net {
            AnyNet::Portable(net) => Box::new(LaneGroup::new(Arc::clone(net), lanes, room, depth)),
            #[cfg(target_arch = "x86_64")]
            AnyNet::Avx2(net) => Box::new(LaneGroup::new(Arc::clone(net), lanes, room, depth)),
            #[cfg(target_arch = "x86_64")]
            AnyNet::Avx512Vnni(net) => {
                Box::new(LaneGroup::new(Arc::clone(net), lanes, room, depth))
            }
            #[cfg(target_arch = "aarch64")]
            AnyNet::NeonDot(net) => Box::new(LaneGroup::new(Arc::clone(net), lanes, room, depth)),
        }
    }
}
