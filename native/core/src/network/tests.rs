//! Every kernel against plain sums, and every network against the step as the format's page has it.

use super::*;
use crate::shape::Table;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as u32 % limit
    }

    /// Within plus and minus the limit, and at its ends every fourth time.
    fn signed(&mut self, limit: i32) -> i32 {
        match self.below(8) {
            0 => limit,
            1 => -limit,
            _ => self.below(2 * limit as u32 + 1) as i32 - limit,
        }
    }
}

/// Weights of some magnitude; those of 127 with like signs reach every bound.
fn matrix(random: &mut Random, inputs: usize, outputs: usize, limit: i32) -> Matrix {
    let one_sign = random.below(4) == 0;
    let mut value = || {
        let value = random.signed(limit) as i8;
        if one_sign { value.abs() } else { value }
    };
    let values = (0..inputs * outputs).map(|_| value()).collect();
    let uniform = random.below(2) == 0;
    let shift = random.below(26) as i8 - 6;
    let shifts = (0..outputs).map(|_| if uniform { shift } else { random.below(26) as i8 - 6 });
    Matrix { inputs, outputs, values, shifts: shifts.collect() }
}

fn kernel_is_exact<K: Kernel>(kernel: K) {
    let mut random = Random(5);
    for round in 0..400 {
        let inputs = [1, 3, 4, 32, 57, 320, 1024][random.below(7) as usize];
        let outputs = [1, 8, 15, 16, 17, 40, 64, 72, 100, 192][random.below(10) as usize];
        let rows = 1 + random.below(17) as usize;
        let limit = [1, 3, 14, 64, 127][random.below(5) as usize];
        let matrix = matrix(&mut random, inputs, outputs, limit);
        let stride = padded(inputs);
        let x: Vec<i32> = (0..rows * stride).map(|_| random.signed(127)).collect();
        let operands: Vec<K::Input> = x.iter().map(|&value| K::input(value)).collect();
        let mut sums = vec![i32::MIN; rows * sums_stride(outputs)];
        kernel.multiply(&kernel.pack(&matrix), &operands, stride, &mut sums);
        for (x, sums) in x.chunks(stride).zip(sums.chunks(sums_stride(outputs))) {
            for (output, &sum) in sums[..outputs].iter().enumerate() {
                let column = matrix.values.iter().skip(output).step_by(outputs);
                let exact = x.iter().zip(column).map(|(x, &w)| x * i32::from(w)).sum::<i32>();
                assert_eq!(sum, exact, "round {round}: {inputs} x {outputs}, {rows} rows");
            }
        }
    }
}

/// Runs a test by every instruction set that this processor has, and says which they are.
macro_rules! by_every_isa {
    ($test:ident) => {
        println!("{}: portable", stringify!($test));
        $test(portable::Portable);
        #[cfg(target_arch = "x86_64")]
        {
            match avx2::Avx2::detect() {
                Some(kernel) => {
                    println!("{}: avx2", stringify!($test));
                    $test(kernel);
                }
                None => println!("{}: avx2 skipped, the processor lacks it", stringify!($test)),
            }
            match vnni::Avx512Vnni::detect() {
                Some(kernel) => {
                    println!("{}: avx512vnni", stringify!($test));
                    $test(kernel);
                }
                None => {
                    println!("{}: avx512vnni skipped, the processor lacks it", stringify!($test));
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        match neon::NeonDot::detect() {
            Some(kernel) => {
                println!("{}: neondot", stringify!($test));
                $test(kernel);
            }
            None => println!("{}: neondot skipped, the processor lacks it", stringify!($test)),
        }
    };
}

#[test]
fn products_are_exact() {
    by_every_isa!(kernel_is_exact);
}

/// Random weights within the bounds of the format, often at them.
fn weights(random: &mut Random) -> Weights {
    let pick =
        |random: &mut Random, sizes: &[usize]| sizes[random.below(sizes.len() as u32) as usize];
    let sizes = [1, 5, 16, 31, 40];
    let shape = Shape {
        width: pick(random, &sizes),
        layers: 1 + random.below(2) as usize,
        state: pick(random, &sizes),
        hidden: pick(random, &sizes),
        taps: 1 + random.below(4) as usize,
        table_dim: 1 + random.below(5) as usize,
        tables: [2, 3, 5, 8][..1 + random.below(4) as usize]
            .iter()
            .map(|&order| Table { order, bits: 8 + random.below(3) })
            .collect(),
        gated: random.below(3) > 0,
    };
    let limit = [3, 40, 127][random.below(3) as usize];
    let [d, w, m, e] = [shape.width, shape.state, shape.hidden, shape.ngram_width()];
    let bytes = |random: &mut Random, n: usize| -> Vec<i8> {
        (0..n).map(|_| random.signed(127) as i8).collect()
    };
    let words = |random: &mut Random, n: usize, limit: i32| -> Vec<i16> {
        (0..n).map(|_| random.signed(limit) as i16).collect()
    };
    let knots = [200, 5000, 32767][random.below(3) as usize];
    let layer = |random: &mut Random| Layer {
        mixer_in: matrix(random, d, 3 * w, limit),
        gate_bias: words(random, w, 16384),
        conv_taps: words(random, shape.taps * w, 8192),
        mixer_out: matrix(random, w, d, limit),
        mlp_in: matrix(random, d, shape.branches() * m, limit),
        knots: words(random, KNOTS * m, knots),
        mlp_out: matrix(random, m, d, limit),
    };
    Weights {
        embed: bytes(random, VOCABULARY * d),
        tables: shape.tables.iter().map(|t| bytes(random, shape.table_dim << t.bits)).collect(),
        w_ngram: matrix(random, e, d, limit),
        layers: (0..shape.layers).map(|_| layer(random)).collect(),
        head: matrix(random, d, VOCABULARY, limit),
        head_ngram: matrix(random, e, VOCABULARY, limit),
        head_bias: words(random, VOCABULARY, 32767),
        shape,
    }
}

/// The step as section 3 of the page has it, one lane at a time, in integers of 64 bits.
struct Plain<'a> {
    weights: &'a Weights,
    history: History,
    h: Vec<Vec<i64>>,
    past: Vec<Vec<Vec<i64>>>,
}

fn clip(x: i64, limit: i64) -> i64 {
    x.clamp(-limit, limit)
}

fn scale(x: i64, n: i64) -> i64 {
    assert!(x.abs() < 1 << 31, "no value leaves 32 bits");
    if n > 0 { (x + (1 << (n - 1))) >> n } else { x << -n }
}

fn sigmoid(u: i64) -> i64 {
    let v = clip(u, 4096);
    scale((1 << 24) + v * (8192 - v.abs()), 10)
}

fn dense(x: &[i64], matrix: &Matrix) -> Vec<i64> {
    let sum = |output: usize| {
        let column = matrix.values.iter().skip(output).step_by(matrix.outputs);
        x.iter().zip(column).map(|(x, &weight)| x * i64::from(weight)).sum::<i64>()
    };
    let signal = |(output, &shift): (usize, &i8)| clip(scale(sum(output), shift.into()), 1 << 28);
    matrix.shifts.iter().enumerate().map(signal).collect()
}

fn length(x: i64) -> i64 {
    i64::from(64 - x.leading_zeros())
}

fn norm(x: &[i64]) -> Vec<i64> {
    let p = length(x.iter().map(|x| x.abs()).max().unwrap());
    let y: Vec<i64> = x.iter().map(|&x| scale(x, p - 11)).collect();
    let t: i64 = y.iter().map(|y| (y * y) >> 2).sum();
    let j = (length(t) - 11).max(0) >> 1;
    let root = root_table(x.len())[((t >> (2 * j)) - 1024).clamp(0, 3071) as usize];
    y.iter().map(|y| clip(scale(y * i64::from(root), 16 + j), 127)).collect()
}

impl<'a> Plain<'a> {
    fn new(weights: &'a Weights) -> Self {
        let Shape { layers, state, taps, .. } = weights.shape;
        Self {
            weights,
            history: History::default(),
            h: vec![vec![0; state]; layers],
            past: vec![vec![vec![0; state]; taps]; layers],
        }
    }

    fn mixer(&mut self, i: usize, x: &[i64]) -> Vec<i64> {
        let (layer, w) = (&self.weights.layers[i], self.weights.shape.state);
        let outputs = dense(x, &layer.mixer_in);
        let mut newest = Vec::new();
        let mut y = Vec::new();
        for c in 0..w {
            let z = clip(outputs[c], 1 << 15);
            let k = sigmoid(outputs[w + c] + i64::from(layer.gate_bias[c]));
            let taps = self.past[i].iter().enumerate();
            let sum = taps.map(|(q, past)| i64::from(layer.conv_taps[q * w + c]) * past[c]).sum();
            let a = clip(z + scale(sum, 12), 8192);
            newest.push(z);
            let h = self.h[i][c];
            let h = h - scale(k * k, 15) * scale(h, 15) + scale(k * a, 1);
            self.h[i][c] = clip(h, 1 << 30);
            let out = clip(outputs[2 * w + c], 1 << 14);
            let gated = scale(self.h[i][c], 14) * scale(out * sigmoid(out), 15);
            y.push(clip(scale(gated, 15), 127));
        }
        self.past[i].insert(0, newest);
        self.past[i].pop();
        dense(&y, &layer.mixer_out)
    }

    fn mlp(&self, i: usize, x: &[i64]) -> Vec<i64> {
        let (layer, m) = (&self.weights.layers[i], self.weights.shape.hidden);
        let outputs = dense(x, &layer.mlp_in);
        let y: Vec<i64> = (0..m)
            .map(|c| {
                let s = clip(outputs[c], 127) + 128;
                let (q, r) = ((s >> 5) as usize, s & 31);
                let knot = |q: usize| i64::from(layer.knots[q * m + c]);
                let f = (knot(q) * (32 - r) + knot(q + 1) * r + 16) >> 5;
                let v = outputs.get(m + c).map(|&v| clip(v, 1 << 14));
                clip(v.map_or_else(|| scale(f, 6), |v| scale(f * v, 16)), 127)
            })
            .collect();
        dense(&y, &layer.mlp_out)
    }

    fn step(&mut self, byte: u8) -> Vec<i32> {
        let weights = self.weights;
        self.history.push(byte);
        let (d, dim) = (weights.shape.width, weights.shape.table_dim);
        let mut e = Vec::new();
        for (table, values) in weights.shape.tables.iter().zip(&weights.tables) {
            let row = (self.history.context(table.order) >> (32 - table.bits)) as usize;
            e.extend(values[row * dim..][..dim].iter().map(|&value| i64::from(value)));
        }
        let ngrams = dense(&e, &weights.w_ngram);
        let embed = &weights.embed[usize::from(byte) * d..][..d];
        let mut x: Vec<i64> =
            embed.iter().zip(ngrams).map(|(&x, more)| i64::from(x) * 128 + more).collect();
        let add = |x: &mut Vec<i64>, more: Vec<i64>| {
            for (x, more) in x.iter_mut().zip(more) {
                *x = clip(*x + more, 1 << 23);
            }
        };
        for i in 0..weights.layers.len() {
            let mixed = self.mixer(i, &norm(&x));
            add(&mut x, mixed);
            let wide = self.mlp(i, &norm(&x));
            add(&mut x, wide);
        }
        let head = dense(&norm(&x), &weights.head);
        let ngrams = dense(&e, &weights.head_ngram);
        let logits: Vec<i64> = (0..VOCABULARY)
            .map(|s| clip(head[s] + ngrams[s] + i64::from(weights.head_bias[s]), 1 << 17))
            .collect();
        let most = *logits.iter().max().unwrap();
        let count = |logit: i64| {
            let v = (((most - logit).min(1 << 15) * 5909) >> 14).min(7936);
            (EXPONENTIAL[(v & 255) as usize] >> (v >> 8)).max(1)
        };
        logits.into_iter().map(count).collect()
    }
}

fn network_is_the_pages<K: Kernel>(kernel: K) {
    let mut random = Random(9);
    for round in 0..60 {
        let weights = weights(&mut random);
        let lanes = [1, 2, 7, 15, 16, 17][random.below(6) as usize];
        let most = 1 + random.below(6) as usize;
        let net = Arc::new(Net::new(kernel, &weights));
        let mut group = LaneGroup::new(net, lanes, lanes * most, 0);
        let mut plain: Vec<Plain> = (0..lanes).map(|_| Plain::new(&weights)).collect();
        let mut step = 0;
        while step < 12 {
            let steps = 1 + random.below(most as u32) as usize;
            let bytes: Vec<u8> = (0..lanes * steps).map(|_| random.below(256) as u8).collect();
            let mut evidence = vec![0; bytes.len() * VOCABULARY];
            let row = |(row, &byte)| Row { lane: row % lanes, byte };
            group.step(&bytes.iter().enumerate().map(row).collect::<Vec<_>>(), &mut evidence);
            for (row, &byte) in bytes.iter().enumerate() {
                let evidence = &evidence[row * VOCABULARY..][..VOCABULARY];
                let (shape, wanted) = (&weights.shape, plain[row % lanes].step(byte));
                assert_eq!(evidence, wanted, "round {round}, step {step} of {steps}: {shape:?}");
            }
            step += steps;
        }
    }
}

/// Rows of some lanes, of which some are taken back again, against lanes that never read those.
fn rows_are_taken_back<K: Kernel>(kernel: K) {
    let mut random = Random(11);
    for round in 0..40 {
        let weights = weights(&mut random);
        let lanes = 1 + random.below(4) as usize;
        let depth = 1 + random.below(9) as usize;
        let room = lanes * (depth + 1);
        let net = Arc::new(Net::new(kernel, &weights));
        let mut group = LaneGroup::new(net, lanes, room, depth);
        let mut plain: Vec<Plain> = (0..lanes).map(|_| Plain::new(&weights)).collect();
        for _ in 0..6 {
            let mut rows = Vec::new();
            for lane in 0..lanes {
                let bytes = (0..random.below(depth as u32 + 2)).map(|_| random.below(256) as u8);
                rows.extend(bytes.map(|byte| Row { lane, byte }));
            }
            let mut evidence = vec![0; rows.len() * VOCABULARY];
            group.step(&rows, &mut evidence);
            for (lane, plain) in plain.iter_mut().enumerate() {
                let of_lane = rows.iter().zip(evidence.chunks(VOCABULARY));
                let mut of_lane: Vec<_> = of_lane.filter(|(row, _)| row.lane == lane).collect();
                let back = random.below(1 + of_lane.len().min(depth) as u32) as usize;
                group.back(lane, back);
                of_lane.truncate(of_lane.len() - back);
                for (row, evidence) in of_lane {
                    let wanted = plain.step(row.byte);
                    assert_eq!(evidence, wanted, "round {round}, lane {lane}, {back} back");
                }
            }
        }
    }
}

#[test]
fn what_was_taken_back_leaves_no_trace() {
    by_every_isa!(rows_are_taken_back);
}

#[test]
fn networks_are_the_pages() {
    by_every_isa!(network_is_the_pages);
}

#[test]
fn instruction_sets_are_chosen_by_name() {
    assert!(Isa::choose("").unwrap().is_available());
    assert_eq!(Isa::choose("portable"), Ok(Isa::Portable));
    assert!(Isa::choose("abacus").unwrap_err().contains("portable"));
    for isa in Isa::ALL {
        assert_eq!(Isa::choose(isa.name()).is_ok(), isa.is_available());
    }
}
