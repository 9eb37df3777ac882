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

/// How the sums of each output of a product become signals.
pub(super) struct Scaling {
    left: Vec<u32>,
    round: Vec<i32>,
    right: Vec<u32>,
}

impl Scaling {
    /// Takes the right shift of each output, -6 to 24.
    pub(super) fn new(shifts: &[i8]) -> Self {
        let right = |&shift: &i8| u32::from(shift.max(0).unsigned_abs());
        Self {
            left: shifts.iter().map(|shift| u32::from(shift.min(&0).unsigned_abs())).collect(),
            round: shifts.iter().map(|shift| 1 << right(shift) >> 1).collect(),
            right: shifts.iter().map(right).collect(),
        }
    }

    /// The scaling of some outputs.
    #[inline(always)]
    fn part(&self, from: usize, len: usize) -> Part<'_> {
        Part {
            left: &self.left[from..][..len],
            round: &self.round[from..][..len],
            right: &self.right[from..][..len],
        }
    }
}

#[derive(Clone, Copy)]
struct Part<'a> {
    left: &'a [u32],
    round: &'a [i32],
    right: &'a [u32],
}

impl Part<'_> {
    /// The signal of output i from its sum, of magnitude below 2^24; not clipped yet.
    #[inline(always)]
    fn apply(&self, i: usize, sum: i32) -> i32 {
        ((sum << (self.left[i] & 31)) + self.round[i]) >> (self.right[i] & 31)
    }
}

/// What every Dense of the format is held to.
const DENSE_LIMIT: i32 = 1 << 28;
const RESIDUAL_LIMIT: i32 = 1 << 23;

/// x = embedding of the byte, and what its n-grams add.
#[inline(always)]
pub(super) fn embed(x: &mut [i32], embed: &[i8], sums: &[i32], scaling: &Scaling, shift: u32) {
    let n = x.len();
    let (embed, sums, scaling) = (&embed[..n], &sums[..n], scaling.part(0, n));
    for i in 0..n {
        x[i] = (i32::from(embed[i]) << shift) + clip(scaling.apply(i, sums[i]), DENSE_LIMIT);
    }
}

/// x = Clip(x + Dense, 2^23).
#[inline(always)]
pub(super) fn add(x: &mut [i32], sums: &[i32], scaling: &Scaling) {
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

/// The inputs of a layer's short convolution, as the step finds them.
pub(super) struct Past<'a> {
    /// (taps, lanes, w).
    pub(super) values: &'a mut [i32],
    pub(super) lanes: usize,
    pub(super) lane: usize,
    /// Steps so far modulo the taps: where the oldest inputs lie, which the new ones replace.
    pub(super) turn: usize,
}

/// Mixer_i up to its last product: steps h and past, and writes that product's operands.
#[inline(always)]
pub(super) fn mix<K: Kernel>(
    sums: &[i32],
    scaling: &Scaling,
    gate_bias: &[i32],
    conv_taps: &[i32],
    h: &mut [i32],
    past: Past<'_>,
    y: &mut [K::Input],
) {
    let w = h.len();
    let taps = conv_taps.len() / w;
    let (of_z, of_gate, of_out) = (scaling.part(0, w), scaling.part(w, w), scaling.part(2 * w, w));
    let (sums_z, sums_gate, sums_out) = (&sums[..w], &sums[w..][..w], &sums[2 * w..][..w]);
    let (gate_bias, y) = (&gate_bias[..w], &mut y[..w]);

    let mut buffer = [0_i32; 1024];
    let mixed = &mut buffer[..w];
    for tap in 0..taps {
        // The newest inputs lie just before the oldest, in a circle.
        let slot = (past.turn + taps - 1 - tap) % taps;
        let before = &past.values[(slot * past.lanes + past.lane) * w..][..w];
        let weights = &conv_taps[tap * w..][..w];
        for i in 0..w {
            mixed[i] += weights[i] * before[i];
        }
    }
    let newest = &mut past.values[(past.turn * past.lanes + past.lane) * w..][..w];
    for i in 0..w {
        let z = clip(of_z.apply(i, sums_z[i]), 1 << 15);
        newest[i] = z;
        let mixed = clip(z + scale(mixed[i], 12), 8192);
        // Only the clipped gate counts, so that Dense's own limit is without effect.
        let rate = sigmoid(of_gate.apply(i, sums_gate[i]) + gate_bias[i]);
        let decay = scale(rate * rate, 15) * scale(h[i], 15);
        h[i] = clip(h[i] - decay + scale(rate * mixed, 1), 1 << 30);
        let out = clip(of_out.apply(i, sums_out[i]), 1 << 14);
        let gated = scale(h[i], 14) * scale(out * sigmoid(out), 15);
        y[i] = K::input(clip(scale(gated, 15), 127));
    }
}

/// Learned functions of one layer as ramps: a value, and a change of slope at every knot.
///
/// The sums are those of the table of `FORMAT.md`: changes of slope are below 2^18 and the index
/// below 2^8, so nine products stay inside int32.
pub(super) struct Learned {
    /// (9, m): 32 times the first knot plus 16, the first slope, then its changes.
    ramps: Vec<i32>,
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
        Self { ramps: (0..KNOTS * m).map(|at| ramp(at / m, at % m)).collect() }
    }

    #[inline(always)]
    fn rows(&self, m: usize) -> [&[i32]; KNOTS] {
        let mut rows = [&[] as &[i32]; KNOTS];
        for (j, row) in rows.iter_mut().enumerate() {
            *row = &self.ramps[j * m..][..m];
        }
        rows
    }
}

/// Mlp_i up to its last product, whose operands it writes; gated where there are sums for it.
#[inline(always)]
pub(super) fn widen<K: Kernel>(
    sums: &[i32],
    scaling: &Scaling,
    learned: &Learned,
    y: &mut [K::Input],
) {
    let m = y.len();
    let of_u = scaling.part(0, m);
    let sums_u = &sums[..m];
    let [first, slope, c1, c2, c3, c4, c5, c6, c7] = learned.rows(m);
    macro_rules! function {
        ($i:expr) => {{
            let i = $i;
            let index = clip(of_u.apply(i, sums_u[i]), 127) + 128;
            let mut total = first[i] + slope[i] * index;
            total += c1[i] * (index - 32).max(0);
            total += c2[i] * (index - 64).max(0);
            total += c3[i] * (index - 96).max(0);
            total += c4[i] * (index - 128).max(0);
            total += c5[i] * (index - 160).max(0);
            total += c6[i] * (index - 192).max(0);
            total += c7[i] * (index - 224).max(0);
            total >> 5
        }};
    }
    if sums.len() == 2 * m {
        let of_v = scaling.part(m, m);
        let sums_v = &sums[m..][..m];
        for i in 0..m {
            let v = clip(of_v.apply(i, sums_v[i]), 1 << 14);
            y[i] = K::input(clip(scale(function!(i) * v, 16), 127));
        }
    } else {
        for i in 0..m {
            y[i] = K::input(clip(scale(function!(i), 6), 127));
        }
    }
}

/// Sums of the head's two products become logits, in 1/1024 nat, in the place of the first.
#[inline(always)]
pub(super) fn logits(
    sums: &mut [i32],
    scaling: &Scaling,
    ngram_sums: &[i32],
    ngram_scaling: &Scaling,
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
