//! How fast is the network of kolmozip as a float32 forward pass on a general framework?
//!
//! Lanes of a text step one byte at a time, as a decoder must, and one JSON object on stdout says
//! how long that took. It also has checksums of the floats, which show what changes their bits.

mod network;

use std::error::Error;
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crc32fast::Hasher;
use kolmozip_core::shape::VOCABULARY;
use kolmozip_core::weights::Weights;
use network::{Lanes, Network};

const USAGE: &str = "usage: kolmozip-candle --weights FILE --text FILE --lanes N --bytes N \
                     --threads N [--batch N]";
/// How many threads Candle uses; it is read once, when the program starts.
const THREADS: &str = "RAYON_NUM_THREADS";
/// Every lane starts as if it had just read a space.
const FIRST_BYTE: u8 = b' ';

struct Arguments {
    weights: PathBuf,
    text: PathBuf,
    lanes: usize,
    bytes: usize,
    threads: usize,
    /// Lanes that step together: all, unless something else is asked for.
    batch: usize,
}

impl Arguments {
    fn read() -> Option<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let (pairs, rest) = words.as_chunks::<2>();
        let value = |name| pairs.iter().rfind(|pair| pair[0] == name).map(|pair| &pair[1]);
        let known = ["--weights", "--text", "--lanes", "--bytes", "--threads", "--batch"];
        if !rest.is_empty() || pairs.iter().any(|pair| !known.contains(&pair[0].as_str())) {
            return None;
        }
        let number = |name| value(name)?.parse().ok().filter(|&number: &usize| number > 0);
        let lanes = number("--lanes")?;
        Some(Self {
            weights: value("--weights")?.into(),
            text: value("--text")?.into(),
            lanes,
            bytes: number("--bytes")?,
            threads: number("--threads")?,
            batch: if value("--batch").is_some() { number("--batch")? } else { lanes },
        })
    }
}

/// Lanes that step together, and their part of the text.
struct Group<'a> {
    texts: Vec<&'a [u8]>,
    lanes: Lanes,
}

/// What is known of one lane's floats and counts.
#[derive(Clone, Default)]
struct Seen {
    logits: Hasher,
    evidence: Hasher,
    bits: f64,
}

/// The contiguous ranges of a text's lanes: the first `length % lanes` are one byte longer.
fn ranges(length: usize, lanes: usize) -> impl Iterator<Item = Range<usize>> {
    let (short, extra) = (length / lanes, length % lanes);
    (0..lanes).map(move |lane| {
        let start = lane * short + lane.min(extra);
        start..start + short + usize::from(lane < extra)
    })
}

/// Steps all lanes through their texts: what was seen of each lane, and the time it took.
fn measure(
    network: &Network,
    text: &[u8],
    arguments: &Arguments,
) -> candle_core::Result<(Vec<Seen>, Duration)> {
    let texts: Vec<&[u8]> = ranges(text.len(), arguments.lanes).map(|lane| &text[lane]).collect();
    let mut groups = Vec::new();
    for texts in texts.chunks(arguments.batch) {
        groups.push(Group { texts: texts.to_vec(), lanes: network.lanes(texts.len())? });
    }
    let mut seen = vec![Seen::default(); arguments.lanes];
    let mut time = Duration::ZERO;
    for at in 0..texts[0].len() {
        let mut seen = seen.iter_mut();
        for group in &mut groups {
            // A lane whose text is at its end steps on, but what it gives is not looked at.
            let before = |text: &&[u8]| if at == 0 { FIRST_BYTE } else { text[at - 1] };
            let bytes: Vec<u8> = group.texts.iter().map(before).collect();
            let start = Instant::now();
            let logits = network.step(&mut group.lanes, &bytes)?;
            let evidence = network::evidence(&logits)?;
            time += start.elapsed();
            let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
            let rows = logits.chunks(VOCABULARY).zip(evidence.chunks(VOCABULARY));
            for ((text, seen), (logits, evidence)) in group.texts.iter().zip(&mut seen).zip(rows) {
                if let Some(&byte) = text.get(at) {
                    seen.add(logits, evidence, byte);
                }
            }
        }
    }
    Ok((seen, time))
}

impl Seen {
    /// Adds what a lane gave for one byte, and which byte came.
    fn add(&mut self, logits: &[f32], evidence: &[u32], byte: u8) {
        for logit in logits {
            self.logits.update(&logit.to_bits().to_le_bytes());
        }
        for count in evidence {
            self.evidence.update(&count.to_le_bytes());
        }
        let sum: u32 = evidence.iter().sum();
        self.bits += (f64::from(sum) / f64::from(evidence[usize::from(byte)])).log2();
    }

    /// Lanes one after another, whatever the order was in which they were computed.
    fn all(lanes: &[Self]) -> Self {
        let mut all = Self::default();
        for lane in lanes {
            all.logits.combine(&lane.logits);
            all.evidence.combine(&lane.evidence);
            all.bits += lane.bits;
        }
        all
    }
}

/// The greatest memory that this process has had, where the system says it.
fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Candle does not say which version it is; the lock file does.
fn candle_version() -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let after = lock.split("name = \"candle-core\"\nversion = \"").nth(1);
    after.and_then(|text| text.split('"').next()).unwrap_or("unknown")
}

fn report(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let start = Instant::now();
    let network = Network::new(&Weights::read(&std::fs::read(&arguments.weights)?)?)?;
    let load = start.elapsed();
    let mut text = Vec::new();
    std::fs::File::open(&arguments.text)?.take(arguments.bytes as u64).read_to_end(&mut text)?;
    if text.len() < arguments.bytes {
        return Err(format!("the text has {} bytes only", text.len()).into());
    }
    let (seen, time) = measure(&network, &text, arguments)?;
    let Seen { logits, evidence, bits } = Seen::all(&seen);
    let (bytes, seconds) = (arguments.bytes as f64, time.as_secs_f64());
    let model = arguments.weights.file_stem().unwrap_or_default().to_string_lossy();
    let fields = [
        ("framework", "\"candle\"".into()),
        ("candle_version", format!("{:?}", candle_version())),
        ("model", format!("{model:?}")),
        ("lanes", arguments.lanes.to_string()),
        ("batch", arguments.batch.to_string()),
        ("bytes", arguments.bytes.to_string()),
        ("threads", arguments.threads.to_string()),
        ("seconds", format!("{seconds:.3}")),
        ("kb_per_s", format!("{:.2}", bytes / seconds / 1000.)),
        ("peak_rss_bytes", peak_rss().map_or("null".into(), |bytes| bytes.to_string())),
        ("bits_per_char", format!("{:.6}", bits / bytes)),
        ("logits_crc32", format!("\"{:08x}\"", logits.finalize())),
        ("evidence_crc32", format!("\"{:08x}\"", evidence.finalize())),
        ("load_seconds", format!("{:.3}", load.as_secs_f64())),
    ];
    let fields: Vec<String> = fields.map(|(name, value)| format!("\"{name}\": {value}")).into();
    Ok(format!("{{{}}}", fields.join(", ")))
}

/// Starts this program again with Candle's number of threads set, and ends as that one ends.
fn restart(threads: &str) -> Result<ExitCode, Box<dyn Error>> {
    let mut again = Command::new(std::env::current_exe()?);
    let status = again.args(std::env::args_os().skip(1)).env(THREADS, threads).status()?;
    Ok(ExitCode::from(status.code().map_or(1, |code| code as u8)))
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::read().ok_or(USAGE)?;
    if arguments.lanes > arguments.bytes {
        return Err("every lane needs a byte".into());
    }
    let threads = arguments.threads.to_string();
    if std::env::var(THREADS).is_ok_and(|set| set == threads) {
        println!("{}", report(&arguments)?);
        return Ok(ExitCode::SUCCESS);
    }
    restart(&threads)
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("kolmozip-candle: {error}");
        ExitCode::FAILURE
    })
}
