//! Linear prediction of sound and pictures, in whole numbers. `FORMAT.md`, section 10.
//!
//! `coding/prediction.py` is the definition that this follows bit for bit.
#![forbid(unsafe_code)]

/// Base-2 logarithms of the windows that there are.
const WINDOWS: std::ops::RangeInclusive<u32> = 4..=12;
/// Channels at most.
const MOST_CHANNELS: usize = 8;
/// Distances that a number is predicted from, at most.
const MOST_DISTANCES: usize = 32;
/// Binary digits behind the point: of products in the sums, and of weights and factors.
const SUM_POINT: u32 = 16;
const POINT: u32 = 29;
/// What the sums are scaled to before they are solved for, in binary digits.
const SOLVED: u32 = 33;
/// Numbers of a channel from one solution to the next.
const PACE: u32 = 2;
const MOST_WEIGHT: i64 = 1 << 35;
/// The ridge is 2^(window + this).
const RIDGE: u32 = 6;
/// Numbers from one question whether to go on to the next.
const ASKED: usize = 1 << 12;

/// What a stretch of bytes consists of, and what each of its numbers is predicted from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Two bytes a number in the place of one.
    pub wide: bool,
    /// Numbers are in two's complement; others lie around half of what they can hold.
    pub signed: bool,
    /// The higher one of two bytes comes first.
    pub high_first: bool,
    /// Base-2 logarithm of the numbers of a channel in which its sums are forgotten.
    pub window: u32,
    /// Every so many-th number of a row belongs to the same channel.
    pub channels: usize,
    /// Numbers of a row, each of which begins with the first channel.
    pub row: usize,
    /// How many numbers back those lie that a number is predicted from, 1 at least each.
    pub distances: Vec<usize>,
}

impl Signal {
    /// Whether its fields keep the bounds of the format.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        WINDOWS.contains(&self.window)
            && (1..=MOST_CHANNELS).contains(&self.channels)
            && self.row >= self.channels
            && (1..=MOST_DISTANCES).contains(&self.distances.len())
            && !self.distances.contains(&0)
    }
}

/// The sums of a channel and the weights that solve them.
struct Channel {
    squares: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<i64>,
    seen: u32,
}

impl Channel {
    fn new(n: usize) -> Self {
        Channel { squares: vec![0; n * n], targets: vec![0; n], weights: vec![0; n], seen: 0 }
    }

    /// What is expected after these numbers, before it is held to what a number can be.
    fn expected(&self, before: &[i64]) -> i64 {
        let sum: i64 = self.weights.iter().zip(before).map(|(w, x)| w * x).sum();
        (sum + (1 << (POINT - 1))) >> POINT
    }

    /// Takes in the number that came after these. Sums stay below 2^(window + 46): no overflow.
    fn learn(&mut self, before: &[i64], came: i64, window: u32, scratch: &mut Scratch) {
        let n = before.len();
        for i in 0..n {
            let x = before[i] << SUM_POINT;
            let row = &mut self.squares[i * n..i * n + i + 1];
            for (sum, other) in row.iter_mut().zip(before) {
                *sum += x * other - (*sum >> window);
            }
            self.targets[i] += x * came - (self.targets[i] >> window);
        }
        self.seen += 1;
        if self.seen.is_multiple_of(PACE) {
            self.solve(1 << (window + RIDGE), scratch);
        }
    }

    /// The weights of the least squares, by the factors of Cholesky without roots.
    fn solve(&mut self, ridge: i64, scratch: &mut Scratch) {
        let n = self.weights.len();
        let greatest = (0..n)
            .map(|i| (self.squares[i * n + i] + ridge).max(self.targets[i].abs()))
            .max()
            .unwrap_or(0);
        let down = (64 - greatest.leading_zeros()).saturating_sub(SOLVED);
        let (factors, values, pivots) =
            (&mut scratch.factors, &mut scratch.values, &mut scratch.pivots);
        for i in 0..n {
            for j in 0..=i {
                let sum = self.squares[i * n + j] + if i == j { ridge } else { 0 };
                let known: i128 = (0..j)
                    .map(|k| i128::from(factors[i * n + k]) * i128::from(values[j * n + k]))
                    .sum();
                let value = held(i128::from(sum >> down) - (known >> POINT), 1 << SOLVED);
                if i == j {
                    if value < 1 {
                        return;
                    }
                    pivots[i] = value;
                } else {
                    values[i * n + j] = value;
                    factors[i * n + j] = (value << POINT).div_euclid(pivots[j]);
                }
            }
        }
        let (sides, weights) = (&mut scratch.sides, &mut self.weights);
        for i in 0..n {
            let known: i128 =
                (0..i).map(|k| i128::from(factors[i * n + k]) * i128::from(sides[k])).sum();
            sides[i] = held(i128::from(self.targets[i] >> down) - (known >> POINT), 1 << SOLVED);
        }
        for i in (0..n).rev() {
            let known: i128 =
                (i + 1..n).map(|k| i128::from(factors[k * n + i]) * i128::from(weights[k])).sum();
            let own = i128::from((sides[i] << POINT).div_euclid(pivots[i]));
            weights[i] = held(own - (known >> POINT), MOST_WEIGHT);
        }
    }
}

/// What a solution takes, kept from one to the next.
struct Scratch {
    factors: Vec<i64>,
    values: Vec<i64>,
    pivots: Vec<i64>,
    sides: Vec<i64>,
}

impl Scratch {
    fn new(n: usize) -> Self {
        Self {
            factors: vec![0; n * n],
            values: vec![0; n * n],
            pivots: vec![0; n],
            sides: vec![0; n],
        }
    }
}

fn held(value: i128, most: i64) -> i64 {
    value.clamp(-i128::from(most), i128::from(most)) as i64
}

/// The bytes with each number less what is expected of it, lowest byte first.
///
/// `go_on` is asked now and then; None where it says no.
pub fn residuals(
    bytes: &[u8],
    signal: &Signal,
    go_on: &mut dyn FnMut() -> bool,
) -> Option<Vec<u8>> {
    changed(bytes, signal, true, go_on)
}

/// The inverse of `residuals`.
pub fn restored(bytes: &[u8], signal: &Signal, go_on: &mut dyn FnMut() -> bool) -> Option<Vec<u8>> {
    changed(bytes, signal, false, go_on)
}

fn changed(
    bytes: &[u8],
    signal: &Signal,
    forward: bool,
    go_on: &mut dyn FnMut() -> bool,
) -> Option<Vec<u8>> {
    let (width, n) = (if signal.wide { 2 } else { 1 }, signal.distances.len());
    let half: i64 = if signal.wide { 1 << 15 } else { 1 << 7 };
    let centre = if signal.signed { 0 } else { half };
    let wrapped = |value: i64| ((value + half) & (2 * half - 1)) - half;
    let mut channels: Vec<Channel> = (0..signal.channels).map(|_| Channel::new(n)).collect();
    let mut scratch = Scratch::new(n);
    // Whatever the width, a number less its centre fits 16 bits with a sign.
    let mut numbers: Vec<i16> = Vec::with_capacity(bytes.len() / width);
    let (mut before, mut out) = (vec![0i64; n], Vec::with_capacity(bytes.len()));
    for (at, piece) in bytes.chunks_exact(width).enumerate() {
        if at.is_multiple_of(ASKED) && !go_on() {
            return None;
        }
        for (value, &distance) in before.iter_mut().zip(&signal.distances) {
            *value = at.checked_sub(distance).map_or(0, |place| numbers[place].into());
        }
        let channel = &mut channels[at % signal.row % signal.channels];
        let expected = channel.expected(&before).clamp(-half, half - 1);
        let came = if forward {
            let came = wrapped(number(piece, signal.high_first) - centre);
            write(&mut out, came - expected, signal.wide, false);
            came
        } else {
            let came = wrapped(number(piece, false) + expected);
            write(&mut out, came + centre, signal.wide, signal.high_first);
            came
        };
        channel.learn(&before, came, signal.window, &mut scratch);
        numbers.push(came as i16);
    }
    out.extend(&bytes[numbers.len() * width..]);
    Some(out)
}

fn number(piece: &[u8], high_first: bool) -> i64 {
    match *piece {
        [first, second] if high_first => u16::from_be_bytes([first, second]).into(),
        [first, second] => u16::from_le_bytes([first, second]).into(),
        _ => piece[0].into(),
    }
}

fn write(out: &mut Vec<u8>, value: i64, wide: bool, high_first: bool) {
    let [low, high] = (value as u16).to_le_bytes();
    match (wide, high_first) {
        (false, _) => out.push(low),
        (true, false) => out.extend([low, high]),
        (true, true) => out.extend([high, low]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_come_back() {
        let mut state = 1u32;
        for case in 0..48usize {
            let signal = Signal {
                wide: case % 2 == 0,
                signed: case % 3 == 0,
                high_first: case % 5 == 0,
                window: 4 + case as u32 % 9,
                channels: 1 + case % 3,
                row: 3 + case % 7,
                distances: (0..1 + case % MOST_DISTANCES).map(|n| 1 + n * n % 40).collect(),
            };
            let bytes: Vec<u8> = (0..3001)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if state >> 31 == 0 { 0 } else { 255 }
                })
                .collect();
            let coded = residuals(&bytes, &signal, &mut || true).unwrap();
            assert_eq!(coded.len(), bytes.len());
            assert_eq!(restored(&coded, &signal, &mut || true), Some(bytes));
        }
    }

    #[test]
    fn a_line_is_foreseen_and_work_stops_when_it_is_told() {
        let signal = Signal {
            wide: true,
            signed: true,
            high_first: false,
            window: 8,
            channels: 1,
            row: 1,
            distances: vec![1, 2],
        };
        let bytes: Vec<u8> = (0..2000i16).flat_map(|n| (7 * n).to_le_bytes()).collect();
        let coded = residuals(&bytes, &signal, &mut || true).unwrap();
        let values = coded[400..].chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
        assert!(values.into_iter().all(|value| value.abs() < 7));
        assert_eq!(residuals(&bytes, &signal, &mut || false), None);
    }
}
