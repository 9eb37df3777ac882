//! Least squares in whole numbers. `FORMAT.md`, section 10.3.
#![forbid(unsafe_code)]

/// Binary digits behind the point: of products in the sums, and of weights and factors.
const SUM_POINT: u32 = 16;
const POINT: u32 = 29;
/// What the sums are scaled to before they are solved for, in binary digits.
const SOLVED: u32 = 33;
/// Added to each sum of squares that is solved: loud channels that are alike have a solution too.
const LEAST_PIVOT: i64 = 1 << 8;
/// Numbers of a channel from one solution to the next.
const PACE: u32 = 2;
const MOST_WEIGHT: i64 = 1 << 35;
/// The ridge is 2^(window + this).
const RIDGE: u32 = 6;

/// The sums of a channel and the weights that solve them.
pub(super) struct Squares {
    squares: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<i64>,
    seen: u32,
}

impl Squares {
    pub(super) fn new(n: usize) -> Self {
        Self { squares: vec![0; n * n], targets: vec![0; n], weights: vec![0; n], seen: 0 }
    }

    /// What is expected after these numbers, in sixteenths, whatever a number can be.
    pub(super) fn expected(&self, before: &[i64]) -> i64 {
        let sum: i64 = self.weights.iter().zip(before).map(|(w, x)| w * x).sum();
        (sum + (1 << (POINT - 5))) >> (POINT - 4)
    }

    /// Takes in the number that came after these. Sums stay below 2^(window + 46): no overflow.
    pub(super) fn learn(&mut self, before: &[i64], came: i64, window: u32, scratch: &mut Scratch) {
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
                let sum = (sum >> down) + if i == j { LEAST_PIVOT } else { 0 };
                let value = held(i128::from(sum) - (known >> POINT), 1 << SOLVED);
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
pub(super) struct Scratch {
    factors: Vec<i64>,
    values: Vec<i64>,
    pivots: Vec<i64>,
    sides: Vec<i64>,
}

impl Scratch {
    pub(super) fn new(n: usize) -> Self {
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
