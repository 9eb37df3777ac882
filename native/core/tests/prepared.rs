//! A memory that has read a text, kept in a file: blocks go on from there.
#![cfg(not(miri))] // it writes files

use kolmozip_core::block::{BlockError, Recipe, decode_block, encode_block, prepare};
use kolmozip_core::memory::designs::{FULL, LIGHT};
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::prepared::Prepared;
use kolmozip_core::speculation::Speculate;
use std::fs::{self, File};
use std::path::PathBuf;

mod support;
use support::weights;

const BEFORE: usize = 7;
const FROM: u64 = 12_345;

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("kolmozip-{}-{name}", std::process::id()))
}

/// The page of the format: text with much that repeats.
fn sample(length: usize) -> Vec<u8> {
    fs::read(support::file("coding/FORMAT.md")).unwrap()[..length].to_vec()
}

/// A file with a text and a state, opened.
fn kept(name: &str, text: &[u8], state: &[u8]) -> Prepared {
    let mut bytes = vec![b'.'; BEFORE];
    bytes.extend_from_slice(text);
    bytes.resize(FROM as usize, 0);
    bytes.extend_from_slice(state);
    let path = temporary(name);
    fs::write(&path, bytes).unwrap();
    let (first, last) = (BEFORE as u64, (BEFORE + text.len()) as u64);
    let prepared = Prepared::open(File::open(&path).unwrap(), first..last, FROM).unwrap();
    fs::remove_file(path).unwrap();
    prepared
}

#[test]
fn blocks_go_on_from_what_was_read() {
    let text = sample(12_000);
    let weights = weights("tests/golden/nano.kzw");
    for (number, (design, beside)) in
        [(&FULL, true), (&FULL, false), (&LIGHT, false), (&LIGHT, true)].into_iter().enumerate()
    {
        let mut payloads = Vec::new();
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let network = beside.then(|| Network::new(&weights, isa));
            let network = network.as_ref().into();
            let fresh = Recipe {
                design,
                tables: 1,
                network,
                isa,
                lanes: 1,
                threads: 2,
                prepared: None,
                speculate: Speculate::Usual,
            };
            let (known, data) = text.split_at(9_000);
            let state = prepare(fresh, known, &mut |_| true).unwrap();
            let prepared = kept(&format!("{number}-{}", isa.name()), known, &state);
            let recipe = Recipe { prepared: Some(&prepared), ..fresh };
            let mut told = 0;
            let mut progress = |bytes| {
                told += bytes;
                true
            };
            let payload = encode_block(recipe, data, &mut progress).unwrap();
            assert_eq!(told, data.len());
            for _ in 0..2 {
                // What a block learns is not kept.
                let decoded = decode_block(recipe, &payload, data.len(), &mut |_| true);
                assert_eq!(decoded.unwrap(), data);
            }
            let alone = encode_block(fresh, data, &mut |_| true).unwrap();
            assert!(payload.len() < alone.len(), "{} < {}", payload.len(), alone.len());
            payloads.push(payload);
        }
        assert!(payloads.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn a_file_that_lacks_what_was_learned_is_refused() {
    let text = sample(3_000);
    let fresh = Recipe {
        design: &LIGHT,
        tables: 1,
        network: None.into(),
        isa: Isa::Portable,
        lanes: 1,
        threads: 1,
        prepared: None,
        speculate: Speculate::Usual,
    };
    let state = prepare(fresh, &text, &mut |_| true).unwrap();
    for (name, state) in [
        ("none", &state[..0]),
        ("half", &state[..state.len() / 2]),
        ("zeros", &vec![0; state.len()]),
    ] {
        let prepared = kept(name, &text, state);
        let recipe = Recipe { prepared: Some(&prepared), ..fresh };
        let refused = encode_block(recipe, &text, &mut |_| true);
        assert_eq!(refused, Err(BlockError::Unprepared));
    }
    assert_eq!(prepare(fresh, &text, &mut |_| false), Err(BlockError::Stopped));
}
