//! Blocks: the same bytes whatever the instruction set, and however many threads; damage is borne.

mod support;

use kolmozip_core::block::{BlockError, decode_block, encode_block};
use kolmozip_core::network::{Isa, Network};
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

#[test]
fn bytes_do_not_depend_on_instruction_set_or_threads() {
    let weights = weights("tests/golden/nano.kzw");
    let portable = Network::new(&weights, Isa::Portable);
    for (length, lanes) in
        [(1, 1), (2, 2), (300, 1), (4000, 15), (4000, 16), (4001, 17), (2047, 512), (9000, 512)]
    {
        let data = text(length);
        let go = &mut |_| true;
        let payload = encode_block(&portable, &data, lanes, 1, go).unwrap();
        assert_eq!(decode_block(&portable, &payload, length, lanes, 1, go).unwrap(), data);
        for isa in Isa::ALL {
            if !isa.is_available() {
                println!("skipped: this processor has no {}", isa.name());
                continue;
            }
            let network = Network::new(&weights, isa);
            assert_eq!(network.isa(), isa);
            for threads in [1, 2, 3, 8] {
                let again = encode_block(&network, &data, lanes, threads, go).unwrap();
                assert!(again == payload, "{lanes} lanes, {threads} threads, {}", isa.name());
                let decoded = decode_block(&network, &payload, length, lanes, threads, go).unwrap();
                assert!(decoded == data, "{lanes} lanes, {threads} threads, {}", isa.name());
            }
        }
    }
}

#[test]
fn damaged_payloads_end_in_other_bytes_or_an_error() {
    let network = Network::new(&weights("tests/golden/nano.kzw"), Isa::choose("").unwrap());
    let mut random = Random(1);
    let data = text(700);
    let payload = encode_block(&network, &data, 4, 1, &mut |_| true).unwrap();
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
        match decode_block(&network, &spoilt, data.len(), 4, 2, &mut |_| true) {
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
    let data = text(1000);
    let mut bytes = 0;
    let mut count = |more| {
        bytes += more;
        true
    };
    encode_block(&network, &data, 3, 2, &mut count).unwrap();
    assert_eq!(bytes, data.len());
    let mut calls = 0;
    let mut stop = |_| {
        calls += 1;
        calls < 5
    };
    let stopped = encode_block(&network, &data, 3, 2, &mut stop);
    assert_eq!((stopped, calls), (Err(BlockError::Stopped), 5));
}
