//! Golden files: payloads decode to their originals, and originals encode to the same payloads.

mod support;

use kolmozip_core::block::{Recipe, decode_block, encode_block};
use kolmozip_core::memory::designs;
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::speculation::Speculate;
use kolmozip_core::transform::Transform;
use support::{container, file, sha256, weights};

/// A network with its identity.
fn network(name: &str, isa: Isa) -> ([u8; 8], Network) {
    let identity = sha256(&std::fs::read(file(name)).unwrap());
    (identity[..8].try_into().unwrap(), Network::new(&weights(name), isa))
}

/// Every golden file, with the networks that its blocks name.
fn holds(isa: Isa) {
    let mut networks = vec![network("tests/golden/nano.kzw", isa)];
    networks.extend(
        ["tiny", "small", "base"].map(|name| network(&format!("models/shipped/{name}.kzw"), isa)),
    );
    let (mut with_network, mut without, mut transformed) = (0, 0, 0);
    for entry in std::fs::read_dir(file("tests/golden/decode")).unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        if data.starts_with(b"\x89Kz") {
            continue; // the short form, whose blocks are coded as others are
        }
        let (blocks, length, check) = container(&data);
        let mut original = Vec::new();
        for block in blocks {
            if block.kind == 1 {
                original.extend(&block.payload);
                continue;
            }
            if block.kind == 2 {
                original.extend(block.payload.repeat(block.length));
                continue;
            }
            let network = networks.iter().find(|(identity, _)| *identity == block.weights);
            assert!(network.is_some() || block.weights == [0; 8], "{}", path.display());
            *(if network.is_some() { &mut with_network } else { &mut without }) += 1;
            let recipe = Recipe {
                design: designs::by_number(block.design).unwrap(),
                tables: block.tables,
                network: network.map(|(_, network)| network).into(),
                isa,
                lanes: block.lanes,
                threads: 2,
                prepared: None,
                speculate: Speculate::Usual,
            };
            let mut coded = 0;
            let mut progress = |bytes: usize| {
                coded += bytes;
                true
            };
            let decoded = decode_block(recipe, &block.payload, block.length, &mut progress);
            let mut decoded = decoded.unwrap();
            let encoded = encode_block(recipe, &decoded, &mut progress).unwrap();
            assert_eq!(encoded, block.payload, "{} by {}", path.display(), isa.name());
            assert_eq!(coded, 2 * block.length);
            let coded = decoded.clone();
            let transform = Transform::by_number(block.transform).unwrap();
            transform.undo(&mut decoded);
            let mut again = decoded.clone();
            transform.apply(&mut again);
            assert_eq!(again, coded);
            transformed += u32::from(transform != Transform::None);
            original.extend(decoded);
        }
        assert_eq!(original.len() as u64, length);
        assert_eq!(sha256(&original)[..12], check, "{} by {}", path.display(), isa.name());
    }
    println!("{with_network} blocks with a network, {without} without, by {}", isa.name());
    assert!(with_network >= 10 && without >= 5 && transformed >= 6);
}

#[test]
fn golden_files_come_back_and_are_written_again() {
    for isa in Isa::ALL {
        if isa.is_available() {
            holds(isa);
        } else {
            println!("skipped: this processor has no {}", isa.name());
        }
    }
}

#[test]
fn sha256_is_that_of_the_standard() {
    assert_eq!(sha256(b"abc")[..4], [0xBA, 0x78, 0x16, 0xBF]);
    assert_eq!(sha256(&[])[..4], [0xE3, 0xB0, 0xC4, 0x42]);
    assert_eq!(sha256(&[b'a'; 60])[28..].len(), 4);
}
