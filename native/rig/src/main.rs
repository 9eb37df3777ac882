//! Codes files with a design of the memory.

use kolmozip_core::block::{Recipe, decode_block, encode_block};
use kolmozip_core::memory::designs;
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::transform::x86;
use kolmozip_core::weights::Weights;
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (mut design, mut lanes, mut weights, mut back) = (&designs::FULL, 16, String::new(), false);
    let (mut megabytes, mut threads, mut calls) = (256, 1, false);
    let mut out = String::new();
    let mut files = vec![];
    for arg in &args {
        match arg.split_once('=') {
            Some(("design", value)) => design = designs::by_number(value.parse().unwrap()).unwrap(),
            Some(("lanes", value)) => lanes = value.parse().unwrap(),
            Some(("weights", value)) => weights = value.into(),
            Some(("decode", _)) => back = true,
            Some(("x86", value)) => calls = value == "1",
            Some(("mb", value)) => megabytes = value.parse().unwrap(),
            Some(("threads", value)) => threads = value.parse().unwrap(),
            Some(("out", value)) => out = value.into(),
            Some(_) => panic!("{arg}"),
            None => files.push(arg.clone()),
        }
    }
    let isa = Isa::choose(&std::env::var("KOLMOZIP_ISA").unwrap_or_default()).unwrap();
    let network = (!weights.is_empty())
        .then(|| Network::new(&Weights::read(&std::fs::read(&weights).unwrap()).unwrap(), isa));
    for path in &files {
        let mut data = std::fs::read(path).unwrap();
        if calls {
            x86(&mut data);
        }
        let stem = std::path::Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
        let recipe =
            Recipe { design, tables: megabytes, network: network.as_ref(), isa, lanes, threads };
        let start = Instant::now();
        let payload = encode_block(recipe, &data, &mut |_| true).unwrap();
        let time = start.elapsed().as_secs_f64() * 1e6 / data.len() as f64;
        if !out.is_empty() {
            std::fs::write(&out, &payload).unwrap();
        }
        let bits = 8.0 * payload.len() as f64 / data.len() as f64;
        print!("{stem:12} {:>9} {:>8} {bits:.4} {time:.2} us", data.len(), payload.len());
        if back {
            let start = Instant::now();
            let restored = decode_block(recipe, &payload, data.len(), &mut |_| true).unwrap();
            let time = start.elapsed().as_secs_f64() * 1e6 / data.len() as f64;
            assert!(restored == data, "{path} came back different");
            print!(", back {time:.2} us");
        }
        println!();
    }
}
