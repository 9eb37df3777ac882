//! Blocks: the same bytes whatever the instruction set, and however many threads; damage is borne.

mod support;

use kolmozip_core::block::{Beside, BlockError, Recipe, decode_block, encode_block, observe_block};
use kolmozip_core::memory::Mixture;
use kolmozip_core::memory::designs::{Design, FULL, LIGHT};
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::speculation::Speculate;
use support::{Random, weights};

/// Words that repeat, numbers, and noise.
fn text(length: usize) -> Vec<u8> {
    let mut random = Random(length as u64);
    let mut text = Vec::new();
    while text.len() < length {
        match random.below(12) {
            0 => text.extend(random.next().to_string().bytes()),
            1 => text.extend((0..random.below(9)).map(|_| random.below(256) as u8)),
            2 if text.len() > 200 => {
                let from = random.below(text.len() as u32 - 100) as usize;
                text.extend_from_within(from..from + 60);
            }
            _ => text.extend(
                ["the ", "quick ", "brown ", "fox. ", "jumps "][random.below(5) as usize].bytes(),
            ),
        }
    }
    text.truncate(length);
    text
}

fn recipe<'a>(design: &'a Design, network: Option<&'a Network>, lanes: usize) -> Recipe<'a> {
    let isa = network.map_or(Isa::Portable, Network::isa);
    Recipe {
        design,
        tables: 1,
        network: network.into(),
        isa,
        lanes,
        threads: 1,
        prepared: None,
        speculate: Speculate::Usual,
    }
}

#[test]
fn bytes_do_not_depend_on_instruction_set_or_threads() {
    let weights = weights("tests/golden/nano.kzw");
    let portable = Network::new(&weights, Isa::Portable);
    let go = &mut |_| true;
    for (length, lanes, design, network) in [
        (1, 1, &FULL, true),
        (2, 2, &LIGHT, true),
        (300, 1, &FULL, true),
        (4000, 15, &FULL, true),
        (4000, 16, &LIGHT, false),
        (9001, 1, &LIGHT, false),
        (4001, 17, &FULL, false),
        (2047, 512, &FULL, true),
        (9000, 64, &FULL, true),
    ] {
        let data = text(length);
        let first = recipe(design, network.then_some(&portable), lanes);
        let payload = encode_block(first, &data, go).unwrap();
        assert_eq!(decode_block(first, &payload, length, go).unwrap(), data);
        for isa in Isa::ALL {
            if !isa.is_available() {
                println!("skipped: this processor has no {}", isa.name());
                continue;
            }
            let own = Network::new(&weights, isa);
            assert_eq!(own.isa(), isa);
            for threads in [1, 2, 3, 8] {
                let network = network.then_some(&own);
                let recipe = Recipe { threads, isa, ..recipe(design, network, lanes) };
                let again = encode_block(recipe, &data, go).unwrap();
                assert!(again == payload, "{lanes} lanes, {threads} threads, {}", isa.name());
                let decoded = decode_block(recipe, &payload, length, go).unwrap();
                assert!(decoded == data, "{lanes} lanes, {threads} threads, {}", isa.name());
            }
        }
    }
}

/// Real text.
fn page(length: usize) -> Vec<u8> {
    let mut page = std::fs::read(support::file("coding/FORMAT.md")).unwrap();
    page.truncate(length);
    page
}

/// How every bit of a block is mixed, and its payload.
fn observed(recipe: Recipe<'_>, data: &[u8]) -> (Vec<Mixture>, Vec<u8>) {
    let mut told = Vec::new();
    let mut observer = |mixture| told.push(mixture);
    let payload = observe_block(recipe, data, &mut observer, &mut |_| true).unwrap();
    (told, payload)
}

/// What the network has said of a block, as it is replayed: for each step and bit, one a lane.
fn stretches(told: &[Mixture], lanes: usize) -> Vec<i16> {
    let steps = told.last().map_or(0, |mixture| mixture.step + 1);
    let mut stretches = vec![0; steps * 8 * lanes];
    for mixture in told {
        let at = (8 * mixture.step + mixture.bit) * lanes + mixture.lane;
        stretches[at] = mixture.network as i16;
    }
    stretches
}

#[test]
fn a_replayed_network_codes_the_same_bytes() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let data = page(8_001);
    for (design, lanes) in [(&FULL, 16), (&LIGHT, 1), (&LIGHT, 7)] {
        let live = recipe(design, Some(&network), lanes);
        let payload = encode_block(live, &data, &mut |_| true).unwrap();
        let (told, again) = observed(live, &data);
        assert!(again == payload, "to be observed changes nothing");
        assert_eq!(told.len(), 8 * data.len());
        assert!(told.iter().any(|mixture| mixture.network != 0));
        let said = stretches(&told, lanes);
        let replay = |step: usize, row: &mut [i16]| {
            row.copy_from_slice(&said[8 * lanes * step..][..8 * lanes]);
            true
        };
        let replayed = Recipe { network: Beside::Replay(&replay), ..live };
        assert!(encode_block(replayed, &data, &mut |_| true).unwrap() == payload);
        assert!(decode_block(replayed, &payload, data.len(), &mut |_| true).unwrap() == data);
        let stopped = Recipe { network: Beside::Replay(&|step, _| step < 3), ..live };
        let stopped = encode_block(stopped, &data, &mut |_| true);
        assert_eq!(stopped, Err(BlockError::Stopped));
    }
}

#[test]
fn the_mixture_moves_with_the_network_by_its_weight() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let (lanes, steps) = (8, 700);
    let data = page(lanes * steps);
    for design in [&FULL, &LIGHT] {
        let live = recipe(design, Some(&network), lanes);
        let (told, _) = observed(live, &data);
        let said = stretches(&told, lanes);
        let last = 8 * lanes * (steps - 1);
        assert!(told[last..].iter().take(lanes).any(|mixture| mixture.weight > 1 << 12));
        for more in [-70, 0, 50] {
            // Nothing but what the first bit of the last step is mixed from.
            let replay = |step: usize, row: &mut [i16]| {
                row.copy_from_slice(&said[8 * lanes * step..][..8 * lanes]);
                if step == steps - 1 {
                    row[..lanes].iter_mut().for_each(|stretch| *stretch += more);
                }
                true
            };
            let (moved, _) = observed(Recipe { network: Beside::Replay(&replay), ..live }, &data);
            assert_eq!(moved[..last], told[..last]);
            let mut compared = 0;
            for (before, after) in told[last..].iter().zip(&moved[last..]).take(lanes) {
                assert_eq!(after.network - before.network, more.into());
                if after.weight != before.weight {
                    continue; // a set has reached its limit, or left it
                }
                compared += 1;
                let expected = f64::from(before.weight) * f64::from(more) / f64::from(1 << 14);
                let off = f64::from(after.stretch - before.stretch) - expected;
                assert!(off.abs() < 3.0, "{before:?} became {after:?}"); // each row is rounded
            }
            assert!(compared > lanes / 2);
        }
    }
}

#[test]
fn random_text_does_not_code_below_its_entropy() {
    // Sixteen symbols, evenly: 4 bits each. A context that reads ahead would show here.
    let mut random = Random(5);
    let mut data: Vec<u8> =
        (0..60_000).map(|_| b"etaoin\nshrd(,.\" "[random.below(16) as usize]).collect();
    data.truncate(60_000);
    for (design, lanes) in [(&FULL, 16), (&FULL, 1), (&LIGHT, 1)] {
        let payload = encode_block(recipe(design, None, lanes), &data, &mut |_| true).unwrap();
        let least = data.len() / 2;
        assert!((least..least + least / 30).contains(&payload.len()), "{} bytes", payload.len());
    }
}

#[test]
fn damaged_payloads_end_in_other_bytes_or_an_error() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let recipe = recipe(&FULL, Some(&network), 4);
    let mut random = Random(1);
    let data = text(700);
    let payload = encode_block(recipe, &data, &mut |_| true).unwrap();
    let mut errors = 0;
    for round in 0..60 {
        let mut spoilt = payload.clone();
        match round % 4 {
            0 => spoilt.truncate(random.below(payload.len() as u32) as usize),
            1 => spoilt.fill_with(|| random.below(256) as u8),
            2 => spoilt[..8].fill(255),
            _ => {
                let at = random.below(payload.len() as u32) as usize;
                spoilt[at] ^= 1 << random.below(8);
            }
        }
        match decode_block(recipe, &spoilt, data.len(), &mut |_| true) {
            Ok(decoded) => assert_eq!(decoded.len(), data.len()),
            Err(error) => {
                assert_eq!(error, BlockError::Damaged);
                errors += 1;
            }
        }
    }
    assert!(errors > 0);
}

#[test]
fn progress_counts_all_bytes_and_can_stop() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let recipe = Recipe { threads: 2, ..recipe(&FULL, Some(&network), 3) };
    let data = text(1000);
    let mut bytes = 0;
    let mut count = |more| {
        bytes += more;
        true
    };
    encode_block(recipe, &data, &mut count).unwrap();
    assert_eq!(bytes, data.len());
    let mut calls = 0;
    let mut stop = |_| {
        calls += 1;
        calls < 5
    };
    let stopped = encode_block(recipe, &data, &mut stop);
    assert_eq!((stopped, calls), (Err(BlockError::Stopped), 5));
}
