//! How often the likeliest byte comes, that of the network and those of the memory with it and
//! without, and what it would cost to leave the network out where the memory is sure.

use crate::evidence::Evidence;
use kolmozip_core::block::{Beside, Recipe, explain_block};
use kolmozip_core::memory::hit::Advice;
use kolmozip_core::memory::{Explained, Explainer};
use std::path::Path;

/// One byte of so many is asked for its likeliest ones, which takes time.
const EVERY: usize = 16;
/// A memory is sure of a byte from this probability on.
const SURE: [f64; 8] = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

/// What is known of one byte.
#[derive(Clone, Copy, Default)]
struct Told {
    /// Bits that it cost.
    cost: f64,
    /// The memory's likeliest byte with its probability, where it was asked.
    likely: (u8, f64),
}

struct Listener<'a> {
    data: &'a [u8],
    told: Vec<Told>,
    evidence: Option<Evidence>,
    /// By place, the network's likeliest byte, its probability, and that of the byte that came.
    network: Vec<(u8, f64, f64)>,
}

impl<'a> Listener<'a> {
    fn new(data: &'a [u8], evidence: Option<Evidence>) -> Self {
        let told = vec![Told::default(); data.len()];
        Self { data, told, evidence, network: vec![(0, 0.0, 1.0); data.len()] }
    }
}

impl Explainer for Listener<'_> {
    fn wants(&self, place: usize) -> bool {
        place.is_multiple_of(EVERY)
    }

    fn said(&mut self, place: usize, counts: &[i32]) {
        let advice = Advice::new(counts, self.data[place]);
        let total = f64::from(counts.iter().sum::<i32>());
        let p = |byte: u8| f64::from(counts[usize::from(byte)]) / total;
        self.network[place] = (advice.likeliest, p(advice.likeliest), p(self.data[place]));
        if let Some(evidence) = &mut self.evidence {
            evidence.note(place, &advice);
        }
    }

    fn take(&mut self, explained: Explained) {
        self.told[explained.place].likely = explained.likely[0];
    }

    fn cost(&mut self, place: usize, bits: f64) {
        self.told[place].cost = bits;
    }
}

/// Hits, and bits by whether the likeliest byte came.
fn share(name: &str, bytes: impl Iterator<Item = (bool, f64, f64)>) -> String {
    let (mut count, mut hits, mut bits, mut sure) = (0.0, 0.0, [0.0; 2], [0.0; 3]);
    for (hit, p, cost) in bytes {
        count += 1.0;
        hits += f64::from(u8::from(hit));
        bits[usize::from(hit)] += cost;
        if p >= 0.95 {
            sure[0] += 1.0;
            sure[1] += f64::from(u8::from(hit));
            sure[2] += cost;
        }
    }
    format!(
        "{{\"who\": \"{name}\", \"bytes\": {count}, \"right\": {:.4}, \"bits\": {:.4}, \
         \"bits_of_hits\": {:.4}, \"bits_of_misses\": {:.4}, \"sure\": {:.4}, \
         \"sure_right\": {:.4}, \"bits_of_sure\": {:.4}}}",
        hits / count,
        (bits[0] + bits[1]) / count,
        bits[1] / count,
        bits[0] / count,
        sure[0] / count,
        sure[1] / sure[0],
        sure[2] / count,
    )
}

/// Prints one JSON object a line.
pub fn look(recipe: Recipe<'_>, data: &[u8], out: Option<&Path>) -> Result<(), String> {
    let evidence = out.map(|_| Evidence::new(data, recipe.lanes));
    let (mut with, mut without) = (Listener::new(data, evidence), Listener::new(data, None));
    std::thread::scope(|scope| {
        let run = |recipe: Recipe<'_>, listener: &mut Listener<'_>| {
            explain_block(recipe, data, listener, &mut |_| true).map(drop)
        };
        let alone = Recipe { network: Beside::Nothing, ..recipe };
        let other = scope.spawn({
            let without = &mut without;
            move || run(alone, without)
        });
        run(recipe, &mut with).and(other.join().expect("no thread has panicked"))
    })
    .expect("nothing stops the block");
    if let (Some(evidence), Some(out)) = (&with.evidence, out) {
        evidence.write(out)?;
    }
    let asked = || (0..data.len()).step_by(EVERY);
    let hit = |of: &Listener<'_>, at: usize| of.told[at].likely.0 == data[at];
    let sampled = |of: &'static str, listener: &Listener<'_>| {
        let told =
            |at: usize| (hit(listener, at), listener.told[at].likely.1, listener.told[at].cost);
        share(of, asked().map(told))
    };
    let network = with.network.iter().zip(data);
    println!("{}", share("network", network.map(|(&(top, p, q), &c)| (top == c, p, -q.log2()))));
    println!("{}", sampled("network and memory", &with));
    println!("{}", sampled("memory alone", &without));
    let shared = (0..data.len())
        .map(|at| (with.network[at].0 == data[at], with.network[at].1, with.told[at].cost));
    println!("{}", share("network, at the cost of network and memory", shared));
    let both = asked().filter(|&at| with.told[at].likely.0 == with.network[at].0).count();
    println!(
        "{{\"likeliest_of_mixture_is_networks\": {:.4}}}",
        both as f64 / asked().count() as f64
    );
    for sure in SURE {
        let (mut count, mut bits, mut skipped) = (0.0, [0.0; 2], [0.0; 3]);
        for at in asked() {
            count += 1.0;
            let (mixed, alone) = (with.told[at].cost, without.told[at].cost);
            bits[0] += mixed;
            if without.told[at].likely.1 >= sure {
                skipped[0] += 1.0;
                skipped[1] += mixed;
                skipped[2] += alone;
                bits[1] += alone;
            } else {
                bits[1] += mixed;
            }
        }
        println!(
            "{{\"skip_from\": {sure}, \"steps_saved\": {:.4}, \"bits\": {:.4}, \
             \"bits_before\": {:.4}, \"more\": {:.4}, \"bits_of_skipped_before\": {:.4}, \
             \"bits_of_skipped\": {:.4}}}",
            skipped[0] / count,
            bits[1] / count,
            bits[0] / count,
            bits[1] / bits[0] - 1.0,
            skipped[1] / count,
            skipped[2] / count,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_misses_and_sure_bytes_are_told_apart() {
        let bytes = [(true, 0.97, 0.25), (false, 0.96, 6.0), (true, 0.5, 0.75), (false, 0.2, 1.0)];
        let told = share("network", bytes.into_iter());
        for figure in [
            "\"bytes\": 4,",
            "\"right\": 0.5000",
            "\"bits\": 2.0000",
            "\"bits_of_hits\": 0.2500",
            "\"bits_of_misses\": 1.7500",
            "\"sure\": 0.5000",
            "\"sure_right\": 0.5000",
            "\"bits_of_sure\": 1.5625",
        ] {
            assert!(told.contains(figure), "{told}");
        }
    }
}
