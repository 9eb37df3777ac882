//! Chains of sound: each foresees what the ones before it have left. `FORMAT.md`, section 10.4.
//!
//! Normalised least mean squares (Nagumo and Noda 1967), one behind the other as in Monkey's Audio.
#![forbid(unsafe_code)]

/// Numbers that each chain looks back on, and its rate.
const LINKS: [(usize, i64); 3] = [(256, 10), (32, 20), (16, 30)];
/// Binary digits behind the point: of weights, and of a step beyond those.
const POINT: u32 = 24;
const STEP_POINT: u32 = 10;
const MOST_WEIGHT: i64 = 1 << 27;
const MOST: i64 = 1 << 21;

/// The chains of a channel.
pub(super) struct Chains(Vec<Link>);

struct Link {
    weights: Vec<i32>,
    /// What came, the newest first, twice so that it lies in one piece from `newest` on.
    came: Vec<i32>,
    newest: usize,
    /// The sum of squares of what came.
    energy: i64,
    rate: i64,
    said: i64,
}

impl Chains {
    pub(super) const COUNT: usize = LINKS.len();

    pub(super) fn new() -> Self {
        let link = |&(size, rate): &(usize, i64)| Link {
            weights: vec![0; size],
            came: vec![0; 2 * size],
            newest: 0,
            energy: 0,
            rate,
            said: 0,
        };
        Self(LINKS.iter().map(link).collect())
    }

    /// What is expected with one chain, with two and with three of them, in sixteenths.
    pub(super) fn expect(&mut self, first: i64) -> [i64; Self::COUNT] {
        let mut all = [first; Self::COUNT];
        let mut sum = first;
        for (link, expected) in self.0.iter_mut().zip(&mut all) {
            sum += link.say();
            *expected = sum;
        }
        all
    }

    /// Takes in how much came more than was expected first.
    pub(super) fn learn(&mut self, more: i64) {
        let mut left = more;
        for link in &mut self.0 {
            link.learn(left);
            left -= link.said;
        }
    }
}

impl Link {
    fn say(&mut self) -> i64 {
        let came = &self.came[self.newest..][..self.weights.len()];
        let products = self.weights.iter().zip(came).map(|(&w, &v)| i64::from(w) * i64::from(v));
        let sum: i64 = products.sum();
        self.said = ((sum + (1 << (POINT - 1))) >> POINT).clamp(-MOST, MOST);
        self.said
    }

    fn learn(&mut self, left: i64) {
        let size = self.weights.len();
        let least = 256 * (size as i64 + 1);
        let step = ((self.rate * (left - self.said)) << POINT).div_euclid(least + self.energy);
        let came = &self.came[self.newest..][..size];
        for (weight, &v) in self.weights.iter_mut().zip(came) {
            let moved = (step * i64::from(v) + (1 << (STEP_POINT - 1))) >> STEP_POINT;
            *weight = (i64::from(*weight) + moved).clamp(-MOST_WEIGHT, MOST_WEIGHT) as i32;
        }
        let (new, old) = (left.clamp(-MOST, MOST), i64::from(came[size - 1]));
        self.energy += new * new - old * old;
        self.newest = (self.newest + size - 1) % size;
        self.came[self.newest] = new as i32;
        self.came[self.newest + size] = new as i32;
    }
}
