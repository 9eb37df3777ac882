//! Golden files: payloads decode to their originals, and originals encode to the same payloads.

mod support;

use kolmozip_core::block::{decode_block, encode_block};
use kolmozip_core::network::{Isa, Network};
use support::{container, file, sha256, weights};

/// Every golden file coded with one weights file.
fn holds(isa: Isa, weights_file: &str, least: usize) {
    let identity = sha256(&std::fs::read(file(weights_file)).unwrap());
    let network = Network::new(&weights(weights_file), isa);
    let mut model_blocks = 0;
    for entry in std::fs::read_dir(file("tests/golden/decode")).unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        let (name, blocks, length, check) = container(&data);
        if name != identity[..8] {
            continue;
        }
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
            model_blocks += 1;
            let mut coded = 0;
            let mut progress = |bytes: usize| {
                coded += bytes;
                true
            };
            let decoded =
                decode_block(&network, &block.payload, block.length, block.lanes, 2, &mut progress);
            let decoded = decoded.unwrap();
            let encoded = encode_block(&network, &decoded, block.lanes, 2, &mut progress).unwrap();
            assert_eq!(encoded, block.payload, "{} by {}", path.display(), isa.name());
            assert_eq!(coded, 2 * block.length);
            original.extend(decoded);
        }
        assert_eq!(original.len() as u64, length);
        assert_eq!(sha256(&original)[..12], check, "{} by {}", path.display(), isa.name());
    }
    println!("{model_blocks} model blocks of {weights_file} by {}", isa.name());
    assert!(model_blocks >= least);
}

#[test]
fn golden_files_come_back_and_are_written_again() {
    for isa in Isa::ALL {
        if isa.is_available() {
            holds(isa, "tests/golden/nano.kzw", 3);
            holds(isa, "models/shipped/small.kzw", 1);
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
