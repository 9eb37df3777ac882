//! Explanations: they change nothing, sum up to the payload, and foresee what is coded.

mod support;

use kolmozip_core::block::{Beside, Recipe, encode_block, explain_block};
use kolmozip_core::memory::designs::{FULL, LIGHT};
use kolmozip_core::memory::{Explained, Explainer, LIKELY};
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::speculation::Speculate;
use support::{file, weights};

/// Keeps what it is told of a part of the block.
struct Kept {
    from: usize,
    to: usize,
    told: Vec<Explained>,
    bits: Vec<f64>,
}

impl Explainer for Kept {
    fn wants(&self, place: usize) -> bool {
        (self.from..self.to).contains(&place)
    }

    fn take(&mut self, explained: Explained) {
        self.told.push(explained);
    }

    fn cost(&mut self, place: usize, bits: f64) {
        assert_eq!(self.bits[place], 0.0);
        self.bits[place] = bits;
    }
}

fn explained(recipe: Recipe<'_>, data: &[u8], from: usize, to: usize) -> (Vec<u8>, Kept) {
    let mut kept = Kept { from, to, told: Vec::new(), bits: vec![0.0; data.len()] };
    let payload = explain_block(recipe, data, &mut kept, &mut |_| true).unwrap();
    kept.told.sort_by_key(|explained| explained.place);
    (payload, kept)
}

#[test]
fn explanations_sum_up_to_the_payload_and_foresee_what_is_coded() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::Portable);
    let text = std::fs::read(file("coding/FORMAT.md")).unwrap();
    for (design, beside, lanes, sources) in [
        (&FULL, Beside::Network(&network), 4, 1 + 3 + 32),
        (&FULL, Beside::Nothing, 1, 1 + 3 + 32),
        (&LIGHT, Beside::Nothing, 3, 1 + 2 + 8),
    ] {
        let data = &text[..6000];
        let isa = Isa::Portable;
        let recipe = Recipe {
            design,
            tables: 1,
            network: beside,
            isa,
            lanes,
            threads: 3,
            prepared: None,
            speculate: Speculate::Usual,
        };
        let (payload, Kept { told, bits: costs, .. }) = explained(recipe, data, 0, data.len());
        assert_eq!(payload, encode_block(recipe, data, &mut |_| true).unwrap());
        assert!(told.iter().map(|explained| explained.place).eq(0..data.len()));
        let bits: f64 = costs.iter().sum();
        assert!((8.0 * payload.len() as f64 - bits).abs() < 64.0, "{bits}");

        // What was likely before the byte: not the same as what it cost, since a memory learns of
        // each bit, but close to it.
        let (mut found, mut apart) = (0, 0.0);
        for explained in &told {
            assert_eq!(explained.shares.len(), sources);
            assert!(explained.likely.is_sorted_by(|a, b| a.1 >= b.1));
            assert!(explained.likely.iter().map(|likely| likely.1).sum::<f64>() <= 1.0 + 1e-9);
            let byte = data[explained.place];
            if let Some((_, p)) = explained.likely.iter().find(|likely| likely.0 == byte) {
                found += 1;
                apart += (costs[explained.place] + p.log2()).abs();
            }
        }
        assert!(found > data.len() / 2, "{found} of {} are among {LIKELY}", data.len());
        assert!(apart / f64::from(found as u32) < 0.1, "{} bits apart", apart / found as f64);

        // Who speaks for what comes: all together they do, by more where it costs less.
        let spoken = |explained: &Explained| explained.shares.iter().sum::<f64>();
        let mean = |cheap: bool| {
            let some = told.iter().filter(|explained| (costs[explained.place] < 0.5) == cheap);
            let all: Vec<f64> = some.map(spoken).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        assert!(mean(true) > 10.0 && mean(true) > mean(false) + 10.0);
        if !matches!(beside, Beside::Network(_)) {
            assert!(told.iter().all(|explained| explained.shares[0] == 0.0));
        }
        let (same, part) = explained(recipe, data, 1000, 1100);
        assert_eq!((same, part.bits), (payload, costs));
        for (part, whole) in part.told.iter().zip(&told[1000..]) {
            assert_eq!((part.place, &part.shares), (whole.place, &whole.shares));
        }
        assert_eq!(part.told.len(), 100);
    }
}
