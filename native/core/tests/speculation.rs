//! Speculation: a decoder gives the same bytes whatever it drafts, and says what became of it.

mod support;

use kolmozip_core::block::{BlockError, Recipe, encode_block, prepare, tallied_block};
use kolmozip_core::memory::designs::{Design, FULL, LIGHT};
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::prepared::Prepared;
use kolmozip_core::speculation::{Drafts, Speculate, Speculation, Tally};
use support::{Random, file, weights};

/// Real text, noise, and one byte over and over.
fn texts(length: usize) -> [Vec<u8>; 3] {
    let mut page = std::fs::read(file("coding/FORMAT.md")).unwrap();
    page.truncate(length);
    let mut random = Random(length as u64);
    let noise = (0..length).map(|_| random.below(256) as u8).collect();
    [page, noise, vec![b'a'; length]]
}

fn recipe<'a>(design: &'a Design, network: &'a Network, lanes: usize) -> Recipe<'a> {
    let isa = network.isa();
    let network = Some(network).into();
    let speculate = Speculate::Never;
    Recipe { design, tables: 1, network, isa, lanes, threads: 1, prepared: None, speculate }
}

fn drafts(network: &Network) -> [(&'static str, Drafts<'_>); 3] {
    [("match", Drafts::Match), ("memory", Drafts::Memory), ("network", Drafts::Network(network))]
}

/// Decodes with every draft and some widths, and holds what is said of it to what must be so.
fn holds(recipe: Recipe<'_>, drafter: &Network, data: &[u8], widths: &[usize]) {
    let payload = encode_block(recipe, data, &mut |_| true).unwrap();
    let decode = |speculate| {
        let recipe = Recipe { speculate, ..recipe };
        tallied_block(recipe, &payload, data.len(), &mut |_| true).unwrap()
    };
    assert!(decode(Speculate::Never) == (data.to_vec(), Tally::default()));
    assert!(decode(Speculate::Usual).0 == data);
    for (name, drafts) in drafts(drafter) {
        for &width in widths {
            let (text, tally) = decode(Speculate::So(Speculation { drafts, width }));
            let lanes = recipe.lanes;
            let about = format!("{name}, {width} ahead, {lanes} lanes: {tally:?}");
            assert!(text == data, "{about}");
            let Tally { steps, passes, rows, drafted, hits } = tally;
            assert_eq!(steps, data.len().div_ceil(lanes), "{about}");
            assert!(0 < passes && passes <= steps && passes * (width + 1) >= steps, "{about}");
            // Whatever came was read once: as a draft that was right, or afterwards.
            assert_eq!(rows - drafted + hits, steps * lanes, "{about}");
            assert!(hits <= drafted, "{about}");
        }
    }
}

#[test]
fn every_draft_and_width_gives_the_same_bytes() {
    let of_file = weights("tests/golden/nano.kzw");
    for isa in Isa::ALL {
        if !isa.is_available() {
            println!("skipped: this processor has no {}", isa.name());
            continue;
        }
        let network = Network::new(&of_file, isa);
        for (number, data) in texts(400).iter().enumerate() {
            for lanes in 1..=4 {
                let design = if (lanes + number) % 2 == 0 { &FULL } else { &LIGHT };
                holds(recipe(design, &network, lanes), &network, data, &[1, 2, 4, 8]);
            }
        }
    }
}

#[test]
fn any_length_and_more_lanes_do() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    for (length, lanes) in [(1, 1), (2, 1), (2, 2), (3, 2), (9, 4), (601, 5), (640, 16), (600, 48)]
    {
        for data in texts(length) {
            holds(recipe(&LIGHT, &network, lanes), &network, &data, &[1, 3, 16]);
        }
    }
}

#[test]
fn what_repeats_takes_fewer_passes_than_noise() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let [_, noise, again] = texts(2000);
    for (name, drafts) in [("match", Drafts::Match), ("memory", Drafts::Memory)] {
        let passes = |data: &[u8]| {
            let recipe = recipe(&LIGHT, &network, 1);
            let payload = encode_block(recipe, data, &mut |_| true).unwrap();
            let speculate = Speculate::So(Speculation { drafts, width: 8 });
            let recipe = Recipe { speculate, ..recipe };
            tallied_block(recipe, &payload, data.len(), &mut |_| true).unwrap().1.passes
        };
        let (of_noise, of_again) = (passes(&noise), passes(&again));
        assert!(of_again < 2000 / 4 && of_noise > 1800, "{name}: {of_again}, {of_noise}");
    }
}

#[test]
fn several_threads_do_not_draft() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let [data, ..] = texts(800);
    let recipe = Recipe { threads: 2, ..recipe(&LIGHT, &network, 8) };
    let payload = encode_block(recipe, &data, &mut |_| true).unwrap();
    let speculate = Speculate::So(Speculation { drafts: Drafts::Match, width: 4 });
    let recipe = Recipe { speculate, ..recipe };
    let decoded = tallied_block(recipe, &payload, data.len(), &mut |_| true).unwrap();
    assert!(decoded == (data, Tally::default()));
}

#[test]
fn a_prepared_memory_is_gone_on_from() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let [mut text, ..] = texts(3000);
    let data = text.split_off(2400);
    let fresh = recipe(&FULL, &network, 1);
    let state = prepare(fresh, &text, &mut |_| true).unwrap();
    let path = std::env::temp_dir().join(format!("kolmozip-speculation-{}", std::process::id()));
    std::fs::write(&path, [&text[..], &state].concat()).unwrap();
    let opened = std::fs::File::open(&path).unwrap();
    let length = text.len() as u64;
    let prepared = Prepared::open(opened, 0..length, length).unwrap();
    let recipe = Recipe { prepared: Some(&prepared), ..fresh };
    let payload = encode_block(recipe, &data, &mut |_| true).unwrap();
    for (name, drafts) in drafts(&network) {
        let speculate = Speculate::So(Speculation { drafts, width: 4 });
        let recipe = Recipe { speculate, ..recipe };
        let (decoded, tally) = tallied_block(recipe, &payload, data.len(), &mut |_| true).unwrap();
        assert!(decoded == data, "{name}");
        assert_eq!(tally.steps, data.len(), "{name}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn damage_is_borne() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let [data, ..] = texts(500);
    let mut random = Random(3);
    for (_, drafts) in drafts(&network) {
        let speculate = Speculate::So(Speculation { drafts, width: 4 });
        let never = recipe(&LIGHT, &network, 2);
        let payload = encode_block(never, &data, &mut |_| true).unwrap();
        for _ in 0..20 {
            let mut spoilt = payload.clone();
            let at = random.below(payload.len() as u32) as usize;
            spoilt[at] ^= 1 << random.below(8);
            let decode = |recipe| {
                let decoded = tallied_block(recipe, &spoilt, data.len(), &mut |_| true);
                decoded.map(|(text, _)| text)
            };
            assert_eq!(decode(never), decode(Recipe { speculate, ..never }));
        }
    }
    let recipe = Recipe { speculate: Speculate::Usual, ..recipe(&LIGHT, &network, 1) };
    let payload = encode_block(recipe, &data, &mut |_| true).unwrap();
    let stopped = tallied_block(recipe, &payload, data.len(), &mut |_| false);
    assert_eq!(stopped, Err(BlockError::Stopped));
}
