//! Codes files as one block each, and says how fast: `block_time WEIGHTS LANES ISA FILE [OUT]`.
use std::time::Duration;

/// Time on processors so far, which other programs do not stretch.
#[derive(Clone, Copy)]
struct Instant(f64);

impl Instant {
    fn now() -> Self {
        let mut total = 0.0;
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let stat = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            total += stat.split(' ').next().unwrap().parse::<f64>().unwrap();
        }
        Self(total / 1e9)
    }

    fn elapsed(self) -> Duration {
        Duration::from_secs_f64(Self::now().0 - self.0)
    }
}

use kolmozip_core::block::{decode_block, encode_block};
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::weights::Weights;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, lanes, isa, file] = &arguments[..4] else { panic!("four arguments") };
    let start = Instant::now();
    let weights = Weights::read(&std::fs::read(weights).unwrap()).unwrap();
    let read = start.elapsed();
    let network =
        Network::new(&weights, Isa::choose(if isa == "auto" { "" } else { isa }).unwrap());
    let packed = start.elapsed();
    let data = std::fs::read(file).unwrap();
    let lanes = lanes.parse().unwrap_or_else(|_| {
        1 << (usize::BITS - 1 - (data.len() / 4096).max(1).leading_zeros()).min(9)
    });
    let threads: usize = std::env::var("THREADS").map_or(1, |t| t.parse().unwrap());
    let mut go = |_| true;
    let wall = std::time::Instant::now();
    let encode = Instant::now();
    let payload = encode_block(&network, &data, lanes, threads, &mut go).unwrap();
    let encode = encode.elapsed().as_secs_f64();
    if let Some(out) = arguments.get(4) {
        std::fs::write(out, &payload).unwrap();
    }
    let rate = |seconds: f64| data.len() as f64 / 1000.0 / seconds;
    println!(
        "{} {lanes} lanes, {}: read {read:?}, packed {packed:?}, {} bytes, encode {encode:.2} s, {:.1} KB/s; wall {:.2} s",
        network.isa().name(),
        file,
        payload.len(),
        rate(encode),
        wall.elapsed().as_secs_f64()
    );
    if arguments.get(5).is_none() {
        let decode = Instant::now();
        let decoded =
            decode_block(&network, &payload, data.len(), lanes, threads, &mut go).unwrap();
        let decode = decode.elapsed().as_secs_f64();
        assert_eq!(decoded, data);
        println!("  decode {decode:.2} s, {:.1} KB/s", rate(decode));
    }
}
