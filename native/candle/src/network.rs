//! The network of `FORMAT.md`, section 3, as a float32 forward pass in Candle.
//!
//! Weights are the integers of a weights file times their steps. Activations are not rounded, but
//! held to the same ranges where training holds them. The wider ranges that only keep integers
//! within 32 bits are left out: values do not come near them.

use candle_core::{D, DType, Device, Result, Tensor};
use kolmozip_core::shape::{KNOTS, Shape, VOCABULARY};
use kolmozip_core::weights::{Layer, Matrix, Weights};

/// Fraction bits of the integers, as section 3 of the format has them.
const NORM_BITS: i32 = 4;
const MIX_BITS: i32 = 5;
const GLU_BITS: i32 = 4;
const KAN_BITS: i32 = 5;
const TABLE_BITS: i32 = 6;
const EMBED_BITS: i32 = 5;
const SIGNAL_BITS: i32 = 10;
const TAP_BITS: i32 = 12;
const RESIDUAL_BITS: i32 = 12;
/// The greatest magnitude of a rounded activation, in its steps.
const INT8: f64 = 127.;
/// The greatest magnitude of what a mixer writes into its state.
const MIXED: f64 = 8.;
/// Keeps the norm of a vector of zeros from a division by zero, as in training.
const EPSILON: f64 = 1e-6;
/// The greatest count that evidence holds.
const TOP_COUNT: f64 = (1 << 22) as f64;

fn step(bits: i32) -> f32 {
    2_f32.powi(-bits)
}

/// Integers times 2^-bits, as a matrix of so many columns.
fn grid(values: &[impl Into<f32> + Copy], columns: usize, bits: i32) -> Result<Tensor> {
    let floats: Vec<f32> = values.iter().map(|&value| value.into() * step(bits)).collect();
    Tensor::from_vec(floats, (values.len() / columns, columns), &Device::Cpu)
}

/// Some columns of a product's weights; they take inputs and give outputs of these fraction bits.
fn columns(matrix: &Matrix, range: std::ops::Range<usize>, of: i32, to: i32) -> Result<Tensor> {
    let mut floats = Vec::with_capacity(matrix.inputs * range.len());
    for row in matrix.values.chunks_exact(matrix.outputs) {
        for output in range.clone() {
            // The file's exponent, from the shift that the integer engine makes of it.
            let exponent = of - to - i32::from(matrix.shifts[output]);
            floats.push(f32::from(row[output]) * step(-exponent));
        }
    }
    Tensor::from_vec(floats, (matrix.inputs, range.len()), &Device::Cpu)
}

fn product(matrix: &Matrix, of: i32, to: i32) -> Result<Tensor> {
    columns(matrix, 0..matrix.outputs, of, to)
}

/// Holds rounded activations of these fraction bits to what int8 holds.
fn held(x: &Tensor, bits: i32) -> Result<Tensor> {
    let limit = INT8 * f64::from(step(bits));
    x.clamp(-limit, limit)
}

fn normalise(x: &Tensor) -> Result<Tensor> {
    let rms = (x.sqr()?.mean_keepdim(D::Minus1)? + EPSILON)?.sqrt()?;
    held(&x.broadcast_div(&rms)?, NORM_BITS)
}

/// The quadratic sigmoid 0.5 + v (1 - |v| / 2), v = u / 4 held to [-1, 1].
fn sigmoid(u: &Tensor) -> Result<Tensor> {
    let v = (u * 0.25)?.clamp(-1., 1.)?;
    let slope = v.abs()?.affine(-0.5, 1.)?;
    (v * slope)? + 0.5
}

/// A gated diagonal recurrence.
struct Mixer {
    z: Tensor,
    gate: Tensor,
    out: Tensor,
    gate_bias: Tensor,
    taps: Vec<Tensor>,
    w_out: Tensor,
}

impl Mixer {
    fn new(layer: &Layer, shape: &Shape) -> Result<Self> {
        let w = shape.state;
        let part = |i: usize| columns(&layer.mixer_in, i * w..(i + 1) * w, NORM_BITS, SIGNAL_BITS);
        let taps = layer.conv_taps.chunks_exact(w);
        Ok(Self {
            z: part(0)?,
            gate: part(1)?,
            out: part(2)?,
            gate_bias: grid(&layer.gate_bias, w, SIGNAL_BITS)?,
            taps: taps.map(|tap| grid(tap, w, TAP_BITS)).collect::<Result<_>>()?,
            w_out: product(&layer.mixer_out, MIX_BITS, RESIDUAL_BITS)?,
        })
    }

    fn forward(&self, x: &Tensor, state: &mut LayerState) -> Result<Tensor> {
        let x = normalise(x)?;
        let z = x.matmul(&self.z)?;
        let rate = sigmoid(&x.matmul(&self.gate)?.broadcast_add(&self.gate_bias)?)?;
        let out = x.matmul(&self.out)?;
        let mut mixed = z.clone();
        for (tap, past) in self.taps.iter().zip(&state.past) {
            mixed = (mixed + past.broadcast_mul(tap)?)?;
        }
        let mixed = mixed.clamp(-MIXED, MIXED)?;
        state.past.pop();
        state.past.insert(0, z);
        state.h = ((&state.h - (rate.sqr()? * &state.h)?)? + (rate * mixed)?)?;
        let y = ((&state.h * &out)? * sigmoid(&out)?)?;
        held(&y, MIX_BITS)?.matmul(&self.w_out)
    }
}

/// A wide layer of learned functions, which gate a linear unit or stand alone.
struct Wide {
    u: Tensor,
    v: Option<Tensor>,
    /// What each function is at 0 and how steep it is, if the line in each cell went on.
    base: Tensor,
    slope: Tensor,
    w_out: Tensor,
}

impl Wide {
    fn new(layer: &Layer, shape: &Shape) -> Result<Self> {
        let (m, w_in) = (shape.hidden, &layer.mlp_in);
        let knots = grid(&layer.knots, m, SIGNAL_BITS)?;
        let left = knots.narrow(0, 0, KNOTS - 1)?;
        let slope = (knots.narrow(0, 1, KNOTS - 1)? - &left)?;
        let half = (KNOTS / 2) as f32;
        let starts = Tensor::arange(-half, half, &Device::Cpu)?.unsqueeze(1)?;
        let gated = || columns(w_in, m..2 * m, NORM_BITS, SIGNAL_BITS);
        Ok(Self {
            u: columns(w_in, 0..m, NORM_BITS, KAN_BITS)?,
            v: shape.gated.then(gated).transpose()?,
            base: (left - slope.broadcast_mul(&starts)?)?,
            slope,
            w_out: product(&layer.mlp_out, GLU_BITS, RESIDUAL_BITS)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = normalise(x)?;
        let u = held(&x.matmul(&self.u)?, KAN_BITS)?;
        // The numbers are positive, so that the conversion rounds them down.
        let cell = (&u + (KNOTS / 2) as f64)?.to_dtype(DType::U32)?;
        let mut y = (self.base.gather(&cell, 0)? + (self.slope.gather(&cell, 0)? * u)?)?;
        if let Some(v) = &self.v {
            y = (y * x.matmul(v)?)?;
        }
        held(&y, GLU_BITS)?.matmul(&self.w_out)
    }
}

struct LayerState {
    h: Tensor,
    /// Inputs of the short convolution, the newest first.
    past: Vec<Tensor>,
}

/// What lanes that step together remember.
pub struct Lanes {
    /// The last eight bytes of each, the newest in bits 0 to 7.
    history: Vec<u64>,
    layers: Vec<LayerState>,
}

/// The network, ready to step.
pub struct Network {
    shape: Shape,
    embed: Tensor,
    tables: Vec<Tensor>,
    w_ngram: Tensor,
    layers: Vec<(Mixer, Wide)>,
    head: Tensor,
    head_ngram: Tensor,
    head_bias: Tensor,
}

impl Network {
    /// The floats that the integers of a weights file stand for.
    ///
    /// # Errors
    /// What Candle refuses.
    pub fn new(weights: &Weights) -> Result<Self> {
        let shape = weights.shape.clone();
        let layer = |layer| Ok((Mixer::new(layer, &shape)?, Wide::new(layer, &shape)?));
        let tables = weights.tables.iter();
        Ok(Self {
            embed: grid(&weights.embed, shape.width, EMBED_BITS)?,
            tables: tables
                .map(|table| grid(table, shape.table_dim, TABLE_BITS))
                .collect::<Result<_>>()?,
            w_ngram: product(&weights.w_ngram, TABLE_BITS, RESIDUAL_BITS)?,
            layers: weights.layers.iter().map(layer).collect::<Result<_>>()?,
            head: product(&weights.head, NORM_BITS, SIGNAL_BITS)?,
            head_ngram: product(&weights.head_ngram, TABLE_BITS, SIGNAL_BITS)?,
            head_bias: grid(&weights.head_bias, VOCABULARY, SIGNAL_BITS)?,
            shape,
        })
    }

    /// Fresh lanes, which have read nothing.
    ///
    /// # Errors
    /// What Candle refuses.
    pub fn lanes(&self, lanes: usize) -> Result<Lanes> {
        let zeros = Tensor::zeros((lanes, self.shape.state), DType::F32, &Device::Cpu)?;
        let layer = || LayerState { h: zeros.clone(), past: vec![zeros.clone(); self.shape.taps] };
        let layers = (0..self.shape.layers).map(|_| layer()).collect();
        Ok(Lanes { history: vec![0; lanes], layers })
    }

    /// Takes in the byte that came in every lane, and gives the logits of the next, (lanes, 256).
    ///
    /// # Errors
    /// What Candle refuses.
    pub fn step(&self, lanes: &mut Lanes, bytes: &[u8]) -> Result<Tensor> {
        for (history, &byte) in lanes.history.iter_mut().zip(bytes) {
            *history = *history << 8 | u64::from(byte);
        }
        let rows = |numbers: Vec<u32>| Tensor::from_vec(numbers, lanes.history.len(), &Device::Cpu);
        let mut grams = Vec::with_capacity(self.tables.len());
        for (table, sizes) in self.tables.iter().zip(&self.shape.tables) {
            let bucket = |&history: &u64| context(history, sizes.order) >> (32 - sizes.bits);
            let buckets = lanes.history.iter().map(bucket).collect();
            grams.push(table.index_select(&rows(buckets)?, 0)?);
        }
        let e = Tensor::cat(&grams, 1)?;
        let bytes = rows(bytes.iter().map(|&byte| u32::from(byte)).collect())?;
        let mut x = (self.embed.index_select(&bytes, 0)? + e.matmul(&self.w_ngram)?)?;
        for ((mixer, wide), state) in self.layers.iter().zip(&mut lanes.layers) {
            x = (&x + mixer.forward(&x, state)?)?;
            x = (&x + wide.forward(&x)?)?;
        }
        let logits = (normalise(&x)?.matmul(&self.head)? + e.matmul(&self.head_ngram)?)?;
        logits.broadcast_add(&self.head_bias)
    }
}

/// The hash of the last `order` bytes.
fn context(history: u64, order: u32) -> u32 {
    const GOLDEN: u32 = 2_654_435_761;
    const SECOND: u32 = 2_246_822_519;
    let bytes = history & (u64::MAX >> (64 - 8 * order));
    let (low, high) = (bytes as u32, (bytes >> 32) as u32);
    let mixed = low.wrapping_mul(GOLDEN).wrapping_add(high.wrapping_mul(SECOND));
    (mixed ^ mixed >> 15).wrapping_mul(GOLDEN)
}

/// What a coder would be given: 256 counts a lane, 1 to 2^22, by the softmax of logits.
///
/// # Errors
/// What Candle refuses.
pub fn evidence(logits: &Tensor) -> Result<Vec<u32>> {
    let below = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?;
    let counts = (below.exp()? * TOP_COUNT)?.to_dtype(DType::U32)?;
    Ok(counts.flatten_all()?.to_vec1()?.into_iter().map(|count: u32| count.max(1)).collect())
}
