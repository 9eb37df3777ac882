//! Codes files with a design of the memory, and a network's evidence live or replayed.
#![forbid(unsafe_code)]

mod arguments;
mod evidence;
mod look;

use arguments::{Arguments, Task, USAGE};
use evidence::Evidence;
use kolmozip_core::block::{Beside, Recipe, decode_block, encode_block, explain_block};
use kolmozip_core::memory::hit::{self, Advice};
use kolmozip_core::memory::{Explained, Explainer, designs};
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::speculation::Speculate;
use kolmozip_core::weights::Weights;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Bytes of a block at most.
const MAX_BLOCK: usize = 1 << 27;
/// Where nobody names them.
const LANES: usize = 16;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let isa = Isa::choose(&std::env::var("KOLMOZIP_ISA").unwrap_or_default())?;
    let network = match &arguments.weights {
        None => None,
        Some(path) => {
            let weights = Weights::read(&read(path)?);
            let weights = weights.map_err(|error| format!("{}: {error}", path.display()))?;
            Some(Network::new(&weights, isa))
        }
    };
    let evidence = arguments.replay.as_deref().map(Evidence::read).transpose()?;
    for path in &arguments.files {
        let mut data = read(path)?;
        arguments.transform.apply(&mut data);
        let lanes = match (&evidence, arguments.lanes) {
            (Some(evidence), Some(lanes)) if lanes != evidence.lanes => {
                return Err(format!("the replay has {} lanes: leave lanes out", evidence.lanes));
            }
            (Some(evidence), _) => evidence.lanes,
            (None, lanes) => lanes.unwrap_or(LANES),
        };
        if !(lanes..=MAX_BLOCK).contains(&data.len()) {
            let path = path.display();
            return Err(format!(
                "{path}: a block in {lanes} lanes has {lanes} to {MAX_BLOCK} bytes"
            ));
        }
        if evidence.as_ref().is_some_and(|evidence| !evidence.is_of(&data)) {
            return Err(format!("the replay is not of {}: record it anew", path.display()));
        }
        let replay = |step: usize, row: &mut [i16]| {
            evidence.iter().for_each(|evidence| row.copy_from_slice(evidence.of_step(step)));
            true
        };
        let network = match evidence {
            Some(_) => Beside::Replay(&replay),
            None => network.as_ref().into(),
        };
        let (design, tables, threads) = (arguments.design, arguments.tables, arguments.threads);
        let recipe = Recipe {
            design,
            tables,
            network,
            isa,
            lanes,
            threads,
            prepared: None,
            speculate: Speculate::Usual,
        };
        match (arguments.task, &evidence) {
            (Task::Record, _) => record(recipe, &data, arguments.out.as_deref())?,
            (Task::Look, _) => look::look(recipe, &data, arguments.out.as_deref())?,
            (Task::Code, Some(evidence)) if arguments.hit > 0 => {
                for _ in 0..arguments.hit {
                    code(recipe, &data, path, arguments)?;
                    code_hits(recipe, evidence, &data, path, arguments.decode)?;
                }
            }
            (Task::Code, _) => code(recipe, &data, path, arguments)?,
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Keeps what the network says of every byte.
struct Recorder<'a> {
    evidence: Evidence,
    data: &'a [u8],
}

impl Explainer for Recorder<'_> {
    fn wants(&self, _: usize) -> bool {
        false
    }

    fn said(&mut self, place: usize, counts: &[i32]) {
        self.evidence.note(place, &Advice::new(counts, self.data[place]));
    }

    fn take(&mut self, _: Explained) {}

    fn cost(&mut self, _: usize, _: f64) {}
}

/// Writes what the network says of a text; which memory it is beside does not matter.
fn record(recipe: Recipe<'_>, data: &[u8], out: Option<&Path>) -> Result<(), String> {
    let mut recorder = Recorder { evidence: Evidence::new(data, recipe.lanes), data };
    let recipe = Recipe { design: &designs::LIGHT, tables: 1, ..recipe };
    explain_block(recipe, data, &mut recorder, &mut |_| true).expect("nothing stops the block");
    out.map_or(Ok(()), |out| recorder.evidence.write(out))
}

/// Seconds of this thread on a processor, where Linux tells; 0 elsewhere.
fn on_processor() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Microseconds a byte that something takes, by the clock and on the processor, and what it gives.
fn timed<T>(bytes: usize, what: impl FnOnce() -> T) -> (String, T) {
    let (start, before) = (Instant::now(), on_processor());
    let result = what();
    let a_byte = |seconds: f64| seconds * 1e6 / bytes as f64;
    let (wall, used) = (start.elapsed().as_secs_f64(), on_processor() - before);
    (format!("{:.2} us ({:.2} on the processor)", a_byte(wall), a_byte(used)), result)
}

/// Codes a text, and says what comes of it.
fn code(recipe: Recipe<'_>, data: &[u8], path: &Path, arguments: &Arguments) -> Result<(), String> {
    let (time, payload) = timed(data.len(), || {
        encode_block(recipe, data, &mut |_| true).expect("nothing stops the block")
    });
    if let Some(out) = &arguments.out {
        fs::write(out, &payload).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    tell(path, data, &payload, &time);
    if !arguments.decode {
        println!();
        return Ok(());
    }
    let (time, restored) =
        timed(data.len(), || decode_block(recipe, &payload, data.len(), &mut |_| true));
    compare(path, data, restored.ok(), &time)
}

/// The same by the memory that decides first whether the likeliest byte comes.
fn code_hits(
    recipe: Recipe<'_>,
    mut evidence: &Evidence,
    data: &[u8],
    path: &Path,
    decode: bool,
) -> Result<(), String> {
    let (time, payload) = timed(data.len(), || hit::encode(&recipe, &mut evidence, data));
    tell(Path::new(&format!("{}, hit", path.display())), data, &payload, &time);
    if !decode {
        println!();
        return Ok(());
    }
    let restore = || hit::decode(&recipe, &mut evidence, &payload, data.len());
    let (time, restored) = timed(data.len(), restore);
    compare(path, data, restored.ok(), &time)
}

fn tell(path: &Path, data: &[u8], payload: &[u8], time: &str) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bits = 8.0 * payload.len() as f64 / data.len() as f64;
    print!("{name:12} {:>9} {:>8} {bits:.4} {time}", data.len(), payload.len());
}

fn compare(path: &Path, data: &[u8], restored: Option<Vec<u8>>, time: &str) -> Result<(), String> {
    if restored.as_deref() != Some(data) {
        println!();
        return Err(format!("{} came back different", path.display()));
    }
    println!(", back {time}");
    Ok(())
}
