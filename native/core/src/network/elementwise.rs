//! What the step does between products, one row of a lane at a time.
//!
//! Every loop is plain arithmetic on int32 without branches, which the compiler turns into vectors
//! of the instruction set that it compiles for. Bounds of the values are those of `FORMAT.md`.
#![forbid(unsafe_code)]

use super::Kernel;
use crate::shape::KNOTS;

/// Holds x to [-limit, limit].
#[inline(always)]
fn clip(x: i32, limit: i32) -> i32 {
    x.max(-limit).min(limit)
}

/// x / 2^right to the nearest, halves upward, for right > 0.
#[inline(always)]
fn scale(x: i32, right: u32) -> i32 {
    (x + (1 << (right - 1))) >> right
}

/// The quadratic sigmoid of u with 10 fraction bits, in [0, 2^15].
#[inline(always)]
fn sigmoid(u: i32) -> i32 {
    let v = clip(u, 4096);
    scale((1 << 24) + v * (8192 - v.abs()), 10)
}

/// How the sums of some outputs of a product become signals; the sums are below 2^24.
pub(super) trait Signals: Copy {
    /// The signal of output i of `len` from `from` on; not clipped yet, and below 2^30.
    fn apply(self, i: usize, sum: i32) -> i32;

    /// The same for `len` outputs from `from` on.
    fn part(self, from: usize, len: usize) -> Self;
}

/// All outputs are shifted to the right by the same.
#[derive(Clone, Copy)]
pub(super) struct Uniform {
    round: i32,
    right: u32,
}

impl Signals for Uniform {
    #[inline(always)]
    fn apply(self, _: usize, sum: i32) -> i32 {
        (sum + self.round) >> (self.right & 31)
    }

    #[inline(always)]
    fn part(self, _: usize, _: usize) -> Self {
        self
    }
}

/// Each output is shifted by its own number, to the left or to the right.
#[derive(Clone, Copy)]
pub(super) struct Single<'a> {
    left: &'a [u32],
    round: &'a [i32],
    right: &'a [u32],
}

impl Signals for Single<'_> {
    #[inline(always)]
    fn apply(self, i: usize, sum: i32) -> i32 {
        ((sum << (self.left[i] & 31)) + self.round[i]) >> (self.right[i] & 31)
    }

    #[inline(always)]
    fn part(self, from: usize, len: usize) -> Self {
        Self {
            left: &self.left[from..][..len],
            round: &self.round[from..][..len],
            right: &self.right[from..][..len],
        }
    }
}

/// The scaling of all outputs of a product.
pub(super) struct Scaling {
    left: Vec<u32>,
    round: Vec<i32>,
    right: Vec<u32>,
    uniform: Option<Uniform>,
}

impl Scaling {
    /// Takes the right shift of each output, -6 to 24.
    pub(super) fn new(shifts: &[i8]) -> Self {
        let right = |&shift: &i8| u32::from(shift.max(0).unsigned_abs());
        let round = |shift: &i8| 1 << right(shift) >> 1;
        let same = shifts.iter().all(|shift| *shift == shifts[0] && *shift >= 0);
        let uniform = Uniform { round: round(&shifts[0]), right: right(&shifts[0]) };
        Self {
            left: shifts.iter().map(|shift| u32::from(shift.min(&0).unsigned_abs())).collect(),
            round: shifts.iter().map(round).collect(),
            right: shifts.iter().map(right).collect(),
            uniform: same.then_some(uniform),
        }
    }

    /// The one shift of all outputs, if there is one.
    #[inline(always)]
    pub(super) fn uniform(&self) -> Option<Uniform> {
        self.uniform
    }

    /// The shift of each output.
    #[inline(always)]
    pub(super) fn single(&self) -> Single<'_> {
        Single { left: &self.left, round: &self.round, right: &self.right }
    }
}

/// Calls a function with the scaling as it is known best, compiled for each.
macro_rules! with_signals {
    ($scaling:expr, |$signals:ident| $call:expr) => {
        match $scaling.uniform() {
            Some($signals) => $call,
            None => {
                let $signals = $scaling.single();
                $call
            }
        }
    };
}
pub(super) use with_signals;

/// What every Dense of the format is held to.
const DENSE_LIMIT: i32 = 1 << 28;
const RESIDUAL_LIMIT: i32 = 1 << 23;

/// x = embedding of the byte, and what its n-grams add.
#[inline(always)]
pub(super) fn embed(x: &mut [i32], embed: &[i8], sums: &[i32], scaling: impl Signals, shift: u32) {
    let n = x.len();
    let (embed, sums, scaling) = (&embed[..n], &sums[..n], scaling.part(0, n));
    for i in 0..n {
        x[i] = (i32::from(embed[i]) << shift) + clip(scaling.apply(i, sums[i]), DENSE_LIMIT);
    }
}

/// x = Clip(x + Dense, 2^23).
#[inline(always)]
pub(super) fn add(x: &mut [i32], sums: &[i32], scaling: impl Signals) {
    let n = x.len();
    let (sums, scaling) = (&sums[..n], scaling.part(0, n));
    for i in 0..n {
        x[i] = clip(x[i] + clip(scaling.apply(i, sums[i]), DENSE_LIMIT), RESIDUAL_LIMIT);
    }
}

/// Norm(x), x of magnitude at most 2^29.
#[inline(always)]
pub(super) fn normalise<K: Kernel>(x: &[i32], root: &[i32], normed: &mut [K::Input]) {
    let n = x.len();
    let normed = &mut normed[..n];
    let most = x.iter().fold(0, |most, &value| most.max(value.abs()));
    let length = 32 - most.leading_zeros();
    let (left, right) = (11_u32.saturating_sub(length), length.saturating_sub(11));
    let round = 1 << right >> 1;
    let y = |value: i32| ((value << left) + round) >> right; // |y| <= 2^11
    let mut total = 0;
    for &value in x {
        let y = y(value);
        total += (y * y) >> 2; // at most 2^30 in all
    }
    let half = (32 - total.leading_zeros()).saturating_sub(11) >> 1;
    let root = root[((total >> (2 * half)) - 1024).clamp(0, 3071) as usize];
    for i in 0..n {
        normed[i] = K::input(clip(scale(y(x[i]) * root, 16 + half), 127));
    }
}

/// The inputs of a layer's short convolution, as one lane's step finds them.
pub(super) struct Past<'a> {
    /// For each tap (lanes, w).
    pub(super) taps: &'a mut [Vec<i32>],
    /// Where the lane's row begins.
    pub(super) row: usize,
    /// Steps so far modulo the taps: where the oldest inputs lie, which the new ones replace.
    pub(super) turn: usize,
}

/// Mixer_i up to its last product: steps h and past, and writes that product's operands.
///
/// `buffer` is room for w integers.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "one pass over all that a lane has of a layer")]
pub(super) fn mix<K: Kernel>(
    sums: &[i32],
    scaling: impl Signals,
    gate_bias: &[i32],
    conv_taps: &[i32],
    h: &mut [i32],
    past: Past<'_>,
    y: &mut [K::Input],
    buffer: &mut [i32],
) {
    let w = h.len();
    let taps = past.taps.len();
    let (of_z, of_gate, of_out) = (scaling.part(0, w), scaling.part(w, w), scaling.part(2 * w, w));
    let (sums_z, sums_gate, sums_out) = (&sums[..w], &sums[w..][..w], &sums[2 * w..][..w]);
    let (gate_bias, y, mixed) = (&gate_bias[..w], &mut y[..w], &mut buffer[..w]);

    // The newest inputs lie just before the oldest, in a circle; the oldest come last.
    for tap in 0..taps - 1 {
        let slot = (past.turn + taps - 1 - tap) % taps;
        let (before, weights) = (&past.taps[slot][past.row..][..w], &conv_taps[tap * w..][..w]);
        if tap == 0 {
            for i in 0..w {
                mixed[i] = weights[i] * before[i];
            }
        } else {
            for i in 0..w {
                mixed[i] += weights[i] * before[i];
            }
        }
    }
    if taps == 1 {
        mixed.fill(0);
    }
    let newest = &mut past.taps[past.turn][past.row..][..w];
    let weights = &conv_taps[(taps - 1) * w..][..w];
    for i in 0..w {
        let z = clip(of_z.apply(i, sums_z[i]), 1 << 15);
        mixed[i] = clip(z + scale(mixed[i] + weights[i] * newest[i], 12), 8192);
        newest[i] = z;
    }
    for i in 0..w {
        // Only the clipped gate counts, so that Dense's own limit is without effect.
        let rate = sigmoid(of_gate.apply(i, sums_gate[i]) + gate_bias[i]);
        let decay = scale(rate * rate, 15) * scale(h[i], 15);
        h[i] = clip(h[i] - decay + scale(rate * mixed[i], 1), 1 << 30);
    }
    for i in 0..w {
        let out = clip(of_out.apply(i, sums_out[i]), 1 << 14);
        let gated = scale(h[i], 14) * scale(out * sigmoid(out), 15);
        y[i] = K::input(clip(scale(gated, 15), 127));
    }
}

/// Learned functions of one layer as ramps: a value, and a change of slope at every knot.
///
/// The sums are those of the table of `FORMAT.md`: changes of slope are below 2^18 and the index
/// below 2^8, so nine products stay inside int32.
pub(crate) struct Learned {
    /// (9, m): 32 times the first knot plus 16, the first slope, then its changes.
    ramps: Vec<i32>,
    short: Option<ShortRamps>,
}

/// Eight channels' first row of ramps, and the others in pairs: (four pairs, eight channels, two).
pub(super) type ShortBlock = ([i32; 8], [[[i16; 2]; 8]; 4]);

/// Ramps whose slope and changes fit 16 bits, channels in blocks of eight; the last is filled up.
pub(super) struct ShortRamps {
    pub(super) blocks: Vec<ShortBlock>,
}

impl Learned {
    /// Takes knots (9, m).
    pub(super) fn new(knots: &[i16], m: usize) -> Self {
        let knot = |j: usize, i: usize| i32::from(knots[j * m + i]);
        let slope = |j: usize, i: usize| knot(j + 1, i) - knot(j, i);
        let ramp = |j: usize, i: usize| match j {
            0 => 32 * knot(0, i) + 16,
            1 => slope(0, i),
            _ => slope(j - 1, i) - slope(j - 2, i),
        };
        let ramps: Vec<i32> = (0..KNOTS * m).map(|at| ramp(at / m, at % m)).collect();
        let short = ShortRamps::new(&ramps, m);
        Self { ramps, short }
    }

    #[inline(always)]
    fn rows(&self, m: usize) -> [&[i32]; KNOTS] {
        let mut rows = [&[] as &[i32]; KNOTS];
        for (j, row) in rows.iter_mut().enumerate() {
            *row = &self.ramps[j * m..][..m];
        }
        rows
    }

    /// The ramps in 16 bits, if they fit.
    #[inline(always)]
    pub(super) fn short(&self) -> Option<&ShortRamps> {
        self.short.as_ref()
    }

    /// Puts the functions in the place of their indices, which are within 1 to 255.
    #[inline(always)]
    pub(super) fn apply(&self, index: &mut [i32]) {
        let m = index.len();
        let [first, slope, c1, c2, c3, c4, c5, c6, c7] = self.rows(m);
        for i in 0..m {
            let at = index[i];
            let mut total = first[i] + slope[i] * at;
            total += c1[i] * (at - 32).max(0);
            total += c2[i] * (at - 64).max(0);
            total += c3[i] * (at - 96).max(0);
            total += c4[i] * (at - 128).max(0);
            total += c5[i] * (at - 160).max(0);
            total += c6[i] * (at - 192).max(0);
            total += c7[i] * (at - 224).max(0);
            index[i] = total >> 5;
        }
    }
}

impl ShortRamps {
    fn new(ramps: &[i32], m: usize) -> Option<Self> {
        let mut blocks = vec![([0; 8], [[[0; 2]; 8]; 4]); m.div_ceil(8)];
        for i in 0..m {
            let (first, pairs) = &mut blocks[i / 8];
            first[i % 8] = ramps[i];
            for j in 1..KNOTS {
                pairs[(j - 1) / 2][i % 8][(j - 1) % 2] = i16::try_from(ramps[j * m + i]).ok()?;
            }
        }
        Some(Self { blocks })
    }
}

/// Mlp_i up to its last product, whose operands it writes; gated where there are sums for it.
///
/// `buffer` is room for m integers, rounded up to whole blocks of eight.
#[inline(always)]
pub(super) fn widen<K: Kernel>(
    kernel: K,
    sums: &[i32],
    of_u: impl Signals,
    of_v: impl Signals,
    functions: &Learned,
    y: &mut [K::Input],
    buffer: &mut [i32],
) {
    let m = y.len();
    let (of_u, sums_u, index) = (of_u.part(0, m), &sums[..m], &mut buffer[..m]);
    for i in 0..m {
        index[i] = clip(of_u.apply(i, sums_u[i]), 127) + 128;
    }
    kernel.learned(functions, m, buffer);
    let f = &buffer[..m];
    if sums.len() == 2 * m {
        let (of_v, sums_v) = (of_v.part(0, m), &sums[m..][..m]);
        for i in 0..m {
            let v = clip(of_v.apply(i, sums_v[i]), 1 << 14);
            y[i] = K::input(clip(scale(f[i] * v, 16), 127));
        }
    } else {
        for i in 0..m {
            y[i] = K::input(clip(scale(f[i], 6), 127));
        }
    }
}

/// Sums of the head's two products become logits, in 1/1024 nat, in the place of the first.
#[inline(always)]
pub(super) fn logits(
    sums: &mut [i32],
    scaling: impl Signals,
    ngram_sums: &[i32],
    ngram_scaling: impl Signals,
    bias: &[i32],
) {
    let n = sums.len();
    let (ngram_sums, bias) = (&ngram_sums[..n], &bias[..n]);
    let (scaling, ngram_scaling) = (scaling.part(0, n), ngram_scaling.part(0, n));
    for i in 0..n {
        let dense = clip(scaling.apply(i, sums[i]), DENSE_LIMIT);
        let ngram = clip(ngram_scaling.apply(i, ngram_sums[i]), DENSE_LIMIT);
        sums[i] = clip(dense + ngram + bias[i], 1 << 17);
    }
}

/// Evidence: exp(logit - greatest logit) as counts from 1 to 2^22.
#[inline(always)]
pub(super) fn softmax(logits: &[i32], exponential: &[i32; 256], evidence: &mut [i32]) {
    let n = logits.len();
    let evidence = &mut evidence[..n];
    let most = logits.iter().fold(i32::MIN, |most, &logit| most.max(logit));
    for i in 0..n {
        let below = (most - logits[i]).min(1 << 15);
        let bits = ((below * 5909) >> 14).min(31 << 8);
        evidence[i] = (exponential[(bits & 255) as usize] >> (bits >> 8)).max(1);
    }
}
